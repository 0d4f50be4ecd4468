"""Special applications that do what a general one offers (SPBE: Presidential Regulation 95 of 2018 asks for general ones)."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from registry.analysis.fitting import NOT_SHARED, Wider
from registry.analysis.lists import Lists, Resource

APPLICATION, GENERAL, SPECIAL, LEAST_FUNCTIONS = "application", "general", "special", 2


class Doubled(NamedTuple):
    """A special application and the general one that serves all its functions, or broader ones, where it is used."""

    special: Resource
    general: Resource


def special_applications(lists: Lists) -> list[Resource]:
    """Return the special applications."""
    return [one for one in lists.resources if one.kind == APPLICATION and one.application_class == SPECIAL]


def comparable(special: Resource) -> bool:
    """Tell whether enough is on record to compare by; one function is too little, for it may be as wide as a field of work."""
    return len(special.functions) >= LEAST_FUNCTIONS


def doubled(lists: Lists, as_of: str) -> Iterator[Doubled]:
    """Yield each special application that a general one could replace, with the one that is most like it."""
    areas, functions = Wider(lists.areas), Wider(lists.functions)
    general: dict[str, list[Resource]] = defaultdict(list)
    for offered in lists.resources:
        if _offered(offered, as_of):
            for function in offered.functions:
                general[function].append(offered)
    for special in filter(comparable, special_applications(lists)):
        could = [
            one
            for function in sorted(functions.upwards(special.functions[0]))
            for one in general[function]
            if functions.reach(one.functions, special.functions) and areas.reach(one.areas, special.areas)
        ]
        if could:
            yield Doubled(special, could[int(np.argmax([likeness(special, one) for one in could]))])


def likeness(one: Resource, other: Resource) -> float:
    """Return the Jaccard index of what two resources serve."""
    return len({*one.functions} & {*other.functions}) / len({*one.functions, *other.functions})


def _offered(one: Resource, as_of: str) -> bool:
    general = one.kind == APPLICATION and one.application_class == GENERAL and bool(one.functions)
    return general and one.shareability != NOT_SHARED and (one.available_since or "") <= as_of
