"""Custom reports: Cypher files with a TOML header. The operator of the registry writes these files and is responsible for them."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
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
from registry.database.change_stamps import Kinds, all_kinds_in
from registry.database.driver import Cypher, Readable, StoreError
from registry.database.exploration import visible
from registry.i18n import _, language, number
from registry.model.values import Date
from registry.permissions import Actor, Role
from registry.reports.render import LIST_COLUMNS, ROW_NUMBER, SHOWN_BY

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
AS_OF, EVIDENCE, FOUND = "as_of", "evidence", "found"
OF_ACTOR = ("actor_names", "actor_agencies", "actor_role")
RESERVED = (
    AS_OF, "confidence", "key", "lang", "lists", SHOWN_BY, EVIDENCE, FOUND, ROW_NUMBER, *LIST_COLUMNS, *OF_ACTOR
)  # fmt: skip
AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
AUDIENCES = {"admin": Role.ADMIN, "analyst": Role.ANALYST, "everybody": Role.VIEWER}
ROWS = 5_000
LARGEST = 2**31 - 1  # the largest Int of GraphQL
Words = Annotated[str, Field(min_length=1, max_length=1_000)]


class Fault(Exception):
    """A problem in the file of a custom report: a message in the current language, and the number of the line with the problem."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def _name(name: str) -> str:
    if not NAME.fullmatch(name) or name in RESERVED:
        sentence = _(
            "use a name of lower-case letters, digits and underscores, such as least_users, other than {reserved}"
        )
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


class ParameterHead(_HeaderModel):
    """A numeric parameter in the header of a custom report: its label, its description, and its limits `least` and `most`."""

    type: Literal["integer", "number"]
    default: Annotated[float, Field(allow_inf_nan=False)]
    least: Annotated[float, Field(allow_inf_nan=False)]
    most: Annotated[float, Field(allow_inf_nan=False)]
    label: Bilingual
    description: Bilingual

    @model_validator(mode="after")
    def _in_order(self) -> "ParameterHead":
        if not self.least <= self.default <= self.most:
            raise PydanticCustomError(
                "order", _("the value default of a parameter must be between the values least and most")
            )
        if self.type == "integer" and not all(one.is_integer() for one in (self.default, self.least, self.most)):
            raise PydanticCustomError(
                "whole", _("default, least and most of an integer parameter must be whole numbers")
            )
        return self

    def parameter(self, name: str) -> ReportParameter:
        """Convert the header entry to a parameter of the report definition."""
        kind = int if self.type == "integer" else float
        numbers = kind(self.default), kind(self.least), kind(self.most)
        return ReportParameter(name, str(self.label), str(self.description), *numbers)


class ColumnHead(_HeaderModel):
    """A column in the header of a custom report: type, label, description, unit, and the labels of codes.

    In a column of type `record`, the query returns the id of a record, and the report shows the name of the record. In a column of
    type `records`, the query returns a list of ids.
    """

    type: Literal["text", "texts", "code", "integer", "number", "date", "record", "records"]
    label: Bilingual
    description: Bilingual
    unit: Bilingual | None = None
    words: Mapping[str, Bilingual] = Field(default_factory=dict)
    changes_daily: bool = False

    @property
    def names_records(self) -> bool:
        """Whether the values of the column are ids of records."""
        return self.type in ("record", "records")

    def column(self, name: str) -> Column:
        """Convert the header entry to a column of the report definition."""
        shown: Any = {"record": "text", "records": "texts"}.get(self.type, self.type)
        words = {code: str(word) for code, word in self.words.items()}
        return Column(
            name,
            str(self.label),
            shown,
            str(self.description),
            str(self.unit or ""),
            words,
            changes_daily=self.changes_daily,
        )


class Header(_HeaderModel):
    """The header of a custom report: its audience, its texts, its parameters and its columns.

    `of` is an optional Cypher query that returns the number of examined cases.
    """

    audience: Literal["admin", "analyst", "everybody"] = Field("admin", alias="for")
    title: Bilingual
    question: Bilingual
    method: Bilingual
    of: str | None = None
    parameters: Mapping[Name, ParameterHead] = Field(default_factory=dict)
    columns: Annotated[Mapping[Name, ColumnHead], Field(min_length=1)]


def read_header(content: str) -> tuple[Header, str]:
    """Split the file of a custom report into its header and its Cypher query. Raises Fault for an invalid header.

    The returned query begins with an empty line for each line of the header. A line number in the query is therefore also the line
    number in the file.
    """
    lines = content.splitlines()
    height = next((n for n, line in enumerate(lines) if not line.startswith("//")), len(lines))
    head = [line.removeprefix("//").removeprefix(" ") for line in lines[:height]]
    try:
        header = Header.model_validate(tomllib.loads("\n".join(head)))
    except tomllib.TOMLDecodeError as error:
        found = AT_LINE.search(str(error))
        at = int(found[1]) if found and found[1] else max(height, 1)
        sentence = _("The header is not valid TOML: {reason}. Correct this line.")
        raise Fault(at, sentence.format(reason=AT_LINE.sub("", str(error)))) from None
    except ValidationError as error:
        raise _fault(min(error.errors(), key=_is_secondary), head) from None
    text = "\n".join([""] * height + lines[height:])
    if not text.strip():
        raise Fault(max(height, 1), _("There is no Cypher after the header. Add a text that ends with RETURN."))
    return header, text


def _is_secondary(error: Any) -> bool:
    """Return False for an unknown key and True for other errors, so that unknown keys come first in a sorted list.

    A misspelt key causes two errors: an unknown key and a missing key. Only the error about the unknown key shows the misspelt
    word.
    """
    return bool(error["type"] != "extra_forbidden")


def _fault(error: Any, head: list[str]) -> Fault:
    path = [str(one) for one in error["loc"] if one != "[key]"]
    sentence = {
        "missing": _("The header lacks {key}. Add it."),
        "extra_forbidden": _("The header has an unknown key {key}. Correct the name of the key, or remove the key."),
    }.get(error["type"], _("The header has a wrong value at {key}: {reason}. Correct it."))
    reason = error["msg"][:1].lower() + error["msg"][1:]
    return Fault(_line_of(path, head), sentence.format(key=".".join(path), reason=reason))


def _line_of(path: list[str], head: list[str]) -> int:
    """Return the line of the TOML header that defines a key; if the key is missing, return the line of its closest existing parent."""
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


@dataclass(frozen=True)
class CustomReport:
    """A custom report, as its file defines it."""

    name: str
    header: Header
    text: str

    @property
    def role(self) -> Role:
        """The lowest role whose users may run the report."""
        return AUDIENCES[self.header.audience]

    @property
    def definition(self) -> ReportDefinition:
        """The report definition of the custom report, in the current language."""
        head = self.header
        columns = tuple(one.column(name) for name, one in head.columns.items())
        parameters = tuple(one.parameter(name) for name, one in head.parameters.items())
        return ReportDefinition(
            self.name, str(head.title), str(head.question), str(head.method), (), columns, parameters, common=()
        )

    @property
    def kinds_read(self) -> Kinds:
        """The kinds whose records the report depends on, as far as its queries name them."""
        return all_kinds_in(filter(None, (self.text, self.header.of)))

    def run(self, store: Readable, actor: Actor, as_of: str, parameters: Mapping[str, Value]) -> Report:
        """Run the Cypher query exactly as its author wrote it, and leave out the rows that the actor may not see.

        A row is left out if it names a record whose details the actor may not see. This method does not check whether the actor
        may run the report. Raises BrokenReport and StoreError.
        """
        values = {**parameters, AS_OF: as_of, **_actor_parameters(actor)}
        names, read = self._read(store, self.text, values, ROWS + 1)
        if names:  # the embedded engine names no columns if there are no rows
            self._check_columns(names)
        rows = [dict(zip(names, row, strict=True)) for row in read[:ROWS]]
        named = [list(self._ids(row)) for row in rows]
        known = {one.id: one for one in self._visible(store, {one for ids in named for one in ids}, actor)}
        shown = [(row, ids) for row, ids in zip(rows, named, strict=True) if known.keys() >= set(ids)]
        report = self.definition.answer(
            as_of,
            [self._row(row, [known[one] for one in dict.fromkeys(ids)], known) for row, ids in shown],
            found=sum(row.get(FOUND, True) is True for row, _ids in shown),
            of=len(shown) if self.header.of is None else self._count(store, self.header.of, values),
            withheld=len(rows) - len(shown),
            notes=_notes(more=len(read) > ROWS),
        )
        return replace(report, parameters=parameters, withholds_rows=True)

    def _check_columns(self, names: Sequence[str]) -> None:
        """Raise BrokenReport if the header and the RETURN clause of the query name different columns."""
        for name in self.header.columns:
            if name not in names:
                sentence = _(
                    "the header has the column {column}, but RETURN does not. Add the column to RETURN, or remove it "
                    "from the header."
                )
                raise self._broken(sentence.format(column=name))
        for name in names:
            if name not in (*self.header.columns, EVIDENCE, FOUND):
                sentence = _(
                    "RETURN has the column {column}, but the header does not. Describe the column in the header, or "
                    "remove it from RETURN."
                )
                raise self._broken(sentence.format(column=name))
        if (self.header.of is None) == (FOUND not in names):
            sentence = _(
                "a report needs either a Cypher text “of” in its header, which counts the cases examined, or a "
                "column “found” in RETURN, which is true for a finding. Add one of the two, or remove one if the "
                "report has both."
            )
            raise self._broken(sentence)

    def _ids(self, row: Mapping[str, Any]) -> Iterator[str]:
        """Yield the ids of the records that a row names."""
        for name in (*(name for name, one in self.header.columns.items() if one.names_records), EVIDENCE):
            value = row.get(name)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, str):
                    yield one
                elif one is not None:
                    sentence = _("the column {column} has a value that is not the id of a record. Return a.id, not a.")
                    raise self._broken(sentence.format(column=name))

    @staticmethod
    def _visible(store: Readable, ids: set[str], actor: Actor) -> Iterator[Evidence]:
        """Yield the ids in `ids` that belong to a record whose details the actor may see."""
        yield from (Evidence(*one) for one in (store.read(visible(ids, actor)) if ids else ()))

    def _row(self, row: Mapping[str, Any], evidence: list[Evidence], known: Mapping[str, Evidence]) -> ReportRow:
        columns = zip(self.header.columns.values(), self.definition.columns, strict=True)
        return ReportRow(
            {one.name: self._cell(one, head, row[one.name], known) for head, one in columns}, tuple(evidence)
        )

    def _cell(self, column: Column, head: ColumnHead, value: Any, known: Mapping[str, Evidence]) -> Cell:
        if value is None or (isinstance(value, float) and not isfinite(value)):
            return None
        if column.type == "texts" and isinstance(value, list):
            texts = tuple(one for one in value if one is not None)
            if all(isinstance(one, str) for one in texts):
                return tuple(known[one].name for one in texts) if head.names_records else texts
        elif _has_type(column, value):
            return known[value].name if head.names_records else value
        sentence = _("the column {column} has a value that is not of the type {type}. Correct RETURN, or the header.")
        raise self._broken(sentence.format(column=column.name, type=head.type))

    def _count(self, store: Readable, text: str, values: Mapping[str, object]) -> int:
        _names, rows = self._read(store, text, values, 2)
        if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int) and not isinstance(rows[0][0], bool):
            return rows[0][0]
        raise self._broken(
            _(
                "the Cypher text “of” in the header returns something other than one whole number. Write RETURN "
                "count(a) AS of."
            )
        )

    def _read(self, store: Readable, text: str, values: Mapping[str, object], most: int) -> tuple[Sequence[str], Any]:
        try:
            return store.read_table(Cypher(text, values), most)
        except StoreError as error:
            if error.code == "NOT_ALLOWED":
                sentence = _(
                    "a report may only read the graph. Remove the clauses that change data or the schema, or load a "
                    "file."
                )
                raise self._broken(sentence, error.reason) from error
            if error.code == "TOO_COSTLY":  # also what the embedded engine answers to an unknown procedure
                sentence = _(
                    "the report needs more memory than the database allows, or a procedure that the database does not "
                    "have."
                )
                raise self._broken(sentence, error.reason) from error
            if error.code in ("BAD_TEXT", "INTERNAL"):
                sentence = _(
                    "the database cannot run the Cypher. Correct the file; the command registry report {name} says "
                    "what is wrong."
                )
                raise self._broken(sentence.format(name=self.name), error.reason) from error
            raise

    def _broken(self, sentence: str, reason: str = "") -> BrokenReport:
        said = _("{file} cannot be run: {problem}").format(file=f"{self.name}.cypher", problem=sentence)
        return BrokenReport(said, reason)


def _actor_parameters(actor: Actor) -> dict[str, object]:
    """Return the role, names and agencies of the actor, which a query may use as parameters.

    Users who have the same role, names and agencies share cached results.
    """
    values = sorted(actor.names()), sorted(actor.agencies), actor.role.value
    return dict(zip(OF_ACTOR, values, strict=True))


def _notes(*, more: bool) -> list[str]:
    notes = [_("The operator of this registry wrote this report and vouches for what it shows.")]
    if more:
        sentence = _("The report has more than {n} rows; only the first {n} rows are shown and counted.")
        notes.append(sentence.format(n=number(ROWS)))
    return notes


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
