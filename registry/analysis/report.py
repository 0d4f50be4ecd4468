"""Report definitions and results: columns, parameters, rows with evidence, and notes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from typing import Literal, NamedTuple

from registry.i18n import _, amount, day, exact, number
from registry.model.values import Number as Numeric
from registry.model.values import Numeral

Cell = str | int | float | tuple[str, ...] | None
Number = int | float
Value = Number | str
Confidence = Literal["certain", "likely", "within-chance", "unclear"]

CONFIDENCE: Mapping[str, str] = {
    "certain": "certain: follows directly from the records",
    "likely": "likely: supported by the analysis, not certain",
    "within-chance": "not significant: could be due to chance",
    "unclear": "unclear: not enough data to judge",
}


class ReportError(Exception):
    """Raised if a report cannot be run as requested; the message is one sentence for the user."""


class UnknownReport(ReportError):
    """Raised if the requested report does not exist."""


class ReportForbidden(ReportError):
    """Raised if the user may not run the requested report."""


class BrokenReport(UnknownReport):
    """Raised if the file of a custom report cannot be read or run; `reason` has technical details for the author of the file."""

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class ReportParameter:
    """A numeric parameter of a report, with a value from `least` to `most`. If the default is an integer, all values are integers.

    `name` is for programs, `label` is the caption of the form field, `description` explains the parameter in a sentence.
    """

    name: str
    label: str
    description: str
    default: Number
    least: Number
    most: Number

    @property
    def type(self) -> str:
        """The type of the value: `integer` or `number`."""
        return "integer" if isinstance(self.default, int) else "number"


@dataclass(frozen=True)
class TextParameter:
    """A text parameter of at most `longest` characters, such as an identifier; the default is the empty text."""

    name: str
    label: str
    description: str
    longest: int = 100
    default: str = field(default="", init=False)
    type: str = field(default="text", init=False)


Parameter = ReportParameter | TextParameter
AGENCY = TextParameter(
    "agency",
    "Agency",
    "The identifier of an agency. Only what concerns this agency or its units is listed and counted.",
)
SECTOR = TextParameter(
    "sector",
    "Sector",
    "The identifier or code of a sector. Only what concerns agencies in this sector or in a narrower sector is listed "
    "and counted.",
)
AREA = TextParameter(
    "area",
    "Area",
    "The identifier or code of an area. Only what concerns agencies in this area or in an area within it is listed "
    "and counted.",
)
SCOPE = (AGENCY, SECTOR, AREA)


@dataclass(frozen=True)
class Column:
    """A column of a report: `name` is for programs, `label` is for people, `words` are the labels of codes.

    - `sensitive`: the column counts records of which the reader may see only the summary
    - `changes_daily`: the values depend on the day of the report, such as a number of days, so that they change although no record
      has changed. A comparison of two runs leaves such a column out. A text made from several cells should name a date and not a
      number of days
    - `empty`: the text that tables show in an empty cell
    - `for_programs`: tables leave the column out, because another column says the same in words
    """

    name: str
    label: str
    type: Literal["text", "texts", "code", "integer", "number", "date"]
    description: str
    unit: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    sensitive: bool = False
    changes_daily: bool = False
    empty: str = ""
    for_programs: bool = False


class Evidence(NamedTuple):
    """A record that supports a finding of a report."""

    id: str
    name: str
    kind: str


class Links(NamedTuple):
    """Two functions that return web addresses: of a record's page, and of a GraphQL query that reads several records."""

    record: Callable[[Evidence], str]
    query: Callable[[Sequence[Evidence]], str]


@dataclass(frozen=True)
class ReportRow:
    """A row of a report: a value for each column, the records that support it, and its confidence.

    - `key` identifies the row in every run of the report. The key consists of ids and codes; a column without ids or codes
      contributes its text
    - `concerns`: the ids of the agencies that the row is about, which can be more than those in the evidence. The value is None if
      the row counts the records of all selected agencies
    """

    values: Mapping[str, Cell]
    evidence: tuple[Evidence, ...] = ()
    confidence: Confidence = "certain"
    key: tuple[str, ...] = ()
    concerns: tuple[str, ...] | None = ()

    def __getitem__(self, column: str) -> Cell:
        return self.values[column]


class Examined(NamedTuple):
    """The number of cases of one type that a report examined, and the number of cases that could not be judged."""

    type: str
    of: int
    unknown: int


@dataclass(frozen=True)
class Report:
    """The result of a report: `of` cases were examined, `found` cases are findings, and `unknown` cases lack the data to decide.

    - `withheld`: the number of records of which the reader sees only the summary. If `withholds_rows` is true, `withheld` is
      instead the number of rows that are left out because they name a record whose details the reader may not see
    - `labels`: the label of each parameter
    - `counts`: the label that is shown for the number `found`
    - `parts`: the reports that a composed report combines
    - `counts_by_type`: the number of findings of each type in a composed report, which is shown instead of `found` and `of`
    - `examined`: the cases by type if the report examines cases of unlike types, whose sum is `of`
    - `since`: the report `changes` since the last saved run with the same parameters, if it was computed
    - `scope`: the agencies to which the report is limited, as text; empty if the report is about all agencies
    - `scope_names`: the name of each record that limits the report, by parameter

    A composed report examines cases of unlike kinds, whose sum has no meaning. Its fields `of` and `unknown` therefore only say
    whether any case was examined or could not be judged; `cases` and `unjudged` are None.

    Texts are in the reader's language; names, codes, dates (ISO 8601) and numbers are the same in every language.
    """

    name: str
    title: str
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
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: tuple["Report", ...] = ()
    counts_by_type: Mapping[str, int] = field(default_factory=dict)
    counts: str = ""
    withholds_rows: bool = False
    examined: tuple[Examined, ...] = ()
    since: "Report | None" = None
    scope: str = ""
    scope_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int | None:
        """The number of examined cases; None for a composed report."""
        return None if self.parts else self.of

    @property
    def unjudged(self) -> int | None:
        """The number of cases without enough data to judge; None for a composed report."""
        return None if self.parts else self.unknown

    @property
    def withheld_label(self) -> str:
        """The label of the number `withheld`."""
        if self.withholds_rows:
            return _("Rows left out because they name records that do not exist or that you cannot see in full")
        return _("Records you see only in summary")


def supported_finding(row: ReportRow) -> tuple[str, ...] | None:
    """Return the key of a row that is certain or likely, and None for any other row."""
    return row.key if row.confidence in ("certain", "likely") else None


@dataclass(frozen=True)
class ReportDefinition:
    """The definition of a report: its name, texts and parameters, the record types it reads, and its columns.

    - `key`: the columns that identify a row in every run of the report; by default all text and code columns
    - `counts`: the label of the number of findings
    - `summarised`: whether the report begins with an executive summary
    - `common`: the parameters that the catalogue handles; the analysis gets only its own `parameters`
    - `finding`: returns what identifies the finding that a row counts for, or None if the row is not a finding
    - `concern`: a sentence that says which agencies a row concerns
    - `selects`: whether the analysis itself lists and counts only what concerns the selected agencies
    - `lists_all`: whether every examined case has a row
    """

    name: str
    title: str
    text: str
    method: str
    reads: tuple[str, ...]
    columns: tuple[Column, ...]
    parameters: tuple[Parameter, ...] = ()
    key: tuple[str, ...] = ()
    counts: str = "Found"
    summarised: bool = False
    common: tuple[Parameter, ...] = SCOPE
    finding: Callable[[ReportRow], tuple[str, ...] | None] = supported_finding
    concern: str = ""
    selects: bool = False
    lists_all: bool = False

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """All parameters in the order of forms: those of the analysis, then those that the catalogue handles."""
        return (*self.parameters, *self.common)

    @property
    def limitable(self) -> bool:
        """Whether the report can be limited to an agency, a sector or an area."""
        return AGENCY in self.common

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The names of the columns that identify a row in every run of the report."""
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
        """Build the result of the report; its title, labels and method are in the current language."""
        return Report(
            self.name, _(self.title), _(self.text), as_of, parameters, self.shown_columns(), tuple(map(self._with_key, rows)),
            found, of, unknown, withheld, _(self.method), tuple(notes), {one.name: _(one.label) for one in self.all_parameters},
            counts=_(self.counts),
        )  # fmt: skip

    def _with_key(self, row: ReportRow) -> ReportRow:
        """Return a copy of the row that has its key. In the key, ids replace the names of the records that are in the evidence."""
        if row.key:
            return row
        ids = {one.name: one.id for one in reversed(row.evidence)}
        return replace(row, key=tuple(ids.get(text, text) for name in self.key_columns for text in _texts(row[name])))

    def shown(self) -> "ReportDefinition":
        """Return the definition with its texts in the current language."""
        own, common = (
            tuple(replace(one, label=_(one.label), description=_(one.description)) for one in group)
            for group in (self.parameters, self.common)
        )
        return replace(
            self,
            title=_(self.title),
            text=_(self.text),
            method=_(self.method),
            columns=self.shown_columns(),
            parameters=own,
            common=common,
            concern=_(self.concern) if self.concern else "",
        )

    def shown_columns(self) -> tuple[Column, ...]:
        """Return the columns with their texts in the current language."""
        return tuple(
            replace(
                one,
                label=_(one.label),
                description=_(one.description),
                unit=_(one.unit) if one.unit else "",
                empty=_(one.empty) if one.empty else "",
                words=_translated(one.words),
            )
            for one in self.columns
        )


def _texts(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else (str(cell or ""),)


def _translated(words: Mapping[str, str]) -> dict[str, str]:
    return {code: _(word) for code, word in words.items()}


def read_parameters(question: ReportDefinition, given: Mapping[str, object]) -> dict[str, Value]:
    """Return the given or the default value of every parameter of the report. Raises ReportError for an invalid value."""
    named = {name.replace("-", "_"): value for name, value in given.items()}
    known = [one.name for one in question.all_parameters]
    for name in named:
        if name not in known:
            raise ReportError(_unknown_parameter(question, name, known))
    return {one.name: _parse(one, named.get(one.name, one.default)) for one in question.all_parameters}


def suggestion(name: str, known: list[str]) -> str:
    """Return a sentence that suggests the known name most similar to `name`; if none is similar, it lists all known names."""
    near = get_close_matches(name, known, 1, 0.5)
    if near:
        return " " + _("Did you mean {name}?").format(name=near[0])
    return " " + _("Choose one of: {names}.").format(names=", ".join(known))


def _unknown_parameter(question: ReportDefinition, name: str, known: list[str]) -> str:
    title = _(question.title)
    if name in [one.name for one in SCOPE]:
        return _("“{report}” cannot be limited to an agency, a sector or an area.").format(report=title)
    if not known:
        return _("“{report}” has no parameters, so “{name}” cannot be set.").format(report=title, name=name)
    sentence = _("“{report}” has no parameter “{name}”.").format(report=title, name=name)
    return sentence + suggestion(name, [*known, "as-of"])


def _parse(parameter: Parameter, value: object) -> Value:
    return _text(parameter, value) if isinstance(parameter, TextParameter) else _number(parameter, value)


def _text(parameter: TextParameter, value: object) -> str:
    """Return the value without surrounding white space. Raises ReportError unless the value is one short, printable line."""
    text = str(value).strip()
    if isinstance(value, str) and text.isprintable() and len(text) <= parameter.longest:
        return text
    sentence = _("“{name}”: enter a text of at most {longest} characters on one line.")
    raise ReportError(sentence.format(name=_(parameter.label), longest=exact(parameter.longest)))


def _number(parameter: ReportParameter, value: object) -> Number:
    """Return the value as a number of the parameter's type. Raises ReportError if the value is out of range."""
    kind = type(parameter.default)
    try:
        text = f"{Numeric.clean(value):.15g}" if isinstance(value, Numeral) else str(value)
        number = kind(text)
        unchanged = isfinite(number) and not isinstance(value, bool) and number == float(text)
        if unchanged and parameter.least <= number <= parameter.most:
            return kind(number)
    except (ValueError, TypeError, OverflowError):
        pass
    sentence = (
        _("“{name}”: enter a whole number from {least} to {most}.")
        if parameter.type == "integer"
        else _("“{name}”: enter a number from {least} to {most}.")
    )
    raise ReportError(
        sentence.format(name=_(parameter.label), least=amount(parameter.least), most=amount(parameter.most))
    )


def no_case_text(scope: str) -> str:
    """Return the sentence that no case was examined in a report, or in a part of it, that is limited to some agencies."""
    return _(
        "No case that concerns {scope} could be examined, so it is unknown whether there is anything to find."
    ).format(scope=scope)


def cell_text(column: Column, cell: Cell) -> str:
    """Return a cell as text: codes as labels, numbers and dates in the format of the current language.

    An empty cell is shown as the text that its column names for this, or as the empty text.
    """
    if cell is None or cell == "" or cell == ():
        return column.empty
    if isinstance(cell, tuple):
        return "; ".join(column.words.get(one, one) for one in cell)
    if isinstance(cell, int | float):
        return number(cell)
    if column.type == "date":
        return day(cell)
    return column.words.get(cell, cell)
