"""The GraphQL mutations: input types built from the model, and execution."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any

import strawberry
from anyio import CapacityLimiter, to_thread
from graphql import ExecutionResult, FieldNode, GraphQLSchema, get_named_type
from graphql.execution.values import get_argument_values

from registry.database.answer_cache import AnswerCache
from registry.database.compiler import compile_query
from registry.database.driver import Store
from registry.database.query import ById, Parameter, Select
from registry.database.write import own_ends
from registry.i18n import _
from registry.model.definitions import Feedback, Partnership, Request, Statement
from registry.model.kinds import End, Kind, Model, Property
from registry.model.records import DEFAULTS, Problem, show
from registry.model.values import Prose, Text
from registry.mutations import confirmations, feedback, lifecycle, requests, transaction
from registry.mutations.feedback import FeedbackInput
from registry.mutations.lifecycle import Transition
from registry.mutations.requests import ResourceRequest
from registry.mutations.save import LinkChange, SaveInput, save
from registry.mutations.transaction import MutationResult, RequestContext
from registry.permissions import ANONYMOUS
from schema.connections import ROOT_DEPTH
from schema.execute import (
    CompiledOperation,
    ParsedOperation,
    QueryContext,
    as_graphql_error,
    coerced,
    complete,
    fragments_of,
    with_partial_kinds,
)
from schema.limits import CHANGES, LINKED, GraphQLRequestError, check_cost, pay
from schema.planner import ANY, Planned, RecordPlanner, one_record
from schema.selection import Operation
from schema.types import (
    CLOSED_LISTS,
    DAY,
    PYTHON,
    Argument,
    add_input,
    camel,
    clean_text,
    code_enumeration,
    code_of,
    described,
    doc_of,
    field_of,
    link_type,
    listing,
    new_class,
    nullable,
)

Given = Mapping[str, Any]
ADD = "Records to link. If a record is linked already, the properties of its link are replaced."
REMOVE = "The ids of the records to unlink."


class ChangeInputs:
    """Builds an input type, such as `AgencyInput`, for every kind that users edit and for every type of link."""

    def __init__(self, model: Model) -> None:
        kinds = [kind for kind in model if not kind.read_only]
        ends = [end for kind in kinds for end in own_ends(kind) if end.link.properties]
        self._links = {link_type(end.link): _link_change(link_type(end.link), _added(end)) for end in ends}
        self._plain_link = _link_change("Links", strawberry.ID)
        self.kinds: dict[str, Any] = {kind.__name__: self._input(kind) for kind in kinds}

    def _input(self, kind: type[Kind]) -> Any:
        made = new_class(f"{kind.__name__}Input")
        add_input(
            made, "id", strawberry.ID, "The id of the record. Without an id, or with a new one, a record is created."
        )
        for name, declared in editable_properties(kind).items():
            add_input(made, camel(name), _type(declared), described(declared))
        for end in own_ends(kind):
            change = self._links[link_type(end.link)] if end.link.properties else self._plain_link
            add_input(made, camel(end.name), change, f"The change of the records in `{camel(end.name)}`. {end.doc}")
        doc = f"The fields to save of one of the {kind.plural}. Absent fields are unchanged; null clears a field."
        return strawberry.input(made, description=doc)


def editable_properties(kind: type[Kind]) -> dict[str, Property]:
    """Return the properties that users can edit in a mutation's input. Properties such as the status change only by record actions."""
    return {name: one for name, one in _saved(kind.properties).items() if name not in ("id", "status")}


def editable_link_properties(end: End) -> dict[str, Property]:
    """Return the properties of a link that users can edit in a mutation's input."""
    return _saved(end.link.properties)


def _saved(declared: Mapping[str, Property]) -> dict[str, Property]:
    return {name: one for name, one in declared.items() if not one.read_only and not one.by_action}


def read_saving(kind: type[Kind], given: Given, version: int | None) -> SaveInput:
    """Convert a GraphQL input to the input for saving a record. Raises GraphQLRequestError."""
    if given.get("id") == "":
        raise GraphQLRequestError("BAD_REQUEST", "The id must not be empty. Leave it out to create a record.")
    properties = {name: _plain(given[camel(name)]) for name in editable_properties(kind) if camel(name) in given}
    for name in DEFAULTS:
        if name in properties and properties[name] is None:
            raise GraphQLRequestError("BAD_REQUEST", f"{camel(name)} cannot be cleared.")
    links = {end.name: _read_links(end, given[camel(end.name)]) for end in own_ends(kind) if camel(end.name) in given}
    return SaveInput(kind, given.get("id"), properties, links, version)


def _read_links(end: End, given: Given | None) -> LinkChange:
    if given is None:
        raise GraphQLRequestError("BAD_REQUEST", f"{camel(end.name)} must not be null. Use its fields add and remove.")
    add, remove = given.get("add") or [], given.get("remove") or []
    if len(add) + len(remove) > LINKED:
        message = f"One link can be changed for at most {LINKED} records at a time."
        raise GraphQLRequestError("TOO_COSTLY", message, cost=len(add) + len(remove), limit=LINKED)
    if not end.link.properties:
        return LinkChange({one: {} for one in add}, tuple(remove))
    far = field_of(end.target)
    ties = {one[far]: {name: one.get(camel(name)) for name in editable_link_properties(end)} for one in add}
    if len(ties) < len(add):
        raise GraphQLRequestError("BAD_REQUEST", f"{camel(end.name)}.add contains the same {far} twice.")
    return LinkChange(ties, tuple(remove))


def _added(end: End) -> Any:
    """Return the input type for adding a link: the id of the record to link, and the properties of the link."""
    made = new_class(f"{link_type(end.link)}Input")
    field = field_of(end.target)
    made.__annotations__[field] = strawberry.ID
    setattr(made, field, strawberry.field(description=f"The id of the {end.target} to link."))
    for name, declared in editable_link_properties(end).items():
        add_input(made, camel(name), _type(declared), described(declared))
    return strawberry.input(made, description=f"A {end.target} to link, and the properties of the link. {end.link.doc}")


def _link_change(name: str, added: Any) -> Any:
    made = new_class(f"{name}Change")
    add_input(made, "add", listing(added), ADD)
    add_input(made, "remove", listing(strawberry.ID), REMOVE)
    return strawberry.input(made, description="Records to add to a link and to remove from it.")


def _type(declared: Property) -> Any:
    if declared.codes in CLOSED_LISTS:
        return CLOSED_LISTS[declared.codes]
    plain = PYTHON[declared.value.scalar]
    return listing(plain) if declared.value.listed else plain


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


MutationCall = Mapping[str, Any]
Work = Callable[[Store, RequestContext, type[Kind]], MutationResult]
KEY = {
    "key": Argument(
        nullable(strawberry.ID), "An idempotency key: a repeated request with this key changes nothing again."
    )
}
REPEATABLE = {
    "ifVersion": Argument(
        nullable(int), "The version that you have seen. If the record has changed since, nothing is saved."
    ),
    **KEY,
}
ID = Argument(strawberry.ID, "The id of the record.", ...)


@dataclass(frozen=True)
class MutationDefinition:
    """A field of the mutation type. If its `kind` is None, the mutation applies to a record of any kind, given by id.

    `read` converts the arguments to a function that makes the change; `read` raises GraphQLRequestError. If `anybody` is set, the
    mutation needs no login.
    """

    doc: str
    arguments: Mapping[str, Any]
    read: Callable[[MutationCall], Work]
    kind: type[Kind] | None = None
    anybody: bool = False

    @property
    def about(self) -> str:
        """The name of the type of the record in the result."""
        return self.kind.__name__ if self.kind else ANY


def changes(model: Model) -> dict[str, MutationDefinition]:
    """Return the mutation fields by name: the fields for saving and retiring records of each editable kind, and the record actions."""
    inputs, found = ChangeInputs(model), {}
    for kind in model:
        if not kind.read_only:
            name = kind.__name__
            arguments = {
                "input": Argument(inputs.kinds[name], "The fields to save.", ...),
                "isAnother": Argument(
                    bool, "Confirms that this is not the existing record with a similar name.", False
                ),
                **REPEATABLE,
            }
            found[f"save{name}"] = MutationDefinition(
                f"Create or change a record of the kind {name}. {doc_of(kind)}", arguments, partial(_save, kind), kind
            )
            arguments = {"id": ID, "reason": Argument(nullable(str), "The reason, for the audit log."), **REPEATABLE}
            found[f"retire{name}"] = MutationDefinition(
                f"Retire one of the {kind.plural}. The record remains, but lists leave it out.",
                arguments,
                _step(lifecycle.RETIRE),
                kind,
            )
    noted = {"id": ID, "note": Argument(nullable(str), "A note, for the audit log."), **REPEATABLE}
    return found | {
        "propose": MutationDefinition(
            "Propose a draft for approval.", {"id": ID, **REPEATABLE}, _step(lifecycle.PROPOSE)
        ),
        "approve": MutationDefinition("Approve and publish a proposed record.", noted, _step(lifecycle.APPROVE)),
        "sendBack": MutationDefinition(
            "Send a proposed record back to its author as a draft.", noted, _step(lifecycle.SEND_BACK)
        ),
    }


def _save(kind: type[Kind], call: MutationCall) -> Work:
    saving = replace(read_saving(kind, call["input"], call.get("ifVersion")), another=call["isAnother"])
    return lambda store, context, kind: save(store, context, saving)


def _step(step: Transition) -> Callable[[MutationCall], Work]:
    return partial(_take, step)


def _take(step: Transition, call: MutationCall) -> Work:
    note, version = clean_text(Prose, call.get("note") or call.get("reason")), call.get("ifVersion")
    return lambda store, context, kind: lifecycle.make_transition(store, context, kind, call["id"], step, note, version)


RECORD = "@record"  # the variable with the id of the changed record, which is read for the response
AT_ONCE = 4  # threads; a process nevertheless makes one change at a time
Problems = Mapping[str, Mapping[str, str]]  # response name of a list of problems: response name of each field: field
Make = Callable[[Store, type[Kind]], MutationResult]


@dataclass(frozen=True)
class PlannedChange:
    """A requested change, and the fields of the response to it."""

    kind: type[Kind] | None
    about: str
    make: Make
    record: CompiledOperation
    problems: Problems

    def problem_values(self, problems: tuple[Problem, ...]) -> dict[str, Any]:
        """Return the selected values of the problems, by the response name of each list of problems."""
        return {
            key: [{name: _field(problem, field) for name, field in fields.items()} for problem in problems]
            for key, fields in self.problems.items()
        }


class PendingChange:
    """A change that is made when the object is awaited."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __await__(self) -> Generator[Any, None, dict[str, Any]]:
        """Make the change and return the values of its response, by response name. Raises GraphQLError."""
        response: Generator[Any, None, dict[str, Any]] = self._make().__await__()
        return response


class MutationExecutor:
    """Executes the mutations that change the records of a model."""

    def __init__(
        self, schema: GraphQLSchema, model: Model, mutations: Mapping[str, MutationDefinition], answers: AnswerCache
    ) -> None:
        self._schema, self._model, self._definitions = schema, model, mutations
        views = tuple(Select(kind.__name__, (), ()) for kind in model if not kind.read_only)
        self._kind = compile_query(ById(Parameter((RECORD,)), views), model)
        self._threads = CapacityLimiter(AT_ONCE)
        self._answers = answers

    async def execute(self, parsed: ParsedOperation, context: QueryContext) -> ExecutionResult:
        """Execute a mutation operation. graphql-core awaits the changes one after the other; each change is made when it is awaited.

        If the operation is invalid, no change is made and GraphQLRequestError is raised.
        """
        return await complete(self._schema, parsed, await self._pending(parsed, context))

    async def _pending(self, parsed: ParsedOperation, context: QueryContext) -> dict[str, PendingChange]:
        """Return the changes that an operation requests, by response name. Raises GraphQLRequestError."""
        variables = coerced(self._schema, parsed)
        operation = Operation(self._schema, parsed.operation, fragments_of(parsed.document), variables)
        fields = {
            key: nodes for key, nodes in operation.root_fields().items() if nodes[0].name.value in self._definitions
        }
        for_anybody = all(self._definitions[nodes[0].name.value].anybody for nodes in fields.values())
        if context.store is None or (context.actor == ANONYMOUS and not for_anybody):
            raise GraphQLRequestError("NOT_ALLOWED", "Sign in or send an access token to make changes.")
        if len(fields) > CHANGES:
            raise GraphQLRequestError("TOO_COSTLY", f"An operation can make at most {CHANGES} changes.", limit=CHANGES)
        changes = {key: self._plan_change(operation, key, nodes, context) for key, nodes in fields.items()}
        values = {**variables, RECORD: ""}
        queries = [query for one in changes.values() for query in one.record.planned.queries]
        cost = check_cost(queries, values, changes=len(changes))
        for key, one in changes.items():
            _checked(key, partial(one.record.bind, values, context.actor))
        await pay(cost)
        return {key: PendingChange(partial(self._make, one, variables, context)) for key, one in changes.items()}

    def _plan_change(
        self, operation: Operation, key: str, nodes: list[FieldNode], context: QueryContext
    ) -> PlannedChange:
        name, mutations = nodes[0].name.value, operation.schema.mutation_type
        assert mutations is not None
        declared, change = mutations.fields[name], self._definitions[name]
        given = get_argument_values(declared, nodes[0], dict(operation.variables))
        work = _checked(key, partial(change.read, given))
        by = transaction.RequestContext(
            context.actor, context.how, clean_text(Text, given.get("key")), {"change": name, **given}
        )
        record, problems = self._plan_response(operation, nodes, get_named_type(declared.type).name, change)
        about = str(given.get("id") or given.get("input", {}).get("id") or "")
        return PlannedChange(change.kind, about, lambda store, kind: work(store, by, kind), record, problems)

    def _plan_response(
        self, operation: Operation, nodes: list[FieldNode], type_name: str, change: MutationDefinition
    ) -> tuple[CompiledOperation, Problems]:
        """Return the compiled query that reads the changed record for the response, and the selected fields of problems."""
        planned, problems = Planned(), {}
        records = RecordPlanner(self._model, operation, lenient=True)
        for key, below in operation.fields(nodes, type_name, ROOT_DEPTH).items():
            if below[0].name.value == "record":
                given = Parameter((RECORD,))
                planned.builds[key] = one_record(planned, records, key, below, change.about, given, ROOT_DEPTH + 1)
            elif below[0].name.value == "problems":
                chosen = operation.fields(below, "Problem", ROOT_DEPTH + 1)
                problems[key] = {name: one[0].name.value for name, one in chosen.items()}
        return CompiledOperation(
            planned, tuple(compile_query(query, self._model) for query in planned.queries)
        ), problems

    async def _make(self, change: PlannedChange, variables: Mapping[str, Any], context: QueryContext) -> dict[str, Any]:
        try:
            outcome = await self._outcome(change, context)
            values = {**variables, RECORD: outcome.record or change.about}
            actor = context.actor
            if change.record.reads_details:
                actor = await with_partial_kinds(actor, self._model, self._answers, context.reader)
            rows = await context.read(change.record.planned.queries, change.record.bind(values, actor))
        except Exception as error:
            raise as_graphql_error(error) from error
        return {**change.record.planned.data(rows, values), **change.problem_values(outcome.problems)}

    async def _outcome(self, change: PlannedChange, context: QueryContext) -> MutationResult:
        kind = change.kind or await self._kind_of(change.about, context)
        if kind is None:
            rule, message = _("the id of a record"), _("There is no such record.")
            return MutationResult("", problems=(Problem("NOT_FOUND", "id", show(change.about), rule, message),))

        def make() -> MutationResult:
            assert context.store is not None
            return change.make(context.store(), kind)

        return await to_thread.run_sync(make, limiter=self._threads)

    async def _kind_of(self, record: str, context: QueryContext) -> type[Kind] | None:
        """Return the kind of a record. If its kind is not editable or the actor cannot see the record's summary, return None."""
        statement = self._kind.ask({RECORD: record}, context.actor.parameter())
        ((*rows,),) = await context.reader.read([statement])
        return self._model[rows[0][0][0]] if rows else None


def _checked(key: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except GraphQLRequestError as refused:
        raise refused.at(key) from None


def _field(problem: Problem, name: str) -> Any:
    """Return the value of a field of a problem. The value of `field` is in camel case, as in the input."""
    return ".".join(map(camel, problem.field.split("."))) if name == "field" else getattr(problem, name, None)


STANDING = code_enumeration("Standing", "party-standing", "The confirmation of an agreement by a party.")
DECISION = code_enumeration("Decision", "decision", "The decision on a request, or the end of the use.")


def procedures() -> dict[str, MutationDefinition]:
    """Return the mutation fields for the actions on agreements, requests and feedback, by name."""
    of_party = {
        "partnership": Argument(strawberry.ID, "The id of the partnership.", ...),
        "agency": Argument(strawberry.ID, "The id of the party that you act for.", ...),
    }
    standing = {
        "standing": Argument(STANDING, "Whether the record of the agreement is correct.", ...),
        "remark": Argument(nullable(str), "What is wrong; required unless the party confirms."),
    }
    level = {
        "scale": Argument(str, f"The scale of the level. {code_of('level-scale')}", ...),
        "level": Argument(int, "The level on the scale.", ...),
        "on": Argument(nullable(DAY), "The day of the assessment; today by default."),
        "note": Argument(nullable(str), "The reason for the level."),
    }
    wanted = {
        "agency": Argument(strawberry.ID, "The id of the requesting agency, which you act for.", ...),
        "resource": Argument(strawberry.ID, "The id of the resource.", ...),
        "need": Argument(nullable(strawberry.ID), "The id of the need that the resource would meet."),
        "quantity": Argument(nullable(float), "The quantity, in the unit of the resource."),
        "since": Argument(nullable(DAY), "The first day of the use."),
        "until": Argument(nullable(DAY), "The last day of the use."),
        "purpose": Argument(nullable(str), "The purpose of the use."),
    }
    decided = {
        "id": Argument(strawberry.ID, "The id of the request.", ...),
        "decision": Argument(DECISION, "The decision of the owner.", ...),
        "answer": Argument(nullable(str), "An answer to the requesting agency."),
    }
    given = {
        "service": Argument(strawberry.ID, "The id of the service.", ...),
        "text": Argument(str, "The text of the feedback.", ...),
        "channel": Argument(nullable(strawberry.ID), "The id of the channel of the service that was used."),
        "private": Argument(bool, "Whether the feedback must not be published.", False),
        "contact": Argument(nullable(str), "How to reach the sender; only visible to users who can answer."),
    }
    answered = {
        "id": Argument(strawberry.ID, "The id of the feedback.", ...),
        "text": Argument(str, "The text of the answer.", ...),
        **KEY,
    }
    return {
        "confirm": MutationDefinition(
            "Confirm, correct or dispute an agreement on behalf of a party.",
            {**of_party, **standing, **KEY},
            _confirm,
            Partnership,
        ),
        "stateLevel": MutationDefinition(
            "Record a party's assessment of how closely the parties work together.",
            {**of_party, **level, **KEY},
            _state,
            Statement,
        ),
        "withdrawStatement": MutationDefinition(
            "Withdraw an assessment of a level.", {"id": ID, **KEY}, _withdraw, Statement
        ),
        "requestResource": MutationDefinition(
            "Request the use of a resource.",
            {**wanted, **KEY},
            _request,
            Request,
        ),
        "decideRequest": MutationDefinition(
            "Accept or decline a request, or end the use that followed from it.",
            {**decided, **KEY},
            _decide,
            Request,
        ),
        "giveFeedback": MutationDefinition(
            "Give feedback on a service; no sign-in is required.",
            {**given, **KEY},
            _give,
            Feedback,
            anybody=True,
        ),
        "answerFeedback": MutationDefinition("Answer feedback on a service.", answered, _answer, Feedback),
    }


def _confirm(call: MutationCall) -> Work:
    remark = _text(call, "remark")
    return lambda store, context, _kind: confirmations.confirm(
        store, context, call["partnership"], call["agency"], call["standing"].value, remark
    )


def _state(call: MutationCall) -> Work:
    values = {name: call.get(name) for name in ("scale", "level", "on")} | {"description": _text(call, "note") or None}
    return lambda store, context, _kind: confirmations.state_level(
        store, context, call["partnership"], call["agency"], values
    )


def _withdraw(call: MutationCall) -> Work:
    return lambda store, context, _kind: confirmations.withdraw(store, context, call["id"])


def _request(call: MutationCall) -> Work:
    properties = {name: call.get(name) for name in ("quantity", "since", "until")}
    properties["description"] = _text(call, "purpose") or None
    wish = ResourceRequest(call["agency"], call["resource"], call.get("need"), properties)
    return lambda store, context, _kind: requests.request(store, context, wish)


def _decide(call: MutationCall) -> Work:
    answer = _text(call, "answer")
    return lambda store, context, _kind: requests.decide(store, context, call["id"], call["decision"].value, answer)


def _give(call: MutationCall) -> Work:
    sent = FeedbackInput(
        call["service"], _text(call, "text"), call.get("channel"), call["private"], call.get("contact") or ""
    )
    return lambda store, context, _kind: feedback.give_feedback(store, context, sent)


def _answer(call: MutationCall) -> Work:
    answer = _text(call, "text")
    return lambda store, context, _kind: feedback.answer_feedback(store, context, call["id"], answer)


def _text(call: MutationCall, name: str) -> str:
    return clean_text(Prose, call.get(name))
