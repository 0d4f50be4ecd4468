"""Execute an operation: parse and validate it, compile each of its queries to Cypher, and run the Cypher."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from inspect import isawaitable
from typing import Any

import orjson
from cachetools import LRUCache
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    execute,
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
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from registry.database.answer_cache import AnswerCache, Question
from registry.database.change_stamps import Kinds, Stamps, all_kinds_in, kinds_in
from registry.database.compiler import CypherTemplate, compile_query
from registry.database.driver import AWAY_CODES, Cypher, Reader, Rows, Store, StoreError
from registry.database.query import Explore, FacetQuery, MostLinks, Query, Total, has_partial
from registry.explore import ExploreContext
from registry.model.kinds import Model
from registry.permissions import Actor
from schema.arguments import plain_variables, shape_of
from schema.connections import ACTOR
from schema.explore import explore
from schema.limits import (
    AWAY,
    COST,
    DEFINITIONS,
    DIGITS,
    DOCUMENT,
    ERRORS,
    NESTED,
    REPEATS,
    TEXT,
    TOKENS,
    TOTAL_COST,
    GraphQLRequestError,
    bounds,
    check_cost,
    check_variables,
    internal,
    largest_cost,
    pay,
    too_long,
    too_nested,
)
from schema.planner import Planned, plan_operation
from schema.response import Incomplete
from schema.selection import Operation

CACHED_CHARACTERS = 500_000  # in all cached documents together; a parsed document takes up to 200 bytes per character


class InvalidDocument(Exception):
    """A document is invalid under the schema. `errors` are the validation errors."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(*errors)
        self.errors = errors


class OperationRefused(GraphQLRequestError):
    """The document lacks the requested operation, or the operation is not allowed for this request."""

    def __init__(self, message: str) -> None:
        super().__init__("BAD_REQUEST", message)


@dataclass(frozen=True)
class ParsedOperation:
    """A valid document with its text, the operation to execute, and the unconverted variables."""

    text: str
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """The name of the operation, or None if it has no name."""
        return self.operation.name.value if self.operation.name else None


class DocumentCache:
    """Parses and validates GraphQL documents, and caches the valid documents by their text. Not thread-safe."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool = True) -> None:
        self._schema = schema
        self._rules = [*specified_rules, OneOfInputValidationRule]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._documents: LRUCache[str, DocumentNode] = LRUCache(CACHED_CHARACTERS, getsizeof=_characters)

    def operation(
        self, text: str, name: str | None, variables: Mapping[str, Any], *, read_only: bool = False
    ) -> ParsedOperation:
        """Parse and validate a document and return the requested operation. Raises GraphQLError and InvalidDocument.

        If `read_only` is set, mutations are rejected.
        """
        cached = self._documents.get(text)
        document = cached or parse_document(text)
        operation = operation_of(document, name)
        if read_only and operation.operation is OperationType.MUTATION:
            raise OperationRefused("Send a mutation by POST.")
        if cached is None:
            # There are at most ERRORS errors; the last of them says that there are more.
            if errors := validate(self._schema, document, self._rules, max_errors=ERRORS - 1):
                raise InvalidDocument(errors)
            self._documents[text] = document
        return ParsedOperation(text, document, operation, variables)


def _characters(document: DocumentNode) -> int:
    return len(document.loc.source.body) if document.loc else 0


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation with this name in a document. Raises GraphQLError.

    If the name is None, the document must contain only one operation.
    """
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is None and len(operations) > 1:
        raise GraphQLRequestError("BAD_REQUEST", "The document has several operations. Choose one with operationName.")
    for one in operations:
        if name is None or (one.name and one.name.value == name):
            return one
    raise OperationRefused(f'The document has no operation "{name}".' if name else "The document has no operation.")


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments in a document, by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def parse_document(text: str) -> DocumentNode:
    """Parse a document and check that it does not exceed the limits. Raises GraphQLError."""
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
    """Checks the limits on every node of a document, without recursion."""

    def __init__(self) -> None:
        self._named: Counter[str] = Counter()

    def definitions(self, definitions: Sequence[Node]) -> None:
        """Raise GraphQLRequestError if the definitions exceed a limit."""
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


def _is_introspection(definition: Node) -> bool:
    return isinstance(definition, FragmentDefinitionNode) and definition.type_condition.name.value.startswith("__")


def _children(node: Node) -> Iterator[Any]:
    for name in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
        child = getattr(node, name)
        yield from child if isinstance(child, tuple) else [child] if child else []


CACHE_SIZE = 1_000
SLOW_SECONDS = 0.05
COUNT_BYTES = 1_000  # rows of this size weigh as much in the cache as a count


async def read_rows(
    answers: AnswerCache,
    reader: Reader,
    queries: Sequence[Query | Explore],
    cyphers: Sequence[Cypher],
    timeout: float | None = None,
) -> list[Rows]:
    """Return the rows of every Cypher query, in the order of the queries. Raises StoreError.

    Counts are read only if records changed. So is what took SLOW_SECONDS or longer the last time; of several requests for it at
    the same time, one reads it.
    """
    keys = [_key(cypher) for cypher in cyphers]
    counts = {place for place, one in enumerate(queries) if isinstance(one, Total | MostLinks | FacetQuery)}
    if not answers.is_slow(keys):
        return await _read(answers, reader, keys, cyphers, counts, timeout)
    read = partial(_read, answers, reader, keys, cyphers, counts, timeout)
    return await answers.exact(
        Question(tuple(keys), all_kinds_in(one.text for one in cyphers), read, weigh=_weight), reader
    )


async def _read(
    answers: AnswerCache,
    reader: Reader,
    keys: Sequence[bytes],
    cyphers: Sequence[Cypher],
    counts: Collection[int],
    timeout: float | None = None,
) -> list[Rows]:
    """Return the rows of every Cypher query. The rows of the places `counts` are taken from the cache if they are valid."""
    rows, started, places = dict[int, Rows](), time.monotonic(), range(len(cyphers))
    missing = [place for place in places if place not in counts or not answers.holds(keys[place])]
    while len(rows) < len(cyphers):
        texts = [cyphers[place] for place in missing]
        if counts:
            stamps, found = await reader.read_with_stamps(texts, timeout=timeout)
        else:
            stamps, found = Stamps(), await reader.read(texts, timeout=timeout)
        rows |= dict(zip(missing, found, strict=True))
        for place in counts:
            stamp = stamps.of(kinds_in(cyphers[place].text))
            if place in missing and stamp:
                answers.keep(keys[place], stamp, rows[place], started)
            elif place not in rows and (answer := answers.find(keys[place], stamp)):
                rows[place] = answer.value or []
        missing = [place for place in places if place not in rows]
    if time.monotonic() - started >= SLOW_SECONDS and len(counts) < len(cyphers):
        answers.mark_slow(keys)
    return [rows[place] for place in places]


def _weight(rows: list[Rows]) -> int:
    return 1 + len(orjson.dumps(rows)) // COUNT_BYTES


def _key(cypher: Cypher) -> bytes:
    values = orjson.dumps(cypher.parameters, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(cypher.text.encode() + b"\0" + values).digest()


async def with_partial_kinds(actor: Actor, model: Model, answers: AnswerCache, reader: Reader) -> Actor:
    """Return the actor with the kinds of which the actor sees some records only as a summary. Raises StoreError."""
    if actor.is_admin:
        return replace(actor, partial_kinds=frozenset())
    kinds = [kind for kind in model if not kind.read_only]
    cyphers = [has_partial(kind, actor) for kind in kinds]
    rows = await _read(answers, reader, list(map(_key, cyphers)), cyphers, range(len(cyphers)))
    found_kinds = (kind.__name__ for kind, ((found,),) in zip(kinds, rows, strict=True) if found)
    return replace(actor, partial_kinds=frozenset(found_kinds))


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryContext:
    """The context of an operation: the database, the actor, and an optional callback that gets the queries and their Cypher.

    `store` opens the database client for mutations. If mutations are not allowed, `store` is None. `how` is the entry point
    recorded in the audit log. `timeout` is the time limit in seconds, if it is not that of the connection.
    """

    reader: Reader
    actor: Actor
    explain: Callable[[Sequence[Query | Explore], Sequence[Cypher]], None] | None = None
    store: Callable[[], Store] | None = None
    how: str = "api"
    timeout: float | None = None

    def call_explain(self, queries: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> None:
        """If there is a callback, call it with the queries and their Cypher."""
        if self.explain:
            self.explain(queries, cyphers)

    async def read(self, queries: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Call the callback, run the Cypher queries, and return the rows of each. Raises StoreError."""
        self.call_explain(queries, cyphers)
        return await self.reader.read(cyphers) if cyphers else []

    def explore_context(self, query: Explore, answers: AnswerCache) -> ExploreContext:
        """Return the context in which an exploration runs."""

        async def read(cyphers: Sequence[Cypher]) -> list[Rows]:
            queries = [query] * len(cyphers)
            self.call_explain(queries, cyphers)
            return await read_rows(answers, self.reader, queries, cyphers, self.timeout)

        return ExploreContext(read, self.actor)


@dataclass(frozen=True)
class CompiledOperation:
    """A compiled operation: its plan, and the Cypher of its queries."""

    planned: Planned
    templates: tuple[CypherTemplate, ...]

    @cached_property
    def reads_details(self) -> bool:
        """Whether the response depends on the kinds of which the actor sees some records only as a summary."""
        return bool(self.planned.explored or self.planned.reads_details) or any(
            "$me.partial_kinds" in one.text for one in self.templates
        )

    async def explored(
        self, context: QueryContext, variables: Mapping[str, Any], answers: AnswerCache
    ) -> tuple[dict[str, Any], list[GraphQLError]]:
        """Run the explorations. Return their results as variables, and the errors of those that name an unknown record.

        The result of an exploration with an error is None. Raises GraphQLRequestError and StoreError.
        """
        if not self.planned.explored:
            return {}, []
        await pay(check_cost(list(self.planned.explored.values()), variables))
        found, errors = {}, list[GraphQLError]()
        for key, query in self.planned.explored.items():
            try:
                found[f"@{key}"] = await explore(query, context.explore_context(query, answers), variables, key)
            except GraphQLRequestError as error:
                if error.code != "NOT_FOUND" or query.name == "search":  # the field `search` is never null
                    raise
                found[f"@{key}"] = None
                errors.append(error)
        return found, errors

    def bind(self, variables: Mapping[str, Any], actor: Actor) -> list[Cypher]:
        """Return the Cypher of every query. The parameters come from the given variables and the actor.

        Raises GraphQLRequestError; the error has the path of the root field.
        """
        me = actor.parameter()
        statements = []
        for template, key in zip(self.templates, self.planned.root_fields, strict=True):
            try:
                statements.append(template.ask(variables, me))
            except GraphQLRequestError as error:
                raise error.at(key) from None
        return statements


class QueryExecutor:
    """Executes queries and caches the compiled operations. Not thread-safe.

    The cache key consists of the document and the structure of the variables: nesting, nulls, flags and enums.
    """

    def __init__(self, schema: GraphQLSchema, model: Model, answers: AnswerCache) -> None:
        self._schema, self._model = schema, model
        self._compiled: LRUCache[object, CompiledOperation] = LRUCache(CACHE_SIZE)
        self._answers = answers

    async def execute(self, parsed: ParsedOperation, context: QueryContext) -> ExecutionResult:
        """Return the result of a query operation; its records are JSON fragments. Raises GraphQLError and StoreError."""
        variables = coerced(self._schema, parsed)
        compiled = self._compile(parsed, variables)
        if compiled.reads_details:
            context = replace(
                context, actor=await with_partial_kinds(context.actor, self._model, self._answers, context.reader)
            )
        explored, errors = await compiled.explored(context, variables, self._answers)
        values = {ACTOR: context.actor, **variables, **explored}
        queries, cyphers = compiled.planned.queries, compiled.bind(values, context.actor)
        await pay(await self._cost(queries, values, context))
        context.call_explain(queries, cyphers)
        rows = await read_rows(self._answers, context.reader, queries, cyphers, context.timeout)
        values |= await self._introspected(parsed, compiled.planned.introspection)
        try:
            return ExecutionResult(compiled.planned.data(rows, values), errors or None)
        except Incomplete:
            lenient = self._plan(parsed, variables, lenient=True)
            completed = await complete(self._schema, parsed, lenient.data(rows, values))
            return ExecutionResult(completed.data, [*errors, *(completed.errors or ())] or None)

    def kinds_read(self, parsed: ParsedOperation) -> Kinds:
        """Return the kinds whose records the result of an operation depends on. Raises GraphQLError."""
        compiled = self._compile(parsed, coerced(self._schema, parsed))
        return None if compiled.planned.explored else all_kinds_in(one.text for one in compiled.templates)

    async def _cost(self, queries: Sequence[Query | Explore], values: Mapping[str, Any], context: QueryContext) -> int:
        """Return the cost of an operation. If full pages would exceed the limit, read how long its lists can be.

        Raises GraphQLRequestError and StoreError.
        """
        if (cost := largest_cost(queries, values)) <= COST:
            return cost
        sizes = bounds(queries)
        await pay(len(sizes) * TOTAL_COST)
        me = context.actor.parameter()
        cyphers = [compile_query(one, self._model).ask(values, me) for one in sizes]
        rows = await read_rows(self._answers, context.reader, sizes, cyphers)
        numbers = {size: found[0][0] for size, found in zip(sizes, rows, strict=True)}
        return check_cost(queries, values, known=numbers)

    def _compile(self, parsed: ParsedOperation, variables: Mapping[str, Any]) -> CompiledOperation:
        key = (parsed.text, parsed.name, shape_of(variables))
        compiled = self._compiled.get(key)
        if compiled is None:
            planned = self._plan(parsed, variables)
            compiled = CompiledOperation(planned, tuple(compile_query(one, self._model) for one in planned.queries))
            self._compiled[key] = compiled
        return compiled

    def _plan(self, parsed: ParsedOperation, variables: Mapping[str, Any], *, lenient: bool = False) -> Planned:
        operation = Operation(self._schema, parsed.operation, fragments_of(parsed.document), variables)
        return plan_operation(operation, self._model, lenient=lenient)

    async def _introspected(self, parsed: ParsedOperation, fields: Mapping[str, list[FieldNode]]) -> dict[str, Any]:
        """Let graphql-core execute the introspection fields, and return their values as variables."""
        if not fields:
            return {}
        operation = copy(parsed.operation)
        operation.selection_set = SelectionSetNode(
            selections=tuple(node for nodes in fields.values() for node in nodes)
        )
        document = DocumentNode(definitions=(operation, *fragments_of(parsed.document).values()))
        result = await complete(self._schema, replace(parsed, document=document, operation=operation), None)
        if result.errors:
            raise result.errors[0]
        return {f"@{key}": value for key, value in (result.data or {}).items()}


async def complete(schema: GraphQLSchema, parsed: ParsedOperation, root: Mapping[str, Any] | None) -> ExecutionResult:
    """Let graphql-core build the response to an operation from the values of the root fields. A value may be awaitable.

    graphql-core does what compiled code cannot do: it executes introspection and mutations. If a non-null value is missing, it
    reports the path of the value in the response.
    """
    result = execute(schema, parsed.document, root, variable_values=dict(parsed.variables), operation_name=parsed.name)
    return await result if isawaitable(result) else result


def coerced(schema: GraphQLSchema, parsed: ParsedOperation) -> dict[str, Any]:
    """Return the variables of an operation, converted to their declared types. Raises GraphQLRequestError."""
    definitions = parsed.operation.variable_definitions
    if not definitions:
        return {}
    check_variables(parsed.variables)
    if (plain := plain_variables(definitions, parsed.variables)) is not None:
        return plain
    values = get_variable_values(schema, definitions, dict(parsed.variables), max_errors=5)
    if isinstance(values, list):
        raise GraphQLRequestError("BAD_REQUEST", values[0].message, nodes=values[0].nodes)
    return values


def failed(error: Exception) -> ExecutionResult:
    """Return the result of an operation that failed with an exception."""
    errors = error.errors if isinstance(error, InvalidDocument) else [as_graphql_error(error)]
    return ExecutionResult(None, errors)


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
