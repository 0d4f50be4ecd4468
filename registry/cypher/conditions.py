"""Conditions of a plan as Cypher predicates, each with what the actor may see built in."""

from registry.access import seen, seen_whole
from registry.modelling import End, Model, Property
from registry.plan import AllOf, AnyOf, Compare, Condition, Given, Linked, Not, Runs, Several, Within

PARTS = "-[:BROADER*0..6]->"  # from a part, or the term itself, to the term
LEVELS = (
    12  # of units below an agency; each level is climbed by itself, since there may be very many ways through several
)


class Writing:
    """One text being written: it numbers variables and collects the values that the text is asked with."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.givens: list[Given | Several] = []
        self._variables = 0

    def variable(self) -> str:
        """Return a variable that the text does not have yet."""
        self._variables += 1
        return f"x{self._variables}"

    def value(self, given: Given | Several) -> str:
        """Return the expression that the value of `given` will stand for."""
        self.givens.append(given)
        return f"$in.v{len(self.givens) - 1}"

    def condition(self, condition: Condition, node: str, kind: str, *, unknown: bool = False) -> str:
        """Return the predicate, never null, of a condition on a record.

        What the actor may not see is unknown: a condition on it does not hold, and neither does its negation.
        `unknown` is what the predicate says where the condition is unknown.
        """
        match condition:
            case Compare():
                declared = self.model[kind].properties[condition.property]
                holds = self._compare(condition, f"{node}.", declared)
                return holds if declared.face else _known(node, holds, unknown=unknown)
            case Within():
                return self._within(condition, node, kind)
            case Linked():
                return self._linked(condition, node, self.model[kind].ends[condition.end], unknown=unknown)
            case AllOf():
                every = (self.condition(part, node, kind, unknown=unknown) for part in condition.parts)
                return " AND ".join(every) or "true"
            case AnyOf():
                parts = (f"({self.condition(part, node, kind, unknown=unknown)})" for part in condition.parts)
                return f"({' OR '.join(parts) or 'false'})"
            case Not():
                return f"NOT ({self.condition(condition.part, node, kind, unknown=not unknown)})"

    def pattern(self, node: str, edge: str, far: str, end: End) -> str:
        """Return the pattern from a node along a link to its far end."""
        left, right = ("-", "->") if end.outgoing else ("<-", "-")
        return f"({node}){left}[{edge}:{end.link.relation}]{right}({far})"

    def link_seen(self, node: str, far: str, end: End) -> str:
        """Return the predicate of who may see a link: both ends, and all of both where it is no face."""
        return self.far_seen(far, end) if end.link.face else f"{seen_whole(node)} AND {self.far_seen(far, end)}"

    def far_seen(self, far: str, end: End) -> str:
        """Return the predicate of who may see a link, of those who may see the links of its near record."""
        return seen(far) if end.link.face else seen_whole(far)

    def _within(self, within: Within, node: str, kind: str) -> str:
        far, way = self.variable(), self.variable()
        match = f"MATCH {way} = ({node}){PARTS}({far}:{kind})"
        return f"EXISTS {{ {match} WHERE {far}.id IN {self.value(within.ids)} AND {way_seen(way)} }}"

    def _linked(self, linked: Linked, node: str, end: End, *, unknown: bool) -> str:
        edge, far = self.variable(), self.variable()
        negated = linked.quantifier == "none"
        holds = self.demanded(linked, node, edge, far, end, unknown=unknown is not negated)
        among = f" AND {self.condition(linked.among, far, end.target)}" if linked.among != AllOf() else ""
        pattern = self.pattern(node, edge, f"{far}:{end.target}", end)
        counts = both(self.far_seen(far, end), self.running(linked.runs, edge))
        start = f"MATCH {pattern} WHERE {counts}{among}"
        if linked.quantifier == "every":
            found = f"NOT EXISTS {{ {start} AND NOT ({holds}) }}"
        else:
            found = f"{'NOT ' if negated else ''}EXISTS {{ {start} AND {holds} }}"
        return found if end.link.face else _known(node, found, unknown=unknown)

    def demanded(self, linked: Linked, node: str, edge: str, far: str, end: End, *, unknown: bool = False) -> str:
        """Return the predicate of what a link asks of both its records and of itself; `unknown` as in `condition`."""
        return both(
            self.condition(linked.far, far, end.target, unknown=unknown),
            self.condition(linked.near, node, end.kind, unknown=unknown),
            self._edge_condition(linked.edge, node, edge, far, end, unknown=unknown),
        )

    def running(self, which: Runs | None, edge: str) -> str:
        """Return the predicate of which links count."""
        return "true" if which is None else runs(which.period, edge, self.value(which.day))

    def edge_detail_seen(self, node: str, far: str, declared: Property, end: End) -> str:
        """Return the predicate of who, of those who see a link, may see a property of it; "" where all of them may."""
        return f"{seen_whole(node)} AND {seen_whole(far)}" if end.link.face and not declared.face else ""

    def _edge_condition(
        self, condition: Condition, node: str, edge: str, far: str, end: End, *, unknown: bool = False
    ) -> str:
        """Return the predicate of conditions on a link's own properties; `unknown` as in `condition`."""
        match condition:
            case Compare():
                declared = end.link.properties[condition.property]
                holds = self._compare(condition, f"{edge}.", declared)
                seen_by = self.edge_detail_seen(node, far, declared, end)
                if not seen_by:
                    return holds
                return f"(NOT ({seen_by}) OR {holds})" if unknown else f"({seen_by} AND {holds})"
            case AllOf():
                parts = (self._edge_condition(part, node, edge, far, end, unknown=unknown) for part in condition.parts)
                return " AND ".join(parts) or "true"
        raise TypeError(f"no condition on a link: {condition}")

    def _compare(self, compare: Compare, owner: str, declared: Property) -> str:
        stored, operator = owner + compare.property, compare.operator
        if operator == "is_null":
            return f"({stored} IS NULL) = {self.value(compare.value)}"
        if operator in ("contains", "starts_with", "ends_with"):
            stored = f"{owner}name_key" if compare.property == "name" else f"toLower({stored})"
        if operator == "has":
            return f"coalesce({self.value(compare.value)} IN {stored}, false)"
        holds = f"coalesce({stored} {_SYMBOLS[operator]} {self.value(compare.value)}, false)"
        return f"NOT {holds}" if operator in ("ne", "not_in") else holds


def _known(node: str, holds: str, *, unknown: bool) -> str:
    """Return a predicate on details of a record, which says `unknown` where the actor sees its summary only."""
    return f"(NOT {seen_whole(node)} OR {holds})" if unknown else f"({seen_whole(node)} AND {holds})"


def runs(period: str, owner: str, day: str, first: str = "since", last: str = "until") -> str:
    """Return the predicate that what runs from a first to a last day is current on a day, has ended, or is upcoming."""
    ended, upcoming = f"{owner}.{last} < {day}", f"{owner}.{first} > {day}"
    return {
        "current": f"NOT coalesce({upcoming}, false) AND NOT coalesce({ended}, false)",
        "ended": f"coalesce({ended}, false)",
        "upcoming": f"coalesce({upcoming}, false) AND NOT coalesce({ended}, false)",
    }[period]


def way_seen(way: str) -> str:
    """Return the predicate that the actor may know of every record on a way: what a hidden one joins is not told."""
    return f"all(x IN nodes({way}) WHERE {seen('x')})"


def both(*predicates: str) -> str:
    """Return the predicate that all of these hold, leaving out those that always do."""
    return " AND ".join(one for one in predicates if one != "true") or "true"


_SYMBOLS = {
    "eq": "=", "ne": "=", "in": "IN", "not_in": "IN", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=",
    "contains": "CONTAINS", "starts_with": "STARTS WITH", "ends_with": "ENDS WITH",
}  # fmt: skip
