"""Report `brokers`: agencies that connect others, by betweenness and Gould-Fernandez roles, with bootstrap support."""

from typing import NamedTuple

import numpy as np

from registry.analysis.measures import betweenness, brokerage, constraint, effective_size
from registry.analysis.report import Cell, Column, Parameter, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import (
    Floats,
    Ints,
    SnapshotArrays,
    adjacency,
    assumed_ties,
    data_notes,
    without_isolates,
)
from registry.analysis.statistics import PERTURBED, ROBUST, SEED, draws_for
from registry.i18n import _, number, percent
from registry.progress import steps

SOURCES, SOURCES_A_DRAW, TOP, WORK = 256, 128, 0.1, 50_000
QUANTILES = (0.05, 0.95)
UNDIRECTED_ROLES, SIGNIFICANT_Z = [0, 1, 3, 4], 1.96  # in undirected networks, representative equals gatekeeper
MOST = Parameter("most", 20, 1, 1000, "How many to list at most.")
ROLES = {
    "coordinator": "between agencies of its own sector",
    "consultant": "between agencies of one other sector",
    "gatekeeper": "between its own sector and others",
    "liaison": "between different other sectors",
}

BROKERS = ReportDefinition(
    "brokers",
    "Through which agencies do the others reach each other?",
    "Agencies are ranked by betweenness, the shortest ways between others that lead through them (Freeman 1977; all ways, or those "
    "from agencies drawn). Ties may be gone or never have been, so that the ranking is made again without a tenth of the ties, "
    "drawn at random: firm is who is in the top tenth of agencies with ties in most draws (Borgatti, Carley & Krackhardt 2006). "
    "Pairs of partners that are not tied themselves are counted by the sectors of the three (Gould & Fernandez 1989).",
    ("agencies", "partnerships", "sectors"),
    (
        Column("agency", "Agency", "text", "The agency."),
        Column("sector", "Sector", "text", "Its main sector."),
        Column("ties", "Ties", "integer", "Others with whom it has an agreement in force.", "ties"),
        Column("betweenness", "Ways through it", "number", "Shortest ways through it, of all between two others (betweenness).", "%"),
        Column("low", "At least", "number", "Ways through it in nine of ten draws: no fewer than this.", "%"),
        Column("high", "At most", "number", "Ways through it in nine of ten draws: no more than this.", "%"),
        Column("firm", "Firm", "number", "In how many draws it is in the top tenth.", "%"),
        Column("role", "Role", "code", "The role that it has most beyond chance, if any.", words=ROLES),
        Column("coordinator", "Coordinator", "integer", "Pairs of untied partners, both of its own sector.", "pairs"),
        Column("consultant", "Consultant", "integer", "Pairs of untied partners, both of one other sector.", "pairs"),
        Column("gatekeeper", "Gatekeeper", "integer", "Pairs of untied partners, one of its sector, one not.", "pairs"),
        Column("liaison", "Liaison", "integer", "Pairs of untied partners of two sectors, neither its own.", "pairs"),
        Column("constraint", "Constraint", "number", "How far its partners are tied among themselves (Burt 1992)."),
        Column("effective", "Effective size", "number", "Its partners less their mean ties among themselves (Borgatti 1997)."),
        Column("efficiency", "Efficiency", "number", "Effective size for each partner, 0 to 1."),
    ),
    (ROBUST, MOST),
    key=("agency",),
    counts="Agencies surely in the top tenth",
)  # fmt: skip


class Ranked(NamedTuple):
    """The agencies with ties (`tied`, indices), their ties and betweenness (Freeman 1977), and the bootstrap results.

    `firm` is the bootstrap support: the share of draws in which an agency is in the top tenth. `low` and `high`
    bound its betweenness in nine of ten draws.
    """

    tied: Ints
    ties: Ints
    through: Floats
    firm: Floats
    low: Floats
    high: Floats
    draws: int


def brokers(arrays: SnapshotArrays, *, firm: float = ROBUST.default, most: int = int(MOST.default)) -> Report:
    """List the top tenth of agencies by betweenness, `most` at most.

    Measures: betweenness (Freeman 1977; Brandes 2001), Gould-Fernandez roles (1989), constraint (Burt 1992),
    effective size (Borgatti 1997). Findings are the agencies whose bootstrap support is at least `firm` (Borgatti,
    Carley & Krackhardt 2006).
    """
    ranked = _rank(arrays)
    top = _top(ranked.through)
    order = top[np.lexsort((top, -ranked.through[top]))]
    robust = int((ranked.firm[top] >= firm).sum())
    listed = _rows(arrays, ranked, order[:most], firm)
    return BROKERS.answer(
        arrays.as_of, listed, found=robust, of=len(ranked.tied), unknown=len(top) - robust, withheld=arrays.withheld,
        notes=[*data_notes(arrays), *_notes(ranked, len(top), robust, firm)], firm=firm, most=most,
    )  # fmt: skip


def _rank(arrays: SnapshotArrays) -> Ranked:
    """Return betweenness and its bootstrap support over draws without a tenth of the ties."""
    tied, ties = without_isolates(assumed_ties(arrays))
    draws, random = draws_for(len(tied), WORK), np.random.default_rng(SEED)
    times, drawn = np.zeros(len(tied)), np.zeros((draws, len(tied)))
    for draw in steps(_("networks with fewer ties"), list(drawn) if len(ties) else []):
        remaining = ties[random.random(len(ties)) >= PERTURBED]
        draw[:] = _betweenness(remaining, len(tied), SOURCES_A_DRAW, random)
        times[_top(draw)] += 1
    low, high = np.quantile(drawn, QUANTILES, axis=0)
    return Ranked(tied, ties, _betweenness(ties, len(tied), SOURCES, random), times / draws, low, high, draws)


def _betweenness(ties: Ints, size: int, sources: int, random: np.random.Generator) -> Floats:
    """Return betweenness, from all agencies if there are at most `sources`, else from a random sample of that size."""
    drawn = None if size <= sources else np.sort(random.choice(size, sources, replace=False))
    return betweenness(adjacency(ties, size), drawn) / 2


def _top(through: Floats) -> Ints:
    """Return the indices of the tenth with the highest betweenness, at least one, without zeros."""
    order = np.argsort(-through, kind="stable")[: int(np.ceil(TOP * len(through)))]
    top: Ints = order[through[order] > 1e-9]
    return top


def _rows(arrays: SnapshotArrays, ranked: Ranked, order: Ints, firm: float) -> list[ReportRow]:
    """Return the rows of the listed agencies."""
    arcs = adjacency(ranked.ties, len(ranked.tied))
    degree, size = np.diff(arcs.indptr), effective_size(arcs)
    constrained, roles = constraint(arcs), _roles(arrays, ranked)
    pairs = max((len(ranked.tied) - 1) * (len(ranked.tied) - 2) / 2, 1)
    rows = []
    for one in order.tolist():
        place = int(ranked.tied[one])
        sector = int(arrays.sector[place])
        values: dict[str, Cell] = {
            "agency": arrays.agencies.names[place],
            "sector": arrays.sectors.names[sector] if sector >= 0 else None,
            "ties": int(degree[one]),
            "betweenness": 100 * float(ranked.through[one]) / pairs,
            "low": 100 * float(ranked.low[one]) / pairs,
            "high": 100 * float(ranked.high[one]) / pairs,
            "firm": 100 * float(ranked.firm[one]),
            **roles[one],
            "constraint": float(constrained[one]),
            "effective": float(size[one]),
            "efficiency": float(size[one] / degree[one]),
        }
        rows.append(
            ReportRow(values, (arrays.agencies.evidence(place),), "likely" if ranked.firm[one] >= firm else "unclear")
        )
    return rows


def _roles(arrays: SnapshotArrays, ranked: Ranked) -> list[dict[str, Cell]]:
    """Return the brokerage counts of each agency with ties.

    Agencies without a sector have empty cells, and pairs that include one are not counted.
    """
    sector = arrays.sector[ranked.tied]
    known = np.flatnonzero(sector >= 0)
    counted = brokerage(adjacency(ranked.ties, len(sector))[known][:, known], sector[known])
    cells: list[dict[str, Cell]] = [dict.fromkeys(("role", *ROLES)) for _one in sector]
    for one, seen, z in zip(
        known.tolist(), counted.seen[:, UNDIRECTED_ROLES], counted.z[:, UNDIRECTED_ROLES], strict=True
    ):
        most = int(np.nan_to_num(z, nan=-np.inf).argmax())
        cells[one] = {"role": list(ROLES)[most] if z[most] > SIGNIFICANT_Z else None}
        cells[one] |= {role: round(number) for role, number in zip(ROLES, seen.tolist(), strict=True)}
    return cells


def _notes(ranked: Ranked, top: int, robust: int, firm: float) -> list[str]:
    if not top:
        return [_("No way between two agencies leads through a third, so there is nothing to tell.")]
    template = _(
        "{n} of the {m} in the top tenth are there in at least {share} of {draws} draws without a tenth of the ties (seed {seed}); of "
        "the others it cannot be said."
    )
    notes = [
        template.format(n=number(robust), m=number(top), share=percent(firm), draws=number(ranked.draws), seed=SEED)
    ]
    if len(ranked.tied) > SOURCES:
        sampled = _("Ways are those from {n} agencies drawn, in each draw from {m}.")
        notes.append(sampled.format(n=number(SOURCES), m=number(SOURCES_A_DRAW)))
    return notes
