"""Spreadsheets made to end, fill or confuse whoever reads them, each with the sentence that is due, or none if it is harmless."""

import io
import zipfile
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import xlsxwriter

TOO_MUCH = "takes more memory or time than allowed"
NO_ARCHIVE, UNREADABLE = "is not a valid XLSX file", "cannot be read as a spreadsheet"
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def book(*cells: tuple[int, int], fill: Callable[[Any], None] = lambda _sheet: None) -> bytes:
    """Return a spreadsheet with a value in each of the cells, given as row and column from 0."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as workbook:
        sheet = workbook.add_worksheet("resources")
        fill(sheet)
        for row, column in cells:
            sheet.write(row, column, "name")
    return file.getvalue()


def with_part(name: str, content: bytes | Iterator[bytes], within: bytes = b"") -> bytes:
    """Return a spreadsheet of which one part is another."""
    made, file = zipfile.ZipFile(io.BytesIO(within or book((0, 0)))), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in made.namelist():
            if one != name:
                archive.writestr(one, made.read(one))
        with archive.open(name, "w", force_zip64=True) as part:
            for chunk in [content] if isinstance(content, bytes) else content:
                part.write(chunk)
    return file.getvalue()


def rows(sheet: Any) -> None:
    for number in range(1_500):
        sheet.write_row(number, 0, [f"x:{number}", "Aula", "facility"])


def lying_archive() -> bytes:
    """Return an archive whose directory says that its largest part is small."""
    honest = with_part("xl/media/a.bin", (bytes(1_000_000) for _ in range(60)))
    size = (60_000_000).to_bytes(4, "little")
    return honest.replace(size, (1_000).to_bytes(4, "little"))


def encrypted() -> bytes:
    """Return an archive whose parts say that they need a password."""
    raw = bytearray(book((0, 0)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(mark)
        while at >= 0:
            raw[at + place] |= 1
            at = raw.find(mark, at + 1)
    return bytes(raw)


def sheet(body: str) -> bytes:
    return with_part("xl/worksheets/sheet1.xml", SHEET.format(body).encode())


STRINGS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "A1 and XFD1048576": (lambda: book((0, 0), (1_048_575, 16_383)), "XFD1048576"),
    "a value in XFD1400": (lambda: book((1_399, 16_383), fill=rows), "XFD1400"),
    "A1 and Z1048576": (lambda: book((0, 0), (1_048_575, 25)), "Z1048576"),
    "a sheet whose cells have no addresses": (lambda: sheet("<row><c><v>1</v></c></row>" * 110_000), "A100001"),
    "an address that is none": (lambda: sheet('<row r="1"><c r="A99999999999"><v>1</v></c></row>'), UNREADABLE),
    "unpacks to 60 MB": (
        lambda: with_part("xl/media/a.bin", (bytes(1_000_000) for _ in range(60))),
        "unpacks to more than",
    ),
    "a directory that lies about it": (lying_archive, NO_ARCHIVE),
    "millions of shared strings": (
        lambda: with_part("xl/sharedStrings.xml", chain([STRINGS], repeat(b"<si/>" * 200_000, 45), [b"</sst>"])),
        "",
    ),
    "one long string in every cell": (
        lambda: with_part(
            "xl/sharedStrings.xml",
            STRINGS + b"<si><t>" + b"x" * 30_000 + b"</t></si></sst>",
            within=sheet('<row><c t="s"><v>0</v></c></row>' * 20_000),
        ),
        TOO_MUCH,
    ),
    "one long row": (
        lambda: with_part(
            "xl/sharedStrings.xml",
            STRINGS + b"<si><t>" + b"x" * 30_000 + b"</t></si></sst>",
            within=sheet("<row>" + '<c t="s"><v>0</v></c>' * 50 + "</row>"),
        ),
        "row 1 is longer than 1,000,000",
    ),
    "deep XML": (lambda: sheet("<row>" * 1_000_000), UNREADABLE),
    "entities in entities": (
        lambda: with_part(
            "xl/worksheets/sheet1.xml",
            b'<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
            + SHEET.format("&b;").encode(),
        ),
        UNREADABLE,
    ),
    "cut off": (lambda: book((0, 0), fill=rows)[:9_000], NO_ARCHIVE),
    "a sheet that is cut off": (
        lambda: with_part("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"),
        UNREADABLE,
    ),
    "text": (lambda: b"id,name\n1,x\n", NO_ARCHIVE),
    "nothing but zeros": (lambda: bytes(1_000), NO_ARCHIVE),
    "an archive of something else": (lambda: _archive("a.txt", b"x"), UNREADABLE),
    "with a password": (encrypted, NO_ARCHIVE),
    "as Excel encrypts": (lambda: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5_000), NO_ARCHIVE),
}


def _archive(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()
