"""The floor: Cypher written by hand for each question, its rows passed on as they are.

    python -m benchmarks.reads.floor PORT

Nobody's access is asked for, nothing is validated, and the lists have no names.
"""

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.reads.raw import read, serve

AGENCY = "[a.id, a.name, a.acronym, a.website]"
TREE = (
    "[a.id, a.name, a.acronym, a.website, COLLECT {"
    " MATCH (a)-[:PROVIDES]->(s:Service) RETURN [s.id, s.name, s.kind, s.updated, COLLECT {"
    " MATCH (s)<-[:CHANNEL_FOR]-(c:Channel) RETURN [c.id, c.name, c.kind, c.address] }] }]"
)
BY_NAME = "MATCH (a:Agency) WHERE a.name_key >= $key AND a.id IS NOT NULL"
SORTED = "WITH a ORDER BY a.name_key, a.id LIMIT $first RETURN collect"
TEXTS = {
    "tree": f"{BY_NAME} AND a.name_key > $key {SORTED}({TREE})",
    "one": f"MATCH (a:Agency {{id: $id}}) RETURN [{AGENCY}]",
    "named": f"{BY_NAME} AND a.name_key CONTAINS $text {SORTED}({AGENCY})",
    "linked": f"MATCH (s:Service) USING INDEX s:Service(kind) WHERE s.kind = $kind"
    f" MATCH (a:Agency)-[:PROVIDES]->(s) WITH DISTINCT a {SORTED}({AGENCY})",
    "walked": f"{BY_NAME} AND EXISTS {{ MATCH (a)-[:PROVIDES]->(s:Service) WHERE s.kind = $kind }} {SORTED}({AGENCY})",
    "connection": f"{BY_NAME} AND a.name_key > $key {SORTED}({AGENCY})",
    "words": "CALL db.index.fulltext.queryNodes('registry_agency_words', $phrase) YIELD node AS a, score"
    f" WITH a ORDER BY score DESC, a.id LIMIT $first RETURN collect({AGENCY})",
    "count": "MATCH (a:Agency) RETURN count(a)",
}


BEST = {"uncommon": "walked"}  # who writes by hand knows which side is the smaller


async def answer(request: Request) -> Response:
    """Answer `{"question": "tree", "values": {"first": 1}}`."""
    asked = orjson.loads(await request.body())
    values = {"first": 20, "key": "", **asked["values"]}
    rows = await read(TEXTS[BEST.get(values.get("kind"), asked["question"])], values)
    return Response(orjson.dumps(rows), media_type="application/json")


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/", answer, methods=["POST"])]))
