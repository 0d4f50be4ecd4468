"""Calibration of the significance tests: how often a test gives a false alarm, and how often it finds an injected effect."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from registry.analysis.overlaps import OVERLAPS, ComparableAgencies, overlaps, shuffled, significant_pairs
from registry.analysis.report import Report
from registry.analysis.sector_gaps import LEVEL, SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import AgencyRow, PartnershipRow, ServiceRow, Snapshot, SnapshotArrays, TermRow, pattern
from registry.i18n import _
from registry.progress import steps

AS_OF = "2026-11-25"
SECTORS, AREAS, REGIONS, FUNCTIONS, SERVICES = 11, 500, 25, 2_000, 20
Ints = NDArray[np.int64]


class GeneratedRegistry(NamedTuple):
    """A generated registry, and the pairs of agencies (ids) that were given similar work in the same area on purpose."""

    snapshot: Snapshot
    duplicates: set[frozenset[str]]


def network(random: np.random.Generator, agencies: int, *, sectors: int = SECTORS, degree: float = 6) -> Snapshot:
    """Return agencies in sectors of unequal size, with random ties; the agencies' weights in the draw of ties are lognormal."""
    return Snapshot(
        agencies=agencies_in(_sectors(random, agencies, sectors)),
        partnerships=partnerships_of(_ties(random, agencies, round(agencies * degree / 2))),
        sectors=terms("sector", sectors),
    )


def without_ties(snapshot: Snapshot, random: np.random.Generator, share: float) -> Snapshot:
    """Return the snapshot without a random `share` of the ties between the two sectors that have the most agencies."""
    sector = {one.id: one.sectors[0] for one in snapshot.agencies}
    largest = set(sorted(set(sector.values()), key=list(sector.values()).count)[-2:])
    between = [n for n, one in enumerate(snapshot.partnerships) if {sector[party] for party in one.parties} == largest]
    dropped = set(random.choice(between, round(share * len(between)), replace=False).tolist()) if between else set()
    return snapshot._replace(partnerships=[one for n, one in enumerate(snapshot.partnerships) if n not in dropped])


def registry(random: np.random.Generator, agencies: int, *, duplicates: int = 0, copied: int = 14) -> GeneratedRegistry:
    """Return agencies in random areas with 20 services each; each sector has its typical functions among 2,000 functions.

    In addition, `duplicates` pairs of agencies without an agreement are chosen. In each pair, one agency copies `copied` services
    of the other agency.
    """
    sector = _sectors(random, agencies, SECTORS)
    does, areas, ties = _functions(random, sector), _areas(random, agencies), _ties(random, agencies, 3 * agencies)
    pairs = _untied(random, agencies, ties)[:duplicates]
    for a, b in pairs.tolist():
        does[b, :copied] = random.choice(np.unique(does[a]), copied, replace=False)
        areas[b, 0] = areas[a, 0]
    snapshot = Snapshot(
        agencies=agencies_in(sector, areas),
        services=[
            ServiceRow(f"service:{n:06}", f"Service {n}", True, [_agency(n // SERVICES)], [f"function:{function:06}"])
            for n, function in enumerate(does.ravel().tolist())
        ],
        partnerships=partnerships_of(ties),
        sectors=terms("sector", SECTORS), areas=terms("area", AREAS), functions=terms("function", FUNCTIONS),
    )  # fmt: skip
    return GeneratedRegistry(snapshot, {frozenset(map(_agency, pair)) for pair in pairs.tolist()})


def _sectors(random: np.random.Generator, agencies: int, sectors: int) -> Ints:
    return random.choice(sectors, agencies, p=random.dirichlet(np.full(sectors, 4)))


def _functions(random: np.random.Generator, sector: Ints) -> Ints:
    does = np.empty((len(sector), SERVICES), np.int64)
    for one in range(SECTORS):
        members = np.flatnonzero(sector == one)
        typical = random.dirichlet(np.full(FUNCTIONS, 0.15))
        does[members] = random.choice(FUNCTIONS, (len(members), SERVICES), p=typical)
    return does


def _areas(random: np.random.Generator, agencies: int) -> Ints:
    size = AREAS // REGIONS
    return random.integers(size, size=(agencies, 9)) + size * random.integers(REGIONS, size=(agencies, 1))


def _ties(random: np.random.Generator, agencies: int, wanted: int) -> Ints:
    """Return `wanted` distinct pairs of agencies (m x 2, smaller index first); agencies are drawn with lognormal weights."""
    weight = random.lognormal(0, 0.5, agencies)
    found = np.empty((0, 2), np.int64)
    while len(found) < wanted:
        drawn = np.sort(random.choice(agencies, (2 * wanted, 2), p=weight / weight.sum()), axis=1)
        found = np.unique(np.concatenate([found, drawn[drawn[:, 0] < drawn[:, 1]]]), axis=0)
    return random.permutation(found)[:wanted]


def _untied(random: np.random.Generator, agencies: int, ties: Ints) -> Ints:
    """Return pairs of agencies without a tie; each agency occurs in at most one pair."""
    pairs = np.sort(random.permutation(agencies)[: agencies // 2 * 2].reshape(-1, 2), axis=1)
    return pairs[~np.isin(pairs @ [agencies, 1], ties @ [agencies, 1])]


def agencies_in(sector: Ints, areas: Ints | None = None) -> list[AgencyRow]:
    """Return an agency for each entry of `sector` (N). If `areas` (N x n) is given, it lists the areas of each agency."""
    placed = [[f"area:{one:06}" for one in row] for row in areas.tolist()] if areas is not None else [[]] * len(sector)
    return [
        AgencyRow(_agency(n), f"Agency {n}", True, [f"sector:{one:06}"], placed[n])
        for n, one in enumerate(sector.tolist())
    ]


def partnerships_of(ties: Ints) -> list[PartnershipRow]:
    """Return one long-term agreement for each tie."""
    return [
        PartnershipRow(
            f"partnership:{n:06}",
            f"Agreement {n}",
            True,
            "mou",
            "2020-01-01",
            "2030-12-31",
            "A rule",
            list(map(_agency, pair)),
            ["x"],
        )
        for n, pair in enumerate(ties.tolist())
    ]


def terms(kind: str, count: int) -> Sequence[TermRow]:
    """Return `count` terms of a code list."""
    return [TermRow(f"{kind}:{n:06}", f"{kind.title()} {n}") for n in range(count)]


def _agency(number: int) -> str:
    return f"agency:{number:06}"


Random = np.random.Generator


def thinned(arrays: SnapshotArrays, random: Random, share: float) -> SnapshotArrays:
    """Return the arrays without a random `share` of the agreements between the two sectors with the most agencies."""
    largest = set(np.argsort(-np.bincount(arrays.sector[arrays.sector >= 0], minlength=2), kind="stable")[:2].tolist())
    sectors = [{int(arrays.sector[arrays.index[party]]) for party in one.parties} for one in arrays.agreements]
    between = [one.id for one, among in zip(arrays.agreements, sectors, strict=True) if largest <= among]
    dropped = set(random.permutation(between)[: round(share * len(between))].tolist())
    left = [one for one in arrays.snapshot.partnerships if one.id not in dropped]
    return replace(arrays, snapshot=arrays.snapshot._replace(partnerships=left))


def duplicated(
    compared: ComparableAgencies, random: Random, number: int, share: float
) -> tuple[ComparableAgencies, set[tuple[int, int]]]:
    """Give pairs of agencies in a common area similar work: functions of one agency replace some functions of the other agency.

    At most `number` pairs of similar agencies are made. The two agencies of a pair are not `close`, and each agency is in at most
    one pair. `share` is the share of functions that are replaced. The second result is the set of the pairs (indices, smaller index
    first).
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
    """The number of cases (`of`), the number of cases in which an event was observed (`observed`), and the target share, if any.

    The target share is an upper bound. If `least` is true, the target share is a lower bound.
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
        """The observed share; None if there are no cases (`of` is 0)."""
        return self.observed / self.of if self.of else None

    @property
    def met(self) -> bool | None:
        """Whether the target share is met according to a binomial test at level 0.001; None if there is no target or no case."""
        if self.target is None or not self.of:
            return None
        if self.least:
            return bool(self.observed >= binom.ppf(1 - SURE, self.of, self.target))
        return bool(self.observed <= binom.ppf(SURE, self.of, self.target))


def calibrate(arrays: SnapshotArrays, rounds: int, seed: int) -> list[CalibrationCount]:
    """Run the significance tests on random permutations of the snapshot, and on generated registries.

    Each test is repeated `rounds` times. Tests of pairs of agencies are repeated only a tenth of `rounds` times.
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
    """Count false alarms about sector pairs, and found injected gaps, after permuting the sectors of the agencies."""
    alarms = found = 0
    for _round in _rounds("gaps", rounds if len(arrays.ties) else 0):
        permuted = replace(arrays, sector=random.permutation(arrays.sector))
        alarms += sector_gaps(permuted).found > 0
        found += sector_gaps(thinned(permuted, random, REMOVED)).found > 0
    of = rounds if len(arrays.ties) else 0
    yield CalibrationCount("gaps", SECTOR_GAPS.name, True, alarms, of, FALSE_ALARMS)
    yield CalibrationCount("gap-found", SECTOR_GAPS.name, True, found, of)


def _own_pairs(arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Count false alarms about similar agencies, and found injected pairs, after permuting the functions within each sector."""
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
    """Count false alarms about sector pairs in generated networks without gaps."""
    for name, agencies in (("networks-of-200", 200), ("networks-of-1000", 1_000)):
        made = (SnapshotArrays.of(network(random, agencies), AS_OF) for _round in _rounds(name, rounds))
        yield CalibrationCount(
            name, SECTOR_GAPS.name, False, sum(sector_gaps(one).found > 0 for one in made), rounds, FALSE_ALARMS
        )


def _small(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Count false alarms in generated networks of 20 agencies, which are too small to test most sector pairs."""
    every = _rounds("networks-of-20", _fewer(rounds))
    reports = [sector_gaps(SnapshotArrays.of(network(random, 20), AS_OF)) for _round in every]
    unknown, cells = sum(one.unknown for one in reports), sum(one.of for one in reports)
    yield CalibrationCount("networks-of-20", SECTOR_GAPS.name, False, unknown, cells, UNTESTABLE, True)


def _injected_gap(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Count how often an injected gap is found in generated networks."""
    every = _rounds("injected-gap", rounds)
    made = (SnapshotArrays.of(without_ties(network(random, 200), random, REMOVED), AS_OF) for _round in every)
    yield CalibrationCount(
        "injected-gap", SECTOR_GAPS.name, False, sum(sector_gaps(one).found > 0 for one in made), rounds, FOUND, True
    )


def _no_pairs(_arrays: SnapshotArrays, rounds: int, random: Random) -> Iterator[CalibrationCount]:
    """Count false alarms about similar agencies in generated registries without similar agencies."""
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
    """Count how often injected similar pairs of agencies are found in generated registries."""
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
