"""Report `coverage`: the share of records that have the facts needed by other reports."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from registry.analysis.report import Cell, Column, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.reuse import stale
from registry.analysis.snapshot import PartnershipRow, SnapshotArrays
from registry.analysis.ties import coverage_note
from registry.i18n import _, number

INFORMAL, SHOWN = "informal", 20
KINDS = {"Agency": "agencies", "Service": "services", "Resource": "resources", "Partnership": "agreements"}
FACTS = {
    "sector": "a sector",
    "area": "an area",
    "service": "a service they provide",
    "agreement": "any agreement, in force or not",
    "provider": "a provider",
    "function": "a function",
    "owner": "an owner",
    "parties": "at least two parties",
    "begins": "a start date",
    "basis": "a legal basis, if formal",
    "cover": "covered services or resources",
}

COVERAGE = ReportDefinition(
    "coverage",
    "Completeness of the records",
    "How complete are the records that the reports are based on?",
    "For each fact, the report counts the published records that have the fact and those that lack it. A fact that "
    "you may not see is counted as unknown, not as missing. A fact that is not recorded may still exist.",
    ("agencies", "services", "resources", "partnerships"),
    (
        Column("kind", "Records", "code", "The kind of record.", words=KINDS),
        Column("fact", "Fact", "code", "The fact that is recorded.", words=FACTS),
        Column("recorded", "Recorded", "integer", "The number of records with the fact.", "records"),
        Column("of", "Total", "integer", "The number of records that should have the fact.", "records"),
        Column(
            "share",
            "Share",
            "number",
            "The share of records with the fact, without those where you may not see it.",
            "%",
        ),
        Column(
            "withheld",
            "Withheld",
            "integer",
            "The number of records whose fact you may not see.",
            "records",
            sensitive=True,
        ),
    ),
    key=("kind", "fact"),
    counts="Facts on record",
    concern=(
        "Counted are the selected agencies, the services that they provide, the resources that they own, and the "
        "agreements that they are parties of."
    ),
    selects=True,
)


class CoverageFact(NamedTuple):
    """A fact that records of a type should have; `known` returns whether a record has the fact, None if the reader may not see it."""

    kind: str
    name: str
    records: Sequence[Any]
    known: Callable[[Any], bool | None]


def coverage(arrays: SnapshotArrays) -> Report:
    """Count for each record type how many records have the facts that the analyses need.

    The evidence of a row is up to 20 records that lack the fact, in order of their ids.
    """
    rows = [_row(fact) for fact in _facts(arrays)]
    recorded, of, withheld = (sum(int(str(row[name])) for row in rows) for name in ("recorded", "of", "withheld"))
    notes = [coverage_note(arrays), *stale(arrays.snapshot.resources, arrays.as_of)]
    notes.append(
        _("For each fact, “Based on” lists up to {n} records for which the fact is not recorded.").format(
            n=number(SHOWN)
        )
    )
    return COVERAGE.answer(
        arrays.as_of, rows, found=recorded, of=of, unknown=withheld, withheld=arrays.withheld, notes=notes
    )


def _facts(arrays: SnapshotArrays) -> Iterator[CoverageFact]:
    """Yield the facts that each record type should have, with the records of the selected agencies."""
    snapshot = arrays.snapshot
    agencies = _selected(arrays, snapshot.agencies, lambda one: (one.id,))
    services = _selected(arrays, snapshot.services, lambda one: one.providers)
    resources = _selected(arrays, snapshot.resources, lambda one: one.owners)
    partnerships = _selected(arrays, snapshot.partnerships, lambda one: one.parties)
    formal = [one for one in partnerships if one.instrument != INFORMAL]
    providing = {who for one in snapshot.services for who in one.providers}
    agreeing = {who for one in snapshot.partnerships for who in one.parties}
    yield CoverageFact("Agency", "sector", agencies, lambda one: bool(one.sectors))
    yield CoverageFact("Agency", "area", agencies, lambda one: bool(one.areas))
    yield CoverageFact("Agency", "service", agencies, lambda one: one.id in providing)
    yield CoverageFact("Agency", "agreement", agencies, lambda one: one.id in agreeing)
    yield CoverageFact("Service", "provider", services, lambda one: bool(one.providers))
    yield CoverageFact("Service", "function", services, lambda one: bool(one.functions))
    yield CoverageFact("Resource", "owner", resources, lambda one: bool(one.owners))
    yield CoverageFact("Partnership", "parties", partnerships, lambda one: len(one.parties) > 1)
    yield CoverageFact("Partnership", "begins", partnerships, _unless_withheld(lambda one: bool(one.valid_from)))
    yield CoverageFact("Partnership", "basis", formal, _unless_withheld(lambda one: bool(one.legal_basis)))
    yield CoverageFact("Partnership", "cover", partnerships, _unless_withheld(_covers))


def _selected(
    arrays: SnapshotArrays, records: Sequence[Any], agencies: Callable[[Any], Iterable[str]]
) -> Sequence[Any]:
    """Return the records that concern a selected agency; without a selection, these are all records."""
    return records if arrays.selection is None else [one for one in records if arrays.concerned(agencies(one))]


def _covers(one: PartnershipRow) -> bool | None:
    return True if one.covers else None if one.covers_hidden else False


def _unless_withheld(known: Callable[[PartnershipRow], bool | None]) -> Callable[[PartnershipRow], bool | None]:
    return lambda one: known(one) if one.whole else None


def _row(fact: CoverageFact) -> ReportRow:
    known = [fact.known(one) for one in fact.records]
    recorded, withheld = known.count(True), known.count(None)
    missing = (one for one, there in zip(fact.records, known, strict=True) if there is False)
    known_count = len(known) - withheld
    values: dict[str, Cell] = {
        "kind": fact.kind,
        "fact": fact.name,
        "recorded": recorded,
        "of": len(known),
        "share": 100 * recorded / known_count if known_count else None,
        "withheld": withheld,
    }
    evidence = tuple(Evidence(one.id, one.name, fact.kind) for one in islice(missing, SHOWN))
    return ReportRow(values, evidence, concerns=None)
