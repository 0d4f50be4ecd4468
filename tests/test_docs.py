"""What is written from the model and from the reports is up to date."""

import json

from graphql import print_schema

from registry.docs import describe_calibration, describe_model, describe_reports
from registry.model.definitions import MODEL
from registry.reports.catalogue import DEFINITIONS
from schema.reports import report_schema
from schema.schema import build_schema
from tests.support.paths import ROOT


def test_the_model_page_is_up_to_date() -> None:
    assert (ROOT / "docs/model.md").read_text(encoding="utf-8") == describe_model(MODEL), "run make docs"


def test_the_printed_schema_is_up_to_date() -> None:
    printed = (ROOT / "schema/schema.graphql").read_text(encoding="utf-8").strip()
    assert printed == build_schema(MODEL).as_str().strip(), "run make docs"


def test_the_list_of_reports_is_up_to_date() -> None:
    listed = (ROOT / "docs/report-list.md").read_text(encoding="utf-8")
    assert listed == describe_reports(DEFINITIONS), "run make docs"


def test_the_calibration_page_is_what_its_stored_results_give() -> None:
    stored = json.loads((ROOT / "docs/calibration.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/calibration.md").read_text(encoding="utf-8")
    assert page == describe_calibration(stored), "run make docs"


def test_the_printed_schema_of_the_reports_is_up_to_date() -> None:
    printed = (ROOT / "schema/reports.graphql").read_text(encoding="utf-8").strip()
    assert printed == print_schema(report_schema(DEFINITIONS, list)).strip(), "run make docs"
