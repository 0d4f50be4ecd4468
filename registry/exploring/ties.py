"""Ties between agencies, rolled up to groups: sectors, areas, the bodies above, levels of government."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from registry.codes import called, label_of
from registry.cypher import exploring
from registry.exploring.asking import Asker

Pair = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """A group of agencies, by the id of its term or body, or by its code."""

    id: str
    label: str


@dataclass(frozen=True)
class GroupTie:
    """How two groups, or the members of one, are tied.

    `agencies` counts pairs of agencies that are tied in any way; the others count agreements in force, services
    provided together, and uses of a resource of the other. A tie counts once, however many ways lead to a group.
    """

    a: Group
    b: Group
    agencies: int
    partnerships: int
    services: int
    uses: int


@dataclass(frozen=True)
class Ties:
    """Tied pairs of groups, most pairs of agencies first.

    `withheld` tells that there may be more: of some agencies, resources or agreements the actor sees the summary only.
    """

    nodes: Sequence[GroupTie]
    withheld: bool


async def ties(asker: Asker, by: str, day: str) -> Ties:
    """Return the tied pairs of groups; `by` is one of exploring.GROUPS. Raises StoreError."""
    rows, (agreements, services, uses, withheld) = await asker.ask(
        exploring.groups(by, asker.actor), exploring.ties(asker.actor, day=day)
    )
    labels = {one: _label(by, one, *names) for _, groups in rows for one, *names in groups}
    groups_of = {agency: [one for one, *_ in groups] for agency, groups in rows}
    counts = [_tied(each, groups_of) for each in (agreements, services, uses)]
    pairs = _pairs([*agreements, *services, *uses], groups_of)
    found = [
        GroupTie(Group(a, labels[a]), Group(b, labels[b]), number, *(each[a, b] for each in counts))
        for (a, b), number in pairs.items()
    ]
    return Ties(sorted(found, key=lambda tie: (-tie.agencies, tie.a.id, tie.b.id)), withheld)


def _tied(lists: Iterable[Sequence[str]], groups_of: Mapping[str, Sequence[str]]) -> Counter[Pair]:
    """Count, by pair of groups, the lists of agencies that tie them."""
    counted: Counter[Pair] = Counter()
    for agencies in lists:
        counted.update({pair for a, b in combinations(agencies, 2) for pair in _group_pairs(a, b, groups_of)})
    return counted


def _pairs(lists: Iterable[Sequence[str]], groups_of: Mapping[str, Sequence[str]]) -> Counter[Pair]:
    """Count, by pair of groups, the pairs of agencies that are on any list together."""
    tied = {tuple(sorted(pair)) for agencies in lists for pair in combinations(agencies, 2)}
    return Counter(pair for a, b in tied for pair in set(_group_pairs(a, b, groups_of)))


def _group_pairs(a: str, b: str, groups_of: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    for one, other in product(groups_of.get(a, ()), groups_of.get(b, ())):
        yield (one, other) if one <= other else (other, one)


def _label(by: str, one: str, name: str | None, label_id: str | None, label_en: str | None) -> str:
    if by == "level_of_government":
        return called("level-of-government", one)
    return label_of(name or one, label_id, label_en)
