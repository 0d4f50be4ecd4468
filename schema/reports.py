"""The GraphQL schema of reports, generated with graphene from the report definitions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import graphene
from anyio import CapacityLimiter, from_thread, to_thread
from graphene.utils.str_converters import to_camel_case
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    StringValueNode,
    execute,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import get_argument_values
from strawberry.types import ExecutionResult as Result

from registry.analysis.report import (
    CONFIDENCE,
    Column,
    Report,
    ReportDefinition,
    ReportError,
    ReportParameter,
    ReportRow,
    TextParameter,
)
from registry.i18n import SuppressedCount, use_language
from registry.model.values import Date
from registry.permissions import Actor
from registry.reports.catalogue import Library
from schema.execute import (
    DocumentCache,
    ParsedOperation,
    QueryContext,
    as_graphql_error,
    coerced,
    fragments_of,
    operation_of,
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
        graphene.Int, description=f"{doc} Null if it is withheld because it is small.", resolver=resolve
    )


def _list(kind: Any) -> Any:
    return graphene.List(graphene.NonNull(kind))


class ParameterEntry(graphene.ObjectType):
    """A parameter of a report."""

    class Meta:
        """Its name in the schema is ReportParameter."""

        name = "ReportParameter"

    name = _promised(
        graphene.String, "The name on the command line and in addresses; arguments here are in camel case."
    )
    label = _promised(graphene.String, "The label of the field in forms.")
    type = _promised(graphene.String, "integer, number or text.")
    default = graphene.Field(
        graphene.Float,
        description="The default of a number; a text is empty by default.",
        resolver=lambda one, _info: None if isinstance(one, TextParameter) else one.default,
    )
    least = graphene.Field(graphene.Float, description="The smallest allowed number.")
    most = graphene.Field(graphene.Float, description="The largest allowed number.")
    longest = graphene.Field(graphene.Int, description="The maximum number of characters of a text.")
    description = _promised(graphene.String, "What the parameter does.")


class ReportColumn(graphene.ObjectType):
    """A column of a report."""

    name = _promised(graphene.String, "The name in files; fields here are in camel case.")
    label = _promised(graphene.String, "The heading of the column.")
    type = _promised(graphene.String, "text, texts, code, integer, number or date.")
    unit = _promised(graphene.String, "The unit, if any.")
    description = _promised(graphene.String, "What the column holds.")


class ReportEntry(graphene.ObjectType):
    """A report in the catalogue."""

    name = _promised(graphene.String, "The name on the command line and in addresses.")
    title = _promised(graphene.String, "The title of the report.")
    field = _promised(
        graphene.String,
        "The field of this schema that runs the report.",
        resolver=lambda question, _info: field_of(question.name),
    )
    question = _promised(
        graphene.String, "The question that the report answers.", resolver=lambda question, _info: question.text
    )
    method = _promised(graphene.String, "How the report is made.")
    parameters = _promised(_list(ParameterEntry), "The parameters of the report.")
    columns = _promised(_list(ReportColumn), "The columns of the rows.")


class ReportEvidence(graphene.ObjectType):
    """A record that a finding is based on."""

    id = _promised(graphene.ID, "The identifier of the record.")
    name = _promised(graphene.String, "The name of the record.")
    kind = _promised(graphene.String, "The kind of record, such as Agency.")


class ReportPart(graphene.ObjectType):
    """A report that another is composed of."""

    name = _promised(graphene.String, "The name of the report.")
    title = _promised(graphene.String, "The title of the report.")
    found = _promised(graphene.Int, "The number of findings.")
    of = _promised(graphene.Int, "The number of cases examined.")
    unknown = _suppressible("unknown", "The number of cases without enough data to decide.")


class AnyReport(graphene.Interface):
    """A report: `found` of the `of` examined; `unknown` could not be decided; `withheld` records are visible as a summary only."""

    class Meta:
        """Its name in the schema is Report."""

        name = "Report"

    name = _promised(graphene.String, "The name of the report.")
    title = _promised(graphene.String, "The title of the report.")
    question = _promised(graphene.String, "The question that the report answers.")
    as_of = _promised(Day, "The day of the report.")
    found = _promised(graphene.Int, "The number of findings.")
    of = _promised(graphene.Int, "The number of cases examined.")
    unknown = _suppressible("unknown", "The number of cases without enough data to decide.")
    withheld = _suppressible("withheld", "The number of records that the user can see only in summary.")
    parts = _promised(_list(ReportPart), "The reports that this one is composed of, if any.")
    method = _promised(graphene.String, "How the report was made.")
    notes = _promised(_list(graphene.String), "Notes on how to read the report.")
    rows_count = _promised(graphene.Int, "The number of rows.", resolver=lambda report, _info: len(report.rows))


def report_schema(
    questions: Mapping[str, ReportDefinition], listed: Callable[[], Sequence[ReportDefinition]]
) -> GraphQLSchema:
    """Return the schema of these reports.

    The context of an operation is a function that runs a report; `listed` returns the catalogue.
    """
    reports = {f"report_{n}": _report(one) for n, one in enumerate(questions.values())}
    catalogue = _promised(
        _list(ReportEntry), "The list of reports.", name=CATALOGUE, resolver=lambda _root, _info: listed()
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
    rows = _paged(_row(f"{named}Row", question), ROWS, "The rows of the report.", lambda report: report.rows)
    attributes = {"__doc__": question.text, "Meta": type("Meta", (), {"interfaces": (AnyReport,)}), "rows": rows}
    made = type(f"{named}Report", (graphene.ObjectType,), attributes)

    def resolve(_root: None, info: Any, as_of: str | None = None, **asked: object) -> Report:
        run: Run = info.context
        return run(question.name, as_of, asked)

    about_day = graphene.Argument(Day, description="The day of the report; today by default.")
    arguments = {"as_of": about_day, **dict(map(_argument, question.parameters))}
    return graphene.Field(made, args=arguments, name=field, description=question.shown().text, resolver=resolve)


def _row(name: str, question: ReportDefinition) -> Any:
    # Attributes are numbered: a custom report's column may have any name, also a Python keyword.
    columns = {f"column_{n}": _column(one) for n, one in enumerate(question.shown_columns())}
    confidence = _promised(graphene.String, f"The confidence: {', '.join(CONFIDENCE)}.")
    count = _promised(
        graphene.Int, "The number of records that the row is based on.", resolver=lambda row, _info: len(row.evidence)
    )
    evidence = _paged(ReportEvidence, EVIDENCE, "The records that the row is based on.", lambda row: row.evidence)
    key = _promised(
        _list(graphene.String),
        "What identifies the row across runs: identifiers, codes, and texts of things without either.",
    )
    last = {"confidence": confidence, "key": key, "evidence_count": count, "evidence": evidence}
    return type(name, (graphene.ObjectType,), {"__doc__": f"A row of {question.name}.", **columns, **last})


def _column(column: Column) -> graphene.Field:
    def resolve(row: ReportRow, _info: Any) -> object:
        return row[column.name]

    described = f"{column.description} ({column.unit})" if column.unit else column.description
    return graphene.Field(_TYPES[column.type], name=to_camel_case(column.name), description=described, resolver=resolve)


def _argument(parameter: ReportParameter | TextParameter) -> tuple[str, graphene.Argument]:
    if isinstance(parameter, TextParameter):
        limit = f"At most {parameter.longest} characters."
    else:
        limit = f"From {parameter.least:g} to {parameter.most:g}."
    description = " ".join(filter(None, (f"{parameter.label}.", parameter.description, limit)))
    return parameter.name, graphene.Argument(
        _TYPES[parameter.type], default_value=parameter.default, description=description
    )


def _paged(kind: Any, first: int, doc: str, of: Callable[[Any], Sequence[Any]]) -> graphene.Field:
    """Return a list field with the arguments `first` and `skip`."""

    def resolve(owner: Any, _info: Any, first: int | None, skip: int | None) -> Sequence[Any]:
        if skip is None or skip < 0:
            raise GraphQLRequestError("BAD_REQUEST", "skip must be 0 or more.")
        return of(owner)[skip : skip + page_size(first)]

    arguments = {
        "first": graphene.Argument(graphene.Int, default_value=first, description="The maximum number of items."),
        "skip": graphene.Argument(graphene.Int, default_value=0, description="The number of items to skip."),
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
        self._made: tuple[object, GraphQLSchema, DocumentCache] | None = None

    async def answer_known(
        self, text: str, name: str | None, variables: dict[str, Any], context: QueryContext
    ) -> Result:
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
                return from_thread.run(self._ask, report, day, asked, context.actor)
            except ReportError as error:
                raise GraphQLRequestError("BAD_REQUEST", str(error)) from None
            except Exception as error:
                raise as_graphql_error(error) from None

        def carry_out() -> ExecutionResult:
            done = execute(schema, document, context_value=run, variable_values=variables, operation_name=name)
            assert isinstance(done, ExecutionResult)  # no resolver is asynchronous
            return done

        done = await to_thread.run_sync(carry_out, limiter=self._threads)
        return Result(done.data, done.errors)

    def _current(self) -> tuple[GraphQLSchema, DocumentCache]:
        """Return the schema of the current reports, and the cache of documents that are valid for it."""
        edition = self._library.edition()
        if self._made is None or self._made[0] != edition:
            with use_language("en"):
                schema = report_schema(self._library.questions(), self._listed)
            self._made = edition, schema, DocumentCache(introspection=self._introspection)
        return self._made[1:]

    def _listed(self) -> Sequence[ReportDefinition]:
        return [one.shown() for one in self._library.questions().values()]


def _cost(
    schema: GraphQLSchema, text: str, document: DocumentNode, name: str | None, variables: Mapping[str, Any]
) -> int:
    """Return the cost of an operation. Raises GraphQLRequestError if there is no such operation, or above a limit."""
    definition = operation_of(document, name)
    if definition is None:
        raise GraphQLRequestError("BAD_REQUEST", f"The document has no operation {name}.")
    values = coerced(schema, ParsedOperation(text, document, definition, variables))
    return measure(Operation(schema, definition, fragments_of(document), values))
