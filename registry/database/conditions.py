"""Compile the conditions, counts and sort keys of a query to Cypher expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from registry.database.query import (
    AllOf,
    AnyOf,
    Compare,
    CompareCount,
    Condition,
    EndCondition,
    Follow,
    LinkCondition,
    LinkCount,
    Not,
    Parameter,
    ParameterList,
    Runs,
    Within,
    detail_kinds,
    link_detail_kinds,
)
from registry.model.kinds import End, Model, Property
from registry.permissions import (
    can_view_details,
    can_view_far_end,
    can_view_link_property,
    can_view_path,
    may_be_partial,
)

PARTS = "-[:BROADER*0..6]->"  # matches the path from a narrower vocabulary term, or from the term itself, to the term
# The deepest level of units below an agency that is matched. Each level has a pattern of its own, because a pattern of variable
# length would follow every path.
LEVELS = 12
# How many levels of each hierarchy are followed at a time, and how often. Agencies that are found on several paths are followed once.
_ABOVE = {"BROADER": (PARTS, 1), "PART_OF": (f"-[:PART_OF*0..{LEVELS // 3}]->", 3)}


class CypherWriter:
    """Compiles conditions to Cypher predicates, numbers the variables and collects the query parameters."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.givens: list[Parameter | ParameterList] = []
        self._variables = 0

    def variable(self) -> str:
        """Return a variable name that is not used yet in the query."""
        self._variables += 1
        return f"x{self._variables}"

    def value(self, given: Parameter | ParameterList) -> str:
        """Return the Cypher expression that refers to a parameter."""
        self.givens.append(given)
        return f"$in.v{len(self.givens) - 1}"

    def condition(self, condition: Condition, node: str, kind: str, *, unknown: bool = False) -> str:
        """Return the predicate for a condition on a record. The predicate is never null.

        If the actor may not see a value, a condition on that value fails, and so does its negation. If the actor may not see the
        compared property, the predicate has the value `unknown`.
        """
        return _joined(condition, lambda leaf, unknown: self._of_record(leaf, node, kind, unknown), unknown)

    def _of_record(self, condition: Condition, node: str, kind: str, unknown: bool) -> str:
        match condition:
            case Compare():
                declared = self.model[kind].readable[condition.property]
                holds, summary = self._compare(condition, f"{node}.", declared), declared.summary
            case CompareCount():
                end = self.model[kind].ends[condition.count.end]
                holds = self._compare_count(condition, end, node)
                if end.link.summary:
                    return holds
                known = self.count_is_known(condition.count, node, end)
                return f"(NOT ({known}) OR {holds})" if unknown else f"({known} AND {holds})"
            case Runs():
                first, last = self.model[kind].period() or ("", "")
                holds = period_predicate(condition.period, node, self.value(condition.day), first, last)
                holds, summary = f"({holds})", self.model[kind].properties[first].summary
            case Within():
                return self._within(condition, node, kind)
            case LinkCondition():
                return self._link_condition(condition, node, self.model[kind].ends[condition.end], unknown=unknown)
            case _:
                raise TypeError(f"no condition on a record: {condition}")
        return holds if summary else _unless_withheld(node, holds, unknown=unknown)

    def pattern(self, node: str, edge: str, far: str, end: End) -> str:
        """Return the Cypher pattern that leads from a node along a link to the record at the other end."""
        left, right = ("-", "->") if end.outgoing else ("<-", "-")
        return f"({node}){left}[{edge}:{end.link.relation}]{right}({far})"

    def _within(self, within: Within, node: str, kind: str) -> str:
        parents = self.model[kind].parents()
        assert parents is not None
        pattern, stages = _ABOVE[parents.link.relation]
        clauses, start = [], node
        for _stage in range(stages):
            far, way = self.variable(), self.variable()
            clauses.append(f"MATCH {way} = ({start}){pattern}({far}:{kind}) WHERE")
            clauses.append(f"{can_view_path(way)} WITH DISTINCT {far}")
            start = far
        clauses[-1] = f"{start}.id IN {self.value(within.ids)} AND {can_view_path(way)}"
        return f"EXISTS {{ {' '.join(clauses)} }}"

    def _link_condition(self, linked: LinkCondition, node: str, end: End, *, unknown: bool) -> str:
        edge, far = self.variable(), self.variable()
        negated = linked.quantifier == "none"
        holds = self.demanded(linked, node, edge, far, end, unknown=unknown is not negated)
        among = f" AND {self.condition(linked.among, far, end.target)}" if linked.among != AllOf() else ""
        pattern = self.pattern(node, edge, f"{far}:{end.target}", end)
        counts = all_of(can_view_far_end(far, end.link), self.running(linked.runs, edge))
        start = f"MATCH {pattern} WHERE {counts}{among}"
        if linked.quantifier == "every":
            found = f"NOT EXISTS {{ {start} AND NOT ({holds}) }}"
        else:
            found = f"{'NOT ' if negated else ''}EXISTS {{ {start} AND {holds} }}"
        return found if end.link.summary else _unless_withheld(node, found, unknown=unknown)

    def demanded(
        self, linked: LinkCondition, node: str, edge: str, far: str, end: End, *, unknown: bool = False
    ) -> str:
        """Return the predicate for the conditions on the far record, on the near record and on the link.

        `unknown` has the same meaning as in `condition`.
        """
        return all_of(
            self.condition(linked.far, far, end.target, unknown=unknown),
            self.condition(linked.near, node, end.kind, unknown=unknown),
            self._edge_condition(linked.edge, node, edge, far, end, unknown=unknown),
        )

    def running(self, which: Runs | None, edge: str) -> str:
        """Return the predicate that a link is in the period `which`. If `which` is None, return "true"."""
        return "true" if which is None else period_predicate(which.period, edge, self.value(which.day))

    def _edge_condition(
        self, condition: Condition, node: str, edge: str, far: str, end: End, *, unknown: bool = False
    ) -> str:
        """Return the predicate for conditions on a link; `unknown` has the same meaning as in `condition`."""
        return _joined(condition, lambda leaf, unknown: self._of_link(leaf, node, edge, far, end, unknown), unknown)

    def _of_link(self, condition: Condition, node: str, edge: str, far: str, end: End, unknown: bool) -> str:
        match condition:
            case Compare():
                declared = end.link.properties[condition.property]
                holds = self._compare(condition, f"{edge}.", declared)
            case Runs():
                declared = end.link.properties["since"]
                holds = f"({self.running(condition, edge)})"
            case EndCondition(side="far"):
                return self.condition(condition.part, far, end.target, unknown=unknown)
            case EndCondition():
                return self.condition(condition.part, node, end.kind, unknown=unknown)
            case _:
                raise TypeError(f"no condition on a link: {condition}")
        seen_by = can_view_link_property(node, far, declared, end.link)
        if not seen_by:
            return holds
        return f"(NOT ({seen_by}) OR {holds})" if unknown else f"({seen_by} AND {holds})"

    def linked_far(self, part: Follow | LinkCount, node: str, edge: str, far: str, end: End) -> str:
        """Return the predicate that a link and the record at its far end belong to a list or a count."""
        return all_of(
            can_view_far_end(far, end.link),
            self.running(part.runs, edge),
            self.condition(part.where, far, end.target),
            self._edge_condition(part.links, node, edge, far, end),
        )

    def counted(self, count: LinkCount, node: str, end: End) -> str:
        """Return the expression for the number of records at the far end of the links of a record that the actor can see."""
        edge, far = self.variable(), self.variable()
        where = self.linked_far(count, node, edge, far, end)
        once = f" RETURN DISTINCT {far}" if end.link.keyed and not count.each else ""
        return f"COUNT {{ MATCH {self.pattern(node, edge, f'{far}:{end.target}', end)} WHERE {where}{once} }}"

    def _compare(self, compare: Compare, owner: str, declared: Property) -> str:
        stored, operator = stored_value(owner, declared), compare.operator
        if operator == "is_null":
            return f"({stored} IS NULL) = {self.value(compare.value)}"
        if operator in ("contains", "starts_with", "ends_with"):
            stored = f"{owner}name_key" if compare.property == "name" else f"toLower({stored})"
        if operator == "has":
            return f"coalesce({self.value(compare.value)} IN {stored}, false)"
        holds = f"coalesce({stored} {_SYMBOLS[operator]} {self.value(compare.value)}, false)"
        return f"NOT {holds}" if operator in ("ne", "not_in") else holds

    def hides(self, part: Follow | LinkCount, end: End) -> str:
        """Return the predicate that a list or a count may leave out links, because the actor sees only the summary of some records."""
        of_far = detail_kinds(part.where, self.model[end.target], self.model)
        return may_be_partial({end.target, *of_far, *link_detail_kinds(part.links, end, self.model)})

    def count_is_known(self, count: LinkCount, node: str, end: End) -> str:
        """Return the predicate that the actor gets a number for a count of links that belong to the details of a record."""
        return f"{can_view_details(node)} AND (NOT {self.hides(count, end)} OR {self.counted(count, node, end)} > 0)"

    def _compare_count(self, compare: CompareCount, end: End, node: str) -> str:
        """Return the predicate that compares a number of links. It needs no coalesce: the number is never null."""
        if compare.operator == "is_null":
            return f"{self.value(compare.value)} = false"
        holds = f"{self.counted(compare.count, node, end)} {_SYMBOLS[compare.operator]} {self.value(compare.value)}"
        return f"NOT ({holds})" if compare.operator in ("ne", "not_in") else f"({holds})"


def _joined(condition: Condition, leaf: Callable[[Condition, bool], str], unknown: bool) -> str:
    """Return the predicate for joined conditions. `leaf` returns the predicate for any other condition."""
    match condition:
        case AllOf():
            return " AND ".join(_joined(part, leaf, unknown) for part in condition.parts) or "true"
        case AnyOf():
            parts = (f"({_joined(part, leaf, unknown)})" for part in condition.parts)
            return f"({' OR '.join(parts) or 'false'})"
        case Not():
            return f"NOT ({_joined(condition.part, leaf, not unknown)})"
    return leaf(condition, unknown)


def match_ids(ids: str, kinds: Iterable[str]) -> str:
    """Return the Cypher that matches the records `n` of several kinds by their ids. `ids` is the expression for the list of ids.

    Each kind has a match of its own. With one match of several labels, the embedded engine would not use the index of ids.
    """
    matches = [f"UNWIND {ids} AS id MATCH (n:{kind} {{id: id}})" for kind in kinds]
    return matches[0] if len(matches) == 1 else f"CALL {{ {' RETURN n UNION ALL '.join(matches)} RETURN n }} WITH n"


def stored_value(owner: str, declared: Property) -> str:
    """Return the expression for a property of the record or link `owner`, which is a variable name and a dot."""
    if declared.difference is None:
        return owner + declared.name
    return "({0}{1} - {0}{2})".format(owner, *declared.difference)


def _unless_withheld(node: str, holds: str, *, unknown: bool) -> str:
    """Return a predicate on the details of a record; its value is `unknown` if the actor may see only the record's summary."""
    return f"(NOT {can_view_details(node)} OR {holds})" if unknown else f"({can_view_details(node)} AND {holds})"


def period_predicate(period: str, owner: str, day: str, first: str = "since", last: str = "until") -> str:
    """Return the predicate that the time from `first` to `last` is current, ended or upcoming on a day, as `period` says."""
    ended, upcoming = f"{owner}.{last} < {day}", f"{owner}.{first} > {day}"
    return {
        "current": f"NOT coalesce({upcoming}, false) AND NOT coalesce({ended}, false)",
        "ended": f"coalesce({ended}, false)",
        "upcoming": f"coalesce({upcoming}, false) AND NOT coalesce({ended}, false)",
    }[period]


def disputing(agreement: str) -> str:
    """Return the MATCH clause for the parties `x` that dispute an agreement, as far as the actor may see their positions.

    A disputed agreement is not in force. A dispute lasts if the party is retired. Every statement that reads disputes uses this.
    """
    visible = f"{can_view_details(agreement)} AND {can_view_details('x')}"
    return f"MATCH ({agreement})<-[y:PARTY_TO]-(x:Agency) WHERE y.standing = 'disputed' AND {visible}"


def all_of(*predicates: str) -> str:
    """Join predicates with AND, leaving out each predicate that is the text "true"."""
    return " AND ".join(one for one in predicates if one != "true") or "true"


_SYMBOLS = {
    "eq": "=", "ne": "=", "in": "IN", "not_in": "IN", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=",
    "contains": "CONTAINS", "starts_with": "STARTS WITH", "ends_with": "ENDS WITH",
}  # fmt: skip
