"""Report `what-if`: how the findings change if records are removed, or agreements are added or ended."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from typing import Any, NamedTuple, Self

from registry.analysis.channels import CHANNELS, channels
from registry.analysis.coverage import COVERAGE
from registry.analysis.feedback import FEEDBACK, feedback
from registry.analysis.gaps import FROM, GAPS, PARTS, gaps
from registry.analysis.network import MEASURES, NETWORK, measures
from registry.analysis.report import (
    SCOPE,
    Cell,
    Column,
    Evidence,
    Report,
    ReportDefinition,
    ReportError,
    ReportRow,
    TextParameter,
)
from registry.analysis.run_comparison import described, new_and_gone
from registry.analysis.snapshot import (
    AgencyRow,
    ChannelRow,
    PartnershipRow,
    ResourceRow,
    ServiceRow,
    Snapshot,
    SnapshotArrays,
    kind_of,
)
from registry.analysis.ties import OTHER_TIE_RULES
from registry.i18n import _, ngettext, number

REMOVE = TextParameter(
    "remove",
    "Remove records",
    "The identifiers of agencies, services, resources or channels, separated by commas.",
    1000,
)
ADD = TextParameter(
    "add",
    "Add agreements",
    "The identifiers of two agencies, separated by a comma; separate several pairs by semicolons.",
    1000,
)
END = TextParameter(
    "end", "End agreements", "The identifiers of agreements that end the day before, separated by commas.", 1000
)
Removable = AgencyRow | ServiceRow | ResourceRow | ChannelRow


class Alteration(NamedTuple):
    """The supposed changes: which records are removed, which pairs of agencies get an agreement, and which agreements end."""

    removed: Sequence[Removable]
    added: Sequence[tuple[AgencyRow, AgencyRow]]
    ended: Sequence[PartnershipRow]

    @classmethod
    def read(cls, snapshot: Snapshot, as_of: str, *, remove: str, add: str, end: str) -> Self:
        """Parse the parameters of the report. Raises ReportError for an id that is unknown or that the reader may not see."""
        return cls(
            _removed(snapshot, remove),
            [_pair(snapshot, one) for one in add.split(";") if one.strip()],
            [_agreement(snapshot, one, as_of) for one in _ids(end)],
        )


def _ids(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _removed(snapshot: Snapshot, text: str) -> list[Removable]:
    """Return the records to remove; `text` lists their ids. Raises ReportError for an invalid list."""
    known: dict[str, Removable] = {
        one.id: one
        for records in (snapshot.channels, snapshot.resources, snapshot.services, snapshot.agencies)
        for one in records
    }
    sentence = _(
        "“{name}”: there is no agency, service, resource or channel with the identifier {id} that you may see."
    )
    return [_lookup(known, one, REMOVE, sentence) for one in _ids(text)]


def _pair(snapshot: Snapshot, text: str) -> tuple[AgencyRow, AgencyRow]:
    """Return the two agencies that get an agreement; `text` has their ids. Raises ReportError for an invalid pair."""
    sentence = _("“{name}”: there is no agency with the identifier {id} that you may see.")
    known = {one.id: one for one in snapshot.agencies}
    ids = dict.fromkeys(_ids(text))
    if len(ids) != 2:
        raise ReportError(
            _("“{name}”: enter two different identifiers, separated by a comma, instead of {text}.").format(
                name=_(ADD.label), text=text.strip()
            )
        )
    one, other = (_lookup(known, each, ADD, sentence) for each in ids)
    return one, other


def _agreement(snapshot: Snapshot, agreement: str, as_of: str) -> PartnershipRow:
    """Return the agreement to end. Raises ReportError if the agreement is unknown or not in force on the day."""
    sentence = _("“{name}”: there is no agreement with the identifier {id} that you may see.")
    found: PartnershipRow = _lookup({one.id: one for one in snapshot.partnerships}, agreement, END, sentence)
    if not found.in_force(as_of):
        raise ReportError(
            _("“{name}”: the agreement {id} is not in force on that day, or you may not see its dates.").format(
                name=_(END.label), id=agreement
            )
        )
    return found


def _lookup(known: dict[str, Any], one: str, parameter: TextParameter, sentence: str) -> Any:
    if one not in known:
        raise ReportError(sentence.format(name=_(parameter.label), id=one))
    return known[one]


class Stop(NamedTuple):
    """A service or resource that cannot continue, and the missing record that it would need.

    The record is None if the service has no provider left, or the resource has no owner left.
    """

    record: ServiceRow | ResourceRow
    cause: ServiceRow | ResourceRow | None = None


def orphans(snapshot: Snapshot, gone: set[str]) -> Iterator[ServiceRow | ResourceRow]:
    """Yield the resources whose owners are all gone, and the services whose providers are all gone."""
    for resource in snapshot.resources:
        if resource.owners and resource.id not in gone and gone.issuperset(resource.owners):
            yield resource
    for service in snapshot.services:
        if service.providers and service.id not in gone and gone.issuperset(service.providers):
            yield service


def stopping(snapshot: Snapshot, gone: Collection[str]) -> Iterator[Stop]:
    """Yield the services that cannot work without the removed records; directly affected services come first.

    A service cannot work if it requires a removed resource without a replacement, or if it depends on another service that is
    removed or cannot work. A replacement is a shareable resource of the same type that has a function in common with the removed
    resource.
    """
    stopped = set(gone)
    known: dict[str, ServiceRow | ResourceRow] = {one.id: one for one in snapshot.resources}
    known |= {one.id: one for one in snapshot.services}
    while new := [
        Stop(one, known[cause]) for one in snapshot.services if (cause := _cause(one, snapshot, known, stopped))
    ]:
        stopped |= {one.record.id for one in new}
        yield from new


def _cause(service: ServiceRow, snapshot: Snapshot, known: Mapping[str, Any], stopped: set[str]) -> str | None:
    """Return the first record that is removed or cannot work, and that the service needs; return None if the service can work."""
    if service.id in stopped or stopped.isdisjoint((*service.requires, *service.depends_on)):
        return None
    required = (one for one in service.requires if one in stopped and one in known)
    lacking = (one for one in required if not _replaced(known[one], snapshot.resources, stopped))
    return next(chain(lacking, (one for one in service.depends_on if one in stopped and one in known)), None)


def _replaced(lost: ResourceRow, resources: Sequence[ResourceRow], gone: set[str]) -> bool:
    """Return whether a remaining shareable resource has the type of the lost resource and a function in common with it."""
    return any(
        one.kind == lost.kind and one.shareability not in (None, "not-shared") and not set(one.functions).isdisjoint(lost.functions)
        for one in resources
        if one.id not in gone
    )  # fmt: skip


class Altered(NamedTuple):
    """The snapshot after the supposed changes, the records that the parameters name, and the records that can no longer work.

    `summaries` are the names of the removed records of which the reader sees only the summary. It is unknown which services and
    resources depend on these records.
    """

    snapshot: Snapshot
    named: tuple[Evidence, ...]
    summaries: Sequence[str]
    stops: Sequence[Stop]


def altered(snapshot: Snapshot, as_of: str, alteration: Alteration) -> Altered:
    """Return the snapshot after the supposed changes, for the day (ISO 8601 text). The given snapshot is not modified.

    Services whose providers are all removed are removed too, as are resources whose owners are all removed. Services that can no
    longer work for other reasons remain in the snapshot.
    """
    removed, added, ended_agreements = alteration
    ended = {one.id: _ended(one, as_of) for one in ended_agreements}
    partnerships = [ended.get(one.id, one) for one in snapshot.partnerships]
    partnerships += [_added_agreement(snapshot, pair, n, as_of) for n, pair in enumerate(added)]
    gone = {one.id for one in removed}
    unowned = list(orphans(snapshot, gone))
    gone |= {one.id for one in unowned}
    named = dict.fromkeys(evidence_of(one) for one in (*removed, *chain.from_iterable(added), *ended_agreements))
    summaries = [one.name for one in removed if not one.whole]
    stops = [*map(Stop, unowned), *stopping(snapshot, gone)]
    return Altered(_without(snapshot._replace(partnerships=partnerships), gone), tuple(named), summaries, stops)


def evidence_of(one: Any) -> Evidence:
    """Return a row of the snapshot as an `Evidence` object, which supports a finding."""
    return Evidence(one.id, one.name, kind_of(one))


def _ended(one: PartnershipRow, as_of: str) -> PartnershipRow:
    """Return a copy of the agreement that ends on the day before `as_of`."""
    last = (date.fromisoformat(as_of) - timedelta(1)).isoformat()
    return one._replace(valid_from=one.valid_from and min(one.valid_from, last), valid_until=last)


def _added_agreement(snapshot: Snapshot, pair: tuple[AgencyRow, AgencyRow], number: int, as_of: str) -> PartnershipRow:
    """Return an open-ended agreement between two agencies, for the supposed changes.

    The agreement covers all resources of one agency that the other agency uses, so that it does not itself cause findings.
    """
    one, other = pair
    covered = [each.id for each in snapshot.resources if _used_between(each, one.id, other.id)]
    return PartnershipRow(
        f"what-if:{number}", f"{one.name} – {other.name}", valid_from=as_of, legal_basis="what-if", parties=[one.id, other.id],
        covers=covered or ["what-if"],
    )  # fmt: skip


def _used_between(resource: ResourceRow, one: str, other: str) -> bool:
    users = {use[0] for use in resource.uses}
    return (one in resource.owners and other in users) or (other in resource.owners and one in users)


def _without(snapshot: Snapshot, gone: set[str]) -> Snapshot:
    """Return the snapshot without the records with these ids, and without the records that relate only to these records."""
    if not gone:
        return snapshot
    partnerships = list(_agreements(snapshot.partnerships, gone))
    gone = gone | {one.id for one in snapshot.partnerships} - {one.id for one in partnerships}
    return snapshot._replace(
        agencies=list(_without_references(snapshot.agencies, gone, "part_of")),
        services=list(_without_references(snapshot.services, gone, "providers", "leads", "requires", "depends_on")),
        resources=[_without_users(one, gone) for one in _without_references(snapshot.resources, gone, "owners")],
        needs=list(_without_references(snapshot.needs, gone, "agencies", "services", whole=("agencies",))),
        partnerships=partnerships,
        statements=list(
            _without_references(
                snapshot.statements, gone, "agencies", "partnerships", whole=("agencies", "partnerships")
            )
        ),
        channels=list(
            _without_references(snapshot.channels, gone, "agencies", "services", whole=("agencies", "services"))
        ),
        feedbacks=list(
            _without_references(snapshot.feedbacks, gone, "services", "channels", "owners", whole=("services",))
        ),
    )


def _agreements(partnerships: Iterable[PartnershipRow], gone: set[str]) -> Iterator[PartnershipRow]:
    """Yield the agreements that still have at least two parties, and the agreements that had fewer than two before the changes."""
    known = {one.id: len(one.parties) for one in partnerships}
    for one in _without_references(partnerships, gone, "parties", "leads"):
        if len(one.parties) >= min(known[one.id], 2):
            yield one


def _without_references(
    records: Iterable[Any], gone: set[str], *fields: str, whole: Sequence[str] = ()
) -> Iterator[Any]:
    """Yield the remaining records, without references to removed records.

    A record is left out if a field that is named in `whole` loses all its entries.
    """
    for one in records:
        if one.id in gone:
            continue
        cut = {
            name: [each for each in getattr(one, name) if each not in gone]
            for name in fields
            if not gone.isdisjoint(getattr(one, name))
        }
        if all(cut.get(name, True) for name in whole):
            yield one._replace(**cut) if cut else one


def _without_users(resource: ResourceRow, gone: set[str]) -> ResourceRow:
    uses = [use for use in resource.uses if use[0] not in gone]
    return resource._replace(uses=uses) if len(uses) < len(resource.uses) else resource


CHANGES: Mapping[str, str] = {
    "stops": "stops",
    "new": "new finding",
    "gone": "finding gone",
    "count": "number of findings",
    "measure": "network measure",
}
COMPARED = (GAPS, CHANNELS, FEEDBACK)

WHAT_IF = ReportDefinition(
    "what-if",
    "What if",
    "What would change if records were removed, or agreements were added or ended?",
    "The changes are made in memory only; nothing is saved. The report compares the results of four reports before "
    "and after the changes: “Collaboration gaps”, “Services without a two-way channel”, “Late answers to feedback” "
    "and “The network as a whole”. If records are removed, other records are removed too: services that have no "
    "provider left, resources that have no owner left, and agreements that have fewer than two parties left. A "
    "service can no longer work if it depends on something that is removed. A required resource can be replaced by a "
    "shareable resource of the same kind that has a function in common with it. An agreement that is added between "
    "two agencies covers all resources that either agency uses from the other. The rows show which services and "
    "resources can no longer work, new findings, findings that are gone, the number of findings of each report, and "
    "the network measures.",
    tuple(dict.fromkeys(one for question in (*COMPARED, NETWORK) for one in question.reads)),
    (
        Column("change", "Change", "code", "The type of change.", words=CHANGES),
        Column("report", "Report", "text", "The report of the finding or measure."),
        Column("what", "Subject", "text", "The service or resource that stops, the finding, or the measure."),
        Column("how_much", "Extent", "text", "How large or how urgent the finding is."),
        Column("before", "Before", "number", "The number before the change."),
        Column("after", "After", "number", "The number after the change."),
        Column("difference", "Difference", "number", "After minus before."),
    ),
    (REMOVE, ADD, END),
    key=("change", "report", "what"),
    counts="New findings and findings that are gone",
    common=(*OTHER_TIE_RULES, *SCOPE),
    concern=(
        "A finding concerns the agencies that the report it comes from names. A service that stops concerns its "
        "providers, a resource its owners. Numbers of findings and network measures concern no single agency."
    ),
    finding=lambda row: row.key if row["change"] in ("new", "gone") else None,
)  # fmt: skip


class WhatIfFindings(NamedTuple):
    """The findings in one snapshot, as report definitions with their results, and the measures of its network."""

    reports: Sequence[tuple[ReportDefinition, Report]]
    measures: Mapping[str, float]

    @classmethod
    def of(cls, arrays: SnapshotArrays) -> "WhatIfFindings":
        """Run the reports on the snapshot and measure its network."""
        return cls(((GAPS, gaps(arrays)), (CHANNELS, channels(arrays)), (FEEDBACK, feedback(arrays))), measures(arrays))

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each report, by report name."""
        (_question, whole), *others = self.reports
        return {one.name: one.found for one in (*whole.parts[1:], *(report for _question, report in others))}


def what_if(arrays: SnapshotArrays, *, remove: str = "", add: str = "", end: str = "") -> Report:
    """Run the reports before and after the supposed changes, and list the findings that are new or gone.

    Raises ReportError for an unknown id.
    """
    alteration = Alteration.read(arrays.snapshot, arrays.as_of, remove=remove, add=add, end=end)
    other = altered(arrays.snapshot, arrays.as_of, alteration)
    before = WhatIfFindings.of(replace(arrays, selection=None))
    after = WhatIfFindings.of(SnapshotArrays.of(other.snapshot, arrays.as_of, arrays.rules)) if other.named else before
    findings, staying = _findings(before, after)
    ours = sum(arrays.concerned(row.concerns or ()) for row in [*findings, *staying])
    stops = [_stop_row(one) for one in other.stops]
    rows = [*stops, *findings, *_comparisons(before, after, other.named)]
    return WHAT_IF.answer(
        arrays.as_of, rows, found=len(findings), of=ours, withheld=arrays.withheld,
        notes=_notes(other, len(staying)), remove=remove, add=add, end=end,
    )  # fmt: skip


def _findings(before: WhatIfFindings, after: WhatIfFindings) -> tuple[list[ReportRow], list[ReportRow]]:
    """Return the new findings, then the findings that are gone; and the findings that are in both results."""
    appearing, going, staying = [], [], []
    for (question, then), (_question, now) in zip(before.reports, after.reports, strict=True):
        new, gone = new_and_gone(_gap_findings(then), _gap_findings(now))
        appearing += [_finding("new", question, now, row) for row in new]
        going += [_finding("gone", question, then, row) for row in gone]
        appeared = {id(row) for row in new}
        staying += [row for row in _gap_findings(now) if id(row) not in appeared]
    return [*appearing, *going], staying


def _gap_findings(report: Report) -> list[ReportRow]:
    """Return the rows of the report `gaps` without the findings about coverage."""
    return [row for row in report.rows if row.values.get("finding") != COVERAGE.name]


def _finding(change: str, question: ReportDefinition, report: Report, row: ReportRow) -> ReportRow:
    source = FROM[str(row["finding"])] if question is GAPS else question
    finding = _row(
        change, source, row.key, described(question, report.columns, row), row.evidence, row.values.get("measure")
    )
    return replace(finding, confidence=row.confidence, concerns=row.concerns)


def _stop_row(one: Stop) -> ReportRow:
    why = _("needs {name}").format(name=one.cause.name) if one.cause else _("has no provider or owner left")
    rests_on = tuple(evidence_of(record) for record in one if record)
    row = _row("stops", None, (one.record.id,), one.record.name, rests_on, why)
    record = one.record
    return replace(row, concerns=tuple(record.owners if isinstance(record, ResourceRow) else record.providers))


def _comparisons(before: WhatIfFindings, after: WhatIfFindings, named: tuple[Evidence, ...]) -> Iterator[ReportRow]:
    """Yield the number of findings of each report and the measures of the network, before and after the supposed changes."""
    then, now = before.counts(), after.counts()
    for one in (*PARTS[1:], CHANNELS, FEEDBACK):
        row = _row("count", one, (), _("findings"), named)
        yield _with_difference(row, then[one.name], now[one.name])
    for name in MEASURES:
        if name in before.measures or name in after.measures:
            row = _row("measure", NETWORK, (name,), _(MEASURES[name]), named)
            yield _with_difference(row, before.measures.get(name), after.measures.get(name))


def _with_difference(row: ReportRow, before: float | None, after: float | None) -> ReportRow:
    difference = None if before is None or after is None else after - before
    return replace(row, values={**row.values, "before": before, "after": after, "difference": difference})


def _row(
    change: str,
    report: ReportDefinition | None,
    key: tuple[str, ...],
    what: str,
    evidence: tuple[Evidence, ...],
    how_much: Cell = None,
) -> ReportRow:
    values: dict[str, Cell] = dict.fromkeys(column.name for column in WHAT_IF.columns)
    values |= {"change": change, "report": _(report.title) if report else None, "what": what, "how_much": how_much}
    return ReportRow(values, evidence, key=(change, report.name if report else "", *key))


def _notes(other: Altered, staying: int) -> list[str]:
    if not other.named:
        return [_("Nothing was changed: choose records to remove, or agreements to add or to end.")]
    notes = [
        _("Changed in this comparison: {names}. Nothing was saved.").format(
            names=", ".join(one.name for one in other.named)
        ),
        ngettext(
            "{n} finding is the same before and after.", "{n} findings are the same before and after.", staying
        ).format(n=number(staying)),
    ]
    if other.summaries:
        sentence = _("You may see only a summary of {names}, so it is unknown what depends on them.")
        notes.append(sentence.format(names=", ".join(other.summaries)))
    if count := len(other.stops):
        template = ngettext(
            "{n} service or resource can no longer work because of the change.",
            "{n} services and resources can no longer work because of the change.",
            count,
        )
        notes.append(template.format(n=number(count)))
    return notes
