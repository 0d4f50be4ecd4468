"""What a row of a report rests on: the address of each record, and one that opens the query of them all in GraphiQL."""

from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from registry.model import MODEL
from registry.modelling import Kind, snake
from registry.reports.report import Links
from registry.web.addresses import evidence_path, graphiql_path, param, record_path
from registry.web.listing import row
from schema.limits import PAGE
from schema.names import camel

LINKED = 5
_KINDS: Mapping[str, type[Kind]] = {param(snake(kind.__name__)): kind for kind in MODEL}


def links(base: str = "") -> Links:
    """Return where records and what rows rest on are shown, below the address of a server (none: from its root)."""
    return Links(lambda one: base + record_path(one.kind, one.id), lambda rests_on: base + evidence_path(rests_on))


async def evidence(request: Request) -> Response:
    """Lead to GraphiQL with the operation that shows the records of an address: `/evidence?agency=ID&agency=ID&resource=ID`."""
    query = request.query_params
    chosen = {name: query.getlist(name)[:PAGE] for name in dict.fromkeys(query) if name in _KINDS}
    if not chosen:
        raise HTTPException(404)
    kinds = [_KINDS[name] for name in chosen]
    variables = {camel(kind.plural): ids for kind, ids in zip(kinds, chosen.values(), strict=True)}
    return RedirectResponse(graphiql_path(operation(kinds), variables), 303)


def operation(kinds: Sequence[type[Kind]]) -> str:
    """Return the operation that shows records of these kinds by their ids, each with its main links."""
    names = [camel(kind.plural) for kind in kinds]
    lines = [f"query Evidence({', '.join(f'${name}: [ID!]' for name in names)}) {{"]
    for name, kind in zip(names, kinds, strict=True):
        lines += [f"  {name}(where: {{id: {{in: ${name}}}}}, first: {PAGE}) {{", "    nodes {"]
        lines += [*(f"      {selected}" for selected in row(kind, LINKED)), "    }", "  }"]
    return "\n".join([*lines, "}", ""])
