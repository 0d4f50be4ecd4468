"""How the model's names stand in GraphQL: fields camelCase, types PascalCase, enum values UPPER_CASE."""

from registry.modelling import Kind, Link, snake


def camel(name: str) -> str:
    """Return `level_of_government` as `levelOfGovernment`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def pascal(relation: str) -> str:
    """Return `PARTY_TO` as `PartyTo`."""
    return "".join(part.title() for part in relation.split("_"))


def field_of(kind: str | type[Kind]) -> str:
    """Return the field that holds one record of a kind: `Agency` as `agency`."""
    return camel(snake(kind if isinstance(kind, str) else kind.__name__))


def link_type(link: Link) -> str:
    """Return the type of a link that has properties, the same from both ends: `Provides`."""
    return pascal(link.relation)
