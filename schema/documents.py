"""Documents: parsed, checked against limits, validated, and kept, so that each is looked at once.

The limits come before the validation, which takes the square of some of what they count.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.language import FloatValueNode, IntValueNode, ListValueNode, ObjectValueNode, StringValueNode
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from schema.limits import DEFINITIONS, DIGITS, DOCUMENT, ERRORS, NESTED, REPEATS, TEXT, TOKENS, too_long, too_nested
from schema.refusal import Refused

KEPT = 500_000  # characters of all documents; a parsed one takes up to two hundred times as many bytes


class Documents:
    """Valid documents by their text; the least recently asked for are forgotten first."""

    def __init__(self, *, introspection: bool = True) -> None:
        self._rules = [*specified_rules, OneOfInputValidationRule]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()
        self._size = 0

    def known(self, text: str) -> DocumentNode | None:
        """Return a document that was found valid before."""
        if text in self._kept:
            self._kept.move_to_end(text)
        return self._kept.get(text)

    def keep(self, text: str, document: DocumentNode) -> None:
        """Keep a valid document."""
        self._kept[text] = document
        self._size += len(text)
        while self._size > KEPT:
            self._size -= len(self._kept.popitem(last=False)[0])

    def opened(self, text: str, operation_name: str | None) -> DocumentNode:
        """Return the document of a text, parsed unless it is known. Raises GraphQLError."""
        document = self.known(text) or parsed(text)
        if operation_name is None:
            _check_only_operation(document)
        return document

    def faults(self, schema: GraphQLSchema, text: str, document: DocumentNode) -> list[GraphQLError]:
        """Return what is not valid about a document: a few faults, and that there are more. A valid one is kept."""
        if self.known(text):
            return []
        faults = validate(schema, document, self._rules, max_errors=ERRORS - 1)
        if not faults:
            self.keep(text, document)
        return faults


class Reading(SchemaExtension):
    """Reads the document of an operation."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        """Parse the document, or find it among those that are known. Raises GraphQLError."""
        context = self.execution_context
        context.graphql_document = self._documents.opened(context.query or "", context._provided_operation_name)
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate the document, unless it was before."""
        context = self.execution_context
        assert context.graphql_document is not None
        schema = context.schema._schema
        context.pre_execution_errors = self._documents.faults(schema, context.query or "", context.graphql_document)
        yield


def parsed(text: str) -> DocumentNode:
    """Return a document that is within the limits. Raises GraphQLError."""
    if len(text) > DOCUMENT:
        raise Refused("TOO_COSTLY", f"A document has at most {DOCUMENT:,} characters.", limit=DOCUMENT)
    document = parse(text, max_tokens=TOKENS)
    if len(document.definitions) > DEFINITIONS:
        raise Refused(
            "TOO_COSTLY", f"A document has at most {DEFINITIONS} operations and fragments.", limit=DEFINITIONS
        )
    _Check().definitions(document.definitions)
    return document


class _Check:
    """Looks at every node of a document, without recursion."""

    def __init__(self) -> None:
        self._named: Counter[str] = Counter()

    def definitions(self, definitions: Sequence[Node]) -> None:
        """Raise Refused where a limit is passed."""
        stack: list[tuple[Node, int, bool]] = [(one, 0, _is_about_types(one)) for one in definitions]
        while stack:
            node, nested, introspecting = stack.pop()
            if isinstance(node, FieldNode):
                self._field(node, introspecting)
                introspecting = introspecting or node.name.value in ("__schema", "__type")
            elif isinstance(node, ListValueNode | ObjectValueNode):
                nested += 1
            _check_value(node, nested)
            stack += [(child, nested, introspecting) for child in _children(node)]

    def _field(self, node: FieldNode, introspecting: bool) -> None:
        name = node.name.value
        self._named[name] += 1
        if self._named[name] > REPEATS:
            raise Refused("TOO_COSTLY", f"A document names a field at most {REPEATS} times.", limit=REPEATS, nodes=node)
        if node.alias and (introspecting or name in ("__schema", "__type")):
            raise Refused("TOO_COSTLY", "The schema is asked for without aliases.", nodes=node)


def _check_value(node: Node, nested: int) -> None:
    limit = DIGITS if isinstance(node, IntValueNode | FloatValueNode) else TEXT
    if isinstance(node, IntValueNode | FloatValueNode | StringValueNode) and len(node.value) > limit:
        raise too_long(limit)
    if nested > NESTED:
        raise too_nested()


def _check_only_operation(document: DocumentNode) -> None:
    if sum(isinstance(one, OperationDefinitionNode) for one in document.definitions) > 1:
        raise Refused("BAD_REQUEST", "The document has several operations; say which with operationName.")


def _is_about_types(definition: Node) -> bool:
    return isinstance(definition, FragmentDefinitionNode) and definition.type_condition.name.value.startswith("__")


def _children(node: Node) -> Iterator[Any]:
    for name in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
        child = getattr(node, name)
        yield from child if isinstance(child, tuple) else [child] if child else []
