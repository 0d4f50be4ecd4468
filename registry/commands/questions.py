"""`registry query`: a GraphQL operation without a server."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import typer

from registry.access import ADMIN
from registry.commands.console import err, print_json, tell, warn
from registry.cypher.text import Cypher
from registry.explaining import explain_cypher, explain_question
from registry.model import MODEL
from registry.opening import open_place, prepare
from registry.plan import Explore, Question
from registry.settings import load_settings
from registry.store import Place, Reader, Store
from registry.web.tools import Tools

FAILED, REFUSED = 1, 2


def query(
    file: str = typer.Argument("-", help="A file that holds the operation; - for standard input."),
    variables: str = typer.Option("{}", help="The variables, as JSON."),
    explain: bool = typer.Option(False, "--explain", help="Show the plan and the Cypher on stderr as well."),
) -> None:
    """Answer a GraphQL operation, also one that changes something, as an administrator; print the answer as JSON."""
    text, values = _operation(file), _variables(variables)
    with open_place(load_settings(), tell) as place:
        with Store(place) as store:
            prepare(store, tell)
        answer = asyncio.run(_answer(place, text, values, explain))
    print_json(answer)
    raise typer.Exit(FAILED if answer.get("errors") else 0)


async def _answer(place: Place, text: str, variables: dict[str, Any], explain: bool) -> dict[str, Any]:
    from schema.compiled import Asking
    from schema.graph_api import build_schema
    from schema.refusal import presented

    with closing(Tools(place)) as tools:
        async with Reader(place) as reader:
            context = Asking(reader, ADMIN, _explain if explain else None, tools.store, how="command")
            result = await build_schema(MODEL).execute(text, variable_values=variables, context_value=context)
    errors = [presented(error) for error in result.errors or ()]
    return {"data": result.data, **({"errors": errors} if errors else {})}


def _explain(questions: Sequence[Question | Explore], cyphers: Sequence[Cypher]) -> None:
    for question, cypher in zip(questions, cyphers, strict=True):
        err.print(explain_question(question), explain_cypher(cypher), sep="\n", markup=False, soft_wrap=True)


def _operation(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        warn(f"{file} cannot be read: {reason}.")
        raise typer.Exit(REFUSED) from None


def _variables(text: str) -> dict[str, Any]:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        warn('--variables takes a JSON object, such as {"first": 5}.')
        raise typer.Exit(REFUSED)
    return values
