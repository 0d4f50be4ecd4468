"""What is on record as it would be without some records, with more ties, or after agreements have lapsed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Any, NamedTuple

from registry.analysis.alteration import Alteration
from registry.analysis.lists import Agency, Lists, Partnership, Resource
from registry.analysis.stopping import Stop, orphans, stopping
from registry.reports.report import Evidence


class Altered(NamedTuple):
    """The lists as they would be, the records that were named to alter them, and what stops with those that are lost.

    `faces` are the names of those that are lost of which no more than the face is known, so that what needs them is not.
    """

    lists: Lists
    named: tuple[Evidence, ...]
    faces: Sequence[str]
    stops: Sequence[Stop]


def altered(lists: Lists, as_of: str, alteration: Alteration) -> Altered:
    """Return the lists as they would be on the day (ISO text); those that are given stay as they are.

    With what is lost goes what has nobody left to provide or own it. What stops for want of something stays on record.
    """
    lost, ties, lapsed = alteration
    ended = {one.id: _ended(one, as_of) for one in lapsed}
    partnerships = [ended.get(one.id, one) for one in lists.partnerships]
    partnerships += [_tie(lists, pair, n, as_of) for n, pair in enumerate(ties)]
    gone = {one.id for one in lost}
    unowned = list(orphans(lists, gone))
    gone |= {one.id for one in unowned}
    named = dict.fromkeys(evidence_of(one) for one in (*lost, *chain.from_iterable(ties), *lapsed))
    faces = [one.name for one in lost if not one.whole]
    stops = [*map(Stop, unowned), *stopping(lists, gone)]
    return Altered(_without(lists._replace(partnerships=partnerships), gone), tuple(named), faces, stops)


def evidence_of(one: Any) -> Evidence:
    """Return a record of the lists as evidence."""
    return Evidence(one.id, one.name, type(one).__name__)


def _ended(one: Partnership, as_of: str) -> Partnership:
    """Return the agreement with the day before as its last."""
    last = (date.fromisoformat(as_of) - timedelta(1)).isoformat()
    return one._replace(valid_from=one.valid_from and min(one.valid_from, last), valid_until=last)


def _tie(lists: Lists, pair: tuple[Agency, Agency], number: int, as_of: str) -> Partnership:
    """Return an agreement in force without end that covers what the one uses of the other, so that nothing is found amiss in it."""
    one, other = pair
    covered = [each.id for each in lists.resources if _used_between(each, one.id, other.id)]
    return Partnership(
        f"what-if:{number}", f"{one.name} – {other.name}", valid_from=as_of, legal_basis="what-if", parties=[one.id, other.id],
        covers=covered or ["what-if"],
    )  # fmt: skip


def _used_between(resource: Resource, one: str, other: str) -> bool:
    users = {use[0] for use in resource.uses}
    return (one in resource.owners and other in users) or (other in resource.owners and one in users)


def _without(lists: Lists, gone: set[str]) -> Lists:
    """Take these ids out of all lists; what was for, of or between them alone goes with them."""
    if not gone:
        return lists
    partnerships = list(_agreements(lists.partnerships, gone))
    gone = gone | {one.id for one in lists.partnerships} - {one.id for one in partnerships}
    return lists._replace(
        agencies=list(_cut(lists.agencies, gone, "part_of")),
        services=list(_cut(lists.services, gone, "providers", "leads", "requires", "depends_on")),
        resources=[_unused(one, gone) for one in _cut(lists.resources, gone, "owners")],
        needs=list(_cut(lists.needs, gone, "agencies", whole=("agencies",))),
        partnerships=partnerships,
        statements=list(_cut(lists.statements, gone, "agencies", "partnerships", whole=("agencies", "partnerships"))),
        channels=list(_cut(lists.channels, gone, "agencies", "services", whole=("agencies", "services"))),
        feedbacks=list(_cut(lists.feedbacks, gone, "services", "channels", "owners", whole=("services",))),
    )


def _agreements(partnerships: Iterable[Partnership], gone: set[str]) -> Iterator[Partnership]:
    """Yield the agreements that still have two parties, or never had."""
    known = {one.id: len(one.parties) for one in partnerships}
    for one in _cut(partnerships, gone, "parties"):
        if len(one.parties) >= min(known[one.id], 2):
            yield one


def _cut(records: Iterable[Any], gone: set[str], *fields: str, whole: Sequence[str] = ()) -> Iterator[Any]:
    """Yield the records that are not gone, without what is; not those that have lost all there was in one of the `whole` fields."""
    for one in records:
        if one.id in gone:
            continue
        cut = {
            name: [each for each in getattr(one, name) if each not in gone]
            for name in fields
            if not gone.isdisjoint(getattr(one, name))
        }
        if all(cut.get(name, True) for name in whole):
            yield one._replace(**cut) if cut else one


def _unused(resource: Resource, gone: set[str]) -> Resource:
    uses = [use for use in resource.uses if use[0] not in gone]
    return resource._replace(uses=uses) if len(uses) < len(resource.uses) else resource
