"""Generate random registries without gaps or overlaps, for calibration and benchmarks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from registry.analysis.snapshot import AgencyRow, PartnershipRow, ServiceRow, Snapshot, TermRow

AS_OF = "2026-11-25"
SECTORS, AREAS, REGIONS, FUNCTIONS, SERVICES = 11, 500, 25, 2_000, 20
Ints = NDArray[np.int64]


class GeneratedRegistry(NamedTuple):
    """A generated registry, and the injected pairs of agency ids with similar work in the same area."""

    snapshot: Snapshot
    duplicates: set[frozenset[str]]


def network(random: np.random.Generator, agencies: int, *, sectors: int = SECTORS, degree: float = 6) -> Snapshot:
    """Return agencies in sectors of unequal size with random ties of lognormal propensity."""
    return Snapshot(
        agencies=agencies_in(_sectors(random, agencies, sectors)),
        partnerships=partnerships_of(_ties(random, agencies, round(agencies * degree / 2))),
        sectors=terms("sector", sectors),
    )


def without_ties(snapshot: Snapshot, random: np.random.Generator, share: float) -> Snapshot:
    """Remove a share of the ties between the two sectors with the most agencies."""
    sector = {one.id: one.sectors[0] for one in snapshot.agencies}
    largest = set(sorted(set(sector.values()), key=list(sector.values()).count)[-2:])
    between = [n for n, one in enumerate(snapshot.partnerships) if {sector[party] for party in one.parties} == largest]
    dropped = set(random.choice(between, round(share * len(between)), replace=False).tolist()) if between else set()
    return snapshot._replace(partnerships=[one for n, one in enumerate(snapshot.partnerships) if n not in dropped])


def registry(random: np.random.Generator, agencies: int, *, duplicates: int = 0, copied: int = 14) -> GeneratedRegistry:
    """Return agencies with 20 services each; their functions (of 2,000) are typical of their sector, their areas random.

    `duplicates` pairs of agencies without an agreement are injected, in which one copies `copied` services of the
    other.
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
    """Return distinct pairs (m x 2, smaller index first), with lognormal weights of the agencies."""
    weight = random.lognormal(0, 0.5, agencies)
    found = np.empty((0, 2), np.int64)
    while len(found) < wanted:
        drawn = np.sort(random.choice(agencies, (2 * wanted, 2), p=weight / weight.sum()), axis=1)
        found = np.unique(np.concatenate([found, drawn[drawn[:, 0] < drawn[:, 1]]]), axis=0)
    return random.permutation(found)[:wanted]


def _untied(random: np.random.Generator, agencies: int, ties: Ints) -> Ints:
    """Return disjoint pairs of agencies without a tie."""
    pairs = np.sort(random.permutation(agencies)[: agencies // 2 * 2].reshape(-1, 2), axis=1)
    return pairs[~np.isin(pairs @ [agencies, 1], ties @ [agencies, 1])]


def agencies_in(sector: Ints, areas: Ints | None = None) -> list[AgencyRow]:
    """Return an agency for each of these sectors (N), in these areas (N x n), if given."""
    placed = [[f"area:{one:06}" for one in row] for row in areas.tolist()] if areas is not None else [[]] * len(sector)
    return [
        AgencyRow(_agency(n), f"Agency {n}", True, [f"sector:{one:06}"], placed[n])
        for n, one in enumerate(sector.tolist())
    ]


def partnerships_of(ties: Ints) -> list[PartnershipRow]:
    """Return a long-term agreement for each tie."""
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
