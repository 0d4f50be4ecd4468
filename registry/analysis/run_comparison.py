"""Compare two runs of a report, and find the rows that are new, gone, moved or changed."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from registry.analysis.report import Column, ReportDefinition, ReportRow, cell_text

Change = Literal["new", "gone", "moved", "changed", "same"]
CHANGES: Mapping[str, str] = {"new": "new", "gone": "gone", "moved": "another rank", "changed": "other values"}
Key = tuple[str, ...]


class RowChange(NamedTuple):
    """A row in the previous and in the current run. Its two positions count only the rows that both runs have, from 1."""

    change: Change
    then: ReportRow | None
    now: ReportRow | None
    place_then: int | None = None
    place_now: int | None = None
    differences: tuple[str, ...] = ()

    @property
    def row(self) -> ReportRow:
        """The row of the current run; if the row is gone, the row of the previous run."""
        row = self.now or self.then
        assert row is not None
        return row


def compare(columns: Sequence[Column], then: Sequence[ReportRow], now: Sequence[ReportRow]) -> list[RowChange]:
    """Compare the cells of two runs of a report: new rows come first, then gone rows, then rows in both runs.

    Columns that change from day to day are not compared.

    Rows are matched by their keys; rows with equal keys are matched in order. Among the rows in both runs, moved rows come first,
    with the farthest move first; rows with changed values follow. As few rows as possible are treated as moved: the positions of
    all other rows form a longest increasing subsequence.
    """
    before, after = dict(_numbered(then)), dict(_numbered(now))
    place = {key: n for n, key in enumerate((key for key in before if key in after), 1)}
    shared = [key for key in after if key in before]
    still = set(_longest_increasing([place[key] for key in shared]))
    both = [
        _row_change(columns, before[key], after[key], place[key], n, moved=place[key] not in still)
        for n, key in enumerate(shared, 1)
    ]
    new = [RowChange("new", None, row) for row in _only_in_first(after, before)]
    gone = [RowChange("gone", row, None) for row in _only_in_first(before, after)]
    return [*new, *gone, *sorted(both, key=_order)]


def new_and_gone(then: Sequence[ReportRow], now: Sequence[ReportRow]) -> tuple[list[ReportRow], list[ReportRow]]:
    """Return two lists: the rows that are only in the run `now`, and the rows that are only in the run `then`."""
    before, after = dict(_numbered(then)), dict(_numbered(now))
    return _only_in_first(after, before), _only_in_first(before, after)


def described(question: ReportDefinition, columns: Sequence[Column], row: ReportRow) -> str:
    """Return the cells that identify a row, as one text."""
    texts = (cell_text(one, row.values.get(one.name)) for one in columns if one.name in question.key_columns)
    return " · ".join(filter(None, texts))


def _numbered(rows: Sequence[ReportRow]) -> Iterator[tuple[Key, ReportRow]]:
    """Yield each row with its key and with the number of earlier rows that have the same key."""
    times: Counter[Key] = Counter()
    for row in rows:
        yield (*row.key, str(times[row.key])), row
        times[row.key] += 1


def _only_in_first(rows: Mapping[Key, ReportRow], others: Mapping[Key, ReportRow]) -> list[ReportRow]:
    return [row for key, row in rows.items() if key not in others]


def _longest_increasing(places: Sequence[int]) -> Iterator[int]:
    """Yield a longest increasing subsequence of the numbers, in reverse order (Schensted 1961)."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        length = bisect_left(ends, place)
        before[place] = ends[length - 1] if length else None
        ends[length : length + 1] = [place]
    last = ends[-1] if ends else None
    while last is not None:
        yield last
        last = before[last]


def _row_change(
    columns: Sequence[Column], then: ReportRow, now: ReportRow, place_then: int, place_now: int, *, moved: bool
) -> RowChange:
    differences = tuple(_differences(columns, then, now))
    change: Change = "moved" if moved else "changed" if differences else "same"
    return RowChange(change, then, now, place_then, place_now, differences)


def _differences(columns: Sequence[Column], then: ReportRow, now: ReportRow) -> Iterator[str]:
    for column in columns:
        if column.name in then.values and not column.changes_daily:
            before, after = cell_text(column, then[column.name]), cell_text(column, now[column.name])
            if before != after:
                yield f"{column.label}: {before or '–'} → {after or '–'}"


def _order(one: RowChange) -> tuple[bool, int]:
    moved = one.change == "moved"
    return not moved, -abs((one.place_then or 0) - (one.place_now or 0)) if moved else 0
