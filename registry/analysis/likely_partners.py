"""Which agencies have so many partners in common that a conversation is worth while, and how much such a hint is worth."""

import numpy as np

from registry.analysis.alike import close
from registry.analysis.backtest_ties import REPORT, SPLITS, TELLING, Judged, hidden_at_random
from registry.analysis.brokers import MOST
from registry.analysis.link_scores import Blocks, Near, near
from registry.analysis.one_agency import AGENCY, place_of
from registry.analysis.resampling import SEED, draws_for
from registry.analysis.standing import adjacency, grounds, standing
from registry.analysis.world import Bools, Ints, Matrix, World
from registry.figures import number, percent
from registry.reports.report import Cell, Column, Question, Report, Row
from registry.words import _

SHOWN, WORK = 5, 100_000
ADVICE = {"talk": "worth a conversation"}
METHODS = {
    "allocation": "partners in common, the less busy the more",
    "adamic_adar": "partners in common, by 1 / log of their ties",
    "common": "number of partners in common",
    "degrees": "product of numbers of ties",
    "blocks": "sectors and numbers of ties",
    "sector": "same sector",
}

LIKELY_PARTNERS = Question(
    "likely-partners",
    "Which agencies without an agreement have so many partners in common that they are worth a conversation?",
    "Pairs two steps apart are ranked by their partners in common, each weighing the less the more ties it has (resource allocation "
    "index; Zhou et al. 2009). Bodies and their own units are left out. A tenth of the agreements is hidden at random, again and "
    "again, and their ties told from the rest by this ranking and by trivial ones: numbers of ties, sectors with them, same sector. "
    "Where it is no better than the best of these, it says so, and nothing is called found.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("agency_a", "Agency", "text", "One agency."),
        Column("agency_b", "Other agency", "text", "The other agency."),
        Column("advice", "Advice", "code", "What could be done.", words=ADVICE),
        Column("common", "In common", "integer", "Partners in common.", "partners"),
        Column("partners", "Partners", "texts", "Up to five of these, those with the fewest ties first."),
        Column("score", "Score", "number", "The sum of 1 / ties over partners in common (resource allocation)."),
        Column("adamic_adar", "Adamic-Adar", "number", "The sum of 1 / log of ties over partners in common (Adamic & Adar 2003)."),
        Column("degrees", "Ties x ties", "integer", "The product of their numbers of ties (preferential attachment)."),
        Column("blocks", "Expected", "number", "Ties to be expected by their sectors and numbers of ties.", "ties"),
    ),
    (AGENCY, MOST),
    key=("agency_a", "agency_b"),
    counts="Suggested pairs of agencies",
)  # fmt: skip


def likely_partners(world: World, *, agency: str = "", most: int = int(MOST.default)) -> Report:
    """Rank pairs two steps apart, `most` at most; `of` counts them all, those of one `agency` where it is asked about.

    References: Zhou et al. 2009; Karrer & Newman 2011.
    """
    ties = standing(world)
    arcs = adjacency(ties, len(world.agencies))
    pairs = near(arcs)
    open_ = ~_marked(close(world), pairs)
    if agency:
        open_ &= (pairs.a == place_of(world, agency)) | (pairs.b == place_of(world, agency))
    order = np.flatnonzero(open_)
    order = order[np.lexsort((pairs.b[order], pairs.a[order], -pairs.allocation[order]))][:most]
    judged = hidden_at_random(world, draws_for(len(world.agencies), WORK, SPLITS))
    good = judged is not None and judged.beats and len(np.unique(ties)) >= TELLING
    rows = _rows(world, ties, arcs, pairs, order, good)
    return LIKELY_PARTNERS.answer(
        world.as_of, rows, found=len(rows) if good else 0, of=int(open_.sum()), unknown=0 if good else len(rows),
        withheld=world.withheld, notes=[*grounds(world), *_notes(judged, len(np.unique(ties)))], agency=agency, most=most,
    )  # fmt: skip


def _marked(matrix: Matrix, pairs: Near) -> Bools:
    """Tell of each pair whether the matrix holds it."""
    rows, columns = matrix.nonzero()
    size = matrix.shape[0]
    return np.isin(pairs.a * size + pairs.b, rows.astype(np.int64) * size + columns)


def _rows(world: World, ties: Ints, arcs: Matrix, pairs: Near, order: Ints, good: bool) -> list[Row]:
    blocks, rows = Blocks.of(world.sector, ties), []
    expected = blocks.score(pairs.a[order], pairs.b[order]).tolist()
    for one, likely in zip(order.tolist(), expected, strict=True):
        a, b = int(pairs.a[one]), int(pairs.b[one])
        common = np.intersect1d(arcs[[a]].indices, arcs[[b]].indices)
        common = common[np.argsort(blocks.degree[common], kind="stable")].tolist()
        values: dict[str, Cell] = {
            "agency_a": world.agencies.names[a],
            "agency_b": world.agencies.names[b],
            "advice": "talk",
            "common": len(common),
            "partners": tuple(world.agencies.names[each] for each in common[:SHOWN]),
            "score": float(pairs.allocation[one]),
            "adamic_adar": float(pairs.adamic_adar[one]),
            "degrees": int(blocks.degree[a] * blocks.degree[b]),
            "blocks": likely,
        }
        rows.append(
            Row(
                values,
                tuple(world.agencies.evidence(each) for each in (a, b, *common)),
                "likely" if good else "unclear",
            )
        )
    return rows


def _notes(judged: Judged | None, tied: int) -> list[str]:
    if judged is None:
        return [_("There are too few ties to hide some and see whether this ranking finds them, so take it as a hint.")]
    return [verdict(judged, tied), _worth(judged)]


def verdict(judged: Judged, tied: int) -> str:
    """Say whether the ranking by partners in common beats the best trivial one."""
    if tied < TELLING:
        told = _(
            "With fewer than {few} agencies no ranking can be called better: average precision {ours}, {best} {theirs}."
        )
    elif judged.beats:
        told = _("It beats the best trivial ranking: average precision {ours}, {best} {theirs}.")
    else:
        told = _("It does not beat the best trivial ranking: average precision {ours}, {best} {theirs}.")
    best = judged.best_trivial
    return told.format(
        few=number(TELLING), ours=number(judged.mean(REPORT)), best=_(METHODS[best]), theirs=number(judged.mean(best))
    )


def _worth(judged: Judged) -> str:
    """Say how often such hints come true, and how many could not."""
    told = _(
        "With a tenth of the agreements hidden ({splits} times, seed {seed}) {share} of as many first pairs as ties were hidden "
        "were among these, of any pairs {base}; {lost} of the ties hidden have no partner in common left and cannot be told."
    )
    hits = sum(one.hits for one in judged.splits)
    return told.format(
        splits=number(len(judged.splits)), seed=SEED, share=percent(judged.precision(REPORT)),
        base=number(100 * judged.splits[0].scored[REPORT].base_rate) + " %",
        lost=percent(sum(one.unreachable for one in judged.splits) / hits),
    )  # fmt: skip
