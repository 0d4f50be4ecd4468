"""Templates: what they hold is what the loader takes."""

from pathlib import Path

import pytest
from python_calamine import load_workbook

from loaders.readers import read
from loaders.result import LoadAborted
from loaders.tables import columns_of, guide, map_table, table_names, tables_of, write_template
from registry.model.codelists import code_list

KINDS = [name for name in table_names() if "." not in name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_every_template_is_taken_by_the_loader_as_it_is(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"{kind}{ending}"
    write_template(kind, path)
    tables = read(path, lambda _: None)
    assert [table.name for table in tables] == (tables_of(kind) if ending == ".xlsx" else [kind])
    for table in tables:
        map_table(table)
        assert table.columns == tuple(columns_of(table.name))
        assert not list(table.rows)


def test_the_guide_explains_every_column_and_every_code_in_both_languages(tmp_path: Path) -> None:
    write_template("Agency", tmp_path / "a.xlsx")
    rows = load_workbook(tmp_path / "a.xlsx").get_sheet_by_name("guide").to_python()[1:]
    assert [row[1] for row in rows] == list(columns_of("agencies"))
    (kind,) = (row for row in rows if row[1] == "kind")
    assert kind[3] == "yes" and "department: Dinas / Department" in str(kind[4])


def test_every_column_has_an_example_that_fits() -> None:
    for table in table_names():
        for _, column, what, _, codes, example in guide([table]):
            one = columns_of(table)[column]
            assert what and example, f"{table}.{column}"
            if codes:
                assert example in code_list(one.codes)  # type: ignore[union-attr]
            elif hasattr(one, "value"):
                one.value.clean(example)  # type: ignore[union-attr]


def test_codes_are_chosen_from_a_list(tmp_path: Path) -> None:
    write_template("services", tmp_path / "a.xlsx")
    codes = load_workbook(tmp_path / "a.xlsx").get_sheet_by_name("codes").to_python()
    assert {row[0] for row in codes} >= {"open", "restricted", "closed"}


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadAborted, match=r"Did you mean agency\?"):
        write_template("agencyy", tmp_path / "a.csv")
    with pytest.raises(LoadAborted, match=r"must be a \.csv or \.xlsx file"):
        write_template("agency", tmp_path / "a.ods")
    (tmp_path / "full.csv").write_text("id\nx:1\n")
    with pytest.raises(LoadAborted, match="already exists"):
        write_template("agency", tmp_path / "full.csv")
    assert (tmp_path / "full.csv").read_text() == "id\nx:1\n"
    with pytest.raises(LoadAborted, match="cannot be written"):
        write_template("agency", tmp_path / "no" / "a.xlsx")
