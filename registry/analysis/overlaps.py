"""Which agencies do much the same in the same place, without an agreement, also by an application of their own."""

import numpy as np

from registry.analysis.alike import Compared, Judged, Pairs, judge, shuffled
from registry.analysis.applications import Doubled, comparable, doubled, likeness, special_applications
from registry.analysis.basis import basis
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.world import Floats, Ints, World
from registry.figures import number
from registry.reports.report import Cell, Column, Evidence, Parameter, Question, Report, Row
from registry.words import _

LEAST_LIKENESS = Parameter(
    "least_likeness", 0.0, 0.0, 1.0, "Leave out pairs that share less than this part of all they do."
)
SEED, SHOWN = 20261125, 5
FINDINGS = {"overlap": "much the same work", "special-application": "special application that a general one doubles"}

OVERLAPS = Question(
    "overlaps",
    "Which agencies do much the same in the same place, without an agreement?",
    "Pairs of agencies in a common area without an agreement in force are ranked by what they share of all they do, rare functions "
    "weighing more (idf-weighted Jaccard). Only pairs that share more than chance within their sectors would give are listed: "
    "bipartite configuration model (Saracco et al. 2017), Poisson, Benjamini-Hochberg over the pairs in a common area. "
    "After them come special applications (SPBE) of which all functions, at least two, are served by a general one that is shared in "
    "the same area.",
    ("agencies", "services", "resources", "partnerships", "sectors", "areas", "functions"),
    (
        Column("finding", "Finding", "code", "What is found.", words=FINDINGS),
        Column("agency_a", "Agency", "text", "One agency."),
        Column("agency_b", "Other agency", "text", "The other agency."),
        Column("likeness", "Likeness", "number", "The weighted share of what they do that both do, 0 to 1."),
        Column("shared", "Shared", "integer", "Functions that both perform.", "functions"),
        Column("expected", "Expected", "number", "Functions that chance would have them share.", "functions"),
        Column("p", "p", "number", "How often chance alone gives so many, adjusted for the number of pairs."),
        Column("rarest", "Rarest shared functions", "texts", "The rarest of the functions that both perform."),
        Column("special", "Special application", "text", "The application that the one agency has for itself."),
        Column("general", "General application", "text", "The application of the other that serves all its functions."),
    ),
    (LEVEL, LEAST_LIKENESS),
    key=("finding", "agency_a", "agency_b", "special", "general"),
    counts="Pairs that overlap",
)


def overlaps(world: World, *, level: float = LEVEL.default, least_likeness: float = LEAST_LIKENESS.default) -> Report:
    """Rank the pairs of agencies that overlap by more than chance; then name special applications that general ones double.

    `level` is the false-discovery rate over pairs in a common area; `least_likeness` a lower bound for the plain Jaccard
    index. The same test on a copy with functions dealt out anew within sectors is printed beside the result.
    References: Saracco et al. 2017; Benjamini & Hochberg 1995.
    """
    compared = Compared.of(world)
    judged = judge(compared, level)
    by_chance = judge(shuffled(compared, SEED), level)
    weighted, jaccard = _likeness(compared, judged.pairs, _rarity(world))
    kept = np.flatnonzero(jaccard >= least_likeness)
    order = kept[np.lexsort((judged.pairs.b[kept], judged.pairs.a[kept], -weighted[kept]))]
    rows = [_row(world, compared, judged.pairs, place, weighted) for place in order.tolist()]
    rows += [_doubled(world, one) for one in doubled(world.lists, world.as_of)]
    special = special_applications(world.lists)
    untold = sum(not comparable(one) for one in special)
    return OVERLAPS.answer(
        world.as_of, rows, found=len(rows), of=judged.family + len(special), unknown=judged.untold + untold,
        withheld=world.withheld, notes=_notes(world, compared, judged, by_chance), level=level, least_likeness=least_likeness,
    )  # fmt: skip


def _rarity(world: World) -> Floats:
    """Return log(N / n_t) for each function t, performed by n_t of N agencies; 0 for one that nobody performs."""
    performed = world.functions.sum(axis=0)
    return np.log(max(len(world.agencies), 1) / np.maximum(performed, 1)) * (performed > 0)


def _likeness(compared: Compared, pairs: Pairs, rarity: Floats) -> tuple[Floats, Floats]:
    """Return the idf-weighted and the plain Jaccard index of each pair; 0 where nothing they do tells agencies apart."""
    a, b = compared.functions[pairs.a], compared.functions[pairs.b]
    both = a.multiply(b).tocsr()
    weighted, plain = (_share(both @ one, a @ one + b @ one) for one in (rarity, np.ones_like(rarity)))
    return weighted, plain


def _share(both: Floats, each: Floats) -> Floats:
    union = each - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def _row(world: World, compared: Compared, pairs: Pairs, place: int, weighted: Floats) -> Row:
    a, b = (int(compared.places[side[place]]) for side in (pairs.a, pairs.b))
    functions = _rarest(world, a, b)
    values: dict[str, Cell] = {
        "finding": "overlap",
        "agency_a": world.agencies.names[a],
        "agency_b": world.agencies.names[b],
        "likeness": float(weighted[place]),
        "shared": int(pairs.shared[place]),
        "expected": float(pairs.expected[place]),
        "p": float(pairs.p[place]),
        "rarest": tuple(world.function_names.names[one] for one in functions[:SHOWN]),
        "special": None,
        "general": None,
    }
    agencies = tuple(world.agencies.evidence(one) for one in (a, b))
    return Row(values, agencies + tuple(world.function_names.evidence(one) for one in functions), "likely")


def _doubled(world: World, found: Doubled) -> Row:
    special, general = found
    values: dict[str, Cell] = dict.fromkeys(column.name for column in OVERLAPS.columns) | {
        "finding": "special-application",
        "agency_a": ", ".join(world.agencies.named(special.owners)) or None,
        "agency_b": ", ".join(world.agencies.named(general.owners)) or None,
        "likeness": likeness(special, general),
        "shared": len(special.functions),
        "rarest": world.function_names.named(special.functions)[:SHOWN],
        "special": special.name,
        "general": general.name,
    }
    applications = (Evidence(one.id, one.name, "Resource") for one in (special, general))
    agencies = world.agencies.records(dict.fromkeys((*special.owners, *general.owners)))
    return Row(
        values,
        (*applications, *agencies, *world.function_names.records(special.functions)),
        key=(special.id, general.id),
    )


def _rarest(world: World, a: int, b: int) -> list[int]:
    """Return the functions that both agencies perform, rarest first."""
    both: Ints = np.intersect1d(world.functions[[a]].indices, world.functions[[b]].indices)
    return [int(one) for one in both[np.argsort(-_rarity(world)[both], kind="stable")]]


def _notes(world: World, compared: Compared, judged: Judged, by_chance: Judged) -> list[str]:
    notes = [basis(world)]
    left_out = len(world.agencies) - len(compared.places)
    if left_out:
        notes.append(
            _(
                "{n} agencies are not compared: no function, area or sector on record, or fewer than five peers in it."
            ).format(n=number(left_out))
        )
    if not judged.family:
        return [*notes, _("No two agencies in a common area can be compared, so there is nothing to tell.")]
    return [
        *notes,
        _(
            "With the functions dealt out anew within sectors (seed {seed}) the same test finds {n} of {m} pairs."
        ).format(seed=SEED, n=number(len(by_chance.pairs.a)), m=number(by_chance.family)),
    ]
