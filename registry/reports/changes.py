"""What a report finds now that it did not find in a run that was saved, and the other way round."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from registry.analysis.world import World
from registry.clock import day_of
from registry.figures import day, number
from registry.reports.comparing import CHANGES as WORDS
from registry.reports.comparing import Compared, compare, described
from registry.reports.render import given
from registry.reports.report import Cell, Column, Question, Report, Row, TextParameter, Value
from registry.reports.saved import SavedRun
from registry.words import _, language

RUN = TextParameter("run", "The label of the saved run to compare with; where it is empty, the last run of gaps.", 60)

CHANGES = Question(
    "changes",
    "What does a report find now that it did not find before, and what is gone?",
    "The report of a saved run (registry report NAME --save LABEL) is run again on the records as they are now, with the same "
    "parameters, in the same language, as the same reader saw it. Rows are known by the records and codes that they are about. "
    "First what is new, then what is gone, then what is in another place, the farthest first, then what has other values only. "
    "Places are counted among the rows that are in both runs, and as few rows as can be have moved (Schensted 1961).",
    (),
    (
        Column("change", "Change", "code", "What happened to the row.", words=WORDS),
        Column("what", "What", "text", "What the row is about."),
        Column("differences", "Then and now", "texts", "The values that are other than before."),
        Column("place_then", "Place then", "integer", "Its place then, among the rows that are in both runs."),
        Column("place_now", "Place now", "integer", "Its place now, among the rows that are in both runs."),
    ),
    (RUN,),
    key=("change", "what"),
    counts="Rows that differ",
)  # fmt: skip


def nothing_saved(world: World, *, run: str = "") -> Report:
    """Say that there is nothing to compare with."""
    return nothing_to_compare(world.as_of, run)


def nothing_to_compare(as_of: str, run: str) -> Report:
    """Say that there is nothing to compare with that the reader may see."""
    told = _(
        "There is no saved run that you may see. Keep one: registry report gaps --save LABEL, with --public for everybody."
    )
    return CHANGES.answer(as_of, [], found=0, of=0, notes=[told], run=run)


class Changes:
    """A saved run beside the report as it is now (in the language of the run)."""

    def __init__(self, run: SavedRun, question: Question, now: Report) -> None:
        self._run, self._question, self._now = run, question, now
        self._compared = compare(now.columns, run.rows(), now.rows)
        self._changed = [one for one in self._compared if one.change != "same"]

    def rests_on(self) -> frozenset[str]:
        """Return the ids of the records that tell what was, and is no more."""
        return frozenset(one.id for change in self._changed if change.then for one in change.then.evidence)

    def report(self, visible: Collection[str], *, same_records: bool, asked: str) -> Report:
        """Return the report; what was is told only of records that are `visible`, and the rest is counted."""
        told = [one for one in self._changed if one.now or _all_visible(one, visible)]
        rows = [self._row(one, _all_visible(one, visible)) for one in told]
        notes = [*self._compares(), *self._why(same_records)]
        if hidden := len(self._changed) - len(told):
            sentence = _(
                "{n} rows that are gone rest on records of which you may no longer see all, or that are deleted."
            )
            notes.append(sentence.format(n=number(hidden)))
        return CHANGES.answer(
            self._now.as_of, rows, found=len(told), of=len(self._compared), unknown=hidden,
            withheld=self._now.withheld, notes=notes, run=asked,
        )  # fmt: skip

    def _row(self, one: Compared, whole: bool) -> Row:
        values: dict[str, Cell] = {
            "change": one.change,
            "what": described(self._question, self._now.columns, one.row),
            "differences": one.differences if whole else (),
            "place_then": one.place_then,
            "place_now": one.place_now,
        }
        return Row(values, one.row.evidence, one.row.confidence, (one.change, *one.row.key))

    def _compares(self) -> Sequence[str]:
        then = self._run.report
        counts: Counter[str] = Counter(one.change for one in self._changed)
        yesterday = _(
            "Compared with the run {label} of {report}, about {day}, saved on {saved}: {found} of {of} were found."
        )
        today = _(
            "Now, about {day}, it is {found} of {of}: {new} rows are new, {gone} gone, {moved} in another place, {changed} have "
            "other values only."
        )
        notes = [
            yesterday.format(
                label=self._run.label, report=then.name, day=day(then.as_of), saved=day(day_of(self._run.saved)),
                found=number(then.found), of=number(then.of),
            ),
            today.format(
                day=day(self._now.as_of), found=number(self._now.found), of=number(self._now.of),
                **{change: number(counts[change]) for change in WORDS},
            ),
        ]  # fmt: skip
        return [*notes, *_asked_with(then.parameters)]

    def _why(self, same_records: bool) -> Sequence[str]:
        """Say what may have led to the differences beside records that are other ones."""
        notes = []
        if same_records:
            notes.append(_("What was read is the same as then, so that what differs is due to the day alone."))
        if self._run.language != language():
            notes.append(_("The rows are in the language in which the run was saved."))
        return notes


def _asked_with(parameters: Mapping[str, Value]) -> Sequence[str]:
    if not parameters:
        return ()
    asked = ", ".join(f"{name} = {given(value)}" for name, value in parameters.items() if value != "")
    return [_("Both were asked with {parameters}.").format(parameters=asked)] if asked else []


def _all_visible(one: Compared, visible: Collection[str]) -> bool:
    return one.then is None or all(record.id in visible for record in one.then.evidence)
