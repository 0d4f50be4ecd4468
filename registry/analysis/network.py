"""Report `network`: measures of the whole network compared with a null model."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from registry.analysis.measures import (
    centralisation,
    clustering,
    communities,
    components,
    ei_index,
    mean_distance,
    modularity,
    transitivity,
)
from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import (
    Ints,
    Matrix,
    SnapshotArrays,
    adjacency,
    assumed_ties,
    between_sectors,
    data_notes,
    without_isolates,
)
from registry.analysis.statistics import SEED, NullComparison, adjust_p_values, compare_with_null, draws_for, rewired
from registry.i18n import _, number
from registry.progress import steps

WORK, DRAWS, SOURCES, PERMUTATIONS = 20_000, 20, 64, 1_000
MEASURES = {
    "tied": "agencies with a tie",
    "ties": "ties",
    "density": "density",
    "degree": "mean number of partners",
    "parts": "parts of the network",
    "largest": "share of the largest part",
    "distance": "mean distance",
    "centralisation": "centralisation",
    "core": "innermost core",
    "transitivity": "closed triangles",
    "clustering": "ties among partners",
    "modularity": "modularity",
    "outwardness": "E-I index",
}
BY_SWAPS = ("transitivity", "clustering", "modularity")
SAYS = {
    "tied": "Agencies with at least one agreement in force with another; the others have none or are not on record.",
    "ties": "Pairs of agencies that have an agreement in force.",
    "density": "Of all pairs of agencies on record, this share has an agreement in force.",
    "degree": "So many partners has an agency that has any.",
    "parts": "Groups of two and more agencies that no tie joins to one another.",
    "largest": "Of the agencies with a tie, this share can reach each other by way of others.",
    "distance": "So many steps lie between two agencies that reach each other; one step is a tie.",
    "centralisation": "At 0 all have equally many partners, at 1 one agency has all ties (degree, without direction; Freeman 1978).",
    "core": "In the innermost group every agency is tied to so many others of it (largest k-core).",
    "transitivity": "How often two partners of one agency are partners too (three times the triangles over connected triples).",
    "clustering": "The same for each agency apart, averaged (Watts & Strogatz 1998); those with one partner count as 0.",
    "modularity": "How far ties lie inside groups; only what exceeds chance means anything (Guimerà et al. 2004).",
    "outwardness": "At -1 all ties lie within sectors, at +1 between; compare it with chance, not 0 (Krackhardt & Stern 1988).",
}

NETWORK = ReportDefinition(
    "network",
    "What is the network of ties like as a whole, and in what does it differ from chance?",
    "Ties have no direction. Closed triangles, ties among partners and modularity are compared with networks in which every agency "
    "keeps its number of ties and who is tied to whom is drawn (degree-preserving swaps); the E-I index with all ways of dealing "
    "out the sectors, whose mean and spread are exact. p-values are two-sided and adjusted over the measures compared (Benjamini & "
    "Hochberg 1995).",
    ("agencies", "partnerships", "sectors"),
    (
        Column("measure", "Measure", "code", "What is measured.", words=MEASURES),
        Column("value", "Value", "number", "Its value."),
        Column("chance", "By chance", "number", "What chance would give."),
        Column("z", "z", "number", "How far what is seen lies from what is expected, in standard deviations."),
        Column("p", "p", "number", "How often chance alone lies as far off, adjusted for the number of measures."),
        Column("says", "What it says", "code", "What the measure says, in words.", words=SAYS),
    ),
    (LEVEL,),
    key=("measure",),
    counts="Measures that differ from chance",
)  # fmt: skip


class TieNetwork(NamedTuple):
    """The network of ties.

    `agencies` is the number of all agencies, `tied` the indices of those with a tie, `ties` (m x 2) and `arcs`
    (adjacency) index into `tied`.
    """

    agencies: int
    tied: Ints
    ties: Ints
    arcs: Matrix

    @classmethod
    def of(cls, arrays: SnapshotArrays) -> "TieNetwork":
        """Build the network from the ties in force or perhaps in force."""
        tied, ties = without_isolates(assumed_ties(arrays))
        return cls(len(arrays.agencies), tied, ties, adjacency(ties, len(tied)))


def network(arrays: SnapshotArrays, *, level: float = LEVEL.default) -> Report:
    """Measure the whole network and compare it with a null model.

    Findings are the measures that differ from the null model at the false discovery rate `level`.
    """
    whole = TieNetwork.of(arrays)
    draws = draws_for(len(whole.tied), WORK, DRAWS)
    compared = dict(_compared(arrays, whole, draws)) if len(whole.ties) else {}
    adjusted = adjust_p_values(np.array([one.p for one in compared.values()]), len(compared))
    p = dict(zip(compared, adjusted.tolist(), strict=True))
    plain = _descriptive(whole) if len(whole.ties) else {}
    rows = [_descriptive_row(name, value) for name, value in plain.items()]
    rows += [_compared_row(name, one, p[name], p[name] <= level) for name, one in compared.items()]
    return NETWORK.answer(
        arrays.as_of, rows, found=sum(row.confidence == "likely" for row in rows), of=len(compared),
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(whole, draws)], level=level,
    )  # fmt: skip


def measures(arrays: SnapshotArrays) -> dict[str, float]:
    """Return the value of each measure, without the comparison with the null model, which takes most of the time."""
    whole = TieNetwork.of(arrays)
    if not len(whole.ties):
        return {}
    triple = _rewired_measures(whole.ties, len(whole.tied), np.random.default_rng(SEED))
    values = {**_descriptive(whole), **dict(zip(BY_SWAPS, triple, strict=True))}
    sector, ties = between_sectors(arrays)
    if len(ties) and len(np.unique(sector)) > 1:
        values["outwardness"] = ei_index(sector, ties, 0, SEED).index
    return values


def _descriptive(whole: TieNetwork) -> Mapping[str, float]:
    """Return the measures without a null model, in the order of MEASURES.

    Density: edges over pairs. Mean degree of agencies with a tie. Components: `scipy.sparse.csgraph`. Mean
    distance: shortest paths from sampled sources. Degree centralisation: Freeman 1978. Core:
    `networkx.core_number`.
    """
    import networkx as nx  # imported here because it takes half a second

    degree, found = np.diff(whole.arcs.indptr), components(whole.arcs)
    sources = np.random.default_rng(SEED).permutation(len(whole.tied))[:SOURCES]
    pairs = whole.agencies * (whole.agencies - 1) / 2
    return {
        "tied": len(whole.tied),
        "ties": len(whole.ties),
        "density": len(whole.ties) / pairs,
        "degree": float(degree.mean()),
        "parts": len(found.sizes),
        "largest": float(found.sizes.max() / len(whole.tied)),
        "distance": mean_distance(whole.arcs, sources),
        "centralisation": centralisation(np.pad(degree, (0, whole.agencies - len(degree)))),
        "core": max(nx.core_number(nx.Graph(whole.ties.tolist())).values()),
    }


def _compared(arrays: SnapshotArrays, whole: TieNetwork, draws: int) -> Iterator[tuple[str, NullComparison]]:
    """Yield the measures with a null model.

    Transitivity, mean clustering (Watts & Strogatz 1998) and modularity (Louvain; Blondel et al. 2008) against
    degree-preserving rewiring; the E-I index (Krackhardt & Stern 1988) against permutations of the sectors.
    """
    random = np.random.default_rng(SEED)
    size = len(whole.tied)
    drawn = [
        _rewired_measures(rewired(whole.ties, size, random), size, random)
        for _draw in steps(_("networks by chance"), range(draws))
    ]
    seen = _rewired_measures(whole.ties, len(whole.tied), np.random.default_rng(SEED))
    for name, value, by_chance in zip(BY_SWAPS, seen, np.array(drawn).T, strict=True):
        yield name, compare_with_null(value, by_chance)
    sector, ties = between_sectors(arrays)
    if len(ties) and len(np.unique(sector)) > 1:
        one = ei_index(sector, ties, PERMUTATIONS, SEED)
        yield (
            "outwardness",
            NullComparison(
                one.index, one.expected, (one.index - one.expected) / one.spread if one.spread else None, one.p
            ),
        )


def _rewired_measures(ties: Ints, size: int, random: np.random.Generator) -> tuple[float, float, float]:
    arcs = adjacency(ties, size)
    return transitivity(arcs), float(clustering(arcs).mean()), modularity(arcs, communities(arcs, random))


def _descriptive_row(name: str, value: float) -> ReportRow:
    return ReportRow(_cells(name, value), confidence="certain")


def _compared_row(name: str, one: NullComparison, p: float, differs: bool) -> ReportRow:
    cells = _cells(name, one.value) | {"chance": one.mean, "z": one.z, "p": p}
    return ReportRow(cells, confidence="likely" if differs else "within-chance")


def _cells(name: str, value: float) -> dict[str, Cell]:
    return {"measure": name, "value": value, "chance": None, "z": None, "p": None, "says": name}


def _notes(whole: TieNetwork, draws: int) -> list[str]:
    if not len(whole.ties):
        return [_("There are no ties in force, so there is nothing to measure.")]
    template = _(
        "Chance is told by {draws} networks with swapped ties and by {permutations} permutations of the sectors (seed {seed}); mean "
        "distances by the ways from {sources} agencies drawn."
    )
    return [
        template.format(
            draws=number(draws),
            permutations=number(PERMUTATIONS),
            seed=SEED,
            sources=number(min(SOURCES, len(whole.tied))),
        )
    ]
