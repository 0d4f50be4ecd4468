"""Custom reports: Cypher files with a TOML header in the reports folder."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from registry.analysis.report import (
    BrokenReport,
    Cell,
    Column,
    Evidence,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
    Value,
)
from registry.analysis.snapshot import Readable
from registry.database.driver import Cypher, StoreError
from registry.database.user_cypher import EVIDENCE, FOUND, Fault, SiteText, checked, faces
from registry.i18n import _, language, number
from registry.model.values import Date
from registry.permissions import Actor
from registry.reports.render import SHOWN_BY

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
RESERVED = ("as_of", "confidence", "key", "lang", SHOWN_BY, EVIDENCE, FOUND)
AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
Words = Annotated[str, Field(min_length=1, max_length=1_000)]


def _name(name: str) -> str:
    if not NAME.fullmatch(name) or name in RESERVED:
        sentence = "a name is made of small letters, such as least_users, and is none of {reserved}"
        raise PydanticCustomError("name", sentence, {"reserved": ", ".join(RESERVED)})
    return name


Name = Annotated[str, Field(max_length=40), AfterValidator(_name)]


class _HeaderModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(_HeaderModel):
    """A text in English and Indonesian."""

    en: Words
    id: Words

    def __str__(self) -> str:
        """Return the text in the current language."""
        return self.id if language() == "id" else self.en


class ParameterHead(Bilingual):
    """A parameter in the header: a number between `least` and `most`; the texts are its description."""

    type: Literal["integer", "number"]
    default: Annotated[float, Field(allow_inf_nan=False)]
    least: Annotated[float, Field(allow_inf_nan=False)]
    most: Annotated[float, Field(allow_inf_nan=False)]

    @model_validator(mode="after")
    def _in_order(self) -> "ParameterHead":
        if not self.least <= self.default <= self.most:
            raise PydanticCustomError("order", "the default lies between least and most")
        if self.type == "integer" and not all(one.is_integer() for one in (self.default, self.least, self.most)):
            raise PydanticCustomError("whole", "default, least and most of an integer are whole numbers")
        return self

    def parameter(self, name: str) -> ReportParameter:
        """Return it as a report parameter."""
        kind = int if self.type == "integer" else float
        return ReportParameter(name, str(self).rstrip("."), "", kind(self.default), kind(self.least), kind(self.most))


class ColumnHead(_HeaderModel):
    """A column in the header: type, label, description and unit, and the labels of codes."""

    type: Literal["text", "texts", "code", "integer", "number", "date"]
    label: Bilingual
    description: Bilingual
    unit: Bilingual | None = None
    words: Mapping[str, Bilingual] = Field(default_factory=dict)

    def column(self, name: str) -> Column:
        """Return it as a report column."""
        words = {code: str(word) for code, word in self.words.items()}
        return Column(name, str(self.label), self.type, str(self.description), str(self.unit or ""), words)


class Header(_HeaderModel):
    """The header of a custom report. `of` is an optional Cypher query that counts the examined records."""

    title: Bilingual
    question: Bilingual
    method: Bilingual
    of: str | None = None
    parameters: Mapping[Name, ParameterHead] = Field(default_factory=dict)
    columns: Annotated[Mapping[Name, ColumnHead], Field(min_length=1)]


def read_header(text: str) -> tuple[Header, str, int]:
    """Return the header of a file, the Cypher text after it, and the line where that begins. Raises Fault."""
    lines = text.splitlines()
    height = next((n for n, line in enumerate(lines) if not line.startswith("//")), len(lines))
    head = [line.removeprefix("//").removeprefix(" ") for line in lines[:height]]
    try:
        header = Header.model_validate(tomllib.loads("\n".join(head)))
    except tomllib.TOMLDecodeError as error:
        found = AT_LINE.search(str(error))
        at = int(found[1]) if found and found[1] else max(height, 1)
        raise Fault(at, f"The header is no sound TOML: {AT_LINE.sub('', str(error))}.") from None
    except ValidationError as error:
        raise _fault(min(error.errors(), key=_is_secondary), head) from None
    return header, "\n".join(lines[height:]), height + 1


def _is_secondary(error: Any) -> bool:
    """Sort unknown keys first: a misspelt key also causes a "missing" error, and the unknown one names the cause."""
    return bool(error["type"] != "extra_forbidden")


def _fault(error: Any, head: list[str]) -> Fault:
    path = [str(one) for one in error["loc"] if one != "[key]"]
    message = error["msg"][0].lower() + error["msg"][1:]
    return Fault(_line_of(path, head), f"In the header, {'.'.join(path)}: {message}.")


def line_of_key(key: str, content: str) -> int:
    """Return the line on which the header defines a key."""
    return _line_of([key], [line.removeprefix("//") for line in content.splitlines()])


def _line_of(path: list[str], head: list[str]) -> int:
    """Return the line of the TOML header that defines a path, or its closest existing parent."""
    table, found = "", 1
    best = 0
    for line_number, line in enumerate(head, 1):
        if heading := re.fullmatch(r"\s*\[+([^]]+)\]+\s*", line):
            table = heading[1].strip()
            own = table.split(".")
        else:
            own = [*(table.split(".") if table else []), *line.partition("=")[0].strip().split(".")]
        common = len(own) if own == path[: len(own)] else 0
        if common > best:
            best, found = common, line_number
    return found


ROWS = 5_000
AS_OF, OF = "as_of", "of"
LARGEST = 2**31 - 1  # the largest Int of GraphQL
FAULTS = ("BAD_TEXT", "NOT_ALLOWED", "INTERNAL")


@dataclass(frozen=True)
class CustomReport:
    """A custom report as defined by its file."""

    name: str
    header: Header
    text: SiteText
    looked_at: SiteText | None

    @property
    def question(self) -> ReportDefinition:
        """The report definition, in the current language."""
        columns = tuple(one.column(name) for name, one in self.header.columns.items())
        parameters = tuple(one.parameter(name) for name, one in self.header.parameters.items())
        head = self.header
        return ReportDefinition(
            self.name, str(head.title), str(head.question), str(head.method), (), columns, parameters
        )

    def answer(self, store: Readable, actor: Actor, as_of: str, parameters: Mapping[str, Value]) -> Report:
        """Run the report on the records of which the actor may see the details. Raises BrokenReport and StoreError."""
        asked = _Execution(self, store, actor, {**parameters, AS_OF: as_of})
        rows, more = asked.rows()
        found, of = asked.counted(rows, more)
        notes = [_("A report of this site's own; it counts only records of which you may see all.")]
        if more:
            notes.append(_("Only the first {n} rows are here; more are left out.").format(n=number(ROWS)))
        answered = [asked.row(one) for one in rows]
        report = self.question.answer(as_of, answered, found=found, of=of, withheld=asked.withheld(), notes=notes)
        return replace(report, parameters=parameters)


def read_report(name: str, content: str) -> CustomReport:
    """Parse the custom report in a file. Raises Fault."""
    header, cypher, line = read_header(content)
    known = [*header.parameters, AS_OF]
    text = checked(cypher, known, line)
    _check_columns(header, text)
    looked_at = None
    if header.of is not None:
        at = line_of_key(OF, content)
        looked_at = checked(header.of, known, at)
        if list(looked_at.columns) != [OF]:
            raise Fault(at, "The text of `of` returns one number, named `of`: RETURN count(a) AS of.")
    return CustomReport(name, header, text, looked_at)


def _check_columns(header: Header, text: SiteText) -> None:
    """Raise Fault unless the header and RETURN name the same columns."""
    line, returned = text.line, set(text.columns) - {EVIDENCE, FOUND}
    for name in header.columns:
        if name not in returned:
            raise Fault(line, f"The header has the column {name}, which RETURN does not give.")
    for name in text.columns:
        if name in returned - set(header.columns):
            raise Fault(line, f"RETURN gives the column {name}, of which the header says nothing.")
    if EVIDENCE not in text.columns:
        raise Fault(line, "RETURN gives no list of records named evidence, such as [a] AS evidence.")
    if (header.of is None) == (FOUND not in text.columns):
        raise Fault(
            line,
            "Say of how many: either `of` in the header counts what is looked at, or RETURN gives every row that is looked at"
            " and, named found, whether it counts.",
        )


class _Execution:
    """A run of a custom report: a store, an actor and parameter values."""

    def __init__(self, report: CustomReport, store: Readable, actor: Actor, values: Mapping[str, object]) -> None:
        self._report, self._store, self._actor, self._values = report, store, actor, values
        self._columns = report.question.columns
        self._names = [one.name for one in self._columns]
        self._has_found_column = FOUND in report.text.columns

    def rows(self) -> tuple[Sequence[Sequence[Any]], bool]:
        """Return the values of at most ROWS rows, and whether there are more."""
        names = [*self._names, EVIDENCE, *([FOUND] if self._has_found_column else [])]
        rows = [row for (row,) in self._read(self._report.text.rows(names, self._values, self._actor, ROWS + 1))]
        return rows[:ROWS], len(rows) > ROWS

    def counted(self, rows: Sequence[Sequence[Any]], more: bool) -> tuple[int, int]:
        """Return the number of findings and of examined records."""
        found = sum(row[-1] is True for row in rows) if self._has_found_column else len(rows)
        looked_at: Any = len(rows)
        if more:
            ((looked_at, found),) = self._read(self._report.text.counts(self._values, self._actor))
        if self._report.looked_at:
            answer = self._read(self._report.looked_at.rows([OF], self._values, self._actor, 2))
            looked_at = answer[0][0][0] if len(answer) == 1 else None
            if not isinstance(looked_at, int):
                raise self._broken(_("what counts what is looked at gives no number"))
        return found, looked_at

    def withheld(self) -> int:
        """Return the number of records of these types of which the actor sees the summary only."""
        kinds = self._report.text.kinds | (self._report.looked_at.kinds if self._report.looked_at else frozenset())
        return int(self._read(faces(kinds, self._actor))[0][0]) if kinds else 0

    def row(self, values: Sequence[Any]) -> ReportRow:
        """Return a row of the report."""
        cells = {one.name: self._cell(one, value) for one, value in zip(self._columns, values, strict=False)}
        return ReportRow(cells, tuple(map(self._evidence, values[len(cells)] or ())))

    def _evidence(self, one: Any) -> Evidence:
        if not (isinstance(one, list) and all(isinstance(part, str) for part in one)):
            raise self._broken(_("it gives evidence that is no list of records"))
        return Evidence(*one)

    def _cell(self, column: Column, value: Any) -> Cell:
        if value is None or (isinstance(value, float) and not isfinite(value)):
            return None
        if column.type == "texts" and isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        if _has_type(column, value):
            return value  # type: ignore[no-any-return]
        raise self._broken(
            _("it gives a value in {column} that is none of the type {type}").format(
                column=column.name, type=column.type
            )
        )

    def _read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        try:
            return self._store.read(cypher)
        except StoreError as error:
            if error.code in FAULTS:
                raise self._broken(_("the graph store cannot do what its text says"), error.reason) from error
            raise

    def _broken(self, why: str, reason: str = "") -> BrokenReport:
        said = _("The report {name} cannot be run: {why}.").format(name=self._report.name, why=why)
        return BrokenReport(said, reason)


def _has_type(column: Column, value: object) -> bool:
    match column.type:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _is_day(value)
        case "text" | "code":
            return isinstance(value, str)
    return False


def _is_day(value: str) -> bool:
    try:
        return Date.clean(value) == value
    except ValueError:
        return False
