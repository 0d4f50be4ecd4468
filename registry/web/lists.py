"""Lists of records, with filters, order, facets and paging, as HTML, JSON and CSV."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry.clock import today
from registry.database.answer_cache import PATIENCE, AnswerCache, Latest
from registry.database.driver import Reader
from registry.i18n import _, number
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind
from registry.model.values import Date, Flag
from registry.permissions import Actor
from registry.web.base import actor_of, graphiql_path, list_path, other_end, param
from registry.web.errors import UserError
from registry.web.form_data import csv_file, json_file
from registry.web.list_query import (
    COUNTED,
    ListFilter,
    ListQuery,
    count_variables,
    counts_operation,
    ids_to_name,
    list_operation,
    own_filters,
    page_variables,
    rows_operation,
    sorts_of,
    total_name,
)
from registry.web.presenters import (
    Data,
    RecordSummary,
    StatusText,
    agreement_status,
    linked_records,
    record_summary,
    titles_of,
    value_text,
)
from registry.web.queries import COMMON as COMMON_SELECTION
from registry.web.queries import (
    TITLE_FACTS,
    PageQueries,
    computed_properties,
    counted_links,
    fact_properties,
    main_links,
)
from registry.web.refusals import EDITABLE, may_register
from registry.web.templating import code_label, label, page, property_text, term_label
from schema.limits import EXPORT_COST, PAGE, TOTAL_COST, paid, pay
from schema.schema import facets_of
from schema.types import CLOSED_LISTS, camel

AT_ONCE, MOST_CELLS, MOST_COLUMNS = 8, 2, 6
LabelsById = Mapping[str, str]


@dataclass(frozen=True)
class ListRow:
    """A row of a list: a record and its cells."""

    record: RecordSummary
    withheld: bool
    cells: list[Cell]


@dataclass(frozen=True)
class Cell:
    """A table cell: a text, records, a count, or a status.

    If `whole` is set, the text is kept on one line. A cell with records also has the number of records that are not shown. A cell
    with a count also has a path. `withheld` says that the cell is empty because the user may not see its value. `sort` is the name
    of the order by this column. `nothing` is the text of an empty cell; its column is shown even if it is empty in every row.
    """

    heading: str
    text: str = ""
    whole: bool = False
    records: tuple[RecordSummary, ...] = ()
    more: int = 0
    path: str = ""
    status: StatusText | None = None
    withheld: bool = False
    sort: str = ""
    nothing: str = ""

    @property
    def empty(self) -> bool:
        """Whether the cell shows nothing."""
        return not (self.text or self.records or self.status)


@dataclass(frozen=True)
class Choice:
    """One value of a facet: its label and count, whether the list is filtered by it, and the path that turns the filter on or off."""

    text: str
    count: int
    on: bool
    path: str


@dataclass(frozen=True)
class Facet:
    """A facet: a property or link. The user can filter the list by the values of the facet.

    `withheld` is the number of records whose value the user may not see. `own` says whether the facet is a filter of the kind's own.
    """

    heading: str
    first: list[Choice]
    rest: list[Choice]
    withheld: int
    own: bool = False

    @property
    def full(self) -> int:
        """The maximum number of values in a facet if this facet has so many, otherwise 0."""
        return COUNTED if len(self.first) + len(self.rest) >= COUNTED else 0


@dataclass(frozen=True)
class FilterField:
    """A form field of a filter: its query parameter, label, type and value. The types are those of `ListFilter`."""

    name: str
    label: str
    type: str
    value: str


@dataclass(frozen=True)
class Chip:
    """An active filter, shown above the list, and the path of the list without it."""

    text: str
    path: str


def list_rows(query: ListQuery, data: Data, today: str) -> list[ListRow]:
    """Return the rows of a page. Columns that are empty in every row are left out, and those for which a desk has no room."""
    found = [_row(query.kind, one, today) for one in data[camel(query.kind.plural)]["nodes"]]
    filled = {place for row in found for place, cell in enumerate(row.cells) if not cell.empty or cell.nothing}
    shown = sorted(filled)[:MOST_COLUMNS]
    return [ListRow(row.record, row.withheld, [row.cells[place] for place in shown]) for row in found]


def _row(kind: type[Kind], record: Data, today: str) -> ListRow:
    links = [_link_cell(end, record) for end in main_links(kind)]
    counts = [_count_cell(end, record) for end in counted_links(kind)]
    cells = [*_fact_cells(kind, record, today), *links[:1], *counts, *_computed_cells(kind, record), *links[1:]]
    return ListRow(record_summary(kind.__name__, record), record["withheld"], cells)


def _fact_cells(kind: type[Kind], record: Data, today: str) -> Iterator[Cell]:
    dated = kind is MODEL["Partnership"]
    of_title = 0 if kind.named else TITLE_FACTS
    for one in fact_properties(kind)[of_title : of_title + MOST_CELLS]:
        if not (dated and one.value is Date):
            text, hidden = value_text(one, record), record["withheld"] and not one.summary
            sort = param(one.name) if one.value.ordered else ""
            yield Cell(label(one.name), text, whole=one.value is Date, withheld=hidden, sort=sort)
    if dated:
        hidden, until = record["withheld"], kind.properties["valid_until"]
        yield Cell(_("Validity"), status=agreement_status(record, today), sort="valid-from")
        text, nothing = value_text(until, record), _("no end date") if record["validFrom"] else _("not recorded")
        yield Cell(label(until.name), text, whole=True, withheld=hidden, sort=param(until.name), nothing=nothing)


def _computed_cells(kind: type[Kind], record: Data) -> Iterator[Cell]:
    for one in computed_properties(kind):
        text, hidden = value_text(one, record), record["withheld"] and not one.summary
        yield Cell(label(one.name), text, withheld=hidden, sort=param(one.name), nothing=_("not recorded"))


def _link_cell(end: End, record: Data) -> Cell:
    far = tuple(record_summary(end.target, one) for one in linked_records(end, record[camel(end.name)]))
    more = 0 if end.single else (record[f"{camel(end.name)}Count"] or 0) - len(far)
    path = list_path(end.target, [(param(other_end(end).name), record["id"])])
    nothing = _("none that you can see") if end.name in ("owners", "parties") else ""
    sort = "" if end.single else param(end.name)
    hidden = _is_hidden(end, record)
    return Cell(label(end.name), records=far, more=more, path=path, withheld=hidden, sort=sort, nothing=nothing)


def _count_cell(end: End, record: Data) -> Cell:
    count = record[f"{camel(end.name)}Count"]
    path = list_path(end.target, [(param(other_end(end).name), record["id"])])
    nothing = number(0) if end.name == "users" else ""
    text = number(count) if count else ""
    hidden = count is None or _is_hidden(end, record)
    return Cell(label(end.name), text, path=path, withheld=hidden, sort=param(end.name), nothing=nothing)


def _is_hidden(end: End, record: Data) -> bool:
    """Return whether the user may not see the links, or may not see all of them and sees none."""
    return not end.link.summary and (record["withheld"] or record.get(f"{camel(end.name)}Count", 0) is None)


def facets(query: ListQuery, data: Data, names: LabelsById) -> list[Facet]:
    """Return the facets that have at least two values or an active filter. `names` maps ids of records to titles."""
    own_first = sorted(facets_of(query.kind), key=lambda name: name in COMMON_SELECTION)
    every = ((name, _choices(query, name, data, names)) for name in own_first)
    own = [_own_facet(query, name, one, data) for name, one in own_filters(query.kind).items() if one.field == "codes"]
    return own + [
        Facet(label(name), choices[:AT_ONCE], choices[AT_ONCE:], _withheld(query, name, data))
        for name, choices in every
        if len(choices) > 1 or name in query.chosen
    ]


def _own_facet(query: ListQuery, name: str, own: ListFilter, data: Data) -> Facet:
    on = query.chosen.get(name, ())
    counts = {code: data[camel(total_name(name, code))]["totalCount"] for code in own.codes()}
    choices = [
        Choice(text, counts[code], code in on, query.toggled(name, code).path()) for code, text in own.codes().items()
    ]
    withheld = data[camel(f"{name}_any")]["totalCount"] - sum(counts.values())
    return Facet(own.label(), choices, [], max(0, withheld), own=True)


def _choices(query: ListQuery, name: str, data: Data, names: LabelsById) -> list[Choice]:
    on = query.chosen.get(name, ())
    counts = [(one["value"] or "", one["label"], one["count"]) for one in facet_counts(query, name, data)]
    counts += [(value, None, 0) for value in on if value not in {known for known, _label, _count in counts}]
    return [
        Choice(value_label(query.kind, name, value, names, text), count, value in on, query.toggled(name, value).path())
        for value, text, count in sorted(counts, key=lambda one: one[0] not in on)
        if value
    ]


def _withheld(query: ListQuery, name: str, data: Data) -> int:
    return sum(one["count"] for one in facet_counts(query, name, data) if one["withheld"])


def facet_counts(query: ListQuery, name: str, data: Data) -> list[Data]:
    """Return the values of a facet with their counts, from the facet's own query or from the query of the list."""
    source = data.get(f"{camel(name)}Apart") or data[camel(query.kind.plural)]
    return list(source[f"{camel(name)}Count"])


def own_fields(query: ListQuery) -> list[FilterField]:
    """Return the form fields of the kind's own filters."""
    return [
        FilterField(param(name), own.label(), own.field, query.chosen.get(name, ("",))[0])
        for name, own in own_filters(query.kind).items()
        if own.field != "codes"
    ]


def chips(query: ListQuery, names: LabelsById) -> list[Chip]:
    """Return the active filters of a list."""
    texts = [Chip(f"“{query.text}”", query.from_the_start(text="").path())] if query.text else []
    return texts + [
        Chip(_chip_text(query.kind, name, value, names), query.toggled(name, value).path())
        for name, values in query.chosen.items()
        for value in values
    ]


def _chip_text(kind: type[Kind], name: str, value: str, names: LabelsById) -> str:
    own = own_filters(kind).get(name)
    if own and own.field == "integer":
        return own.chosen(value)  # a sentence with the number
    heading = own.label() if own else label(name)
    return f"{heading}: {own.chosen(names.get(value, value)) if own else value_label(kind, name, value, names)}"


def value_label(kind: type[Kind], name: str, value: str, names: LabelsById, text: str | None = None) -> str:
    """Return the label of a value of a facet or filter."""
    declared = kind.properties.get(name)
    if declared is None:
        return names.get(value) or text or value
    return property_text(declared, value == "true") if declared.value is Flag else code_label(declared.codes, value)


SECTORS = f"query Sectors {{ sectors(first: {PAGE}) {{ totalCount nodes {{ id name labelId labelEn }} }} }}"
MOST_NAMED = 50
EXPORT_PAGE = PAGE
Endpoint = Callable[[Request], Awaitable[Response]]
KindEndpoint = Callable[[type[Kind], Request], Awaitable[Response]]
COMMON_COLUMNS = ("id", "name", "access", "status", "updated", "withheld")


class ListPages:
    """The list pages of every kind of record."""

    def __init__(self, graph: PageQueries, reader: Reader, answers: AnswerCache) -> None:
        self._graph, self._reader, self._answers = graph, reader, answers

    def routes(self) -> list[Route]:
        """Return the routes: for each kind the page, the JSON file and the CSV file."""
        pages = {"": self._page, ".json": self._json, ".csv": self._csv}
        return [
            Route(f"/{kind.plural}{end}", endpoint_for(kind, answer)) for kind in MODEL for end, answer in pages.items()
        ]

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        query, me = ListQuery.of(kind, request.query_params), actor_of(request)
        data, counts = await asyncio.gather(
            self._query(rows_operation(query), page_variables(query), query, me), self._counts(query, me)
        )
        titles = await titles_of(self._graph, ids_to_name(query), me)
        sectors, more_sectors = await self._sectors(query, me)
        return page(
            request,
            "list.html",
            query=query,
            sorts=sorts_of(kind),
            fields=own_fields(query),
            sectors=sectors,
            more_sectors=more_sectors,
            total=counts.value[camel(kind.plural)]["totalCount"] if counts.value else None,
            counts=counts,
            rows=list_rows(query, data, today()),
            facets=facets(query, counts.value, titles) if counts.value else [],
            chips=chips(query, titles),
            registering=kind in EDITABLE and may_register(me),
            narrowed=query.by_details and not me.is_admin,
            pages=_page_paths(query, data[camel(kind.plural)]["pageInfo"]),
            graphiql=graphiql_path(list_operation(query), page_variables(query) | count_variables(query)),
        )

    async def _counts(self, query: ListQuery, me: Actor) -> Latest[dict[str, Any]]:
        """Return the latest numbers of records. After a change, they are counted in the background if that takes time."""
        text, variables = counts_operation(query), count_variables(query)
        await pay(TOTAL_COST * len(re.findall(r"\bcountBy|totalCount\b", text)))
        with paid():
            return await self._answers.latest(self._graph.question(text, variables, me), self._reader, PATIENCE.numbers)

    async def _sectors(self, query: ListQuery, me: Actor) -> tuple[list[tuple[str, str]], int]:
        """Return the id and title of each sector that the list can be filtered by, and the number of sectors that are left out.

        If the list has no filter by sector, there are no sectors.
        """
        if all(own.field != "sectors" for own in own_filters(query.kind).values()):
            return [], 0
        found = (await self._graph.ask(SECTORS, {}, me))["sectors"]
        titles = sorted(((one["id"], term_label(one)) for one in found["nodes"]), key=lambda one: one[1])
        return titles, found["totalCount"] - len(titles)

    async def _json(self, kind: type[Kind], request: Request) -> Response:
        query = ListQuery.of(kind, request.query_params)
        variables = page_variables(query) | count_variables(query)
        return json_file(await self._query(list_operation(query), variables, query, actor_of(request)))

    async def _csv(self, kind: type[Kind], request: Request) -> Response:
        query = replace(ListQuery.of(kind, request.query_params).from_the_start(), first=EXPORT_PAGE)
        me = actor_of(request)
        first = await self._rows(query, me, total=True)
        await pay(min(first["totalCount"] * len(_headings(kind)), EXPORT_COST))
        return csv_file(request, kind.plural, self._lines(query, me, first))

    async def _lines(self, query: ListQuery, me: Actor, found: Data) -> AsyncIterator[list[Any]]:
        """Yield the lines of the CSV file: the headings, then a line for each record. The records are read page by page."""
        yield _headings(query.kind)
        while True:
            for record in found["nodes"]:
                yield _line(query.kind, record)
            if not found["pageInfo"]["hasNextPage"]:
                return
            with paid():
                found = await self._rows(replace(query, after=found["pageInfo"]["endCursor"]), me)

    async def _rows(self, query: ListQuery, me: Actor, *, total: bool = False) -> Data:
        data = await self._graph.ask(rows_operation(query, MOST_NAMED, total=total), page_variables(query), me)
        rows: Data = data[camel(query.kind.plural)]
        return rows

    async def _query(self, text: str, variables: Mapping[str, Any], query: ListQuery, me: Actor) -> Data:
        try:
            return await self._graph.ask(text, variables, me)
        except HTTPException as error:
            if error.status_code != 400 or not (query.after or query.before):
                raise
            sentence = _("This page of the list does not exist.")
            raise UserError(sentence, query.from_the_start().path(), _("Go to the first page of the list")) from None


def endpoint_for(kind: type[Kind], answer: KindEndpoint) -> Endpoint:
    """Return an endpoint that calls `answer` with the kind."""

    async def endpoint(request: Request) -> Response:
        return await answer(kind, request)

    return endpoint


def _page_paths(query: ListQuery, info: Data) -> dict[str, str]:
    """Return the paths of the previous and the next page of a list."""
    before = {"before": query.from_the_start(before=info["startCursor"]).path()} if info["hasPreviousPage"] else {}
    return before | ({"after": query.from_the_start(after=info["endCursor"]).path()} if info["hasNextPage"] else {})


def _headings(kind: type[Kind]) -> list[str]:
    """Return the headings of the CSV file.

    A link that can have several records has three columns: their ids, their names, and their number.
    """
    ends = [(end.name, "id", "name", *([] if end.single else ["count"])) for end in main_links(kind)]
    return [
        *COMMON_COLUMNS,
        *(one.name for one in fact_properties(kind)),
        *(f"{name}.{heading}" for name, *headings in ends for heading in headings),
        *(f"{end.name}.count" for end in counted_links(kind)),
        *(name for one in computed_properties(kind) for name in (one.name, "unit")),
    ]


def _line(kind: type[Kind], record: Data) -> list[Any]:
    cells = [record[name].lower() if name in CLOSED_LISTS else record[name] for name in COMMON_COLUMNS]
    cells += [record[camel(one.name)] for one in fact_properties(kind)]
    for end in main_links(kind):
        far = linked_records(end, record[camel(end.name)])
        cells += [[one["id"] for one in far], [one["name"] for one in far]]
        if not end.single:
            cells.append(record[f"{camel(end.name)}Count"])
    cells += [record[f"{camel(end.name)}Count"] for end in counted_links(kind)]
    return cells + [record[name] for one in computed_properties(kind) for name in (camel(one.name), "unit")]
