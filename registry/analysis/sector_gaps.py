"""Report `sector-gaps`: pairs of sectors with significantly fewer ties than the null model (a random network) expects."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from registry.analysis.measures import EIIndex, ei_index, mixing
from registry.analysis.report import (
    Cell,
    Column,
    Confidence,
    Evidence,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
)
from registry.analysis.snapshot import Floats, Ints, SnapshotArrays, assumed_ties, between_sectors, data_notes
from registry.analysis.statistics import adjust_p_values, binomial_below, fixed_degrees
from registry.i18n import _, ngettext, number, signed

MOST_SECTORS = 200


class NullModel(NamedTuple):
    """The null model for each pair of sectors.

    The model gives four values for a pair: the expected number of ties, its standard deviation, the probability of at most the
    observed number of ties, and the probability of no ties.
    """

    expected: Floats
    spread: Floats
    p: Floats
    none: Floats


class SectorPairs(NamedTuple):
    """Pairs of different sectors (indices `a` < `b`), with the observed number of ties and the null model.

    `of` counts all pairs of sectors that have agencies, including pairs that are not listed.
    """

    a: Ints
    b: Ints
    seen: Ints
    chance: NullModel
    of: int


def sector_pairs(arrays: SnapshotArrays, ties: Ints) -> SectorPairs:
    """For each pair of sectors, count the ties between them and compute the null model.

    `ties` (m x 2) join agencies that have a sector.

    Only the MOST_SECTORS sectors with the most ties are examined. The null model is the configuration model: random networks in
    which each agency keeps its number of ties. The null model is computed without sampling, so that p-values have no lower bound.
    """
    present = np.unique(arrays.sector[arrays.sector >= 0])
    of = len(present) * (len(present) - 1) // 2
    selected, group = _examined_sectors(arrays, ties, present)
    seen, upper = mixing(group, ties, len(selected) + 1), np.triu_indices(len(selected), 1)
    null = _null_model(group, ties, seen)
    return SectorPairs(
        selected[upper[0]], selected[upper[1]], seen[upper], NullModel(*(one[upper] for one in null)), of
    )


def _examined_sectors(arrays: SnapshotArrays, ties: Ints, present: Ints) -> tuple[Ints, Ints]:
    """Return the examined sectors, and for each agency the index of its examined sector; all other sectors share one index."""
    ends = np.bincount(arrays.sector[ties].ravel(), minlength=len(arrays.sectors))[present]
    selected = np.sort(present[np.argsort(-ends, kind="stable")[:MOST_SECTORS]])
    place = np.full(len(arrays.sectors) + 1, len(selected))
    place[selected] = np.arange(len(selected))
    return selected, place[arrays.sector]


def _null_model(group: Ints, ties: Ints, seen: Ints) -> NullModel:
    """Return the null model for each pair of groups, from random networks in which each agency keeps its number of ties.

    Each p-value is the probability of at most the observed number of ties.
    """
    connected, ends = np.unique(ties, return_inverse=True)
    mean, variance = fixed_degrees(group[connected], np.bincount(ends.ravel()), len(seen))
    p, none = (binomial_below(few, mean, variance) for few in (seen, np.zeros_like(seen)))
    return NullModel(mean, np.sqrt(variance), p, none)


Z_SCORE = Column(
    "z", "z-score", "number", "The difference between the observed and the expected value, in standard deviations."
)
LEVEL = ReportParameter(
    "level",
    "False discovery rate",
    "Accepted share of false findings among those reported; 0.05 is 5 %.",
    0.05,
    0.0001,
    0.5,
)
LEAST_EXPECTED = ReportParameter(
    "least_expected",
    "Smallest expected number of ties",
    "A pair of sectors is tested only if the null model expects at least this many ties between them.",
    5.0,
    1.0,
    1000.0,
)
FEW_AGENCIES, PERMUTATIONS, SEED = 50, 5_000, 20261125
FINDINGS = {"gap": "gap", "no-gap": "no gap", "too-few": "too few ties to test"}
CONFIDENCE: Mapping[str, Confidence] = {"gap": "likely", "no-gap": "within-chance", "too-few": "unclear"}

SECTOR_GAPS = ReportDefinition(
    "sector-gaps",
    "Sectors that rarely work together",
    "Which pairs of sectors work together less than expected by chance?",
    "A tie is a pair of agencies with an agreement in force. The ties between two sectors are compared with a null "
    "model: random networks in which every agency keeps its number of ties (configuration model; Park & Newman 2004; "
    "Squartini & Garlaschelli 2011). One-sided p-values are adjusted for the number of sector pairs (Benjamini & "
    "Hochberg 1995). Pairs with too few expected ties are not tested.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("sector_a", "Sector", "text", "One sector."),
        Column("sector_b", "Other sector", "text", "The other sector."),
        Column("finding", "Finding", "code", "Whether there is a gap.", words=FINDINGS),
        Column("observed", "Observed ties", "integer", "The number of ties between the two sectors.", "ties"),
        Column("expected", "Expected", "number", "The number of ties expected under the null model.", "ties"),
        Column("ratio", "Ratio", "number", "Observed ties divided by expected ties."),
        Z_SCORE,
        Column(
            "p",
            "Adjusted p-value",
            "number",
            "The probability of so few ties under the null model, adjusted for the number of pairs tested.",
        ),
        Column(
            "unrecorded",
            "Agencies without records",
            "integer",
            "Agencies of the two sectors without any recorded agreement.",
            "agencies",
        ),
    ),
    (LEVEL, LEAST_EXPECTED),
    key=("sector_a", "sector_b"),
    counts="Sector pairs with too few ties",
    lists_all=True,
    concern="A pair of sectors concerns every agency whose main sector is one of the two.",
)


def sector_gaps(
    arrays: SnapshotArrays, *, level: float = LEVEL.default, least_expected: float = LEAST_EXPECTED.default
) -> Report:
    """Find sector pairs with significantly fewer ties than in random networks with the same degrees (configuration model).

    Agreements with withheld dates are treated as in force, so they can hide a gap but never cause a gap. A pair is tested if at
    least `least_expected` ties are expected; `level` is the false discovery rate over all pairs of sectors that have agencies.
    References: Park & Newman 2004; Squartini & Garlaschelli 2011; Benjamini & Hochberg 1995.
    """
    ties = _between_known(arrays)
    pairs = sector_pairs(arrays, ties)
    tested = pairs.chance.expected >= least_expected
    adjusted = adjust_p_values(np.where(tested, pairs.chance.p, 1.0), pairs.of)
    gap = tested & (adjusted <= level)
    finding = np.where(gap, "gap", np.where(tested, "no-gap", "too-few"))
    order = np.lexsort((-pairs.chance.expected, adjusted, ~tested))
    weak = tested & ~gap & (pairs.chance.none * pairs.of > level * (gap.sum() + 1))
    rows = [_row(arrays, pairs, place, str(finding[place]), float(adjusted[place])) for place in order.tolist()]
    return SECTOR_GAPS.answer(
        arrays.as_of, rows, found=int(gap.sum()), of=pairs.of, unknown=pairs.of - int(tested.sum()),
        withheld=arrays.withheld, notes=_notes(arrays, ties, pairs, int(weak.sum())), level=level, least_expected=least_expected,
    )  # fmt: skip


def _between_known(arrays: SnapshotArrays) -> Ints:
    """Return the ties between agencies that both have a sector, including ties whose dates are withheld."""
    pairs = assumed_ties(arrays)
    known: Ints = pairs[(arrays.sector[pairs] >= 0).all(axis=1)]
    return known


def _row(arrays: SnapshotArrays, pairs: SectorPairs, place: int, finding: str, p: float) -> ReportRow:
    a, b, seen = int(pairs.a[place]), int(pairs.b[place]), int(pairs.seen[place])
    expected, spread = float(pairs.chance.expected[place]), float(pairs.chance.spread[place])
    tested = finding != "too-few"
    values: dict[str, Cell] = {
        "sector_a": arrays.sectors.names[a],
        "sector_b": arrays.sectors.names[b],
        "finding": finding,
        "observed": seen,
        "expected": expected,
        "ratio": seen / expected if tested else None,
        "z": (seen - expected) / spread if tested and spread > 0 else None,
        "p": p if tested else None,
        "unrecorded": int((np.isin(arrays.sector, (a, b)) & ~arrays.recorded).sum()),
    }
    evidence = _evidence(arrays, a, b) if finding == "gap" else _sectors(arrays, a, b)
    members = np.flatnonzero(np.isin(arrays.sector, (a, b))).tolist()
    return ReportRow(values, evidence, CONFIDENCE[finding], concerns=tuple(arrays.agencies.ids[one] for one in members))


def _sectors(arrays: SnapshotArrays, *sectors: int) -> tuple[Evidence, ...]:
    return tuple(arrays.sectors.evidence(sector) for sector in sectors)


def _evidence(arrays: SnapshotArrays, a: int, b: int) -> tuple[Evidence, ...]:
    """Return the records that support a finding: the two sectors, and from each sector the three agencies with the most ties."""
    found = _sectors(arrays, a, b)
    for sector in (a, b):
        members = np.flatnonzero(arrays.sector == sector)
        best = members[np.argsort(-arrays.degree[members], kind="stable")[:3]]
        found += tuple(arrays.agencies.evidence(member) for member in best.tolist())
    return found


def _notes(arrays: SnapshotArrays, ties: Ints, pairs: SectorPairs, weak: int) -> list[str]:
    notes = data_notes(arrays)
    if without := int((arrays.sector < 0).sum()):
        template = ngettext(
            "{n} agency has no recorded sector; its ties are left out.",
            "{n} agencies have no recorded sector; their ties are left out.",
            without,
        )
        notes.append(template.format(n=number(without)))
    if several := _in_several(arrays):
        template = ngettext(
            "{n} agency is in several sectors and counts for the first one.",
            "{n} agencies are in several sectors and count for the first one.",
            several,
        )
        notes.append(template.format(n=number(several)))
    if weak:
        template = ngettext(
            "{n} pair of sectors without a gap has so few agencies that even zero ties would not be significant.",
            "{n} pairs of sectors without a gap have so few agencies that even zero ties would not be significant.",
            weak,
        )
        notes.append(template.format(n=number(weak)))
    if unlisted := pairs.of - len(pairs.a):
        template = ngettext(
            "{n} pair of sectors with significantly few ties is counted but not listed.",
            "{n} pairs of sectors with significantly few ties are counted but not listed.",
            unlisted,
        )
        notes.append(template.format(n=number(unlisted)))
    return notes + _ei_index_notes(arrays, ties)


def _in_several(arrays: SnapshotArrays) -> int:
    return sum(len(agency.sectors) > 1 for agency in arrays.snapshot.agencies)


def _ei_index_notes(arrays: SnapshotArrays, ties: Ints) -> list[str]:
    """If the network is too small for most tests, return a note on the E-I index, which compares ties between and within sectors."""
    if not len(ties):
        return [_("There are no ties between agencies with a sector.")]
    if len(arrays.agencies) >= FEW_AGENCIES:
        return []
    return [_ei_index_text(ei_index(*between_sectors(arrays), PERMUTATIONS, SEED))]


def _ei_index_text(whole: EIIndex) -> str:
    return _(
        "With fewer than {few} agencies, look at the network as a whole before you look at pairs of "
        "sectors. The E-I index (ties between sectors minus ties within sectors, divided by all ties) is "
        "{index}; {expected} is expected if the sectors are permuted among the agencies (p = {p}, {draws} "
        "permutations, seed {seed}). A lower index than expected means that agencies work mainly within "
        "their sector, a higher index that they work mainly with other sectors."
    ).format(
        few=number(FEW_AGENCIES), index=signed(whole.index), expected=signed(whole.expected), p=number(whole.p),
        draws=number(PERMUTATIONS), seed=SEED,
    )  # fmt: skip
