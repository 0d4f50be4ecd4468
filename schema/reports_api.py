"""The reports over GraphQL: a schema by graphene, made anew when a report comes or goes, with the limits of all operations."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from anyio import CapacityLimiter, from_thread, to_thread
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute
from strawberry.types import ExecutionResult as Result

from registry.access import Actor
from registry.reports.library import Library
from registry.reports.report import Question, Report, ReportError
from registry.words import speaking
from schema.compiled import Asked, Asking, as_answered, coerced, fragments_of, operation_of
from schema.documents import Documents
from schema.measuring import measure
from schema.paying import pay
from schema.refusal import Refused
from schema.report_types import report_schema
from schema.selection import Operation

AT_ONCE = 4
Ask = Callable[[str, str | None, Mapping[str, object], Actor], Coroutine[Any, Any, Report]]


class ReportSchema:
    """Answers operations on the reports of a library; `ask` runs one as somebody may see it.

    An operation is carried out in a thread: reports take their time, and others are answered meanwhile.
    """

    def __init__(self, library: Library, ask: Ask, *, introspection: bool = True) -> None:
        self._library, self._ask, self._introspection = library, ask, introspection
        self._threads = CapacityLimiter(AT_ONCE)
        self._made: tuple[object, GraphQLSchema, Documents] | None = None

    async def answer_known(self, text: str, name: str | None, variables: dict[str, Any], asking: Asking) -> Result:
        """Return the result of an operation."""
        schema, documents = self._current()
        try:
            document = documents.opened(text, name)
            if faults := documents.faults(schema, text, document):
                return Result(None, faults)
            await pay(_cost(schema, text, document, name, variables))
        except GraphQLError as refused:
            return Result(None, [refused])

        def run(report: str, day: str | None, asked: Mapping[str, object]) -> Report:
            try:
                return from_thread.run(self._ask, report, day, asked, asking.actor)
            except ReportError as error:
                raise Refused("BAD_REQUEST", str(error)) from None
            except Exception as error:
                raise as_answered(error) from None

        def carry_out() -> ExecutionResult:
            done = execute(schema, document, context_value=run, variable_values=variables, operation_name=name)
            assert isinstance(done, ExecutionResult)  # nothing here is awaited
            return done

        done = await to_thread.run_sync(carry_out, limiter=self._threads)
        return Result(done.data, done.errors)

    def _current(self) -> tuple[GraphQLSchema, Documents]:
        """Return the schema of the reports that there are now, and the documents that are known to fit it."""
        edition = self._library.edition()
        if self._made is None or self._made[0] != edition:
            with speaking("en"):
                schema = report_schema(self._library.questions(), self._listed)
            self._made = edition, schema, Documents(introspection=self._introspection)
        return self._made[1:]

    def _listed(self) -> Sequence[Question]:
        return [one.shown() for one in self._library.questions().values()]


def _cost(
    schema: GraphQLSchema, text: str, document: DocumentNode, name: str | None, variables: Mapping[str, Any]
) -> int:
    """Return the cost of an operation. Raises Refused for one that there is not, or that passes a limit."""
    definition = operation_of(document, name)
    if definition is None:
        raise Refused("BAD_REQUEST", f"The document has no operation {name}.")
    values = coerced(schema, Asked(text, document, definition, variables))
    return measure(Operation(schema, definition, fragments_of(document), values))
