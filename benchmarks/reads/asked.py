"""The same questions in the words of each server, and each answer as the same nested rows.

Root agencies are sorted and cut everywhere. Lists below are sorted and cut by ours alone; the others may answer as they like.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

AGENCY = "id name acronym website"
SERVICE = "id name kind updated"
CHANNEL = "id name kind address"


@dataclass(frozen=True)
class Words:
    """How one server is asked: at which path, with which body, and where the answer's records are."""

    path: str
    body: Callable[[str, Mapping[str, Any]], object]
    records: Callable[[Any], Any]

    def rows(self, answer: bytes) -> Any:
        """Return the answer as dicts and lists that are equal for equal answers."""
        found = _same(self.records(orjson.loads(answer)))
        return found if isinstance(found, list) else [found]


def graphql(documents: Mapping[str, str]) -> Words:
    """Return the words of a GraphQL server with these documents."""
    return Words(
        "/graphql",
        lambda question, values: {"query": documents[question], "variables": values},
        lambda answer: _only(answer),
    )


OURS = graphql({
    "tree": f"""query($first: Int!, $after: String) {{ agencies(first: $first, after: $after) {{ nodes {{ {AGENCY}
        services: provides(first: 10) {{ service {{ {SERVICE} channels(first: 3) {{ {CHANNEL} }} }} }} }} }} }}""",
    "one": f"query($id: ID!) {{ agency(id: $id) {{ {AGENCY} }} }}",
    "named": f"query($text: String!) {{ agencies(where: {{name: {{contains: $text}}}}) {{ nodes {{ {AGENCY} }} }} }}",
    "linked": f"""query($kind: String!) {{ agencies(where: {{provides: {{some: {{service: {{kind: {{eq: $kind}}}}}}}}}})
        {{ nodes {{ {AGENCY} }} }} }}""",
    "connection": f"""query($first: Int!, $after: String) {{ agencies(first: $first, after: $after)
        {{ nodes {{ {AGENCY} }} pageInfo {{ hasNextPage }} }} }}""",
    "words": f"""query($text: String!) {{ search(text: $text, kinds: [AGENCY])
        {{ nodes {{ record {{ ...on Agency {{ {AGENCY} }} }} }} }} }}""",
    "count": "{ agencies { totalCount } }",
})  # fmt: skip
STRAWBERRY = graphql({
    "tree": f"""query($first: Int!) {{ agencies(first: $first) {{ {AGENCY}
        services {{ {SERVICE} channels {{ {CHANNEL} }} }} }} }}""",
    "one": f"query($id: ID!) {{ agency(id: $id) {{ {AGENCY} }} }}",
})  # fmt: skip
PAGE = "limit: 20, sort: [{name_key: ASC}]"
PEER = graphql({
    "tree": f"""query($first: Int!, $offset: Int) {{ agencies(limit: $first, offset: $offset, sort: [{{name_key: ASC}}])
        {{ {AGENCY} services: provides {{ {SERVICE} channels {{ {CHANNEL} }} }} }} }}""",
    "one": f"query($id: ID!) {{ agencies(where: {{id: {{eq: $id}}}}) {{ {AGENCY} }} }}",
    "named": f"query($text: String!) {{ agencies({PAGE}, where: {{name_key: {{contains: $text}}}}) {{ {AGENCY} }} }}",
    "linked": f"""query($kind: String!) {{ agencies({PAGE}, where: {{provides: {{some: {{kind: {{eq: $kind}}}}}}}})
        {{ {AGENCY} }} }}""",
    "connection": f"""query($first: Int!, $place: String) {{
        agenciesConnection(first: $first, after: $place, sort: [{{name_key: ASC}}])
        {{ edges {{ node {{ {AGENCY} }} }} pageInfo {{ hasNextPage }} }} }}""",
    "words": f"""query($phrase: String!) {{
        agenciesByWords(phrase: $phrase, first: 20, sort: [{{score: DESC}}, {{node: {{id: ASC}}}}])
        {{ edges {{ node {{ {AGENCY} }} }} }} }}""",
    "count": "{ agenciesConnection { totalCount } }",
})  # fmt: skip
FLOOR = Words("/", lambda question, values: {"question": question, "values": values}, lambda answer: _named(answer))


def objects(rows: Any) -> int:
    """Return how many records there are in rows, at all depths."""
    if isinstance(rows, list):
        return sum(objects(row) for row in rows)
    return 1 + sum(objects(value) for value in rows.values()) if isinstance(rows, dict) else 0


def _only(answer: Any) -> Any:
    if answer.get("errors"):
        raise SystemExit(f"A server refused: {answer['errors'][0]['message']}")
    (records,) = answer["data"].values()
    return records.get("nodes", records.get("edges", records)) if isinstance(records, dict) else records


def _same(found: Any) -> Any:
    """Leave out what differs by design: the link between records, and the order of lists."""
    if isinstance(found, list):
        return sorted(map(_same, found), key=lambda row: str(row["id"]))
    if isinstance(found, dict):
        inner = found.keys() & {"service", "record", "node"}
        return _same(found[inner.pop()]) if inner else {key: _same(one) for key, one in found.items()}
    return found


def _named(answer: Any) -> Any:
    """Return unshaped lists as what they stand for."""
    found = answer[0][0] if len(answer[0]) == 1 else answer
    return _records(found, AGENCY, SERVICE, CHANNEL) if isinstance(found, list) else {"totalCount": found}


def _records(rows: Any, names: str, *below: str) -> Any:
    keys = [*names.split(), {SERVICE: "services", CHANNEL: "channels"}[below[0]]] if below else names.split()
    return [
        {
            key: _records(value, *below) if isinstance(value, list) else value
            for key, value in zip(keys, row, strict=False)
        }
        for row in rows
    ]
