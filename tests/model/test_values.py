"""Numbers as people write them: read as the page or the source has them, refused where they can mean two."""

import random
import re
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from xlsxwriter import Workbook

from registry.database.driver import Cypher, Store
from registry.i18n import LANGUAGES, exact, number, use_language
from registry.model.values import InvalidValue, Number, Numeral
from tests.support.actors import HEADER as AS
from tests.support.sources import City
from tests.web.forms.test_records import city as town
from tests.web.forms.test_records import form, held, register, send, served

__all__ = ["held", "served", "town"]
NO = "no"
DAY = datetime(2026, 12, 31)  # noqa: DTZ001 # a sheet knows no time zone


def read(text: str) -> object:
    try:
        return Number.clean(text)
    except InvalidValue:
        return NO


@pytest.mark.parametrize(
    ("text", "undeclared", "english", "indonesian"),
    [
        ("1250", 1250, 1250, 1250),
        ("12.5", 12.5, 12.5, NO),
        ("12,5", 12.5, NO, 12.5),
        ("0.125", 0.125, 0.125, NO),
        ("1250.125", 1250.125, 1250.125, NO),
        ("1.250", NO, 1.25, 1250),
        ("1,250", NO, 1250, 1.25),
        ("1.250,5", 1250.5, NO, 1250.5),
        ("1,250.5", 1250.5, 1250.5, NO),
        ("1.250.000", 1250000, NO, 1250000),
        ("1 250", 1250, 1250, 1250),
        ("−3", -3, -3, -3),
        ("1e3", 1000, 1000, 1000),
        ("1_000", NO, NO, NO),
        ("1 2", NO, NO, NO),
        ("٣", NO, NO, NO),
        ("inf", NO, NO, NO),
        ("1e999", NO, NO, NO),
        ("  ", None, None, None),
    ],
)
def test_a_number_is_read_in_its_notation_and_without_one_only_if_it_has_one_meaning(
    text: str, undeclared: object, english: object, indonesian: object
) -> None:
    assert [read(text), read(Numeral(text, "en")), read(Numeral(text, "id"))] == [undeclared, english, indonesian]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_shown_can_be_typed(language: str) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    draw = random.Random(seed)  # no secret
    values = [draw.uniform(-1, 1) * 10 ** draw.randint(-12, 15) for _ in range(2_000)]
    values += [round(draw.uniform(0, 1e7), draw.randint(0, 3)) for _ in range(2_000)]
    values += [0.0, 1e300, 5e-324, 1234567.0, 1.125, 1250, 10**20]
    with use_language(language):
        for value in values:
            assert Number.clean(Numeral(exact(value), language)) == value


def test_a_number_of_any_size_is_shown() -> None:
    with use_language("id"):
        assert number(1e300).startswith("1.000.") and number(10**40).startswith("10.000.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_holds_the_number_that_its_record_shows_and_takes_it_back(
    town: httpx.Client, held: Store, language: str
) -> None:
    thousands, point = {"en": (",", "."), "id": (".", ",")}[language]
    headers = {AS: "sari", "Accept-Language": language}
    typed, stored = f"1{thousands}250{point}125", "MATCH (n:Resource) RETURN n.capacity, n.version"
    town.headers["Accept-Language"] = language
    try:
        path = register(town, **{"p-capacity": typed})
        assert held.read(Cypher(stored)) == [[1250.125, 1]]
        assert typed in town.get(path, headers=headers).text
        fields = form(town, f"{path}/edit", "sari")
        assert (fields["p-capacity"], fields["numbers"]) == (typed, language)
        assert send(town, f"{path}/edit", "sari", {**fields, "p-unit": "kursi"}).status_code == 303
        assert held.read(Cypher(stored)) == [[1250.125, 2]]
        wrong = send(
            town, f"{path}/edit", "sari", {**form(town, f"{path}/edit", "sari"), "p-capacity": f"12{thousands}5"}
        )
        assert wrong.status_code == 422 and f'value="12{thousands}5"' in wrong.text
    finally:
        town.headers["Accept-Language"] = "en"


def test_a_form_that_was_filled_in_before_the_language_changed_means_what_it_meant(
    town: httpx.Client, held: Store
) -> None:
    path = register(town, **{"p-capacity": "3"})
    fields = {**form(town, f"{path}/edit", "sari"), "p-capacity": "1.250"}
    answer = town.post(f"{path}/edit", data={**fields, "do": "save"}, headers={AS: "sari", "Accept-Language": "id"})
    assert answer.status_code == 303
    assert held.read(Cypher("MATCH (n:Resource) RETURN n.capacity")) == [[1.25]]


@pytest.mark.parametrize(
    ("numbers", "cell", "capacity"),
    [
        ("", "1.250", None),
        ("", "12.5", 12.5),
        ("", "1250", 1250),
        ("id", "1.250", 1250),
        ("en", "1.250", 1.25),
        ("id", "12.5", None),
    ],
)
def test_a_source_says_how_its_numbers_are_written(
    city: City, store: Store, numbers: str, cell: str, capacity: float | None
) -> None:
    city.declare(f'numbers = "{numbers}"\n' if numbers else "")
    city.write("resources", f"id,name,kind,capacity\nc:r,Hall,facility,{cell}\n")
    outcome = city.load()
    assert bool(outcome.refused) == (capacity is None)
    assert store.read(Cypher("MATCH (n:Resource) RETURN n.capacity")) == ([] if capacity is None else [[capacity]])
    if capacity is None:
        (problem,) = outcome.problems
        assert (problem.file, problem.row, problem.field, problem.value) == ("resources.csv", 2, "capacity", cell)


def test_cells_that_are_no_text_are_problems_of_their_cell(city: City, tmp_path: Path) -> None:
    with Workbook(tmp_path / "all.xlsx") as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("areas")
        sheet.write_row(0, 0, ["id", "name", "scheme", "code", "label_en", "valid_from"])
        sheet.write_row(1, 0, ["a:1", "Depok", "kemendagri", 32.70, True])
        sheet.write_row(2, 0, ["a:2", "Beji", 1.10, "32.76"])
        sheet.write_datetime(2, 4, DAY, day)
        sheet.write_datetime(2, 5, DAY, day)
        sheet.write_row(3, 0, [7, "Limo", "kemendagri", "32.76"])
    outcome = city.load(from_path=tmp_path / "all.xlsx")
    assert outcome.refused
    assert {(one.cell, one.field, one.value) for one in outcome.problems} == {
        ("D2", "code", "32.7"),
        ("E2", "label_en", "True"),
        ("C3", "scheme", "1.1"),
        ("E3", "label_en", "2026-12-31"),
        ("A4", "id", "7.0"),
    }
    assert all(one.rule == "text" and "format the cell" in one.message for one in outcome.problems)
    assert all(re.fullmatch(r"all\.xlsx, sheet areas", one.file) for one in outcome.problems)


@pytest.mark.parametrize("value", ['["a"]', '{"a": 1}', "1.10", "true"])
def test_json_that_is_no_text_is_a_problem_of_its_field(city: City, value: str) -> None:
    (city.folder / "agencies.json").write_text(f'[{{"kind": "other", "acronym": {value}, "id": "c:1", "name": "A"}}]')
    outcome = city.load()
    assert [(one.code, one.row, one.field) for one in outcome.problems] == [("UNFIT", 1, "acronym")] and outcome.refused


def test_a_character_that_was_lost_before_is_refused(city: City) -> None:
    (city.folder / "agencies.json").write_text('[{"kind": "other", "id": "c:1", "name": "A\\ufffd"}]')
    assert [(one.code, one.field) for one in city.load().problems] == [("UNFIT", "name")]
