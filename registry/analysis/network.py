"""Report `network`: measures of the network of all agencies, compared with random networks (the null model)."""

from collections.abc import Mapping

import numpy as np

from registry.analysis.measures import (
    centralisation,
    clustering,
    communities,
    components,
    distances,
    external_internal,
    modularity,
    transitivity,
)
from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.sector_gaps import LEVEL, Z_SCORE
from registry.analysis.snapshot import Ints, SnapshotArrays, adjacency
from registry.analysis.statistics import (
    SEED,
    NullComparison,
    adjust_p_values,
    compare_until_clear,
)
from registry.analysis.ties import OTHER_TIE_RULES, TieNetwork, data_notes, draws_at
from registry.i18n import _, number

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
        "How strongly ties are concentrated within groups, by one run of the Louvain method; only a value above the null model "
        "has a meaning (Guimerà et al. 2004). The report “communities” shows the mean of several runs."
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
    "A tie is a pair of agencies with an agreement in force; ties have no direction. Transitivity, clustering, "
    "modularity and the E-I index are compared with random networks in which every agency keeps its number of "
    "agreements, and every agreement keeps its number of parties (curveball algorithm; Strona et al. 2014). An "
    "agreement of several parties therefore makes no finding by itself. p-values are two-sided, count the observed "
    "network as one of the random ones, and are adjusted for the number of measures compared (Benjamini & Hochberg "
    "1995).",
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
    common=OTHER_TIE_RULES,
)


def network(arrays: SnapshotArrays, *, level: float = LEVEL.default) -> Report:
    """Measure the network of all agencies, and compare it with random networks (the null model).

    A measure is a finding if it differs from the null model at the false discovery rate `level`.
    """
    whole = TieNetwork.of(arrays)
    compared = _compared(arrays, whole, level) if len(whole.ties) else {}
    adjusted = adjust_p_values(np.array([one.p for one in compared.values()]), len(compared))
    p = dict(zip(compared, adjusted.tolist(), strict=True))
    plain = _descriptive(whole) if len(whole.ties) else {}
    rows = [_descriptive_row(name, value) for name, value in plain.items()]
    rows += [_compared_row(name, one, p[name], p[name] <= level) for name, one in compared.items()]
    return NETWORK.answer(
        arrays.as_of, rows, found=sum(row.confidence == "likely" for row in rows), of=len(compared),
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(whole, compared)], level=level,
    )  # fmt: skip


def measures(arrays: SnapshotArrays) -> dict[str, float]:
    """Return the value of each measure by name; skip the comparison with random networks, because it is slow."""
    whole = TieNetwork.of(arrays)
    if not len(whole.ties):
        return {}
    return {**_descriptive(whole), **_measures_with_null(whole.ties, arrays.sector[whole.connected])}


def _descriptive(whole: TieNetwork) -> Mapping[str, float]:
    """Return the measures that have no null model, in the order of MEASURES.

    The density is the number of ties divided by the number of pairs. The mean degree is computed over the agencies that have a tie.
    The mean distance is exact. The degree centralisation is that of Freeman 1978.
    The core number is computed as in `networkx.core_number`. The connected components come from `scipy.sparse.csgraph`.
    """
    import networkx as nx  # imported here because it takes half a second

    degree, found = np.diff(whole.arcs.indptr), components(whole.arcs)
    apart = distances(whole.arcs)
    pairs = whole.agencies * (whole.agencies - 1) / 2
    return {
        "with-ties": len(whole.connected),
        "ties": len(whole.ties),
        "density": len(whole.ties) / pairs,
        "degree": float(degree.mean()),
        "components": len(found.sizes),
        "largest-component": float(found.sizes.max() / len(whole.connected)),
        "distance": float(apart.total.sum() / max(apart.reached.sum(), 1)),
        "centralisation": centralisation(np.pad(degree, (0, whole.agencies - len(degree)))),
        "core": max(nx.core_number(nx.Graph(whole.ties.tolist())).values()),
    }


def _compared(arrays: SnapshotArrays, whole: TieNetwork, level: float) -> dict[str, NullComparison]:
    """Compare the network with random networks; return a dictionary from the name of each compared measure to its comparison.

    The measures are transitivity, mean clustering (Watts & Strogatz 1998), modularity (Louvain; Blondel et al. 2008) and, if the
    agencies have several sectors, the E-I index, which compares ties between and within sectors (Krackhardt & Stern 1988).
    """
    sector = arrays.sector[whole.connected]
    seen = _measures_with_null(whole.ties, sector)
    drawn = (_measures_with_null(ties, sector) for ties in whole.random_networks(draws_at(level, len(seen))))
    compared = compare_until_clear(
        list(seen.values()), ([each.get(name, seen[name]) for name in seen] for each in drawn)
    )
    return dict(zip(seen, compared, strict=True))


def _measures_with_null(ties: Ints, sector: Ints) -> dict[str, float]:
    """Return the measures of a network that are compared with random networks; `sector` has -1 for agencies without a sector."""
    arcs = adjacency(ties, len(sector))
    values = {
        "transitivity": transitivity(arcs),
        "clustering": float(clustering(arcs).mean()),
        "modularity": modularity(arcs, communities(arcs, np.random.default_rng(SEED))),
    }
    known = sector[ties][(sector[ties] >= 0).all(axis=1)]
    if len(known) and len(np.unique(sector[sector >= 0])) > 1:
        values["ei-index"] = external_internal(known)
    return values


def _descriptive_row(name: str, value: float) -> ReportRow:
    return ReportRow(_cells(name, value), confidence="certain")


def _compared_row(name: str, one: NullComparison, p: float, differs: bool) -> ReportRow:
    cells = _cells(name, one.value) | {"expected": one.mean, "z": one.z, "p": p}
    return ReportRow(cells, confidence="likely" if differs else "within-chance")


def _cells(name: str, value: float) -> dict[str, Cell]:
    return {"measure": name, "value": value, "expected": None, "z": None, "p": None, "meaning": name}


def _notes(whole: TieNetwork, compared: Mapping[str, NullComparison]) -> list[str]:
    if not len(whole.ties):
        return [_("There are no ties in force, so there is no network to measure.")]
    template = _("The expected values come from {draws} random networks (seed {seed}).")
    exact = _("The mean distance is exact: it is computed from the shortest paths of all agencies with a tie.")
    return [template.format(draws=number(compared["transitivity"].draws), seed=SEED), exact]
