"""GraphiQL: its files, all served by us, and the query that it begins with.

The files are those of the npm releases graphiql 2.4.7, react and react-dom 17.0.2 and @graphiql/plugin-explorer 0.1.15
(all MIT), as the package graphene-django-graphiql-static carries them; `tests/test_web.py` holds their digests.
"""

import json
from importlib.resources import files

from registry.model import MODEL
from registry.modelling import End, Kind
from schema.names import camel, field_of

PACKAGE = "graphene_django_graphiql_static"
FIRST = ["totalCount", "nodes {", "  name", "  kind", "  provides(first: 3) { role service { name } }", "}"]
KEPT_SHORT = ("access", "grants", "source", "created", "updated", "version")


def folder() -> str:
    """Return the folder of GraphiQL's files."""
    return str(files(PACKAGE).joinpath("static", PACKAGE))


def query_for(kind: str | None, record: str | None) -> str:
    """Return the query that asks for all of a record, for a list of a kind, or a first one to try.

    A kind that there is not is as none.
    """
    if kind not in MODEL.kinds:
        return _text(("agencies(first: 5)", FIRST))
    declared = MODEL[kind]
    if record is None:
        return _text((f"{camel(declared.plural)}(first: 50)", ["totalCount", "nodes { id name }"]))
    return _text((f"{field_of(declared)}(id: {json.dumps(record)})", [*_properties(declared), *_links(declared)]))


def _properties(kind: type[Kind]) -> list[str]:
    wanted = (one for one in kind.properties.values() if one.name not in KEPT_SHORT)
    return [camel(one.name) + (" { name }" if one.refers_to else "") for one in wanted]


def _links(kind: type[Kind]) -> list[str]:
    return [_link(end) for end in kind.ends.values()]


def _link(end: End) -> str:
    far = "{ name }"
    if end.link.properties:
        far = f"{{ {' '.join(map(camel, end.link.properties))} {field_of(end.target)} {{ name }} }}"
    return f"{camel(end.name)}{'' if end.single else '(first: 10)'} {far}"


def _text(field: tuple[str, list[str]]) -> str:
    asked, lines = field
    return "\n".join(["{", f"  {asked} {{", *(f"    {one}" for one in lines), "  }", "}", ""])
