"""What the registry would look like without some records, with more ties, or after agreements have lapsed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from registry.analysis.alteration import LAPSE, LOSE, TIE, Alteration
from registry.analysis.altering import Altered, altered, evidence_of
from registry.analysis.channels import CHANNELS, channels
from registry.analysis.coverage import COVERAGE
from registry.analysis.feedback import FEEDBACK, feedback
from registry.analysis.gaps import FROM, GAPS, gaps
from registry.analysis.network import MEASURES, NETWORK, measures
from registry.analysis.stopping import Stop
from registry.analysis.world import World
from registry.figures import number
from registry.reports.comparing import described, new_and_gone
from registry.reports.report import Cell, Column, Evidence, Question, Report, Row
from registry.words import _

CHANGES: Mapping[str, str] = {
    "stops": "stops",
    "new": "appears",
    "gone": "goes away",
    "count": "count",
    "measure": "measure",
}
ASKED = (GAPS, CHANNELS, FEEDBACK)

WHAT_IF = Question(
    "what-if",
    "What would be found if an agency, a service, a resource or a channel were lost, two agencies agreed, or an agreement lapsed?",
    "The records are altered in memory, nothing is written, and the reports gaps, channels, feedback and network are made before and "
    "after. With what is lost goes what has nobody left to provide or own it, and agreements with fewer than two parties left. "
    "Services that cannot work without it stop; a required resource may be replaced by another of its kind that shares a function "
    "and may be shared. An agreement that is added covers what the one uses of the other. First what stops, then the findings that "
    "appear, those that go away, how many each report finds, and the measures of the whole network.",
    tuple(dict.fromkeys(one for question in (*ASKED, NETWORK) for one in question.reads)),
    (
        Column("change", "Change", "code", "What the row tells of.", words=CHANGES),
        Column("report", "Report", "text", "The report that finds or measures it."),
        Column("what", "What", "text", "What stops, is found or is measured."),
        Column("how_much", "How much", "text", "How large or how pressing it is."),
        Column("before", "Before", "number", "The number as things are."),
        Column("after", "After", "number", "The number as they would be."),
        Column("difference", "Difference", "number", "After less before."),
    ),
    (LOSE, TIE, LAPSE),
    key=("change", "report", "what"),
    counts="Findings that appear or go away",
)  # fmt: skip


class Found(NamedTuple):
    """What the reports find in one world: each question with its report, and the measures of the network."""

    reports: Sequence[tuple[Question, Report]]
    measures: Mapping[str, float]

    @classmethod
    def of(cls, world: World) -> "Found":
        """Make the reports."""
        return cls(((GAPS, gaps(world)), (CHANNELS, channels(world)), (FEEDBACK, feedback(world))), measures(world))

    def counts(self) -> dict[str, int]:
        """Return how many each report finds, by its name."""
        (_question, whole), *others = self.reports
        return {one.name: one.found for one in (*whole.parts[1:], *(report for _question, report in others))}


def what_if(world: World, *, lose: str = "", tie: str = "", lapse: str = "") -> Report:
    """Make the reports on the world as it is and as it would be; found are the findings of either that the other has not.

    Raises ReportError for an id that no record has.
    """
    alteration = Alteration.read(world.lists, world.as_of, lose=lose, tie=tie, lapse=lapse)
    other = altered(world.lists, world.as_of, alteration)
    before = Found.of(world)
    after = Found.of(World.of(other.lists, world.as_of)) if other.named else before
    findings, staying = _findings(before, after)
    stops = [_stops(one) for one in other.stops]
    rows = [*stops, *findings, *_numbers(before, after, other.named)]
    return WHAT_IF.answer(
        world.as_of, rows, found=len(findings), of=len(findings) + staying, withheld=world.withheld,
        notes=_notes(other, staying), lose=lose, tie=tie, lapse=lapse,
    )  # fmt: skip


def _findings(before: Found, after: Found) -> tuple[list[Row], int]:
    """Return the findings that appear, then those that go away, and how many there are in both."""
    appearing, going, staying = [], [], 0
    for (question, then), (_question, now) in zip(before.reports, after.reports, strict=True):
        new, gone = new_and_gone(_found(then), _found(now))
        appearing += [_finding("new", question, now, row) for row in new]
        going += [_finding("gone", question, then, row) for row in gone]
        staying += len(_found(now)) - len(new)
    return [*appearing, *going], staying


def _found(report: Report) -> list[Row]:
    """Return the rows that are findings: how much is on record is none."""
    return [row for row in report.rows if row.values.get("about") != COVERAGE.name]


def _finding(change: str, question: Question, report: Report, row: Row) -> Row:
    name = FROM[str(row["about"])] if question is GAPS else question.name
    told = _row(
        change, name, row.key, described(question, report.columns, row), row.evidence, row.values.get("measure")
    )
    return replace(told, confidence=row.confidence)


def _stops(one: Stop) -> Row:
    why = _("needs {name}").format(name=one.cause.name) if one.cause else _("nobody is left to have it")
    rests_on = tuple(evidence_of(record) for record in one if record)
    return _row("stops", None, (one.record.id,), one.record.name, rests_on, why)


def _numbers(before: Found, after: Found, named: tuple[Evidence, ...]) -> Iterator[Row]:
    """Yield how many each report finds, then the measures of the network, before and after."""
    then, now = before.counts(), after.counts()
    for name in then:
        yield _beside(_row("count", name, (), _("findings"), named), then[name], now[name])
    for name in MEASURES:
        if name in before.measures or name in after.measures:
            row = _row("measure", NETWORK.name, (name,), _(MEASURES[name]), named)
            yield _beside(row, before.measures.get(name), after.measures.get(name))


def _beside(row: Row, before: float | None, after: float | None) -> Row:
    difference = None if before is None or after is None else after - before
    return replace(row, values={**row.values, "before": before, "after": after, "difference": difference})


def _row(
    change: str,
    report: str | None,
    key: tuple[str, ...],
    what: str,
    evidence: tuple[Evidence, ...],
    how_much: Cell = None,
) -> Row:
    values: dict[str, Cell] = dict.fromkeys(column.name for column in WHAT_IF.columns)
    values |= {"change": change, "report": report, "what": what, "how_much": how_much}
    return Row(values, evidence, key=(change, report or "", *key))


def _notes(other: Altered, staying: int) -> list[str]:
    if not other.named:
        return [_("Nothing is altered: say what with lose, tie or lapse.")]
    told = _("Altered: {names}. Nothing was written.")
    notes = [told.format(names=", ".join(one.name for one in other.named))]
    notes.append(_("{n} findings are there before and after.").format(n=number(staying)))
    if other.faces:
        sentence = _("Of {names} no more than the face is shown to you, so that it is not known what needs it.")
        notes.append(sentence.format(names=", ".join(other.faces)))
    if other.stops:
        notes.append(_("{n} services and resources stop with what is lost.").format(n=number(len(other.stops))))
    return notes
