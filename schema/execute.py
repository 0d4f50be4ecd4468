"""Execute an operation: parse and validate it, compile it to one statement per root field, run it."""

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

from registry.database.driver import AWAY_CODES, Cypher, Reader, Rows, Store, StoreError, last_marks
from registry.database.query import Explore, FacetQuery, Query, Total
from registry.database.read import CypherTemplate, write
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


class DocumentParser(SchemaExtension):
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
        raise GraphQLRequestError("TOO_COSTLY", f"A document has at most {DOCUMENT:,} characters.", limit=DOCUMENT)
    document = parse(text, max_tokens=TOKENS)
    if len(document.definitions) > DEFINITIONS:
        raise GraphQLRequestError(
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
            raise GraphQLRequestError(
                "TOO_COSTLY", f"A document names a field at most {REPEATS} times.", limit=REPEATS, nodes=node
            )
        if node.alias and (introspecting or name in ("__schema", "__type")):
            raise GraphQLRequestError("TOO_COSTLY", "The schema is asked for without aliases.", nodes=node)


def _check_value(node: Node, nested: int) -> None:
    limit = DIGITS if isinstance(node, IntValueNode | FloatValueNode) else TEXT
    if isinstance(node, IntValueNode | FloatValueNode | StringValueNode) and len(node.value) > limit:
        raise too_long(limit)
    if nested > NESTED:
        raise too_nested()


def _check_only_operation(document: DocumentNode) -> None:
    if sum(isinstance(one, OperationDefinitionNode) for one in document.definitions) > 1:
        raise GraphQLRequestError("BAD_REQUEST", "The document has several operations; say which with operationName.")


def _is_about_types(definition: Node) -> bool:
    return isinstance(definition, FragmentDefinitionNode) and definition.type_condition.name.value.startswith("__")


def _children(node: Node) -> Iterator[Any]:
    for name in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
        child = getattr(node, name)
        yield from child if isinstance(child, tuple) else [child] if child else []


KEPT_KEPT = 1_000
T = TypeVar("T")


class LRUCache(Generic[T]):
    """Values by key; none of them may be None."""

    def __init__(self, most: int = KEPT_KEPT) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key, or None."""
        if (value := self._values.get(key)) is not None:
            self._values.move_to_end(key)
        return value

    def keep(self, key: Hashable, value: T) -> T:
        """Keep a value and return it."""
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


KEPT_SECONDS = 60.0  # other tools change the graph without leaving a mark


@dataclass(frozen=True)
class Counted:
    """What a text found while the graph had these marks, and until when it may be taken for true."""

    rows: Rows
    marks: list[str]
    until: float


class Counts:
    """What was counted, by text and values; who asks is one of the values."""

    def __init__(self) -> None:
        self._kept: LRUCache[Counted] = LRUCache()

    async def read(self, reader: Reader, questions: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of every text, in their order. Raises StoreError."""
        counting = {place for place, one in enumerate(questions) if isinstance(one, Total | FacetQuery)}
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
        """Return the marks and, by place, the rows of all texts that are not known; keep what is counted."""
        places = sorted(set(range(len(cyphers))).difference(known))
        (((marks,),), *answers) = await reader.read([last_marks(), *(cyphers[place] for place in places)])
        found = dict(zip(places, answers, strict=True))
        for place in counting.intersection(places) if marks else ():
            self._kept.keep(_key(cyphers[place]), Counted(found[place], marks, time.monotonic() + KEPT_SECONDS))
        return marks, found

    def _known(self, cypher: Cypher) -> Counted | None:
        counted = self._kept.get(_key(cypher))
        return counted if counted and time.monotonic() < counted.until else None


def _key(cypher: Cypher) -> bytes:
    values = orjson.dumps(cypher.parameters, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(cypher.text.encode() + b"\0" + values).digest()


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryContext:
    """The context of an operation: the store that is asked, who asks, and who is told the plan and Cypher, if any.

    `store` opens the one that makes changes, where they may be asked for; `how` they come, the chain of changes keeps.
    """

    reader: Reader
    actor: Actor
    explain: Callable[[Sequence[Query | Explore], Sequence[Cypher]], None] | None = None
    store: Callable[[], Store] | None = None
    how: str = "api"

    def tell(self, questions: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> None:
        """Tell what is asked, if anybody is told."""
        if self.explain:
            self.explain(questions, cyphers)

    async def read(self, questions: Sequence[Query | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of every text, and tell of it. Raises StoreError."""
        self.tell(questions, cyphers)
        return await self.reader.read(cyphers) if cyphers else []

    def asker(self, question: Explore) -> ExploreContext:
        """Return who asks for what a question finds."""
        return ExploreContext(lambda cyphers: self.read([question] * len(cyphers), cyphers), self.actor)


@dataclass(frozen=True)
class ParsedOperation:
    """An operation as it is asked: a valid document, its text, the operation in it, and its variables, not yet coerced."""

    text: str
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Compiled:
    """An operation made ready: what it asks the store, and the shape of its answer."""

    planned: Planned
    texts: tuple[CypherTemplate, ...]

    async def explored(self, asking: QueryContext, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the questions find that come first, each as a variable. Raises Refused and StoreError."""
        if not self.planned.explored:
            return {}
        await pay(check_cost(list(self.planned.explored.values()), variables))
        return {
            f"@{key}": await explore(question, asking.asker(question), variables, key)
            for key, question in self.planned.explored.items()
        }

    def ask(self, variables: Mapping[str, Any], actor: Actor) -> list[Cypher]:
        """Return the Cypher of every question with these values. Raises Refused, with the path of the root field."""
        me = actor.parameter()
        asked = []
        for text, key in zip(self.texts, self.planned.asked_by, strict=True):
            try:
                asked.append(text.ask(variables, me))
            except GraphQLRequestError as refused:
                raise refused.at(key) from None
        return asked


class Answerer:
    """Answers operations, and keeps what it made ready: one for all of a document whose variables have one shape."""

    def __init__(self, model: Model, documents: Documents) -> None:
        self._model, self._documents = model, documents
        self._kept: LRUCache[Compiled] = LRUCache()
        self._counts = Counts()

    def known(self, text: str, name: str | None, variables: Mapping[str, Any]) -> ParsedOperation | None:
        """Return the operation of a document that was found valid before; None where it is not one."""
        document = self._documents.known(text)
        operation = operation_of(document, name) if document else None
        if document is None or operation is None or operation.operation is not OperationType.QUERY:
            return None
        return ParsedOperation(text, document, operation, variables)

    async def answer(
        self, schema: GraphQLSchema, asked: ParsedOperation, asking: QueryContext, form: OutputMode
    ) -> ExecutionResult:
        """Return the result of an operation. Raises Incomplete where graphql-core has to complete it."""
        try:
            return ExecutionResult(data=await self._read(schema, asked, asking, form), errors=None)
        except Incomplete:
            raise
        except Exception as error:
            return ExecutionResult(data=None, errors=[as_answered(error)])

    async def _read(
        self, schema: GraphQLSchema, asked: ParsedOperation, asking: QueryContext, form: OutputMode
    ) -> dict[str, Any]:
        variables = coerced(schema, asked)
        key = (asked.text, asked.operation.name and asked.operation.name.value, shape_of(variables), form)
        compiled = self._kept.get(key) or self._kept.keep(key, self._compile(schema, asked, variables, form))
        if form.strict and compiled.planned.introspects:
            raise Incomplete
        known = {**variables, **await compiled.explored(asking, variables)}
        questions, cyphers = compiled.planned.questions, compiled.ask(known, asking.actor)
        await pay(check_cost(questions, known))
        asking.tell(questions, cyphers)
        return compiled.planned.answer(await self._counts.read(asking.reader, questions, cyphers), known)

    def _compile(
        self, schema: GraphQLSchema, asked: ParsedOperation, variables: Mapping[str, Any], form: OutputMode
    ) -> Compiled:
        operation = Operation(schema, asked.operation, fragments_of(asked.document), variables)
        planned = plan_operation(operation, self._model, form)
        return Compiled(planned, tuple(write(question, self._model) for question in planned.questions))


class CompiledExecution(SchemaExtension):
    """Answers queries; graphql-core is left only what `Answerer` does not cover."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer

    async def on_execute(self) -> AsyncIterator[None]:
        """Set the result of the operation, or the root value that graphql-core completes."""
        context = self.execution_context
        schema, asked = context.schema._schema, asked_of(context)
        if asked.operation.operation is OperationType.MUTATION:
            yield
            return
        try:
            context.result = await self._answerer.answer(schema, asked, context.context, OutputMode.VALUES)
        except Incomplete:
            completed = await self._answerer.answer(schema, asked, context.context, OutputMode.LOOSE)
            context.root_value, context.result = completed.data, completed if completed.errors else None
        yield


def coerced(schema: GraphQLSchema, asked: ParsedOperation) -> dict[str, Any]:
    """Return the variables of an operation as its definitions coerce them. Raises Refused."""
    definitions = asked.operation.variable_definitions
    if not definitions:
        return {}
    check_variables(asked.variables)
    if (plain := plain_variables(definitions, asked.variables)) is not None:
        return plain
    values = get_variable_values(schema, definitions, dict(asked.variables), max_errors=5)
    if isinstance(values, list):
        raise GraphQLRequestError("BAD_REQUEST", values[0].message, nodes=values[0].nodes)
    return values


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation of a document with this name, or its only one."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((one for one in operations if one.name and one.name.value == name), None)


def asked_of(context: ExecutionContext) -> ParsedOperation:
    """Return the operation that is executed, of a document that is valid."""
    document = context.graphql_document
    assert document is not None  # nothing is executed that was not parsed
    operation = operation_of(document, context.operation_name)
    assert operation is not None  # nor what the document does not have
    return ParsedOperation(context.query or "", document, operation, context.variables or {})


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments of a document by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def as_answered(error: Exception) -> GraphQLError:
    """Return what an operation that failed is refused with."""
    if isinstance(error, GraphQLError):
        return error
    if isinstance(error, StoreError) and error.code in AWAY_CODES:
        log.warning("%s", error)
        return GraphQLRequestError(
            "UNAVAILABLE", "The registry's store does not answer; try again soon.", retryAfter=AWAY
        )
    if isinstance(error, StoreError) and error.code in ("TIMEOUT", "TOO_COSTLY"):
        return GraphQLRequestError(error.code, str(error))
    return internal(error)
