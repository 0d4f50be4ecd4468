"""What two or more agencies share: side by side, on what basis, until when, and what runs without an agreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.cypher import exploring
from registry.exploring.asking import Asker

MOST = 200


@dataclass(frozen=True)
class Use:
    """How one of the agencies works with a resource. `covered` is None where that cannot be seen."""

    agency: str
    role: str | None
    since: str | None
    until: str | None
    covered: bool | None


@dataclass(frozen=True)
class Agreement:
    """An agreement in force, and all its parties."""

    partnership: str
    parties: Sequence[str]


@dataclass(frozen=True)
class SharedResource:
    """A resource that one agency uses of another, or that several use of a third.

    The agreements in force that cover it: those of at least two of the agencies, and those of others. Uses and
    agreements are None where the actor sees the summary of the resource only.
    """

    resource: str
    owners: Sequence[str]
    uses: Sequence[Use] | None
    agreements: Sequence[str] | None
    other_agreements: Sequence[Agreement] | None

    @property
    def uncovered(self) -> bool:
        """Whether one of the uses is covered by no agreement in force."""
        return any(use.covered is False for use in self.uses or ())


@dataclass(frozen=True)
class Part:
    """An agency's part in a service or a partnership."""

    agency: str
    role: str | None


@dataclass(frozen=True)
class SharedService:
    """A service that several of the agencies provide."""

    service: str
    providers: Sequence[Part]


@dataclass(frozen=True)
class Stated:
    """What a party says last about a partnership, on one scale."""

    statement: str
    agency: str
    scale: str
    level: int
    on: str


@dataclass(frozen=True)
class SharedPartnership:
    """A partnership of several of the agencies; what only its details tell is None for who sees its face alone."""

    partnership: str
    parties: Sequence[Part]
    in_force: bool | None
    statements: Sequence[Stated] | None

    @property
    def disagreement(self) -> int | None:
        """The largest difference of levels that parties state on one scale; None where fewer than two say anything."""
        said = self.statements or ()
        levels = [[one.level for one in said if one.scale == scale] for scale in {one.scale for one in said}]
        return max((max(each) - min(each) for each in levels if len(each) > 1), default=None)


@dataclass(frozen=True)
class MetNeed:
    """A need of one agency, and a resource of another that could meet it."""

    need: str
    needed_by: str
    resource: str
    owner: str


@dataclass(frozen=True)
class Shared:
    """All that the agencies share on a day.

    `withheld` tells that there may be further resources: of some of the agencies, or of what they own, the actor sees the
    summary only, so that some uses are unknown.
    """

    agencies: Sequence[str]
    as_of: str
    resources: Sequence[SharedResource]
    services: Sequence[SharedService]
    needs: Sequence[MetNeed]
    partnerships: Sequence[SharedPartnership]
    withheld: bool

    @property
    def uncovered(self) -> Sequence[SharedResource]:
        """The resources of which a use is covered by no agreement in force."""
        return [one for one in self.resources if one.uncovered]


async def shared_between(asker: Asker, agencies: Sequence[str], day: str) -> Shared:
    """Return what the agencies, two or more ids, share on a day; at most MOST of each sort. Raises StoreError."""
    ids, actor = list(dict.fromkeys(agencies)), asker.actor
    resources, services, partnerships, needs, withheld = await asker.ask(
        exploring.shared_resources(ids, actor, day=day, most=MOST),
        exploring.shared_services(ids, actor, most=MOST),
        exploring.shared_partnerships(ids, actor, most=MOST),
        exploring.met_needs(ids, actor, most=MOST),
        exploring.shared_withheld(ids, actor),
    )
    return Shared(
        ids,
        day,
        [_resource(ids, *row) for row in resources],
        [SharedService(service, [Part(*one) for one in providers]) for service, providers in services],
        [MetNeed(*row) for row in needs],
        [_partnership(day, *row) for row in partnerships],
        withheld,
    )


def _resource(
    agencies: Sequence[str],
    resource: str,
    owners: list[str],
    uses: list[Any],
    agreements: list[tuple[str, list[str]]],
    hidden: list[str],
    whole: bool,
) -> SharedResource:
    """Tell of each use whether an agreement in force has its user as a party and covers the resource."""
    if not whole:
        return SharedResource(resource, owners, None, None, None)
    parties = {party for _, those in agreements for party in those}
    told = [
        Use(agency, role, since, until, True if agency in parties else None if agency in hidden else False)
        for agency, role, since, until in uses
    ]
    between = [one for one, those in agreements if len(set(those).intersection(agencies)) > 1]
    others = [Agreement(one, those) for one, those in agreements if one not in between]
    return SharedResource(resource, owners, told, between, others)


def _partnership(
    day: str,
    partnership: str,
    parties: list[Any],
    whole: bool,
    valid_from: str | None,
    valid_until: str | None,
    said: list[Any],
) -> SharedPartnership:
    in_force = (valid_from or day) <= day <= (valid_until or day) if whole else None
    latest = {
        (agency, scale): Stated(one, agency, scale, level, on) for one, agency, scale, level, on in reversed(said)
    }
    statements = list(latest.values()) if whole else None
    return SharedPartnership(partnership, [Part(*one) for one in parties], in_force, statements)
