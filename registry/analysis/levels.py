"""Report `levels`: agreements below their target level of cooperation, or whose parties disagree on the level."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from registry.analysis.agreements import agreements_note
from registry.analysis.report import (
    Cell,
    Column,
    Evidence,
    Examined,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
)
from registry.analysis.snapshot import NamesById, PartnershipRow, Snapshot, SnapshotArrays, StatementRow
from registry.i18n import _, day, number
from registry.model.codelists import code_label

LEAST_APART = ReportParameter(
    "least_apart",
    "Smallest difference (levels)",
    "Parties disagree if their assessments differ by at least this many levels.",
    2,
    1,
    5,
)
FINDINGS = {
    "apart": "the parties disagree on the level",
    "below": "below the target level",
    "one-sided": "only one party has assessed the level",
    "scales": "assessed on scales that cannot be compared",
}
PRIORITY = {code: place for place, code in enumerate(FINDINGS)}

LEVELS = ReportDefinition(
    "levels",
    "Levels of cooperation",
    "Where do the parties of an agreement disagree on their level of cooperation, or fall short of their target?",
    "The report covers agreements in force on the day of the report. For each party and scale, only the latest "
    "assessment up to the day of the report counts. Levels are compared only within one scale, because the three "
    "scales (the four Cs, Frey et al. 2006, Himmelman 2002) order the same words differently. An agreement is below "
    "its target if no party reports that the target level is reached.",
    ("agencies", "partnerships", "statements"),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=FINDINGS),
        Column("agreement", "Agreement", "text", "The agreement."),
        Column("parties", "Parties", "texts", "The parties of the agreement."),
        Column("scale", "Scale", "text", "The scale of the levels."),
        Column("levels_apart", "Levels apart", "integer", "The difference between the highest and the lowest assessment.", "levels"),
        Column("below_target", "Levels below target", "integer", "How far the highest assessment is below the target.", "levels"),
        Column("target", "Target", "text", "The target level of the agreement."),
        Column("assessments", "Assessments", "texts", "The latest assessment of each party, with its date."),
        Column("latest", "Latest assessment", "date", "The date of the latest assessment."),
    ),
    (LEAST_APART,),
    key=("finding", "agreement", "scale"),
    counts="Agreements with a finding",
    concern="An agreement concerns its parties.",
    finding=lambda row: row.key[1:2],
)  # fmt: skip


class LevelFinding(NamedTuple):
    """A finding about an agreement: the difference in levels, and the assessments by the parties that show this difference."""

    code: str
    agreement: PartnershipRow
    by: int
    assessments: Sequence[StatementRow]


def levels(arrays: SnapshotArrays, *, least_apart: int = int(LEAST_APART.default)) -> Report:
    """Compare the latest assessments of an agreement by its parties; a difference of `least_apart` levels or more is a finding.

    Each scale is compared only with itself. The scales are those of Frey et al. 2006, Himmelman 2002 and the four Cs; their
    levels are listed in `registry/codelists/level-*.csv`.
    """
    latest = _latest_statements(arrays.snapshot, arrays.as_of)
    in_force = [one for one in arrays.snapshot.partnerships if one.in_force(arrays.as_of)]
    found = [finding for one in in_force for finding in _findings(one, latest.get(one.id, ()), least_apart)]
    rows = [_row(one, arrays.agencies) for one in sorted(found, key=_order)]
    silent = sum(one.id not in latest for one in in_force)
    ours = [one for one in in_force if arrays.concerned(one.parties)]
    hidden = sum(not one.whole and arrays.concerned(one.parties) for one in arrays.snapshot.partnerships)
    unassessed = sum(one.id not in latest for one in ours)
    report = LEVELS.answer(
        arrays.as_of, rows, found=len({one.agreement.id for one in found}), of=len(ours), unknown=unassessed + hidden,
        withheld=arrays.withheld, notes=_notes(arrays, len(in_force), silent), least_apart=least_apart,
    )  # fmt: skip
    return replace(report, examined=(Examined("levels", len(ours), unassessed),))


def _latest_statements(snapshot: Snapshot, as_of: str) -> dict[str, list[StatementRow]]:
    """Return for each agreement, party and scale the latest assessment that was made by the day `as_of`."""
    parties = {one.id: set(one.parties) for one in snapshot.partnerships}
    last: dict[tuple[str, str, str | None], StatementRow] = {}
    for one in sorted(snapshot.statements, key=lambda one: (one.on or "", one.id)):
        if one.on is None or one.on > as_of or one.level is None:
            continue
        for agreement in one.partnerships:
            for party in parties.get(agreement, set()).intersection(one.agencies):
                last[agreement, party, one.scale] = one
    by_agreement: dict[str, list[StatementRow]] = {}
    for (agreement, _party, _scale), statement in sorted(last.items(), key=lambda one: one[1].id):
        by_agreement.setdefault(agreement, []).append(statement)
    return by_agreement


def _findings(agreement: PartnershipRow, latest: Sequence[StatementRow], least_apart: int) -> Iterator[LevelFinding]:
    """Yield the findings about an agreement from the latest assessments by its parties."""
    assessing = {party for one in latest for party in one.agencies}
    by_scale: dict[str | None, list[StatementRow]] = {}
    for one in latest:
        by_scale.setdefault(one.scale, []).append(one)
    if len(assessing) == 1 and len(agreement.parties) > 1:
        yield LevelFinding("one-sided", agreement, 0, latest)
    for scale, statements in by_scale.items():
        heights = [int(one.level or 0) for one in statements]
        if max(heights) - min(heights) >= least_apart:
            yield LevelFinding("apart", agreement, max(heights) - min(heights), statements)
        if scale == agreement.target_scale and max(heights) < (agreement.target_level or 0):
            yield LevelFinding("below", agreement, int(agreement.target_level or 0) - max(heights), statements)
    if len(assessing) > 1 and all(len(statements) == 1 for statements in by_scale.values()):
        yield LevelFinding("scales", agreement, 0, latest)


def _order(finding: LevelFinding) -> tuple[int, int, str]:
    return PRIORITY[finding.code], -finding.by, finding.agreement.id


def _row(finding: LevelFinding, agencies: NamesById) -> ReportRow:
    agreement, scales = finding.agreement, dict.fromkeys(one.scale or "" for one in finding.assessments)
    values: dict[str, Cell] = {
        "finding": finding.code,
        "agreement": agreement.name,
        "parties": agencies.named(agreement.parties),
        "scale": ", ".join(code_label("level-scale", one) for one in scales),
        "levels_apart": finding.by if finding.code == "apart" else None,
        "below_target": finding.by if finding.code == "below" else None,
        "target": _level_text(agreement.target_scale, agreement.target_level),
        "assessments": tuple(_statement_text(one, agencies) for one in finding.assessments),
        "latest": max(one.on or "" for one in finding.assessments),
    }
    said = (Evidence(one.id, one.name, "Statement") for one in finding.assessments)
    evidence = Evidence(agreement.id, agreement.name, "Partnership")
    known_by = finding.code, agreement.id, *scales
    return ReportRow(
        values, (evidence, *agencies.records(agreement.parties), *said), key=known_by, concerns=tuple(agreement.parties)
    )


def _statement_text(statement: StatementRow, agencies: NamesById) -> str:
    who = ", ".join(agencies.named(statement.agencies))
    return f"{who}: {_level_text(statement.scale, statement.level)} ({day(statement.on or '')})"


def _level_text(scale: str | None, level: int | None) -> str | None:
    """Return a level of a scale as text: its number and its name."""
    if level is None:
        return None
    name = code_label(f"level-{scale}", str(level)) if scale else str(level)
    return str(level) if name == str(level) else f"{level} {name}"


def _notes(arrays: SnapshotArrays, in_force: int, silent: int) -> list[str]:
    if not in_force:
        return [_("None of the agreements that you may see is in force.")]
    template = _("Agreements in force without any assessment of their level: {n} of {m}.")
    note = template.format(n=number(silent), m=number(in_force))
    return [note, agreements_note(arrays.snapshot.partnerships, arrays.as_of)]
