"""Compare two runs of a report: new, gone and changed rows."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from registry.analysis.report import Column, ReportDefinition, ReportRow, cell_text

Change = Literal["new", "gone", "moved", "changed", "same"]
CHANGES: Mapping[str, str] = {"new": "new", "gone": "gone", "moved": "in another place", "changed": "other values"}
Key = tuple[str, ...]


class RowChange(NamedTuple):
    """A row then and now, if it was and is there; its places are counted from 1 among the rows that are in both runs."""

    change: Change
    then: ReportRow | None
    now: ReportRow | None
    place_then: int | None = None
    place_now: int | None = None
    differences: tuple[str, ...] = ()

    @property
    def row(self) -> ReportRow:
        """The row as it is now; as it was where it is gone."""
        row = self.now or self.then
        assert row is not None
        return row


def compare(columns: Sequence[Column], then: Sequence[ReportRow], now: Sequence[ReportRow]) -> list[RowChange]:
    """Compare what people read of the rows of two runs: first what is new, then what is gone, then what is in both.

    Rows are the same when their keys are; the second of one key is the same as the second. Of what is in both, those that moved
    come first, the farthest before others, then those of which only values are other ones. As few as can be have moved: the
    others are in the order in which they were (longest increasing subsequence).
    """
    before, after = dict(_numbered(then)), dict(_numbered(now))
    place = {key: n for n, key in enumerate((key for key in before if key in after), 1)}
    shared = [key for key in after if key in before]
    still = set(_increasing([place[key] for key in shared]))
    both = [
        _beside(columns, before[key], after[key], place[key], n, moved=place[key] not in still)
        for n, key in enumerate(shared, 1)
    ]
    new = [RowChange("new", None, row) for row in _lacking(after, before)]
    gone = [RowChange("gone", row, None) for row in _lacking(before, after)]
    return [*new, *gone, *sorted(both, key=_farthest)]


def new_and_gone(then: Sequence[ReportRow], now: Sequence[ReportRow]) -> tuple[list[ReportRow], list[ReportRow]]:
    """Return the rows that are new, and those that are gone, without a look at the others."""
    before, after = dict(_numbered(then)), dict(_numbered(now))
    return _lacking(after, before), _lacking(before, after)


def described(question: ReportDefinition, columns: Sequence[Column], row: ReportRow) -> str:
    """Return what a row is about in words: the cells by which it is known."""
    texts = (cell_text(one, row.values.get(one.name)) for one in columns if one.name in question.knowing)
    return " · ".join(filter(None, texts))


def _numbered(rows: Sequence[ReportRow]) -> Iterator[tuple[Key, ReportRow]]:
    """Yield each row under its key and how many before it have the same."""
    times: Counter[Key] = Counter()
    for row in rows:
        yield (*row.key, str(times[row.key])), row
        times[row.key] += 1


def _lacking(rows: Mapping[Key, ReportRow], others: Mapping[Key, ReportRow]) -> list[ReportRow]:
    return [row for key, row in rows.items() if key not in others]


def _increasing(places: Sequence[int]) -> Iterator[int]:
    """Yield a longest increasing subsequence, its last first (Schensted 1961)."""
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


def _beside(
    columns: Sequence[Column], then: ReportRow, now: ReportRow, place_then: int, place_now: int, *, moved: bool
) -> RowChange:
    differences = tuple(_differences(columns, then, now))
    change: Change = "moved" if moved else "changed" if differences else "same"
    return RowChange(change, then, now, place_then, place_now, differences)


def _differences(columns: Sequence[Column], then: ReportRow, now: ReportRow) -> Iterator[str]:
    for column in columns:
        if column.name in then.values:
            before, after = cell_text(column, then[column.name]), cell_text(column, now[column.name])
            if before != after:
                yield f"{column.label}: {before or '–'} → {after or '–'}"


def _farthest(one: RowChange) -> tuple[bool, int]:
    moved = one.change == "moved"
    return not moved, -abs((one.place_then or 0) - (one.place_now or 0)) if moved else 0
