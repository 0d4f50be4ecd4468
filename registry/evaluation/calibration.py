"""Calibration: false-alarm rate and power of the significance tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from registry.analysis.overlaps import OVERLAPS, ComparableAgencies, overlaps, shuffled, significant_pairs
from registry.analysis.report import Report
from registry.analysis.sector_gaps import LEVEL, SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import SnapshotArrays, pattern
from registry.evaluation.generators import AS_OF, network, registry, without_ties
from registry.i18n import _
from registry.progress import steps

Random = np.random.Generator


def thinned(arrays: SnapshotArrays, random: Random, share: float) -> SnapshotArrays:
    """Return the arrays without a share of the ties between the two largest sectors."""
    largest = np.argsort(-np.bincount(arrays.sector[arrays.sector >= 0], minlength=2), kind="stable")[:2]
    ends = np.sort(arrays.sector[arrays.ties], axis=1)
    between = np.flatnonzero((ends == np.sort(largest)).all(axis=1))
    dropped = random.choice(between, round(share * len(between)), replace=False) if len(between) else between
    return replace(arrays, ties=np.delete(arrays.ties, dropped, axis=0))


def duplicated(
    compared: ComparableAgencies, random: Random, number: int, share: float
) -> tuple[ComparableAgencies, set[tuple[int, int]]]:
    """Inject similar pairs: replace a share of an agency's functions by those of another in a common area.

    At most `number` pairs are made, of agencies that are not close, each agency in one pair at most. Also returns
    the pairs (indices, smaller first).
    """
    does = [compared.functions[[n]].indices for n in range(len(compared.places))]
    made: set[tuple[int, int]] = set()
    taken: set[int] = set()
    for one in random.permutation(len(does)).tolist():
        partners = np.setdiff1d((compared.areas @ compared.areas[[one]].T).nonzero()[0], compared.close[[one]].indices)
        open_ = [other for other in partners.tolist() if other != one and other not in taken]
        if len(made) == number or one in taken or not open_:
            continue
        other = open_[int(random.integers(len(open_)))]
        copied = random.choice(does[one], min(round(share * len(does[one])), len(does[other])), replace=False)
        own = random.permutation(np.setdiff1d(does[other], copied))[: len(does[other]) - len(copied)]
        does[other] = np.concatenate([copied, own])
        made.add((min(one, other), max(one, other)))
        taken |= {one, other}
    cells = np.array([(agency, one) for agency, functions in enumerate(does) for one in functions], np.int64).reshape(
        -1, 2
    )
    return compared._replace(functions=pattern(cells, *compared.functions.shape)), made


SURE = 0.999
# Reports on pairs of agencies test tens of thousands of pairs in a round, so fewer rounds suffice; they also take longer.
FEWER = 10
FALSE_ALARMS, FALSE_PAIRS, FOUND, TRUE, UNTESTABLE = 0.06, 0.0001, 0.95, 0.75, 0.9
DUPLICATES, ONE_IN, COPIED, REMOVED = 18, 100, 0.7, 0.8

WHAT: Mapping[str, str] = {
    "gaps": "false gaps: rounds with a gap after the sectors were permuted",
    "gap-found": "gaps found: rounds with a gap after four of five ties between two sectors were removed",
    "overlaps": "false pairs: pairs found after the functions were permuted within sectors",
    "duplicates-found": "pairs found of the similar pairs injected, one agency in a hundred",
    "networks-of-200": "false gaps: rounds with a gap in random networks of 200 agencies",
    "networks-of-1000": "false gaps: rounds with a gap in random networks of 1,000 agencies",
    "networks-of-20": "sector pairs not tested in networks of 20 agencies",
    "injected-gap": "gaps found: rounds in which an injected gap is found among 200 agencies",
    "registries": "false pairs: pairs found among 2,000 agencies without similar pairs",
    "injected-found": "pairs found of those injected among 2,000 agencies",
    "injected-true": "injected pairs among those found",
}


class CalibrationCount(NamedTuple):
    """An observed count (`observed` of `of`) and its target share, if any.

    The target is an upper bound, or a lower bound if `least`.
    """

    name: str
    report: str
    own: bool
    observed: int
    of: int
    target: float | None = None
    least: bool = False

    @property
    def share(self) -> float | None:
        """The observed share, None if `of` is 0."""
        return self.observed / self.of if self.of else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met: a binomial test at level 0.001; None without a target or cases."""
        if self.target is None or not self.of:
            return None
        if self.least:
            return bool(self.observed >= binom.ppf(1 - SURE, self.of, self.target))
        return bool(self.observed <= binom.ppf(SURE, self.of, self.target))


def calibrate(arrays: SnapshotArrays, rounds: int, seed: int) -> list[CalibrationCount]:
    """Run the tests on the permuted snapshot for this many `rounds`, and on generated registries.

    Tests on pairs of agencies run a tenth as often.
    """
    checks: Sequence[Callable[[SnapshotArrays, int, Random], Iterator[CalibrationCount]]] = (
        _own_gaps, _own_pairs, _no_gaps, _small, _injected_gap, _no_pairs, _injected_pairs,
    )  # fmt: skip
    return [
        count
        for place, check in enumerate(checks)
        for count in check(arrays, rounds, np.random.default_rng((seed, place)))
    ]


def _own_gaps(arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Permute the sectors over the agencies, leaving the ties as they are."""
    alarms = found = 0
    for _round in _rounds("gaps", rounds if len(arrays.ties) else 0):
        permuted = replace(arrays, sector=random.permutation(arrays.sector))
        alarms += sector_gaps(permuted).found > 0
        found += sector_gaps(thinned(permuted, random, REMOVED)).found > 0
    of = rounds if len(arrays.ties) else 0
    yield CalibrationCount("gaps", SECTOR_GAPS.name, True, alarms, of, FALSE_ALARMS)
    yield CalibrationCount("gap-found", SECTOR_GAPS.name, True, found, of)


def _own_pairs(arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Permute the functions within each sector."""
    compared = ComparableAgencies.of(arrays)
    alarms = pairs = found = injected = 0
    number = max(len(compared.places) // ONE_IN, 1)
    for _round in _rounds("overlaps", _fewer(rounds)):
        permuted = shuffled(compared, int(random.integers(2**32)))
        judged = significant_pairs(permuted, LEVEL.default)
        alarms, pairs = alarms + len(judged.pairs.a), pairs + judged.family
        injected_pairs, made = duplicated(permuted, random, number, COPIED)
        significant = significant_pairs(injected_pairs, LEVEL.default).pairs
        found += len(made & set(zip(significant.a.tolist(), significant.b.tolist(), strict=True)))
        injected += len(made)
    yield CalibrationCount("overlaps", OVERLAPS.name, True, alarms, pairs, FALSE_PAIRS)
    yield CalibrationCount("duplicates-found", OVERLAPS.name, True, found, injected)


def _no_gaps(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Test generated networks without gaps."""
    for name, agencies in (("networks-of-200", 200), ("networks-of-1000", 1_000)):
        made = (SnapshotArrays.of(network(random, agencies), AS_OF) for _round in _rounds(name, rounds))
        yield CalibrationCount(
            name, SECTOR_GAPS.name, False, sum(sector_gaps(one).found > 0 for one in made), rounds, FALSE_ALARMS
        )


def _small(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Test generated networks of 20 agencies, which are too small to test most sector pairs."""
    every = _rounds("networks-of-20", _fewer(rounds))
    reports = [sector_gaps(SnapshotArrays.of(network(random, 20), AS_OF)) for _round in every]
    unknown, cells = sum(one.unknown for one in reports), sum(one.of for one in reports)
    yield CalibrationCount("networks-of-20", SECTOR_GAPS.name, False, unknown, cells, UNTESTABLE, True)


def _injected_gap(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Test generated networks with an injected gap."""
    every = _rounds("injected-gap", rounds)
    made = (SnapshotArrays.of(without_ties(network(random, 200), random, REMOVED), AS_OF) for _round in every)
    yield CalibrationCount(
        "injected-gap", SECTOR_GAPS.name, False, sum(sector_gaps(one).found > 0 for one in made), rounds, FOUND, True
    )


def _no_pairs(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Test generated registries without similar pairs."""
    every = _rounds("registries", _fewer(rounds))
    reports = [overlaps(SnapshotArrays.of(registry(random, 2_000).snapshot, AS_OF)) for _round in every]
    yield CalibrationCount(
        "registries",
        OVERLAPS.name,
        False,
        sum(one.found for one in reports),
        sum(one.of for one in reports),
        FALSE_PAIRS,
    )


def _injected_pairs(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Test generated registries with injected pairs."""
    true = injected = found = 0
    for _round in _rounds("injected-found", _fewer(rounds)):
        made = registry(random, 2_000, duplicates=DUPLICATES)
        pairs = _pairs(overlaps(SnapshotArrays.of(made.snapshot, AS_OF)))
        true, injected, found = true + len(pairs & made.duplicates), injected + len(made.duplicates), found + len(pairs)
    yield CalibrationCount("injected-found", OVERLAPS.name, False, true, injected, FOUND, True)
    yield CalibrationCount("injected-true", OVERLAPS.name, False, true, found, TRUE, True)


def _rounds(name: str, number: int) -> Iterator[int]:
    return steps(_(WHAT[name]), range(number))


def _pairs(report: Report) -> set[frozenset[str]]:
    return {frozenset(one.id for one in row.evidence if one.kind == "Agency") for row in report.rows}


def _fewer(rounds: int) -> int:
    return max(rounds // FEWER, 1)
