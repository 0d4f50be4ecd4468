"""Report `brokers`: agencies that connect other agencies.

The agencies are ranked by betweenness, the share of shortest paths that pass through an agency. The report also counts their
Gould-Fernandez roles (kinds of brokerage between sectors), and shows how robust each rank is (bootstrap support).
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from registry.analysis.measures import betweenness, brokerage_roles, constraint, effective_size
from registry.analysis.report import SCOPE, Cell, Column, Report, ReportDefinition, ReportParameter, ReportRow
from registry.analysis.snapshot import Floats, Ints, Matrix, SnapshotArrays, adjacency, pairs_by_group
from registry.analysis.statistics import ROBUST, SEED, adjust_p_values, draw_until_clear, draws_for
from registry.analysis.ties import OTHER_TIE_RULES, TieNetwork, data_notes
from registry.i18n import _, number, percent
from registry.progress import steps

SOURCES, SOURCES_A_DRAW, TOP = 256, 128, 0.1
WORK, MOST_DRAWS, FEWEST_DRAWS = 100_000, 100, 20
QUANTILES = (0.05, 0.95)
UNDIRECTED_ROLES = [0, 1, 3, 4]  # without representatives: in undirected networks they are the gatekeepers
PERMUTATIONS, ROLE_WORK, ROLE_LEVEL = 2_000, 500_000, 0.05
MOST = ReportParameter("most", "Maximum number of rows", "The list ends after this many rows.", 20, 1, 1000)
LEAST_SUPPORT = replace(ROBUST, default=0.9)  # random agreements of equally active agencies make few brokers at 0.9
ROLES = {
    "coordinator": "between agencies of its own sector",
    "consultant": "between agencies of one other sector",
    "gatekeeper": "between its own sector and others",
    "liaison": "between two other sectors",
}

COORDINATOR = Column(
    "coordinator", "Coordinator", "integer", "Pairs of partners without a tie, both in its own sector.", "pairs"
)
CONSULTANT = Column(
    "consultant",
    "Consultant",
    "integer",
    "Pairs of partners without a tie, both in the same other sector.",
    "pairs",
)
GATEKEEPER = Column(
    "gatekeeper",
    "Gatekeeper",
    "integer",
    "Pairs of partners without a tie, one in its own sector and one not.",
    "pairs",
)
LIAISON = Column(
    "liaison",
    "Liaison",
    "integer",
    "Pairs of partners without a tie, in two different sectors other than its own.",
    "pairs",
)
CONSTRAINT = Column(
    "constraint",
    "Constraint",
    "number",
    "How strongly the partners of the agency are connected with each other; a high value means few independent contacts "
    "(Burt 1992).",
)

BROKERS = ReportDefinition(
    "brokers",
    "Brokers between agencies",
    "Which agencies connect others that are not connected directly?",
    "Agencies are ranked by betweenness: the number of shortest paths between other agencies that pass through an "
    "agency (Freeman 1977). In large networks, only the paths from a random sample of agencies are counted. A ranking "
    "can rest on a few agreements. It is therefore repeated many times with as many agreements, drawn at random with "
    "replacement from the recorded ones (bootstrap; Efron & Tibshirani 1993). A broker is robust if it stays in the "
    "top tenth in most of these draws. For each broker, the pairs of its partners that have no tie with each other "
    "are counted by the sectors of the three agencies (Gould & Fernandez 1989). A role is named if it occurs more "
    "often than with sectors that are permuted among the agencies with a tie; the p-values of all roles of the listed "
    "agencies are adjusted together (Benjamini & Hochberg 1995).",
    ("agencies", "partnerships", "sectors"),
    (
        Column("agency", "Agency", "text", "The agency."),
        Column("sector", "Sector", "text", "The main sector of the agency."),
        Column(
            "ties", "Ties", "integer", "The number of agencies with which the agency has an agreement in force.", "ties"
        ),
        Column(
            "betweenness",
            "Betweenness",
            "number",
            "The share of the shortest paths between other agencies that pass through the agency.",
            "%",
        ),
        Column(
            "low",
            "Lower bound",
            "number",
            "The lower end of the range that contains nine of ten bootstrap values of betweenness.",
            "%",
        ),
        Column(
            "high",
            "Upper bound",
            "number",
            "The upper end of the range that contains nine of ten bootstrap values of betweenness.",
            "%",
        ),
        Column(
            "support",
            "Bootstrap support",
            "number",
            "The share of the bootstrap draws in which the agency is in the top tenth.",
            "%",
        ),
        Column(
            "role",
            "Role",
            "code",
            "The most significant role; empty if no role occurs significantly more often than with permuted sectors.",
            words=ROLES,
        ),
        COORDINATOR,
        CONSULTANT,
        GATEKEEPER,
        LIAISON,
        CONSTRAINT,
        Column(
            "effective",
            "Effective size",
            "number",
            "The number of partners of the agency minus the mean number of ties that they have with each other (Borgatti 1997).",
        ),
        Column("efficiency", "Efficiency", "number", "Effective size divided by the number of partners, 0 to 1."),
    ),
    (LEAST_SUPPORT, MOST),
    key=("agency",),
    counts="Robust brokers",
    common=(*OTHER_TIE_RULES, *SCOPE),
    concern="A row concerns the broker itself.",
    selects=True,
)


class Ranked(NamedTuple):
    """The agencies that have ties, ranked by betweenness (Freeman 1977), with the results of the bootstrap.

    - `agencies`: the indices of the agencies in the snapshot
    - `ties`: pairs of indices into `agencies`
    - `through`: the betweenness of each agency
    - `support`: the bootstrap support, that is the share of bootstrap networks in which the agency is in the top tenth
    - `low`, `high`: the bounds of an agency's betweenness in nine of ten bootstrap networks
    - `draws`: the number of bootstrap networks
    """

    agencies: Ints
    ties: Ints
    through: Floats
    support: Floats
    low: Floats
    high: Floats
    draws: int


def brokers(
    arrays: SnapshotArrays, *, least_support: float = LEAST_SUPPORT.default, most: int = int(MOST.default)
) -> Report:
    """List the top tenth of the agencies by betweenness, but at most `most` agencies.

    Measures: betweenness (Freeman 1977; Brandes 2001), Gould-Fernandez roles (1989), constraint (Burt 1992), effective size
    (Borgatti 1997). The bootstrap support of an agency is the share of bootstrap networks in which it stays in the top tenth. A
    bootstrap network has the ties of as many agreements as are recorded, drawn with replacement (Efron & Tibshirani 1993; support
    as in Felsenstein 1985). Agreements are drawn, not ties, because the ties of an agreement of several parties are recorded, or
    missing, together. An agency is a finding if its support is at least `least_support`.
    """
    ranked = _rank(arrays)
    top = _top(ranked.through)
    order = top[np.lexsort((top, -ranked.through[top]))]
    robust = int((ranked.support[top] >= least_support).sum())
    ours = order[arrays.selected[ranked.agencies[order]]]
    found = int((ranked.support[ours] >= least_support).sum())
    listed = _rows(arrays, ranked, ours[:most], least_support)
    return BROKERS.answer(
        arrays.as_of, listed, found=found, of=int(arrays.selected[ranked.agencies].sum()), unknown=len(ours) - found,
        withheld=arrays.withheld,
        notes=[*data_notes(arrays), *_notes(ranked, len(top), robust, least_support)], least_support=least_support, most=most,
    )  # fmt: skip


def _rank(arrays: SnapshotArrays) -> Ranked:
    """Return the betweenness of each agency, and its bootstrap support over the agreements."""
    whole = TieNetwork.of(arrays)
    size, count = len(whole.connected), len(whole.agreements)
    pairs, agreement = pairs_by_group(whole.agreements)
    draws, random = draws_for(size, WORK, MOST_DRAWS, FEWEST_DRAWS), np.random.default_rng(SEED)
    times, drawn = np.zeros(size), np.zeros((draws, size))
    for draw in steps(_("bootstrap networks"), list(drawn) if count else []):
        chosen = np.bincount(random.integers(count, size=count), minlength=count) > 0
        draw[:] = _betweenness(pairs[chosen[agreement]], size, SOURCES_A_DRAW, random)
        times[_top(draw)] += 1
    low, high = np.quantile(drawn, QUANTILES, axis=0)
    through = _betweenness(whole.ties, size, SOURCES, random)
    return Ranked(whole.connected, whole.ties, through, times / draws, low, high, draws)


def _betweenness(ties: Ints, size: int, sources: int, random: np.random.Generator) -> Floats:
    """Return the betweenness of each agency, from the shortest paths that start at up to `sources` randomly chosen agencies."""
    drawn = None if size <= sources else np.sort(random.choice(size, sources, replace=False))
    return betweenness(adjacency(ties, size), drawn) / 2


def _top(through: Floats) -> Ints:
    """Return the indices of the tenth of the agencies with the highest betweenness; agencies with betweenness 0 are left out."""
    order = np.argsort(-through, kind="stable")[: int(np.ceil(TOP * len(through)))]
    top: Ints = order[through[order] > 1e-9]
    return top


def _rows(arrays: SnapshotArrays, ranked: Ranked, order: Ints, least_support: float) -> list[ReportRow]:
    """Return a report row for each listed agency."""
    arcs = adjacency(ranked.ties, len(ranked.agencies))
    degree, size = np.diff(arcs.indptr), effective_size(arcs)
    constrained, roles = constraint(arcs), _roles(arrays, ranked, order)
    pairs = max((len(ranked.agencies) - 1) * (len(ranked.agencies) - 2) / 2, 1)
    rows = []
    for one in order.tolist():
        place = int(ranked.agencies[one])
        sector = int(arrays.sector[place])
        values: dict[str, Cell] = {
            "agency": arrays.agencies.names[place],
            "sector": arrays.sectors.names[sector] if sector >= 0 else None,
            "ties": int(degree[one]),
            "betweenness": 100 * float(ranked.through[one]) / pairs,
            "low": 100 * float(ranked.low[one]) / pairs,
            "high": 100 * float(ranked.high[one]) / pairs,
            "support": 100 * float(ranked.support[one]),
            **roles[one],
            "constraint": float(constrained[one]),
            "effective": float(size[one]),
            "efficiency": float(size[one] / degree[one]),
        }
        rows.append(
            ReportRow(
                values,
                (arrays.agencies.evidence(place),),
                "likely" if ranked.support[one] >= least_support else "unclear",
                concerns=(arrays.agencies.ids[place],),
            )
        )
    return rows


def _roles(arrays: SnapshotArrays, ranked: Ranked, brokers: Ints) -> dict[int, dict[str, Cell]]:
    """Return for each of the given brokers how often it has each brokerage role, and its significant role, if any.

    An agency without a sector has empty cells. A pair of partners is not counted if one of the two has no sector.
    """
    sector = arrays.sector[ranked.agencies]
    known = np.flatnonzero(sector >= 0)
    arcs, group = adjacency(ranked.ties, len(sector))[known][:, known], sector[known]
    tested = np.flatnonzero(np.isin(known, brokers))
    seen = _role_counts(arcs, group, tested)
    significant = _significant_roles(arcs, group, tested, seen)
    cells: dict[int, dict[str, Cell]] = {one: dict.fromkeys(("role", *ROLES)) for one in brokers.tolist()}
    for one, counts, role in zip(known[tested].tolist(), seen.tolist(), significant, strict=True):
        cells[one] = {"role": role, **dict(zip(ROLES, map(round, counts), strict=True))}
    return cells


def _role_counts(arcs: Matrix, group: Ints, tested: Ints) -> Floats:
    """Return how often each tested agency has each role of ROLES (T x 4)."""
    return brokerage_roles(arcs, group)[tested][:, UNDIRECTED_ROLES]


def _significant_roles(arcs: Matrix, group: Ints, tested: Ints, seen: Floats) -> list[str | None]:
    """Return the most significant role of each tested agency, or None for an agency without a significant role.

    The sectors are permuted among all agencies with a tie, so that every agency keeps its partners. The p-value of a role is the
    share of permutations in which the agency has the role at least as often; the observed sectors count as one permutation. All
    p-values are adjusted together (Benjamini & Hochberg 1995). In large networks, fewer permutations are drawn. The
    drawing also ends as soon as the result is clear (see `draw_until_clear`).
    """
    if not seen.size:
        return []
    random, (near, inner) = np.random.default_rng(SEED), _neighbourhood(arcs, tested)
    places, most = np.searchsorted(near, tested), draws_for(len(near), ROLE_WORK, PERMUTATIONS)
    permuted = (random.permutation(group)[near] for _draw in steps(_("permuted sectors"), range(most)))
    drawn = draw_until_clear(seen, (_role_counts(inner, one, places) for one in permuted), one_sided=True)
    p = ((drawn >= seen).sum(axis=0) + 1) / (len(drawn) + 1)
    adjusted = adjust_p_values(p.ravel(), p.size).reshape(p.shape)
    return [list(ROLES)[int(one.argmin())] if one.min() <= ROLE_LEVEL else None for one in adjusted]


def _neighbourhood(arcs: Matrix, tested: Ints) -> tuple[Ints, Matrix]:
    """Return the indices of the tested agencies and their partners in ascending order, and the network among these agencies."""
    near = np.union1d(tested, arcs[tested].indices)
    return near, arcs[near][:, near]


def _notes(ranked: Ranked, top: int, robust: int, least_support: float) -> list[str]:
    if not top:
        return [_("No agency connects two others, so there are no brokers.")]
    template = _(
        "Robust brokers: {n} of the {m} agencies in the top tenth. Robust brokers stay in the top tenth in at least "
        "{share} of {draws} bootstrap draws of the agreements (seed {seed}). The others are uncertain."
    )
    notes = [
        template.format(
            n=number(robust), m=number(top), share=percent(least_support), draws=number(ranked.draws), seed=SEED
        )
    ]
    if len(ranked.agencies) > SOURCES:
        sampled = _(
            "Betweenness is estimated from the shortest paths of {n} sampled agencies, and in each bootstrap draw from "
            "those of {m} agencies."
        )
        notes.append(sampled.format(n=number(SOURCES), m=number(SOURCES_A_DRAW)))
    return notes
