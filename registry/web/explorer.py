"""The page of the explorer, a drawing of linked records, and the data that its scripts need."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry.clock import today
from registry.database.driver import Reader, StoreError
from registry.explore import ExploreContext
from registry.explore.impact import STOPPABLE, WALKED, Narrowing
from registry.explore.impact import impact as find_impact
from registry.explore.paths import PHRASES, phrase
from registry.i18n import _, language, ngettext, number
from registry.model.codelists import code_list
from registry.model.definitions import MAIN, MODEL
from registry.model.kinds import Kind, snake
from registry.model.values import Date
from registry.permissions import Actor
from registry.web.base import actor_of, address, clean_input
from registry.web.errors import RETRY_SOON, store_failure
from registry.web.form_data import csv_file
from registry.web.queries import PageQueries, operation
from registry.web.refusals import may_register
from registry.web.templating import page, term_label
from schema.limits import PAGE
from schema.types import camel

MOST_DRAWN = 2_000
MOST_LISTED = (
    100  # the most affected records of a kind that an impact lists; `impact.graphql` uses this default of the field
)
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
            "{n} link is not shown, because it has ended, has not started on that day, or a party disputes it.",
            "{n} links are not shown, because they have ended, have not started on that day, or a party disputes them.",
            count,
        ),
        "bundled": ngettext(
            "{n} record is in a bundle. Open the bundle in the graph or in the list.",
            "{n} records are in bundles. Open a bundle in the graph or in the list.",
            count,
        ),
        "links_ended": ngettext(
            "{n} link of this record is not shown: it has ended, has not started on that day, or a party disputes it.",
            "{n} links of this record are not shown: they have ended, have not started on that day, or a party disputes them.",
            count,
        ),
        "impact_unplaced": ngettext(
            "{n} affected record does not match the filter because you can see no sector or area of it.",
            "{n} affected records do not match the filter because you can see no sector or area of them.",
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
        "impact_sum": _("Services and resources that would stop: {lost}. That would work less well: {degraded}."),
        "impact_none": _("No record that you have access to depends on it."),
        "impact_cut": _("Only {n} of these records are listed. Use the filters to list fewer, or download all of them as CSV."),
        "impact_filtered": _("The filters show {shown} of {all} affected records."),
        "impact_csv": _("Download as CSV"),
        "listed": _("Shown in the graph"),
        "several_roles": _("linked in several ways"),
        "to_list": _("Back to the list"),
        "groups_none": _("No links between these groups are recorded that you have access to. Choose other groups, or a record."),
        "start_again": _("Choose where to start"),
        "filtered_out": _("No linked record matches the filters."),
        "clear_filters": _("Remove all filters"),
        "links_hidden": _("The links of this record are not shown: you have access only to its summary. Ask its steward for access."),
        "links_none": _("No links of this record are recorded that you have access to. Open the record to see its details."),
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


Data = Mapping[str, Any]
AFFECTED = ("services", "resources", "agencies", "areas")
CSV_COLUMNS = ("kind", "id", "name", "effect", "links", "reason", "sectors", "areas", "withheld")


@dataclass(frozen=True)
class ImpactRow:
    """A record of an impact: the record that is assumed to stop (state `first`), or an affected record (`lost` or `degraded`).

    `links` is the number of links from the record that stops. `sectors` and `areas` map ids to labels.
    """

    kind: str
    id: str
    name: str
    state: str
    links: int
    reason: str
    sectors: Mapping[str, str]
    areas: Mapping[str, str]


def impact_rows(impact: Data) -> list[ImpactRow]:
    """Return the record that is assumed to stop, then the affected records: first those that stop, then those that work less well."""
    hits = [one for group in AFFECTED for one in impact[group]]
    rows = [_impact_row(one["record"], "lost" if one["lost"] else "degraded", one) for one in hits]
    return [_impact_row(impact["record"], "first"), *sorted(rows, key=lambda row: row.state != "lost")]


def affected_count(totals: Sequence[Data]) -> int:
    """Return the number of affected records that the totals of an impact count."""
    return sum(one["lost"] + one["degraded"] for one in totals)


def exceeds_page(impact: Data) -> bool:
    """Return whether a record affects too many records to list them all, with or without filters."""
    return any(one["lost"] + one["degraded"] > MOST_LISTED for one in impact["totals"])


def _impact_row(record: Data, state: str, hit: Data | None = None) -> ImpactRow:
    links, reason = (len(hit["chain"]), hit["text"]) if hit else (0, "")
    kind = record["__typename"]
    of_agencies = [term for owner in record.get("owners") or () for term in owner["sectors"]]
    areas = [*((record,) if kind == "Area" else ()), *(record.get("areas") or ())]
    sectors = [*(record.get("sectors") or ()), *of_agencies]
    return ImpactRow(kind, record["id"], term_label(record), state, links, reason, _terms(sectors), _terms(areas))


def _terms(terms: Sequence[Data]) -> dict[str, str]:
    return {term["id"]: term_label(term) for term in terms}


@dataclass(frozen=True)
class ImpactQuery:
    """The query parameters of an impact: the record that is assumed to stop, a day, and filters.

    If `kinds` is None, records of all kinds are shown.
    """

    of: str
    on: str = ""
    sector: str = ""
    area: str = ""
    kinds: tuple[str, ...] | None = None

    @classmethod
    def read(cls, request: Request) -> "ImpactQuery":
        """Return the impact query of a URL. The parameter `kinds` occurs several times, or once with spaces between its values."""
        kinds = clean_input(" ".join(request.query_params.getlist("kinds")), None).split()
        known = tuple(kind for kind in kind_names() if kind in kinds)
        of, on, sector, area = (_first(request, name) for name in ("impact", "on", "sector", "area"))
        return cls(of, on, sector, area, known if "kinds" in request.query_params else None)

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the GraphQL operation, without the filters."""
        return {"of": self.of, "day": self.on or None}

    @property
    def filters(self) -> dict[str, Any]:
        """The variables of the GraphQL operation that narrow the affected records."""
        kinds = None if self.kinds is None else [snake(kind).upper() for kind in self.kinds]
        return {"kinds": kinds, "sector": self.sector or None, "area": self.area or None}

    @property
    def filtered(self) -> bool:
        """Whether a filter is set."""
        return bool(self.sector or self.area or self.kinds is not None)

    def shows(self, row: ImpactRow) -> bool:
        """Return whether a row passes the filters. The record that is assumed to stop always does."""
        fits = (self.kinds is None or row.kind in self.kinds, self.sector in ("", *row.sectors))
        return row.state == "first" or (all(fits) and self.area in ("", *row.areas))

    def path(self, path: str) -> str:
        """Return a path with this query."""
        pairs = {"impact": self.of, "on": self.on, "sector": self.sector, "area": self.area}
        kinds = [] if self.kinds is None else [("kinds", " ".join(self.kinds))]
        return address(path, [*((name, value) for name, value in pairs.items() if value), *kinds])


@dataclass
class ImpactTable:
    """The impact of a record as a table for pages without scripts: the query, the answer, and all sectors and areas.

    If the registry applied the filters, `narrowed` is set; otherwise the table applies them to the rows of the answer. `every_term`
    is None if all affected records are listed.
    """

    query: ImpactQuery
    answer: Data
    narrowed: bool = False
    every_term: Data | None = None

    def __post_init__(self) -> None:
        """Compute the rows of the answer, those that pass the filters, and the number of affected records."""
        self.known = impact_rows(self.answer)
        self.rows = [row for row in self.known[1:] if self.query.shows(row)]
        self.count = affected_count(self.answer["totals"])

    @property
    def sentences(self) -> list[str]:
        """What the table shows, and what it leaves out."""
        texts, totals = _texts(), [one for one in self.answer["totals"] if one["kind"] in WALKED]
        counts = {state: number(sum(one[state] for one in totals)) for state in ("lost", "degraded")}
        none = [] if self.count or self.answer["withheld"] else [texts["impact_none"]]
        found = [texts["impact_sum"].format(**counts)] if self.count else none
        matching = affected_count(self.answer["matching"]) if self.narrowed else len(self.rows)
        filtered = [texts["impact_filtered"].format(shown=number(matching), all=number(self.count))]
        is_cut = self.every_term and affected_count(self.answer["matching"]) > len(self.rows)
        cut = [texts["impact_cut"].format(n=number(len(self.rows)))] if is_cut else []
        unseen = [texts["links_withheld"]] if self.answer["withheld"] else []
        return [*found, *(filtered if self.query.filtered and self.count else []), *self._unplaced(), *cut, *unseen]

    def _unplaced(self) -> list[str]:
        names = [name for name, wanted in (("sectors", self.query.sector), ("areas", self.query.area)) if wanted]
        placed = [row for row in self.known[1:] if row.kind != "Area"]
        unplaced = sum(1 for row in placed if any(not getattr(row, name) for name in names))
        count = self.answer["unplaced"] if self.narrowed else unplaced
        return [_counted_texts(count)["impact_unplaced"].format(n=number(count))] if count else []

    @property
    def kinds(self) -> list[str]:
        """The kinds of the affected records."""
        return [one["kind"] for one in self.answer["totals"] if affected_count([one])]

    def terms(self, name: str) -> list[tuple[str, str]]:
        """Return the sectors or areas of the affected records, sorted by label. A filter that fits no record is included.

        If not all affected records are listed, return all sectors or areas.
        """
        wanted = getattr(self.query, name.removesuffix("s"))
        found = {wanted: wanted} if wanted else {}
        for row in self.known[1:]:
            found |= getattr(row, name)
        found |= _terms(self.every_term[name]["nodes"]) if self.every_term else {}
        return sorted(found.items(), key=lambda term: term[1].casefold())


FOUND, MOST, BATCHES = 20, 12, 5


@dataclass(frozen=True)
class MostLinked:
    """The agencies with the most links or the resources with the most users, each with its number of links or users.

    `read` is the number of records that were compared. If `all_read` is false, the registry has more.
    """

    records: Sequence[tuple[Data, int]]
    read: int
    all_read: bool


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

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    def routes(self) -> list[Route]:
        """Return the routes: the page, and the CSV file of an impact."""
        return [Route("/explore", self._explore), Route("/explore/impact.csv", self._impact_csv)]

    async def _explore(self, request: Request) -> Response:
        """Show the neighbourhood of `?of=`, the impact of `?impact=`, the records found by `?q=`, or a start page."""
        of, text, query = _first(request, "of"), _first(request, "q"), ImpactQuery.read(request)
        try:
            known = await self._known(of, text, query, actor_of(request))
        except StoreError as error:
            response = _page(request, of, text, query, {}, 503, sentence=store_failure(error))
            response.headers.update(RETRY_SOON)
            return response
        shown = known.get("impact" if query.of else "neighbourhood")
        return _page(request, of, text, query, known, 404 if (of or query.of) and shown is None else 200)

    async def _impact_csv(self, request: Request) -> Response:
        """Return the impact of `?impact=` as CSV: the rows that the page shows with the same parameters."""
        query, me = ImpactQuery.read(request), actor_of(request)
        impact = (await self._ask("impact", query.variables, me))["impact"] if query.of else None
        if impact is None:
            raise HTTPException(404)
        rows = self._all_rows(query, impact, me)
        return csv_file(request, "impact", csv_lines(query, rows, withheld=impact["withheld"]))

    async def _all_rows(self, query: ImpactQuery, first: Data, me: Actor) -> AsyncIterator[ImpactRow]:
        """Yield all rows of an impact. If it has more affected records than a page lists, only `first` is taken from the answer."""
        if not exceeds_page(first):
            for row in impact_rows(first):
                yield row
            return
        narrowing = Narrowing(query.kinds, query.sector or None, query.area or None)
        context = ExploreContext(self._reader.read, me)
        found = await find_impact(context, query.of, query.on or today(), first=None, narrowing=narrowing)
        yield _impact_row(first["record"], "first")
        hits = [hit for name in AFFECTED for hit in getattr(found, name)] if found else []
        hits.sort(key=lambda hit: not hit.lost)
        for start in range(0, len(hits), PAGE):
            batch = hits[start : start + PAGE]
            nodes = (await self._ask("impact_records", {"ids": [hit.record for hit in batch]}, me))["nodes"]
            for hit, record in zip(batch, nodes, strict=True):
                if record is not None:
                    yield _impact_row(
                        record, "lost" if hit.lost else "degraded", {"chain": hit.chain, "text": hit.text}
                    )

    async def _known(self, of: str, text: str, query: ImpactQuery, me: Actor) -> Data:
        if query.of:
            found = await self._impact(query, me)
        else:
            found = await self._ask("neighbourhood", {"of": of}, me) if of else {}
        if any(found.values()):
            return found
        start = await self._ask("start", {}, me)
        if not start["sectors"]["nodes"]:
            start = {
                **start,
                "resources": await self._most("resources", me),
                "agencies": await self._most("agencies", me),
            }
        return {**start, **await self._ask("search", {"text": text, "first": FOUND}, me)} if text else start

    async def _impact(self, query: ImpactQuery, me: Actor) -> Data:
        """Return the answer to an impact query. If it cannot list all affected records, apply the filters to all of them."""
        found = await self._ask("impact", query.variables | query.filters, me)
        if not found["impact"] or not exceeds_page(found["impact"]):
            return await self._ask("impact", query.variables, me) if query.filtered else found
        return {**found, "narrowed": query.filtered, "terms": await self._ask("terms", {}, me)}

    async def _most(self, plural: str, me: Actor) -> MostLinked:
        counted: list[tuple[Data, int]] = []
        read, after = 0, None
        for _batch in range(BATCHES):
            found = (await self._ask(f"most_{plural}", {"after": after}, me))[plural]
            read += len(found["nodes"])
            links = ((one, sum(one[name] or 0 for name in one if name.endswith("Count"))) for one in found["nodes"])
            counted = sorted(
                [*counted, *(pair for pair in links if pair[1])], key=lambda pair: (-pair[1], pair[0]["name"])
            )[:MOST]
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                return MostLinked(counted, read, all_read=True)
        return MostLinked(counted, read, all_read=False)

    async def _ask(self, name: str, variables: Data, me: Actor) -> Data:
        return await self._graph.ask(operation(name), variables, me)


async def csv_lines(
    query: ImpactQuery, rows: AsyncIterator[ImpactRow], *, withheld: bool
) -> AsyncIterator[tuple[Any, ...]]:
    """Yield the lines of the CSV file of an impact: the headings, the record that is assumed to stop, and the affected records.

    `withheld` says in each line whether more records may be affected, which the user may not see.
    """
    yield CSV_COLUMNS
    async for row in rows:
        if query.shows(row):
            effect = "stopped" if row.state == "first" else row.state
            terms = (list(row.sectors.values()), list(row.areas.values()))
            yield (row.kind, row.id, row.name, effect, row.links, row.reason, *terms, withheld)


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


def no_links(neighbourhood: Data) -> str:
    """Return why a neighbourhood has no links, and what the user can do. If it has links, return ""."""
    if neighbourhood["links"]:
        return ""
    if neighbourhood["withheld"] or any(one["more"] is None for one in neighbourhood["nodes"]):
        return _texts()["links_hidden"]
    ended = neighbourhood["notCurrent"]
    return _counted_texts(ended)["links_ended"].format(n=number(ended)) if ended else _texts()["links_none"]


def _page(
    request: Request, of: str, text: str, query: ImpactQuery, known: Data, status: int, sentence: str = ""
) -> Response:
    near, impact = known.get("neighbourhood"), known.get("impact")
    given = {"of": of, "neighbourhood": near} if near else None
    if impact and not known.get("narrowed"):
        given = {"of": query.of, "day": query.on, "impact": impact}
    values = {
        "of": of or query.of,
        "q": text,
        "sentence": sentence,
        "near": near,
        "links": link_texts(near) if near else (),
        "nothing": no_links(near) if near else "",
        "stoppable": STOPPABLE,
        "impact": ImpactTable(query, impact, known.get("narrowed", False), known.get("terms")) if impact else None,
        "found": known["search"]["nodes"] if "search" in known else None,
        "sectors": known["sectors"]["nodes"] if "sectors" in known else (),
        "most": {name: known.get(name) for name in ("resources", "agencies")},
        "registering": may_register(actor_of(request)),
        "term_label": term_label,
        "given": script_data(given),
    }
    return page(request, "explore.html", status, **values)
