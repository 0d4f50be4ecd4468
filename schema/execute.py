"""Execute an operation: parse and validate it, compile it to one statement per query, run the statements."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from graphql import (
    ExecutionResult,
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
from graphql.execution.values import get_variable_values
from graphql.language import (
    DocumentNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationType,
    StringValueNode,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext

from registry.database.driver import AWAY_CODES, Cypher, Reader, Rows, Store, StoreError, change_stamps
from registry.database.query import Explore, FacetQuery, Query, Total
from registry.database.read import CypherTemplate, compile_query
from registry.explore.context import ExploreContext
from registry.model.kinds import Model
from registry.permissions import Actor
from schema.arguments import plain_variables, shape_of
from schema.explore import explore
from schema.limits import (
    AWAY,
    DEFINITIONS,
    DIGITS,
    DOCUMENT,
    ERRORS,
    NESTED,
    REPEATS,
    TEXT,
    TOKENS,
    GraphQLRequestError,
    check_cost,
    check_variables,
    internal,
    pay,
    too_long,
    too_nested,
)
from schema.planner import Planned, plan_operation
from schema.response import Incomplete, OutputMode
from schema.selection import Operation

KEPT = 500_000  # characters of all cached documents; a parsed one takes up to 200 bytes per character


class DocumentCache:
    """A cache of valid documents by their text; the least recently used are dropped first."""

    def __init__(self, *, introspection: bool = True) -> None:
        self._rules = [*specified_rules, OneOfInputValidationRule]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()
        self._size = 0

    def known(self, text: str) -> DocumentNode | None:
        """Return a cached document, or None."""
        if text in self._kept:
            self._kept.move_to_end(text)
        return self._kept.get(text)

    def keep(self, text: str, document: DocumentNode) -> None:
        """Cache a valid document."""
        self._kept[text] = document
        self._size += len(text)
        while self._size > KEPT:
            self._size -= len(self._kept.popitem(last=False)[0])

    def opened(self, text: str, operation_name: str | None) -> DocumentNode:
        """Return the document of a text, parsed unless it is cached. Raises GraphQLError."""
        document = self.known(text) or parsed(text)
        if operation_name is None:
            _require_operation_name(document)
        return document

    def faults(self, schema: GraphQLSchema, text: str, document: DocumentNode) -> list[GraphQLError]:
        """Validate a document and cache it if it is valid. Return at most ERRORS errors; the last says if there are more."""
        if self.known(text):
            return []
        faults = validate(schema, document, self._rules, max_errors=ERRORS - 1)
        if not faults:
            self.keep(text, document)
        return faults


class DocumentParser(SchemaExtension):
    """Parses and validates the document of an operation."""

    def __init__(self, documents: DocumentCache) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        """Parse the document unless it is cached. Raises GraphQLError."""
        context = self.execution_context
        context.graphql_document = self._documents.opened(context.query or "", context._provided_operation_name)
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate the document unless it is cached."""
        context = self.execution_context
        assert context.graphql_document is not None
        schema = context.schema._schema
        context.pre_execution_errors = self._documents.faults(schema, context.query or "", context.graphql_document)
        yield


def parsed(text: str) -> DocumentNode:
    """Parse a document and check that it is within the limits. Raises GraphQLError."""
    if len(text) > DOCUMENT:
        raise GraphQLRequestError("TOO_COSTLY", f"A document can have at most {DOCUMENT:,} characters.", limit=DOCUMENT)
    document = parse(text, max_tokens=TOKENS)
    if len(document.definitions) > DEFINITIONS:
        raise GraphQLRequestError(
            "TOO_COSTLY", f"A document can have at most {DEFINITIONS} operations and fragments.", limit=DEFINITIONS
        )
    _DocumentLimits().definitions(document.definitions)
    return document


class _DocumentLimits:
    """Checks every node of a document, without recursion."""

    def __init__(self) -> None:
        self._named: Counter[str] = Counter()

    def definitions(self, definitions: Sequence[Node]) -> None:
        """Raise GraphQLRequestError where a limit is exceeded."""
        stack: list[tuple[Node, int, bool]] = [(one, 0, _is_introspection(one)) for one in definitions]
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
            raise GraphQLRequestError(
                "TOO_COSTLY", f"A document can name the same field at most {REPEATS} times.", limit=REPEATS, nodes=node
            )
        if node.alias and (introspecting or name in ("__schema", "__type")):
            raise GraphQLRequestError("TOO_COSTLY", "Introspection does not allow aliases.", nodes=node)


def _check_value(node: Node, nested: int) -> None:
    limit = DIGITS if isinstance(node, IntValueNode | FloatValueNode) else TEXT
    if isinstance(node, IntValueNode | FloatValueNode | StringValueNode) and len(node.value) > limit:
        raise too_long(limit)
    if nested > NESTED:
        raise too_nested()


def _require_operation_name(document: DocumentNode) -> None:
    if sum(isinstance(one, OperationDefinitionNode) for one in document.definitions) > 1:
        raise GraphQLRequestError("BAD_REQUEST", "The document has several operations. Choose one with operationName.")


def _is_introspection(definition: Node) -> bool:
    return isinstance(definition, FragmentDefinitionNode) and definition.type_condition.name.value.startswith("__")


def _children(node: Node) -> Iterator[Any]:
    for name in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
        child = getattr(node, name)
        yield from child if isinstance(child, tuple) else [child] if child else []


CACHE_SIZE = 1_000
T = TypeVar("T")


class LRUCache(Generic[T]):
    """A cache that drops the least recently used values; no value may be None."""

    def __init__(self, most: int = CACHE_SIZE) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key, or None."""
        if (value := self._values.get(key)) is not None:
            self._values.move_to_end(key)
        return value

    def keep(self, key: Hashable, value: T) -> T:
        """Store a value and return it."""
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


KEPT_SECONDS = 60.0  # other tools may change the graph without changing the stamp


@dataclass(frozen=True)
class CachedCount:
    """The rows of a count, the change stamp of the graph at that time, and when they expire."""

    rows: Rows
    marks: list[str]
    until: float


class CountCache:
    """A cache of counts, by statement and parameters. The parameters include the actor."""

    def __init__(self) -> None:
        self._kept: LRUCache[CachedCount] = LRUCache()

    async def read(self, reader: Reader, queries: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of every statement, in their order. Raises StoreError."""
        counting = {place for place, one in enumerate(queries) if isinstance(one, Total | FacetQuery)}
        if not counting:
            return await reader.read(cyphers) if cyphers else []
        known = {place: one for place in counting if (one := self._known(cyphers[place]))}
        marks, found = await self._read(reader, cyphers, known, counting)
        found |= {place: one.rows for place, one in known.items() if one.marks == marks}
        if len(found) < len(cyphers):
            found |= (await self._read(reader, cyphers, found, counting))[1]
        return [found[place] for place in range(len(cyphers))]

    async def _read(
        self, reader: Reader, cyphers: Sequence[Cypher], known: Iterable[int], counting: set[int]
    ) -> tuple[list[str], dict[int, Rows]]:
        """Return the change stamp and, by position, the rows of all statements that are not in `known`; cache the counts."""
        places = sorted(set(range(len(cyphers))).difference(known))
        (((marks,),), *answers) = await reader.read([change_stamps(), *(cyphers[place] for place in places)])
        found = dict(zip(places, answers, strict=True))
        for place in counting.intersection(places) if marks else ():
            self._kept.keep(_key(cyphers[place]), CachedCount(found[place], marks, time.monotonic() + KEPT_SECONDS))
        return marks, found

    def _known(self, cypher: Cypher) -> CachedCount | None:
        counted = self._kept.get(_key(cypher))
        return counted if counted and time.monotonic() < counted.until else None


def _key(cypher: Cypher) -> bytes:
    values = orjson.dumps(cypher.parameters, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(cypher.text.encode() + b"\0" + values).digest()


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryContext:
    """The context of an operation: the database, the actor, and a callback that receives the queries and Cypher, if any.

    `store` opens the database client for mutations, if they are allowed. `how` is the entry point recorded in the audit log.
    """

    reader: Reader
    actor: Actor
    explain: Callable[[Sequence[Query | Explore], Sequence[Cypher]], None] | None = None
    store: Callable[[], Store] | None = None
    how: str = "api"

    def tell(self, queries: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> None:
        """Pass the queries and their Cypher to the callback, if there is one."""
        if self.explain:
            self.explain(queries, cyphers)

    async def read(self, queries: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of every statement, after calling the callback. Raises StoreError."""
        self.tell(queries, cyphers)
        return await self.reader.read(cyphers) if cyphers else []

    def asker(self, query: Explore) -> ExploreContext:
        """Return the context of an exploration."""
        return ExploreContext(lambda cyphers: self.read([query] * len(cyphers), cyphers), self.actor)


@dataclass(frozen=True)
class ParsedOperation:
    """A valid document, its text, the operation to execute, and its variables, which are not coerced yet."""

    text: str
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Compiled:
    """A compiled operation: its plan and the Cypher of its queries."""

    planned: Planned
    texts: tuple[CypherTemplate, ...]

    async def explored(self, context: QueryContext, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run the explorations; return each result as a variable. Raises GraphQLRequestError and StoreError."""
        if not self.planned.explored:
            return {}
        await pay(check_cost(list(self.planned.explored.values()), variables))
        return {
            f"@{key}": await explore(query, context.asker(query), variables, key)
            for key, query in self.planned.explored.items()
        }

    def ask(self, variables: Mapping[str, Any], actor: Actor) -> list[Cypher]:
        """Return the Cypher of every query with these values.

        Raises GraphQLRequestError with the path of the root field.
        """
        me = actor.parameter()
        statements = []
        for text, key in zip(self.texts, self.planned.root_fields, strict=True):
            try:
                statements.append(text.ask(variables, me))
            except GraphQLRequestError as refused:
                raise refused.at(key) from None
        return statements


class QueryExecutor:
    """Executes operations and caches the compiled ones: one for each document and shape of its variables."""

    def __init__(self, model: Model, documents: DocumentCache) -> None:
        self._model, self._documents = model, documents
        self._kept: LRUCache[Compiled] = LRUCache()
        self._counts = CountCache()

    def known(self, text: str, name: str | None, variables: Mapping[str, Any]) -> ParsedOperation | None:
        """Return the operation of a cached document; None if it is not cached or the operation is not a query."""
        document = self._documents.known(text)
        operation = operation_of(document, name) if document else None
        if document is None or operation is None or operation.operation is not OperationType.QUERY:
            return None
        return ParsedOperation(text, document, operation, variables)

    async def answer(
        self, schema: GraphQLSchema, parsed_operation: ParsedOperation, context: QueryContext, mode: OutputMode
    ) -> ExecutionResult:
        """Return the result of an operation. Raises Incomplete where graphql-core has to complete it."""
        try:
            return ExecutionResult(data=await self._read(schema, parsed_operation, context, mode), errors=None)
        except Incomplete:
            raise
        except Exception as error:
            return ExecutionResult(data=None, errors=[as_graphql_error(error)])

    async def _read(
        self, schema: GraphQLSchema, parsed_operation: ParsedOperation, context: QueryContext, mode: OutputMode
    ) -> dict[str, Any]:
        variables = coerced(schema, parsed_operation)
        key = (
            parsed_operation.text,
            parsed_operation.operation.name and parsed_operation.operation.name.value,
            shape_of(variables),
            mode,
        )
        compiled = self._kept.get(key) or self._kept.keep(key, self._compile(schema, parsed_operation, variables, mode))
        if mode.strict and compiled.planned.introspects:
            raise Incomplete
        known = {**variables, **await compiled.explored(context, variables)}
        queries, cyphers = compiled.planned.queries, compiled.ask(known, context.actor)
        await pay(check_cost(queries, known))
        context.tell(queries, cyphers)
        return compiled.planned.answer(await self._counts.read(context.reader, queries, cyphers), known)

    def _compile(
        self, schema: GraphQLSchema, parsed_operation: ParsedOperation, variables: Mapping[str, Any], mode: OutputMode
    ) -> Compiled:
        operation = Operation(schema, parsed_operation.operation, fragments_of(parsed_operation.document), variables)
        planned = plan_operation(operation, self._model, mode)
        return Compiled(planned, tuple(compile_query(query, self._model) for query in planned.queries))


class CompiledExecution(SchemaExtension):
    """Executes queries; graphql-core handles only what `Answerer` does not cover."""

    def __init__(self, answerer: QueryExecutor) -> None:
        self._answerer = answerer

    async def on_execute(self) -> AsyncIterator[None]:
        """Set the result of the operation, or the root value for graphql-core to complete."""
        context = self.execution_context
        schema, parsed_operation = context.schema._schema, asked_of(context)
        if parsed_operation.operation.operation is OperationType.MUTATION:
            yield
            return
        try:
            context.result = await self._answerer.answer(schema, parsed_operation, context.context, OutputMode.VALUES)
        except Incomplete:
            completed = await self._answerer.answer(schema, parsed_operation, context.context, OutputMode.LOOSE)
            context.root_value, context.result = completed.data, completed if completed.errors else None
        yield


def coerced(schema: GraphQLSchema, parsed_operation: ParsedOperation) -> dict[str, Any]:
    """Return the variables of an operation, coerced to their declared types. Raises GraphQLRequestError."""
    definitions = parsed_operation.operation.variable_definitions
    if not definitions:
        return {}
    check_variables(parsed_operation.variables)
    if (plain := plain_variables(definitions, parsed_operation.variables)) is not None:
        return plain
    values = get_variable_values(schema, definitions, dict(parsed_operation.variables), max_errors=5)
    if isinstance(values, list):
        raise GraphQLRequestError("BAD_REQUEST", values[0].message, nodes=values[0].nodes)
    return values


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation of a document with this name, or the only operation if the name is None."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((one for one in operations if one.name and one.name.value == name), None)


def asked_of(context: ExecutionContext) -> ParsedOperation:
    """Return the operation that is executed; its document is valid."""
    document = context.graphql_document
    assert document is not None  # a document is parsed before it is executed
    operation = operation_of(document, context.operation_name)
    assert operation is not None  # and the operation is one of the document
    return ParsedOperation(context.query or "", document, operation, context.variables or {})


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments of a document by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def as_graphql_error(error: Exception) -> GraphQLError:
    """Return the GraphQL error for an exception that an operation raised."""
    if isinstance(error, GraphQLError):
        return error
    if isinstance(error, StoreError) and error.code in AWAY_CODES:
        log.warning("%s", error)
        return GraphQLRequestError(
            "UNAVAILABLE", "The database is not responding. Try again in a few seconds.", retryAfter=AWAY
        )
    if isinstance(error, StoreError) and error.code in ("TIMEOUT", "TOO_COSTLY"):
        return GraphQLRequestError(error.code, str(error))
    return internal(error)
