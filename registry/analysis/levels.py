"""Report `levels`: where parties disagree on their level of cooperation, or fall short of its target."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from registry.analysis.report import Cell, Column, Evidence, Parameter, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import NamesById, PartnershipRow, Snapshot, SnapshotArrays, StatementRow
from registry.i18n import _, day, number
from registry.model.codelists import code_label

LEAST_APART = Parameter("least_apart", 2, 1, 5, "How many levels apart what the parties say has to be.")
FINDINGS = {
    "apart": "the parties see it differently",
    "below": "below the level aimed at",
    "one-sided": "only one party has said anything",
    "scales": "said on scales that cannot be compared",
}
PRIORITY = {code: place for place, code in enumerate(FINDINGS)}

LEVELS = ReportDefinition(
    "levels",
    "Where do the parties of an agreement see their work together differently, or fall short of what they aim at?",
    "Agreements in force on the day. Of each party the last statement on each scale counts, up to the day. Levels are compared on one "
    "scale only: the four Cs, Frey et al. 2006 and Himmelman 2002 order the same words differently. Below the level aimed at is an "
    "agreement of which no party says that it is reached.",
    ("agencies", "partnerships", "statements"),
    (
        Column("finding", "Finding", "code", "What is found.", words=FINDINGS),
        Column("agreement", "Agreement", "text", "The agreement."),
        Column("parties", "Parties", "texts", "Who takes part."),
        Column("scale", "Scale", "text", "The scale that the levels are on."),
        Column("apart", "Apart", "integer", "How many levels lie between the highest and the lowest.", "levels"),
        Column("short", "Short", "integer", "How many levels the highest is below the one aimed at.", "levels"),
        Column("aim", "Aim", "text", "The level aimed at."),
        Column("said", "Said", "texts", "What each party said last, and when."),
        Column("last", "Last said", "date", "The day of the latest statement."),
    ),
    (LEAST_APART,),
    key=("finding", "agreement", "scale"),
    counts="Agreements with a finding",
)  # fmt: skip


class LevelFinding(NamedTuple):
    """A finding about an agreement, its size in levels, and the statements that support it."""

    code: str
    agreement: PartnershipRow
    by: int
    said: Sequence[StatementRow]


def levels(arrays: SnapshotArrays, *, least_apart: int = int(LEAST_APART.default)) -> Report:
    """Compare the latest statements of the parties; a difference of `least_apart` levels or more is a finding.

    Scales are compared separately: Frey et al. 2006, Himmelman 2002 and the four Cs
    (`registry/codelists/level-*.csv`).
    """
    latest = _latest_statements(arrays.lists, arrays.as_of)
    in_force = [one for one in arrays.lists.partnerships if one.in_force(arrays.as_of)]
    found = [finding for one in in_force for finding in _findings(one, latest.get(one.id, ()), least_apart)]
    rows = [_row(one, arrays.agencies) for one in sorted(found, key=_order)]
    silent = sum(one.id not in latest for one in in_force)
    return LEVELS.answer(
        arrays.as_of, rows, found=len({one.agreement.id for one in found}), of=len(in_force),
        unknown=silent + sum(not one.whole for one in arrays.lists.partnerships),
        withheld=arrays.withheld, notes=_notes(len(in_force), silent), least_apart=least_apart,
    )  # fmt: skip


def _latest_statements(snapshot: Snapshot, as_of: str) -> dict[str, list[StatementRow]]:
    """Return for each agreement the latest statement of each party on each scale, up to the day."""
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
    """Yield the findings about an agreement from the latest statements of its parties."""
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
    agreement, scales = finding.agreement, dict.fromkeys(one.scale or "" for one in finding.said)
    values: dict[str, Cell] = {
        "finding": finding.code,
        "agreement": agreement.name,
        "parties": agencies.named(agreement.parties),
        "scale": ", ".join(code_label("level-scale", one) for one in scales),
        "apart": finding.by if finding.code == "apart" else None,
        "short": finding.by if finding.code == "below" else None,
        "aim": _level_text(agreement.target_scale, agreement.target_level),
        "said": tuple(_statement_text(one, agencies) for one in finding.said),
        "last": max(one.on or "" for one in finding.said),
    }
    said = (Evidence(one.id, one.name, "Statement") for one in finding.said)
    evidence = Evidence(agreement.id, agreement.name, "Partnership")
    known_by = finding.code, agreement.id, *scales
    return ReportRow(values, (evidence, *agencies.records(agreement.parties), *said), key=known_by)


def _statement_text(statement: StatementRow, agencies: NamesById) -> str:
    who = ", ".join(agencies.named(statement.agencies))
    return f"{who}: {_level_text(statement.scale, statement.level)} ({day(statement.on or '')})"


def _level_text(scale: str | None, level: int | None) -> str | None:
    """Return the number of a level with its name on the scale."""
    if level is None:
        return None
    name = code_label(f"level-{scale}", str(level)) if scale else str(level)
    return str(level) if name == str(level) else f"{level} {name}"


def _notes(in_force: int, silent: int) -> list[str]:
    if not in_force:
        return [_("No agreement that you may see is in force, so there is nothing to compare.")]
    template = _("Of {n} of {m} agreements in force no party has said how closely it works with the others.")
    return [template.format(n=number(silent), m=number(in_force))]
