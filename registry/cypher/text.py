"""A Cypher text with its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cypher:
    """A text that depends on the shape of the question alone, and the values it is asked with.

    A value goes into one of two maps, `$in` and `$me`, so that Neo4j plans a text once whatever the values' sizes;
    only the keys of a page (`$k`, `$id`, `$n`) are parameters of their own. `long` says that there may be many rows, of
    one value each. `seeking` is a text of the same answer for where an index leads to linked records.
    """

    text: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    long: bool = False
    seeking: str = ""


def gathered(text: str) -> str:
    """Return the text that answers with all rows as one list, which costs the driver a message instead of many."""
    return f"RETURN COLLECT {{ {text} }} AS rows"
