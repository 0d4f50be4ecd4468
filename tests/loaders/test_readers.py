"""Files as people send them: what is read, and the one sentence when it cannot be."""

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from loaders.readers import LONGEST_LINE, read
from loaders.result import LoadAborted, RowProblem
from loaders.rows import SourceRow


def rows_of(path: Path) -> list[Any]:
    """Return the rows of the only table, plain ones as dicts."""
    (table,) = read(path, lambda _: None)
    return [dict(row) if isinstance(row, SourceRow) else row for row in table.rows]


def refusal(path: Path) -> str:
    with pytest.raises(LoadAborted) as refused:
        for table in read(path, lambda _: None):
            list(table.rows)
    return str(refused.value)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    def write(name: str, content: bytes | str) -> Path:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / name

    return write


def book(path: Path, fill: Callable[[Any, Any], None]) -> Path:
    with xlsxwriter.Workbook(path) as workbook:
        fill(workbook, workbook.add_worksheet("agencies"))
    return path


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("id,name\n1,Élysée\n".encode(), "UTF-8, cells separated by commas"),
        ("id;name\n1;Élysée\n".encode("latin-1"), "Windows-1252, cells separated by semicolons"),
        ("id\tname\n1\tÉlysée\n".encode("utf-8-sig"), "UTF-8 with a byte order mark, cells separated by tabs"),
        ("id|name\r\n1|Élysée\r\n".encode("utf-16"), "UTF-16, cells separated by vertical bars"),
        (b"id,name\n" + b"0,x\n" * 400_000 + "1,Élysée\n".encode("latin-1"), "Windows-1252"),
    ],
    ids=["utf-8", "latin-1", "mark", "utf-16", "latin-1 late in the file"],
)
def test_text_in_any_encoding_reads_the_same_and_what_was_found_is_told(
    file: Callable[..., Path], content: bytes, found: str
) -> None:
    told: list[str] = []
    (table,) = read(file("a.csv", content), told.append)
    assert list(table.rows)[-1] == {"id": "1", "name": "Élysée"}
    assert "a.csv" in told[0] and found in told[0]


def test_a_row_knows_the_line_on_which_it_begins(file: Callable[..., Path]) -> None:
    (table,) = read(file("a.csv", 'id,name\n\n1,"two\nlines"\n,\n2,x\n'), lambda _: None)
    assert [(row.file, row.number) for row in table.rows if isinstance(row, SourceRow)] == [("a.csv", 3), ("a.csv", 6)]


def test_white_space_around_a_cell_is_no_part_of_it(file: Callable[..., Path]) -> None:
    assert rows_of(file("a.csv", "id , name\n F1 ,  x y \n")) == [{"id": "F1", "name": "x y"}]


def test_a_row_with_too_few_or_too_many_cells_is_a_problem_of_its_own(file: Callable[..., Path]) -> None:
    rows = rows_of(file("a.csv", "id,name\n1\n2,b,c\n3,c,,\n"))
    assert [(row.code, row.row) for row in rows if isinstance(row, RowProblem)] == [("RAGGED", 2), ("RAGGED", 3)]
    assert rows[-1] == {"id": "3", "name": "c"}, "empty cells at the end are what spreadsheets leave behind"


def test_a_missing_column_names_file_column_and_what_is_there(file: Callable[..., Path]) -> None:
    (table,) = read(file("a.csv", "id,nama\n1,x\n"), lambda _: None)
    (row,) = table.rows
    assert isinstance(row, SourceRow)
    with pytest.raises(LoadAborted, match=r"a\.csv has no column 'name'\. Its columns are: id, nama\."):
        row["name"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a.csv is empty."),
        (b"\n\n", "has no header row"),
        (b"id,name,id\n1,x,2\n", "has the column 'id' twice. Rename or remove one. The columns are: id, name, id."),
        (b"id,,name\n1,x,2\n", "column 2 has no name"),
        (b"id,name\n1,\0x\n", "line 2 contains NUL characters"),
        (b"id,name\n1," + b"x" * LONGEST_LINE, f"line 2 is longer than {LONGEST_LINE:,} characters"),
        (b'id,name\n1,"' + b"x\n" * 200_000, "Check for a missing quotation mark."),
        (b"id,name\n" + (b'"' + b"x" * 100_000 + b'\n",') * 60, "the row is longer than 5,000,000 characters"),
        (",".join(f"c{number}" for number in range(20_000)).encode(), "a.csv has 20,000 columns"),
    ],
    ids=["empty", "blank", "twice", "nameless", "NUL", "long line", "open quotation", "long row", "columns"],
)
def test_a_broken_text_table_is_refused_in_one_sentence(
    file: Callable[..., Path], content: bytes, sentence: str
) -> None:
    assert sentence in refusal(file("a.csv", content))


def test_a_line_without_end_does_not_fill_the_memory(file: Callable[..., Path]) -> None:
    path = file("a.csv", b"id,name\n1," + b"x" * 200_000_000)
    tracemalloc.start()
    assert "longer than" in refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def test_what_is_no_file_or_of_no_known_format_is_refused(tmp_path: Path, file: Callable[..., Path]) -> None:
    assert "is a directory, not a file" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "none.csv")
    assert "Supported formats: .csv" in refusal(file("a.pdf", "x"))


def test_json_as_a_list_under_one_name_and_by_lines_reads_the_same(file: Callable[..., Path]) -> None:
    entries = [{"id": "1", "tags": ["a", "b"], "size": 2.5}, {"id": " 2 "}]
    expected = [entries[0], {"id": "2"}]
    assert rows_of(file("a.json", json.dumps(entries))) == expected
    assert rows_of(file("b.json", json.dumps({"rows": entries}))) == expected
    assert rows_of(file("c.jsonl", "\n\n".join(map(json.dumps, entries)))) == expected


def test_a_json_row_need_not_have_every_name(file: Callable[..., Path]) -> None:
    (table,) = read(file("a.json", '[{"id": 1}]'), lambda _: None)
    (row,) = table.rows
    assert isinstance(row, SourceRow)
    assert row["name"] is None


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", '[{"id": 1}, {"id"', "a.json is not valid JSON"),
        ("a.json", "[" * 100_000, "a.json"),
        ("a.json", '"text"', "must contain one list of rows"),
        ("a.json", '{"count": 1, "rows": {"a": []}}', "must contain one list of rows"),
        ("a.json", '{"rows": [{"id": "1"}], "more": []}', "contains more than one list of rows (another one is more)"),
        ("a.json", '[{"id": "1"}, {"id": "2", "id": "3"}]', "a.json, row 2: the key id occurs twice"),
        ("a.json", '[{"id": "1", "x": {"a": 1, "a": 2}}]', "the key a occurs twice"),
        ("a.json", '{"rows": [], "rows": []}', "the key rows occurs twice"),
        ("a.json", b'[{"id":\n"\xe9"}]', "a.json, line 2, column 2: the text is not valid UTF-8"),
        ("a.json", '[{"id": ' + "9" * 5_000 + "}]", "a.json is not valid JSON"),
        ("a.json", '[{"id": NaN}]', "a.json is not valid JSON"),
        ("a.json", '[{"id": "' + "x" * 11_000_000 + '"}]', "a row is longer than 10,000,000 bytes"),
        ("a.jsonl", '{"id": "1", "id": "1"}', "row 1: the key id occurs twice"),
        ("a.jsonl", "[" * 500 + "]" * 500, "a.jsonl is nested more than 100 levels deep"),
        ("a.jsonl", "[" * 100_000, "line 1 is not valid JSON"),
        ("a.jsonl", '{"id": ' + "9" * 5_000 + "}", "line 1 is not valid JSON"),
        ("a.jsonl", b'{"id": "\xe9"}', "line 1, column 9: the text is not valid UTF-8"),
        ("a.jsonl", '{"id": 1}\n{', "line 2 is not valid JSON"),
    ],
)
def test_broken_json_is_refused_in_one_sentence(
    file: Callable[..., Path], name: str, content: bytes | str, sentence: str
) -> None:
    assert sentence in refusal(file(name, content))


@pytest.mark.parametrize(
    "content",
    [
        '{"count": 1, "rows": [{"id": "1"}]}',
        '{"rows": [{"id": "1"}], "count": 1}',
        '{"meta": {"a": [[1]]}, "rows": [{"id": "1"}]}',
    ],
)
def test_the_order_of_names_in_json_does_not_matter(file: Callable[..., Path], content: str) -> None:
    assert rows_of(file("a.json", content)) == [{"id": "1"}]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("id,name\n1,Élysée\n2,x".encode() + b"\xe9y\n", "line 3, column 4: the text is not valid UTF-8"),
        (
            b"id,name\n2,x\xe9y\n" + b"3,z\n" * 500_000 + "1,É\n".encode(),
            "line 2, column 4: the text is not valid UTF-8",
        ),
        ("id,É\n1,2".encode() + b"\xc3", "line 2, column 4: the text is not valid UTF-8"),
        (b"id,name\n2,x\x81y\n", "line 2, column 4: the text is not valid Windows-1252"),
        ("id,name\n2,é\n".encode("utf-16")[:-1], "the text is not valid UTF-16"),
        ("id,name\n2,x\ufffdy\n", "line 2, column 4: a character was lost when"),
    ],
    ids=["one byte of another", "late in the file", "cut off", "no character", "half of one", "lost before"],
)
def test_text_that_is_not_what_it_seems_is_refused_with_line_and_column(
    file: Callable[..., Path], content: bytes | str, place: str
) -> None:
    assert place in refusal(file("a.csv", content))


def test_what_is_no_object_is_a_problem_of_its_own(file: Callable[..., Path]) -> None:
    rows = rows_of(file("a.json", '[1, {"id": "2"}]'))
    assert (rows[0].code, rows[0].row) == ("NO_OBJECT", 1)
    assert rows[1] == {"id": "2"}


def test_a_sheet_gives_dates_the_values_of_formulas_and_its_row_numbers(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "since", "size", "share"])
        sheet.write(2, 0, " 007 ")
        sheet.write_datetime(2, 1, datetime(2026, 12, 31), workbook.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        sheet.write_formula(2, 2, "=1+2", None, 3)
        sheet.write_formula(2, 3, "=1/0", None, "#DIV/0!")

    (table,) = read(book(tmp_path / "a.xlsx", fill), lambda _: None)
    (row,) = table.rows
    assert row == {"id": "007", "since": date(2026, 12, 31), "size": 3.0, "share": ""}
    assert isinstance(row, SourceRow)
    assert (table.name, row.file, row.number) == ("agencies", "a.xlsx, sheet agencies", 3)


def test_merged_cells_count_for_the_first_and_that_is_told(tmp_path: Path) -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "sector"])
        sheet.write_column(1, 0, ["1", "2"])
        sheet.merge_range(1, 1, 2, 1, "health")

    told: list[str] = []
    (table,) = read(book(tmp_path / "a.xlsx", fill), told.append)
    assert list(table.rows) == [{"id": "1", "sector": "health"}, {"id": "2", "sector": ""}]
    assert "merged cells" in told[0]


def test_hidden_empty_and_guide_sheets_are_no_tables(tmp_path: Path) -> None:
    def fill(workbook: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["id"])
        workbook.add_worksheet("guide").write(0, 0, "how to")
        workbook.add_worksheet("empty")
        hidden = workbook.add_worksheet("codes")
        hidden.write(0, 0, "x")
        hidden.hide()

    assert [table.name for table in read(book(tmp_path / "a.xlsx", fill), lambda _: None)] == ["agencies"]


def test_a_spreadsheet_that_unpacks_to_too_much_or_is_none_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/a.xml", "w", force_zip64=True) as out,
    ):
        for _ in range(501):
            out.write(bytes(1_000_000))
    assert "unpacks to more than" in refusal(bomb)
    (tmp_path / "text.xlsx").write_text("id,name\n")
    assert "is not a valid XLSX file" in refusal(tmp_path / "text.xlsx")
    with zipfile.ZipFile(tmp_path / "other.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    assert "cannot be read as a spreadsheet" in refusal(tmp_path / "other.xlsx")
