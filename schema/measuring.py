"""What an operation on reports may cost: each report as much as a question, and each value that may be told."""

from graphql import FieldNode, GraphQLObjectType, get_named_type, is_composite_type
from graphql.execution.values import get_argument_values

from schema.limits import EXPLORE_COST, within_limit
from schema.report_types import CATALOGUE
from schema.selection import Operation


def measure(operation: Operation) -> int:
    """Return the cost of an operation. Raises Refused where it passes a limit: of depth, of fields and aliases, of cost."""
    query = operation.schema.query_type
    assert query is not None
    return within_limit(sum(_root(operation, query, nodes) for nodes in operation.root_fields().values()))


def _root(operation: Operation, query: GraphQLObjectType, nodes: list[FieldNode]) -> int:
    name = nodes[0].name.value
    if name.startswith("__"):
        return 0
    return _values(operation, query, nodes, 1) + (EXPLORE_COST if name != CATALOGUE else 0)


def _values(operation: Operation, owner: GraphQLObjectType, nodes: list[FieldNode], depth: int) -> int:
    """Return how many values a field may hold. Raises Refused."""
    declared = owner.fields.get(nodes[0].name.value)
    if declared is None:  # __typename
        return 1
    kind = get_named_type(declared.type)
    if not is_composite_type(kind):
        return 1
    each = sum(
        _values(operation, kind, below, depth + 1) for below in operation.fields(nodes, kind.name, depth).values()
    )
    times = get_argument_values(declared, nodes[0], dict(operation.variables)).get("first", 1) if declared.args else 1
    return max(times or 0, 0) * each + 1
