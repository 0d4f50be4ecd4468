"""Questions as Cypher: one text a question, however deep, the same for every question of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from registry.access import seen, seen_whole
from registry.cypher import beginning
from registry.cypher.beginning import parts_of
from registry.cypher.conditions import PARTS, Writing, both, way_seen
from registry.cypher.text import Cypher
from registry.modelling import End, Model, Property
from registry.plan import (
    ById,
    ByIds,
    Compare,
    Condition,
    Count,
    Facet,
    Follow,
    Given,
    Linked,
    Look,
    Order,
    Page,
    Question,
    Select,
    Several,
    Total,
)

FIRST, LAST = "", "\uffff"
BY_NAME = Order("name", descending=False)


@dataclass(frozen=True)
class Text:
    """A text with the places of its values: those of the map `$in`, and those of a page."""

    text: str
    givens: tuple[Given | Several, ...]
    page: Mapping[str, Given]
    seeking: str = ""

    def ask(self, variables: Mapping[str, Any], me: Mapping[str, object]) -> Cypher:
        """Return the text with the values of one question."""
        inside = {f"v{number}": given.value(variables) for number, given in enumerate(self.givens)}
        page = {key: given.value(variables) for key, given in self.page.items()}
        return Cypher(self.text, {"in": inside, "me": me, **page}, bool(page), self.seeking)


def write(question: Question, model: Model) -> Text:
    """Return the text of a question. Its rows hold one list each: see `selected` for what is in it."""
    writing = Reading(model)
    match question:
        case ById():
            return writing.by_id(question)
        case ByIds():
            return writing.by_ids(question)
        case Page():
            return writing.page(question)
        case Total():
            return writing.total(question)
        case Facet():
            return writing.facet(question)


class Reading(Writing):
    """A reading text being written."""

    def by_id(self, question: ById) -> Text:
        """No row or one: what is selected."""
        start = f"WITH {self.value(question.id)} AS id {self._of_kinds(question.views)}"
        return self._done(f"{start} RETURN {self._viewed(question.views)} AS row")

    def by_ids(self, question: ByIds) -> Text:
        """One row: a list of `[id, what is selected]`."""
        start = f"UNWIND {self.value(question.ids)} AS id {self._of_kinds(question.views)}"
        return self._done(f"{start} RETURN collect([n.id, {self._viewed(question.views)}])")

    def page(self, question: Page) -> Text:
        """A row a record: what each view selects, then the list of its keys, to make a cursor of."""
        anchored = beginning.anchor(question.where)
        if anchored is None and question.order in ((), (BY_NAME,), (Order("name", descending=True),)):
            return self._indexed_page(question)
        return self._sorted_page(question, anchored)

    def total(self, question: Total) -> Text:
        """One row: the number."""
        return self._begin(question, "RETURN count(n)")

    def facet(self, question: Facet) -> Text:
        """One row: a list of `[value, names, number, withheld]`, largest number first.

        Names are those of a term: its name, then its labels in Indonesian and English, if it has them; of a code null.
        Records of which the actor sees the summary only are counted apart, as withheld, where the value is a detail.
        """
        end = self.model[question.kind].ends.get(question.field)
        withheld, sort = "false", "number DESC, value"
        if end is None:
            declared, names = self.model[question.kind].properties[question.field], "null"
            apart = "" if declared.face else f", NOT {seen_whole('n')} AS withheld"
            counted = f"WITH {self._shown('n', declared)} AS value{apart}, count(n) AS number"
            if apart:
                withheld, sort = "withheld", f"{sort}, withheld"
        else:
            far = "m" if not question.rolled_up else "t"
            pattern = self.pattern("n", "e", f"{far}:{end.target}", end)
            counts = f"{self.link_seen('n', far, end)} AND {far}.status <> 'retired'"
            if question.rolled_up:
                pattern += f" MATCH way = (t){PARTS}(m:{end.target})"
                counts += f" AND {way_seen('way')} AND m.status <> 'retired'"
            counted = f"MATCH {pattern} WHERE {counts} WITH m, m.id AS value, count(DISTINCT n) AS number"
            names = "[m.name, m.label_id, m.label_en]"
        # The limit stands in a WITH of its own: Neo4j 2026 finds no `$in` in the LIMIT of one that counts.
        limit = self.value(question.first)
        cut = f"WITH value, {names} AS names, number, {withheld} AS withheld ORDER BY {sort} LIMIT {limit}"
        return self._begin(question, f"{counted} {cut} RETURN collect([value, names, number, withheld])")

    def selected(self, select: Select, node: str) -> str:
        """Return the list of what is selected of a record: faces, one list of details (or null), parts."""
        declared = self.model[select.kind].properties
        faces = [self._face(node, name) for name in select.properties if name == "withheld" or declared[name].face]
        details = [f"{node}.{name}" for name in select.properties if name != "withheld" and not declared[name].face]
        if details:
            faces.append(f"CASE WHEN {seen_whole(node)} THEN [{', '.join(details)}] END")
        return "[" + ", ".join(faces + [self._part(part, node, select.kind) for part in select.parts]) + "]"

    def _of_kinds(self, views: tuple[Select, ...]) -> str:
        return f"MATCH (n:{'|'.join(view.kind for view in views)} {{id: id}}) WHERE {seen('n')}"

    def _viewed(self, views: tuple[Select, ...]) -> str:
        """Return what the view of a record's kind selects; where there are several, behind the name of the kind."""
        if len(views) == 1:
            return self.selected(views[0], "n")
        alike: dict[Select, list[str]] = {}
        for view in views:
            alike.setdefault(_common(view), []).append(view.kind)
        *others, (usual, kinds) = sorted(alike.items(), key=lambda one: len(one[1]))
        cases = " ".join(
            f"WHEN {' OR '.join(f'n:{kind}' for kind in those)} THEN {self.selected(replace(view, kind=those[0]), 'n')}"
            for view, those in others
        )
        selected = self.selected(replace(usual, kind=kinds[0]), "n")
        return f"[labels(n)[0], {f'CASE {cases} ELSE {selected} END' if cases else selected}]"

    def _indexed_page(self, question: Page) -> Text:
        descending = bool(question.order and question.order[0].descending) is not question.backward
        than, direction = ("<", " DESC") if descending else (">", "")
        beyond = Given(fixed=LAST if descending else FIRST)
        key, last = question.start or (beyond, beyond)
        behind = f"n.name_key {than}= $k AND n.id IS NOT NULL AND (n.name_key {than} $k OR n.id {than} $id)"
        row = self._row(question, "n.name_key", "n.id")
        sort = f"ORDER BY n.name_key{direction}, n.id{direction} LIMIT $n"
        page = {"k": key, "id": last, "n": question.rows}
        return self._begin(question, f"RETURN {row} {sort}", page, also=behind, cut=sort)

    def _sorted_page(self, question: Page, anchored: tuple[Linked, Condition] | None) -> Text:
        kind = question.kind
        order = question.order or (BY_NAME,)
        keys = [self._key(one, kind) for one in order] + ["n.id"]
        falls = [one.descending is not question.backward for one in (*order, order[-1])]
        start, holds = self._anchored(kind, *anchored) if anchored else ("", "")
        behind = f"({self._behind(question.start, keys, falls)})" if question.start else "true"
        named = [f"k{number}" for number in range(len(keys))]
        given = ", ".join(f"{key} AS {name}" for key, name in zip(keys, named, strict=True))
        sort = "ORDER BY " + ", ".join(
            name + (" DESC" if down else "") for name, down in zip(named, falls, strict=True)
        )
        row = self._row(question, *named)
        rest, page = f"WITH DISTINCT n, {given} {sort} LIMIT $n RETURN {row} {sort}", {"n": question.rows}
        if anchored:
            return self._done(f"{start} WHERE {both(holds, behind)} {rest}", page)
        return self._begin(question, rest, page, also=behind)

    def _row(self, question: Page, *keys: str) -> str:
        views = [self.selected(view, "n") for view in question.views]
        return f"[{', '.join([*views, '[' + ', '.join(keys) + ']'])}] AS row"

    def _behind(self, start: tuple[Given, ...], keys: list[str], falls: list[bool]) -> str:
        """Return the predicate of coming behind the cursor: by the first key, or equal there and by the next."""
        values = [self.value(given) for given in start]
        text = ""
        for key, value, down in reversed(list(zip(keys, values, falls, strict=True))):
            further = f"{key} {'<' if down else '>'} {value}"
            text = f"{further} OR ({key} = {value} AND ({text}))" if text else further
        return text

    def _holds(self, question: Page | Total | Facet, where: Condition, also: str) -> str:
        return both(also, seen("n"), self.condition(where, "n", question.kind))

    def _anchored(self, kind: str, linked: Linked, rest: Condition) -> tuple[str, str]:
        """Begin at the one record that the condition names, and walk the link backwards; return the predicate, too."""
        end = self.model[kind].ends[linked.end]
        (named,) = parts_of(linked.far)
        assert isinstance(named, Compare)
        start = f"WITH {self.value(named.value)} AS id MATCH (m:{end.target} {{id: id}})"
        conditions = [
            self.condition(linked.among, "m", end.target),
            self.running(linked.runs, "e"),
            self.condition(rest, "n", kind),
        ]
        where = both(self.link_seen("n", "m", end), seen("n"), *conditions)
        edge = "e" if linked.runs else ""
        return f"{start} MATCH {self.pattern(f'n:{kind}', edge, 'm', end)}", where

    def _begin(
        self,
        question: Page | Total | Facet,
        rest: str,
        page: Mapping[str, Given] | None = None,
        *,
        also: str = "true",
        cut: str = "",
    ) -> Text:
        """Match the records that are asked for, and of which `also` holds, and go on; `cut` says which are enough."""
        matched = f"MATCH (n:{question.kind}) WHERE {self._holds(question, question.where, also)}"
        return self._done(f"{matched} {rest}", page, self._seeking(question, matched, also, cut, rest))

    def _seeking(self, question: Page | Total | Facet, matched: str, also: str, cut: str, rest: str) -> str:
        """Begin at the linked records of a sort, as long as there are few of them; "" where none are asked for.

        Walking from record to record is the faster where a sort is common, since a page is soon full.
        """
        sought = beginning.sort_sought(question.where, self.model[question.kind], self.model)
        if sought is None:
            return ""
        link, compare, others = sought
        end = self.model[question.kind].ends[link.end]
        found = f"MATCH (m:{end.target}) WHERE m.{compare.property} IN {self._listed(compare)}"
        meets = both(
            self.link_seen("n", "m", end),
            self.condition(link.among, "m", end.target),
            self.running(link.runs, "e"),
            self.demanded(link, "n", "e", "m", end),
        )
        linked = f"MATCH {self.pattern(f'n:{question.kind}', 'e', 'm', end)} WHERE {meets} WITH DISTINCT n"
        holds = self._holds(question, others, also)  # asked afterwards, so that no index of it is begun at
        enough = (
            f"UNWIND CASE WHEN size(few) = {beginning.FEW} THEN [1] ELSE [] END AS enough"  # else nothing is walked
        )
        return (
            f"CALL {{ {found} WITH m LIMIT {beginning.FEW} RETURN collect(m) AS few }}"
            f" CALL (few) {{ WITH few WHERE size(few) < {beginning.FEW} UNWIND few AS m {linked} WHERE {holds} RETURN n"
            f" UNION ALL {enough} CALL {{ {matched} {f'RETURN n {cut}'.rstrip()} }} RETURN n }} {rest}"
        )

    def _listed(self, compare: Compare) -> str:
        return self.value(compare.value) if compare.operator == "in" else f"[{self.value(compare.value)}]"

    def _face(self, node: str, name: str) -> str:
        return f"NOT {seen_whole(node)}" if name == "withheld" else f"{node}.{name}"

    def _shown(self, node: str, declared: Property) -> str:
        stored = f"{node}.{declared.name}"
        return stored if declared.face else f"CASE WHEN {seen_whole(node)} THEN {stored} END"

    def _part(self, part: Follow | Count | Look, node: str, kind: str) -> str:
        match part:
            case Follow():
                return self._follow(part, node, self.model[kind].ends[part.end])
            case Count():
                return self._count(part, node, self.model[kind].ends[part.end])
            case Look():
                return self._look(part, node, self.model[kind].properties[part.property])

    def _follow(self, follow: Follow, node: str, end: End) -> str:
        edge, far = self.variable(), self.variable()
        where = both(
            self.far_seen(far, end), self.running(follow.runs, edge), self.condition(follow.where, far, end.target)
        )
        order = follow.order or (BY_NAME,)
        keys = [self._key(one, end.target, far) for one in order] + [f"{far}.id"]
        sort = ", ".join(
            key + (" DESC" if one.descending else "") for key, one in zip(keys, (*order, order[-1]), strict=True)
        )
        sort += f", {edge}.key" if end.link.keyed else ""
        views = [self.selected(one, far) for one in follow.far] + [self.selected(one, node) for one in follow.near]
        edges = [self._edge(node, edge, far, end.link.properties[name], end) for name in follow.edge]
        row = views[0] if len(views) == 1 and not edges else f"[{', '.join(edges + views)}]"
        limit = self.value(follow.first)
        return self._of_links(
            node,
            end,
            f"COLLECT {{ MATCH {self.pattern(node, edge, f'{far}:{end.target}', end)} WHERE {where}"
            f" WITH {node}, {edge}, {far} ORDER BY {sort} LIMIT {limit} RETURN {row} }}",
        )

    def _edge(self, node: str, edge: str, far: str, declared: Property, end: End) -> str:
        stored, seen_by = f"{edge}.{declared.name}", self.edge_detail_seen(node, far, declared, end)
        return f"CASE WHEN {seen_by} THEN {stored} END" if seen_by else stored

    def _count(self, count: Count, node: str, end: End) -> str:
        edge, far = self.variable(), self.variable()
        where = both(
            self.far_seen(far, end), self.running(count.runs, edge), self.condition(count.where, far, end.target)
        )
        once = f" RETURN DISTINCT {far}" if end.link.keyed else ""
        counted = f"COUNT {{ MATCH {self.pattern(node, edge, f'{far}:{end.target}', end)} WHERE {where}{once} }}"
        return self._of_links(node, end, counted)

    def _of_links(self, node: str, end: End, found: str) -> str:
        """Return what is found of a record's links; null, which is unknown, for who may not see them."""
        return found if end.link.face else f"CASE WHEN {seen_whole(node)} THEN {found} END"

    def _look(self, look: Look, node: str, declared: Property) -> str:
        far = self.variable()
        match = f"MATCH ({far}:{declared.refers_to} {{id: {node}.{look.property}}}) WHERE {seen(far)}"
        return f"COLLECT {{ {match} RETURN {self.selected(look.select, far)} }}"

    def _key(self, order: Order, kind: str, node: str = "n") -> str:
        """Return the expression to sort by; what is missing or not to be seen comes after everything."""
        if order.property == "name":
            return f"{node}.name_key"
        declared = self.model[kind].properties[order.property]
        shown = self._shown(node, declared)
        if declared.value.stored == "BOOLEAN":
            return f"CASE {shown} WHEN false THEN 0 WHEN true THEN 1 ELSE 2 END"
        return shown if declared.promised else f"coalesce({shown}, {_AFTER[declared.value.stored]})"

    def _done(self, text: str, page: Mapping[str, Given] | None = None, seeking: str = "") -> Text:
        return Text(text, tuple(self.givens), page or {}, seeking)


def _common(view: Select) -> Select:
    """Return a view without its kind if it selects the same of every kind: properties, and records they name."""
    return replace(view, kind="") if all(isinstance(part, Look) for part in view.parts) else view


_AFTER = {"STRING": f"'{LAST}'", "INTEGER": "9999999999", "FLOAT": "1.7976931348623157e308"}
