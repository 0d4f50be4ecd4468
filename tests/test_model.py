"""What is written from the model is up to date."""

from pathlib import Path

from registry.describing import describe
from registry.model import MODEL
from schema.graph_api import build_schema

ROOT = Path(__file__).parent.parent


def test_the_model_page_is_up_to_date() -> None:
    assert (ROOT / "docs/model.md").read_text(encoding="utf-8") == describe(MODEL), "run make docs"


def test_the_printed_schema_is_up_to_date() -> None:
    printed = (ROOT / "schema/schema.graphql").read_text(encoding="utf-8").strip()
    assert printed == build_schema(MODEL).as_str().strip(), "run make docs"
