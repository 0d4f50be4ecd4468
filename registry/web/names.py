"""What records are called, by id, for pages that were told only their ids."""

from collections.abc import Mapping, Sequence

from registry.access import Actor
from registry.model import MODEL
from registry.web.graph import Graph
from registry.web.selecting import called
from registry.web.showing import title
from schema.limits import PAGE
from schema.names import camel


async def names(graph: Graph, ids: Mapping[str, Sequence[str]], actor: Actor) -> dict[str, str]:
    """Return the titles of records, whose ids are given by kind; those that the actor may not know of are left out."""
    if not ids:
        return {}
    kinds = {kind: camel(MODEL[kind].plural) for kind in ids}
    given = ", ".join(f"${plural}: [ID!]" for plural in kinds.values())
    lists = (
        f"  {plural}(where: {{id: {{in: ${plural}}}}}, first: {PAGE}) {{ nodes {{ {called(MODEL[kind])} }} }}"
        for kind, plural in kinds.items()
    )
    operation = "\n".join([f"query Names({given}) {{", *lists, "}", ""])
    data = await graph.ask(operation, {kinds[kind]: list(some)[:PAGE] for kind, some in ids.items()}, actor)
    return {one["id"]: title(kind, one) for kind, plural in kinds.items() for one in data[plural]["nodes"]}
