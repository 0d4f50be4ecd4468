"""A Cypher text with its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cypher:
    """A text that depends on the shape of the question alone, and the values it is asked with.

    A value goes into one of two maps, `$in` and `$me`, so that Neo4j plans a text once whatever the values' sizes;
    only the keys of a page (`$k`, `$id`, `$n`) are parameters of their own.
    """

    text: str
    parameters: Mapping[str, object] = field(default_factory=dict)
