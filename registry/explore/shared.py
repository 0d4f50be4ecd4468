"""What agencies share: resources, services and agreements; and cooperation between groups of agencies."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from registry.database import exploration
from registry.explore import ExploreContext
from registry.model.codelists import code_label, label_of

MOST = 200


@dataclass(frozen=True)
class SharedUse:
    """The use of a resource by one of the agencies.

    `covered` is whether an agreement in force covers the use, and `agreements` are these agreements. If the actor may not know
    whether an agreement covers the use, `covered` is None.
    """

    agency: str
    role: str | None
    since: str | None
    until: str | None
    covered: bool | None
    agreements: Sequence[str]


@dataclass(frozen=True)
class CoveringAgreement:
    """An agreement that is valid on the day and covers a resource, with all its parties and the parties that dispute it."""

    partnership: str
    parties: Sequence[str]
    disputed_by: Sequence[str]
    positions_visible: bool


@dataclass(frozen=True)
class SharedResource:
    """A resource that one of the agencies owns and another uses, or that several of the agencies use.

    `agreements` and `other_agreements` are the agreements in force that cover the resource. In `agreements`, at least two of the
    compared agencies are parties; in `other_agreements`, one of them is. `disputed_agreements` are agreements with one of them as a
    party that would be in force if no party disputed them. Uses and agreements are None if the actor sees only the summary of the
    resource. `withheld` is whether the actor may not see some of the agreements.
    """

    resource: str
    owners: Sequence[str]
    uses: Sequence[SharedUse] | None
    agreements: Sequence[str] | None
    other_agreements: Sequence[CoveringAgreement] | None
    disputed_agreements: Sequence[CoveringAgreement] | None
    withheld: bool

    @property
    def uncovered(self) -> bool:
        """Whether an agency uses the resource without an agreement in force that covers the use."""
        return any(use.covered is False for use in self.uses or ())


@dataclass(frozen=True)
class Participation:
    """The role of an agency in a service or a partnership."""

    agency: str
    role: str | None


@dataclass(frozen=True)
class SharedService:
    """A service that several of the given agencies provide."""

    service: str
    providers: Sequence[Participation]


@dataclass(frozen=True)
class PartyAssessment:
    """A party's latest assessment of a partnership on one scale."""

    statement: str
    agency: str
    scale: str
    level: int
    on: str


@dataclass(frozen=True)
class SharedPartnership:
    """A partnership of several of the given agencies. If the actor sees only the summary of the partnership, the details are None.

    A partnership is in force if it is valid on the day and no party disputes it. If the actor does not see the positions of all
    parties, it may be unknown whether the partnership is in force.
    """

    partnership: str
    parties: Sequence[Participation]
    in_force: bool | None
    disputed_by: Sequence[str] | None
    statements: Sequence[PartyAssessment] | None

    @property
    def disagreement(self) -> int | None:
        """The largest difference between the levels that the parties gave on one scale.

        If no two parties used the same scale, the value is None.
        """
        stated = self.statements or ()
        levels = [[one.level for one in stated if one.scale == scale] for scale in {one.scale for one in stated}]
        return max((max(each) - min(each) for each in levels if len(each) > 1), default=None)


@dataclass(frozen=True)
class MetNeed:
    """A need of one agency, and a resource of another agency that could meet the need."""

    need: str
    needed_by: str
    resource: str
    owner: str


@dataclass(frozen=True)
class SharedBetween:
    """Everything that the given agencies share on a day.

    `withheld` says that there may be more shared resources. The actor then sees only the summary of some of the agencies or of
    resources they own, so that some uses are unknown.
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
        """The shared resources that an agency uses without an agreement in force that covers the use."""
        return [one for one in self.resources if one.uncovered]


async def shared_between(context: ExploreContext, agencies: Sequence[str], day: str) -> SharedBetween:
    """Return the records that two or more agencies share on a day, at most MOST of each kind. Raises StoreError."""
    ids, actor = list(dict.fromkeys(agencies)), context.actor
    resources, services, partnerships, needs, withheld = await context.run(
        exploration.shared_resources(ids, actor, day=day, most=MOST),
        exploration.shared_services(ids, actor, most=MOST),
        exploration.shared_partnerships(ids, actor, most=MOST),
        exploration.met_needs(ids, actor, most=MOST),
        exploration.shared_withheld(ids, actor),
    )
    return SharedBetween(
        ids,
        day,
        [_shared_resource(ids, *row, withheld=actor.may_be_partial(["Partnership"])) for row in resources],
        [SharedService(service, [Participation(*one) for one in providers]) for service, providers in services],
        [MetNeed(*row) for row in needs],
        [_shared_partnership(day, *row) for row in partnerships],
        withheld,
    )


def _shared_resource(
    agencies: Sequence[str],
    resource: str,
    owners: list[str],
    uses: list[Any],
    found: list[Any],
    hidden: list[str],
    whole: bool,
    *,
    withheld: bool,
) -> SharedResource:
    """Return a shared resource. For each use of the resource, the result says whether an agreement covers the use.

    A use is covered if its agency is a party to an agreement that covers the resource, is valid and is not disputed.
    """
    if not whole:
        return SharedResource(resource, owners, None, None, None, None, withheld=True)
    covering = [CoveringAgreement(*one) for one in found if set(one[1]).intersection(agencies)]
    in_force = [one for one in covering if not one.disputed_by]
    between = [one for one in in_force if len(set(one.parties).intersection(agencies)) > 1]
    return SharedResource(
        resource,
        owners,
        [_shared_use(use, in_force, hidden) for use in uses],
        [one.partnership for one in between],
        [one for one in in_force if one not in between],
        [one for one in covering if one.disputed_by],
        withheld or not all(one.positions_visible for one in covering),
    )


def _shared_use(use: Sequence[Any], in_force: Sequence[CoveringAgreement], hidden: Sequence[str]) -> SharedUse:
    agency, role, since, until = use
    agreements = [one for one in in_force if agency in one.parties]
    certain = any(one.positions_visible for one in agreements)
    covered = True if certain else None if agreements or agency in hidden else False
    return SharedUse(agency, role, since, until, covered, [one.partnership for one in agreements])


def _shared_partnership(
    day: str,
    partnership: str,
    parties: list[Any],
    whole: bool,
    valid_from: str | None,
    valid_until: str | None,
    disputed_by: list[str],
    positions_visible: bool,
    found: list[Any],
) -> SharedPartnership:
    valid = (valid_from or day) <= day <= (valid_until or day)
    in_force = valid and not disputed_by if positions_visible or disputed_by or not valid else None
    latest = {
        (agency, scale): PartyAssessment(one, agency, scale, level, on)
        for one, agency, scale, level, on in reversed(found)
    }
    statements = list(latest.values()) if whole else None
    return SharedPartnership(
        partnership,
        [Participation(*one) for one in parties],
        in_force if whole else None,
        disputed_by if whole and (positions_visible or disputed_by) else None,
        statements,
    )


Pair = tuple[str, str]


@dataclass(frozen=True)
class AgencyGroup:
    """A group of agencies. The key of the group is a code, or the id of a vocabulary term or of a public body."""

    key: str
    label: str


@dataclass(frozen=True)
class GroupTie:
    """The cooperation between two groups of agencies, or within one group.

    `agencies` is the number of pairs of agencies that cooperate in any way. The other numbers count agreements in force, services
    provided together, and uses of a resource of the other group. Each agreement, service or use counts once for a pair of groups.
    """

    a: AgencyGroup
    b: AgencyGroup
    agencies: int
    partnerships: int
    services: int
    uses: int


@dataclass(frozen=True)
class Ties:
    """Pairs of groups whose agencies cooperate. The pair of groups with the most pairs of cooperating agencies comes first.

    `withheld` says that there may be more pairs: the actor sees only the summary of some agencies, resources or agreements.
    """

    nodes: Sequence[GroupTie]
    withheld: bool


async def ties(context: ExploreContext, by: str, day: str) -> Ties:
    """Return the cooperation between groups of agencies; `by` is a key of `database.exploration.GROUPS`. Raises StoreError."""
    rows, (agreements, services, uses, withheld) = await context.run(
        exploration.groups(by, context.actor), exploration.ties(context.actor, day=day)
    )
    labels = {one: _label(by, one, *names) for _, groups in rows for one, *names in groups}
    groups_of = {agency: [one for one, *_ in groups] for agency, groups in rows}
    counts = [_ties_by_group(each, groups_of) for each in (agreements, services, uses)]
    pairs = _agency_pairs([*agreements, *services, *uses], groups_of)
    found = [
        GroupTie(AgencyGroup(a, labels[a]), AgencyGroup(b, labels[b]), number, *(each[a, b] for each in counts))
        for (a, b), number in pairs.items()
    ]
    return Ties(sorted(found, key=lambda tie: (-tie.agencies, tie.a.key, tie.b.key)), withheld)


def _ties_by_group(lists: Iterable[Sequence[str]], groups_of: Mapping[str, Sequence[str]]) -> Counter[Pair]:
    """For each pair of groups, count the agreements, services or uses that involve agencies of both groups."""
    counted: Counter[Pair] = Counter()
    for agencies in lists:
        counted.update({pair for a, b in combinations(agencies, 2) for pair in _group_pairs(a, b, groups_of)})
    return counted


def _agency_pairs(lists: Iterable[Sequence[str]], groups_of: Mapping[str, Sequence[str]]) -> Counter[Pair]:
    """For each pair of groups, count the pairs of agencies that cooperate at least once."""
    together = {tuple(sorted(pair)) for agencies in lists for pair in combinations(agencies, 2)}
    return Counter(pair for a, b in together for pair in set(_group_pairs(a, b, groups_of)))


def _group_pairs(a: str, b: str, groups_of: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    for one, other in product(groups_of.get(a, ()), groups_of.get(b, ())):
        yield (one, other) if one <= other else (other, one)


def _label(by: str, one: str, name: str | None, label_id: str | None, label_en: str | None) -> str:
    if by == "level_of_government":
        return code_label("level-of-government", one)
    return label_of(name or one, label_id, label_en)
