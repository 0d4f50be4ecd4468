"""Report `overlaps`: agencies that do significantly similar work in one area, and applications that duplicate another application."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from registry.analysis.matches import NOT_SHARED, TermHierarchy
from registry.analysis.report import (
    SCOPE,
    Cell,
    Column,
    Evidence,
    Examined,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
)
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import (
    Bools,
    Floats,
    Ints,
    Matrix,
    ResourceRow,
    Snapshot,
    SnapshotArrays,
    ones,
    pattern,
    transitive_closure,
)
from registry.analysis.statistics import adjust_p_values, bicm, poisson_above
from registry.analysis.ties import TIE_RULES, any_of_rows, coverage_note
from registry.i18n import _, ngettext, number
from registry.progress import steps

APPLICATION, GENERAL, SPECIAL, LEAST_FUNCTIONS = "application", "general", "special", 2


class DuplicateApplication(NamedTuple):
    """A special application (of one agency), and a general application (for shared use) that could replace it.

    The general application covers all functions and all areas of the special application.
    """

    special: ResourceRow
    general: ResourceRow


def special_applications(snapshot: Snapshot) -> list[ResourceRow]:
    """Return the special applications, which serve one agency's own needs."""
    return [one for one in snapshot.resources if one.kind == APPLICATION and one.application_class == SPECIAL]


def comparable(special: ResourceRow) -> bool:
    """Return whether the application has enough functions for a comparison; one function is too few, because it can be broad."""
    return len(special.functions) >= LEAST_FUNCTIONS


def doubled(snapshot: Snapshot, as_of: str) -> Iterator[DuplicateApplication]:
    """Yield each special application that a general application could replace, with the most similar general application."""
    areas, functions = TermHierarchy(snapshot.areas), TermHierarchy(snapshot.functions)
    general: dict[str, list[int]] = defaultdict(list)
    for place, offered in enumerate(snapshot.resources):
        if _offered(offered, as_of):
            for function in offered.functions:
                general[function].append(place)
    for application in filter(comparable, special_applications(snapshot)):
        numbers = {number for function in functions.upwards(application.functions[0]) for number in general[function]}
        could = [
            one
            for one in map(snapshot.resources.__getitem__, sorted(numbers))
            if functions.reach(one.functions, application.functions) and areas.reach(one.areas, application.areas)
        ]
        if could:
            yield DuplicateApplication(
                application, could[int(np.argmax([similarity(application, one) for one in could]))]
            )


def similarity(one: ResourceRow, other: ResourceRow) -> float:
    """Return the Jaccard index of two resources: the functions that both have, as a share of the functions that either has."""
    return len({*one.functions} & {*other.functions}) / len({*one.functions, *other.functions})


def _offered(one: ResourceRow, as_of: str) -> bool:
    general = one.kind == APPLICATION and one.application_class == GENERAL and bool(one.functions)
    return general and one.shareability != NOT_SHARED and (one.available_since or "") <= as_of


BLOCK, FEWEST = 512, 5  # a block is a multiple of 64, whose agencies are the bits of whole words


class ComparableAgencies(NamedTuple):
    """The n agencies that can be compared: their indices, sectors, areas and functions.

    `close` (n x n) marks the pairs of agencies that need no new agreement. Such a pair has an agreement that is or may be in
    force, or one agency belongs to the other. `selected` marks the agencies to which the report is limited.
    """

    places: Ints
    sector: Ints
    areas: Matrix
    wider: Matrix
    functions: Matrix
    close: Matrix
    selected: Bools

    @classmethod
    def of(cls, arrays: SnapshotArrays) -> Self:
        """Select the agencies with an area, a function and a sector. At least FEWEST agencies of the sector must have functions."""
        does = np.diff(arrays.functions.indptr) > 0
        peers = np.bincount(arrays.sector[does & (arrays.sector >= 0)], minlength=len(arrays.sectors) + 1)
        placed = np.diff(arrays.areas.indptr) > 0
        selected = np.flatnonzero(does & placed & (peers[arrays.sector] >= FEWEST))  # peers[-1], without a sector, is 0
        near = close(arrays)[selected][:, selected]
        return cls(
            selected,
            arrays.sector[selected],
            arrays.areas[selected],
            arrays.wider[selected],
            arrays.functions[selected],
            near,
            arrays.selected[selected],
        )


class Pairs(NamedTuple):
    """Pairs of compared agencies (indices a < b).

    For each pair it has the number of shared functions, the number expected under the null model, and the p-value.
    """

    a: Ints
    b: Ints
    shared: Ints
    expected: Floats
    p: Floats


class SignificantPairs(NamedTuple):
    """The pairs that share significantly many functions, with their adjusted p-values; `family` is the number of tested pairs.

    `of` counts the tested pairs with a selected agency. Of these, `untestable` have so few functions that no number of shared
    functions would be significant.
    """

    pairs: Pairs
    family: int
    of: int
    untestable: int


def significant_pairs(compared: ComparableAgencies, level: float) -> SignificantPairs:
    """Find the pairs of agencies in a common area that share significantly many functions and need an agreement.

    Null model: the bipartite configuration model within each sector (Saracco et al. 2017), because agencies of one sector do
    similar work anyway. The number of shared functions is Poisson with mean sum_t p_it p_jt. False discovery rate:
    Benjamini-Hochberg over the pairs in a common area.
    """
    (found,) = significant_pairs_of_each([compared], level)
    return found


def significant_pairs_of_each(compared: Sequence[ComparableAgencies], level: float) -> list[SignificantPairs]:
    """Return the `significant_pairs` of each; they are the same agencies with other functions.

    The pairs in a common area are the same for all of them, so they are found once.
    """
    tests = [_PairTest(one, level) for one in compared]
    for begin in steps(_("agencies compared"), range(0, len(compared[0].places), BLOCK)):
        cells = np.flatnonzero(_in_common_area(compared[0], begin))
        b, a = np.divmod(cells, min(BLOCK, len(compared[0].places) - begin))
        for test in tests:
            test.add(begin, cells, a + begin, b + begin)
    return [test.result() for test in tests]


def shuffled(compared: ComparableAgencies, seed: int) -> ComparableAgencies:
    """Permute the functions of agencies at random within each sector.

    Each agency keeps its number of functions, and each function keeps its number of agencies.

    If an agency gets a function twice, the functions are permuted again a few times. Remaining duplicates are dropped; there are
    very few.
    """
    random = np.random.default_rng(seed)
    rows = np.repeat(np.arange(len(compared.places)), np.diff(compared.functions.indptr))
    columns, width = compared.functions.indices.astype(np.int64), compared.functions.shape[1]
    again = np.ones(len(rows), np.bool_)
    for _again in range(10):
        permuted, sector = np.flatnonzero(again), compared.sector[rows[again]]
        columns[permuted[np.argsort(sector, kind="stable")]] = columns[
            permuted[np.lexsort((random.random(len(permuted)), sector))]
        ]
        again = _repeated(rows * width + columns) | (random.random(len(rows)) < 0.1)
    return compared._replace(functions=pattern(np.stack([rows, columns], axis=1), len(compared.places), width))


def close(arrays: SnapshotArrays) -> Matrix:
    """Return the pairs of agencies (N x N, 0/1) that need no new agreement.

    Such a pair has an agreement that is or may be in force, or one agency belongs to the other.
    """
    count = len(arrays.agencies)
    connected = pattern(np.concatenate([arrays.ties, arrays.possible_ties]), count, count)
    part = transitive_closure(arrays.agencies.ids, [one.part_of for one in arrays.snapshot.agencies] or [()] * count)
    return ones(connected + connected.T + part + part.T)


def _function_probabilities(compared: ComparableAgencies, degree: Ints, chosen: Ints) -> Floats:
    """Return the probability that each chosen agency performs each function (chosen x F), by the null model of its sector."""
    p = np.zeros((len(chosen), compared.functions.shape[1]))
    for sector in np.unique(compared.sector):
        members = np.flatnonzero(compared.sector == sector)
        ours = np.flatnonzero(compared.sector[chosen] == sector)
        sums, many = np.unique(degree[members], return_counts=True)
        modelled = bicm(sums, many, compared.functions[members].sum(axis=0))
        p[ours] = modelled[np.searchsorted(sums, degree[chosen[ours]])]
    return p


class _PairTest:
    """Tests pairs of agencies for significantly many shared functions.

    A class contains all agencies of a sector with the same number of functions. Counts of pairs are matrices (classes x classes).
    """

    def __init__(self, compared: ComparableAgencies, level: float) -> None:
        degree = np.diff(compared.functions.indptr)
        _kinds, self._kind = np.unique(compared.sector * (degree.max(initial=0) + 1) + degree, return_inverse=True)
        first = np.unique(self._kind, return_index=True)[1]
        p = _function_probabilities(compared, degree, first)
        self._compared, self._level, self._expected = compared, level, p @ p.T
        self._most = np.minimum.outer(degree[first], degree[first])
        critical = special.gammaincinv(np.arange(1, int(degree.max(initial=0)) + 1), level)
        self._least = 1 + np.searchsorted(critical, self._expected)
        self._number = np.zeros(self._expected.size, np.int64)
        self._ours = self._number if compared.selected.all() else np.zeros_like(self._number)
        self._functions, self._found = compared.functions.astype(np.int16), [_no_pairs()]

    def add(self, begin: int, cells: Ints, a: Ints, b: Ints) -> None:
        """Count the pairs of a block (rest x block) of agencies, and keep those with p <= level; `cells` are the pairs a, b."""
        pair, selected = self._kind[a] * len(self._expected) + self._kind[b], self._compared.selected
        self._number += np.bincount(pair, minlength=self._number.size)
        if self._ours is not self._number:
            self._ours += np.bincount(pair[selected[a] | selected[b]], minlength=self._number.size)
        shared = (self._functions[begin:] @ _dense_columns(self._functions, begin)).ravel()[cells]
        near = shared >= self._least.ravel()[pair]
        self._found.append(_pairs(a[near], b[near], shared[near], self._expected.ravel()[pair[near]]))

    def result(self) -> SignificantPairs:
        """Return the significant pairs among all pairs that were added."""
        found = Pairs(*(np.concatenate(column) for column in zip(*self._found, strict=True)))
        family, level = int(self._number.sum()), self._level
        weak = poisson_above(self._most, self._expected) > level / max(family, 1)
        adjusted = adjust_p_values(found.p, family)
        pairs = _masked(found._replace(p=adjusted), adjusted <= level)
        return SignificantPairs(pairs, family, int(self._ours.sum()), int(self._ours[weak.ravel()].sum()))


def _in_common_area(compared: ComparableAgencies, begin: int) -> Bools:
    """Return which pairs of agencies (rest x block) share an area and need an agreement; each pair is marked only once."""
    near = _reaches(compared.wider[begin:], compared.areas[begin : begin + BLOCK])
    if compared.wider.nnz > compared.areas.nnz:
        near |= _reaches(compared.areas[begin:], compared.wider[begin : begin + BLOCK])
    near[compared.close[begin:, begin : begin + BLOCK].nonzero()] = False
    near[:BLOCK] = np.tril(near[:BLOCK], -1)
    return near


def _reaches(rows: Matrix, block: Matrix) -> Bools:
    """Return which agencies of the block (rows x block) have an area of each row; every row has an area."""
    has = np.zeros((block.shape[1], BLOCK), np.bool_)
    has[:, : block.shape[0]] = block.toarray().T
    bits = any_of_rows(rows, np.packbits(has, axis=1).view(np.uint64)).view(np.uint8)
    return np.unpackbits(bits, axis=1, count=block.shape[0]).view(np.bool_)


def _dense_columns(matrix: Matrix, begin: int) -> NDArray[np.int16]:
    """Return a block of rows of the matrix as dense columns, because products with a few dense columns are several times faster."""
    return np.ascontiguousarray(matrix[begin : begin + BLOCK].toarray().T)


def _pairs(a: Ints, b: Ints, shared: Ints, expected: Floats) -> Pairs:
    return Pairs(a, b, shared, expected, poisson_above(shared, expected))


def _no_pairs() -> Pairs:
    none = np.zeros(0, np.int64)
    return Pairs(none, none, none, none.astype(np.float64), none.astype(np.float64))


def _masked(pairs: Pairs, selected: Bools) -> Pairs:
    return Pairs(
        pairs.a[selected], pairs.b[selected], pairs.shared[selected], pairs.expected[selected], pairs.p[selected]
    )


def _repeated(keys: Ints) -> Bools:
    """Return for each key whether the same key occurs earlier in the array."""
    doubled = np.ones(len(keys), np.bool_)
    doubled[np.unique(keys, return_index=True)[1]] = False
    return doubled


LEAST_SIMILARITY = ReportParameter(
    "least_similarity",
    "Smallest similarity (0 to 1)",
    "Pairs of agencies with a smaller share of common functions (Jaccard index) are left out.",
    0.0,
    0.0,
    1.0,
)
SEED, SHOWN = 20261125, 5
FINDINGS = {
    "overlap": "overlapping work",
    "special-application": "special application that a general one could replace",
}

OVERLAPS = ReportDefinition(
    "overlaps",
    "Overlapping work",
    "Which agencies do similar work in the same area without an agreement?",
    "Pairs of agencies in a common area without an agreement in force are compared by their functions. A pair is "
    "listed if it has significantly more functions in common than expected in its sectors (bipartite configuration "
    "model with Poisson counts, Saracco et al. 2017; p-values adjusted for all pairs in a common area, Benjamini & "
    "Hochberg 1995). Pairs are ranked by the share of common functions, in which rare functions count more "
    "(idf-weighted Jaccard index). The report then lists special applications (SPBE) that have at least two "
    "functions, if a general application in the same area serves all of these functions.",
    ("agencies", "services", "resources", "partnerships", "sectors", "areas", "functions"),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=FINDINGS),
        Column("agency_a", "Agency", "text", "One agency."),
        Column("agency_b", "Other agency", "text", "The other agency."),
        Column(
            "similarity", "Similarity", "number", "The weighted share of their functions that both perform, 0 to 1."
        ),
        Column("shared", "Common functions", "integer", "The number of functions that both perform.", "functions"),
        Column(
            "expected",
            "Expected",
            "number",
            "The number of common functions expected under the null model.",
            "functions",
        ),
        Column(
            "p",
            "Adjusted p-value",
            "number",
            "The probability of so many common functions under the null model, adjusted for the number of pairs tested.",
        ),
        Column("rarest", "Rarest common functions", "texts", "Up to five of the common functions, the rarest first."),
        Column("special", "Special application", "text", "The application that the first agency runs for itself."),
        Column(
            "general",
            "General application",
            "text",
            "The application of the other agency that serves all its functions.",
        ),
    ),
    (LEVEL, LEAST_SIMILARITY),
    key=("finding", "agency_a", "agency_b", "special", "general"),
    counts="Pairs that overlap",
    common=(*TIE_RULES, *SCOPE),
    concern=(
        "A pair concerns both agencies. A special application concerns its owners and the owners of the general "
        "application."
    ),
)


def overlaps(
    arrays: SnapshotArrays, *, level: float = LEVEL.default, least_similarity: float = LEAST_SIMILARITY.default
) -> Report:
    """Rank the pairs of agencies with significantly similar work, then list special applications that duplicate general applications.

    Pairs are ranked by the idf-weighted Jaccard index: the share of their functions that both perform, in which rare functions
    have more weight. `level` is the false discovery rate over the pairs in a common area; `least_similarity` is the least
    unweighted Jaccard index. A note gives the result of the same test on randomly permuted functions. References: Saracco et al.
    2017; Benjamini & Hochberg 1995.
    """
    compared = ComparableAgencies.of(arrays)
    judged, false_pairs = significant_pairs_of_each([compared, shuffled(compared, SEED)], level)
    weighted, jaccard = _similarity(compared, judged.pairs, _idf(arrays))
    selected = np.flatnonzero(jaccard >= least_similarity)
    order = selected[np.lexsort((judged.pairs.b[selected], judged.pairs.a[selected], -weighted[selected]))]
    rows = [_row(arrays, compared, judged.pairs, place, weighted) for place in order.tolist()]
    rows += [_application_row(arrays, one) for one in doubled(arrays.snapshot, arrays.as_of)]
    special = [one for one in special_applications(arrays.snapshot) if arrays.concerned(one.owners)]
    replaced = {
        row.key[0] for row in rows if row["finding"] == "special-application" and arrays.concerned(row.concerns or ())
    }
    elsewhere = len(replaced - {one.id for one in special})
    not_comparable = sum(not comparable(one) for one in special)
    report = OVERLAPS.answer(
        arrays.as_of, rows, found=len(rows), of=judged.of + len(special) + elsewhere, unknown=judged.untestable + not_comparable,
        withheld=arrays.withheld, notes=_notes(arrays, compared, judged, false_pairs), level=level, least_similarity=least_similarity,
    )  # fmt: skip
    pairs = Examined("pairs", judged.of, judged.untestable)
    return replace(report, examined=(pairs, Examined("applications", len(special) + elsewhere, not_comparable)))


def _idf(arrays: SnapshotArrays) -> Floats:
    """Return the inverse document frequency log(N / n_t) of each function t; n_t is at least 1."""
    performed = arrays.functions.sum(axis=0)
    return np.asarray(np.log(max(len(arrays.agencies), 1) / np.maximum(performed, 1)))


def _similarity(compared: ComparableAgencies, pairs: Pairs, rarity: Floats) -> tuple[Floats, Floats]:
    """Return for each pair of agencies the idf-weighted and the unweighted Jaccard index.

    Both indices are 0 if neither agency has a function.
    """
    a, b = compared.functions[pairs.a], compared.functions[pairs.b]
    both = a.multiply(b).tocsr()
    weighted, plain = (_share(both @ one, a @ one + b @ one) for one in (rarity, np.ones_like(rarity)))
    return weighted, plain


def _share(both: Floats, each: Floats) -> Floats:
    union = each - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def _row(arrays: SnapshotArrays, compared: ComparableAgencies, pairs: Pairs, place: int, weighted: Floats) -> ReportRow:
    a, b = (int(compared.places[side[place]]) for side in (pairs.a, pairs.b))
    functions = _rarest(arrays, a, b)
    values: dict[str, Cell] = {
        "finding": "overlap",
        "agency_a": arrays.agencies.names[a],
        "agency_b": arrays.agencies.names[b],
        "similarity": float(weighted[place]),
        "shared": int(pairs.shared[place]),
        "expected": float(pairs.expected[place]),
        "p": float(pairs.p[place]),
        "rarest": tuple(arrays.function_names.names[one] for one in functions[:SHOWN]),
        "special": None,
        "general": None,
    }
    agencies = tuple(arrays.agencies.evidence(one) for one in (a, b))
    evidence = agencies + tuple(arrays.function_names.evidence(one) for one in functions)
    return ReportRow(values, evidence, "likely", concerns=tuple(one.id for one in agencies))


def _application_row(arrays: SnapshotArrays, found: DuplicateApplication) -> ReportRow:
    special, general = found
    values: dict[str, Cell] = dict.fromkeys(column.name for column in OVERLAPS.columns) | {
        "finding": "special-application",
        "agency_a": ", ".join(arrays.agencies.named(special.owners)) or None,
        "agency_b": ", ".join(arrays.agencies.named(general.owners)) or None,
        "similarity": similarity(special, general),
        "shared": len(special.functions),
        "rarest": arrays.function_names.named(special.functions)[:SHOWN],
        "special": special.name,
        "general": general.name,
    }
    applications = (Evidence(one.id, one.name, "Resource") for one in (special, general))
    agencies = arrays.agencies.records(dict.fromkeys((*special.owners, *general.owners)))
    return ReportRow(
        values,
        (*applications, *agencies, *arrays.function_names.records(special.functions)),
        key=(special.id, general.id),
        concerns=tuple(one.id for one in agencies),
    )


def _rarest(arrays: SnapshotArrays, a: int, b: int) -> list[int]:
    """Return the functions (indices) that both agencies perform, the rarest first."""
    both: Ints = np.intersect1d(arrays.functions[[a]].indices, arrays.functions[[b]].indices)
    return [int(one) for one in both[np.argsort(-_idf(arrays)[both], kind="stable")]]


def _notes(
    arrays: SnapshotArrays, compared: ComparableAgencies, judged: SignificantPairs, false_pairs: SignificantPairs
) -> list[str]:
    notes = [coverage_note(arrays)]
    left_out = len(arrays.agencies) - len(compared.places)
    if left_out:
        notes.append(
            ngettext(
                "{n} agency is not compared: it has no recorded function, area or sector, or its sector has fewer than five "
                "agencies with functions.",
                "{n} agencies are not compared: they have no recorded function, area or sector, or their sector has fewer than "
                "five agencies with functions.",
                left_out,
            ).format(n=number(left_out))
        )
    if not judged.family:
        return [*notes, _("No two agencies in a common area can be compared.")]
    return [
        *notes,
        _(
            "Check for false findings: if the functions are permuted at random within sectors (seed {seed}), the "
            "same test finds {n} of {m} pairs."
        ).format(seed=SEED, n=number(len(false_pairs.pairs.a)), m=number(false_pairs.family)),
    ]
