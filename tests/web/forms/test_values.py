"""What must not hurt: texts that nobody means well with in every field, and tables that are none."""

import io
import itertools
import re
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from registry.database.driver import Cypher, Store
from tests.support.actors import HEADER as AS
from tests.web.forms.test_bulk import PATH, load, look, resources, workbook
from tests.web.forms.test_records import city, form, held, publish, send, served

__all__ = ["city", "held", "publish", "served"]
TEXTS = {
    "script": "<script>alert(1)</script>",
    "attribute": '" autofocus onfocus="alert(1)',
    "template": "{{ 7 * 7 }}{% include 'x' %}",
    "100 KB": "y" * 100_000,
    "control": "a\x00b\x07c\x1b[31m",
    "scripts": "Dinаs Кesehatan ديوان 保健局",
    "right to left": "\u202eaula\u2066\u200f",
    "formula": '=HYPERLINK("https://elsewhere.example")',
}


every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
KINDS = ["resources", "partnerships", "needs", "channels"]
every_form = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize(("text", "kind"), list(zip(TEXTS.values(), itertools.cycle(KINDS), strict=False)), ids=TEXTS)
def test_such_a_text_in_all_fields_is_told_of_at_each_and_shown_as_text(
    city: httpx.Client, kind: str, text: str
) -> None:
    fields = form(city, f"/register/{kind}", "sari")
    filled = {name: value if name == "key" else text for name, value in fields.items()}
    answer = send(city, f"/register/{kind}", "sari", filled)
    if len(text) > 10_000:  # so many of them are more than any form sends
        assert answer.status_code == 413
    else:
        assert answer.status_code == 422 and answer.text.count('class="what"') >= 3
    assert_harmless(answer.text)


@pytest.mark.slow
@every_text
@every_form
def test_such_a_text_in_any_one_field_is_told_of_or_kept_as_text(city: httpx.Client, kind: str, text: str) -> None:
    fields = form(city, f"/register/{kind}", "sari")
    for name in [one for one in fields if one != "key"]:
        answer = send(city, f"/register/{kind}", "sari", {**fields, "p-name": "Aula", name: text})
        assert answer.status_code in (303, 422), (name, answer.text[:300])
        if answer.status_code == 303:
            page = seen(city, answer.headers["location"])
            assert "\x00" not in page and "\x1b" not in page, name
            assert_harmless(page)
        else:
            assert_harmless(answer.text)


def assert_harmless(page: str) -> None:
    assert "<script>alert" not in page and '" autofocus onfocus="alert' not in page and ">49<" not in page


def seen(client: httpx.Client, path: str) -> str:
    page = client.get(path, headers={AS: "sari"})
    assert page.status_code == 200
    return page.text


@every_text
def test_a_table_holds_such_texts_as_texts(city: httpx.Client, held: Store, text: str) -> None:
    quoted = text.replace('"', '""')
    page = look(city, f'id,name,kind,description\n,Aula,facility,"{quoted}"\n')
    assert page.status_code in (200, 422) and "<script>alert" not in page.text
    if page.status_code == 200:
        assert load(city, page.text).status_code == 303
        ((kept,),) = held.read(Cypher("MATCH (n:Resource) RETURN n.description"))
        assert kept == text


def test_formulas_of_a_workbook_are_not_carried_out(city: httpx.Client, held: Store) -> None:
    rows = [["id", "name", "kind"], ["", "=1+1", "facility"], ["", '=HYPERLINK("https://elsewhere.example")', "data"]]
    page = look(city, workbook({"resources": rows}), "t.xlsx")
    assert page.status_code in (200, 422) and "elsewhere.example" not in re.sub(r'value="[^"]*"', "", page.text)
    assert resources(held) == []


def test_a_workbook_with_a_million_empty_rows_is_read_or_refused(city: httpx.Client, held: Store) -> None:
    book = workbook({"resources": [["id", "name", "kind"], ["", "Aula", "facility"]]})
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename.endswith("sheet1.xml"):
                empty = "".join(f'<row r="{row}"><c r="A{row}"/></row>' for row in range(3, 1_000_003)).encode()
                content = content.replace(b"</sheetData>", empty + b"</sheetData>")
            new.writestr(member, content)
    page = look(city, packed.getvalue(), "t.xlsx")
    assert page.status_code in (200, 422)
    if page.status_code == 200:
        assert "New drafts: 1." in page.text
    else:
        assert "unpacks to more" in page.text or "at most 2,000 rows" in page.text


def test_a_file_of_200_megabytes_is_refused_before_all_of_it_is_taken(city: httpx.Client) -> None:
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\nid,name\r\n'
        for _megabyte in range(200):
            sent += 1
            yield b"," * 1_000_000
        yield b"\r\n--x--\r\n"

    headers = {AS: "sari", "Content-Type": "multipart/form-data; boundary=x"}
    try:
        assert city.post(PATH, content=parts(), headers=headers).status_code == 413
    except httpx.TransportError:  # the server hung up
        assert sent < 200
    assert city.get(PATH, headers={AS: "sari"}).status_code == 200
