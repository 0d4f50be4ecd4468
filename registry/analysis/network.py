"""Report `network`: measures of the network of all agencies, compared with random networks (the null model)."""

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
from registry.analysis.sector_gaps import LEVEL, Z_SCORE
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
    "with-ties": "agencies with a tie",
    "ties": "ties",
    "density": "density",
    "degree": "mean degree",
    "components": "separate groups",
    "largest-component": "share of the largest group",
    "distance": "mean distance",
    "centralisation": "degree centralisation",
    "core": "largest k-core",
    "transitivity": "transitivity",
    "clustering": "clustering",
    "modularity": "modularity",
    "ei-index": "E-I index",
}
BY_REWIRING = ("transitivity", "clustering", "modularity")
MEANINGS = {
    "with-ties": "Agencies with an agreement in force with another agency. The others have none, or none is recorded.",
    "ties": "Pairs of agencies with an agreement in force.",
    "density": "The share of all pairs of agencies that have an agreement in force.",
    "degree": "The mean number of partners of the agencies with a tie.",
    "components": "Groups of two or more agencies without any tie between the groups (connected components).",
    "largest-component": "The share of agencies with a tie that belong to the largest group.",
    "distance": "The mean number of ties on the shortest path between two connected agencies.",
    "centralisation": (
        "0 if all agencies have the same number of partners, 1 if one agency has all ties (Freeman 1978)."
    ),
    "core": "The largest k for which some group exists where every agency has at least k ties within the group.",
    "transitivity": (
        "How often two partners of the same agency are partners of each other (three times the "
        "triangles over connected triples)."
    ),
    "clustering": (
        "The same share for each agency, averaged; agencies with one partner count as 0 (Watts & Strogatz 1998)."
    ),
    "modularity": (
        "How strongly ties are concentrated within groups; only a value above the null model has a "
        "meaning (Guimerà et al. 2004)."
    ),
    "ei-index": (
        "-1 if all ties are within sectors, +1 if all are between sectors; compare it with the expected "
        "value, not with 0 (Krackhardt & Stern 1988)."
    ),
}

NETWORK = ReportDefinition(
    "network",
    "The network as a whole",
    "How is the whole network of ties structured, and how does it differ from a random network?",
    "A tie is a pair of agencies with an agreement in force; ties have no direction. Transitivity, clustering and "
    "modularity are compared with random networks in which every agency keeps its number of ties (degree-preserving "
    "rewiring). The E-I index is compared with its values for permutations of the sectors; the mean and the standard "
    "deviation over all permutations are exact. p-values are two-sided and adjusted for the number of measures "
    "compared (Benjamini & Hochberg 1995).",
    ("agencies", "partnerships", "sectors"),
    (
        Column("measure", "Measure", "code", "The measure of the network.", words=MEASURES),
        Column("value", "Value", "number", "The value of the measure."),
        Column("expected", "Expected under the null model", "number", "The mean over random networks."),
        Z_SCORE,
        Column(
            "p",
            "Adjusted p-value",
            "number",
            "The probability of so large a difference under the null model, adjusted for the number of measures.",
        ),
        Column("meaning", "Meaning", "code", "What the measure means.", words=MEANINGS),
    ),
    (LEVEL,),
    key=("measure",),
    counts="Measures that differ from a random network",
    common=(),
)


class TieNetwork(NamedTuple):
    """The network of ties between agencies.

    - `agencies`: the number of all agencies
    - `connected`: the indices of the agencies with a tie
    - `ties`: pairs (m x 2) of indices into `connected`
    - `arcs`: the adjacency matrix of the agencies in `connected`
    """

    agencies: int
    connected: Ints
    ties: Ints
    arcs: Matrix

    @classmethod
    def of(cls, arrays: SnapshotArrays) -> "TieNetwork":
        """Build the network from all ties with an agreement in force; an agreement with withheld dates is treated as in force."""
        connected, ties = without_isolates(assumed_ties(arrays))
        return cls(len(arrays.agencies), connected, ties, adjacency(ties, len(connected)))


def network(arrays: SnapshotArrays, *, level: float = LEVEL.default) -> Report:
    """Measure the network of all agencies, and compare it with random networks (the null model).

    A measure is a finding if it differs from the null model at the false discovery rate `level`.
    """
    whole = TieNetwork.of(arrays)
    draws = draws_for(len(whole.connected), WORK, DRAWS)
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
    """Return the value of each measure by name; skip the comparison with random networks, because it is slow."""
    whole = TieNetwork.of(arrays)
    if not len(whole.ties):
        return {}
    triple = _rewired_measures(whole.ties, len(whole.connected), np.random.default_rng(SEED))
    values = {**_descriptive(whole), **dict(zip(BY_REWIRING, triple, strict=True))}
    sector, ties = between_sectors(arrays)
    if len(ties) and len(np.unique(sector)) > 1:
        values["ei-index"] = ei_index(sector, ties, 0, SEED).index
    return values


def _descriptive(whole: TieNetwork) -> Mapping[str, float]:
    """Return the measures that have no null model, in the order of MEASURES.

    The density is the number of ties divided by the number of pairs. The mean degree is computed over the agencies that have a tie.
    The mean distance is computed from the shortest paths from sampled agencies. The degree centralisation is that of Freeman 1978.
    The core number is computed as in `networkx.core_number`. The connected components come from `scipy.sparse.csgraph`.
    """
    import networkx as nx  # imported here because it takes half a second

    degree, found = np.diff(whole.arcs.indptr), components(whole.arcs)
    sources = np.random.default_rng(SEED).permutation(len(whole.connected))[:SOURCES]
    pairs = whole.agencies * (whole.agencies - 1) / 2
    return {
        "with-ties": len(whole.connected),
        "ties": len(whole.ties),
        "density": len(whole.ties) / pairs,
        "degree": float(degree.mean()),
        "components": len(found.sizes),
        "largest-component": float(found.sizes.max() / len(whole.connected)),
        "distance": mean_distance(whole.arcs, sources),
        "centralisation": centralisation(np.pad(degree, (0, whole.agencies - len(degree)))),
        "core": max(nx.core_number(nx.Graph(whole.ties.tolist())).values()),
    }


def _compared(arrays: SnapshotArrays, whole: TieNetwork, draws: int) -> Iterator[tuple[str, NullComparison]]:
    """Yield the name of each measure that has a null model, and the comparison of the measure with this model.

    Transitivity, mean clustering (Watts & Strogatz 1998) and modularity (Louvain; Blondel et al. 2008) are compared with rewired
    networks, in which each agency keeps its number of ties. The E-I index, which compares ties between sectors with ties within
    sectors (Krackhardt & Stern 1988), is compared with its values after random permutations of the sectors.
    """
    random = np.random.default_rng(SEED)
    size = len(whole.connected)
    drawn = [
        _rewired_measures(rewired(whole.ties, size, random), size, random)
        for _draw in steps(_("random networks"), range(draws))
    ]
    seen = _rewired_measures(whole.ties, len(whole.connected), np.random.default_rng(SEED))
    for name, value, expected in zip(BY_REWIRING, seen, np.array(drawn).T, strict=True):
        yield name, compare_with_null(value, expected)
    sector, ties = between_sectors(arrays)
    if len(ties) and len(np.unique(sector)) > 1:
        one = ei_index(sector, ties, PERMUTATIONS, SEED)
        yield (
            "ei-index",
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
    cells = _cells(name, one.value) | {"expected": one.mean, "z": one.z, "p": p}
    return ReportRow(cells, confidence="likely" if differs else "within-chance")


def _cells(name: str, value: float) -> dict[str, Cell]:
    return {"measure": name, "value": value, "expected": None, "z": None, "p": None, "meaning": name}


def _notes(whole: TieNetwork, draws: int) -> list[str]:
    if not len(whole.ties):
        return [_("There are no ties in force, so there is no network to measure.")]
    template = _(
        "The expected values come from {draws} random networks and {permutations} permutations of the sectors "
        "(seed {seed}); the mean distance comes from the paths of {sources} sampled agencies."
    )
    return [
        template.format(
            draws=number(draws),
            permutations=number(PERMUTATIONS),
            seed=SEED,
            sources=number(min(SOURCES, len(whole.connected))),
        )
    ]
