"""Many records from one table: looked at first, loaded as a whole, refused where it is none."""

import html
import io
import re
from typing import Any

import httpx
import pytest
import xlsxwriter
from python_calamine import load_workbook

from registry.database.driver import Cypher, Store
from tests.support.actors import HEADER as AS
from tests.support.hostile_sheets import HOSTILE
from tests.web.forms.test_records import city, held, register, served

__all__ = ["city", "held", "served"]
PATH = "/register/resources/table"


def look(
    client: httpx.Client, content: bytes | str, name: str = "t.csv", who: str = "sari", **more: str
) -> httpx.Response:
    raw = content.encode() if isinstance(content, str) else content
    return client.post(PATH, files={"file": (name, raw)}, data=more, headers={AS: who})


def load(client: httpx.Client, page: str, who: str = "sari") -> httpx.Response:
    held = {
        name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    }
    return client.post(PATH, files={name: (None, value) for name, value in held.items()}, headers={AS: who})


def resources(store: Store) -> list[Any]:
    return store.read(Cypher("MATCH (n:Resource) RETURN n.id, n.name, n.status, n.capacity ORDER BY n.id"))


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return file.getvalue()


def test_an_empty_table_is_there_to_fill_in(city: httpx.Client) -> None:
    page = city.get(PATH, headers={AS: "sari"})
    assert page.status_code == 200 and f'href="{PATH}.xlsx"' in page.text
    heads = city.get(f"{PATH}.csv", headers={AS: "sari"}).text.splitlines()[0]
    assert heads.lstrip("\ufeff").startswith("id,name,")
    book = load_workbook(io.BytesIO(city.get(f"{PATH}.xlsx", headers={AS: "sari"}).content))
    assert {"resources", "resources.users"} <= set(book.sheet_names)
    assert city.get(f"{PATH}.pdf", headers={AS: "sari"}).status_code == 404


def test_a_table_is_looked_at_and_then_loaded(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-name": "Mobil", "p-unit": "unit"})
    known = path.rpartition("/")[2]
    text = f"id,name,kind,capacity,owners\n{known},,,12,perpus\naula:1,Aula,facility,250,dinkes; perpus\n,Tenda “besar”,equipment,,\n"
    page = look(city, text)
    assert page.status_code == 200 and "New drafts: 2. Changed: 1. Unchanged: 0." in page.text
    assert len(resources(held)) == 1
    done = load(city, page.text)
    assert done.status_code == 303
    rows = {row[1]: row for row in resources(held)}
    assert set(rows) == {"Mobil", "Aula", "Tenda “besar”"} and rows["Aula"][2:] == ["draft", 250.0]
    assert rows["Mobil"][3] == 12.0
    owners = held.read(Cypher("MATCH (a:Agency)-[:OWNS]->(n:Resource) RETURN n.name, a.id ORDER BY n.name, a.id"))
    assert owners == [["Aula", "dinkes"], ["Aula", "perpus"], ["Mobil", "dinkes"], ["Mobil", "perpus"]]
    assert load(city, page.text).status_code == 303 and len(resources(held)) == 3


def test_a_workbook_holds_links_with_their_properties(city: httpx.Client, held: Store) -> None:
    book = workbook(
        {
            "resources": [["id", "name", "kind"], ["aula:1", "Aula", "facility"]],
            "resources.users": [["resource", "agency", "role"], ["aula:1", "perpus", "first"]],
        }
    )
    page = look(city, book, "t.xlsx")
    assert load(city, page.text).status_code == 303
    assert held.read(Cypher("MATCH (:Agency {id: 'perpus'})-[e:USES]->(:Resource) RETURN e.role")) == [["first"]]


def test_problems_stand_at_their_rows_and_nothing_is_loaded(city: httpx.Client, held: Store) -> None:
    text = "id,name,kind,capacity,steward,owners\n,Aula,facility,many,,\n,Tenda,tent,1,perpus,nobody\n,Kursi,equipment,1,,\n"
    page = look(city, text)
    assert page.status_code == 422 and "2 rows have problems" in page.text
    rows = re.findall(r'rowheader">(\d+)</th>.*?heading="Field">(.*?)</td>', page.text)
    assert rows[0] == ("2", "Capacity") and {("3", "Kind"), ("3", "Steward"), ("3", "Owners")} <= set(rows)
    assert not any(row == "4" for row, _field in rows) and 'name="rows"' not in page.text
    assert resources(held) == []


def test_a_similar_name_is_of_a_record_or_of_a_row_of_the_file(city: httpx.Client, held: Store) -> None:
    known = register(city, **{"p-name": "Mobil Dinkes", "p-unit": "unit"}).rpartition("/")[2]
    rows = [
        f"{known},Tenda besar,",
        *(f",{one},facility" for one in ("Aula kantor", "Mobil Dinas Kesehatan", "Aula ktr.", "Tenda bsar")),
    ]
    text = "\n".join(["id,name,kind", *rows])
    page = look(city, text)
    cells = re.findall(r'rowheader">(\d+)</th>.*?"Value">(.*?)</td>.*?"Problem">(.*?)</td>', page.text)
    told = [tuple(map(html.unescape, row)) for row in cells]
    row = "Row {} of this file has a similar name: “{}”. Remove one of the two rows, or confirm that these are different records."
    record = (
        "A record with a similar name exists: “Mobil Dinkes”. Use that record, or confirm that this is a different one."
    )
    assert told == [
        ("4", known, record),
        ("5", "Aula ktr.", row.format(3, "Aula kantor")),
        ("6", "Tenda bsar", row.format(2, "Tenda besar")),
    ]
    assert look(city, text, another="yes").status_code == 200


@pytest.mark.parametrize(
    ("sheets", "told"),
    [
        ({"resources": [["id", "name", "kind"], ["aula:1", 32.70, "facility"]]}, ("B2", "Name", "32.7")),
        ({"resources": [["id", "name", "kind"], [32.70, "Aula", "facility"]]}, ("A2", "Id", "32.7")),
        ({"resources": [["id", "name", "kind"], ["aula:1", "Aula", True]]}, ("C2", "Kind", "True")),
        ({"resources": [["id", "name", "kind", "owners"], ["aula:1", "Aula", "facility", 7]]}, ("D2", "Owners", "7.0")),
        (
            {
                "resources": [["id", "name", "kind"], ["aula:1", "Aula", "facility"]],
                "resources.users": [["resource", "agency", "role"], ["aula:1", "perpus", 1.10]],
            },
            ("resources.users, C2", "Role", "1.1"),
        ),
    ],
)
def test_a_number_in_a_text_column_is_a_problem_of_its_cell(
    city: httpx.Client, held: Store, sheets: dict[str, list[list[Any]]], told: tuple[str, str, str]
) -> None:
    page = look(city, workbook(sheets), "t.xlsx")
    rows = re.findall(r'rowheader">(.*?)</th>.*?heading="Field">(.*?)</td>.*?heading="Value">(.*?)</td>', page.text)
    assert page.status_code == 422 and rows == [told] and "ormat the cell or the column as text" in page.text
    assert resources(held) == []


@pytest.mark.parametrize(
    ("sheets", "place"),
    [
        ({"resources": [["id", "name", "kind"], ["aula:1", "Aula", "data"], ["aula:1", "Tenda", "data"]]}, "3"),
        (
            {
                "resources": [["id", "name", "kind"], ["aula:1", "Aula", "data"]],
                "resources.users": [
                    ["resource", "agency", "role"],
                    ["aula:1", "perpus", "first"],
                    ["aula:1", "perpus", "reuse"],
                ],
            },
            "resources.users, 3",
        ),
    ],
)
def test_two_rows_about_the_same_are_refused_and_both_named(
    city: httpx.Client, held: Store, sheets: dict[str, list[list[str]]], place: str
) -> None:
    page = look(city, workbook(sheets), "t.xlsx")
    assert page.status_code == 422 and f'rowheader">{place}</th>' in page.text
    assert "Rows 2 and 3 describe the same record or link" in page.text and 'name="rows"' not in page.text
    assert resources(held) == []


def test_a_number_of_a_text_table_that_can_mean_two_is_a_problem(city: httpx.Client, held: Store) -> None:
    page = look(city, "id,name,kind,capacity\naula:1,Aula,facility,1.250\n")
    assert page.status_code == 422 and "It can mean 1.25 or 1250" in page.text
    page = look(city, 'id,name,kind,capacity\naula:1,Aula,facility,1250\naula:2,Tenda,equipment,"12,5"\n')
    assert load(city, page.text).status_code == 303
    assert [row[3] for row in resources(held)] == [1250.0, 12.5]


def test_a_table_changes_neither_status_nor_what_is_not_ones_own(city: httpx.Client, held: Store) -> None:
    path = register(city)
    known = path.rpartition("/")[2]
    page = look(city, f"id,name,kind,status\n{known},Aula 2,facility,published\n")
    assert load(city, page.text).status_code == 303
    assert resources(held)[0][1:3] == ["Aula 2", "draft"]
    stolen = look(city, f"id,name,kind\n{known},Milik kami,facility\n", who="tono")
    assert (
        stolen.status_code == 422
        and "This identifier cannot be used. Choose another identifier, or leave the field empty." in stolen.text
    )
    forged = city.post(PATH, files={"rows": (None, '[{"sheet": 1}]')}, headers={AS: "sari"})
    assert forged.status_code == 422 and "Upload it again" in forged.text
    assert look(city, "id,name\n", who="dewi").status_code == 403


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "Choose a file first."),
        ("t.pdf", b"%PDF", "Choose a .csv or .xlsx file."),
        ("t.xlsx", b"no zip", "not a valid XLSX"),
        ("t.csv", b"id,name,colour\nx:1,A,red\n", "colour"),
        ("t.csv", b"id,name,kind\n" + b",A,data\n" * 2_001, "at most 2,000 rows"),
        ("t.csv", b"id\n" + b"x" * 5_000_001, "at most 5 MB"),
    ],
    ids=["none", "format", "zip", "column", "rows", "bytes"],
)
def test_what_is_no_table_is_refused_in_a_sentence(city: httpx.Client, name: str, content: bytes, says: str) -> None:
    page = look(city, content, name)
    assert page.status_code == 422 and says in html.unescape(page.text)


@pytest.mark.parametrize(
    "name", ["A1 and XFD1048576", "unpacks to 60 MB", "one long string in every cell", "with a password"]
)
def test_a_hostile_spreadsheet_is_refused_and_the_server_lives(city: httpx.Client, held: Store, name: str) -> None:
    make, sentence = HOSTILE[name]
    page = look(city, make(), "t.xlsx")
    assert page.status_code == 422 and sentence in html.unescape(page.text)
    assert look(city, "id,name,kind\n,Aula,facility\n").status_code == 200


@pytest.mark.parametrize(
    "rows",
    [
        '[{"sheet": "resources", "row": 1, "properties": {"name": NaN}}]',
        '[{"sheet": "resources", "row": 1, "properties": {"name": "A", "capacity": Infinity}}]',
        '[{"sheet": "resources", "row": 1, "id": "\\ud800", "properties": {"name": "A"}}]',
        '[{"sheet": "x", "row": 1, "id": "a b", "properties": {}, "links": {"owners": {"dinkes": {"role": "x"}}}}]',
        '[{"sheet": "x", "row": 1, "id": "abc", "properties": {}, "links": {"nope": {"abc": {"role": 1}}}}]',
        '[{"sheet": "x", "row": 1e400}]',
        "{}",
    ],
)
def test_rows_that_were_made_up_on_the_way_are_refused(city: httpx.Client, held: Store, rows: str) -> None:
    answer = city.post(PATH, files={"rows": (None, rows)}, headers={AS: "sari"})
    assert answer.status_code == 422
    assert resources(held) == []


MULTIPART = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (PART % (b"rows", b"[]") + b"--x--", "application/x-www-form-urlencoded", 415),
        (PART % (b"rows", b"[]") + b"--x--", "multipart/form-data", 400),
        (b"no parts", MULTIPART, 400),
        (PART.replace(b"name=", b"no=") % (b"rows", b"[]") + b"--x--", MULTIPART, 400),
        (PART % (b"f", b"") * 11 + b"--x--", MULTIPART, 400),
        (PART.replace(b'"\r', b'"; filename="t.csv"\r') % (b"file", b"id\n") * 2 + b"--x--", MULTIPART, 400),
        (
            PART % (b"rows", b'[{"sheet": "x", "row": 1, "properties": {"name": "\xe9", "kind": "data"}}]') + b"--x--",
            MULTIPART,
            422,
        ),
    ],
    ids=["type", "boundary", "parts", "name", "fields", "files", "not UTF-8"],
)
def test_a_broken_multipart_body_is_refused(
    city: httpx.Client, held: Store, body: bytes, content_type: str, status: int
) -> None:
    headers = {AS: "sari", "Content-Type": content_type}
    assert city.post(PATH, content=body, headers=headers).status_code == status
    assert resources(held) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id,name,colour\nx:1,A,red\n", "model tidak memiliki kolom 'colour' pada tabel ini. Yang tersedia"),
        (b"id,name,kinds\nx:1,A,red\n", "Apakah maksud Anda kind?"),
        (b"id,id,name,kind\nx:1,x:1,A,data\n", "memuat kolom 'id' dua kali"),
        (b"id,,kind\nx:1,A,data\n", "kolom 2 tidak bernama"),
        (b"id,name\nx:1,A\n", "tidak memiliki kolom wajib 'kind'"),
        (b"id,name,kind\nx:1,A\n", "Baris ini memiliki 2 sel. Yang diperlukan: 3 sel"),
        (b"\n", "tidak memiliki baris judul"),
    ],
)
def test_a_table_that_is_refused_is_refused_in_the_language_of_the_page(
    city: httpx.Client, content: bytes, says: str
) -> None:
    page = city.post(f"{PATH}?lang=id", files={"file": ("t.csv", content)}, headers={AS: "sari"})
    city.cookies.delete("lang")
    assert page.status_code == 422 and says in html.unescape(page.text), html.unescape(page.text)[:3000]
