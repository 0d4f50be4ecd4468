"""Report definitions and results: columns, parameters, rows with evidence, and notes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from typing import Literal, NamedTuple

from registry.i18n import _, day, number
from registry.model.values import Number as Numeric
from registry.model.values import Numeral

Cell = str | int | float | tuple[str, ...] | None
Number = int | float
Value = Number | str
Confidence = Literal["certain", "likely", "within-chance", "unclear"]

CONFIDENCE: Mapping[str, str] = {
    "certain": "certain: it follows from the records as they are",
    "likely": "likely: more than chance would explain",
    "within-chance": "within chance: no more than chance would explain",
    "unclear": "unclear: too little is known to tell",
}


class ReportError(Exception):
    """A report that cannot be given as asked for; the message is one sentence for a person."""


class NoReport(ReportError):
    """A report that there is not."""


class BrokenReport(NoReport):
    """A report of a site that cannot be read or run; `reason` is what its author needs to know besides, if anything."""

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class Parameter:
    """Something a report can be asked with: a number between `least` and `most`, whole where the default is whole."""

    name: str
    default: Number
    least: Number
    most: Number
    description: str

    @property
    def type(self) -> str:
        """`integer` or `number`."""
        return "integer" if isinstance(self.default, int) else "number"


@dataclass(frozen=True)
class TextParameter:
    """Something a report can be asked with in letters, `longest` at most, such as an id; usually it is empty."""

    name: str
    description: str
    longest: int = 100
    default: str = field(default="", init=False)
    type: str = field(default="text", init=False)


@dataclass(frozen=True)
class Column:
    """A column: `name` for programs, `label` for people. `words` says what each code is called.

    It is `veiled` where it counts records of which the reader may see no more than the face.
    """

    name: str
    label: str
    type: Literal["text", "texts", "code", "integer", "number", "date"]
    description: str
    unit: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    veiled: bool = False


class Evidence(NamedTuple):
    """A record that a finding rests on."""

    id: str
    name: str
    kind: str


class Links(NamedTuple):
    """Where a server shows a record, and the GraphQL query that shows several: addresses."""

    record: Callable[[Evidence], str]
    query: Callable[[Sequence[Evidence]], str]


@dataclass(frozen=True)
class ReportRow:
    """One line of the answer: a value for each column, the records it rests on, how sure it is.

    `key` is what it has in common with the line on the same matter in another run: ids, codes, and texts without either.
    """

    values: Mapping[str, Cell]
    evidence: tuple[Evidence, ...] = ()
    confidence: Confidence = "certain"
    key: tuple[str, ...] = ()

    def __getitem__(self, column: str) -> Cell:
        return self.values[column]


@dataclass(frozen=True)
class Report:
    """An answer: `found` of `of` looked at; of `unknown` nothing can be told; `withheld` records show their face only.

    Texts are in the language of who asked; names, codes, days (ISO 8601) and numbers are the same in every language.
    `described` says what each parameter does. `parts` are the reports that it is composed of; then `sorts` counts what was found by
    sort, since `found` of `of` would say little. `counts` says what `found` counts.
    """

    name: str
    question: str
    as_of: str
    parameters: Mapping[str, Value]
    columns: tuple[Column, ...]
    rows: tuple[ReportRow, ...]
    found: int
    of: int
    unknown: int
    withheld: int
    method: str
    notes: tuple[str, ...]
    described: Mapping[str, str] = field(default_factory=dict)
    parts: tuple["Report", ...] = ()
    sorts: Mapping[str, int] = field(default_factory=dict)
    counts: str = ""


@dataclass(frozen=True)
class ReportDefinition:
    """A report before it is asked: its name, what it can be asked with, what it reads of the graph, its columns.

    `key` names the columns by which a row is known again in another run; where it names none, all that hold texts and codes.
    A report of a site says its own `title`; those of the registry have theirs on the pages. `counts` says what `found` counts.
    """

    name: str
    text: str
    method: str
    reads: tuple[str, ...]
    columns: tuple[Column, ...]
    parameters: tuple[Parameter | TextParameter, ...] = ()
    title: str = ""
    key: tuple[str, ...] = ()
    counts: str = "Found"

    @property
    def knowing(self) -> tuple[str, ...]:
        """The names of the columns that say what a row is about, and by which it is known again."""
        return self.key or tuple(one.name for one in self.columns if one.type in ("text", "texts", "code"))

    def answer(
        self,
        as_of: str,
        rows: Sequence[ReportRow],
        *,
        found: int,
        of: int,
        unknown: int = 0,
        withheld: int = 0,
        notes: Sequence[str] = (),
        **parameters: Value,
    ) -> Report:
        """Return the report, its fixed texts in the language of the moment."""
        return Report(
            self.name, _(self.text), as_of, parameters, self.shown_columns(), tuple(map(self._known_by, rows)),
            found, of, unknown, withheld, _(self.method), tuple(notes), {one.name: _(one.description) for one in self.parameters},
            counts=_(self.counts),
        )  # fmt: skip

    def _known_by(self, row: ReportRow) -> ReportRow:
        """Return the row with its key: of each text the id, where it is the name of a record that the row rests on."""
        if row.key:
            return row
        ids = {one.name: one.id for one in reversed(row.evidence)}
        return replace(row, key=tuple(ids.get(text, text) for name in self.knowing for text in _texts(row[name])))

    def shown(self) -> "ReportDefinition":
        """Return it with its texts in the language of the moment."""
        parameters = tuple(replace(one, description=_(one.description)) for one in self.parameters)
        return replace(
            self, text=_(self.text), method=_(self.method), columns=self.shown_columns(), parameters=parameters
        )

    def shown_columns(self) -> tuple[Column, ...]:
        """Return the columns with their texts in the language of the moment."""
        return tuple(
            replace(
                one,
                label=_(one.label),
                description=_(one.description),
                unit=_(one.unit) if one.unit else "",
                words=_words(one.words),
            )
            for one in self.columns
        )


def _texts(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else (str(cell or ""),)


def _words(words: Mapping[str, str]) -> dict[str, str]:
    return {code: _(word) for code, word in words.items()}


def read_parameters(question: ReportDefinition, given: Mapping[str, object]) -> dict[str, Value]:
    """Return a value for every parameter of the question. Raises ReportError."""
    named = {name.replace("-", "_"): value for name, value in given.items()}
    known = [one.name for one in question.parameters]
    for name in named:
        if name not in known:
            raise ReportError(_unknown(question, name, known))
    return {one.name: _value(one, named.get(one.name, one.default)) for one in question.parameters}


def suggestion(name: str, known: list[str]) -> str:
    """Return a sentence that names the one of the known names that is nearest, or all where none is near."""
    near = get_close_matches(name, known, 1, 0.5)
    if near:
        return " " + _("Did you mean {name}?").format(name=near[0])
    return " " + _("There are: {names}.").format(names=", ".join(known))


def _unknown(question: ReportDefinition, name: str, known: list[str]) -> str:
    if not known:
        return _("The report {report} has no parameters, so it cannot take {name}.").format(
            report=question.name, name=name
        )
    told = _("The report {report} has no parameter {name}.").format(report=question.name, name=name)
    return told + suggestion(name, known)


def _value(parameter: Parameter | TextParameter, value: object) -> Value:
    return _text(parameter, value) if isinstance(parameter, TextParameter) else _number(parameter, value)


def _text(parameter: TextParameter, value: object) -> str:
    """Return the value as a text without white space around it, which holds nothing that cannot be seen."""
    text = str(value).strip()
    if isinstance(value, str) and text.isprintable() and len(text) <= parameter.longest:
        return text
    raise ReportError(
        _("{name} is a text of at most {longest} letters on one line.").format(
            name=parameter.name, longest=parameter.longest
        )
    )


def _number(parameter: Parameter, value: object) -> Number:
    """Return the value as a number of the parameter's type and range."""
    kind = type(parameter.default)
    try:
        text = f"{Numeric.clean(value):.15g}" if isinstance(value, Numeral) else str(value)
        number = kind(text)
        exact = isfinite(number) and not isinstance(value, bool) and number == float(text)
        if exact and parameter.least <= number <= parameter.most:
            return kind(number)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ReportError(
        (
            _("{name} is a whole number from {least} to {most}, not {value}.")
            if parameter.type == "integer"
            else _("{name} is a number from {least} to {most}, not {value}.")
        ).format(name=parameter.name, least=parameter.least, most=parameter.most, value=value)
    )


def cell_text(column: Column, cell: Cell) -> str:
    """Return a cell as text: codes as words, numbers and dates in the current language, an empty cell as an empty text."""
    if isinstance(cell, tuple):
        return "; ".join(column.words.get(one, one) for one in cell)
    if isinstance(cell, int | float):
        return number(cell)
    if cell and column.type == "date":
        return day(cell)
    return column.words.get(cell, cell) if cell else ""
