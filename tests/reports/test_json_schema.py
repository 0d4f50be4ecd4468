"""The JSON of every report is what the published schema says, and what is not is told apart."""

import json

import pytest
from jsonschema import Draft202012Validator

from registry.i18n import use_language
from registry.reports.catalogue import DEFINITIONS
from registry.reports.json_schema import json_schema
from registry.reports.render import as_json
from tests.support.paths import ROOT
from tests.support.sample import sample_report

FILE = ROOT / "schema/report.schema.json"
PUBLISHED = Draft202012Validator(
    json.loads(FILE.read_text(encoding="utf-8")), format_checker=Draft202012Validator.FORMAT_CHECKER
)


def test_the_file_is_the_schema_of_the_reports_that_there_are() -> None:
    Draft202012Validator.check_schema(PUBLISHED.schema)
    assert json_schema(DEFINITIONS) == PUBLISHED.schema, "make docs writes it anew"


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_every_report_is_as_the_schema_says(name: str, language: str) -> None:
    with use_language(language):
        PUBLISHED.validate(json.loads(as_json(sample_report(name))))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("name",), "gossip"),
        (("found",), -1),
        (("as_of",), "soon"),
        (("parameters", "within"), 10**6),
        (("rows", 0, "until"), "soon"),
        (("rows", 0, "days"), "many"),
        (("rows", 0, "confidence"), "sure"),
        (("rows", 0, "more"), 1),
        (("rows", 0, "evidence", 0, "id"), None),
    ],
)
def test_what_no_report_says_is_told_apart(place: tuple[str | int, ...], value: object) -> None:
    whole = json.loads(as_json(sample_report("agreements")))
    inner = whole
    for one in place[:-1]:
        inner = inner[one]
    inner[place[-1]] = value
    assert not PUBLISHED.is_valid(whole)
