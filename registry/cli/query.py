"""Command `registry query`: run a GraphQL operation without a server, or explain its query plan and Cypher."""

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import orjson
import typer

from registry.cli.output import err, info, print_json, warn
from registry.config import load_settings
from registry.database.connect import open_connection, prepare
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.query import NO_CONDITION, Compare, Explore, Order, Parameter, ParameterList, Query
from registry.model.definitions import MODEL
from registry.permissions import ADMIN
from registry.web.base import StoreThreads

DEFAULTS = ((), NO_CONDITION, False, None)
CLAUSE = re.compile(
    r"(?<!OPTIONAL)(?<!STARTS)(?<!ENDS)(?<!UNION ALL)"
    r" (?=(?:OPTIONAL|MATCH|UNWIND|UNION|CALL|WITH|RETURN|ORDER BY)\b|})|(?<=\)) (?=WHERE\b)"
)


def explain_plan(query: Query | Explore) -> str:
    """Return a query plan as text: one step per line, nested steps indented. A text such as `$name` is a variable of the operation."""
    return "\n".join(_lines(query))


def explain_cypher(cypher: Cypher) -> str:
    """Return a Cypher statement as text: one clause per line, indented by braces.

    The parameters of the statement follow as comments.
    """
    seeking = ["// On Neo4j:", *format_cypher(cypher.seeking)] if cypher.seeking else []
    return "\n".join(
        [
            *format_cypher(cypher.text),
            *seeking,
            *(f"// ${name}: {_json(one)}" for name, one in cypher.parameters.items()),
        ]
    )


def format_cypher(text: str) -> Iterator[str]:
    """Yield the clauses of a Cypher statement, indented by braces.

    If the yielded clauses are stripped and joined by spaces, the result is `text`.
    """
    depth = 0
    for clause in CLAUSE.split(text):
        yield "  " * (depth - clause.startswith("}")) + clause
        depth += clause.count("{") - clause.count("}")


def _lines(part: Any) -> Iterator[str]:
    if isinstance(part, Compare):
        yield f"{part.property} {part.operator} {_value_text(part.value)}"
        return
    values = {one.name: getattr(part, one.name) for one in fields(part) if one.compare}
    values = {name: value for name, value in values.items() if value not in DEFAULTS}
    below = {name: parts for name, value in values.items() if (parts := _parts(value))}
    yield " ".join(
        [type(part).__name__, *(f"{name}={_value_text(value)}" for name, value in values.items() if name not in below)]
    )
    for name, parts in below.items():
        for one in parts:
            first, *rest = _lines(one)
            yield f"  {first}" if name == "parts" else f"  {name}: {first}"
            yield from (f"  {line}" for line in rest)


def _parts(value: Any) -> tuple[Any, ...]:
    """Return the plan steps nested in the value of a field. A plain value such as a number has no nested steps."""
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(one for one in parts if is_dataclass(one) and not isinstance(one, Parameter | ParameterList | Order))


def _value_text(value: Any) -> str:
    match value:
        case Parameter():
            found = "$" + ".".join(map(str, value.path)) if value.path else _json(value.fixed)
            return f"{_name(value.reading)}({found})" if value.reading else found
        case ParameterList():
            found = f"[{', '.join(map(_value_text, value.parts))}]"
            return f"{_name(value.reading)}({found})" if value.reading else found
        case Order():
            return f"{value.property} {'DESC' if value.descending else 'ASC'}"
        case (str() as name, Parameter() | ParameterList() as given):
            return f"{name}:{_value_text(given)}"
        case tuple():
            return ",".join(map(_value_text, value))
    return str(value)


def _name(reading: Any) -> str:
    """Return the name of the function that converts a parameter. If the function is a `partial`, leave out its bound arguments."""
    name: str = getattr(reading, "func", reading).__name__
    return name.strip("_")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


FAILED, REFUSED = 1, 2


def query(
    file: str = typer.Argument("-", help="The file with the GraphQL operation; - reads standard input."),
    variables: str = typer.Option("{}", help="The variables, as JSON."),
    explain: bool = typer.Option(False, "--explain", help="Also print the query plan and the Cypher on stderr."),
) -> None:
    """Run a GraphQL query or mutation as an administrator and print the response as JSON."""
    text, values = _operation(file), _variables(variables)
    with open_connection(load_settings(), info) as connection:
        with Store(connection) as store:
            prepare(store, info)
        response = asyncio.run(execute(connection, text, values, explain))
    print_json(response)
    raise typer.Exit(FAILED if response.get("errors") else 0)


async def execute(
    connection: ConnectionSettings, text: str, variables: dict[str, Any], explain: bool
) -> dict[str, Any]:
    """Run a GraphQL operation as an administrator and return the response. If `explain` is true, print the plan and the Cypher."""
    from schema.execute import QueryContext
    from schema.limits import error_response
    from schema.schema import build_schema

    with closing(StoreThreads(connection)) as threads:
        async with Reader(connection) as reader:
            context = QueryContext(reader, ADMIN, _explain if explain else None, threads.store, how="command")
            result = await build_schema(MODEL).execute(text, context, variables)
    errors = [error_response(error) for error in result.errors or ()]
    return {"data": result.data, **({"errors": errors} if errors else {})}


def _explain(queries: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> None:
    for query, cypher in zip(queries, cyphers, strict=True):
        err.print(explain_plan(query), explain_cypher(cypher), sep="\n", markup=False, soft_wrap=True)


def _operation(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        warn(f"Cannot read {file}: {reason}.")
        raise typer.Exit(REFUSED) from None


def _variables(text: str) -> dict[str, Any]:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        warn('--variables must be a JSON object, such as {"first": 5}.')
        raise typer.Exit(REFUSED)
    return values
