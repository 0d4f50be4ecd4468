"""A filled table that somebody sends: its rows as what is to be saved, and as text that brings them once more."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from loaders.mapping import GivenRecord, GivenTie
from loaders.outcome import Refused, RowProblem
from loaders.readers import read
from loaders.rows import Table
from loaders.sheets import SENT
from loaders.tables import map_table
from loaders.template import tables_of
from registry.changing.saving import LinkChange, Saving
from registry.modelling import Kind
from registry.records import Problem
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


@dataclass(frozen=True)
class Upload:
    """The rows of a table, and what is wrong with those that cannot be read."""

    lines: Sequence[Line]
    problems: Sequence[tuple[int, Problem]] = ()

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
    lines: list[Line] = []
    problems: list[tuple[int, Problem]] = []
    by_id: dict[str, Line] = {}
    for table in sorted(tables, key=lambda one: one.name):
        if table.name not in tables_of(kind.plural):
            raise Refused(_("The sheet {name} is none of {kind}.").format(name=table.name, kind=_(kind.plural)))
        give = map_table(table)
        for row in islice(table.rows, MOST_ROWS + 1):
            if isinstance(row, RowProblem):
                problems.append((row.row, Problem(row.code, row.field, row.value, row.rule, row.message)))
                continue
            line = Line(table.name, row.number)
            for one in give(row):
                line = _take(line, one, by_id)
            if line.id not in by_id:
                lines.append(line)
            if line.id:
                by_id.setdefault(line.id, line)
        _check_number(len(lines) + len(problems))
    return Upload(lines, problems)


def _take(line: Line, given: object, by_id: Mapping[str, Line]) -> Line:
    """Return the line with what a row gives; what is said of links goes to the line of their record, if there is one."""
    match given:
        case GivenRecord():
            line.id = _text(given.id)
            line.properties = dict(_filled({k: v for k, v in given.properties.items() if k not in (*BY_STEPS, "id")}))
        case GivenTie():
            one = _text(given.here)
            line = line if line.id == one else by_id.get(one, line)
            line.id = one
            line.links.setdefault(given.end.partition(".")[2], {})[_text(given.there)] = dict(_filled(given.properties))
    return line


def _filled(cells: Mapping[str, Any]) -> Iterator[tuple[str, str | float | bool]]:
    for name, cell in cells.items():
        if cell not in (None, ""):
            yield name, cell if isinstance(cell, str | float | int | bool) else _text(cell)


def _text(cell: Any) -> str:
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell or "").strip()


def _check_number(rows: int) -> None:
    if rows > MOST_ROWS:
        raise Refused(_("A table that is sent here has at most {n} rows.").format(n=f"{MOST_ROWS:,}"))
