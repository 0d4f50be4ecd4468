"""Compile a query, given as immutable dataclasses, to one Cypher query text with parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry.database.conditions import PARTS, CypherWriter, all_of, match_ids, stored_value
from registry.database.driver import Cypher
from registry.database.query import (
    LINK_ID,
    NO_ROWS,
    ById,
    ByIds,
    Compare,
    Condition,
    FacetQuery,
    Follow,
    LinkCondition,
    LinkCount,
    LinkPage,
    Lookup,
    MostLinks,
    Order,
    Page,
    Parameter,
    ParameterList,
    Query,
    Select,
    Total,
    anchor,
    category_condition,
    parts_of,
)
from registry.model.kinds import End, Model, Property
from registry.permissions import (
    can_view_details,
    can_view_link,
    can_view_link_property,
    can_view_path,
    can_view_summary,
)

FEW = 1000  # up to this many linked records, a query that starts at them is faster than a scan of all records


FIRST, LAST = "", "\uffff"
BY_NAME = Order("name", descending=False)


@dataclass(frozen=True)
class CypherTemplate:
    """A Cypher query text and its parameters.

    The values of `givens` are passed in the map `$in`. Each value of `page` is a separate parameter.
    """

    text: str
    givens: tuple[Parameter | ParameterList, ...]
    page: Mapping[str, Parameter]
    seeking: str = ""

    def ask(self, variables: Mapping[str, Any], me: Mapping[str, object]) -> Cypher:
        """Return the Cypher query with its parameter values, read from the variables of a request."""
        inside = {f"v{number}": given.value(variables) for number, given in enumerate(self.givens)}
        page = {key: given.value(variables) for key, given in self.page.items()}
        return Cypher(self.text, {"in": inside, "me": me, **page}, bool(page), self.seeking)


def compile_query(query: Query, model: Model) -> CypherTemplate:
    """Compile a query to Cypher. Each result row holds one list; `QueryCompiler.selected` describes its content."""
    writing = QueryCompiler(model)
    match query:
        case ById():
            return writing.by_id(query)
        case ByIds():
            return writing.by_ids(query)
        case Page():
            return writing.page(query)
        case Total():
            return writing.total(query)
        case MostLinks():
            return writing.most_links(query)
        case FacetQuery():
            return writing.facet(query)


class QueryCompiler(CypherWriter):
    """Compiles one query to Cypher."""

    def by_id(self, query: ById) -> CypherTemplate:
        """Compile a query for one record to Cypher that returns the selected values in one row, or no row if there is no record."""
        return self._template(
            f"{self._match_ids(f'[{self.value(query.id)}]', query.views)} RETURN {self._view(query.views)} AS row"
        )

    def by_ids(self, query: ByIds) -> CypherTemplate:
        """Compile a query for several records to Cypher that returns one row: a list of `[id, selected values]`."""
        start = self._match_ids(self.value(query.ids), query.views)
        return self._template(f"{start} RETURN collect([n.id, {self._view(query.views)}])")

    def page(self, query: Page) -> CypherTemplate:
        """Compile a page query to Cypher that returns one row per record.

        A row holds the values that each view selects, followed by the sort keys for the cursor.
        """
        anchored = anchor(query.where)
        if anchored is None and query.order in ((), (BY_NAME,), (Order("name", descending=True),)):
            return self._indexed_page(query)
        return self._sorted_page(query, anchored)

    def total(self, query: Total) -> CypherTemplate:
        """Compile a count query to Cypher that returns one row with the number of records."""
        return self._match_records(query, "RETURN count(n)")

    def most_links(self, query: MostLinks) -> CypherTemplate:
        """Compile a query for the largest number of links of a record to Cypher that returns one row with the number."""
        end = self.model[query.kind].ends[query.end]
        match = f"MATCH {self.pattern(f'n:{query.kind}', 'e', f'm:{end.target}', end)}"
        where = all_of(can_view_summary("n"), can_view_link("n", "m", end.link))
        return self._template(f"{match} WHERE {where} WITH n, count(e) AS number RETURN coalesce(max(number), 0)")

    def facet(self, query: FacetQuery) -> CypherTemplate:
        """Compile a facet query to Cypher that returns one row: a list of `[value, names, number, withheld]`, largest number first.

        `names` are the name, the Indonesian label and the English label of a vocabulary term; `names` is null if the value is a
        code. If the value is a detail, `withheld` counts the records whose details the actor may not see.
        """
        end = self.model[query.kind].ends.get(query.field)
        withheld, sort = "false", "number DESC, value"
        if end is None:
            declared, names = self.model[query.kind].properties[query.field], "null"
            apart = "" if declared.summary else f", NOT {can_view_details('n')} AS withheld"
            counted = f"WITH {self._visible_value('n', declared)} AS value{apart}, count(n) AS number"
            if apart:
                withheld, sort = "withheld", f"{sort}, withheld"
        else:
            far = "m" if not query.rolled_up else "t"
            pattern = self.pattern("n", "e", f"{far}:{end.target}", end)
            counts = f"{can_view_link('n', far, end.link)} AND {far}.status <> 'retired'"
            if query.rolled_up:
                pattern += f" MATCH way = (t){PARTS}(m:{end.target})"
                counts += f" AND {can_view_path('way')} AND m.status <> 'retired'"
            counted = f"MATCH {pattern} WHERE {counts} WITH m, m.id AS value, count(DISTINCT n) AS number"
            names = "[m.name, m.label_id, m.label_en]"
        # The limit is in a WITH clause of its own, because Neo4j 2026 does not find `$in` in the LIMIT of an aggregating WITH.
        limit = self.value(query.first)
        cut = f"WITH value, {names} AS names, number, {withheld} AS withheld ORDER BY {sort} LIMIT {limit}"
        return self._match_records(query, f"{counted} {cut} RETURN collect([value, names, number, withheld])")

    def selected(self, select: Select, node: str) -> str:
        """Return the expression for the selected values of a record.

        Its value is a list: the summary values, then one list of details (null if the actor may not see them), then linked records
        and counts.
        """
        declared = self.model[select.kind].readable
        summary = [
            self._summary_value(node, name)
            for name in select.properties
            if name == "withheld" or declared[name].summary
        ]
        details = [
            stored_value(f"{node}.", declared[name])
            for name in select.properties
            if name != "withheld" and not declared[name].summary
        ]
        if details:
            summary.append(f"CASE WHEN {can_view_details(node)} THEN [{', '.join(details)}] END")
        return "[" + ", ".join(summary + [self._part(part, node, select.kind) for part in select.parts]) + "]"

    def _match_ids(self, ids: str, views: tuple[Select, ...]) -> str:
        return f"{match_ids(ids, [view.kind for view in views])} WHERE {can_view_summary('n')}"

    def _view(self, views: tuple[Select, ...]) -> str:
        """Return the expression that applies the view for the record's kind.

        If there are several views, the name of the kind is the first value.
        """
        if len(views) == 1:
            return self.selected(views[0], "n")
        alike: dict[Select, list[str]] = {}
        for view in views:
            alike.setdefault(_without_kind(view), []).append(view.kind)
        *others, (usual, kinds) = sorted(alike.items(), key=lambda one: len(one[1]))
        cases = " ".join(
            f"WHEN {' OR '.join(f'n:{kind}' for kind in those)} THEN {self.selected(replace(view, kind=those[0]), 'n')}"
            for view, those in others
        )
        selected = self.selected(replace(usual, kind=kinds[0]), "n")
        return f"[labels(n)[0], {f'CASE {cases} ELSE {selected} END' if cases else selected}]"

    def _indexed_page(self, query: Page) -> CypherTemplate:
        descending = bool(query.order and query.order[0].descending) is not query.backward
        than, direction = ("<", " DESC") if descending else (">", "")
        beyond = Parameter(fixed=LAST if descending else FIRST)
        key, last = query.start or (beyond, beyond)
        behind = f"n.name_key {than}= $k AND n.id IS NOT NULL AND (n.name_key {than} $k OR n.id {than} $id)"
        row = self._row(query, "n.name_key", "n.id")
        sort = f"ORDER BY n.name_key{direction}, n.id{direction} LIMIT $n"
        page = {"k": key, "id": last, "n": query.rows}
        return self._match_records(query, f"RETURN {row} {sort}", page, also=behind, cut=sort)

    def _sorted_page(self, query: Page, anchored: tuple[LinkCondition, Condition] | None) -> CypherTemplate:
        kind = query.kind
        order = query.order or (BY_NAME,)
        keys = [self._key(one, kind) for one in order] + ["n.id"]
        falls = [one.descending is not query.backward for one in (*order, order[-1])]
        start, holds = self._anchored(kind, *anchored) if anchored else ("", "")
        named = [f"k{number}" for number in range(len(keys))]
        given = ", ".join(f"{key} AS {name}" for key, name in zip(keys, named, strict=True))
        counted = any(one.count for one in order)  # the sort keys are then computed once, before the cursor is compared
        behind, after = "true", ""
        if query.start and counted:
            after = f"WHERE {self._after_cursor(query.start, named, falls)} WITH n, {', '.join(named)} "
        elif query.start:
            behind = f"({self._after_cursor(query.start, keys, falls)})"
        sort = f"ORDER BY {_sorted_by(named, falls)}"
        row = self._row(query, *named)
        rest, page = f"WITH DISTINCT n, {given} {after}{sort} LIMIT $n RETURN {row} {sort}", {"n": query.rows}
        if anchored:
            return self._template(f"{start} WHERE {all_of(holds, behind)} {rest}", page)
        return self._match_records(query, rest, page, also=behind)

    def _row(self, query: Page, *keys: str) -> str:
        views = [self.selected(view, "n") for view in query.views]
        return f"[{', '.join([*views, '[' + ', '.join(keys) + ']'])}] AS row"

    def _after_cursor(self, start: tuple[Parameter, ...], keys: list[str], falls: list[bool]) -> str:
        """Return the predicate that a record comes after the cursor in the sort order. It compares the sort keys one by one."""
        values = [self.value(given) for given in start]
        text = ""
        for key, value, down in reversed(list(zip(keys, values, falls, strict=True))):
            further = f"{key} {'<' if down else '>'} {value}"
            text = f"{further} OR ({key} = {value} AND ({text}))" if text else further
        return text

    def _predicate(self, query: Page | Total | FacetQuery, where: Condition, also: str) -> str:
        return all_of(also, can_view_summary("n"), self.condition(where, "n", query.kind))

    def _anchored(self, kind: str, linked: LinkCondition, rest: Condition) -> tuple[str, str]:
        """Return a MATCH clause and a predicate for records linked to one record that the condition names by id.

        The match starts at that record and follows the link back.
        """
        end = self.model[kind].ends[linked.end]
        (named,) = parts_of(linked.far)
        assert isinstance(named, Compare)
        start = f"WITH {self.value(named.value)} AS id MATCH (m:{end.target} {{id: id}})"
        conditions = [
            self.condition(linked.among, "m", end.target),
            self.running(linked.runs, "e"),
            self.condition(rest, "n", kind),
        ]
        where = all_of(can_view_link("n", "m", end.link), can_view_summary("n"), *conditions)
        edge = "e" if linked.runs else ""
        return f"{start} MATCH {self.pattern(f'n:{kind}', edge, 'm', end)}", where

    def _match_records(
        self,
        query: Page | Total | FacetQuery,
        rest: str,
        page: Mapping[str, Parameter] | None = None,
        *,
        also: str = "true",
        cut: str = "",
    ) -> CypherTemplate:
        """Return Cypher that matches the records that meet the query and the predicate `also`. The clauses in `rest` follow.

        `cut` is the ORDER BY and LIMIT that may already be applied to the matched records.
        """
        matched = f"MATCH (n:{query.kind}) WHERE {self._predicate(query, query.where, also)}"
        return self._template(f"{matched} {rest}", page, self._seek(query, matched, also, cut, rest))

    def _seek(self, query: Page | Total | FacetQuery, matched: str, also: str, cut: str, rest: str) -> str:
        """Return Cypher that starts at the linked records of a category. If the query names no category, return "".

        If the category has many linked records, the Cypher scans the records in sort order instead, because a scan then fills a
        page faster.
        """
        sought = category_condition(query.where, self.model[query.kind], self.model)
        if sought is None:
            return ""
        link, compare, others = sought
        end = self.model[query.kind].ends[link.end]
        found = f"MATCH (m:{end.target}) WHERE m.{compare.property} IN {self._as_list(compare)}"
        meets = all_of(
            can_view_link("n", "m", end.link),
            self.condition(link.among, "m", end.target),
            self.running(link.runs, "e"),
            self.demanded(link, "n", "e", "m", end),
        )
        linked = f"MATCH {self.pattern(f'n:{query.kind}', 'e', 'm', end)} WHERE {meets} WITH DISTINCT n"
        holds = self._predicate(
            query, others, also
        )  # checked last, so that the engine does not start at an index for it
        enough = f"UNWIND CASE WHEN size(few) = {FEW} THEN [1] ELSE [] END AS enough"  # empty for few: no second branch
        return (
            f"CALL {{ {found} WITH m LIMIT {FEW} RETURN collect(m) AS few }}"
            f" CALL (few) {{ WITH few WHERE size(few) < {FEW} UNWIND few AS m {linked} WHERE {holds} RETURN n"
            f" UNION ALL {enough} CALL {{ {matched} {f'RETURN n {cut}'.rstrip()} }} RETURN n }} {rest}"
        )

    def _as_list(self, compare: Compare) -> str:
        return self.value(compare.value) if compare.operator == "in" else f"[{self.value(compare.value)}]"

    def _summary_value(self, node: str, name: str) -> str:
        return f"NOT {can_view_details(node)}" if name == "withheld" else f"{node}.{name}"

    def _visible_value(self, node: str, declared: Property) -> str:
        stored = stored_value(f"{node}.", declared)
        return stored if declared.summary else f"CASE WHEN {can_view_details(node)} THEN {stored} END"

    def _part(self, part: Follow | LinkCount | LinkPage | Lookup, node: str, kind: str) -> str:
        match part:
            case Follow():
                return self._follow(part, node, self.model[kind].ends[part.end])
            case LinkCount():
                return self._count(part, node, self.model[kind].ends[part.end])
            case LinkPage():
                return self._link_page(part, node, self.model[kind].ends[part.follow.end])
            case Lookup():
                return self._lookup(part, node, self.model[kind].properties[part.property])

    def _follow(self, follow: Follow, node: str, end: End) -> str:
        edge, far = self.variable(), self.variable()
        where = self.linked_far(follow, node, edge, far, end)
        keys, descending = self._link_keys(follow, node, edge, far, end)
        sort = _sorted_by(keys, descending) + (f", {edge}.key" if end.link.keyed else "")
        row = self._link_row(follow, node, edge, far, end)
        limit = self.value(follow.first)
        found = (
            f"COLLECT {{ MATCH {self.pattern(node, edge, f'{far}:{end.target}', end)} WHERE {where}"
            f" WITH {node}, {edge}, {far} ORDER BY {sort} LIMIT {limit} RETURN {row} }}"
        )
        return found if end.link.summary else self._of_details(node, end, follow, found, "size({0}) > 0")

    def _link_keys(self, follow: Follow, node: str, edge: str, far: str, end: End) -> tuple[list[str], list[bool]]:
        """Return the sort keys of linked records, the id last, and whether each is sorted in descending order."""
        order = follow.order or (BY_NAME,)
        keys = [self._link_key(one, node, edge, far, end) for one in order] + [f"{far}.id"]
        return keys, [one.descending for one in (*order, order[-1])]

    def _link_key(self, order: Order, node: str, edge: str, far: str, end: End) -> str:
        if order.of == "near":
            return self._key(order, end.kind, node)
        if order.of == "far":
            return self._key(order, end.target, far)
        declared = end.link.properties[order.property]
        return _missing_last(self._edge(node, edge, far, declared, end), declared, order)

    def _link_row(self, follow: Follow, node: str, edge: str, far: str, end: End, keys: str = "") -> str:
        views = [self.selected(one, far) for one in follow.far] + [self.selected(one, node) for one in follow.near]
        edges = [
            _link_identity(node, edge, far, end)
            if name == LINK_ID
            else self._edge(node, edge, far, end.link.properties[name], end)
            for name in follow.edge
        ]
        return (
            views[0]
            if len(views) == 1 and not edges and not keys
            else f"[{', '.join(edges + views + [keys] * bool(keys))}]"
        )

    def _link_page(self, page: LinkPage, node: str, end: End) -> str:
        """Return an expression whose value is a list: the rows of the page, the page size, and the number of links or null.

        A row holds the properties of the link, the views of its records, and the list of sort keys for the cursor.
        """
        found = "[]" if page.follow.first == NO_ROWS else self._page_rows(page, node, end)
        size = self.value(page.size)
        total = self.counted(page.total, node, end) if page.total else "null"
        whole = f"[{found}, {size}, {total}]"
        if end.link.summary:
            return whole
        exists = "size({0}[0]) > 0" if page.follow.first != NO_ROWS else "{0}[2] > 0"
        return self._of_details(node, end, page.follow, whole, "true" if page.start else exists)

    def _page_rows(self, page: LinkPage, node: str, end: End) -> str:
        edge, far, follow = self.variable(), self.variable(), page.follow
        where = self.linked_far(follow, node, edge, far, end)
        keys, descending = self._link_keys(follow, node, edge, far, end)
        if end.link.keyed:
            keys, descending = [*keys, f"coalesce({edge}.key, '')"], [*descending, False]
        falls = [falling is not page.backward for falling in descending]
        named = [f"{far}k{number}" for number in range(len(keys))]
        given = ", ".join(f"{key} AS {name}" for key, name in zip(keys, named, strict=True))
        variables = f"{node}, {edge}, {far}"
        behind = (
            f" WHERE {self._after_cursor(page.start, named, falls)} WITH {variables}, {', '.join(named)}"
            if page.start
            else ""
        )
        row = self._link_row(follow, node, edge, far, end, f"[{', '.join(named)}]")
        return (
            f"COLLECT {{ MATCH {self.pattern(node, edge, f'{far}:{end.target}', end)} WHERE {where}"
            f" WITH {variables}, {given}{behind} ORDER BY {_sorted_by(named, falls)}"
            f" LIMIT {self.value(follow.first)} RETURN {row} }}"
        )

    def _edge(self, node: str, edge: str, far: str, declared: Property, end: End) -> str:
        stored, seen_by = f"{edge}.{declared.name}", can_view_link_property(node, far, declared, end.link)
        return f"CASE WHEN {seen_by} THEN {stored} END" if seen_by else stored

    def _count(self, count: LinkCount, node: str, end: End) -> str:
        counted = self.counted(count, node, end)
        return counted if end.link.summary else self._of_details(node, end, count, counted, "{0} > 0")

    def _of_details(self, node: str, end: End, part: Follow | LinkCount, found: str, exists: str) -> str:
        """Return an expression that is computed from links that belong to the details of a record.

        Its value is null if the actor may not see the links. It is also null if no links are found but the actor may not see all
        records that the links and the conditions concern: the links are then unknown.
        """
        value = self.variable()
        known = f"[{value} IN [{found}] WHERE {exists.format(value)} OR NOT {self.hides(part, end)}][0]"
        return f"CASE WHEN {can_view_details(node)} THEN {known} END"

    def _lookup(self, look: Lookup, node: str, declared: Property) -> str:
        far = self.variable()
        match = f"MATCH ({far}:{declared.refers_to} {{id: {node}.{look.property}}}) WHERE {can_view_summary(far)}"
        return f"COLLECT {{ {match} RETURN {self.selected(look.select, far)} }}"

    def _key(self, order: Order, kind: str, node: str = "n") -> str:
        """Return the expression to sort records by. Records with a missing or hidden value come last in both directions."""
        if order.count is not None:
            end = self.model[kind].ends[order.count.end]
            number = self.counted(order.count, node, end)
            # The embedded engine rejects coalesce around a number of links.
            return (
                number
                if end.link.summary
                else f"CASE WHEN {self.count_is_known(order.count, node, end)} THEN {number} ELSE {_missing('INTEGER', order)} END"
            )
        if order.property == "name":
            return f"{node}.name_key"
        declared = self.model[kind].readable[order.property]
        return _missing_last(self._visible_value(node, declared), declared, order)

    def _template(self, text: str, page: Mapping[str, Parameter] | None = None, seeking: str = "") -> CypherTemplate:
        return CypherTemplate(text, tuple(self.givens), page or {}, seeking)


def _sorted_by(keys: Sequence[str], descending: Sequence[bool]) -> str:
    return ", ".join(key + (" DESC" if falls else "") for key, falls in zip(keys, descending, strict=True))


def _missing_last(shown: str, declared: Property, order: Order) -> str:
    """Return the sort key for a property, given the expression for its value. A missing or hidden value comes last.

    A missing last day means that there is no end, so it is later than all days.
    """
    if declared.non_null:
        return shown
    if declared.not_before:
        return f"coalesce({shown}, '{LAST}')"
    if declared.value.stored == "BOOLEAN":
        return f"CASE {shown} WHEN false THEN 0 WHEN true THEN 1 ELSE {-1 if order.descending else 2} END"
    return f"coalesce({shown}, {_missing(declared.value.stored, order)})"


def _missing(stored: str, order: Order) -> str:
    """Return the sort key of a missing value: beyond all values of this stored type, in the direction of the order."""
    if stored == "STRING":
        return "''" if order.descending else f"'{LAST}'"
    return f"{'-' if order.descending else ''}{_BEYOND[stored]}"


def _link_identity(node: str, edge: str, far: str, end: End) -> str:
    """Return the expression for what identifies a link among the links of its type: both ids and the key of parallel links."""
    start, finish = (node, far) if end.outgoing else (far, node)
    key = f", {edge}.key" if end.link.keyed else ""
    return f"[{start}.id, {finish}.id{key}]"


def _without_kind(view: Select) -> Select:
    """Return a view without its kind if it selects only properties and references. Their Cypher is the same for every kind."""
    return replace(view, kind="") if all(isinstance(part, Lookup) for part in view.parts) else view


_BEYOND = {"INTEGER": "9999999999", "FLOAT": "1.7976931348623157e308"}
