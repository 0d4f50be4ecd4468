"""Which resource fits which need, and what stands in the way."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import isfinite

from registry.analysis.lists import Lists, Need, Resource, Term
from registry.records import fold

NOT_SHARED = "not-shared"
# What stands in the way, the farthest from a fit first.
OBSTACLES = ("own", "not-shared", "elsewhere", "purpose", "later", "full", "too-little")


class Fitting:
    """Compares needs with resources of the same kind and unit."""

    def __init__(self, lists: Lists) -> None:
        self._areas, self._functions = Wider(lists.areas), Wider(lists.functions)
        self._of_sort: dict[tuple[str | None, str], list[Resource]] = defaultdict(list)
        self._of_kind: dict[str | None, list[Resource]] = defaultdict(list)
        for one in lists.resources:
            self._of_sort[one.kind, fold(one.unit or "")].append(one)
            self._of_kind[one.kind].append(one)

    def candidates(self, need: Need) -> Iterator[Resource]:
        """Yield the resources of the need's kind that are counted in its unit; a unit that is not known may be the same."""
        if not need.unit:
            yield from self._of_kind[need.kind]
        else:
            yield from self._of_sort[need.kind, fold(need.unit)]
            yield from self._of_sort[need.kind, ""]

    def obstacle(self, need: Need, resource: Resource, spare: float | None) -> str | None:
        """Return the first of OBSTACLES that stands in the way, None where nothing that is known does."""
        there = zip(OBSTACLES, self._hindered(need, resource, spare), strict=True)
        return next((obstacle for obstacle, hinders in there if hinders), None)

    def _hindered(self, need: Need, resource: Resource, spare: float | None) -> Iterator[bool]:
        """Yield for each of OBSTACLES, when it is asked for, whether it stands in the way."""
        yield any(owner in need.agencies for owner in resource.owners)
        yield resource.shareability == NOT_SHARED
        yield not self._areas.reach(resource.areas, need.areas)
        yield not self._functions.reach(resource.functions, need.functions, some=True)
        yield bool(need.by_when and resource.available_since and need.by_when < resource.available_since)
        yield spare is not None and spare <= 0
        yield spare is not None and spare < (known(need.quantity) or 0)


class Wider:
    """Terms with all that is broader."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._broader = {one.id: one.broader for one in terms}
        self._reached: dict[str, set[str]] = {}

    def reach(self, held: Sequence[str], wanted: Sequence[str], *, some: bool = False) -> bool:
        """Tell whether what is held is, or is broader than, each (or `some`) of what is wanted; where one is unknown it may be."""
        if not held or not wanted:
            return True
        met = (not self.upwards(one).isdisjoint(held) for one in wanted)
        return any(met) if some else all(met)

    def upwards(self, term: str) -> set[str]:
        """Return the term and all that is broader; circles do no harm."""
        if term not in self._reached:
            reached, new = {term}, [term]
            while new:
                new += [up for up in self._broader.get(new.pop(), ()) if up not in reached]
                reached.update(new)
            self._reached[term] = reached
        return self._reached[term]


def spare(resource: Resource) -> float | None:
    """Return the capacity that is not in use, in the resource's unit; None where it is not known."""
    capacity, used = known(resource.capacity), known(resource.in_use)
    return None if capacity is None or used is None else capacity - used


def known(amount: float | None) -> float | None:
    """Return the amount, None where it is no number."""
    return None if amount is None or not isfinite(amount) else amount


def certain(need: Need, resource: Resource) -> bool:
    """Tell whether all is known that a fit depends on: amounts, units and places."""
    amounts = known(need.quantity), spare(resource)
    told = need.unit, resource.unit, need.areas, resource.areas
    return None not in amounts and all(told)
