"""The Strawberry extension that answers an operation as a whole: one statement a root field, shaped by generated code.

Only what that does not cover goes through graphql-core, over the same answer: introspection beside data,
and a null where the schema promises a value.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import get_variable_values
from graphql.language import DocumentNode, OperationType
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from registry.access import Actor
from registry.cypher.read import Text, write
from registry.cypher.text import Cypher
from registry.exploring.asking import Asker
from registry.modelling import Model
from registry.plan import Explore, Question
from registry.store import AWAY_CODES, Reader, Rows, Store, StoreError
from schema.counting import Counts
from schema.documents import Documents
from schema.exploring import explore
from schema.inputs import plain_variables, shape_of
from schema.kept import Kept
from schema.limits import check_cost, check_variables
from schema.negotiation import AWAY
from schema.operations import Planned, plan_operation
from schema.paying import pay
from schema.refusal import Refused, internal
from schema.selection import Operation
from schema.shape import Form, Incomplete

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asking:
    """The context of an operation: the store that is asked, who asks, and who is told the plan and Cypher, if any.

    `store` opens the one that makes changes, where they may be asked for; `how` they come, the chain of changes keeps.
    """

    reader: Reader
    actor: Actor
    explain: Callable[[Sequence[Question | Explore], Sequence[Cypher]], None] | None = None
    store: Callable[[], Store] | None = None
    how: str = "api"

    def tell(self, questions: Sequence[Question | Explore], cyphers: Sequence[Cypher]) -> None:
        """Tell what is asked, if anybody is told."""
        if self.explain:
            self.explain(questions, cyphers)

    async def read(self, questions: Sequence[Question | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of every text, and tell of it. Raises StoreError."""
        self.tell(questions, cyphers)
        return await self.reader.read(cyphers) if cyphers else []

    def asker(self, question: Explore) -> Asker:
        """Return who asks for what a question finds."""
        return Asker(lambda cyphers: self.read([question] * len(cyphers), cyphers), self.actor)


@dataclass(frozen=True)
class Asked:
    """An operation as it is asked: a valid document, its text, the operation in it, and its variables, not yet coerced."""

    text: str
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Compiled:
    """An operation made ready: what it asks the store, and the shape of its answer."""

    planned: Planned
    texts: tuple[Text, ...]

    async def explored(self, asking: Asking, variables: Mapping[str, Any]) -> dict[str, Any]:
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
            except Refused as refused:
                raise refused.at(key) from None
        return asked


class Answerer:
    """Answers operations, and keeps what it made ready: one for all of a document whose variables have one shape."""

    def __init__(self, model: Model, documents: Documents) -> None:
        self._model, self._documents = model, documents
        self._kept: Kept[Compiled] = Kept()
        self._counts = Counts()

    def known(self, text: str, name: str | None, variables: Mapping[str, Any]) -> Asked | None:
        """Return the operation of a document that was found valid before; None where it is not one."""
        document = self._documents.known(text)
        operation = operation_of(document, name) if document else None
        if document is None or operation is None or operation.operation is not OperationType.QUERY:
            return None
        return Asked(text, document, operation, variables)

    async def answer(self, schema: GraphQLSchema, asked: Asked, asking: Asking, form: Form) -> ExecutionResult:
        """Return the result of an operation. Raises Incomplete where graphql-core has to complete it."""
        try:
            return ExecutionResult(data=await self._read(schema, asked, asking, form), errors=None)
        except Incomplete:
            raise
        except Exception as error:
            return ExecutionResult(data=None, errors=[as_answered(error)])

    async def _read(self, schema: GraphQLSchema, asked: Asked, asking: Asking, form: Form) -> dict[str, Any]:
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

    def _compile(self, schema: GraphQLSchema, asked: Asked, variables: Mapping[str, Any], form: Form) -> Compiled:
        operation = Operation(schema, asked.operation, fragments_of(asked.document), variables)
        planned = plan_operation(operation, self._model, form)
        return Compiled(planned, tuple(write(question, self._model) for question in planned.questions))


class Answering(SchemaExtension):
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
            context.result = await self._answerer.answer(schema, asked, context.context, Form.VALUES)
        except Incomplete:
            completed = await self._answerer.answer(schema, asked, context.context, Form.LOOSE)
            context.root_value, context.result = completed.data, completed if completed.errors else None
        yield


def coerced(schema: GraphQLSchema, asked: Asked) -> dict[str, Any]:
    """Return the variables of an operation as its definitions coerce them. Raises Refused."""
    definitions = asked.operation.variable_definitions
    if not definitions:
        return {}
    check_variables(asked.variables)
    if (plain := plain_variables(definitions, asked.variables)) is not None:
        return plain
    values = get_variable_values(schema, definitions, dict(asked.variables), max_errors=5)
    if isinstance(values, list):
        raise Refused("BAD_REQUEST", values[0].message, nodes=values[0].nodes)
    return values


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation of a document with this name, or its only one."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((one for one in operations if one.name and one.name.value == name), None)


def asked_of(context: ExecutionContext) -> Asked:
    """Return the operation that is executed, of a document that is valid."""
    document = context.graphql_document
    assert document is not None  # nothing is executed that was not parsed
    operation = operation_of(document, context.operation_name)
    assert operation is not None  # nor what the document does not have
    return Asked(context.query or "", document, operation, context.variables or {})


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments of a document by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def as_answered(error: Exception) -> GraphQLError:
    """Return what an operation that failed is refused with."""
    if isinstance(error, GraphQLError):
        return error
    if isinstance(error, StoreError) and error.code in AWAY_CODES:
        log.warning("%s", error)
        return Refused("UNAVAILABLE", "The registry's store does not answer; try again soon.", retryAfter=AWAY)
    if isinstance(error, StoreError) and error.code in ("TIMEOUT", "TOO_COSTLY"):
        return Refused(error.code, str(error))
    return internal(error)
