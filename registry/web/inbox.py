"""The inbox page, and two parts of every page: the inbox badge and the notice about illustrative data."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from registry import i18n
from registry.clock import today
from registry.database import inbox
from registry.database.answer_cache import AnswerCache, Question
from registry.database.driver import Reader, Rows, StoreError
from registry.i18n import _
from registry.model.definitions import MAIN, MODEL
from registry.permissions import ANONYMOUS, Action, Actor, can
from registry.web.base import LOGIN, NO_STORE, address, record_path, signed_in
from registry.web.forms.records import renewal_path, soon_until
from registry.web.presenters import SOON_DAYS, StatusText, agreement_status, titles_of
from registry.web.queries import PageQueries
from registry.web.refusals import EDITABLE, may_register
from registry.web.templating import code_label, moment, page, shortened
from schema.limits import CostBudgetExceeded, paid

MOST, MOST_CHANGES = 50, 10


@dataclass(frozen=True)
class InboxItem:
    """A record in the inbox: its kind, title and path, a line of details, and the note of its last change.

    For an agreement that ends soon, `renewal` is the path of the form that renews it.
    """

    kind: str
    title: str
    path: str
    details: str = ""
    note: str = ""
    status: StatusText | None = None
    renewal: str = ""


@dataclass(frozen=True)
class InboxSection:
    """A section of the inbox. `waiting` is the number of its items that the user must act on."""

    name: str
    heading: str
    nothing: str
    items: Sequence[InboxItem]
    waiting: int = 0

    @property
    def full(self) -> int:
        """The maximum number of items in a section if this section has so many, otherwise 0."""
        return MOST if len(self.items) >= MOST else 0


@dataclass(frozen=True)
class InboxContext:
    """The user whose inbox is shown, and the database readers that find the inbox items."""

    graph: PageQueries
    reader: Reader
    me: Actor

    async def with_status(self, status: str, action: Action) -> list[tuple[str, str, str]]:
        """Return the records that have a status and on which the user may perform an action, newest first.

        Each record is given as kind, id and time.
        """
        if not self.me.is_admin and not self.me.agencies_for(action):
            return []
        me = self.me.parameter_for(action)
        answers = await self.reader.read([inbox.with_status(kind, status, me=me, size=MOST) for kind in EDITABLE])
        found = [(kind.__name__, *row) for kind, rows in zip(EDITABLE, answers, strict=True) for row in rows]
        return sorted(found, key=lambda one: str(one[2]), reverse=True)[:MOST]

    async def titles(self, records: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return the titles of records by id. `records` has the kind and the id of each record."""
        ids: dict[str, list[str]] = {}
        for kind, one in records:
            if kind in MODEL.kinds:
                ids.setdefault(kind, []).append(one)
        return await titles_of(self.graph, ids, self.me)

    async def items(self, kind: str, rows: Rows, text: str) -> list[InboxItem]:
        """Return the inbox items for records, given as id and time. In `text`, the time replaces the placeholder `{when}`."""
        titles = await self.titles([(kind, one) for one, _at in rows])
        return [
            InboxItem(
                kind,
                titles[one],
                record_path(kind, one),
                text.format(when=moment(at) if "T" in at else i18n.day(at)),
            )
            for one, at in rows
            if one in titles
        ]


async def proposed_records(context: InboxContext) -> InboxSection:
    """Return the proposed records that the user can approve."""
    found = await context.with_status("proposed", Action.APPROVE)
    titles = await context.titles([(kind, one) for kind, one, _at in found])
    items = [
        InboxItem(kind, titles[one], record_path(kind, one), _("submitted on {when}").format(when=moment(at)))
        for kind, one, at in found
        if one in titles
    ]
    return InboxSection(
        "approve", _("Waiting for your approval"), _("Nothing is waiting for your approval."), items, len(items)
    )


async def drafts(context: InboxContext) -> InboxSection:
    """Return the drafts of the user's agencies. Drafts that an approver sent back come first, with the approver's note."""
    found = await context.with_status("draft", Action.PROPOSE)
    titles, (events,) = await asyncio.gather(
        context.titles([(kind, one) for kind, one, _at in found]),
        context.reader.read([inbox.last_entries([one for _kind, one, _at in found])]),
    )
    last = {record: (what, note or "") for record, _number, what, note in _status_events(events)}
    back, rest = [], []
    for kind, one, at in found:
        if one in titles:
            path, (what, note) = record_path(kind, one), last.get(one, ("", ""))
            if what == "sent-back":
                back.append(InboxItem(kind, titles[one], path, _("sent back"), note))
            else:
                rest.append(InboxItem(kind, titles[one], path, _("changed on {when}").format(when=moment(at))))
    return InboxSection(
        "drafts", _("Drafts, including those sent back"), _("There are no drafts."), [*back, *rest], len(back)
    )


async def ending_agreements(context: InboxContext) -> InboxSection:
    """Return the expired or soon expiring agreements of the user's agencies. Agreements that have been renewed are left out."""
    day = today()
    found = inbox.expiring(sorted(context.me.agencies), until=soon_until(day), me=context.me.parameter(), size=MOST)
    (rows,) = await context.reader.read([found]) if context.me.agencies else ([],)
    titles = await context.titles([("Partnership", one) for one, *_others in rows])
    items = [
        InboxItem(
            "Partnership",
            titles[one],
            record_path("Partnership", one),
            status=agreement_status(
                {
                    "validFrom": None,
                    "validUntil": last,
                    "withheld": False,
                    "positions": [{"standing": "disputed"}] if disputed else [],
                },
                day,
            ),
            renewal=renewal_path(one) if can(context.me, Action.PROPOSE, {"steward": steward}) else "",
        )
        for one, last, steward, disputed in rows
        if one in titles
    ]
    ahead = sum(last >= day for _one, last, *_others in rows)
    heading = _("Agreements that have ended or end within {n} days").format(n=SOON_DAYS)
    return InboxSection("endings", heading, _("No agreement of your agencies ends soon."), items, ahead)


async def last_changes(context: InboxContext) -> InboxSection:
    """Return the records that the user changed last."""
    (rows,) = await context.reader.read([inbox.changes_by(context.me.name, size=MOST_CHANGES)])
    titles = await context.titles([(kind, one) for one, kind, _at, _what in rows])
    items = [
        InboxItem(kind, titles[one], record_path(kind, one), f"{code_label('change-kind', what)} · {moment(at)}")
        for one, kind, at, what in rows
        if one in titles
    ]
    return InboxSection("changes", _("Your last changes"), _("You have changed nothing yet."), items)


async def unconfirmed_agreements(context: InboxContext) -> InboxSection:
    """Return the agreements that wait for one of the user's agencies to confirm or dispute them."""
    agencies = sorted(context.me.agencies_for(Action.EDIT))
    text = inbox.unconfirmed(agencies, me=context.me.parameter(), size=MOST)
    (rows,) = await context.reader.read([text]) if agencies else ([],)
    items = await context.items("Partnership", rows, _("changed on {when}"))
    return InboxSection(
        "confirm",
        _("Agreements to confirm or dispute"),
        _("No agreements are waiting for your confirmation."),
        items,
        len(items),
    )


async def undecided_requests(context: InboxContext) -> InboxSection:
    """Return the undecided requests for resources of the user's agencies."""
    (rows,) = await context.reader.read([inbox.undecided(me=context.me.parameter_for(Action.ANSWER), size=MOST)])
    items = await context.items("Request", rows, _("requested on {when}"))
    return InboxSection(
        "requests", _("Requests to decide"), _("No requests are waiting for your decision."), items, len(items)
    )


async def unanswered_feedback(context: InboxContext) -> InboxSection:
    """Return the unanswered feedback on services of the user's agencies."""
    (rows,) = await context.reader.read([inbox.unanswered(me=context.me.parameter_for(Action.ANSWER), size=MOST)])
    items = [
        InboxItem(
            "Feedback",
            _("Received {day}").format(day=i18n.day(at)),
            record_path("Feedback", one),
            note=shortened(what or ""),
        )
        for one, at, what in rows
    ]
    return InboxSection(
        "feedback", _("Feedback to answer"), _("No feedback is waiting for your answer."), items, len(items)
    )


PARTS: tuple[Callable[[InboxContext], Awaitable[InboxSection]], ...] = (
    proposed_records, unconfirmed_agreements, undecided_requests, unanswered_feedback, drafts, ending_agreements, last_changes,
)  # fmt: skip


class Inbox:
    """The inbox page of the signed-in user."""

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    def routes(self) -> list[Route]:
        """Return the route of the inbox page."""
        return [Route("/inbox", self._page)]

    async def parts(self, me: Actor) -> list[InboxSection]:
        """Return all sections of a user's inbox. Raises StoreError."""
        context = InboxContext(self._graph, self._reader, me)
        return list(await asyncio.gather(*(part(context) for part in PARTS)))

    async def _page(self, request: Request) -> Response:
        me = signed_in(request)
        if me is None:
            return RedirectResponse(address(LOGIN, [("next", "/inbox")]), 303)
        parts = sorted(await self.parts(me), key=lambda part: (not part.waiting, not part.items))
        registered = MAIN if may_register(me) else ()
        response = page(request, "inbox.html", parts=parts, registered=registered)
        response.headers.update(NO_STORE)
        return response


def _status_events(events: Rows) -> Rows:
    """Return the audit events that changed the status of a record. Edits of a draft are left out."""
    return [one for one in events if one[2] != "changed"]


BadgeCount = tuple[int, bool]  # the number of items, and whether there may be more items
NOTHING: BadgeCount = (0, False)
ILLUSTRATIVE = """query Illustrative {
  sources(where: {illustrative: {eq: true}}, order: [{name: ASC}], first: 20) { nodes { name } }
}
"""
log = logging.getLogger(__name__)


class InboxBadge:
    """Counts the inbox items that a user must act on."""

    def __init__(self, inbox: Inbox, reader: Reader, answers: AnswerCache) -> None:
        self._inbox, self._reader, self._answers = inbox, reader, answers

    async def count(self, me: Actor) -> BadgeCount:
        """Return the number of inbox items. If the database does not respond or the user's cost budget is used up, return 0."""

        async def count() -> BadgeCount:
            parts = await self._inbox.parts(me)
            return sum(part.waiting for part in parts), any(part.full and part.waiting for part in parts)

        try:
            return await self._answers.exact(Question(("inbox", me), None, count, today()), self._reader)
        except StoreError as error:
            log.warning("%s", error)
            return NOTHING
        except CostBudgetExceeded:  # the request itself may cost nothing, so the page is shown without the badge
            return NOTHING


class IllustrativeNotice:
    """Finds the sources of illustrative (invented) records."""

    def __init__(self, graph: PageQueries, reader: Reader, answers: AnswerCache) -> None:
        self._graph, self._reader, self._answers = graph, reader, answers
        self._names: tuple[str, ...] = ()

    async def sources(self) -> tuple[str, ...]:
        """Return the names of the sources of illustrative records. If the database does not respond, return the names read last."""

        async def read() -> tuple[str, ...]:
            with paid():
                found = (await self._graph.ask(ILLUSTRATIVE, {}, ANONYMOUS))["sources"]["nodes"]
            return tuple(one["name"] for one in found)

        try:
            question = Question("illustrative", frozenset({"Source"}), read)
            self._names = await self._answers.exact(question, self._reader, recent=True)
        except StoreError as error:
            log.warning("%s", error)
        return self._names


class LayoutMiddleware:
    """Middleware of page routes that reads what every page shows.

    The middleware sets `waiting`, `waiting_more` (the inbox badge) and `illustrative` (the notice) in the scope.
    """

    def __init__(self, app: ASGIApp, badge: InboxBadge, notice: IllustrativeNotice) -> None:
        self._app, self._badge, self._notice = app, badge, notice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. If a browser asks for a page, read the inbox badge and the notice first."""
        if scope["type"] == "http" and "text/html" in (request := Request(scope)).headers.get("accept", ""):
            if me := signed_in(request):
                scope["waiting"], scope["waiting_more"] = await self._badge.count(me)
            scope["illustrative"] = await self._notice.sources()
        await self._app(scope, receive, send)
