"""The query of a list page: the filters, the order and the page that an address names, and their GraphQL operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from starlette.datastructures import QueryParams

from registry.clock import today
from registry.i18n import _, day, exact, ngettext, number
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property
from registry.model.values import Flag
from registry.web.base import MAX_INPUT, clean_input, list_path, param
from registry.web.errors import UserError
from registry.web.queries import (
    computed_properties,
    counted_links,
    link_selection,
    main_links,
    shown_facts,
    summary_selection,
    title_selection,
)
from registry.web.templating import label
from schema.limits import PAGE
from schema.schema import facets_of
from schema.types import CLOSED_LISTS, camel, field_of

FIRST, MOST_WORDS, MOST_VALUES = 50, 10, 20
KNOWN = ("q", "sort", "first", "after", "before", "lang")
Where = dict[str, Any]


@dataclass(frozen=True)
class ListFilter:
    """A filter of a list that is computed from several properties or from linked records.

    - `field`: the type of its form field: `codes`, `sectors`, `text`, `date`, `integer` or `number`
    - `details`: whether the filter reads values that are visible only to users who can view the details of a record
    - `chosen`: returns the text of the filter with a value
    """

    field: str
    label: Callable[[], str]
    where: Callable[[tuple[str, ...]], Where]
    details: bool = False
    chosen: Callable[[str], str] = lambda value: value
    codes: Callable[[], Mapping[str, str]] = dict

    def is_valid(self, value: str) -> bool:
        """Return whether a value of the address is valid."""
        if self.field == "codes":
            return value in self.codes()
        return self.field not in _PATTERNS or (bool(_PATTERNS[self.field].fullmatch(value)) and _is_day(self, value))


_PATTERNS = {
    "integer": re.compile(r"[0-9]{1,5}"),
    "number": re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}


def _is_day(declared: ListFilter, value: str) -> bool:
    try:
        return declared.field != "date" or bool(date.fromisoformat(value))
    except ValueError:
        return False


def validity_labels() -> dict[str, str]:
    """Return the labels of the four states of an agreement on a day. Each agreement with visible dates is in exactly one state."""
    return {
        "in-force": _("in force"),
        "upcoming": _("not yet in force"),
        "ended": _("expired"),
        "undated": _("no dates recorded"),
    }


def validity_where(states: tuple[str, ...]) -> Where:
    """Return the GraphQL filter for agreements that are in one of the states today."""
    wheres: dict[str, Where] = {
        "in-force": {"period": "CURRENT", "or": [{"validFrom": {"ne": None}}, {"validUntil": {"ne": None}}]},
        "upcoming": {"period": "UPCOMING"},
        "ended": {"period": "ENDED"},
        "undated": {"validFrom": {"eq": None}, "validUntil": {"eq": None}},
    }
    return {"or": [wheres[one] for one in states]}


def _within_days(values: tuple[str, ...]) -> Where:
    last = date.fromisoformat(today()) + timedelta(days=int(values[0]))
    return {"validUntil": {"gte": today(), "lte": last.isoformat()}}


def name_contains(text: str) -> list[Where]:
    """Return the conditions that a name contains the first MOST_WORDS words of a text."""
    return [{"name": {"contains": word}} for word in text.split()[:MOST_WORDS]]


def _bound(form: str, title: Callable[[], str], number_field: str, operator: str) -> ListFilter:
    """Return the filter that a number is at least (`gte`) or at most (`lte`) the value of a form field."""
    parse = int if form == "integer" else float
    return ListFilter(
        form, title, lambda values: {number_field: {operator: parse(values[0])}}, details=True, chosen=_number_text
    )


def _number_text(value: str) -> str:
    return exact(float(value))


def _days_text(value: str) -> str:
    return ngettext("Ends within {n} day", "Ends within {n} days", int(value)).format(n=number(int(value)))


# The filters of a kind, besides its facets and links, by name.
FILTERS: Mapping[str, Mapping[str, ListFilter]] = {
    "Partnership": {
        "validity": ListFilter(
            "codes",
            lambda: _("Validity"),
            validity_where,
            details=True,
            chosen=lambda value: validity_labels()[value],
            codes=validity_labels,
        ),
        "party": ListFilter(
            "text",
            lambda: _("Name of a party"),
            lambda values: {"parties": {"some": {"agency": {"and": name_contains(values[0])}}}},
        ),
        "party_sectors": ListFilter(
            "sectors",
            lambda: _("Sector of a party"),
            lambda ids: {"parties": {"some": {"agency": {"sectors": {"some": {"within": list(ids)}}}}}},
        ),
        "ends_within": ListFilter(
            "integer", lambda: _("Ends within (days)"), _within_days, details=True, chosen=_days_text
        ),
        "ends_by": ListFilter(
            "date",
            lambda: _("Ends on or before"),
            lambda values: {"validUntil": {"lte": values[0]}},
            details=True,
            chosen=day,
        ),
    },
    "Resource": {
        "owner_sectors": ListFilter(
            "sectors",
            lambda: _("Sector of an owner"),
            lambda ids: {"owners": {"some": {"sectors": {"some": {"within": list(ids)}}}}},
        ),
        "users_at_least": _bound("integer", lambda: _("Users, at least"), "usersCount", "gte"),
        "users_at_most": _bound("integer", lambda: _("Users, at most"), "usersCount", "lte"),
        "free_at_least": _bound("number", lambda: _("Free capacity, at least"), "free", "gte"),
    },
}


def own_filters(kind: type[Kind]) -> Mapping[str, ListFilter]:
    """Return the filters of a kind, besides its facets and links, by name."""
    return FILTERS.get(kind.__name__, {})


@dataclass(frozen=True)
class Sort:
    """An order of a list: the GraphQL field to sort by, and its label. For a number, the highest values come first by default."""

    field: str
    label: str
    falling: bool = False


def sorts_of(kind: type[Kind]) -> dict[str, Sort]:
    """Return the orders of a list by the name of their query parameter. A leading hyphen reverses an order.

    A list can be sorted by its names, facts and numbers of linked records.
    """
    sorts = {"name": Sort("name", _("name") if kind.named else _("identifier"))}
    for one in shown_facts(kind):
        if one.value.ordered:
            sorts[param(one.name)] = Sort(camel(one.name), label(one.name))
    for end in main_links(kind):
        if not end.single:
            number_of = _("{what} (number)").format(what=label(end.name))
            sorts[param(end.name)] = Sort(f"{camel(end.name)}Count", number_of, falling=True)
    for end in counted_links(kind):
        sorts[param(end.name)] = Sort(f"{camel(end.name)}Count", label(end.name), falling=True)
    return sorts | {"updated": Sort("updated", _("last change"), falling=True)}


@dataclass(frozen=True)
class ListQuery:
    """The query parameters of a list page.

    `chosen` maps each filtered property or link to the values that the user chose.
    """

    kind: type[Kind]
    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "name"
    first: int = FIRST
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(cls, kind: type[Kind], query: QueryParams) -> ListQuery:
        """Return the list query for the query parameters of a URL. Raises UserError."""
        names = {param(name): name for name in filters_of(kind)}
        unknown = next((key for key in query if key not in names and key not in KNOWN), None)
        if unknown is not None:
            raise _list_error(kind, _("This list cannot be filtered by {name}.").format(name=unknown[:MAX_INPUT]))
        given = {name: _values(kind, name, query.getlist(key)) for key, name in names.items() if key in query}
        chosen = {name: values for name, values in given.items() if values}
        sort = query.get("sort") or "name"
        if sort.removeprefix("-") not in (sorts := sorts_of(kind)):
            sentence = _("This list can be sorted only by {names}. A hyphen before the name reverses the order.")
            raise _list_error(kind, sentence.format(names=", ".join(sorts)))
        text = clean_input(query.get("q", ""))
        before = query.get("before") or None
        after = None if before else query.get("after") or None
        return cls(kind, text, chosen, sort, _first(kind, query), after, before)

    @property
    def by_details(self) -> bool:
        """Whether the list is filtered by a property or link that is visible only to users who can view the details of a record."""
        return any(_reads_details(self.kind, name) for name in self.chosen)

    @property
    def order(self) -> list[dict[str, str]]:
        """The list's order as a GraphQL argument. Records with equal values are sorted by name."""
        chosen = sorts_of(self.kind)[self.sort.removeprefix("-")]
        first = {chosen.field: "DESC" if self.sort.startswith("-") else "ASC"}
        return [first] if chosen.field == "name" else [first, {"name": "ASC"}]

    def sorted_by(self, name: str) -> ListQuery:
        """Return the query sorted by a column. If the list is sorted by this column already, the order is reversed."""
        reverse = (
            sorts_of(self.kind)[name].falling if self.sort.removeprefix("-") != name else not self.sort.startswith("-")
        )
        return self.from_the_start(sort=f"-{name}" if reverse else name)

    def path(self, extension: str = "") -> str:
        """Return the URL path of this list, or of its file if an extension such as `.csv` is given."""
        pairs = [("q", self.text)] if self.text else []
        pairs += [(param(name), value) for name, values in self.chosen.items() for value in values]
        pairs += [("sort", self.sort)] if self.sort != "name" else []
        pairs += [("first", str(self.first))] if self.first != FIRST else []
        pairs += [(key, cursor) for key in ("after", "before") if (cursor := getattr(self, key))]
        path = list_path(self.kind.__name__, pairs)
        return path.replace("?", f"{extension}?", 1) if pairs else path + extension

    def from_the_start(self, **changed: Any) -> ListQuery:
        """Return the list query with some parameters changed, starting again at the first page."""
        return replace(self, **{"after": None, "before": None, **changed})

    def toggled(self, name: str, value: str) -> ListQuery:
        """Return the query with a filter value added. If the list is filtered by the value already, the value is removed."""
        now = self.chosen.get(name, ())
        values = tuple(one for one in now if one != value) if value in now else (*now, value)
        rest = {key: kept for key, kept in self.chosen.items() if key != name}
        return self.from_the_start(chosen=rest | ({name: values} if values else {}))

    def where(self, without: str | None = None) -> dict[str, Any]:
        """Return the list's filters as a GraphQL filter. The filter on the property or link `without` is left out."""
        parts = name_contains(self.text)
        parts += [condition(self.kind, name, values) for name, values in self.chosen.items() if name != without]
        return {"and": parts} if parts else {}


def filters_of(kind: type[Kind]) -> list[str]:
    """Return the properties and links by which records of a kind can be filtered.

    The result contains the facets, and all links: a list can be filtered by a linked record.
    """
    return list(dict.fromkeys([*facets_of(kind), *kind.ends, *own_filters(kind)]))


def _reads_details(kind: type[Kind], name: str) -> bool:
    if name in own_filters(kind):
        return own_filters(kind)[name].details
    return not (kind.properties[name].summary if name in kind.properties else kind.ends[name].link.summary)


def condition(kind: type[Kind], name: str, values: tuple[str, ...]) -> dict[str, Any]:
    """Return the GraphQL condition that a property or link has one of the values. A term also selects its narrower terms."""
    if name in own_filters(kind):
        return own_filters(kind)[name].where(values)
    declared = kind.properties.get(name)
    if declared is None:
        far = {"within": list(values)} if name in facets_of(kind) else {"id": {"in": list(values)}}
        return {camel(name): {"some": _far_condition(kind.ends[name], far)}}
    if declared.value is Flag:
        return {"or": [{camel(name): {"eq": value == "true"}} for value in values]}
    return {camel(name): {"in": [_code(declared, value) for value in values]}}


def _far_condition(end: End, where: dict[str, Any]) -> dict[str, Any]:
    return {field_of(end.target): where} if end.link.properties else where


def _code(declared: Property, value: str) -> str:
    return value.upper() if declared.codes in CLOSED_LISTS else value


def _values(kind: type[Kind], name: str, given: list[str]) -> tuple[str, ...]:
    """Remove duplicate values. Raises UserError if a value is not in the code list of the property."""
    values = tuple(dict.fromkeys(one for one in given if one))[:MOST_VALUES]
    if own := own_filters(kind).get(name):
        values = values if own.field in ("codes", "sectors") else tuple(filter(None, map(clean_input, values[:1])))
        title, unknown = own.label(), next((one for one in values if not own.is_valid(one)), None)
    else:
        known = _known_codes(kind.properties[name]) if name in kind.properties else values
        title, unknown = label(name), next((one for one in values if one not in known), None)
    if unknown is not None:
        sentence = _("“{value}” is not a valid value for “{label}”.")
        raise _list_error(kind, sentence.format(value=unknown[:MAX_INPUT], label=title))
    return values


def _known_codes(declared: Property) -> Collection[str]:
    return ("true", "false") if declared.value is Flag else code_list(declared.codes or "")


def _first(kind: type[Kind], query: QueryParams) -> int:
    given = query.get("first", str(FIRST))
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= PAGE):
        raise _list_error(kind, _("A page can have 1 to {most} records.").format(most=PAGE))
    return int(given)


def _list_error(kind: type[Kind], sentence: str) -> UserError:
    return UserError(sentence, list_path(kind.__name__), _("Show the whole list"))


def ids_to_name(query: ListQuery) -> dict[str, list[str]]:
    """Return the ids, by kind, of the records that the list is filtered by."""
    found: dict[str, dict[str, None]] = {}
    for name, end in query.kind.ends.items():
        found.setdefault(end.target, {}).update(dict.fromkeys(query.chosen.get(name, ())))
    for name, own in own_filters(query.kind).items():
        if own.field == "sectors":
            found.setdefault("Sector", {}).update(dict.fromkeys(query.chosen.get(name, ())))
    return {kind: list(ids) for kind, ids in found.items() if ids}


NAMED, COUNTED = 3, 50
EVERY_STATUS = [code.upper() for code in code_list("status")]


def list_operation(query: ListQuery) -> str:
    """Return the GraphQL operation for a page of a list, its number of records and its facets.

    All values are variables, so the text depends only on the names of the filters.
    """
    plural, arguments, page = _page_selection(query, NAMED)
    lines = [f"  {plural}({arguments}) {{", *_count_lines(query), *page, "  }", *_other_count_lines(query)]
    return _operation("List", query, _page_declarations(query) + _count_declarations(query), lines)


def rows_operation(query: ListQuery, named: int = NAMED, *, total: bool = False) -> str:
    """Return the GraphQL operation for the records on a page of a list, and for their total number if `total` is set."""
    plural, arguments, page = _page_selection(query, named)
    lines = [f"  {plural}({arguments}) {{", *(["    totalCount"] if total else []), *page, "  }"]
    return _operation("Rows", query, _page_declarations(query), lines)


def counts_operation(query: ListQuery) -> str:
    """Return the GraphQL operation for the number of records of a list and its facets."""
    lines = [f"  {camel(query.kind.plural)}(where: $where) {{", *_count_lines(query), "  }", *_other_count_lines(query)]
    return _operation("Counts", query, _count_declarations(query), lines)


def page_variables(query: ListQuery) -> dict[str, Any]:
    """Return the variables of `rows_operation`."""
    values: dict[str, Any] = {"where": query.where(), "order": query.order, "size": query.first}
    return values | {key: cursor for key in ("after", "before") if (cursor := getattr(query, key))}


def count_variables(query: ListQuery) -> dict[str, Any]:
    """Return the variables of `counts_operation`. Those of `list_operation` are these and those of the page."""
    own = {_where_name(name): _own_where(query, name) for name in _own_facets(query)}
    return {"where": query.where(), **own, **{_where_name(name): where for name, where in own_totals(query).items()}}


def _operation(name: str, query: ListQuery, declarations: str, lines: Sequence[str]) -> str:
    return "\n".join([f"query {name}($where: {query.kind.__name__}Where{declarations}) {{", *lines, "}", ""])


def _page_declarations(query: ListQuery) -> str:
    start = "before" if query.before else "after"
    cursor = f", ${start}: String" if query.after or query.before else ""
    return f", $order: [{query.kind.__name__}Order!], $size: Int{cursor}"


def _count_declarations(query: ListQuery) -> str:
    return "".join(
        f", ${_where_name(name)}: {query.kind.__name__}Where" for name in (*_own_facets(query), *own_totals(query))
    )


def _page_selection(query: ListQuery, named: int) -> tuple[str, str, list[str]]:
    """Return the field of a page of a list, its arguments, and the lines of its selection."""
    start, size = ("before", "last") if query.before else ("after", "first")
    cursor = f", {start}: ${start}" if query.after or query.before else ""
    return (
        camel(query.kind.plural),
        f"where: $where, order: $order, {size}: $size{cursor}",
        [
            "    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }",
            f"    nodes {{ {' '.join(row_selection(query.kind, named))} }}",
        ],
    )


def _count_lines(query: ListQuery) -> list[str]:
    """Return the lines of the selection that counts the records of a list, and the values of its facets."""
    own = _own_facets(query)
    return ["    totalCount", *(f"    {_count(name)}" for name in facets_of(query.kind) if name not in own)]


def _other_count_lines(query: ListQuery) -> list[str]:
    """Return the lines that count with other filters than those of the list."""
    plural = camel(query.kind.plural)
    return [
        *(
            f"  {camel(name)}Apart: {plural}(where: ${_where_name(name)}) {{ {_count(name)} }}"
            for name in _own_facets(query)
        ),
        *(f"  {camel(name)}: {plural}(where: ${_where_name(name)}) {{ totalCount }}" for name in own_totals(query)),
    ]


def _own_facets(query: ListQuery) -> list[str]:
    """Return the facets whose values must be counted in a query of their own, without the facet's own filter.

    The values of the status always need their own query, because a list without a status filter leaves out retired records.
    """
    return [name for name in facets_of(query.kind) if name in query.chosen or name == "status"]


def own_totals(query: ListQuery) -> dict[str, dict[str, Any]]:
    """Return the GraphQL filters of the numbers of records that the values of the kind's own filters have, by alias.

    The alias of a filter alone counts the records that the list has without the filter.
    """
    totals: dict[str, dict[str, Any]] = {}
    for name, own in own_filters(query.kind).items():
        if own.field == "codes":
            rest = query.where(without=name)
            totals[f"{name}_any"] = rest
            for code in own.codes():
                totals[total_name(name, code)] = {"and": [*rest.get("and", []), own.where((code,))]}
    return totals


def total_name(name: str, code: str) -> str:
    """Return the alias of the number of records that a value of the kind's own filter has."""
    return f"{name}_{code.replace('-', '_')}"


def _own_where(query: ListQuery, name: str) -> dict[str, Any]:
    where = query.where(without=name)
    return {"and": [*where.get("and", []), {"status": {"in": EVERY_STATUS}}]} if name == "status" else where


def _where_name(name: str) -> str:
    return f"{camel(name)}Where"


def _count(name: str) -> str:
    return f"{camel(name)}Count: countBy(field: {name.upper()}, first: {COUNTED}, rollUp: true) {{ value label count withheld }}"


def row_selection(kind: type[Kind], named: int) -> Iterator[str]:
    """Yield the GraphQL selections for a row: the summary of a record, and up to `named` records of each main link."""
    yield f"{summary_selection(kind)} access status updated"
    for one in computed_properties(kind):
        yield f"{camel(one.name)} unit"
    for end in main_links(kind):
        far = link_selection(end, title_selection(MODEL[end.target]))
        yield f"{camel(end.name)} {far}" if end.single else f"{camel(end.name)}(first: {named}) {far}"
        if not end.single:
            yield f"{camel(end.name)}Count"
    for end in counted_links(kind):
        yield f"{camel(end.name)}Count"
