"""Two runs of a report are compared row by row, and as few rows as possible are said to have moved."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from registry.analysis.report import Column, ReportRow
from registry.analysis.run_comparison import compare

COLUMNS = (Column("name", "Name", "text", "A name."), Column("n", "Number", "number", "A number."))


def rows(names: str) -> list[ReportRow]:
    return [ReportRow({"name": name, "n": 1}, key=(name,)) for name in names]


def test_rows_that_others_were_put_before_have_not_moved() -> None:
    told = compare(COLUMNS, rows("abcdef"), rows("xabcyef"))
    assert [(one.change, one.row["name"]) for one in told if one.change != "same"] == [
        ("new", "x"),
        ("new", "y"),
        ("gone", "d"),
    ]


def test_one_row_that_went_to_the_end_is_all_that_moved() -> None:
    (moved,) = [one for one in compare(COLUMNS, rows("abcdef"), rows("bcdefa")) if one.change == "moved"]
    assert (moved.row["name"], moved.place_then, moved.place_now) == ("a", 1, 6)


@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")))
def test_every_row_is_compared_once_and_in_order(then: list[str], now: list[str]) -> None:
    told = compare(COLUMNS, rows("".join(then)), rows("".join(now)))
    counts = Counter(one.change for one in told)
    both = sum((Counter(then) & Counter(now)).values())
    assert counts["new"] == len(now) - both
    assert counts["gone"] == len(then) - both
    staying = sorted((one.place_then, one.place_now) for one in told if one.change == "same")
    assert staying == sorted(staying, key=lambda places: places[1] or 0)


@given(st.permutations("abcdefg"))
def test_as_few_rows_as_possible_have_moved(now: list[str]) -> None:
    told = [one for one in compare(COLUMNS, rows("abcdefg"), rows("".join(now))) if one.change == "moved"]
    sizes = (size for size in range(7, 0, -1) for part in combinations(now, size) if list(part) == sorted(part))
    assert len(told) == 7 - next(sizes)


def test_the_row_that_moved_farthest_comes_first() -> None:
    told = compare(COLUMNS, rows("abcdefghijkl"), rows("bcadelfghjki"))
    moved = [(one.row["name"], one.place_then, one.place_now) for one in told if one.change == "moved"]
    assert moved == [("l", 12, 6), ("i", 9, 12), ("a", 1, 3)]
    assert [one.change for one in told] == ["moved"] * 3 + ["same"] * 9


def test_changed_cells_are_named_and_columns_that_were_not_there_are_not() -> None:
    then, same = ReportRow({"name": "a", "n": 1}, key=("a",)), ReportRow({"name": "b"}, key=("b",))
    now = [ReportRow({"name": "b", "n": 5}, key=("b",)), ReportRow({"name": "a", "n": None}, key=("a",))]
    told = {one.row["name"]: one for one in compare(COLUMNS, [then, same], now)}
    assert told["a"].differences == ("Number: 1 → –",) and told["b"].differences == ()
    daily = (COLUMNS[0], replace(COLUMNS[1], changes_daily=True))
    assert {one.change for one in compare(daily, [same, then], now)} == {"same"}
