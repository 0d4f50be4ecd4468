"""What is written from the model is up to date, and one line adds a property everywhere."""

from pathlib import Path

from registry.cypher.write import stored
from registry.describing import describe
from registry.model import MODEL, Common
from registry.modelling import Model, prop
from registry.records import make_record
from registry.values import Code, Integer
from schema.graph_api import build_schema

ROOT = Path(__file__).parent.parent


def test_the_model_page_is_up_to_date() -> None:
    assert (ROOT / "docs/model.md").read_text(encoding="utf-8") == describe(MODEL), "run make docs"


def test_the_printed_schema_is_up_to_date() -> None:
    printed = (ROOT / "schema/schema.graphql").read_text(encoding="utf-8").strip()
    assert printed == build_schema(MODEL).as_str().strip(), "run make docs"


def test_one_line_adds_a_property_to_schema_filters_records_and_docs() -> None:
    class Source(Common, plural="sources"):
        """A source."""

    class Agency(Common, plural="agencies"):
        """A body."""

        kind: Code = prop("Its kind.", codes="agency-kind", required=True, face=True)
        staff_count: Integer = prop("How many people work there.", at_least=0)

    model = Model(Agency, Source)
    sdl = build_schema(model).as_str()
    assert "staffCount: Int\n" in sdl
    assert "staffCount: IntFilter" in sdl
    assert "| `staff_count` | Integer | How many people work there. | at least 0 |" in describe(model)
    record, problems = make_record(
        Agency, {"id": "agency:one", "name": "One", "kind": "department", "staff_count": "7"}
    )
    assert not problems
    assert record is not None and stored(record)["props"]["staff_count"] == 7
    _, problems = make_record(Agency, {"id": "agency:one", "name": "One", "kind": "department", "staff_count": "-1"})
    assert [(one.field, one.rule) for one in problems] == [("staff_count", "at least 0")]
