"""The fields that an operation selects, with fragments and directives resolved (GraphQL 2021, 6.3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
)
from graphql.execution.values import get_directive_values

from schema.limits import ALIASES, CONDITIONS, DEPTH, FIELDS, GraphQLRequestError


@dataclass
class Operation:
    """One operation of a document, with its variables. The object counts the fields, aliases and conditions collected so far."""

    schema: GraphQLSchema
    definition: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    aliases: int = 0
    collected: int = 0
    conditions: int = 0

    def fields(self, nodes: list[FieldNode], type_name: str, depth: int) -> dict[str, list[FieldNode]]:
        """Return the fields in the selection sets of the given nodes, by response name, in order.

        Raises GraphQLRequestError if the fields are nested too deeply.
        """
        if depth > DEPTH:
            raise GraphQLRequestError(
                "TOO_DEEP", f"The operation is nested more than {DEPTH} levels deep.", limit=DEPTH, nodes=nodes[0]
            )
        found: dict[str, list[FieldNode]] = {}
        for node in nodes:
            self._collect(node, type_name, found, set())
        return found

    def root_fields(self) -> dict[str, list[FieldNode]]:
        """Return the root fields of the operation. Raises GraphQLRequestError if the schema has no root type for the operation."""
        found: dict[str, list[FieldNode]] = {}
        root = self.schema.get_root_type(self.definition.operation)
        if root is None:
            raise GraphQLRequestError(
                "BAD_REQUEST", f"This schema has no {self.definition.operation.value} type.", nodes=self.definition
            )
        self._collect(self.definition, root.name, found, set())
        return found

    def _collect(self, owner: Any, type_name: str, found: dict[str, list[FieldNode]], seen: set[str]) -> None:
        for node in owner.selection_set.selections if owner.selection_set else ():
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                self._count(node)
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(node.type_condition.name.value, type_name):
                    self._collect(node, type_name, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._applies(fragment.type_condition.name.value, type_name):
                    self._collect(fragment, type_name, found, seen)

    def _applies(self, condition: str, type_name: str) -> bool:
        if condition == type_name:
            return True
        general, own = self.schema.get_type(condition), self.schema.get_type(type_name)
        return isinstance(general, GraphQLInterfaceType) and self.schema.is_sub_type(general, own)  # type: ignore[arg-type]

    def _included(self, node: Any) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, dict(self.variables)) if node.directives else None
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, dict(self.variables)) if node.directives else None
        return include is None or bool(include["if"])

    def count_conditions(self, where: Any) -> None:
        """Count the conditions in the arguments of a field. Raises GraphQLRequestError if the operation has too many conditions."""
        parts = where.values() if isinstance(where, dict) else where if isinstance(where, list) else ()
        self.conditions += len(parts)
        if self.conditions > CONDITIONS:
            raise GraphQLRequestError(
                "TOO_COSTLY", f"An operation can have at most {CONDITIONS} conditions.", limit=CONDITIONS
            )
        for part in parts:
            self.count_conditions(part)

    def _count(self, node: FieldNode) -> None:
        self.collected += 1
        if self.collected > FIELDS:
            raise GraphQLRequestError(
                "TOO_COSTLY", f"An operation can select at most {FIELDS:,} fields.", limit=FIELDS, nodes=node
            )
        self.aliases += node.alias is not None
        if self.aliases > ALIASES:
            raise GraphQLRequestError(
                "TOO_COSTLY", f"An operation can have at most {ALIASES} aliases.", limit=ALIASES, nodes=node
            )
