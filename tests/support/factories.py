"""Records for small worlds."""

from typing import Any

from registry.model.definitions import MODEL
from registry.model.records import Record, make_record


def record(of: str, record_id: str, name: str, **values: Any) -> Record:
    """Return a record of a kind; values that do not fit fail the test."""
    made, problems = make_record(MODEL[of], {"id": record_id, "name": name, **values})
    assert made, problems
    return made
