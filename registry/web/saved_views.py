"""Saved views: names for the addresses of filtered lists, of the explorer and of the comparison of agencies.

A view belongs to a person or to an agency. An agency's view is shown to everybody who acts for the agency.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.clock import now
from registry.database import credential_queries as texts
from registry.database.driver import Reader, StoreError
from registry.i18n import _
from registry.model.definitions import MODEL
from registry.permissions import Action, Actor, role_needed
from registry.web.auth import current_path, resume_page
from registry.web.base import LOGIN, NO_STORE, StoreThreads, address, clean_input, signed_in
from registry.web.errors import UserError
from registry.web.form_data import read_form
from registry.web.list_query import ListQuery, ids_to_name
from registry.web.presenters import titles_of
from registry.web.queries import PageQueries
from registry.web.templating import page, plural
from schema.limits import paid

VIEWS = "/views"
MOST_VIEWS, MOST_SHOWN, LONGEST_NAME, LONGEST_PATH, MOST_AGENCIES = 50, 200, 80, 2_000, 50
PERSON, AGENCY = "person:", "agency:"
# The parameters of pages other than lists. The values of the first ones are ids of records.
OF_EXPLORER = (
    ("of", "from", "to", "impact", "sector", "area"),
    ("q", "by", "on", "layout", "bundle", "colour", "kinds", "hide"),
)
PARAMETERS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "/explore": OF_EXPLORER,
    "/shared": (("agency",), ("as-of",)),
}
LISTS = {f"/{kind.plural}": kind for kind in MODEL}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ViewAddress:
    """The address of a view: its path with only known parameters, and the ids of the records that it names."""

    path: str
    records: Sequence[str]

    @classmethod
    def read(cls, given: str) -> "ViewAddress":
        """Return the address that a form sends. Raises UserError unless it is a relative address of a page that has views."""
        sentence = _("Only lists, the explorer and the comparison of agencies can be saved as a view.")
        refused = UserError(sentence, VIEWS, _("Show the saved views"))
        try:
            parts = urlsplit(given)
        except ValueError:
            raise refused from None
        if parts.scheme or parts.netloc or len(given) > LONGEST_PATH or not given.isprintable():
            raise refused
        query = QueryParams(parts.query)
        if parts.path in LISTS:
            listed = ListQuery.of(LISTS[parts.path], query).from_the_start()
            return cls(listed.path(), [one for ids in ids_to_name(listed).values() for one in ids])
        if parts.path not in PARAMETERS:
            raise refused
        ids, others = PARAMETERS[parts.path]
        pairs = [(name, value) for name, value in query.multi_items() if name in (*ids, *others) and value]
        return cls(address(parts.path, pairs), list(dict.fromkeys(value for name, value in pairs if name in ids)))


@dataclass(frozen=True)
class SavedView:
    """A saved view. `visible` says whether the user may see every record that the address names."""

    id: str
    owner: str
    name: str
    path: str
    saved_by: str
    saved: str
    visible: bool

    @property
    def agency(self) -> str:
        """The id of the agency that owns the view, or "" for the view of a person."""
        return self.owner.removeprefix(AGENCY) if self.owner.startswith(AGENCY) else ""

    @property
    def page(self) -> str:
        """The path of the view's page, without parameters."""
        return urlsplit(self.path).path

    @property
    def page_label(self) -> str:
        """The name of the view's page."""
        kind = LISTS.get(self.page)
        return plural(kind.__name__) if kind else {"/explore": _("Explore")}.get(self.page, _("Compare agencies"))


@dataclass(frozen=True)
class PageViews:
    """What a page shows of saved views: the views of the page, and the owners for whom the user may save a view.

    `owners` maps the owners to their titles; `address` is the address to save.
    """

    views: Sequence[SavedView]
    owners: Mapping[str, str]
    address: str
    agencies: Mapping[str, str] = field(default_factory=dict)


class SavedViews:
    """Reads and changes the saved views of a user."""

    def __init__(self, graph: PageQueries, reader: Reader, threads: StoreThreads) -> None:
        self._graph, self._reader, self._threads = graph, reader, threads

    async def all(self, me: Actor) -> list[SavedView]:
        """Return the views that a user has: the user's own, and those of the user's agencies. Raises StoreError."""
        owners = [*_person(me), *(AGENCY + one for one in sorted(me.agencies))]
        (rows,) = await self._reader.read([texts.saved_views(owners, me, most=MOST_SHOWN)])
        return [SavedView(*row) for row in rows]

    async def for_page(self, me: Actor, path: str) -> PageViews:
        """Return what the page at a path, with its parameters, shows of saved views. Raises StoreError."""
        shown = [one for one in await self.all(me) if one.visible and one.page == urlsplit(path).path]
        own = sorted(me.agencies_for(Action.EDIT), key=lambda one: (one != me.default_agency, one))[:MOST_AGENCIES]
        titles = await self.titles([*own, *(one.agency for one in shown)], me)
        owners = {one: _("Only me") for one in _person(me)}
        owners |= {AGENCY + one: titles[one] for one in own if one in titles}
        return PageViews(shown, owners, path, titles)

    async def titles(self, agencies: Iterable[str], me: Actor) -> dict[str, str]:
        """Return the titles of agencies, by id. An empty id, that of a person, is left out. Raises StoreError."""
        ids = sorted({one for one in agencies if one})
        return await titles_of(self._graph, {"Agency": ids} if ids else {}, me)

    async def save(self, me: Actor, owner: str, name: str, given: str) -> SavedView:
        """Save a view under a name. A view of the same owner with this name is replaced. Raises UserError and StoreError."""
        if not may_change(me, owner):
            raise UserError(role_needed(Action.EDIT, _("the agency")), VIEWS, _("Show the saved views"), 403)
        if not name:
            raise UserError(_("Enter a name for the view."), VIEWS, _("Show the saved views"))
        view = ViewAddress.read(given)
        (seen,) = await self._reader.read([texts.count_visible(view.records, me)])
        if seen[0][0] < len(set(view.records)):
            sentence = _(
                "This address names a record that does not exist or that you cannot see, so it cannot be saved."
            )
            raise UserError(sentence, VIEWS, _("Show the saved views"))
        digest = hashlib.sha256(f"{owner}\n{name}".encode()).hexdigest()[:16]
        saved = SavedView(f"view:{digest}", owner, name, view.path, me.name, now(), visible=True)
        stored = {one: getattr(saved, one) for one in ("id", "owner", "name", "path", "saved_by", "saved")}
        write = texts.save_view(stored | {"records": list(view.records)}, most=MOST_VIEWS)
        if not (await self._threads.run(lambda store: store.write(write)))[0]:
            sentence = _("There are {n} saved views already. Delete one of them first.").format(n=MOST_VIEWS)
            raise UserError(sentence, VIEWS, _("Show the saved views"))
        return saved

    async def delete(self, me: Actor, one: str) -> None:
        """Delete a view. Raises HTTPException if the user may not delete it or does not have it, and StoreError."""
        view = next((view for view in await self.all(me) if view.id == one), None)
        if view is None or not may_change(me, view.owner):
            raise HTTPException(404)
        delete = texts.delete_view(one, [view.owner])
        await self._threads.run(lambda store: store.write(delete))


def may_change(me: Actor, owner: str) -> bool:
    """Return whether a user may save and delete the views of an owner."""
    return owner in _person(me) or owner in {AGENCY + one for one in me.agencies_for(Action.EDIT)}


def _person(me: Actor) -> list[str]:
    return [PERSON + me.name] if me.name else []


class SavedViewPages:
    """The page of all saved views, and the forms that save and delete a view."""

    def __init__(self, views: SavedViews) -> None:
        self._views = views

    def routes(self) -> list[Route]:
        """Return the routes of this page and its forms."""
        return [
            Route(VIEWS, self._page),
            Route(VIEWS, self._save, methods=["POST"]),
            Route(f"{VIEWS}/{{id}}/delete", self._delete, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        me = signed_in(request)
        if me is None:
            return _sign_in_first()
        views = await self._views.all(me)
        titles = await self._views.titles((one.agency for one in views), me)
        deletable = {one.id for one in views if may_change(me, one.owner)}
        response = page(request, "views.html", views=views, agencies=titles, deletable=deletable)
        response.headers.update(NO_STORE)
        return response

    async def _save(self, request: Request) -> Response:
        me = signed_in(request)
        if me is None:
            return await resume_page(request) or _sign_in_first()
        form = await read_form(request)
        name = clean_input(form.get("name", ""), LONGEST_NAME)
        view = await self._views.save(me, form.get("owner", ""), name, form.get("address", ""))
        return RedirectResponse(view.path, 303, NO_STORE)

    async def _delete(self, request: Request) -> Response:
        me = signed_in(request)
        if me is None:
            return await resume_page(request) or _sign_in_first()
        await self._views.delete(me, request.path_params["id"])
        return RedirectResponse(VIEWS, 303, NO_STORE)


def _sign_in_first() -> Response:
    return RedirectResponse(address(LOGIN, [("next", VIEWS)]), 303)


class SavedViewsMiddleware:
    """Middleware of pages that have views. For a signed-in user, it sets `views` in the scope."""

    def __init__(self, app: ASGIApp, views: SavedViews) -> None:
        self._app, self._views = app, views

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. If a signed-in browser asks for a page, read the user's views of this page first."""
        if scope["type"] == "http" and "text/html" in (request := Request(scope)).headers.get("accept", ""):
            me = signed_in(request)
            if me is not None and scope["path"] in (*LISTS, *PARAMETERS):
                try:
                    with paid():  # the request pays for its page only
                        scope["views"] = await self._views.for_page(me, current_path(request))
                except StoreError as error:
                    log.warning("%s", error)
        await self._app(scope, receive, send)
