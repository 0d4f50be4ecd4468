"""The Strawberry extension that makes changes: all that an operation asks for is looked at before the first is made.

Then graphql-core awaits one change after the other, as GraphQL says (2021, 6.2.2); each is made in a thread, in one
transaction. The record in its answer is read as every query is, and as who asked for the change may see it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from graphql import ExecutionResult, FieldNode, GraphQLSchema, get_named_type
from graphql.execution.values import get_argument_values
from graphql.language import OperationType
from strawberry.extensions import SchemaExtension

from registry.access import ANONYMOUS
from registry.changing import turn
from registry.changing.turn import Outcome
from registry.cypher.read import write
from registry.modelling import Kind, Model
from registry.plan import ById, Given, Select
from registry.records import Problem, show
from registry.store import Store
from registry.values import Text
from registry.words import _
from schema.building import clean_text
from schema.changes import Change
from schema.compiled import Asked, Asking, Compiled, as_answered, asked_of, coerced, fragments_of
from schema.limits import CHANGES, check_cost
from schema.names import camel
from schema.operations import ROOT_DEPTH, Planned, one_record
from schema.paying import pay
from schema.planner import Records
from schema.refusal import Refused
from schema.selection import Operation
from schema.shape import Form

RECORD = "@record"  # the variable that holds the id of the record to read back
AT_ONCE = 4  # threads; one process makes one change at a time
Problems = Mapping[str, Mapping[str, str]]  # by response name of a list of problems, the fields of each by theirs
Make = Callable[[Store, type[Kind]], Outcome]


@dataclass(frozen=True)
class Wanted:
    """A change as it is asked for, and what its answer is to hold."""

    kind: type[Kind] | None
    about: str
    make: Make
    record: Compiled
    problems: Problems

    def told(self, problems: tuple[Problem, ...]) -> dict[str, Any]:
        """Return the problems by response name."""
        return {
            key: [{name: _field(problem, field) for name, field in fields.items()} for problem in problems]
            for key, fields in self.problems.items()
        }


class Awaited:
    """A change that is made when it is awaited."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._made = made

    def __await__(self) -> Generator[Any, None, dict[str, Any]]:
        """Make the change; return its answer by response name. Raises GraphQLError."""
        answer: Generator[Any, None, dict[str, Any]] = self._made().__await__()
        return answer


class Changer:
    """Makes the changes that can be asked for of a model's records."""

    def __init__(self, model: Model, known: Mapping[str, Change]) -> None:
        self._model, self._changes = model, known
        views = tuple(Select(kind.__name__, (), ()) for kind in model if not kind.kept_by_us)
        self._kind = write(ById(Given((RECORD,)), views), model)
        self._threads = CapacityLimiter(AT_ONCE)

    async def wanted(self, schema: GraphQLSchema, asked: Asked, asking: Asking) -> dict[str, Awaited]:
        """Return the changes of an operation by response name. Raises Refused, before any is made."""
        variables = coerced(schema, asked)
        operation = Operation(schema, asked.operation, fragments_of(asked.document), variables)
        fields = {key: nodes for key, nodes in operation.root_fields().items() if nodes[0].name.value in self._changes}
        for_anybody = all(self._changes[nodes[0].name.value].anybody for nodes in fields.values())
        if asking.store is None or (asking.actor == ANONYMOUS and not for_anybody):
            raise Refused("NOT_ALLOWED", "Sign in, or send an access token, to change something.")
        if len(fields) > CHANGES:
            raise Refused("TOO_COSTLY", f"An operation makes at most {CHANGES} changes.", limit=CHANGES)
        wanted = {key: self._one(operation, key, nodes, asking) for key, nodes in fields.items()}
        known = {**variables, RECORD: ""}
        questions = [question for one in wanted.values() for question in one.record.planned.questions]
        cost = check_cost(questions, known, changes=len(wanted))
        for key, one in wanted.items():
            _checked(key, partial(one.record.ask, known, asking.actor))
        await pay(cost)
        return {key: Awaited(partial(self._made, one, variables, asking)) for key, one in wanted.items()}

    def _one(self, operation: Operation, key: str, nodes: list[FieldNode], asking: Asking) -> Wanted:
        name, mutations = nodes[0].name.value, operation.schema.mutation_type
        assert mutations is not None
        declared, change = mutations.fields[name], self._changes[name]
        given = get_argument_values(declared, nodes[0], dict(operation.variables))
        work = _checked(key, partial(change.read, given))
        by = turn.Asking(asking.actor, asking.how, clean_text(Text, given.get("key")), {"change": name, **given})
        record, problems = self._answer(operation, nodes, get_named_type(declared.type).name, change)
        about = str(given.get("id") or given.get("input", {}).get("id") or "")
        return Wanted(change.kind, about, lambda store, kind: work(store, by, kind), record, problems)

    def _answer(
        self, operation: Operation, nodes: list[FieldNode], type_name: str, change: Change
    ) -> tuple[Compiled, Problems]:
        """Return what is read back of the record, and what is told of problems."""
        planned, problems = Planned(), {}
        records = Records(self._model, operation, Form.LOOSE)
        for key, below in operation.fields(nodes, type_name, ROOT_DEPTH).items():
            if below[0].name.value == "record":
                given = Given((RECORD,))
                planned.builds[key] = one_record(planned, records, key, below, change.about, given, ROOT_DEPTH + 1)
            elif below[0].name.value == "problems":
                chosen = operation.fields(below, "Problem", ROOT_DEPTH + 1)
                problems[key] = {name: one[0].name.value for name, one in chosen.items()}
        return Compiled(planned, tuple(write(question, self._model) for question in planned.questions)), problems

    async def _made(self, wanted: Wanted, variables: Mapping[str, Any], asking: Asking) -> dict[str, Any]:
        try:
            outcome = await self._outcome(wanted, asking)
            known = {**variables, RECORD: outcome.record or wanted.about}
            rows = await asking.read(wanted.record.planned.questions, wanted.record.ask(known, asking.actor))
        except Exception as error:
            raise as_answered(error) from error
        return {**wanted.record.planned.answer(rows, known), **wanted.told(outcome.problems)}

    async def _outcome(self, wanted: Wanted, asking: Asking) -> Outcome:
        kind = wanted.kind or await self._kind_of(wanted.about, asking)
        if kind is None:
            rule, message = _("the id of a record"), _("There is no such record.")
            return Outcome("", problems=(Problem("NOT_FOUND", "id", show(wanted.about), rule, message),))

        def made() -> Outcome:
            assert asking.store is not None
            return wanted.make(asking.store(), kind)

        return await to_thread.run_sync(made, limiter=self._threads)

    async def _kind_of(self, record: str, asking: Asking) -> type[Kind] | None:
        """Return the kind of a record that who asks may know of, and that people keep."""
        asked = self._kind.ask({RECORD: record}, asking.actor.parameter())
        ((*rows,),) = await asking.reader.read([asked])
        return self._model[rows[0][0][0]] if rows else None


class Changing(SchemaExtension):
    """Makes the changes of an operation."""

    def __init__(self, changer: Changer) -> None:
        self._changer = changer

    async def on_execute(self) -> AsyncIterator[None]:
        """Set the root value that graphql-core completes: the changes by response name."""
        context = self.execution_context
        asked = asked_of(context)
        if asked.operation.operation is OperationType.MUTATION:
            try:
                context.root_value = await self._changer.wanted(context.schema._schema, asked, context.context)
            except Exception as error:
                context.result = ExecutionResult(data=None, errors=[as_answered(error)])
        yield


def _checked(key: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Refused as refused:
        raise refused.at(key) from None


def _field(problem: Problem, name: str) -> Any:
    """Return a field of a problem; the names in `field` are those of the input."""
    return ".".join(map(camel, problem.field.split("."))) if name == "field" else getattr(problem, name, None)
