"""Validate what a mapping gives, and stage what may be written; everything else is a problem of its row."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from loaders.mapping import GivenNone, GivenRecord, GivenTie, Mapped, Remark
from loaders.outcome import Level, Refused, RowProblem, Tally
from loaders.rows import Row
from loaders.source import Source
from loaders.staging import ENDS, Place, Repeat, Staging, link_name
from registry.model import MODEL
from registry.modelling import End, Kind, Property
from registry.records import Problem, make_record, make_tie, show
from registry.values import Id, Integer, Number, Numeral, Unfit

KINDS = {kind.__name__: kind for kind in MODEL if not kind.kept_by_us}


class Intake:
    """Takes what the rows of a source give."""

    def __init__(self, source: Source, staging: Staging, tally: Tally) -> None:
        self._defaults = source.defaults
        self._notation = source.numbers
        self._staging = staging
        self._tally = tally
        self._address: Callable[[str], str] = lambda _field: ""

    def take(self, row: Row, given: Iterable[Mapped]) -> None:
        """Stage what one row gives. Raises Refused when the mapping names what the model does not have."""
        place, self._address = Place(row.file, row.number), row.address
        for one in given:
            match one:
                case GivenRecord():
                    self._record(one, place)
                case GivenTie():
                    self._tie(one, place)
                case GivenNone():
                    self._staging.give_link(link_name(_end(one.end).link))
                case Remark():
                    problem = Problem(one.code, one.field, show(one.value), one.rule, one.message)
                    self._tell(one.level, problem, place)

    def _record(self, given: GivenRecord, place: Place) -> None:
        kind = _kind(given.kind)
        self._staging.give(place.file, kind.__name__, (*given.properties, *self._defaults))
        record, problems = make_record(
            kind, {**self._defaults, **self._read(kind.properties, _filled(given)), "id": given.id}
        )
        for problem in problems:
            self._tell("error", problem, place)
        if record is None:
            self._staging.spare(kind.__name__, str(given.id).strip())
        elif repeat := self._staging.add_record(record, place, implied=given.implied):
            self._tell_repeat(repeat, "id", record.id, place)

    def _tie(self, given: GivenTie, place: Place) -> None:
        end = _end(given.end)
        self._staging.give_link(link_name(end.link))
        self._staging.give(place.file, link_name(end.link), given.properties)
        try:
            here, there = _id(given.here, end.kind.lower()), _id(given.there, end.name)
        except _BadIdError as error:
            self._tell("error", error.problem, place)
            return
        tie, problems = make_tie(end, here, there, self._read(end.link.properties, given.properties))
        for problem in problems:
            self._tell("error", problem, place)
        if tie and (repeat := self._staging.add_tie(tie, end.name, place)):
            self._tell_repeat(repeat, end.name, there, place)

    def _read(self, declared: Mapping[str, Property], given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values with the numbers among them as the source writes numbers."""
        if self._notation is None:
            return given
        return {
            name: Numeral(value, self._notation)
            if isinstance(value, str) and name in declared and issubclass(declared[name].value, Number | Integer)
            else value
            for name, value in given.items()
        }

    def _tell_repeat(self, repeat: Repeat, field: str, value: str, place: Place) -> None:
        before = f"{repeat.before.file}, row {repeat.before.row}"
        if repeat.field is not None:
            rule = f"the same as in {before}"
            problem = Problem("CONFLICT", repeat.field, repeat.value, rule, f"{before} says otherwise of {value}")
            self._tell("error", problem, place)
            return
        code = "REPEATED" if repeat.before.file == place.file else "IN_TWO_FILES"
        self._tell("warning", Problem(code, field, value, "once", f"it is given already in {before}"), place)

    def _tell(self, level: Level, problem: Problem, place: Place) -> None:
        self._tally.add(
            RowProblem(
                level,
                problem.code,
                place.file,
                place.row,
                problem.field,
                problem.value,
                problem.rule,
                problem.message,
                self._address(problem.field),
            )
        )


class _BadIdError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _id(raw: object, field: str) -> str:
    try:
        value = Id.clean(raw)
    except Unfit as unfit:
        raise _BadIdError(Problem("UNFIT", field, show(raw), unfit.rule, str(unfit))) from None
    if value is None:
        raise _BadIdError(Problem("REQUIRED", field, "", "required", "it is empty"))
    return str(value)


def _filled(given: GivenRecord) -> dict[str, object]:
    return {name: value for name, value in given.properties.items() if value not in (None, "")}


def _kind(name: str) -> type[Kind]:
    if name not in KINDS:
        raise Refused(f"The mapping names the kind {name!r}, which the model lacks{_near(name, KINDS)}")
    return KINDS[name]


def _end(name: str) -> End:
    if name not in ENDS:
        raise Refused(f"The mapping names the link {name!r}, which the model lacks{_near(name, ENDS)}")
    return ENDS[name]


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "."
