"""Report `missing-ties`: pairs of agencies that depend on each other or do the same work, but have no agreement."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from registry.analysis.likely_partners import BlockModel
from registry.analysis.overlaps import ComparableAgencies, close, significant_pairs
from registry.analysis.report import SCOPE, Cell, Column, Confidence, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import (
    Bools,
    Ids,
    Ints,
    Matrix,
    ResourceRow,
    ServiceRow,
    SnapshotArrays,
    assumed_ties,
    kind_of,
    pattern,
)
from registry.analysis.ties import TIE_RULES, data_notes
from registry.i18n import _, number


class Dependence(NamedTuple):
    """An agency that leads a service, and the agencies (`holders`) that have a record that this service needs.

    All agencies are given as indices.
    """

    agency: int
    holders: tuple[int, ...]
    service: ServiceRow
    needed: ServiceRow | ResourceRow


def dependences(arrays: SnapshotArrays) -> list[Dependence]:
    """Return what each service needs from other agencies: resources that it requires, and services that it depends on.

    A need is left out if the agency that leads the service also owns the resource or leads the other service.
    """
    needing = [one for one in arrays.snapshot.services if one.requires or one.depends_on]
    wanted = {need for one in needing for need in (*one.requires, *one.depends_on)}
    held: dict[str, tuple[ServiceRow | ResourceRow, Ids]] = {
        one.id: (one, one.owners) for one in arrays.snapshot.resources if one.id in wanted
    }
    held |= {one.id: (one, one.answering) for one in arrays.snapshot.services if one.id in wanted}
    found = []
    for service in needing:
        agencies = [arrays.index[one] for one in service.answering if one in arrays.index]
        for needed, whose in (held[one] for one in (*service.requires, *service.depends_on) if one in held):
            holders = tuple(arrays.index[one] for one in whose if one in arrays.index)
            if holders:
                found += [Dependence(one, holders, service, needed) for one in agencies if one not in holders]
    return found


SHOWN, COMMON_AUDIENCE = 3, 0.2
KINDS = {
    "depends": "one depends on the other",
    "overlap": "both do the same work",
    "people": "both serve the same people",
    "area": "both work in the same area",
}
Pair = tuple[int, int]

MISSING_TIES = ReportDefinition(
    "missing-ties",
    "Missing partnerships",
    "Which agencies depend on each other or do the same work, but have no agreement?",
    "A pair of agencies is listed if it has no agreement in force, but at least two of four reasons for an "
    "agreement. The four reasons are: (1) a service that one agency leads depends on something that the other agency "
    "has and that no partner of the first agency has; (2) both do significantly similar work (report “Overlapping "
    "work”); (3) both serve people whom few others serve; (4) both work in the same area. At least one of the "
    "reasons (1) and (2) is required. An agency and its own units are not a pair. Pairs are sorted by the number of "
    "reasons, then by the number of dependencies, then by the number of ties that the sectors and the numbers of "
    "ties of both agencies make likely (Karrer & Newman 2011).",
    ("agencies", "services", "resources", "partnerships", "sectors", "areas", "functions"),
    (
        Column("agency_a", "Agency", "text", "One agency; if one depends on the other, the dependent one."),
        Column("agency_b", "Other agency", "text", "The other agency."),
        Column("reasons", "Reasons", "texts", "The reasons for an agreement.", words=KINDS),
        Column(
            "depends",
            "Dependencies",
            "integer",
            "The number of times a service of one agency depends on something of the other.",
            "services",
        ),
        Column("for_what", "Dependent services", "texts", "Up to three of the services, each with what it depends on."),
        Column(
            "likely",
            "Expected",
            "number",
            "The number of ties expected from their sectors and numbers of ties.",
            "ties",
        ),
    ),
    (LEVEL,),
    key=("agency_a", "agency_b"),
    counts="Pairs that should have an agreement",
    common=(*TIE_RULES, *SCOPE),
    concern="A pair concerns both agencies.",
)


class Reasons(NamedTuple):
    """The reasons why two agencies (indices) should have a tie; if one depends on the other, the dependent agency comes first."""

    pair: Pair
    kinds: Sequence[str]
    needs: Sequence[Dependence]
    likely: float


def missing_ties(
    arrays: SnapshotArrays,
    *,
    level: float = LEVEL.default,
    overlaps: Report | None = None,
    needs: Sequence[Dependence] | None = None,
) -> Report:
    """Rank the pairs of agencies that have no tie, but at least two reasons for one.

    `of` counts the pairs of agencies with a dependence or similar work, whether or not they have a tie. `level` is the false
    discovery rate of the report `overlaps`. If that report was already run, pass its result as `overlaps`, and pass the result of
    `dependences` as `needs`. The expected number of ties follows the degree-corrected block model, which uses the degrees and
    sectors of the agencies (Karrer & Newman 2011).
    """
    needs = dependences(arrays) if needs is None else needs
    similar = _similar_pairs(arrays, level) if overlaps is None else _pairs_of_report(arrays, overlaps)
    met = set(zip(*(ends.tolist() for ends in close(arrays).nonzero()), strict=True))
    open_needs = [one for one in needs if not any((one.agency, holder) in met for holder in one.holders)]
    found = sorted(_reasons(arrays, open_needs, similar), key=_priority)
    pairs = {_unordered((one.agency, holder)) for one in needs for holder in one.holders} | similar
    pairs = {(a, b) for a, b in pairs if arrays.selected[a] or arrays.selected[b]}
    uncertain = pairs & {_unordered((a, b)) for a, b in arrays.possible_ties.tolist()}
    return MISSING_TIES.answer(
        arrays.as_of, [_row(arrays, one) for one in found], found=len(found), of=len(pairs), unknown=len(uncertain),
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(len(needs), len(similar))], level=level,
    )  # fmt: skip


def _similar_pairs(arrays: SnapshotArrays, level: float) -> set[Pair]:
    """Return the pairs of agencies that do significantly similar work."""
    compared = ComparableAgencies.of(arrays)
    pairs = significant_pairs(compared, level).pairs
    return set(zip(compared.places[pairs.a].tolist(), compared.places[pairs.b].tolist(), strict=True))


def _pairs_of_report(arrays: SnapshotArrays, overlaps: Report) -> set[Pair]:
    """Return the pairs of agencies that do significantly similar work, taken from a finished report `overlaps`."""
    judged = (row.evidence for row in overlaps.rows if row["p"] is not None)
    agencies = ([arrays.index[one.id] for one in evidence if one.kind == "Agency"] for evidence in judged)
    return {_unordered((a, b)) for a, b in agencies}


def _unordered(pair: Pair) -> Pair:
    a, b = pair
    return (a, b) if a < b else (b, a)


def _reasons(arrays: SnapshotArrays, needs: Sequence[Dependence], similar: set[Pair]) -> list[Reasons]:
    """Return the pairs of agencies with at least two reasons for a tie."""
    by_pair: dict[Pair, list[Dependence]] = {}
    for one in needs:
        for holder in one.holders:
            by_pair.setdefault(_unordered((one.agency, holder)), []).append(one)
    pairs = sorted(by_pair.keys() | similar)
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    people, area = _intersects(*(_audiences(arrays)[end] for end in ends.T)), _in_one_area(arrays, ends)
    likely = BlockModel.of(arrays.sector, assumed_ties(arrays)).score(*ends.T)
    found = []
    for pair, same_people, same_area, expected in zip(
        pairs, people.tolist(), area.tolist(), likely.tolist(), strict=True
    ):
        there = {"depends": pair in by_pair, "overlap": pair in similar, "people": same_people, "area": same_area}
        kinds = [kind for kind, so in there.items() if so]
        if len(kinds) > 1:
            found.append(_directed(Reasons(pair, kinds, by_pair.get(pair, []), expected)))
    return found


def _directed(one: Reasons) -> Reasons:
    """Return the reasons; the agency that depends more on the other agency comes first."""
    forth = sum(need.agency == one.pair[0] for need in one.needs)
    return one if 2 * forth >= len(one.needs) else one._replace(pair=one.pair[::-1])


def _audiences(arrays: SnapshotArrays) -> Matrix:
    """Return which audiences each agency serves (0/1 matrix, N x audiences).

    An audience is left out if more than a fifth of the agencies serve it, because it then says little about a pair of agencies.
    """
    services = [one for one in arrays.snapshot.services if one.audiences]
    audiences = {one: n for n, one in enumerate(sorted({each for one in services for each in one.audiences}))}
    cells = [
        (arrays.index[who], audiences[one])
        for service in services
        for who in service.providers
        if who in arrays.index
        for one in service.audiences
    ]
    served = pattern(np.array(cells, np.int64).reshape(-1, 2), len(arrays.agencies), len(audiences))
    rare = served.sum(axis=0) <= COMMON_AUDIENCE * np.count_nonzero(np.diff(served.indptr))
    return served[:, np.flatnonzero(rare)].tocsr()


def _in_one_area(arrays: SnapshotArrays, ends: Ints) -> Bools:
    """Return for each pair of agencies whether an area of one agency is equal to, or within, an area of the other agency."""
    a, b = ends.T
    return _intersects(arrays.areas[a], arrays.wider[b]) | _intersects(arrays.wider[a], arrays.areas[b])


def _intersects(one: Matrix, other: Matrix) -> Bools:
    return np.asarray(one.multiply(other).sum(axis=1) > 0)


def _priority(one: Reasons) -> tuple[int, int, float, Pair]:
    return -len(one.kinds), -len(one.needs), -one.likely, one.pair


def _row(arrays: SnapshotArrays, one: Reasons) -> ReportRow:
    a, b = one.pair
    values: dict[str, Cell] = {
        "agency_a": arrays.agencies.names[a],
        "agency_b": arrays.agencies.names[b],
        "reasons": tuple(one.kinds),
        "depends": len(one.needs),
        "for_what": tuple(_need_text(need) for need in one.needs[:SHOWN]),
        "likely": one.likely,
    }
    confidence: Confidence = "certain" if one.needs else "likely"
    return ReportRow(
        values,
        (arrays.agencies.evidence(a), arrays.agencies.evidence(b), *_records(one.needs)),
        confidence,
        concerns=(arrays.agencies.ids[a], arrays.agencies.ids[b]),
    )


def _need_text(need: Dependence) -> str:
    return _("{service} needs {needed}").format(service=need.service.name, needed=need.needed.name)


def _records(needs: Sequence[Dependence]) -> Sequence[Evidence]:
    """Return the services in the dependences and the records that they need, without duplicates."""
    named = ((one.id, one.name, kind_of(one)) for need in needs for one in (need.service, need.needed))
    return [Evidence(*one) for one in dict.fromkeys(named)]


def _notes(needs: int, similar: int) -> list[str]:
    template = _(
        "Dependencies of services on another agency: {n}. Pairs with significantly similar work: {m}. Requirements "
        "of services may be missing in the records."
    )
    return [template.format(n=number(needs), m=number(similar))]
