"""The Strawberry extension that answers an operation as a whole: one statement a root field, shaped by closures.

Only what the closures do not cover goes through graphql-core, over the same answer: introspection beside data,
and a null where the schema promises a value.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, FragmentDefinitionNode, GraphQLError, OperationDefinitionNode
from graphql.execution.values import get_variable_values
from graphql.language import DocumentNode
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from registry.access import Actor
from registry.cypher.read import Text, write
from registry.cypher.text import Cypher
from registry.exploring.asking import Asker
from registry.modelling import Model
from registry.plan import Explore, Question
from registry.store import Reader, Rows, StoreError
from schema.exploring import explore
from schema.inputs import shape_of
from schema.limits import check_cost
from schema.operations import Planned, plan_operation
from schema.refusal import Refused, internal
from schema.selection import Operation
from schema.shape import Incomplete

KEPT = 1_000


@dataclass(frozen=True)
class Asking:
    """The context of an operation: the store that is asked, who asks, and who is told the plan and Cypher, if any."""

    reader: Reader
    actor: Actor
    explain: Callable[[Sequence[Question | Explore], Sequence[Cypher]], None] | None = None

    async def read(self, questions: Sequence[Question | Explore], cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of every text, and tell of it. Raises StoreError."""
        if self.explain:
            self.explain(questions, cyphers)
        return await self.reader.read(cyphers) if cyphers else []

    def asker(self, question: Explore) -> Asker:
        """Return who asks for what a question finds."""
        return Asker(lambda cyphers: self.read([question] * len(cyphers), cyphers), self.actor)


@dataclass(frozen=True)
class Compiled:
    """An operation made ready: what it asks the store, and the shape of its answer."""

    planned: Planned
    texts: tuple[Text, ...]

    async def explored(self, asking: Asking, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the questions find that come first, each as a variable. Raises Refused and StoreError."""
        check_cost(list(self.planned.explored.values()), variables)
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
                raise Refused(message=refused.message, path=[key], **(refused.extensions or {})) from None
        check_cost(self.planned.questions, variables)
        return asked


class Compiler:
    """Makes operations ready and keeps them: one for all operations of a document whose variables have one shape."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._kept: OrderedDict[Any, Compiled] = OrderedDict()

    def compiled(self, context: ExecutionContext, variables: Mapping[str, Any], *, strict: bool) -> Compiled:
        """Return the operation of a context made ready. Raises Refused."""
        key = (context.query, context.operation_name, shape_of(dict(variables)), strict)
        if key not in self._kept:
            self._kept[key] = self._compile(context, variables, strict)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _compile(self, context: ExecutionContext, variables: Mapping[str, Any], strict: bool) -> Compiled:
        document, schema = context.graphql_document, context.schema._schema
        assert document is not None
        operation = Operation(schema, operation_of(document, context.operation_name), fragments_of(document), variables)
        planned = plan_operation(operation, self._model, strict=strict)
        return Compiled(planned, tuple(write(question, self._model) for question in planned.questions))


class Answering(SchemaExtension):
    """Answers operations; graphql-core is left only what `Compiled` does not cover."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler

    async def on_execute(self) -> AsyncIterator[None]:
        """Set the result of the operation, or the root value that graphql-core completes."""
        context = self.execution_context
        try:
            await self._answer(context)
        except GraphQLError as error:
            context.result = ExecutionResult(data=None, errors=[error])
        except StoreError as error:
            context.result = ExecutionResult(data=None, errors=[_of_store(error)])
        yield

    async def _answer(self, context: ExecutionContext) -> None:
        variables = coerced(context)
        try:
            planned, answer = await self._asked(context, variables, strict=True)
        except Incomplete:
            _, context.root_value = await self._asked(context, variables, strict=False)
            return
        if planned.introspects:
            _, context.root_value = await self._asked(context, variables, strict=False)
        else:
            context.result = ExecutionResult(data=answer, errors=None)

    async def _asked(
        self, context: ExecutionContext, variables: dict[str, Any], *, strict: bool
    ) -> tuple[Planned, Any]:
        asking: Asking = context.context
        compiled = self._compiler.compiled(context, variables, strict=strict)
        known = {**variables, **await compiled.explored(asking, variables)}
        rows = await asking.read(compiled.planned.questions, compiled.ask(known, asking.actor))
        return compiled.planned, compiled.planned.answer(rows, known)


def coerced(context: ExecutionContext) -> dict[str, Any]:
    """Return the variables of an operation as its definitions coerce them. Raises Refused."""
    document, schema = context.graphql_document, context.schema._schema
    assert document is not None
    definitions = operation_of(document, context.operation_name).variable_definitions or ()
    if not definitions:
        return {}
    values = get_variable_values(schema, definitions, context.variables or {}, max_errors=5)
    if isinstance(values, list):
        raise Refused("BAD_REQUEST", values[0].message, nodes=values[0].nodes)
    return values


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation of a document with this name, or its only one."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return next(one for one in operations if name is None or (one.name and one.name.value == name))


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments of a document by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def _of_store(error: StoreError) -> GraphQLError:
    if error.code in ("UNAVAILABLE", "TIMEOUT", "TOO_COSTLY"):
        sentence = (
            "The registry's store does not answer; try again soon." if error.code == "UNAVAILABLE" else str(error)
        )
        return Refused(error.code, sentence)
    return internal(error)
