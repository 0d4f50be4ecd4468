"""The GraphQL schema of reports, generated with graphene from the report definitions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import graphene
from anyio import CapacityLimiter, from_thread, to_thread
from graphene.utils.str_converters import to_camel_case
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    StringValueNode,
    execute,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import get_argument_values

from registry.analysis.report import (
    CONFIDENCE,
    Column,
    Parameter,
    Report,
    ReportDefinition,
    ReportError,
    ReportRow,
    TextParameter,
)
from registry.i18n import SuppressedCount, use_language
from registry.model.values import Date
from registry.permissions import Actor
from registry.reports.catalogue import Library
from schema.execute import (
    DocumentCache,
    QueryContext,
    as_graphql_error,
    coerced,
    failed,
    fragments_of,
)
from schema.limits import EXPLORE_COST, GraphQLRequestError, page_size, pay, within_limit
from schema.selection import Operation
from schema.types import cleaning

ROWS, EVIDENCE = 100, 20
CATALOGUE = "reports"
Run = Callable[[str, str | None, Mapping[str, object]], Report]
_clean_day = cleaning(Date)


class Day(graphene.Scalar):
    """A day as ISO 8601 text: 2026-12-31."""

    class Meta:
        """The scalar has the same name as in the other GraphQL schema."""

        name = "Date"

    serialize = staticmethod(str)
    parse_value = staticmethod(_clean_day)

    @staticmethod
    def parse_literal(node: Any, _variables: Any = None) -> str:
        """Return a day that is a literal in the document. Raises GraphQLRequestError."""
        return _clean_day(node.value if isinstance(node, StringValueNode) else None)


def _promised(kind: Any, doc: str, **more: Any) -> Any:
    return graphene.Field(graphene.NonNull(kind), description=doc, **more)


def _suppressible(name: str, doc: str) -> Any:
    """Return a field of a count, null where it is suppressed because it is small."""

    def resolve(report: Report, _info: Any) -> int | None:
        count: int = getattr(report, name)
        return None if isinstance(count, SuppressedCount) else count

    return graphene.Field(
        graphene.Int, description=f"{doc} Null where it is left out because it is small.", resolver=resolve
    )


def _list(kind: Any) -> Any:
    return graphene.List(graphene.NonNull(kind))


class ReportParameter(graphene.ObjectType):
    """A parameter of a report."""

    name = _promised(
        graphene.String, "Its name on the command line and in addresses; here it is written in camel case."
    )
    type = _promised(graphene.String, "integer, number or text.")
    default = graphene.Field(
        graphene.Float,
        description="What a number is where nothing is asked; a text is empty.",
        resolver=lambda one, _info: None if isinstance(one, TextParameter) else one.default,
    )
    least = graphene.Field(graphene.Float, description="The least that a number may be.")
    most = graphene.Field(graphene.Float, description="The most that a number may be.")
    longest = graphene.Field(graphene.Int, description="How many letters a text may have.")
    description = _promised(graphene.String, "What it does, in words.")


class ReportColumn(graphene.ObjectType):
    """A column of a report."""

    name = _promised(graphene.String, "Its name in files; here it is written in camel case.")
    label = _promised(graphene.String, "What people read above it.")
    type = _promised(graphene.String, "text, texts, code, integer, number or date.")
    unit = _promised(graphene.String, "What it is counted in, if anything.")
    description = _promised(graphene.String, "What it says, in words.")


class ReportEntry(graphene.ObjectType):
    """A report in the catalogue."""

    name = _promised(graphene.String, "Its name on the command line and in addresses.")
    field = _promised(
        graphene.String, "The field that answers it here.", resolver=lambda question, _info: field_of(question.name)
    )
    question = _promised(graphene.String, "What it asks.", resolver=lambda question, _info: question.text)
    method = _promised(graphene.String, "How it is answered.")
    parameters = _promised(_list(ReportParameter), "What it can be asked with.")
    columns = _promised(_list(ReportColumn), "What its rows hold.")


class ReportEvidence(graphene.ObjectType):
    """A record that a finding rests on."""

    id = _promised(graphene.ID, "Its id.")
    name = _promised(graphene.String, "What it is called.")
    kind = _promised(graphene.String, "Its kind, such as Agency.")


class ReportPart(graphene.ObjectType):
    """A report that another is composed of."""

    name = _promised(graphene.String, "Its name.")
    found = _promised(graphene.Int, "How many were found.")
    of = _promised(graphene.Int, "Of how many that were looked at.")
    unknown = _suppressible("unknown", "Of how many nothing can be told.")


class AnyReport(graphene.Interface):
    """A report: `found` of the `of` examined; `unknown` could not be decided; `withheld` records are visible as a summary only."""

    class Meta:
        """Its name in the schema is Report."""

        name = "Report"

    name = _promised(graphene.String, "Its name.")
    question = _promised(graphene.String, "What it asks.")
    as_of = _promised(Day, "The day that it is about.")
    found = _promised(graphene.Int, "How many were found.")
    of = _promised(graphene.Int, "Of how many that were looked at.")
    unknown = _suppressible("unknown", "Of how many nothing can be told.")
    withheld = _suppressible("withheld", "How many records show no more than their face to who asks.")
    parts = _promised(_list(ReportPart), "The reports that it is composed of, if any.")
    method = _promised(graphene.String, "How it was answered.")
    notes = _promised(_list(graphene.String), "What to mind when reading it.")
    rows_count = _promised(graphene.Int, "How many rows there are.", resolver=lambda report, _info: len(report.rows))


def report_schema(
    questions: Mapping[str, ReportDefinition], listed: Callable[[], Sequence[ReportDefinition]]
) -> GraphQLSchema:
    """Return the schema of these reports.

    The context of an operation is a function that runs a report; `listed` returns the catalogue.
    """
    reports = {f"report_{n}": _report(one) for n, one in enumerate(questions.values())}
    catalogue = _promised(
        _list(ReportEntry), "The reports there are.", name=CATALOGUE, resolver=lambda _root, _info: listed()
    )
    query = type(
        "Query", (graphene.ObjectType,), {"__doc__": "The registry's reports.", "catalogue": catalogue, **reports}
    )
    return graphene.Schema(query=query).graphql_schema  # type: ignore[no-any-return]


def field_of(name: str) -> str:
    """Return the name of a report's field: `sectorGaps` for `sector-gaps`."""
    return str(to_camel_case(name.replace("-", "_")))


def _report(question: ReportDefinition) -> graphene.Field:
    """Return the field of a report, with its parameters as arguments."""
    field = field_of(question.name)
    named = field[0].upper() + field[1:]
    rows = _paged(_row(f"{named}Row", question), ROWS, "Its rows.", lambda report: report.rows)
    attributes = {"__doc__": question.text, "Meta": type("Meta", (), {"interfaces": (AnyReport,)}), "rows": rows}
    made = type(f"{named}Report", (graphene.ObjectType,), attributes)

    def resolve(_root: None, info: Any, as_of: str | None = None, **asked: object) -> Report:
        run: Run = info.context
        return run(question.name, as_of, asked)

    about_day = graphene.Argument(Day, description="The day that it is about; today where none is given.")
    arguments = {"as_of": about_day, **dict(map(_argument, question.parameters))}
    return graphene.Field(made, args=arguments, name=field, description=question.shown().text, resolver=resolve)


def _row(name: str, question: ReportDefinition) -> Any:
    # Attributes are numbered: a custom report's column may have any name, also a Python keyword.
    columns = {f"column_{n}": _column(one) for n, one in enumerate(question.shown_columns())}
    confidence = _promised(graphene.String, f"How sure it is: {', '.join(CONFIDENCE)}.")
    count = _promised(graphene.Int, "How many records it rests on.", resolver=lambda row, _info: len(row.evidence))
    evidence = _paged(ReportEvidence, EVIDENCE, "The records it rests on.", lambda row: row.evidence)
    key = _promised(_list(graphene.String), "What it is known by in another run: ids, codes, and texts without either.")
    last = {"confidence": confidence, "key": key, "evidence_count": count, "evidence": evidence}
    return type(name, (graphene.ObjectType,), {"__doc__": f"A row of {question.name}.", **columns, **last})


def _column(column: Column) -> graphene.Field:
    def resolve(row: ReportRow, _info: Any) -> object:
        return row[column.name]

    described = f"{column.description} ({column.unit})" if column.unit else column.description
    return graphene.Field(_TYPES[column.type], name=to_camel_case(column.name), description=described, resolver=resolve)


def _argument(parameter: Parameter | TextParameter) -> tuple[str, graphene.Argument]:
    if isinstance(parameter, TextParameter):
        description = f"{parameter.description} At most {parameter.longest} letters."
    else:
        description = f"{parameter.description} From {parameter.least:g} to {parameter.most:g}."
    return parameter.name, graphene.Argument(
        _TYPES[parameter.type], default_value=parameter.default, description=description
    )


def _paged(kind: Any, first: int, doc: str, of: Callable[[Any], Sequence[Any]]) -> graphene.Field:
    """Return a list field with the arguments `first` and `skip`."""

    def resolve(owner: Any, _info: Any, first: int | None, skip: int | None) -> Sequence[Any]:
        if skip is None or skip < 0:
            raise GraphQLRequestError("BAD_REQUEST", "skip is a number from 0 on.")
        return of(owner)[skip : skip + page_size(first)]

    arguments = {
        "first": graphene.Argument(graphene.Int, default_value=first, description="At most so many."),
        "skip": graphene.Argument(graphene.Int, default_value=0, description="Leave out so many before them."),
    }
    return graphene.Field(graphene.NonNull(_list(kind)), args=arguments, description=doc, resolver=resolve)


_TYPES: Mapping[str, Any] = {
    "text": graphene.String,
    "texts": graphene.List(graphene.NonNull(graphene.String)),
    "code": graphene.String,
    "integer": graphene.Int,
    "number": graphene.Float,
    "date": Day,
}


if __name__ == "__main__":
    from graphql import print_schema

    from registry.reports.catalogue import DEFINITIONS

    print(print_schema(report_schema(DEFINITIONS, list)))


def measure(operation: Operation) -> int:
    """Return the cost of an operation. Raises GraphQLRequestError above a limit: depth, fields, aliases or cost."""
    query = operation.schema.query_type
    assert query is not None
    return within_limit(sum(_root(operation, query, nodes) for nodes in operation.root_fields().values()))


def _root(operation: Operation, query: GraphQLObjectType, nodes: list[FieldNode]) -> int:
    name = nodes[0].name.value
    if name.startswith("__"):
        return 0
    return _values(operation, query, nodes, 1) + (EXPLORE_COST if name != CATALOGUE else 0)


def _values(operation: Operation, owner: GraphQLObjectType, nodes: list[FieldNode], depth: int) -> int:
    """Return the number of values that a field may hold. Raises GraphQLRequestError."""
    declared = owner.fields.get(nodes[0].name.value)
    if declared is None:  # __typename
        return 1
    kind = get_named_type(declared.type)
    if not is_composite_type(kind):
        return 1
    each = sum(
        _values(operation, kind, below, depth + 1) for below in operation.fields(nodes, kind.name, depth).values()
    )
    times = get_argument_values(declared, nodes[0], dict(operation.variables)).get("first", 1) if declared.args else 1
    return max(times or 0, 0) * each + 1


AT_ONCE = 4
Ask = Callable[[str, str | None, Mapping[str, object], Actor], Coroutine[Any, Any, Report]]


class ReportSchema:
    """Executes operations on the reports of a library; `ask` runs a report with the permissions of an actor.

    An operation runs in a thread, so that long reports do not delay other requests.
    """

    def __init__(self, library: Library, ask: Ask, *, introspection: bool = True) -> None:
        self._library, self._ask, self._introspection = library, ask, introspection
        self._threads = CapacityLimiter(AT_ONCE)
        self._built: tuple[object, GraphQLSchema, DocumentCache] | None = None

    async def execute_json(
        self, text: str, context: QueryContext, variables: dict[str, Any], name: str | None, *, read_only: bool
    ) -> ExecutionResult:
        """Return the result of an operation. There are no mutations."""
        schema, documents = self._current()
        try:
            parsed = documents.operation(text, name, variables, read_only=read_only)
            operation = Operation(schema, parsed.operation, fragments_of(parsed.document), coerced(schema, parsed))
            await pay(measure(operation))
        except Exception as error:
            return failed(error)

        def run(report: str, day: str | None, asked: Mapping[str, object]) -> Report:
            try:
                return from_thread.run(self._ask, report, day, asked, context.actor)
            except ReportError as error:
                raise GraphQLRequestError("BAD_REQUEST", str(error)) from None
            except Exception as error:
                raise as_graphql_error(error) from None

        def execute_parsed() -> ExecutionResult:
            result = execute(
                schema, parsed.document, context_value=run, variable_values=variables, operation_name=parsed.name
            )
            assert isinstance(result, ExecutionResult)  # no resolver is asynchronous
            return result

        return await to_thread.run_sync(execute_parsed, limiter=self._threads)

    def _current(self) -> tuple[GraphQLSchema, DocumentCache]:
        """Return the schema of the current reports, and the cache of documents that are valid for it."""
        edition = self._library.edition()
        if self._built is None or self._built[0] != edition:
            with use_language("en"):
                schema = report_schema(self._library.questions(), self._listed)
            self._built = edition, schema, DocumentCache(schema, introspection=self._introspection)
        return self._built[1:]

    def _listed(self) -> Sequence[ReportDefinition]:
        return [one.shown() for one in self._library.questions().values()]
