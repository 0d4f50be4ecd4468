"""The metadata of the data: which version of the registry wrote them, of which model; and what records are compared with it."""

from collections.abc import Mapping, Sequence

from registry.cypher.text import Cypher
from registry.cypher.write import Stored
from registry.modelling import Model

HERE = "(m:Metadata {id: 'registry'})"


def stored_metadata() -> Cypher:
    """Return one row: the map of the metadata, null where there is none."""
    return Cypher(f"OPTIONAL MATCH {HERE} RETURN properties(m)")


def put_metadata(values: Mapping[str, object]) -> Cypher:
    """Write these values of the metadata; a null removes one."""
    return Cypher(f"MERGE {HERE} SET m += $in.values", {"in": {"values": dict(values)}})


def kinds_with_records(model: Model) -> Cypher:
    """Return a row of each kind of which there is a record."""
    each = (f"MATCH (n:{name}) WITH n LIMIT 1 RETURN '{name}' AS kind" for name in model.kinds)
    return Cypher(" UNION ALL ".join(each))


def stored_properties(element: str) -> Cypher:
    """Return a row of each name of a property that records of a kind, or links, hold."""
    return Cypher(f"MATCH {_pattern(element)} UNWIND keys(e) AS name RETURN DISTINCT name")


def stored_links() -> Cypher:
    """Return a row of each sort of link between records: the kind it starts at, its relation, the kind it ends at."""
    return Cypher("MATCH (a)-[e]->(b) RETURN DISTINCT labels(a)[0], type(e), labels(b)[0]")


def one_value(element: str, name: str) -> Cypher:
    """Return a row with one of the values of a property; none where there is none."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NOT NULL WITH e LIMIT 1 RETURN e.`{name}`")


def count_elements(element: str) -> Cypher:
    """Return one row: how many records of a kind, or links, there are."""
    return Cypher(f"MATCH {_pattern(element)} RETURN count(e)")


def count_values(element: str, name: str) -> Cypher:
    """Return one row: how many records of a kind, or links, have a value of a property."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NOT NULL RETURN count(e)")


def count_lacking(element: str, name: str) -> Cypher:
    """Return one row: how many records of a kind, or links, have no value of a property."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NULL RETURN count(e)")


def records_after(kind: str, after: str, size: int) -> Cypher:
    """Return rows of properties of the records of a kind whose id follows another, in the order of their ids."""
    text = f"MATCH (n:{kind}) WHERE n.id > $id RETURN properties(n) ORDER BY n.id LIMIT $n"
    return Cypher(text, {"id": after, "n": size})


def put_derived(kind: str, rows: Sequence[Stored]) -> Cypher:
    """Write derived values of records, given as `id` and `derived`; nothing else of them changes."""
    text = f"UNWIND $in.rows AS row MATCH (n:{kind} {{id: row.id}}) SET n += row.derived"
    return Cypher(text, {"in": {"rows": list(rows)}})


def _pattern(element: str) -> str:
    """Return the pattern of a kind, or of a link that is given as `Agency-PROVIDES->Service`."""
    start, arrow, rest = element.partition("-")
    relation, _, end = rest.partition("->")
    return f"(:{start})-[e:{relation}]->(:{end})" if arrow else f"(e:{start})"
