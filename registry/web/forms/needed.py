"""A resource is asked for to meet a need: the form begins with what the need says."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.datastructures import QueryParams

from registry.access import Actor
from registry.clock import today
from registry.figures import exact
from registry.web.forms.fields import Field
from registry.web.graph import Graph
from registry.web.showing import Data

NEED = "need"
OPERATION = "query Needed($id: ID!) {\n  need(id: $id) { id name quantity byWhen agency { id } }\n}\n"


async def for_need(graph: Graph, actor: Actor, asked: QueryParams, fields: Sequence[Field]) -> Sequence[Field]:
    """Return the fields as the need fills them in that an address names; as they are where it names none. Raises StoreError."""
    need = (await graph.ask(OPERATION, {"id": asked[NEED]}, actor))["need"] if asked.get(NEED) else None
    return [_filled(one, need) for one in fields] if need else fields


def _filled(field: Field, need: Data) -> Field:
    agency, day, quantity = need["agency"], need["byWhen"], need["quantity"]
    if field.name == NEED:
        return replace(field, value=need["id"], options=[(need["id"], need["name"])])
    if field.name == "agency" and agency and agency["id"] in [one for one, _title in field.options]:
        return replace(field, value=agency["id"])
    if field.name == "quantity" and quantity is not None:
        return replace(field, value=exact(quantity))
    return replace(field, value=day) if field.name == "since" and day and day >= today() else field
