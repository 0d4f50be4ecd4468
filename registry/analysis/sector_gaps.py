"""Report `sector-gaps`: pairs of sectors with significantly fewer ties than the null model (random networks) expects."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from registry.analysis.measures import mixing
from registry.analysis.report import (
    SCOPE,
    Cell,
    Column,
    Confidence,
    Evidence,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
)
from registry.analysis.snapshot import Floats, Ints, SnapshotArrays, assumed_ties
from registry.analysis.statistics import (
    SEED,
    NullComparison,
    adjust_p_values,
    compare_with_null,
    count_below,
    draws_for,
)
from registry.analysis.ties import TIE_RULES, TieNetwork, data_notes
from registry.i18n import _, ngettext, number, signed

MOST_SECTORS = 200


class NullModel(NamedTuple):
    """The null model for each pair of sectors.

    The model gives four values for a pair: the expected number of ties, its standard deviation, the probability of at most the
    observed number of ties, and the probability of no ties. `draws` is the number of random networks behind these values.
    `ei_index` compares the E-I index of the network with the random networks; it is None if no tie joins agencies with a sector.
    """

    expected: Floats
    spread: Floats
    p: Floats
    none: Floats
    draws: int
    ei_index: NullComparison | None


class SectorPairs(NamedTuple):
    """Pairs of different sectors (indices `a` < `b`), with the observed number of ties and the null model.

    `of` counts all pairs of sectors that have agencies, including pairs that are not listed.
    """

    a: Ints
    b: Ints
    seen: Ints
    chance: NullModel
    of: int


def sector_pairs(arrays: SnapshotArrays) -> SectorPairs:
    """For each pair of sectors, count the ties between them and compute the null model.

    Only the MOST_SECTORS sectors with the most ties are examined.
    """
    present = np.unique(arrays.sector[arrays.sector >= 0])
    of = len(present) * (len(present) - 1) // 2
    selected, group = _examined_sectors(arrays, present)
    one, other = np.triu_indices(len(selected), 1)
    whole = TieNetwork.of(arrays)
    seen = mixing(group[whole.connected], whole.ties, len(selected) + 1)
    return SectorPairs(selected[one], selected[other], seen[one, other], _null_model(whole, group, seen), of)


def _examined_sectors(arrays: SnapshotArrays, present: Ints) -> tuple[Ints, Ints]:
    """Return the examined sectors, and for each agency the index of its examined sector.

    All other agencies, with or without a sector, have the number of the examined sectors as their index.
    """
    known = arrays.sector[assumed_ties(arrays)].ravel()
    ends = np.bincount(known[known >= 0], minlength=len(arrays.sectors))[present]
    selected = np.sort(present[np.argsort(-ends, kind="stable")[:MOST_SECTORS]])
    place = np.full(len(arrays.sectors) + 1, len(selected))
    place[selected] = np.arange(len(selected))
    return selected, place[arrays.sector]


def _null_model(whole: TieNetwork, group: Ints, seen: Ints) -> NullModel:
    """Compare the numbers of ties between the groups (`seen`, groups x groups; the last group is not examined) with random networks.

    A p-value is the probability of at most the observed number of ties under the counting distribution (binomial, Poisson or
    negative binomial) that has the mean and the variance of the random networks. It has therefore no lower bound.
    """
    size, draws = len(seen), 0
    total = squares = np.zeros_like(seen)
    indices = []
    for ties in whole.random_networks(draws_for(len(whole.connected), WORK, MOST_DRAWS, FEWEST_DRAWS)):
        drawn = mixing(group[whole.connected], ties, size)
        total, squares, draws = total + drawn, squares + drawn**2, draws + 1
        indices.append(_index(drawn))
    mean = total / max(draws, 1)
    variance = (squares - total * mean) / max(draws - 1, 1)
    upper = np.triu_indices(size - 1, 1)
    p, none = (count_below(few, mean, variance)[upper] for few in (seen, np.zeros_like(seen)))
    observed = _index(seen)
    compared = compare_with_null(observed, np.array(indices)) if observed is not None and None not in indices else None
    return NullModel(mean[upper], np.sqrt(variance[upper]), p, none, draws, compared)


def _index(mixed: Ints) -> float | None:
    """Return the E-I index of the examined groups; None if they have no ties. `mixed` is a mixing matrix."""
    examined = mixed[:-1, :-1]
    inside, every = np.trace(examined), examined.sum()
    return float(1 - 2 * inside / every) if every else None


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
FEW_AGENCIES, WORK, MOST_DRAWS, FEWEST_DRAWS = 50, 2_000_000, 499, 79
FINDINGS = {"gap": "gap", "no-gap": "no gap", "too-few": "too few ties to test"}
CONFIDENCE: Mapping[str, Confidence] = {"gap": "likely", "no-gap": "within-chance", "too-few": "unclear"}

SECTOR_GAPS = ReportDefinition(
    "sector-gaps",
    "Sectors that rarely work together",
    "Which pairs of sectors work together less than expected by chance?",
    "A tie is a pair of agencies with an agreement in force. The ties between two sectors are compared with a null "
    "model: random networks in which every agency keeps its number of agreements, and every agreement keeps its number "
    "of parties (curveball algorithm; Strona et al. 2014). An agreement of several parties therefore makes no finding "
    "by itself. One-sided p-values are adjusted for the number of sector pairs (Benjamini & Hochberg 1995). Pairs with "
    "too few expected ties are not tested.",
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
    common=(*TIE_RULES, *SCOPE),
    lists_all=True,
    concern="A pair of sectors concerns every agency whose main sector is one of the two.",
)


def sector_gaps(
    arrays: SnapshotArrays, *, level: float = LEVEL.default, least_expected: float = LEAST_EXPECTED.default
) -> Report:
    """Find sector pairs with significantly fewer ties than in random networks of the same agreements (see `RandomAgreements`).

    Agreements with withheld dates are treated as in force, so they can hide a gap but never cause a gap. A pair is tested if at
    least `least_expected` ties are expected; `level` is the false discovery rate over all pairs of sectors that have agencies.
    References: Strona et al. 2014; Benjamini & Hochberg 1995.
    """
    pairs = sector_pairs(arrays)
    tested = pairs.chance.expected >= least_expected
    adjusted = adjust_p_values(np.where(tested, pairs.chance.p, 1.0), pairs.of)
    gap = tested & (adjusted <= level)
    finding = np.where(gap, "gap", np.where(tested, "no-gap", "too-few"))
    order = np.lexsort((-pairs.chance.expected, adjusted, ~tested))
    weak = tested & ~gap & (pairs.chance.none * pairs.of > level * (gap.sum() + 1))
    rows = [_row(arrays, pairs, place, str(finding[place]), float(adjusted[place])) for place in order.tolist()]
    return SECTOR_GAPS.answer(
        arrays.as_of, rows, found=int(gap.sum()), of=pairs.of, unknown=pairs.of - int(tested.sum()),
        withheld=arrays.withheld, notes=_notes(arrays, pairs, int(weak.sum())), level=level, least_expected=least_expected,
    )  # fmt: skip


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


def _notes(arrays: SnapshotArrays, pairs: SectorPairs, weak: int) -> list[str]:
    notes = data_notes(arrays)
    if without := int((arrays.sector < 0).sum()):
        template = ngettext(
            "{n} agency has no recorded sector; its ties are not counted.",
            "{n} agencies have no recorded sector; their ties are not counted.",
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
    if pairs.chance.ei_index is None:
        return [*notes, _("There are no ties between agencies with a sector.")]
    notes.append(_draws_note(pairs.chance))
    return [*notes, _index_note(pairs.chance.ei_index)] if len(arrays.agencies) < FEW_AGENCIES else notes


def _in_several(arrays: SnapshotArrays) -> int:
    return sum(len(agency.sectors) > 1 for agency in arrays.snapshot.agencies)


def _draws_note(chance: NullModel) -> str:
    template = _(
        "The expected values come from {draws} random networks (seed {seed}); their standard error is at most {error} ties."
    )
    error = chance.spread.max(initial=0) / np.sqrt(chance.draws)
    return template.format(draws=number(chance.draws), seed=SEED, error=number(error))


def _index_note(index: NullComparison) -> str:
    """Return a note on the E-I index, for networks that are too small for most tests of pairs of sectors."""
    return _(
        "With fewer than {few} agencies, look at the network as a whole before you look at pairs of sectors. The E-I index "
        "(ties between sectors minus ties within sectors, divided by all ties) is {index}; {expected} is expected in random "
        "networks (p = {p}). A lower index than expected means that agencies work mainly within their sector, a higher "
        "index that they work mainly with other sectors."
    ).format(few=number(FEW_AGENCIES), index=signed(index.value), expected=signed(index.mean), p=number(index.p))
