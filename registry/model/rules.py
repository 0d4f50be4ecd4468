"""Rules that involve several records: promised capacity, cycles, and the least number of links."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from registry.i18n import _, amount
from registry.i18n import day as in_words
from registry.model.kinds import End
from registry.model.records import Problem, show

Values = Mapping[str, object]
IN_FORCE = ("proposed", "published")  # statuses in which a record must be complete, unlike a draft
DIGITS = 9  # decimals compared, because sums of floating-point numbers are inexact


class Promise(NamedTuple):
    """The quantity of a resource that is promised to an accepted request. The promise begins today or on a later day."""

    request: str
    agency: str
    quantity: float = 0.0
    since: str | None = None


def circular(
    end: End, record: str, far: Collection[str], beyond: Callable[[Collection[str]], set[str]]
) -> Iterator[Problem]:
    """Yield a problem for each new link that closes a cycle. `beyond` follows the link from given ids and returns the ids reached."""
    for one in far:
        seen, edge = {one}, {one}
        while edge and record not in seen:
            edge = beyond(edge) - seen
            seen |= edge
        if record in seen:
            yield in_circle(end, one)


def in_circle(end: End, far: str) -> Problem:
    """Return the problem for a link that closes a cycle."""
    message = _("This leads back to the record itself.")
    return Problem("CONTRADICTION", end.name, show(far), _("no circle"), message)


def too_few(end: End, status: object, count: int) -> Iterator[Problem]:
    """Yield a problem if a proposed or published record has fewer relationships of a link type than required."""
    if count < end.link.at_least and status in IN_FORCE:
        rule = _("at least {n}").format(n=end.link.at_least)
        message = _("At least {n} are needed, and it has {count}.").format(n=end.link.at_least, count=count)
        yield Problem("CONTRADICTION", end.name, str(count), rule, message)


def of_request(request: Values, resource: Values, day: str) -> Iterator[Problem]:
    """Yield a problem for each reason why a resource cannot satisfy a request on a day. Declined requests are always valid."""
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
    """Yield a problem if a promised resource is retired, or if it becomes available later than promised."""
    promises = list(promises)
    if promises and resource.get("status") == "retired":
        message = _("This resource is promised to others: end their requests first.")
        yield Problem("PROMISED", "status", "retired", _("a resource that is not promised to anybody"), message)
    first, begun = resource.get("available_since"), min((one.since for one in promises if one.since), default=None)
    if first and begun and begun < str(first):
        message = _("This resource is promised to others from {day} on.").format(day=in_words(begun))
        yield Problem("PROMISED", "available_since", show(first), _("at latest {day}").format(day=begun), message)


def total(promises: Iterable[Promise]) -> float:
    """Return the total quantity of the given promises."""
    return round(sum(one.quantity for one in promises), DIGITS)


def undercut(resource: Values, promises: Iterable[Promise]) -> Iterator[Problem]:
    """Yield a problem if the capacity of a resource, or its amount in use, is less than the total quantity promised."""
    promises = [one for one in promises if one.quantity]
    least, agencies = total(promises), len({one.agency for one in promises})
    if _amount(resource.get("in_use")) < least:
        message = (
            _("The amount in use must be at least {n}, the amount already promised to one agency.")
            if agencies == 1
            else _("The amount in use must be at least {n}, the amount already promised to {agencies} agencies.")
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
    """Return an amount, rounded for comparison. An unknown amount is treated as 0."""
    return round(float(str(value)), DIGITS) if value is not None else 0.0
