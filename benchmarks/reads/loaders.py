"""A rival: Strawberry with a resolver for every list, batched by DataLoader.

python -m benchmarks.reads.loaders PORT
"""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

from benchmarks.reads.raw import read, serve

AGENCY = "{id: a.id, name: a.name, acronym: a.acronym, website: a.website}"
AGENCIES = (
    "MATCH (a:Agency) WHERE a.name_key >= '' AND a.id IS NOT NULL"
    f" WITH a ORDER BY a.name_key, a.id LIMIT $first RETURN {AGENCY}"
)
ONE = f"MATCH (a:Agency {{id: $id}}) RETURN {AGENCY}"
SERVICES = (
    "UNWIND $ids AS id MATCH (a:Agency {id: id})"
    " RETURN COLLECT { MATCH (a)-[:PROVIDES]->(s:Service) RETURN {id: s.id, name: s.name, kind: s.kind, updated: s.updated} }"
)
CHANNELS = (
    "UNWIND $ids AS id MATCH (s:Service {id: id})"
    " RETURN COLLECT { MATCH (s)<-[:CHANNEL_FOR]-(c:Channel) RETURN {id: c.id, name: c.name, kind: c.kind, address: c.address} }"
)


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

    @strawberry.field
    async def channels(self, info: strawberry.Info) -> list[Channel]:
        rows: list[Channel] = await info.context["channels"].load(self.id)
        return rows


@strawberry.type
class Agency:
    id: strawberry.ID
    name: str
    acronym: str
    website: str

    @strawberry.field
    async def services(self, info: strawberry.Info) -> list[Service]:
        rows: list[Service] = await info.context["services"].load(self.id)
        return rows


@strawberry.type
class Query:
    @strawberry.field
    async def agencies(self, first: int) -> list[Agency]:
        return [Agency(**one) for (one,) in await read(AGENCIES, {"first": first})]

    @strawberry.field
    async def agency(self, id: strawberry.ID) -> Agency | None:  # noqa: A002
        rows = await read(ONE, {"id": id})
        return Agency(**rows[0][0]) if rows else None


class Endpoint(GraphQL[Any, Any]):
    """Gives every request loaders of its own."""

    async def get_context(self, request: Any, response: Any) -> Any:
        return {"services": DataLoader(services), "channels": DataLoader(channels)}


async def services(ids: list[str]) -> list[list[Service]]:
    return [[Service(**one) for one in rows] for (rows,) in await read(SERVICES, {"ids": ids})]


async def channels(ids: list[str]) -> list[list[Channel]]:
    return [[Channel(**one) for one in rows] for (rows,) in await read(CHANNELS, {"ids": ids})]


if __name__ == "__main__":
    serve(Endpoint(strawberry.Schema(Query, extensions=[ParserCache, ValidationCache])))
