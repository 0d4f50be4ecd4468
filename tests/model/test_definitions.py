"""A property is added by one line of the model: pages of the model, schema, filters, templates, loader and store follow."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from python_calamine import load_workbook

from registry.database.driver import ConnectionSettings, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from tests.support.cli import REGISTRY, environment, speaking_to
from tests.support.paths import ROOT

BEHIND = '    acronym: Text = prop("Abbreviation of the name.", summary=True)\n'
LINE = '    staff_count: Integer = prop("How many people work there.", at_least=0)\n'
SOURCE = """\
name = "One line"
publisher = "Us"
licence = "none"
format = "tables"
files = "agencies.csv"
"""
QUESTION = """{
  agencies(where: {staffCount: {gte: 40}}, order: [{staffCount: DESC}]) { nodes { name staffCount } }
}"""
SAVE = """mutation {
  saveAgency(input: {id: "city:middling", staffCount: 41}) { record { staffCount } problems { field } }
}"""


@dataclass(frozen=True)
class Copy:
    """A copy of the code whose model has one line more, and the store that it speaks to."""

    folder: Path
    settings: dict[str, str]

    def python(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """Run this copy; return what it printed, and what it said on stderr when it should fail."""
        settings = environment(PYTHONPATH=str(self.folder), **self.settings)
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=settings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def registry(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        return self.python(*REGISTRY, *arguments, stdin=stdin, code=code)


@pytest.fixture
def copy(store: Store, place: ConnectionSettings, tmp_path: Path) -> Iterator[Copy]:
    for package in ("registry", "schema", "loaders"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    model = tmp_path / "registry" / "model" / "definitions.py"
    text = model.read_text(encoding="utf-8")
    assert text.count(BEHIND) == 1
    model.write_text(text.replace(BEHIND, BEHIND + LINE), encoding="utf-8")
    yield Copy(tmp_path, speaking_to(place))
    apply(store, MODEL)


@pytest.mark.slow
def test_one_line_adds_a_property_everywhere(copy: Copy) -> None:
    assert "| `staff_count` | Integer | How many people work there. | at least 0 |" in copy.python(
        "-m", "registry.docs", "model"
    )
    schema = copy.python("-m", "schema")
    assert schema.count("staffCount: Int\n") == 2, "as it is read, and as it is saved"
    assert "staffCount: IntFilter" in schema and "staffCount: Direction" in schema

    copy.registry("template", "agency", "-o", "agency.xlsx")
    guide = load_workbook(copy.folder / "agency.xlsx").get_sheet_by_name("guide").to_python()
    assert ["agencies", "staff_count", "How many people work there.", "", "", "3"] in guide

    folder = copy.folder / "sources" / "one-line"
    folder.mkdir(parents=True)
    (folder / "source.toml").write_text(SOURCE, encoding="utf-8")
    copy.registry("template", "agency", "-o", str(folder / "agencies.csv"))
    fill_in(folder / "agencies.csv", small="7", middling="40", large="1200")
    copy.registry("load", str(folder))
    saved = json.loads(copy.registry("query", stdin=SAVE))["data"]["saveAgency"]
    assert saved == {"record": {"staffCount": 41}, "problems": []}
    answer = json.loads(copy.registry("query", stdin=QUESTION))
    assert answer["data"]["agencies"]["nodes"] == [
        {"name": "large", "staffCount": 1200},
        {"name": "middling", "staffCount": 41},
    ]

    fill_in(folder / "agencies.csv", impossible="-1")
    refusal = copy.registry("load", str(folder), code=2)
    assert "staff_count = '-1'" in refusal and "at least 0" in refusal


def fill_in(template: Path, **staff: str) -> None:
    """Add an agency a line to a template, with so many people."""
    with template.open(encoding="utf-8-sig", newline="") as file:
        columns = next(csv.reader(file))
    with template.open("a", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns)
        for name, count in staff.items():
            table.writerow({"id": f"city:{name}", "name": name, "kind": "department", "staff_count": count})
