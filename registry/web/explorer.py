"""The page of the explorer, a drawing of linked records, and the data that its scripts need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry.database.driver import StoreError
from registry.explore.impact import STOPPABLE
from registry.explore.paths import PHRASES, phrase
from registry.i18n import _, language, ngettext
from registry.model.codelists import code_list
from registry.model.definitions import MAIN, MODEL
from registry.model.kinds import Kind
from registry.model.values import Date
from registry.permissions import Actor
from registry.web.base import actor_of, clean_input
from registry.web.errors import RETRY_SOON, store_failure
from registry.web.queries import PageQueries, operation
from registry.web.templating import page, term_label
from schema.types import camel

MOST_DRAWN = 2_000
OPERATIONS = ("neighbourhood", "paths", "impact", "ties", "record")
COMMON_CODES = frozenset({"access", "status"})


def script_data(known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the data that the scripts of the explorer need.

    `known` is the query result that the page already shows. The query result includes the id of the central record.
    """
    return {
        "language": language(),
        "most": MOST_DRAWN,
        "known": known,
        "operations": {name: operation(name) for name in OPERATIONS},
        "kinds": {kind.__name__: _kind(kind) for kind in MODEL},
        "links": {link: [phrase(link, forward=True), phrase(link, forward=False)] for link in PHRASES},
        "codes": {name: _labels(name) for name in sorted(_code_lists())},
        "texts": script_texts(),
    }


def _kind(kind: type[Kind]) -> dict[str, Any]:
    return {
        "one": kind_names()[kind.__name__],
        "path": kind.plural,
        "first": kind.__name__ in MAIN,
        "stops": kind.__name__ in STOPPABLE,
        "codes": {camel(name): codes for name, codes in _codes(kind)},
        "days": [camel(one.name) for one in kind.properties.values() if issubclass(one.value, Date)],
    }


def _codes(kind: type[Kind]) -> Iterator[tuple[str, str]]:
    """Yield the name of each property that holds a code, with the name of its code list."""
    for one in kind.properties.values():
        if one.codes and one.name not in COMMON_CODES:
            yield one.name, one.codes


def _code_lists() -> set[str]:
    return {codes for kind in MODEL for _name, codes in _codes(kind)}


def _labels(name: str) -> dict[str, str]:
    return {code: getattr(entry, f"label_{language()}") for code, entry in code_list(name).items()}


def kind_names() -> dict[str, str]:
    """Return the singular noun for each kind of record, by kind."""
    return {kind.__name__: _(kind.__name__) for kind in MODEL}


def script_texts() -> dict[str, str | list[str]]:
    """Return the texts that the scripts show, by key. For a text with a number, the value is a list: singular form, plural form."""
    one, several = (_counted_texts(count) for count in (1, 2))
    return {**_texts(), **{key: [one[key], several[key]] for key in one}}


def _counted_texts(count: int) -> dict[str, str]:
    """Return the texts that contain a number `{n}`, in the grammatical form for `count`."""
    return {
        "records": ngettext("{n} record", "{n} records", count),
        "links": ngettext("{n} link", "{n} links", count),
        "groups": ngettext("{n} group", "{n} groups", count),
        "pairs": ngettext("{n} pair of agencies", "{n} pairs of agencies", count),
        "left_out": ngettext(
            "{n} link to other records is not shown. Expand a record to see its links.",
            "{n} links to other records are not shown. Expand a record to see its links.",
            count,
        ),
        "not_current": ngettext(
            "{n} link that has ended or not started on that day is not shown.",
            "{n} links that have ended or not started on that day are not shown.",
            count,
        ),
        "expanded": ngettext("{name} is expanded: {n} more record.", "{name} is expanded: {n} more records.", count),
    }


def _texts() -> dict[str, str]:
    return {
        "shown": _("Shown: {records}, {links}."),
        "groups_shown": _("Shown: {records}, {links} between them."),
        "clustered": _("{n} records and links are too many to show, so they are grouped. Open a group, or use the filters."),
        "loading": _("Loading…"),
        "selected": _("{name} is selected."),
        "collapsed": _("{name} is collapsed."),
        "copied": _("Link copied."),
        "not_copied": _("This browser does not allow copying. The link is selected: copy it yourself."),
        "UNAVAILABLE": _("The registry is not responding. Try again soon. The view has not changed."),
        "TOO_COSTLY": _("This request is too large. Select fewer records. The view has not changed."),
        "REFUSED": _("The request failed. The view has not changed."),
        "NOT_ALLOWED": _("Your session has ended. The view has not changed."),
        "sign_in": _("Sign in again"),
        "NOT_FOUND": _("This record does not exist, or you have no access to it."),
        "expand": _("Expand"),
        "collapse": _("Collapse"),
        "more": _("{n} more"),
        "open_record": _("Open the record"),
        "open_group": _("Open the group"),
        "impact": _("What is affected if this record becomes unavailable?"),
        "path_from": _("Find a path from this record"),
        "path_to": _("Find a path from {name} to this record"),
        "back": _("Back to the neighbourhood"),
        "lost": _("stops"),
        "degraded": _("works less well"),
        "stops_first": _("is assumed to stop"),
        "impact_of": _("If {name} stops"),
        "impact_sum": _("Would stop: {lost}. Would work less well: {degraded}."),
        "impact_none": _("No record that you have access to depends on it."),
        "paths_of": _("From {from} to {to}"),
        "paths_none": _("No path of at most six links was found among the records that you have access to."),
        "hidden": _("not shown"),
        "links_withheld": _("Not everything is shown: you have access only to the summary of some of these records."),
        "choose_other": _("Now select the end of the path."),
        "all": _("all"),
        "no_sector": _("no sector recorded"),
        "withheld": _("You can view its summary only. Ask its steward for access to the rest."),
        "steward": _("Steward"),
        "linked_to": _("Links to records in this view"),
        "validFrom": _("from {day}"),
        "validUntil": _("until {day}"),
        "tie": _("{pairs}; agreements: {partnerships}, services: {services}, uses: {uses}"),
        "within": _("within the group"),
        "graph": _(
            "Graph of {records}. Use the arrow keys to move, Enter to expand, Escape to clear the selection."
            " The table shows the same records."
        ),
        "file": _("graph"),
        "byWhen": _("needed by {day}"),
        "received": _("received on {day}"),
        "answered": _("answered on {day}"),
        "on": _("stated on {day}"),
    }  # fmt: skip


FOUND = 20
Data = Mapping[str, Any]


@dataclass(frozen=True)
class LinkText:
    """A link between two records as text: a record, a phrase such as "provides", and the other record.

    Each record has kind, id and name.
    """

    start: Data
    phrase: str
    end: Data


class Explorer:
    """The page of the explorer."""

    def __init__(self, graph: PageQueries) -> None:
        self._graph = graph

    async def explore(self, request: Request) -> Response:
        """Show the neighbourhood of the record `?of=`, or the records found by the search `?q=`, or a start page."""
        of, text = _first(request, "of"), _first(request, "q")
        try:
            known = await self._known(of, text, actor_of(request))
        except StoreError as error:
            response = _page(request, of, text, {}, 503, sentence=store_failure(error))
            response.headers.update(RETRY_SOON)
            return response
        missing = bool(of) and known.get("neighbourhood") is None
        return _page(request, of, text, known, 404 if missing else 200)

    async def _known(self, of: str, text: str, me: Actor) -> Data:
        near = await self._ask("neighbourhood", {"of": of}, me) if of else {}
        if near.get("neighbourhood"):
            return near
        start = await self._ask("start", {}, me)
        return {**start, **await self._ask("search", {"text": text, "first": FOUND}, me)} if text else start

    async def _ask(self, name: str, variables: Data, me: Actor) -> Data:
        return await self._graph.ask(operation(name), variables, me)


def _first(request: Request, name: str) -> str:
    """Return the first value of a query parameter, cleaned. If the URL does not have the parameter, return ""."""
    values = request.query_params.getlist(name)
    return clean_input(values[0]) if values else ""


def link_texts(neighbourhood: Data) -> Iterator[LinkText]:
    """Yield the links of a neighbourhood as text. Links of the central record come first."""
    records = {one["record"]["id"]: one["record"] for one in neighbourhood["nodes"]}
    centre = next(iter(records))
    for link in sorted(neighbourhood["links"], key=lambda one: centre not in (one["from"], one["to"])):
        near, far = ("to", "from") if link["to"] == centre else ("from", "to")
        yield LinkText(records[link[near]], phrase(link["link"], forward=near == "from"), records[link[far]])


def _page(request: Request, of: str, text: str, known: Data, status: int, sentence: str = "") -> Response:
    near = known.get("neighbourhood")
    values = {
        "of": of,
        "q": text,
        "sentence": sentence,
        "near": near,
        "links": link_texts(near) if near else (),
        "found": known["search"]["nodes"] if "search" in known else None,
        "sectors": known["sectors"]["nodes"] if "sectors" in known else (),
        "term_label": term_label,
        "given": script_data({"of": of, "neighbourhood": near} if near else None),
    }
    return page(request, "explore.html", status, **values)
