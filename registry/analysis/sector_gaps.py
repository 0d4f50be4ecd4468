"""Which pairs of sectors work together less than chance would have it."""

from typing import NamedTuple

import numpy as np

from registry.analysis.basis import basis
from registry.analysis.mixing import Outwardness, chance, density, mixing, outwardness, swapped
from registry.analysis.significance import false_discovery, poisson_below
from registry.analysis.world import Floats, Ints, World
from registry.reports.report import Column, Evidence, Parameter, Question, Report, Row
from registry.words import _

LEVEL = Parameter("level", 0.05, 0.0001, 0.5, "The share of false findings that is put up with.")
LEAST_EXPECTED = Parameter(
    "least_expected",
    5.0,
    1.0,
    1000.0,
    "With fewer ties than this to be expected, a pair of sectors is too small to tell.",
)
DENSE, FEW_AGENCIES, MOST_SECTORS = 0.2, 50, 200
DRAWS_PER_CELL, PERMUTATIONS, SEED = 20, 5000, 20261125
FINDINGS = {"gap": "gap", "no-gap": "no gap", "too-few": "too few ties to tell"}

SECTOR_GAPS = Question(
    "sector-gaps",
    "Which pairs of sectors work together less than chance would have it?",
    "Ties between two sectors are compared with what chance gives when every agency keeps its number of ties "
    "(configuration model, Newman 2003; above a density of 0.2 by swapping ties, Maslov & Sneppen 2002). One-sided p-values are "
    "adjusted over all pairs of sectors (Benjamini & Hochberg 1995); a pair with too few ties to expect is not judged.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("sector_a", "Sector", "text", "One sector."),
        Column("sector_b", "Other sector", "text", "The other sector."),
        Column("finding", "Finding", "code", "Whether there is a gap.", words=FINDINGS),
        Column("seen", "Ties", "integer", "Ties in force between them.", "ties"),
        Column("expected", "Expected", "number", "Ties that chance would give.", "ties"),
        Column("ratio", "Ratio", "number", "Ties seen for each tie expected."),
        Column("z", "z", "number", "How far what is seen lies from what is expected, in standard deviations."),
        Column("p", "p", "number", "How often chance alone gives so few, adjusted for the number of pairs."),
        Column(
            "unrecorded",
            "Unrecorded",
            "integer",
            "Agencies of both sectors without any agreement on record.",
            "agencies",
        ),
    ),
    (LEVEL, LEAST_EXPECTED),
)


class Cells(NamedTuple):
    """Pairs of different sectors, one place each: who they are, ties seen and expected, spread, one-sided p by chance."""

    a: Ints
    b: Ints
    seen: Ints
    expected: Floats
    spread: Floats
    p: Floats


def sector_gaps(
    world: World, *, level: float = LEVEL.default, least_expected: float = LEAST_EXPECTED.default
) -> Report:
    """Compare the ties between sectors with a null model that keeps every agency's number of ties.

    Agreements whose dates are withheld count as in force: they may hide a gap from who may not see them, never make one.
    At least `least_expected` ties must be expected for a pair to be judged; `level` is the false-discovery rate over all pairs
    of sectors that have agencies. References: Newman 2003; Maslov & Sneppen 2002; Benjamini & Hochberg 1995.
    """
    ties = _between_known(world)
    present = np.unique(world.sector[world.sector >= 0])
    of = len(present) * (len(present) - 1) // 2
    cells = _cells(world, ties, present, of)
    told = cells.expected >= least_expected
    adjusted = false_discovery(np.where(told, cells.p, 1.0), of)
    gaps = told & (adjusted <= level)
    order = np.lexsort((-cells.expected, adjusted, ~told))
    rows = [
        _row(world, cells, place, adjusted[place], bool(gaps[place]), bool(told[place])) for place in order.tolist()
    ]
    return SECTOR_GAPS.answer(
        world.as_of, rows, found=int(gaps.sum()), of=of, unknown=of - int(told.sum()), withheld=world.lists.withheld,
        notes=_notes(world, ties, of, len(cells.a)), level=level, least_expected=least_expected,
    )  # fmt: skip


def _between_known(world: World) -> Ints:
    """Return the pairs, in force or perhaps in force, of agencies that both have a sector."""
    pairs = np.concatenate([world.ties, world.perhaps])
    known: Ints = pairs[(world.sector[pairs] >= 0).all(axis=1)]
    return known


def _cells(world: World, ties: Ints, present: Ints, of: int) -> Cells:
    """Count the pairs of sectors; of more than MOST_SECTORS sectors only those with the most ties are looked at one by one."""
    ends = np.bincount(world.sector[ties].ravel(), minlength=len(world.sectors))[present]
    kept = np.sort(present[np.argsort(-ends, kind="stable")[:MOST_SECTORS]])
    place = np.full(len(world.sectors) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    group, upper = place[world.sector], np.triu_indices(len(kept), 1)
    seen = mixing(group, ties, len(kept) + 1)
    if density(ties) <= DENSE:
        expected = chance(seen)[upper]
        spread, p = np.sqrt(expected), poisson_below(seen[upper], expected)
    else:
        drawn = _drawn(group, ties, len(kept) + 1, max(DRAWS_PER_CELL * of, 1))[:, *upper]
        expected, spread = drawn.mean(axis=0), drawn.std(axis=0)
        p = (1 + (drawn <= seen[upper]).sum(axis=0)) / (len(drawn) + 1)
    return Cells(kept[upper[0]], kept[upper[1]], seen[upper], expected, spread, p)


def _drawn(group: Ints, ties: Ints, size: int, draws: int) -> Ints:
    return np.array([mixing(group, one, size) for batch in swapped(ties, draws, SEED) for one in batch])


def _row(world: World, cells: Cells, place: int, p: float, gap: bool, told: bool) -> Row:
    a, b = int(cells.a[place]), int(cells.b[place])
    seen, expected, spread = int(cells.seen[place]), float(cells.expected[place]), float(cells.spread[place])
    values = {
        "sector_a": world.sectors.names[a],
        "sector_b": world.sectors.names[b],
        "finding": "gap" if gap else "no-gap" if told else "too-few",
        "seen": seen,
        "expected": expected,
        "ratio": seen / expected if told else None,
        "z": (seen - expected) / spread if told and spread > 0 else None,
        "p": float(p) if told else None,
        "unrecorded": int((np.isin(world.sector, (a, b)) & ~world.recorded).sum()),
    }
    return Row(values, _evidence(world, a, b) if gap else _sectors(world, a, b), "likely" if told else "unclear")


def _sectors(world: World, *sectors: int) -> tuple[Evidence, ...]:
    return tuple(world.sectors.evidence(sector) for sector in sectors)


def _evidence(world: World, a: int, b: int) -> tuple[Evidence, ...]:
    """Return the two sectors, and in each the three agencies with the most ties: with them a beginning could be made."""
    found = _sectors(world, a, b)
    for sector in (a, b):
        members = np.flatnonzero(world.sector == sector)
        best = members[np.argsort(-world.degree[members], kind="stable")[:3]]
        found += tuple(world.agencies.evidence(member) for member in best.tolist())
    return found


def _notes(world: World, ties: Ints, of: int, listed: int) -> list[str]:
    notes = [basis(world)]
    without = int((world.sector < 0).sum())
    if without:
        notes.append(_("{n} agencies have no sector on record; their ties are left out.").format(n=without))
    several = sum(len(one.sectors) > 1 for one in world.lists.agencies)
    if several:
        notes.append(_("{n} agencies are in several sectors and count for the first.").format(n=several))
    if len(world.perhaps):
        notes.append(
            _("{n} ties rest on agreements whose dates are withheld; they count as in force.").format(
                n=len(world.perhaps)
            )
        )
    if of > listed:
        notes.append(_("{n} pairs of sectors with few ties are counted but not listed.").format(n=of - listed))
    if density(ties) > DENSE:
        draws = max(DRAWS_PER_CELL * of, 1)
        notes.append(
            _("The network is dense: chance is {draws} draws by swapping ties, seed {seed}.").format(
                draws=draws, seed=SEED
            )
        )
    return notes + _outward(world, ties)


def _outward(world: World, ties: Ints) -> list[str]:
    """Return, for a network too small for many sectors, the one test of the whole."""
    if not len(ties):
        return [_("There are no ties between agencies with a sector, so there is nothing to tell.")]
    if len(world.agencies) >= FEW_AGENCIES:
        return []
    known = np.flatnonzero(world.sector >= 0)
    place = np.zeros(len(world.agencies), np.int64)
    place[known] = np.arange(len(known))
    return [_say(outwardness(world.sector[known], place[ties], PERMUTATIONS, SEED))]


def _say(whole: Outwardness) -> str:
    return _(
        "With fewer than {few} agencies judge the whole first: the E-I index is {index:+.3f}, and {expected:+.3f} when sectors are "
        "dealt out anew (p = {p:.4f}, {draws} permutations, seed {seed}); below that means inward, above it outward."
    ).format(few=FEW_AGENCIES, draws=PERMUTATIONS, seed=SEED, **whole._asdict())
