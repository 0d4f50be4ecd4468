"""What a question and its Cypher say, laid out for a person: `registry query --explain`."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import orjson

from registry.cypher.text import Cypher
from registry.plan import NOTHING_ASKED, Compare, Explore, Given, Order, Question, Several

SAYS_NOTHING = ((), NOTHING_ASKED, False, None)
CLAUSE = re.compile(
    r"(?<!OPTIONAL)(?<!STARTS)(?<!ENDS)(?<!UNION ALL)"
    r" (?=(?:OPTIONAL|MATCH|UNWIND|UNION|CALL|WITH|RETURN|ORDER BY)\b|})|(?<=\)) (?=WHERE\b)"
)


def explain_question(question: Question | Explore) -> str:
    """Return the plan: a part a line, what belongs to it indented below it. `$name` is a variable of the operation."""
    return "\n".join(_lines(question))


def explain_cypher(cypher: Cypher) -> str:
    """Return the text with a clause a line, indented by its braces, and the value of every parameter as a comment."""
    seeking = ["// On Neo4j:", *laid_out(cypher.seeking)] if cypher.seeking else []
    return "\n".join(
        [*laid_out(cypher.text), *seeking, *(f"// ${name}: {_json(one)}" for name, one in cypher.parameters.items())]
    )


def laid_out(text: str) -> Iterator[str]:
    """Yield the clauses of a text; stripped and joined by a space they are the text again."""
    depth = 0
    for clause in CLAUSE.split(text):
        yield "  " * (depth - clause.startswith("}")) + clause
        depth += clause.count("{") - clause.count("}")


def _lines(part: Any) -> Iterator[str]:
    if isinstance(part, Compare):
        yield f"{part.property} {part.operator} {_said(part.value)}"
        return
    told = {one.name: getattr(part, one.name) for one in fields(part)}
    told = {name: value for name, value in told.items() if value not in SAYS_NOTHING}
    below = {name: parts for name, value in told.items() if (parts := _parts(value))}
    yield " ".join(
        [type(part).__name__, *(f"{name}={_said(value)}" for name, value in told.items() if name not in below)]
    )
    for name, parts in below.items():
        for one in parts:
            first, *rest = _lines(one)
            yield f"  {first}" if name == "parts" else f"  {name}: {first}"
            yield from (f"  {line}" for line in rest)


def _parts(value: Any) -> tuple[Any, ...]:
    """Return the parts of a plan that a field of it holds, none for a plain value."""
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(one for one in parts if is_dataclass(one) and not isinstance(one, Given | Several | Order))


def _said(value: Any) -> str:
    match value:
        case Given():
            found = "$" + ".".join(map(str, value.path)) if value.path else _json(value.fixed)
            return f"{_name(value.reading)}({found})" if value.reading else found
        case Several():
            return f"[{', '.join(map(_said, value.parts))}]"
        case Order():
            return f"{value.property} {'DESC' if value.descending else 'ASC'}"
        case (str() as name, Given() | Several() as given):
            return f"{name}:{_said(given)}"
        case tuple():
            return ",".join(map(_said, value))
    return str(value)


def _name(reading: Any) -> str:
    """Return the name of the function that a value goes through, without what it was prepared with."""
    name: str = getattr(reading, "func", reading).__name__
    return name.strip("_")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
