"""The result of a load: how many rows and records it processed, and a problem for each row that it left out."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

MOST_LISTED = 100

Level = Literal["error", "warning"]


class LoadAborted(Exception):
    """Raised if a load is rejected because of its source, a file or the run itself; the message is one sentence for the user."""


@dataclass(frozen=True)
class RowProblem:
    """A problem in a row of a file: an `error` means that the row was left out; a `warning` means that it was loaded.

    `row` is the line or sheet row as a person counts it; `rule` says in a few words what the field must be; `cell` is the
    address of a cell in a sheet.
    """

    level: Level
    code: str
    file: str
    row: int
    field: str
    value: str
    rule: str
    message: str
    cell: str = ""


@dataclass(frozen=True)
class Cleared:
    """A value or link that a load cleared.

    The entry has the name of the property or link, such as `agencies.acronym`, the record, and the old value.
    """

    of: str
    record: str
    value: str


@dataclass(frozen=True)
class LoadResult:
    """The result of loading a source once. Records are counted by type (plural), relationships by link, such as `resources.users`.

    - `problems`: the first hundred problems of each code, errors before warnings
    - `counts`: the number of problems of each code
    - `cleared`: how many values and links were cleared from remaining records, by the name of the property or link, such as
      `agencies.acronym`
    - `clearings`: the first hundred cleared values or links of each property or link
    - `refused`: the reason why nothing was written; None if the run was accepted
    """

    source: str
    run: str
    dry_run: bool
    rows_read: Mapping[str, int]
    created: Mapping[str, int]
    changed: Mapping[str, int]
    unchanged: Mapping[str, int]
    retired: Mapping[str, int]
    links_written: Mapping[str, int]
    links_removed: Mapping[str, int]
    rows_left_out: int
    counts: Mapping[str, int]
    problems: tuple[RowProblem, ...]
    notes: tuple[str, ...]
    cleared: Mapping[str, int]
    clearings: tuple[Cleared, ...]
    refused: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return all fields of the result as JSON values."""
        return asdict(self)


class Tally:
    """Counts what a running load does, and stores the first problems of each code."""

    def __init__(self) -> None:
        self.rows_read: Counter[str] = Counter()
        self.created: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.unchanged: Counter[str] = Counter()
        self.retired: Counter[str] = Counter()
        self.links_written: Counter[str] = Counter()
        self.links_removed: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self.cleared: Counter[str] = Counter()
        self._clearings: list[Cleared] = []
        self._problems: dict[Level, list[RowProblem]] = {"error": [], "warning": []}
        self._rows: dict[Level, dict[str, set[int]]] = {"error": {}, "warning": {}}
        self.is_steady = True  # whether the result depends only on the inputs and on the records of the source

    @property
    def rows_left_out(self) -> int:
        """The number of rows that have at least one error and are therefore left out."""
        return sum(map(len, self._rows["error"].values()))

    def rows_with_problems(self, file: str) -> set[int]:
        """Return the numbers of the rows of a file that have at least one error or warning."""
        return self._rows["error"].get(file, set()) | self._rows["warning"].get(file, set())

    def is_repeatable(self, codes: Collection[str]) -> bool:
        """Return whether the same load would end in the same way: no problems except of these codes, and no link left out."""
        return self.is_steady and not self.rows_left_out and not self.counts.keys() - codes

    def add(self, problem: RowProblem) -> None:
        """Count a problem, and store it if it is among the first problems with its code."""
        self.counts[problem.code] += 1
        if self.counts[problem.code] <= MOST_LISTED:
            self._problems[problem.level].append(problem)
        self._rows[problem.level].setdefault(problem.file, set()).add(problem.row)

    def clear(self, of: str, record: str, value: str) -> None:
        """Count a cleared value or link, and store it if it is among the first of its property or link."""
        self.cleared[of] += 1
        if self.cleared[of] <= MOST_LISTED:
            self._clearings.append(Cleared(of, record, value))

    def note(self, sentence: str) -> None:
        """Add a message to the result."""
        self.notes.append(sentence)

    def result(self, source: str, run: str, *, dry_run: bool, refused: str | None = None) -> LoadResult:
        """Return the result of the load."""
        return LoadResult(
            source=source,
            run=run,
            dry_run=dry_run,
            rows_read=dict(self.rows_read),
            created=dict(self.created),
            changed=dict(self.changed),
            unchanged=dict(self.unchanged),
            retired=dict(self.retired),
            links_written=dict(self.links_written),
            links_removed=dict(self.links_removed),
            rows_left_out=self.rows_left_out,
            counts=dict(self.counts),
            problems=(*self._problems["error"], *self._problems["warning"]),
            notes=tuple(self.notes),
            cleared=dict(self.cleared),
            clearings=tuple(self._clearings),
            refused=refused,
        )
