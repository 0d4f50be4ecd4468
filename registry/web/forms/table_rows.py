"""A filled table that somebody sends: its rows as what is to be saved, and as text that brings them once more."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from loaders.mapping import GivenRecord, GivenTie, Mapped
from loaders.outcome import Refused, RowProblem
from loaders.readers import read
from loaders.rows import Row, Table
from loaders.sheets import SENT
from loaders.tables import map_table
from loaders.template import tables_of
from registry.changing.saving import LinkChange, Saving
from registry.modelling import Kind, Property, snake
from registry.records import Problem, show
from registry.values import Text, Unfit, Value
from registry.web.forms.typed import BY_STEPS
from registry.words import _

ENDINGS = (".csv", ".xlsx")
MOST_BYTES, MOST_ROWS = 5_000_000, 2_000
Properties = dict[str, str | float | bool]


@dataclass
class Line:
    """A row: where it stands, the id it gives, its properties, and the records of each link with what the link says."""

    sheet: str
    row: int
    id: str = ""
    properties: Properties = field(default_factory=dict)
    links: dict[str, dict[str, Properties]] = field(default_factory=dict)

    def saving(self, kind: type[Kind], *, another: bool) -> Saving:
        """Return what the row asks to be saved: an empty cell changes nothing, a link gets more records, none is taken away."""
        links = {name: LinkChange(ties) for name, ties in self.links.items()}
        return Saving(kind, self.id or None, self.properties, links, another=another)


class LineProblem(NamedTuple):
    """What is wrong with a row of a sheet; `cell` is its address, where cells have addresses."""

    sheet: str
    row: int
    problem: Problem
    cell: str = ""


@dataclass(frozen=True)
class Upload:
    """The rows of a table, and what is wrong with those that cannot be read."""

    lines: Sequence[Line]
    problems: Sequence[LineProblem] = ()

    def written(self) -> str:
        """Return the rows as a text."""
        return orjson.dumps(self.lines).decode()


_LINES = TypeAdapter(list[Line])


def read_back(text: str) -> Upload:
    """Return the rows of a text that `written` made. Raises Refused."""
    try:
        lines = _LINES.validate_json(text)
    except ValidationError:
        raise Refused(_("The table was not sent whole; send it again.")) from None
    _check_number(len(lines))
    return Upload(lines)


def read_table(kind: type[Kind], name: str, content: bytes) -> Upload:
    """Return the rows of a file of this name. Raises Refused where it is no table of the kind, or too large."""
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise Refused(_("A table is a .csv or an .xlsx file."))
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{kind.plural}{ending}")
        path.write_bytes(content)
        tables = read(path, lambda _note: None, SENT)
        if len(tables) == 1:
            tables = [Table(kind.plural, tables[0].file, tables[0].columns, tables[0].rows)]
        return _upload(kind, tables)


def _upload(kind: type[Kind], tables: Sequence[Table]) -> Upload:
    reading = _Reading(kind)
    for table in sorted(tables, key=lambda one: one.name):
        if table.name not in tables_of(kind.plural):
            raise Refused(_("The sheet {name} is none of {kind}.").format(name=show(table.name), kind=_(kind.plural)))
        give = map_table(table)
        for row in islice(table.rows, MOST_ROWS + 1):
            if isinstance(row, RowProblem):
                problem = Problem(row.code, row.field, row.value, row.rule, row.message)
                reading.problems.append(LineProblem(table.name, row.row, problem))
            else:
                reading.take(table.name, row, give(row))
        _check_number(len(reading.lines) + len(reading.problems))
    return Upload(reading.lines, reading.problems)


class _Reading:
    """The lines that the rows of a file make. What is said of links goes to the line of their record, if there is one."""

    def __init__(self, kind: type[Kind]) -> None:
        self.lines: list[Line] = []
        self.problems: list[LineProblem] = []
        self._kind = kind
        self._by_id: dict[str, Line] = {}
        self._records: dict[str, tuple[str, int]] = {}  # where the row of a record stands
        self._ties: dict[tuple[str, str, str], tuple[str, int]] = {}

    def take(self, sheet: str, row: Row, given: Iterable[Mapped]) -> None:
        """Take what a row gives."""
        line = Line(sheet, row.number)
        for one in given:
            match one:
                case GivenRecord():
                    line.id = self._id(sheet, row, "id", one.id)
                    self._once(self._records, line.id, (sheet, row.number), "id", line.id)
                    own = {name: value for name, value in one.properties.items() if name not in (*BY_STEPS, "id")}
                    line.properties = self._filled(sheet, row, self._kind.properties, own)
                case GivenTie():
                    line = self._tie(line, sheet, row, one)
        if line.id not in self._by_id:
            self.lines.append(line)
        if line.id:
            self._by_id.setdefault(line.id, line)

    def _tie(self, line: Line, sheet: str, row: Row, given: GivenTie) -> Line:
        end = self._kind.ends[given.end.partition(".")[2]]
        here, there = (
            self._id(sheet, row, snake(self._kind.__name__), given.here),
            self._id(sheet, row, snake(end.target) if end.link.properties else end.name, given.there),
        )
        line = line if line.id == here else self._by_id.get(here, line)
        line.id = here
        if end.link.properties:
            self._once(self._ties, (end.name, here, there), (sheet, row.number), snake(end.target), there)
        line.links.setdefault(end.name, {})[there] = self._filled(sheet, row, end.link.properties, given.properties)
        return line

    def _once(self, seen: dict[Any, tuple[str, int]], key: Any, place: tuple[str, int], field: str, value: str) -> None:
        """Note that a row gives something; that another row gives it already is a problem that names both."""
        first = seen.setdefault(key, place)
        if first != place and value:
            rule = _("once in a table")
            message = _("Rows {one} and {other} are about the same: leave one.").format(one=first[1], other=place[1])
            self.problems.append(LineProblem(*place, Problem("REPEATED", field, show(value), rule, message)))

    def _id(self, sheet: str, row: Row, field: str, cell: object) -> str:
        found = self._cleaned(sheet, row, field, Text, cell)
        return found if isinstance(found, str) else ""

    def _filled(
        self, sheet: str, row: Row, declared: Mapping[str, Property], cells: Mapping[str, Any]
    ) -> dict[str, str | float | bool]:
        values = {
            name: self._cleaned(sheet, row, name, declared[name].value, cell)
            for name, cell in cells.items()
            if cell not in (None, "")
        }
        return {name: value for name, value in values.items() if isinstance(value, str | float | bool)}

    def _cleaned(self, sheet: str, row: Row, field: str, value: type[Value], cell: object) -> object:
        """Return a text as it stands, and what a sheet holds otherwise as a value of this type, if it can be one."""
        if isinstance(cell, str):
            return cell.strip()
        try:
            return value.clean(cell)
        except Unfit as unfit:
            problem = Problem("UNFIT", field, show(cell), unfit.rule, str(unfit))
            self.problems.append(LineProblem(sheet, row.number, problem, row.address(field)))
            return None


def _check_number(rows: int) -> None:
    if rows > MOST_ROWS:
        raise Refused(_("A table that is sent here has at most {n} rows.").format(n=f"{MOST_ROWS:,}"))
