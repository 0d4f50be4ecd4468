"""The format `tables`: what follows from the model, and what is refused."""

from collections.abc import Iterable
from typing import Any

import pytest

from loaders.result import LoadAborted
from loaders.rows import SourceRow, Table
from loaders.tables import columns_of, map_table, table_names


def table(name: str, columns: tuple[str, ...], *rows: Iterable[Any]) -> Table:
    return Table(
        name, f"{name}.csv", columns, [SourceRow(zip(columns, row, strict=True), f"{name}.csv", 2) for row in rows]
    )


def given(one: Table) -> list[Any]:
    map_row = map_table(one)
    return [thing for row in one.rows for thing in map_row(row)]  # type: ignore[arg-type]


def refusal(one: Table) -> str:
    with pytest.raises(LoadAborted) as refused:
        map_table(one)
    return str(refused.value)


def test_there_is_a_table_for_each_kind_and_each_link_with_properties() -> None:
    assert {"agencies", "services", "services.providers", "resources.users", "partnerships.parties"} <= set(
        table_names()
    )
    assert not {"runs", "sources", "changes", "agencies.sectors"} & set(table_names())


def test_the_columns_of_a_kind_are_properties_and_plain_links() -> None:
    columns = set(columns_of("services"))
    assert {"id", "name", "steward", "digital_maturity", "sectors", "requires"} <= columns
    assert not {"version", "created", "source", "providers", "required_by"} & columns
    assert list(columns_of("services.providers")) == ["service", "agency", "role"]


def test_a_row_gives_its_record_and_a_tie_for_each_id_once() -> None:
    rows = table("agencies", ("id", "name", "kind", "sectors"), ["a:1", "Health Office", "department", "s:1; s:2;;s:1"])
    assert given(rows) == [
        ("Agency", "a:1", {"id": "a:1", "name": "Health Office", "kind": "department"}, False),
        ("Agency.sectors", "a:1", "s:1", {}),
        ("Agency.sectors", "a:1", "s:2", {}),
    ]


def test_a_row_of_agreements_gives_the_number_of_the_document() -> None:
    values = {"id": "p:1", "name": "Klinik", "instrument": "joint-agreement", "document_number": "119/123/PKS/2026"}
    rows = table("partnerships", tuple(values), list(values.values()))
    assert given(rows) == [("Partnership", "p:1", values, False)]


def test_a_row_of_a_table_of_ties_gives_a_tie() -> None:
    rows = table("services.providers", ("service", "agency", "role"), ["s:1", "a:1", "lead"])
    assert given(rows) == [("Service.providers", "s:1", "a:1", {"role": "lead"})]


def test_an_unknown_table_or_column_is_refused_with_the_nearest() -> None:
    assert "the model has no table 'agency'. Did you mean agencies?" in refusal(table("agency", ("id",)))
    assert "the model has no column 'acronim' in this table. Did you mean acronym?" in refusal(
        table("agencies", ("id", "name", "kind", "acronim"))
    )
    assert "no column 'version'" in refusal(table("agencies", ("id", "name", "kind", "version")))


def test_a_required_column_that_is_missing_is_named_with_what_is_there() -> None:
    assert (
        refusal(table("agencies", ("id", "name")))
        == "agencies.csv lacks the required column 'kind'. Its columns are: id, name."
    )
    assert "lacks the required column 'agency'" in refusal(table("services.providers", ("service", "role")))
    map_table(table("statements", ("id", "scale", "level", "on")))
