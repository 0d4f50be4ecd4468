"""Report `isolates`: agencies with no tie, with one tie, or with ties inside their own sector only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from registry.analysis.agreements import NEVER, AgreementStatus
from registry.analysis.report import SCOPE, Cell, Column, Confidence, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import Bools, Ints, PartnershipRow, SnapshotArrays, adjacency, assumed_ties
from registry.analysis.ties import TIE_RULES, data_notes
from registry.i18n import ngettext, number

SHOWN = 5
FINDINGS = {
    "lapsed": "only agreements that have ended",
    "left-out": "only agreements that make no ties",
    "retired": "only agreements with retired agencies",
    "ahead": "no agreement in force, one that starts later",
    "disputed": "no agreement in force, one that a party disputes",
    "own-sector": "ties only within its own sector",
    "one-tie": "only one tie",
    "no-partner": "unknown: no partner recorded",
    "never": "unknown: no agreement recorded",
}
UNKNOWN = ("no-partner", "never")
ORDER = {code: place for place, code in enumerate(FINDINGS)}

ISOLATES = ReportDefinition(
    "isolates",
    "Agencies with few partners",
    "Which agencies work with no other agency, only within their sector, or with only one other?",
    "The ties in force on the day of the report are counted for every agency. An agency without any recorded "
    "agreement, past or present, counts as unknown, not as isolated. An agency can count as “only within its own "
    "sector” only if the sectors of all its partners are known and there is more than one sector.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=FINDINGS),
        Column("agency", "Agency", "text", "The agency."),
        Column("sector", "Sector", "text", "The main sector of the agency."),
        Column(
            "ties", "Ties", "integer", "The number of agencies with which the agency has an agreement in force.", "ties"
        ),
        Column(
            "partners",
            "Partners",
            "texts",
            "Up to five partners; without ties, those of the agreement.",
        ),
        Column(
            "agreement",
            "Agreement",
            "text",
            "The agreement that makes no ties, is disputed, in force, starts first, or ended last.",
        ),
        Column("day", "Date", "date", "When the agreement ended, starts or started."),
    ),
    key=("finding", "agency"),
    counts="Agencies with few or no ties",
    common=(*TIE_RULES, *SCOPE),
    concern="A row concerns the agency itself, not its partners.",
)


class InactiveAgreements(NamedTuple):
    """The agreements of an agency without ties: with retired agencies only, disputed, the next to begin, and the last that ended.

    `left_out` is an agreement in force that makes no ties, because it has too many parties or is not confirmed. An ended agreement
    is not given if it was renewed. If its renewal has not begun, the renewal is the next agreement to begin.
    """

    left_out: PartnershipRow | None = None
    retired: PartnershipRow | None = None
    disputed: PartnershipRow | None = None
    ahead: PartnershipRow | None = None
    ended: PartnershipRow | None = None

    @property
    def shown(self) -> tuple[str, PartnershipRow] | None:
        """The most telling agreement, with the code of its finding; None if there is none."""
        codes = zip(("left-out", "retired", "disputed", "ahead", "lapsed"), self, strict=True)
        return next(((code, one) for code, one in codes if one), None)


def isolates(arrays: SnapshotArrays) -> Report:
    """List agencies with no tie, with ties in their own sector only, or with one tie, in order of priority."""
    ties = assumed_ties(arrays)
    others = adjacency(ties, len(arrays.agencies))
    degree = np.diff(others.indptr)
    inward = _own_sector_only(arrays, ties, degree)
    past = _inactive_agreements(arrays, degree == 0)
    rows = []
    for place, count in enumerate(degree.tolist()):
        if finding := _finding(
            count, bool(inward[place]), bool(arrays.recorded[place]), past.get(place, InactiveAgreements())
        ):
            partners = others.indices[others.indptr[place] : others.indptr[place + 1]].tolist()
            rows.append(_row(arrays, finding, place, partners, past.get(place, InactiveAgreements())))
    rows.sort(key=_priority)
    found = sum(row["finding"] not in UNKNOWN for row in rows)
    unknown = sum(row["finding"] in UNKNOWN and arrays.concerned(row.concerns or ()) for row in rows)
    return ISOLATES.answer(
        arrays.as_of, rows, found=found, of=int(arrays.selected.sum()), unknown=unknown, withheld=arrays.withheld,
        notes=[*data_notes(arrays), *_notes(rows)],
    )  # fmt: skip


def _finding(ties: int, inward: bool, recorded: bool, past: InactiveAgreements) -> str | None:
    """Return the code of the finding about an agency; None if the agency has several ties, not all in its own sector."""
    if ties:
        return "own-sector" if inward else "one-tie" if ties == 1 else None
    if past.shown:
        return past.shown[0]
    return "no-partner" if recorded else "never"


def _own_sector_only(arrays: SnapshotArrays, ties: Ints, degree: Ints) -> Bools:
    """Return for each agency (N) whether all its ties are within its sector. If there is only one sector, all values are False."""
    known = arrays.sector[ties]
    within = (known[:, 0] == known[:, 1]) & (known[:, 0] >= 0)
    several = len(np.unique(arrays.sector[arrays.sector >= 0])) > 1
    inward: Bools = (np.bincount(ties[within].ravel(), minlength=len(degree)) == degree) & (degree > 0) & several
    return inward


def _inactive_agreements(arrays: SnapshotArrays, alone: Bools) -> Mapping[int, InactiveAgreements]:
    """Return for each agency without ties (index) its agreements that make no tie."""
    found: dict[int, InactiveAgreements] = {}
    status = AgreementStatus(arrays.snapshot, arrays.as_of, 0)
    for one in arrays.snapshot.partnerships:
        if arrays.leaves_out(one) or (one.whole and not one.reversed and (one.retired or not status.continued(one))):
            for place in (arrays.index[party] for party in one.parties if party in arrays.index):
                if alone[place]:
                    found[place] = _with_agreement(found.get(place, InactiveAgreements()), one, arrays, status)
    active = {
        party
        for one in arrays.snapshot.partnerships
        if one.in_force(arrays.as_of) and not one.retired
        for party in one.parties
    }
    return {
        place: InactiveAgreements(left_out=past.left_out) if arrays.agencies.ids[place] in active else past
        for place, past in found.items()
    }


def _with_agreement(
    past: InactiveAgreements, one: PartnershipRow, arrays: SnapshotArrays, status: AgreementStatus
) -> InactiveAgreements:
    """Return the inactive agreements of an agency after adding one agreement; the first of those with equal days stays."""
    if arrays.leaves_out(one):
        smallest = min(filter(None, (past.left_out, one)), key=lambda each: len(each.parties))
        return past._replace(left_out=smallest)
    if one.in_force(status.as_of):
        return past._replace(retired=past.retired or one)
    if status.continued(one):
        return past
    if one.disputed_by and (one.valid_until or NEVER) >= status.as_of:
        return past._replace(disputed=past.disputed or one)
    if ahead := status.renewal_ahead(one):
        return past._replace(ahead=min(filter(None, (past.ahead, ahead)), key=lambda each: each.valid_from or ""))
    return past._replace(ended=max(filter(None, (past.ended, one)), key=lambda each: each.valid_until or ""))


def _row(
    arrays: SnapshotArrays, finding: str, place: int, partners: Sequence[int], past: InactiveAgreements
) -> ReportRow:
    shown = past.shown[1] if past.shown else None
    gone = [Evidence(agency, name, "Agency") for agency, name in shown.retired] if shown else []
    if shown:
        partners = [arrays.index[one] for one in shown.parties if arrays.index.get(one, place) != place]
    sector = int(arrays.sector[place])
    values: dict[str, Cell] = {
        "finding": finding,
        "agency": arrays.agencies.names[place],
        "sector": arrays.sectors.names[sector] if sector >= 0 else None,
        "ties": 0 if shown or finding in UNKNOWN else len(partners),
        "partners": (*(arrays.agencies.names[one] for one in partners), *(one.name for one in gone))[:SHOWN],
        "agreement": shown.name if shown else None,
        "day": shown and (shown.valid_until if shown is past.ended else shown.valid_from),
    }
    others = [*map(arrays.agencies.evidence, partners), *gone][:SHOWN]
    evidence = (arrays.agencies.evidence(place), *others)
    agreement = (Evidence(shown.id, shown.name, "Partnership"),) if shown else ()
    confidence: Confidence = "unclear" if finding in UNKNOWN else "certain"
    return ReportRow(values, evidence + agreement, confidence, concerns=(arrays.agencies.ids[place],))


def _priority(row: ReportRow) -> tuple[int, int, str, str]:
    """Return the sort key of a row: type of finding, number of ties (descending), day in the row, and name of the agency."""
    ties = row["ties"]
    return ORDER[str(row["finding"])], -ties if isinstance(ties, int) else 0, str(row["day"] or ""), str(row["agency"])


def _notes(rows: Sequence[ReportRow]) -> list[str]:
    counts = Counter(row["finding"] for row in rows)
    lapsed, own_sector, one_tie = counts["lapsed"], counts["own-sector"], counts["one-tie"]
    notes = (
        (
            lapsed,
            ngettext(
                "{n} agency has only agreements that have ended.",
                "{n} agencies have only agreements that have ended.",
                lapsed,
            ),
        ),
        (
            own_sector,
            ngettext(
                "{n} agency has ties only within its own sector.",
                "{n} agencies have ties only within their own sector.",
                own_sector,
            ),
        ),
        (one_tie, ngettext("{n} more agency has only one tie.", "{n} more agencies have only one tie.", one_tie)),
    )
    return [note.format(n=number(n)) for n, note in notes if n]
