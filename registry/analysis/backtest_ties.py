"""How well partners in common tell ties that were hidden, or came later, beside rankings that need no partners at all."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import NamedTuple

import numpy as np

from registry.analysis.link_scores import Blocks, near
from registry.analysis.lists import Lists
from registry.analysis.progress import steps
from registry.analysis.ranking import Scored
from registry.analysis.resampling import SEED
from registry.analysis.standing import adjacency
from registry.analysis.world import Ints, World
from registry.words import _

HIDDEN, SPLITS, YEARS, FEWEST_HITS = 0.1, 20, 5, 10
MOST_KINDS, TELLING, BETTER, WON = 3_000, 100, 1.1, 0.8
REPORT = "allocation"
TRIVIAL = ("degrees", "blocks", "sector")


class Split(NamedTuple):
    """Ties that are known and ties to be told (m x 2), and what each method makes of all pairs that are not known to be tied."""

    known: int
    hits: int
    unreachable: int
    scored: Mapping[str, Scored]


class Judged(NamedTuple):
    """What splits of one sort gave: their name (a day, or none where ties were hidden at random), and each of them."""

    day: str | None
    splits: Sequence[Split]

    def mean(self, method: str) -> float:
        """The mean average precision of a method."""
        return float(np.mean(self._precisions(method)))

    def spread(self, method: str) -> float:
        """The standard deviation of its average precision over the splits; 0 for one."""
        return float(np.std(self._precisions(method), ddof=1)) if len(self.splits) > 1 else 0.0

    def precision(self, method: str) -> float:
        """The mean share of true ones among as many first pairs as there are ties to be told."""
        return float(np.mean([one.scored[method].precision_at(one.hits) for one in self.splits]))

    @property
    def methods(self) -> Sequence[str]:
        """The methods that there are scores of."""
        return list(self.splits[0].scored)

    @property
    def best_trivial(self) -> str:
        """The trivial ranking with the highest mean average precision."""
        return max((one for one in TRIVIAL if one in self.methods), key=self.mean)

    @property
    def beats(self) -> bool:
        """Whether the report's ranking is a tenth better than the best trivial one on average, and better in four splits of five."""
        ours, theirs = (np.array(self._precisions(method)) for method in (REPORT, self.best_trivial))
        return bool(ours.mean() >= BETTER * theirs.mean() and np.mean(ours > theirs) >= WON)

    def _precisions(self, method: str) -> list[float]:
        return [one.scored[method].average_precision for one in self.splits]


def hidden_at_random(world: World, splits: int) -> Judged | None:
    """Hide a tenth of the agreements at random, again and again, and rank all pairs that are not tied by what is left.

    Whole agreements are hidden, not single ties: what is left of one of three parties would give its third tie away. Every measure,
    those of sectors and of numbers of ties too, is made of what is left. None where that hides too few ties to tell.
    """
    random, (pairs, agreement) = np.random.default_rng(SEED), _agreed(world)
    every, number = np.unique(pairs, axis=0), int(agreement.max(initial=-1)) + 1
    found = []
    for _split_number in steps(_("rounds with agreements hidden"), range(splits)):
        left = random.permutation(number)[agreement] >= HIDDEN * number
        known = np.unique(pairs[left], axis=0)
        if len(every) - len(known) < FEWEST_HITS:
            return None
        found.append(_split(known, _without(every, known, len(world.agencies)), world.sector))
    return Judged(None, found)


def _agreed(world: World) -> tuple[Ints, Ints]:
    """Return the pairs of parties (k x 2, smaller place first) of each agreement that stands or may, and its number (k)."""
    standing = [one for one in world.lists.partnerships if one.in_force(world.as_of) or not one.whole]
    parties = [sorted({world.place[party] for party in one.parties if party in world.place}) for one in standing]
    pairs = [(a, b, number) for number, places in enumerate(parties) for a, b in combinations(places, 2)]
    table = np.array(pairs, np.int64).reshape(-1, 3)
    return table[:, :2], table[:, 2]


def held_out_by_date(lists: Lists, as_of: str) -> list[Judged]:
    """Know only what was in force a year, two years and so on before the day, and tell what was tied a year later."""
    found = []
    for ago in range(YEARS, 0, -1):
        before, after = (World.of(lists, _years_before(as_of, years)) for years in (ago, ago - 1))
        new = _without(after.ties, before.ties, len(before.agencies))
        if len(new) >= FEWEST_HITS:
            found.append(Judged(before.as_of, [_split(before.ties, new, before.sector)]))
    return found


def _years_before(day: str, years: int) -> str:
    one = date.fromisoformat(day)
    return one.replace(year=max(one.year - years, 1), day=min(one.day, 28)).isoformat()


def _without(ties: Ints, others: Ints, size: int) -> Ints:
    return ties[~np.isin(_keys(ties, size), _keys(others, size))]


def _keys(ties: Ints, size: int) -> Ints:
    keys: Ints = ties.min(axis=1) * size + ties.max(axis=1)
    return keys


def _split(known: Ints, told: Ints, sector: Ints) -> Split:
    by_partners = dict(_by_partners(known, told, len(sector)))
    unreachable = int(by_partners[REPORT].hits[-1]) if len(told) else 0
    return Split(len(known), len(told), unreachable, by_partners | dict(_by_kind(known, told, sector)))


def _by_partners(known: Ints, told: Ints, size: int) -> Iterator[tuple[str, Scored]]:
    """Yield the scores by partners in common; all pairs that have none are one group, the last."""
    pairs = near(adjacency(known, size))
    hit = np.isin(pairs.a * size + pairs.b, _keys(told, size))
    others = size * (size - 1) // 2 - len(known) - len(hit)
    candidates, hits = np.append(np.ones(len(hit), np.int64), others), np.append(hit, len(told) - hit.sum())
    for name, score in (("allocation", pairs.allocation), ("adamic_adar", pairs.adamic_adar), ("common", pairs.common)):
        yield name, Scored.of(np.append(score, 0), candidates, hits)


def _by_kind(known: Ints, told: Ints, sector: Ints) -> Iterator[tuple[str, Scored]]:
    """Yield the scores that depend on the sectors and numbers of ties alone, counted over kinds of agency instead of pairs."""
    blocks = Blocks.of(sector, known)
    width = int(blocks.degree.max(initial=0)) + 1
    _kinds, first, kind = np.unique(blocks.group * width + blocks.degree, return_index=True, return_inverse=True)
    if len(first) > MOST_KINDS:
        return
    a, b = np.triu_indices(len(first))
    candidates, hits = _between(kind, known, told)
    one, other = first[a], first[b]
    degrees = blocks.degree.astype(np.float64)
    yield "degrees", Scored.of(degrees[one] * degrees[other], candidates, hits)
    yield "blocks", Scored.of(blocks.score(one, other), candidates, hits)
    yield "sector", Scored.of((blocks.group[one] == blocks.group[other]).astype(np.float64), candidates, hits)


def _between(kind: Ints, known: Ints, told: Ints) -> tuple[Ints, Ints]:
    """Return, for each two kinds, how many pairs are not known to be tied, and how many of them are to be told."""
    size = np.bincount(kind)
    number = len(size)
    pairs = np.outer(size, size)
    np.fill_diagonal(pairs, size * (size - 1) // 2)
    upper = np.triu_indices(number)
    there, hits = (_counted(np.sort(kind[ties], axis=1), number)[upper] for ties in (known, told))
    return pairs[upper] - there, hits


def _counted(ends: Ints, number: int) -> Ints:
    return np.bincount(ends[:, 0] * number + ends[:, 1], minlength=number * number).reshape(number, number)
