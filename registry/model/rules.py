"""Rules across records: capacity and promises, cycles, parties of an agreement."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from registry.i18n import _, amount
from registry.i18n import day as in_words
from registry.model.kinds import End
from registry.model.records import Problem, show

Values = Mapping[str, object]
IN_FORCE = ("proposed", "published")  # the statuses of what is complete; a draft may lack something
DIGITS = 9  # to which amounts are compared: their sums are of binary fractions


class Promise(NamedTuple):
    """What an accepted request takes of a resource, today or from a day to come."""

    request: str
    agency: str
    quantity: float = 0.0
    since: str | None = None


def circular(
    end: End, record: str, far: Collection[str], beyond: Callable[[Collection[str]], set[str]]
) -> Iterator[Problem]:
    """Yield those of the records that a link leads to from which it leads back; `beyond` tells where it leads from some."""
    for one in far:
        seen, edge = {one}, {one}
        while edge and record not in seen:
            edge = beyond(edge) - seen
            seen |= edge
        if record in seen:
            yield in_circle(end, one)


def in_circle(end: End, far: str) -> Problem:
    """Return the problem of a link that leads back to where it begins."""
    message = _("This leads back to the record itself.")
    return Problem("CONTRADICTION", end.name, show(far), _("no circle"), message)


def too_few(end: End, status: object, count: int) -> Iterator[Problem]:
    """Yield that a record, by its status, has fewer of a link than it needs."""
    if count < end.link.at_least and status in IN_FORCE:
        rule = _("at least {n}").format(n=end.link.at_least)
        message = _("At least {n} are needed, and it has {count}.").format(n=end.link.at_least, count=count)
        yield Problem("CONTRADICTION", end.name, str(count), rule, message)


def of_request(request: Values, resource: Values, day: str) -> Iterator[Problem]:
    """Yield what of a request its resource cannot give, on a day; what was declined or is over asks for nothing."""
    since, until, decision = request.get("since"), request.get("until"), request.get("decision")
    first = resource.get("available_since")
    if decision == "declined":
        return
    over = decision == "ended" or (until is not None and str(until) < day)
    if resource.get("status") == "retired" and not over:
        rule, message = _("a resource that is not retired"), _("This resource is retired.")
        yield Problem("CONTRADICTION", "resource", show(resource.get("id")), rule, message)
    if since and first and str(since) < str(first):
        rule = _("not before {day}").format(day=first)
        message = _("This resource is available from {day} on.").format(day=in_words(str(first)))
        yield Problem("CONTRADICTION", "since", show(since), rule, message)


def withdrawn(resource: Values, promises: Iterable[Promise]) -> Iterator[Problem]:
    """Yield what of a resource takes away what is promised of it: that it is retired, or comes later than was said."""
    promises = list(promises)
    if promises and resource.get("status") == "retired":
        message = _("This resource is promised to others: end their requests first.")
        yield Problem("PROMISED", "status", "retired", _("a resource that nobody was promised"), message)
    first, begun = resource.get("available_since"), min((one.since for one in promises if one.since), default=None)
    if first and begun and begun < str(first):
        message = _("This resource is promised to others from {day} on.").format(day=in_words(begun))
        yield Problem("PROMISED", "available_since", show(first), _("at latest {day}").format(day=begun), message)


def total(promises: Iterable[Promise]) -> float:
    """Return how much is promised."""
    return round(sum(one.quantity for one in promises), DIGITS)


def undercut(resource: Values, promises: Iterable[Promise]) -> Iterator[Problem]:
    """Yield what of a resource, its capacity or what is in use, is less than what is promised of it."""
    promises = [one for one in promises if one.quantity]
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
