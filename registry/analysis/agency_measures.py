"""Report `agency-measures`: the measures of each agency in the network of ties, and the ties themselves."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from registry.analysis.brokers import CONSTRAINT, CONSULTANT, COORDINATOR, GATEKEEPER, LIAISON
from registry.analysis.communities import consensus, louvain_runs, runs_for
from registry.analysis.measures import (
    ROLES,
    betweenness,
    brokerage_roles,
    closed_two_paths,
    components,
    constraint,
    distances,
    effective_size,
    sampled_betweenness,
)
from registry.analysis.report import SCOPE, Cell, Column, Confidence, Report, ReportDefinition, ReportRow, Tie
from registry.analysis.snapshot import (
    Bools,
    Floats,
    Ints,
    Matrix,
    SnapshotArrays,
    adjacency,
    assumed_ties,
    term_names,
)
from registry.analysis.statistics import SEED
from registry.analysis.ties import OTHER_TIE_RULES, TieNetwork, data_notes
from registry.i18n import _, ngettext, number

EXACT, SOURCES = 4_000, 512
DENSE = 200  # agencies up to which all eigenvectors are computed, because ARPACK needs some more agencies than vectors

AGENCY_MEASURES = ReportDefinition(
    "agency-measures",
    "Network measures of agencies",
    "Which position does each agency have in the network of agreements?",
    "A tie is a pair of agencies with an agreement in force; ties have no direction. An agreement of k parties adds 1 / (k - 1) "
    "to the weight of each of its ties, so that an agreement of many parties does not count more than another (Newman 2001). "
    "Betweenness is exact for up to 4,000 agencies with a tie; otherwise it is estimated from the shortest paths of 512 "
    "sampled agencies (Freeman 1977; Brandes & Pich 2007; Geisberger, Sanders & Schultes 2008). Closeness takes into account "
    "that some agencies cannot be reached "
    "(Wasserman & Faust 1994). The eigenvector centrality (Bonacich 1972) is only defined within the largest component. "
    "Constraint and effective size measure structural holes (Burt 1992; Borgatti 1997). The brokerage roles count the pairs of "
    "partners that have no tie with each other, by the main sectors of the three agencies (Gould & Fernandez 1989). The core number "
    "is that of Seidman (1983). The communities are the groups of the report “communities”, which tests whether they "
    "differ from chance (Blondel et al. 2008). An empty cell is a value that is not defined or not known; an agency without "
    "a recorded agreement may still work with others.",
    ("agencies", "partnerships", "sectors", "areas"),
    (
        Column("agency", "Agency", "text", "The agency."),
        Column("sectors", "Sectors", "texts", "The sectors of the agency."),
        Column("areas", "Areas", "texts", "The areas of the agency."),
        Column(
            "degree",
            "Degree",
            "integer",
            "The number of agencies with which the agency has an agreement in force.",
            "ties",
        ),
        Column(
            "strength",
            "Strength",
            "integer",
            "The number of agreements on which the ties of the agency rest; the sum of the weights of its ties.",
            "agreements",
        ),
        Column(
            "betweenness",
            "Betweenness",
            "number",
            "The number of pairs of other agencies whose shortest path passes through the agency; of several shortest paths, each "
            "counts in part.",
            "pairs",
        ),
        Column(
            "betweenness_error",
            "Standard error of betweenness",
            "number",
            "The standard error of the estimated betweenness; empty if the betweenness is exact.",
            "pairs",
        ),
        Column(
            "closeness",
            "Closeness",
            "number",
            "The share of the other agencies that can be reached, divided by the mean distance to them, 0 to 1; empty without ties.",
        ),
        Column(
            "eigenvector",
            "Eigenvector centrality",
            "number",
            "High if the partners of the agency have a high value themselves, 0 to 1; the squares of all values add up to 1. Empty "
            "outside the largest component.",
        ),
        CONSTRAINT,
        Column(
            "effective_size",
            "Effective size",
            "number",
            "The number of partners of the agency minus the mean number of ties that they have with each other (Borgatti 1997).",
        ),
        COORDINATOR,
        CONSULTANT,
        Column(
            "representative",
            "Representative",
            "integer",
            "The same number as for the gatekeeper, because ties have no direction.",
            "pairs",
        ),
        GATEKEEPER,
        LIAISON,
        Column(
            "core",
            "Core number",
            "integer",
            "The largest k for which the agency is in a group where every agency has at least k ties within the group.",
        ),
        Column("community", "Community", "integer", "The number of the agency's group in the report “communities”."),
    ),
    key=("agency",),
    common=(*OTHER_TIE_RULES, *SCOPE),
    counts="Agencies with a tie",
    finding=lambda row: row.key if row["degree"] else None,
    concern="A row concerns the agency itself, not its partners.",
    lists_all=True,
)


class Betweenness(NamedTuple):
    """The betweenness of each agency (N) and its standard error (N), NaN where unknown; `sampled` is 0 if the values are exact."""

    value: Floats
    error: Floats
    sampled: int


def agency_measures(arrays: SnapshotArrays) -> Report:
    """Return the measures of every agency, in descending order of the degree and the betweenness, and the ties between agencies.

    An agency without a recorded agreement may still work with others, so it counts as unknown. The values of closeness and
    betweenness are those of `networkx.closeness_centrality` and `networkx.betweenness_centrality(normalized=False)`.
    """
    ties = _ties(arrays)
    whole = TieNetwork.of(arrays)
    between = _betweenness(whole.arcs)
    measured, notes = _measures(arrays, whole.connected, whole.arcs, between)
    measured["strength"] = _strength(arrays, ties)
    for values in measured.values():
        values[~arrays.recorded] = np.nan  # perhaps these agencies work with others
    order = np.lexsort([-np.nan_to_num(measured[name]).round(6) for name in ("betweenness", "degree")])
    rows = _rows(arrays, measured, order)
    report = AGENCY_MEASURES.answer(
        arrays.as_of, rows, found=len(whole.connected), of=len(rows), unknown=sum(row.confidence == "unclear" for row in rows),
        withheld=arrays.withheld, notes=[*data_notes(arrays), *notes],
    )  # fmt: skip
    return replace(report, ties=ties)


def _ties(arrays: SnapshotArrays) -> tuple[Tie, ...]:
    """Return the ties of `assumed_ties` with their agreements, sorted by the indices of the agencies.

    Each agreement of k known parties adds 1 / (k - 1) to the weight of each of its ties (Newman 2001).
    """
    agreements, weights = defaultdict[tuple[int, int], list[str]](list), defaultdict[tuple[int, int], float](float)
    for one, known in zip(arrays.assumed_agreements, arrays.assumed_parties, strict=True):
        for pair in combinations(known, 2):
            agreements[pair].append(one.id)
            weights[pair] += 1 / (len(known) - 1)
    ids = arrays.agencies.ids
    return tuple(Tie(ids[a], ids[b], tuple(agreements[a, b]), weights[a, b]) for a, b in sorted(agreements))


def _strength(arrays: SnapshotArrays, ties: Sequence[Tie]) -> Floats:
    """Return the sum of the weights of each agency's ties (N), which is its number of agreements with a known partner."""
    total = np.zeros(len(arrays.agencies))
    for tie in ties:
        total[[arrays.index[tie.a], arrays.index[tie.b]]] += tie.weight
    return np.round(total)


def _betweenness(arcs: Matrix) -> Betweenness:
    """Return the betweenness of each agency, exactly or from a sample of SOURCES agencies.

    The betweenness is known to be 0 if all partners of an agency have ties with each other. If no sampled path passes through
    another agency, its betweenness is unknown, because it is positive.
    """
    count = arcs.shape[0]
    if count <= EXACT:
        return Betweenness(betweenness(arcs) / 2, np.full(count, np.nan), 0)
    value, error = sampled_betweenness(arcs, np.random.default_rng(SEED).permutation(count)[:SOURCES])
    degree = np.diff(arcs.indptr)
    unseen = (value == 0) & (closed_two_paths(arcs, arcs, arcs) < degree * (degree - 1))
    return Betweenness(np.where(unseen, np.nan, value), np.where(unseen, np.nan, error), SOURCES)


def _measures(
    arrays: SnapshotArrays, connected: Ints, arcs: Matrix, between: Betweenness
) -> tuple[dict[str, Floats], list[str]]:
    """Return the measures of all agencies by column name (N each, NaN if undefined) but the strength, and notes on the measures."""
    import networkx as nx  # imported here because it takes half a second

    count = len(arrays.agencies)
    core = nx.core_number(nx.Graph(zip(*(ends.tolist() for ends in arcs.nonzero()), strict=True)))
    groups = consensus(louvain_runs(arcs, runs_for(len(connected)))) + 1 if len(connected) else np.zeros(0, np.int64)
    central, largest = _eigenvector(arcs)
    values: dict[str, tuple[Floats, float]] = {
        "degree": (np.diff(arcs.indptr).astype(np.float64), 0),
        "betweenness": (between.value, 0),
        "betweenness_error": (between.error, np.nan),
        "closeness": (closeness(arcs, count), np.nan),
        "eigenvector": (central, np.nan),
        "constraint": (constraint(arcs), np.nan),
        "effective_size": (effective_size(arcs), np.nan),
        "core": (np.array([core[one] for one in range(len(connected))], np.float64), 0),
        "community": (groups.astype(np.float64), np.nan),
    }
    measured = {}
    for name, (value, of_isolates) in values.items():
        measured[name] = np.full(count, of_isolates, np.float64)
        measured[name][connected] = value
    measured |= _roles(arrays)
    return measured, _notes(between, largest) if len(connected) else []


def _roles(arrays: SnapshotArrays) -> dict[str, Floats]:
    """Return how often each agency has each brokerage role (N); NaN for an agency without a sector, 0 for one without ties.

    A pair of partners is not counted if one of the two has no sector.
    """
    known = np.flatnonzero(arrays.sector >= 0)
    arcs = adjacency(assumed_ties(arrays), len(arrays.agencies))[known][:, known]
    counts = np.full((len(arrays.agencies), len(ROLES)), np.nan)
    if len(known):
        counts[known] = brokerage_roles(arcs, arrays.sector[known])
    return dict(zip(ROLES, counts.T, strict=True))


def closeness(arcs: Matrix, agencies: int) -> Floats:
    """Return the closeness of each agency (N) in an undirected network in which every agency has a tie.

    The closeness is r / (A - 1) divided by the mean distance to the r agencies that can be reached, where A is the number of
    `agencies` with and without ties (Wasserman & Faust 1994, as in networkx.closeness_centrality).
    """
    found = distances(arcs)
    return found.reached**2 / np.maximum(found.total, 1) / max(agencies - 1, 1)


def _eigenvector(arcs: Matrix) -> tuple[Floats, Bools]:
    """Return the eigenvector centrality (N) of the agencies in the largest component, NaN for others, and who is in it (N).

    If several components are the largest, or if the computation does not converge, all values are NaN.
    """
    central, found = np.full(arcs.shape[0], np.nan), components(arcs)
    largest: Bools = np.isin(found.of, np.flatnonzero(found.sizes == found.sizes.max(initial=0)))
    if np.count_nonzero(found.sizes == found.sizes.max(initial=0)) == 1:
        central[largest] = eigenvector(arcs[largest][:, largest])
    return central, largest


def eigenvector(arcs: Matrix) -> Floats:
    """Return the eigenvector centrality of each agency (N) in a connected undirected network, as a vector of length 1.

    The values are NaN if the computation does not converge. The centrality is that of networkx.eigenvector_centrality_numpy.
    """
    if arcs.shape[0] <= DENSE:
        return np.asarray(np.abs(np.linalg.eigh(arcs.toarray().astype(np.float64))[1][:, -1]))
    start = 1 + np.random.default_rng(SEED).random(arcs.shape[0])
    try:
        return np.asarray(np.abs(eigsh(arcs.astype(np.float64), k=1, which="LA", v0=start)[1][:, 0]))
    except ArpackNoConvergence:
        return np.full(arcs.shape[0], np.nan)


def _rows(arrays: SnapshotArrays, measured: dict[str, Floats], order: Ints) -> list[ReportRow]:
    """Return a row for each agency. An agency without a recorded agreement is unclear, because it may still work with others."""
    areas = term_names("Area", arrays.snapshot.areas)
    cells = {
        one.name: _cells(measured[one.name], whole=one.type == "integer")
        for one in AGENCY_MEASURES.columns
        if one.name in measured
    }
    rows = []
    for place in order.tolist():
        agency = arrays.snapshot.agencies[place]
        values: dict[str, Cell] = {
            "agency": agency.name,
            "sectors": arrays.sectors.named(agency.sectors),
            "areas": areas.named(agency.areas),
            **{name: column[place] for name, column in cells.items()},
        }
        confidence: Confidence = "certain" if arrays.recorded[place] else "unclear"
        rows.append(ReportRow(values, (arrays.agencies.evidence(place),), confidence, concerns=(agency.id,)))
    return rows


def _cells(values: Floats, *, whole: bool) -> list[Cell]:
    """Return the values as cells, with None for NaN."""
    return [None if one != one else round(one) if whole else one for one in values.tolist()]


def _notes(between: Betweenness, largest: Bools) -> list[str]:
    notes = []
    if between.sampled:
        template = _(
            "Betweenness is estimated from the shortest paths of {n} sampled agencies (seed {seed}). The standard errors are too "
            "small for agencies with a low betweenness, because few samples include agencies near them."
        )
        notes.append(template.format(n=number(between.sampled), seed=SEED))
        if unseen := int(np.isnan(between.value).sum()):
            template = ngettext(
                "The betweenness of {n} agency is unknown, because none of the sampled paths passes through it.",
                "The betweenness of {n} agencies is unknown, because none of the sampled paths passes through them.",
                unseen,
            )
            notes.append(template.format(n=number(unseen)))
    template = _("The eigenvector centrality is defined for the {n} agencies of the largest component.")
    return [*notes, template.format(n=number(int(largest.sum())))]
