"""A rival: one Cypher for the whole tree, whose maps Strawberry and graphql-core complete field by field.

python -m benchmarks.reads.one_cypher PORT
"""

from operator import getitem
from typing import Any

import strawberry
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from benchmarks.reads.raw import read, serve

TREE = (
    "MATCH (a:Agency) WHERE a.name_key >= '' AND a.id IS NOT NULL WITH a ORDER BY a.name_key, a.id LIMIT $first"
    " RETURN collect({id: a.id, name: a.name, acronym: a.acronym, website: a.website, services: COLLECT {"
    " MATCH (a)-[:PROVIDES]->(s:Service) RETURN {id: s.id, name: s.name, kind: s.kind, updated: s.updated,"
    " channels: COLLECT { MATCH (s)<-[:CHANNEL_FOR]-(c:Channel)"
    " RETURN {id: c.id, name: c.name, kind: c.kind, address: c.address} }} }})"
)
ONE = "MATCH (a:Agency {id: $id}) RETURN {id: a.id, name: a.name, acronym: a.acronym, website: a.website}"


@strawberry.type
class Channel:
    id: strawberry.ID
    name: str
    kind: str
    address: str


@strawberry.type
class Service:
    id: strawberry.ID
    name: str
    kind: str
    updated: str
    channels: list[Channel]


@strawberry.type
class Agency:
    id: strawberry.ID
    name: str
    acronym: str
    website: str
    services: list[Service]


@strawberry.type
class Query:
    @strawberry.field(graphql_type=list[Agency])
    async def agencies(self, first: int) -> Any:
        return (await read(TREE, {"first": first}))[0][0]

    @strawberry.field(graphql_type=Agency | None)
    async def agency(self, id: strawberry.ID) -> Any:  # noqa: A002
        rows = await read(ONE, {"id": id})
        return rows[0][0] if rows else None


if __name__ == "__main__":
    config = StrawberryConfig(default_resolver=getitem)
    serve(GraphQL(strawberry.Schema(Query, config=config, extensions=[ParserCache, ValidationCache])))
