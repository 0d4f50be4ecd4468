"""What is written from the model and from the reports is up to date."""

from graphql import print_schema

from registry.docs import describe_model, describe_reports
from registry.model.definitions import MODEL
from registry.reports.catalogue import DEFINITIONS
from schema.reports import report_schema
from schema.schema import build_schema
from schema.types import camel
from tests.support.paths import ROOT


def test_the_model_page_is_up_to_date() -> None:
    assert (ROOT / "docs/model.md").read_text(encoding="utf-8") == describe_model(MODEL), "run make docs"


def test_each_end_of_a_link_has_its_own_sentence() -> None:
    docs: dict[tuple[str, str, str], set[str]] = {}
    for end in (end for kind in MODEL for end in kind.ends.values()):
        docs.setdefault((end.link.relation, end.link.start, end.link.end), set()).add(end.doc)
    assert all(len(both - {""}) == 2 for both in docs.values()), docs
    told = build_schema(MODEL).as_str()
    for kind in MODEL:
        fields = told.partition(f"\ntype {kind.__name__} implements Record {{")[2].partition("\n}")[0]
        for end in kind.ends.values():
            before = fields.partition(f"\n  {camel(end.name)}")[0]
            assert end.doc in before.rpartition("\n\n")[2], (kind, end.name)


def test_the_printed_schema_is_up_to_date() -> None:
    printed = (ROOT / "schema/schema.graphql").read_text(encoding="utf-8").strip()
    assert printed == build_schema(MODEL).as_str().strip(), "run make docs"


def test_the_list_of_reports_is_up_to_date() -> None:
    listed = (ROOT / "docs/report-list.md").read_text(encoding="utf-8")
    assert listed == describe_reports(DEFINITIONS), "run make docs"


def test_the_printed_schema_of_the_reports_is_up_to_date() -> None:
    printed = (ROOT / "schema/reports.graphql").read_text(encoding="utf-8").strip()
    assert printed == print_schema(report_schema(DEFINITIONS, list)).strip(), "run make docs"
