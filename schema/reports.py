"""The GraphQL schema of reports, which graphene generates from the report definitions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

import graphene
from anyio import CapacityLimiter, from_thread, to_thread
from cachetools import LRUCache
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

from registry.analysis.gap_summary import executive_summary
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
from registry.permissions import Actor, Role
from registry.reports.catalogue import Library, read_day
from registry.reports.series import COUNT, MEASURE, MONTHS, MOST, DateRange
from registry.reports.series import NAME as SERIES
from schema.execute import DocumentCache, QueryContext, as_graphql_error, coerced, failed, fragments_of
from schema.limits import GraphQLRequestError, page_size, pay, report_cost, within_limit
from schema.selection import Operation
from schema.types import cleaning

ROWS, EVIDENCE = 100, 20
CATALOGUE = "reports"
Run = Callable[[str, str | None, Mapping[str, object], DateRange | None], Report]
_clean_day = cleaning(Date)


class Day(graphene.Scalar):
    """A day as ISO 8601 text: 2026-12-31."""

    class Meta:
        """The scalar has the same name as in the main GraphQL schema."""

        name = "Date"

    serialize = staticmethod(str)
    parse_value = staticmethod(_clean_day)

    @staticmethod
    def parse_literal(node: Any, _variables: Any = None) -> str:
        """Return the day written as a literal in the document. Raises GraphQLRequestError."""
        return _clean_day(node.value if isinstance(node, StringValueNode) else None)


def _required(kind: Any, doc: str, **more: Any) -> Any:
    return graphene.Field(graphene.NonNull(kind), description=doc, **more)


def _suppressible(name: str, doc: str) -> Any:
    """Return the field for a count. If the count is too small to be published, the value of the field is null."""

    def resolve(report: Report, _info: Any) -> int | None:
        count: int = getattr(report, name)
        return None if isinstance(count, SuppressedCount) else count

    return graphene.Field(
        graphene.Int, description=f"{doc} Null if the count is suppressed because it is small.", resolver=resolve
    )


def _list(kind: Any) -> Any:
    return graphene.List(graphene.NonNull(kind))


class ParameterEntry(graphene.ObjectType):
    """A parameter of a report."""

    class Meta:
        """The type has the name ReportParameter in the schema."""

        name = "ReportParameter"

    name = _required(
        graphene.String,
        "The name of the parameter on the command line and in URLs; GraphQL arguments have the name in camel case.",
    )
    label = _required(graphene.String, "The label of the field in forms.")
    type = _required(graphene.String, "The type of the parameter: integer, number or text.")
    default = graphene.Field(
        graphene.Float,
        description="The default of the parameter if it is a number; a text is empty by default.",
        resolver=lambda one, _info: None if isinstance(one, TextParameter) else one.default,
    )
    least = graphene.Field(
        graphene.Float, description="The smallest allowed value of the parameter, if it is a number."
    )
    most = graphene.Field(graphene.Float, description="The largest allowed value of the parameter, if it is a number.")
    longest = graphene.Field(
        graphene.Int, description="The maximum number of characters of the parameter, if it is a text."
    )
    description = _required(graphene.String, "What the parameter does.")


class ReportColumn(graphene.ObjectType):
    """A column of a report."""

    name = _required(graphene.String, "The name of the column in files; GraphQL fields have the name in camel case.")
    label = _required(graphene.String, "The heading of the column.")
    type = _required(graphene.String, "The type of the values: text, texts, code, integer, number or date.")
    unit = _required(graphene.String, "The unit of the values; empty if there is none.")
    description = _required(graphene.String, "What the column holds.")


class ReportEntry(graphene.ObjectType):
    """A report in the catalogue."""

    name = _required(graphene.String, "The name of the report on the command line and in URLs.")
    title = _required(graphene.String, "The title of the report.")
    field = _required(
        graphene.String,
        "The GraphQL field that runs the report.",
        resolver=lambda definition, _info: field_of(definition.name),
    )
    question = _required(
        graphene.String, "The question that the report answers.", resolver=lambda definition, _info: definition.text
    )
    method = _required(graphene.String, "The method of the report.")
    parameters = _required(
        _list(ParameterEntry),
        "The parameters of the report.",
        resolver=lambda definition, _info: definition.all_parameters,
    )
    columns = _required(_list(ReportColumn), "The columns of the report.")


class ReportEvidence(graphene.ObjectType):
    """A record that a finding is based on."""

    id = _required(graphene.ID, "The id of the record.")
    name = _required(graphene.String, "The name of the record.")
    kind = _required(graphene.String, "The kind of the record, such as Agency.")


class ReportPart(graphene.ObjectType):
    """A report that is part of another report."""

    name = _required(graphene.String, "The name of the report.")
    title = _required(graphene.String, "The title of the report.")
    found = _required(graphene.Int, "The number of findings.")
    of = _required(graphene.Int, "The number of cases examined.")
    unknown = _suppressible("unknown", "The number of cases without enough data to judge.")


class ReportAssessment(graphene.ObjectType):
    """What a check of a report examined, and what it could not judge."""

    report = _required(graphene.String, "The name of the report that made the check.")
    check = _required(graphene.String, "The name of the check.")
    assessed = _required(graphene.Boolean, "Whether the check could judge any case.")
    text = _required(graphene.String, "How many cases were examined, and how many could not be judged and why.")


class ReportChanges(graphene.ObjectType):
    """The findings that are new, or no longer found, since a saved run of the report."""

    compared = _required(graphene.Boolean, "Whether there is a saved run to compare with.")
    text = _required(graphene.String, "The saved run; without one, how to save a run.")
    new = _required(_list(graphene.String), "The findings that are new.")
    gone = _required(_list(graphene.String), "The findings that are no longer found.")


class AnyReport(graphene.Interface):
    """A report with `found` findings among `of` cases; `unknown` cases lack data; of `withheld` records you see only a summary."""

    class Meta:
        """The type has the name Report in the schema."""

        name = "Report"

    name = _required(graphene.String, "The name of the report.")
    title = _required(graphene.String, "The title of the report.")
    question = _required(graphene.String, "The question that the report answers.")
    as_of = _required(Day, "The day that the report describes.")
    found = _required(graphene.Int, "The number of findings.")
    of = graphene.Field(
        graphene.Int,
        description="The number of cases examined; null in a report that combines others, because `parts` has their counts.",
        resolver=lambda report, _info: report.cases,
    )
    unknown = _suppressible(
        "unjudged", "The number of cases without enough data to judge; null in a report that combines others."
    )
    scope = _required(
        graphene.String, "The agencies to which the report is limited; empty if the report is about all agencies."
    )
    withheld = _suppressible(
        "withheld",
        "The number of records of which you can see only the summary; of a custom report, the number of rows left out because"
        " they name such records or records that do not exist.",
    )
    parts = _required(_list(ReportPart), "The reports that this report is composed of, if any.")
    method = _required(graphene.String, "The method of the report.")
    notes = _required(_list(graphene.String), "Notes on the result.")
    rows_count = _required(graphene.Int, "The number of rows.", resolver=lambda report, _info: len(report.rows))


class SeriesNumber(graphene.ObjectType):
    """The number of rows of a type, or the value of a measure."""

    name = _required(graphene.String, "The name of the column in files.")
    label = _required(graphene.String, "The type or the measure.")
    value = graphene.Field(graphene.Float, description="The number of rows, or the value.")


class SeriesRow(graphene.ObjectType):
    """A date of a report over time."""

    day = _required(Day, "The day that the report describes.", resolver=lambda date, _info: date.row["day"])
    found = _required(graphene.Int, "The number of findings.", resolver=lambda date, _info: date.row["found"])
    of = graphene.Field(
        graphene.Int,
        description="The number of cases examined; null in a report that combines others.",
        resolver=lambda date, _info: date.row.values.get("of"),
    )
    unknown = graphene.Field(
        graphene.Int,
        description="The number of cases without enough data to judge; null in a report that combines others, or if the "
        "count is suppressed because it is small.",
        resolver=lambda date, _info: date.row.values.get("unknown"),
    )
    remark = graphene.Field(
        graphene.String,
        description="Why the numbers of the date are not reliable.",
        resolver=lambda date, _info: date.row.values.get("remark"),
    )
    numbers = _required(
        _list(SeriesNumber),
        "The number of rows of each type, or the values of measures.",
        resolver=lambda date, _info: date.numbers,
    )


class SeriesDate(NamedTuple):
    """A row of a report over time, with the columns of the report."""

    row: ReportRow
    columns: Sequence[Column]

    @property
    def numbers(self) -> Sequence[Mapping[str, object]]:
        """The name, label and value of each type and measure."""
        shown = (one for one in self.columns if one.name.startswith((COUNT, MEASURE)))
        return [{"name": one.name, "label": one.label, "value": self.row[one.name]} for one in shown]


SeriesStep = graphene.Enum(
    "SeriesStep", [(step.upper(), step) for step in MONTHS], description="How far apart the dates of a series are."
)


class ParameterValue(graphene.InputObjectType):
    """The value of a parameter of a report."""

    name = graphene.InputField(graphene.NonNull(graphene.String), description="The name of the parameter.")
    value = graphene.InputField(graphene.NonNull(graphene.String), description="The value; a number as text.")


def _series() -> graphene.Field:
    """Return the GraphQL field that runs a report on a series of dates."""
    rows = _paged(
        SeriesRow,
        MOST,
        "The dates, oldest first.",
        lambda report: [SeriesDate(row, report.columns) for row in report.rows],
    )
    made = type(
        "SeriesReport",
        (graphene.ObjectType,),
        {"__doc__": "A report over time.", "Meta": type("Meta", (), {"interfaces": (AnyReport,)}), "rows": rows},
    )
    arguments = {
        "report": graphene.Argument(graphene.NonNull(graphene.String), description="The name of the report."),
        "each": graphene.Argument(graphene.NonNull(SeriesStep), description="How far apart the dates are."),
        "first_day": graphene.Argument(graphene.NonNull(Day), name="from", description="The first day."),
        "last_day": graphene.Argument(Day, name="to", description="The last day; today by default."),
        "parameters": graphene.Argument(_list(ParameterValue), description="The parameters of the report."),
    }

    def resolve(_root: None, info: Any, report: str, parameters: Sequence[Any] = (), **dates: Any) -> Report:
        run: Run = info.context
        return run(report, None, {one["name"]: one["value"] for one in parameters or ()}, _dates(**dates))

    return graphene.Field(made, args=arguments, description="A report on a series of dates.", resolver=resolve)


def _dates(each: Any, first_day: str, last_day: str | None = None, **_others: object) -> DateRange:
    """Return the dates that the arguments of a series give. Raises GraphQLRequestError for an invalid range."""
    try:
        return DateRange(each.value, first_day, read_day(last_day))
    except ReportError as error:
        raise GraphQLRequestError("BAD_REQUEST", str(error)) from None


def report_schema(
    questions: Mapping[str, ReportDefinition], listed: Callable[[], Sequence[ReportDefinition]]
) -> GraphQLSchema:
    """Return the GraphQL schema for the given report definitions.

    The context of an operation is a function that runs a report. `listed` returns the catalogue of reports.
    """
    reports = {f"report_{n}": _report(one) for n, one in enumerate(questions.values())}
    catalogue = _required(
        _list(ReportEntry),
        "The catalogue of all reports that you can run.",
        name=CATALOGUE,
        resolver=lambda _root, _info: listed(),
    )
    query = type(
        "Query",
        (graphene.ObjectType,),
        {"__doc__": "The registry's reports.", "catalogue": catalogue, **reports, SERIES: _series()},
    )
    return graphene.Schema(query=query).graphql_schema  # type: ignore[no-any-return]


def field_of(name: str) -> str:
    """Return the name of the GraphQL field for a report: `sectorGaps` for `sector-gaps`."""
    return str(to_camel_case(name.replace("-", "_")))


def _report(definition: ReportDefinition) -> graphene.Field:
    """Return the GraphQL field for a report, with the report's parameters as arguments."""
    field = field_of(definition.name)
    named = field[0].upper() + field[1:]
    row = _row(f"{named}Row", definition)
    rows = _paged(row, ROWS, "The rows of the report.", lambda report: report.rows)
    attributes = {"__doc__": definition.text, "Meta": type("Meta", (), {"interfaces": (AnyReport,)}), "rows": rows}
    if definition.summarised:
        attributes["summary"] = _summary(f"{named}Summary", row)
    made = type(f"{named}Report", (graphene.ObjectType,), attributes)

    def resolve(_root: None, info: Any, as_of: str | None = None, **values: object) -> Report:
        run: Run = info.context
        return run(definition.name, as_of, values, None)

    day_argument = graphene.Argument(Day, description="The day that the report describes; today by default.")
    arguments = {"as_of": day_argument, **dict(map(_argument, definition.all_parameters))}
    return graphene.Field(made, args=arguments, name=field, description=definition.shown().text, resolver=resolve)


def _summary(name: str, row: Any) -> graphene.Field:
    """Return the field for the executive summary of a report, whose findings are rows of the report."""
    fields = {
        "scope": _required(
            graphene.String, "The agencies to which the summary is limited; empty if it is about all agencies."
        ),
        "assessed": _required(_list(ReportAssessment), "What each check examined and what it could not judge."),
        "missing": _required(_list(graphene.String), "The facts that are missing in too many records."),
        "hidden": _required(graphene.String, "What hidden records mean for the summary; empty if none are hidden."),
        "order": _required(graphene.String, "Which findings the summary lists, and in which order."),
        "findings": _required(_list(row), "The findings with the most at stake, at most five."),
        "since": graphene.Field(ReportChanges, description="The changes since the last saved run of the report."),
    }
    kind = type(name, (graphene.ObjectType,), {"__doc__": "The executive summary of a report, one page.", **fields})
    return _required(kind, "The first page of the report.", resolver=lambda report, _info: executive_summary(report))


def _row(name: str, definition: ReportDefinition) -> Any:
    # The attributes are numbered, because a column of a custom report may have any name, even a Python keyword.
    columns = {f"column_{n}": _column(one) for n, one in enumerate(definition.shown_columns())}
    confidence = _required(graphene.String, f"The confidence in the finding: {', '.join(CONFIDENCE)}.")
    count = _required(
        graphene.Int,
        "The number of records that the finding is based on.",
        resolver=lambda row, _info: len(row.evidence),
    )
    evidence = _paged(ReportEvidence, EVIDENCE, "The records that the finding is based on.", lambda row: row.evidence)
    key = _required(
        _list(graphene.String),
        "What identifies the row in another run: its ids and codes, or its texts if it has neither.",
    )
    last = {"confidence": confidence, "key": key, "evidence_count": count, "evidence": evidence}
    return type(
        name, (graphene.ObjectType,), {"__doc__": f"A row of the report `{definition.name}`.", **columns, **last}
    )


def _column(column: Column) -> graphene.Field:
    def resolve(row: ReportRow, _info: Any) -> object:
        return row[column.name]

    described = f"{column.description} Unit: {column.unit}." if column.unit else column.description
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
    """Return a list field with the arguments `first` and `skip` for paging."""

    def resolve(owner: Any, _info: Any, first: int | None, skip: int | None) -> Sequence[Any]:
        if skip is None or skip < 0:
            raise GraphQLRequestError("BAD_REQUEST", "skip must be 0 or greater.")
        return of(owner)[skip : skip + page_size(first)]

    arguments = {
        "first": graphene.Argument(graphene.Int, default_value=first, description="The maximum number of rows."),
        "skip": graphene.Argument(graphene.Int, default_value=0, description="The number of rows to skip first."),
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
    """Return the cost of an operation.

    Raises GraphQLRequestError if the operation exceeds a limit on depth, fields, aliases or cost.
    """
    query = operation.schema.query_type
    assert query is not None
    return within_limit(sum(_root(operation, query, nodes) for nodes in operation.root_fields().values()))


def _root(operation: Operation, query: GraphQLObjectType, nodes: list[FieldNode]) -> int:
    name = nodes[0].name.value
    if name.startswith("__"):
        return 0
    values = _values(operation, query, nodes, 1)
    if name == SERIES:
        given = get_argument_values(query.fields[name], nodes[0], dict(operation.variables))
        return values + report_cost(len(_dates(**given).days))
    return values + (report_cost() if name != CATALOGUE else 0)


def _values(operation: Operation, owner: GraphQLObjectType, nodes: list[FieldNode], depth: int) -> int:
    """Return the number of values that a field may contain. Raises GraphQLRequestError."""
    declared = owner.fields.get(nodes[0].name.value)
    if declared is None:  # the field is __typename
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
Ask = Callable[[str, str | None, Mapping[str, object], Actor, DateRange | None], Coroutine[Any, Any, Report]]


class ReportSchema:
    """Executes GraphQL operations on the reports of a library. `ask` runs a report with the permissions of an actor.

    Each operation runs in a separate thread, so that long reports do not delay other requests.
    """

    def __init__(self, library: Library, ask: Ask, *, introspection: bool = True) -> None:
        self._library, self._ask, self._introspection = library, ask, introspection
        self._threads = CapacityLimiter(AT_ONCE)
        self._built: LRUCache[tuple[object, Role], tuple[GraphQLSchema, DocumentCache]] = LRUCache(len(Role))

    async def execute_json(
        self, text: str, context: QueryContext, variables: dict[str, Any], name: str | None, *, read_only: bool
    ) -> ExecutionResult:
        """Return the result of an operation. The schema of reports has no mutations."""
        schema, documents = self._for(context.actor)
        try:
            parsed = documents.operation(text, name, variables, read_only=read_only)
            operation = Operation(schema, parsed.operation, fragments_of(parsed.document), coerced(schema, parsed))
            await pay(measure(operation))
        except Exception as error:
            return failed(error)

        def run(report: str, day: str | None, asked: Mapping[str, object], dates: DateRange | None) -> Report:
            try:
                return from_thread.run(self._ask, report, day, asked, context.actor, dates)
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

    def _for(self, actor: Actor) -> tuple[GraphQLSchema, DocumentCache]:
        """Return the schema of the reports that an actor may run, and the cache of valid documents for this schema."""
        key = self._library.edition(), actor.role
        built = self._built.get(key)
        if built is None:
            with use_language("en"):
                schema = report_schema(self._library.questions(actor), lambda: self._listed(actor))
            built = self._built[key] = schema, DocumentCache(schema, introspection=self._introspection)
        return built

    def _listed(self, actor: Actor) -> Sequence[ReportDefinition]:
        return [one.shown() for one in self._library.questions(actor).values()]
