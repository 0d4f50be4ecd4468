"""Where a text may begin other than at all records of a kind: at linked records that its conditions name."""

from registry.modelling import Kind, Model
from registry.plan import AllOf, Compare, Condition, Linked

FEW = 1000  # linked records, from which it is faster to begin than to look for them


def anchor(where: Condition) -> tuple[Linked, Condition] | None:
    """Return the first condition that is nothing but one linked record's id, and what is left without it."""
    parts = parts_of(where)
    for place, part in enumerate(parts):
        if (
            isinstance(part, Linked)
            and part.quantifier == "some"
            and not parts_of(part.near)
            and not parts_of(part.edge)
        ):
            far = parts_of(part.far)
            if len(far) == 1 and isinstance(far[0], Compare) and (far[0].property, far[0].operator) == ("id", "eq"):
                return part, AllOf(parts[:place] + parts[place + 1 :])
    return None


def sort_sought(where: Condition, kind: type[Kind], model: Model) -> tuple[Linked, Compare, Condition] | None:
    """Return the first link that must lead to a record of a sort, the sort, and what else is asked."""
    parts = parts_of(where)
    for place, part in enumerate(parts):
        if isinstance(part, Linked) and part.quantifier == "some":
            properties = model[kind.ends[part.end].target].properties
            for far in parts_of(part.far):
                if isinstance(far, Compare) and far.operator in ("eq", "in") and properties[far.property].sorts:
                    return part, far, AllOf(parts[:place] + parts[place + 1 :])
    return None


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """Return the conditions of which all must hold."""
    return condition.parts if isinstance(condition, AllOf) else (condition,)
