"""The rules that a record has to keep and that more than one of its values is needed for: the same for every way in.

Each tells what breaks it. Who asks brings what it needs: a change by hand what the graph holds, a load what it read as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from registry.figures import amount
from registry.records import Problem, show
from registry.words import _

Values = Mapping[str, object]
DIGITS = 9  # to which amounts are compared: their sums are of binary fractions


class Promise(NamedTuple):
    """What an accepted request takes of a resource, today or from a day to come."""

    request: str
    agency: str
    quantity: float


def total(promises: Iterable[Promise]) -> float:
    """Return how much is promised."""
    return round(sum(one.quantity for one in promises), DIGITS)


def undercut(resource: Values, promises: Iterable[Promise]) -> Iterator[Problem]:
    """Yield what of a resource, its capacity or what is in use, is less than what is promised of it."""
    promises = list(promises)
    least, agencies = total(promises), len({one.agency for one in promises})
    if _amount(resource.get("in_use")) < least:
        message = (
            _("In use must be at least {n}, the amount already promised to one agency.")
            if agencies == 1
            else _("In use must be at least {n}, the amount already promised to {agencies} agencies.")
        )
        yield _promised("in_use", resource, least, message.format(n=amount(least), agencies=agencies))
    if resource.get("capacity") is not None and _amount(resource["capacity"]) < least:
        message = (
            _("Capacity must be at least {n}, the amount already promised to one agency.")
            if agencies == 1
            else _("Capacity must be at least {n}, the amount already promised to {agencies} agencies.")
        )
        yield _promised("capacity", resource, least, message.format(n=amount(least), agencies=agencies))


def _promised(name: str, resource: Values, least: float, message: str) -> Problem:
    return Problem("PROMISED", name, show(resource.get(name)), _("at least {n}").format(n=amount(least)), message)


def _amount(value: object) -> float:
    """Return an amount as it counts against what is promised: one that is not known leaves room for nothing."""
    return round(float(str(value)), DIGITS) if value is not None else 0.0
