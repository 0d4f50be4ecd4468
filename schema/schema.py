"""The GraphQL schema of the registry: types, filters and arguments, all built from the model."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import orjson
import strawberry
from graphql import ExecutionResult
from graphql.language import OperationType
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from registry.database.answer_cache import AnswerCache
from registry.database.change_stamps import Kinds
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Link, Model, Property
from registry.model.values import Flag, Integer
from schema.arguments import count_names
from schema.execute import DocumentCache, QueryContext, QueryExecutor, failed
from schema.explore_types import explored_fields
from schema.limits import FIRST, FIRST_LINKED, PAGE
from schema.mutations import MutationDefinition, MutationExecutor, changes, procedures
from schema.response import KIND
from schema.types import (
    CLOSED_LISTS,
    CODE_LIST,
    CODE_LIST_NAME,
    DAY,
    DIRECTION,
    OPERATOR_DOCS,
    PERIOD,
    PYTHON,
    SCALARS,
    Argument,
    add_input,
    camel,
    connection_type,
    described,
    doc_of,
    edge_type,
    enumeration,
    field_of,
    filter_of,
    link_type,
    listing,
    new_class,
    nullable,
    plain,
    response_field,
)

UNSEEN = "Values that you cannot see are unknown: neither a condition on them nor its negation is met."
QUANTIFIED = f"Conditions on linked records. {UNSEEN}"
QUANTIFIERS = {
    "some": "At least one linked record meets the conditions.",
    "none": "No linked record meets the conditions.",
    "every": "All linked records meet the conditions.",
}
MUTATIONS = (
    "The changes of the registry, made one after the other. Problems that a user can correct are part of the result."
)
RESULT_RECORD = "The record after the change; null if you cannot see it or if nothing was changed."
PROBLEMS = "The problems that prevented the change. If there are any, nothing was changed."
WITHIN = "The ids of records: the record is one of them, or one of them is above it in its `{}`, through records that you can see."
ORDERED = (
    "A property or a count to sort by, and the direction. Values that you cannot see are sorted as missing values."
)
PERIOD_OF_RECORDS = (
    "The period from `{0}` to `{1}` of the record; without a date it has no limit. CURRENT if only `asOf` is given."
)
DAY_OF_RECORDS = "The day on which records are current; today by default."
COUNTED = Property("The number of current records in `{0}` that you can see.", value=Integer)


class Inputs:
    """Builds filter and sort types, such as `AgencyWhere` and `UsesOrder`, for kinds and links, and filters for every value type."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._filters: dict[str, Any] = {}
        self._link_filters: dict[str, Any] = {}
        self.wheres: dict[str, Any] = {kind.__name__: new_class(f"{kind.__name__}Where") for kind in model}
        self.orders: dict[str, Any] = {kind.__name__: _order(kind) for kind in model}
        for link in model.links():
            if link.properties:
                name = link_type(link)
                self.wheres[name], self.orders[name] = self._link_where(link), self._link_order(link)
                self._link_filters[name] = _quantified(name, self.wheres[name])
        for kind in model:
            self._fill(kind)

    def _fill(self, kind: type[Kind]) -> None:
        where = self.wheres[kind.__name__]
        for name, declared in kind.readable.items():
            add_input(
                where, camel(name), self._filter(declared), f"Conditions on `{camel(name)}`. {described(declared)}"
            )
        for name, end in kind.ends.items():
            add_input(
                where, camel(name), self._link_filter(end), f"Conditions on the records in `{camel(name)}`. {end.doc}"
            )
        for name, end in count_names(kind).items():
            add_input(
                where, name, self._filter(COUNTED), f"Conditions on `{name}`. {COUNTED.doc.format(camel(end.name))}"
            )
        if parents := kind.parents():
            add_input(where, "within", listing(strawberry.ID), WITHIN.format(camel(parents.name)))
        if period := kind.period():
            add_input(where, "period", PERIOD, PERIOD_OF_RECORDS.format(*map(camel, period)))
            add_input(where, "asOf", DAY, DAY_OF_RECORDS)
        _add_joined(where)
        strawberry.input(where, description=f"Conditions on {kind.plural}; all must be met. {UNSEEN}")

    def _link_where(self, link: Link) -> Any:
        where = new_class(f"{link_type(link)}Where")
        for name, declared in link.properties.items():
            add_input(
                where, camel(name), self._filter(declared), f"Conditions on `{camel(name)}`. {described(declared)}"
            )
        for kind in (link.start, link.end):
            add_input(where, field_of(kind), self.wheres[kind], f"Conditions on the {kind} at one end of the link.")
        if link.dated:
            add_input(
                where,
                "period",
                PERIOD,
                "The period of the links: by default CURRENT, or ALL if there is a condition on the dates of the links.",
            )
            add_input(where, "asOf", DAY, "The day on which links are current; today by default.")
        _add_joined(where)
        return strawberry.input(where, description=f"Conditions on a link and its records; all must be met. {UNSEEN}")

    def _link_order(self, link: Link) -> Any:
        made = new_class(f"{link_type(link)}Order")
        for name, declared in link.properties.items():
            add_input(made, camel(name), DIRECTION, f"Sort by `{camel(name)}`. {declared.doc}")
        for kind in (link.start, link.end):
            add_input(made, field_of(kind), self.orders[kind], f"Sort by a value of the {kind} at one end of the link.")
        return strawberry.input(made, one_of=True, description=ORDERED)

    def _link_filter(self, end: End) -> Any:
        name = list_type(end)
        if name not in self._link_filters:
            self._link_filters[name] = _quantified(name, self.wheres[end.target])
        return self._link_filters[name]

    def _filter(self, declared: Property) -> Any:
        name, operators, kind = filter_of(declared)
        if name not in self._filters:
            made = new_class(name)
            for operator in operators:
                types = {"in": listing(kind), "not_in": listing(kind), "is_null": bool}
                add_input(made, camel(operator), types.get(operator, kind), OPERATOR_DOCS[operator])
            self._filters[name] = strawberry.input(made, description="Conditions on a value; all must be met.")
        return self._filters[name]


def _add_joined(where: Any) -> None:
    """Add the fields that join conditions to a filter type."""
    add_input(where, "and", listing(where), "All conditions of the list are met.")
    add_input(where, "or", listing(where), "At least one condition of the list is met.")
    add_input(where, "not", where, "The conditions are not met.")


def list_type(end: End) -> str:
    """Return the name of the type of the members of a list of linked records: a link with properties, or the kind at its end."""
    return link_type(end.link) if end.link.properties else end.target


def _order(kind: type[Kind]) -> Any:
    made = new_class(f"{kind.__name__}Order")
    for name, declared in kind.readable.items():
        if declared.value.ordered:
            add_input(made, camel(name), DIRECTION, f"Sort by `{camel(name)}`. {declared.doc}")
    for name, end in count_names(kind).items():
        add_input(made, name, DIRECTION, f"Sort by `{name}`. {COUNTED.doc.format(camel(end.name))}")
    return strawberry.input(made, one_of=True, description=ORDERED)


def _quantified(name: str, where: Any) -> Any:
    made = new_class(f"{name}LinkFilter")
    for quantifier in ("some", "none", "every"):
        add_input(made, quantifier, where, QUANTIFIERS[quantifier])
    return strawberry.input(made, description=QUANTIFIED)


RECORD_ID = Argument(strawberry.ID, "The id of the record.", ...)
NOT_RETIRED = "Conditions on the records. Without a condition on `status`, retired records are left out."
ORDER = "The properties to sort by, the first one first."
PERIOD_OF_LINKS = Argument(nullable(PERIOD), "The period of the links; short for `period` in `where`.")
DAY_OF_LINKS = Argument(nullable(DAY), "The day on which links are current; short for `asOf` in `where`.")
PAGED = "The records in `{0}` as pages with cursors; the list `{0}` is the short form for the first records."
COUNT_BY = "The number of records by value of a facet."
WITHHELD = "Whether you see only the summary of this record: its details, and the links that belong to them, are null."
UNKNOWN = "Null where you see only the summary of the {kind}, or where you see none but only the summary of some {target} records."
PARTIAL = "Whether more records may meet the conditions, because they concern details and you see only the summary of some records."
SEEN = "Only records and values that you can see are listed and counted."


FIRST_RECORDS = (
    "The maximum number of records, from the start or after `after`; {} by default. Not together with `last`."
)
LAST_RECORDS = "The maximum number of records, from the end or before `before`. Not together with `first`."
ONE = "The record of the kind {kind} with an id; null if you can see no such record. {doc}"
ANY_RECORD = "The record of any kind with an id; null if you can see no record with the id."
NODE = "The record of any kind with an id, for clients such as Relay; null if you can see no record with the id."
NODES = (
    "The records of any kind with some ids, in the order of the ids; null in place of each record that you cannot see."
)
NODE_ID = "The id of the record, unique among the records of all kinds."
LINK_ID = "The id of the link, under which clients can cache the link; the same at both ends of the link."
RECORD_IDS = Argument(listing(strawberry.ID), f"The ids of at most {PAGE} records.", ...)
CODE_LIST_ARGUMENT = Argument(CODE_LIST_NAME, "The name of the code list.", ...)


class Schema:
    """The GraphQL schema of a model. Strawberry makes its types. The class also executes operations. Not thread-safe."""

    def __init__(self, model: Model, answers: AnswerCache, *, introspection: bool = True) -> None:
        self._types, mutations = _types(model)
        self.graphql_schema = self._types._schema
        self._documents = DocumentCache(self.graphql_schema, introspection=introspection)
        self._queries = QueryExecutor(self.graphql_schema, model, answers)
        self._mutations = MutationExecutor(self.graphql_schema, model, mutations, answers)

    def as_str(self) -> str:
        """Return the schema as text in the GraphQL schema definition language."""
        return self._types.as_str()

    async def execute_json(
        self,
        text: str,
        context: QueryContext,
        variables: dict[str, Any] | None = None,
        name: str | None = None,
        *,
        read_only: bool = False,
    ) -> ExecutionResult:
        """Execute an operation. The data of the result contain JSON fragments. If `read_only` is set, mutations are rejected."""
        try:
            parsed = self._documents.operation(text, name, variables or {}, read_only=read_only)
            is_mutation = parsed.operation.operation is OperationType.MUTATION
            return await (self._mutations if is_mutation else self._queries).execute(parsed, context)
        except Exception as error:
            return failed(error)

    def kinds_read(self, text: str, variables: dict[str, Any]) -> Kinds:
        """Return the kinds whose records the result of a query depends on. Raises GraphQLError and InvalidDocument."""
        return self._queries.kinds_read(self._documents.operation(text, None, variables, read_only=True))

    async def execute(
        self, text: str, context: QueryContext, variables: dict[str, Any] | None = None, name: str | None = None
    ) -> ExecutionResult:
        """Return the result of an operation, with its data as Python values."""
        result = await self.execute_json(text, context, variables, name)
        return ExecutionResult(orjson.loads(orjson.dumps(result.data)), result.errors)


def build_schema(model: Model, answers: AnswerCache | None = None, *, introspection: bool = True) -> Schema:
    """Return the GraphQL schema of a model, which keeps counts in the given cache.

    If `introspection` is false, clients cannot query the schema itself.
    """
    return Schema(model, AnswerCache() if answers is None else answers, introspection=introspection)


@cache  # making the types takes half a second, and they do not change
def _types(model: Model) -> tuple[strawberry.Schema, Mapping[str, MutationDefinition]]:
    """Return the types of a model, and its mutations by name."""
    outputs, mutations = Outputs(model), {**changes(model), **procedures()} if _has_registry_kinds(model) else {}
    types = strawberry.Schema(
        query=outputs.query(),
        mutation=outputs.mutation(mutations) if mutations else None,
        types=outputs.kinds(),
        config=StrawberryConfig(scalar_map=SCALARS, auto_camel_case=False),
    )
    return types, mutations


class Outputs:
    """Builds the object types of a model. All classes are created before any fields, because kinds refer to one another."""

    def __init__(self, model: Model) -> None:
        self._model, self._inputs = model, Inputs(model)
        self._node = _node_interface()
        self._record = new_class("Record", "The fields that records of every kind have.", self._node)
        self._kinds: dict[str, Any] = {
            kind.__name__: new_class(kind.__name__, doc_of(kind), self._record) for kind in model
        }
        self._edges: dict[str, Any] = {}
        self._pages: dict[str, Any] = {}
        self._links: dict[str, Any] = {
            link_type(link): new_class(link_type(link), link.doc) for link in model.links() if link.properties
        }
        self._page_info = plain(
            "PageInfo",
            "Information about a page of a list.",
            {
                "hasNextPage": (bool, "Whether there are records after this page."),
                "hasPreviousPage": (bool, "Whether there are records before this page."),
                "startCursor": (nullable(str), "The cursor of the first record; null for an empty page."),
                "endCursor": (nullable(str), "The cursor of the last record; null for an empty page."),
            },
        )
        self._facet_count = plain(
            "FacetCount",
            "The number of records that have a value.",
            {
                "value": (nullable(str), "The value; null if none is recorded or if it is withheld."),
                "label": (nullable(str), "The label of the value, in the language of the request."),
                "count": (int, "The number of records with this value, out of those that you can see."),
                "withheld": (bool, "Whether this counts the records whose value you cannot see."),
            },
        )
        for link in model.links():
            if link.properties:
                self._fill_link(link)
        self._fill_record()
        for kind in model:
            self._fill_kind(kind)

    def query(self) -> Any:
        """Return the query type. For every kind, it has a field for one record by id, and a connection field for pages of records."""
        query = new_class("Query", f"The queries of the registry. {SEEN}")
        for kind in self._model:
            made = nullable(self._kinds[kind.__name__])
            one = response_field(made, ONE.format(kind=kind.__name__, doc=doc_of(kind)), id=RECORD_ID)
            setattr(query, field_of(kind), one)
            setattr(query, camel(kind.plural), self._connection_field(kind))
        query.record = response_field(nullable(self._record), ANY_RECORD, id=RECORD_ID)
        query.node = response_field(nullable(self._node), NODE, id=RECORD_ID)
        query.nodes = response_field(listing(nullable(self._node)), NODES, ids=RECORD_IDS)
        query.codeList = response_field(CODE_LIST, "A code list with all its codes.", name=CODE_LIST_ARGUMENT)
        if _has_registry_kinds(self._model):
            for name, field in explored_fields(self._kinds, self._record, self._page_info).items():
                setattr(query, name, field)
        return strawberry.type(query, description=query.__doc__)

    def mutation(self, definitions: Mapping[str, MutationDefinition]) -> Any:
        """Return the mutation type, with one field for each mutation."""
        return _mutation_type(definitions, self._kinds, self._record)

    def kinds(self) -> list[Any]:
        """Return the types of all kinds. Some of these types are reachable only through the interface Record."""
        return list(self._kinds.values())

    def _fill_record(self) -> None:
        common = self._model["Agency"].__mro__[1]
        for name, declared in self._model["Agency"].properties.items():
            if hasattr(common, name):
                setattr(self._record, camel(name), response_field(self._output(declared), declared.doc))
        self._record.withheld = response_field(bool, WITHHELD)
        strawberry.interface(self._record, description=self._record.__doc__)

    def _fill_kind(self, kind: type[Kind]) -> None:
        made = self._kinds[kind.__name__]
        for name, declared in kind.readable.items():
            setattr(made, camel(name), response_field(self._output(declared), described(declared)))
        made.withheld = response_field(bool, WITHHELD)
        made.is_type_of = classmethod(lambda cls, obj, info: obj.get(KIND, cls.__name__) == cls.__name__)
        for end in kind.ends.values():
            for name, field in self._end_fields(end):
                setattr(made, name, field)
        strawberry.type(made, description=doc_of(kind))

    def _end_fields(self, end: End) -> Iterator[tuple[str, StrawberryField]]:
        target = self._links[link_type(end.link)] if end.link.properties else self._kinds[end.target]
        notes = [] if end.link.summary else [UNKNOWN.format(kind=end.kind, target=end.target)]
        if end.single:
            yield camel(end.name), response_field(nullable(target), " ".join([end.doc, *notes]))
            return
        records, count = (kind if end.link.summary else nullable(kind) for kind in (listing(target), int))
        where = Argument(nullable(self._inputs.wheres[list_type(end)]), NOT_RETIRED)
        order = Argument(nullable(listing(self._inputs.orders[list_type(end)])), ORDER)
        first = Argument(int, "The maximum number of records.", FIRST_LINKED)
        dated = {"period": PERIOD_OF_LINKS, "asOf": DAY_OF_LINKS} if end.link.dated else {}
        doc = " ".join([end.doc, *notes])
        yield (
            camel(end.name),
            response_field(records, doc, where=where, order=order, first=first, **dated),
        )
        page = connection_type(end)
        if page not in self._pages:
            self._pages[page] = self._link_page(end)
        kind = self._pages[page] if end.link.summary else nullable(self._pages[page])
        yield (
            f"{camel(end.name)}Connection",
            response_field(
                kind,
                f"{PAGED.format(camel(end.name))} {doc}",
                where=where,
                order=order,
                **_page_arguments(FIRST_LINKED),
                **dated,
            ),
        )
        counted = " ".join([f"The number of records in `{camel(end.name)}` that you can see. {end.doc}", *notes])
        yield f"{camel(end.name)}Count", response_field(count, counted, where=where, **dated)

    def _link_page(self, end: End) -> Any:
        """Return the type of a page of linked records. An edge has the properties of the link."""
        edge = self._edge(edge_type(end), end.target, end.link.properties)
        return plain(
            connection_type(end),
            f"A page of linked {self._model[end.target].plural}.",
            {
                "nodes": (listing(self._kinds[end.target]), "The records of the page."),
                "edges": (
                    listing(edge),
                    "The records of the page, each with its cursor and the properties of its link.",
                ),
                "pageInfo": (self._page_info, "Information about the page."),
                "totalCount": (int, "The number of edges on all pages."),
            },
        )

    def _edge(self, name: str, kind: str, properties: Mapping[str, Property] = MappingProxyType({})) -> Any:
        if name not in self._edges:
            fields = {
                "node": (self._kinds[kind], "The record at the cursor."),
                "cursor": (str, "The cursor of the record, for `after` or `before`."),
                **{camel(one): (self._output(declared), described(declared)) for one, declared in properties.items()},
            }
            self._edges[name] = plain(name, "A record and its cursor.", fields)
        return self._edges[name]

    def _fill_link(self, link: Link) -> None:
        made = self._links[link_type(link)]
        made.id = response_field(strawberry.ID, LINK_ID)
        for name, declared in link.properties.items():
            setattr(made, camel(name), response_field(self._output(declared), described(declared)))
        for kind in (link.start, link.end):
            setattr(made, field_of(kind), response_field(self._kinds[kind], f"The {kind} at one end of the link."))
        strawberry.type(made, description=link.doc)

    def _output(self, declared: Property) -> Any:
        if declared.refers_to:
            return nullable(self._kinds[declared.refers_to])
        if declared.codes in CLOSED_LISTS:
            return CLOSED_LISTS[declared.codes]
        plain = PYTHON[declared.value.scalar]
        if declared.value.listed:
            return nullable(listing(plain))
        return plain if declared.non_null else nullable(plain)

    def _connection_field(self, kind: type[Kind]) -> StrawberryField:
        name, made = kind.__name__, self._kinds[kind.__name__]
        edge = self._edge(f"{name}Edge", name)
        facet = _facet_enumeration(kind)
        connection = new_class(f"{name}Connection", f"A page of {kind.plural}.")
        connection.nodes = response_field(listing(made), "The records of the page.")
        connection.edges = response_field(listing(edge), "The records of the page, each with its cursor.")
        connection.pageInfo = response_field(self._page_info, "Information about the page.")
        connection.totalCount = response_field(int, "The number of records on all pages.")
        connection.withheld = response_field(bool, PARTIAL)
        counts = listing(self._facet_count)
        connection.countBy = response_field(
            counts,
            COUNT_BY,
            field=Argument(facet, "The facet to count by.", ...),
            first=Argument(int, "The maximum number of values, the most frequent first.", FIRST),
            rollUp=Argument(
                bool, "Whether records of narrower sectors or areas also count for the broader ones.", False
            ),
        )
        return response_field(
            strawberry.type(connection, description=connection.__doc__),
            f"The {kind.plural} that meet the conditions, in pages.",
            where=Argument(nullable(self._inputs.wheres[name]), NOT_RETIRED),
            order=Argument(nullable(listing(self._inputs.orders[name])), ORDER),
            **_page_arguments(FIRST),
        )


def _page_arguments(first: int) -> dict[str, Argument]:
    """Return the arguments that choose a page. `first` is the default page size."""
    return {
        "first": Argument(nullable(int), FIRST_RECORDS.format(first)),
        "after": Argument(nullable(str), "The cursor after which the page starts."),
        "last": Argument(nullable(int), LAST_RECORDS),
        "before": Argument(nullable(str), "The cursor before which the page ends."),
    }


def _node_interface() -> Any:
    """Return the interface of the objects that clients can read again by their id (Relay, Global Object Identification)."""
    made = new_class("Node")
    made.id = response_field(strawberry.ID, NODE_ID)
    return strawberry.interface(made, description="A record that the field `node` of the query type finds by its id.")


def _has_registry_kinds(model: Model) -> bool:
    """Return whether a model has the registry's standard kinds, which explorations and mutations need."""
    return MODEL.kinds.keys() <= model.kinds.keys()


def _facet_enumeration(kind: type[Kind]) -> Any:
    """Return the enum type that lists the facets of a kind."""
    names = facets_of(kind)
    docs = {
        name.upper(): f"Count by `{camel(name)}`. {(kind.properties.get(name) or kind.ends[name]).doc}"
        for name in names
    }
    return enumeration(
        f"{kind.__name__}Facet", {name.upper(): name for name in names}, f"A facet of {kind.plural}.", docs
    )


def facets_of(kind: type[Kind]) -> list[str]:
    """Return the names of the facets of a kind: properties with codes or flags, and links to vocabulary terms."""
    codes = [name for name, one in kind.properties.items() if one.codes or one.value is Flag]
    return codes + [name for name in kind.ends if name in ("sectors", "areas", "audiences", "functions")]


def _mutation_type(definitions: Mapping[str, MutationDefinition], kinds: Mapping[str, Any], record: Any) -> Any:
    """Return the mutation type. `kinds` and `record` are the types of the records in the results."""
    problem = plain(
        "Problem",
        "A problem that prevented a change.",
        {
            "code": (str, "The code of the problem, such as UNFIT, REQUIRED, STALE, NOT_ALLOWED or NOT_FOUND."),
            "field": (str, "The field of the input, such as `name` or `parties.role`."),
            "value": (str, "The value that was sent."),
            "rule": (str, "What the value must be."),
            "message": (str, "A description of the problem, in the language of the request."),
        },
    )
    about = dict.fromkeys(change.about for change in definitions.values())
    results = {name: _result(name, kinds.get(name, record), problem) for name in about}
    mutation = new_class("Mutation", MUTATIONS)
    for name, change in definitions.items():
        setattr(mutation, name, response_field(results[change.about], change.doc, **change.arguments))
    return strawberry.type(mutation, description=MUTATIONS)


def _result(name: str, record: Any, problem: Any) -> Any:
    fields = {"record": (nullable(record), RESULT_RECORD), "problems": (listing(problem), PROBLEMS)}
    return plain(f"{name}Result", "The result of a change.", fields)
