"""One record: the operations that ask for it and for what stops with it."""

from collections.abc import Iterator

from registry.model import MODEL
from registry.modelling import End, Kind
from registry.web.selecting import glance, linked
from schema.names import camel, field_of

AT_ONCE = 20
APART = ("ended", "upcoming")  # links that are not current, shown and counted apart
CHANNELS = f"channels(first: 5) {{ {glance(MODEL['Channel'])} }}"
STATED = "id name withheld scale level on agency { id name }"
HIT = "{ lost text record { id name } }"
IMPACT = f"""query Impact($of: ID!) {{
  impact(of: $of) {{
    services {HIT}
    resources {HIT}
    agencies {HIT}
    areas {HIT}
    withheld
  }}
}}
"""
OF_ANY_KIND = "query Any($id: ID!) {\n  record(id: $id) { __typename }\n}\n"


def operation(kind: type[Kind]) -> str:
    """Return the operation that asks for a record of a kind and for the first of all that is linked to it."""
    own = [camel(one.name) for one in kind.properties.values() if not one.refers_to]
    return "\n".join(
        [
            f"query {kind.__name__}($id: ID!) {{",
            f"  {field_of(kind)}(id: $id) {{",
            f"    {' '.join(own)} withheld",
            f"    steward {{ id name website {CHANNELS} }}",
            "    source { id name }",
            *(f"    {line}" for end in kind.ends.values() for line in _asked(end)),
            "  }",
            "}",
            "",
        ]
    )


def _asked(end: End) -> Iterator[str]:
    name = camel(end.name)
    far = linked(end, STATED if compares(end) else glance(MODEL[end.target]))
    yield f"{name} {far}" if end.single else f"{name}(first: {AT_ONCE}) {far}"
    if not end.single:
        yield f"{name}Count"
    if end.link.dated:
        for period in APART:
            asked = f"period: {period.upper()}"
            yield f"{name}{period.title()}: {name}(first: {AT_ONCE}, {asked}) {far}"
            yield f"{name}{period.title()}Count: {name}Count({asked})"


def compares(end: End) -> bool:
    """Tell whether a link leads to what the parties of an agreement say, which a page shows side by side."""
    return end.kind == "Partnership" and end.target == "Statement"
