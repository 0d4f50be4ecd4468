"""Numbers as people write them: read as the page or the source has them, refused where they can mean two."""

import random
import re
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from xlsxwriter import Workbook

from registry.database.driver import Cypher, Store
from registry.i18n import LANGUAGES, exact, number, use_language
from registry.model.values import (
    Code,
    Date,
    Flag,
    Id,
    Identifiers,
    Instant,
    Integer,
    InvalidValue,
    Number,
    Numeral,
    Prose,
    Text,
    Texts,
    Url,
    Value,
)
from tests.support.actors import HEADER as AS
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sources import City
from tests.web.forms.test_records import city as town
from tests.web.forms.test_records import form, held, register, send, served

__all__ = ["held", "served", "town"]
NO = "no"
DAY = datetime(2026, 12, 31)  # noqa: DTZ001 # a sheet knows no time zone


def read(text: object, value: type[Value] = Number) -> object:
    try:
        return value.clean(text)
    except InvalidValue:
        return NO


@pytest.mark.parametrize(
    ("value", "accepted", "refused"),
    [
        (
            Text,
            {" a \n b ": "a b", "": None, "x" * 500: "x" * 500, 7: "7", 10**100 - 1: "9" * 100, "e\u0301": "é"},
            [
                "x" * 501,
                10**100,
                -(10**100),
                "\x07",
                "\u200b",
                "\u3164",
                "\ufffd",
                1.5,
                True,
                date(2026, 1, 1),
                ["a"],
                {},
            ],
        ),
        (Prose, {" a\nb ": "a\nb", " ": None, "x" * 10_000: "x" * 10_000}, ["x" * 10_001, 1.5]),
        (Code, {" MoU ": "mou", None: None, "x" * 100: "x" * 100}, ["x" * 101]),
        (
            Id,
            {" a:1 ": "a:1", "abc": "abc", "": None, "a" * 100: "a" * 100, "A._:~-": "A._:~-"},
            ["ab", "a" * 101, ".ab", "a b"],
        ),
        (
            Url,
            {
                "https://a.example/x": "https://a.example/x",
                "http://a.example:80/?q=é": "http://a.example:80/?q=é",
                "": None,
            },
            ["a.example", "ftp://a.example", "https://", "https://a.example:80/x y", "http://[1", "mailto:a@b.example"],
        ),
        (Number, {1: 1.0, 1.5: 1.5, None: None, -(10**20): -1e20}, [True, 10**400, float("nan"), float("inf"), [1]]),
        (
            Integer,
            {3.0: 3, "12": 12, 999_999_999: 999_999_999, -999_999_999: -999_999_999, " ": None},
            [1e9, -1e9, 1.5, True],
        ),
        (
            Flag,
            {"Ya": True, "t": False, "y": True, "TIDAK": False, 1: True, 0: False, None: None, " ": None},
            ["perhaps", 2, -1, 0.5, []],
        ),
        (
            Date,
            {
                datetime(2026, 2, 28, 23, 59, tzinfo=UTC): "2026-02-28",
                date(2026, 12, 31): "2026-12-31",
                " 2026-12-31 ": "2026-12-31",
                "2026-12-31T08:00": "2026-12-31",
                "2026-12-31 08:00": "2026-12-31",
                None: None,
                "": None,
            },
            ["2026-02-29", "31-12-2026", "2026-12-31x", 20261231, True],
        ),
        (
            Instant,
            {"2026-11-25T08:00:00+07:00": "2026-11-25T01:00:00.000Z", " ": None, None: None},
            ["yesterday", 5, "2026-13-01T00:00:00Z"],
        ),
        (Texts, {"a; b;a;": ["a", "b"], ("a", "b"): ["a", "b"], ";": None, None: None}, [5.5, ("a", ["b"])]),
        (Identifiers, {"kemendagri:32.76": ["kemendagri:32.76"]}, ["32.76", "a b:1", ":1", "a:"]),
    ],
    ids=lambda given: given.__name__ if isinstance(given, type) else "",
)
def test_what_a_value_accepts_and_refuses(
    value: type[Value], accepted: dict[object, object], refused: list[object]
) -> None:
    assert {raw: read(raw, value) for raw in accepted} == accepted
    assert [type(read(raw, value)) for raw in accepted] == [type(one) for one in accepted.values()]
    assert [raw for raw in refused if read(raw, value) != NO] == []


def test_a_list_has_at_most_a_thousand_texts() -> None:
    texts = [str(number) for number in range(1001)]
    assert Texts.clean(texts[:1000]) == texts[:1000]
    assert read(texts, Texts) == NO and read([*texts[:1000], "0"], Texts) == texts[:1000], "repetitions do not count"


def test_a_refusal_says_what_was_found_in_place_of_text() -> None:
    def told(raw: object) -> str:
        with pytest.raises(InvalidValue) as refused:
            Text.clean(raw)
        assert refused.value.rule == "text"
        return str(refused.value)

    assert told(True).startswith("it is yes or no") and told(1.5).startswith("it is a number")
    assert told(DAY).startswith("it is a date") and told(DAY.time()).startswith("it is a date or a time")
    assert told(["a"]).startswith("it is a list") and told({}).startswith("it is an object")


def test_a_number_of_two_meanings_is_refused_with_both() -> None:
    with pytest.raises(InvalidValue, match=r"it can mean 1\.1250 or 1125:"):
        Number.clean("1.125")
    with pytest.raises(InvalidValue, match=r"it can mean 1\.25 or 1250:"):
        Number.clean("1.250")
    with pytest.raises(InvalidValue) as refused:
        Number.clean(Numeral("x", "id"))
    assert refused.value.rule == "a number such as 1250,5 or 1.250,5"


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
def test_a_number_is_read_in_its_notation_or_if_it_has_one_meaning(
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


def test_a_number_of_a_form_keeps_its_meaning_in_another_language(town: httpx.Client, held: Store) -> None:
    path = register(town, **{"p-capacity": "3"})
    fields = {**form(town, f"{path}/edit", "sari"), "p-capacity": "1.250"}
    answer = town.post(f"{path}/edit", data={**fields, "do": "save"}, headers={AS: "sari", "Accept-Language": "id"})
    assert answer.status_code == 303
    assert held.read(Cypher("MATCH (n:Resource) RETURN n.capacity")) == [[1.25]]


@SLOW_ON_NEO4J
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


@pytest.mark.parametrize("value", ['["a"]', '{"a": 1}', "1.10", "true", '"A\\ufffd"'])
def test_json_that_is_no_text_is_a_problem_of_its_field(city: City, value: str) -> None:
    (city.folder / "agencies.json").write_text(f'[{{"kind": "other", "acronym": {value}, "id": "c:1", "name": "A"}}]')
    outcome = city.load()
    assert [(one.code, one.row, one.field) for one in outcome.problems] == [("UNFIT", 1, "acronym")] and outcome.refused
