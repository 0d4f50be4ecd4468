"""The GraphQL schema, generated from the model; `python -m schema` prints it."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import strawberry
from graphql import ExecutionResult
from graphql.language import OperationType
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Link, Model, Property
from registry.model.values import Flag
from schema.execute import DocumentCache, QueryContext, QueryExecutor, failed
from schema.explore_types import explored_fields
from schema.filters import Inputs
from schema.mutations import MutationDefinition, MutationExecutor, changes, mutation_type, procedures
from schema.response import KIND
from schema.types import (
    CLOSED_LISTS,
    DAY,
    PERIOD,
    PYTHON,
    SCALARS,
    camel,
    enumeration,
    field_of,
    link_type,
    listing,
    new_class,
    nullable,
    plain,
    response_field,
)

FIRST, FIRST_LINKED = 20, 50
COUNT_BY = (
    "How many there are by value; rolled up, a sector or an area counts what its parts have, too, as in `within`."
)
WITHHELD = "Whether you see only the summary of this record: its details, and the links that belong to them, are null."
UNKNOWN = "Null where you see only the summary of the {kind}."
SEEN = "Only what you have access to is listed and counted."


class Schema:
    """The GraphQL schema of a model, whose types Strawberry makes, and the execution of its operations. Not thread-safe."""

    def __init__(self, model: Model, *, introspection: bool = True) -> None:
        outputs, mutations = Outputs(model), {**changes(model), **procedures()} if _has_registry_kinds(model) else {}
        self._types = strawberry.Schema(
            query=outputs.query(),
            mutation=outputs.mutation(mutations) if mutations else None,
            types=outputs.kinds(),
            config=StrawberryConfig(scalar_map=SCALARS, auto_camel_case=False),
        )
        self.graphql_schema = self._types._schema
        self._documents = DocumentCache(self.graphql_schema, introspection=introspection)
        self._queries = QueryExecutor(self.graphql_schema, model)
        self._mutations = MutationExecutor(self.graphql_schema, model, mutations)

    def as_str(self) -> str:
        """Return the schema in the schema definition language."""
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
        """Return the result of an operation; its data contain JSON fragments. With `read_only`, mutations are refused."""
        try:
            parsed = self._documents.operation(text, name, variables or {}, read_only=read_only)
            is_mutation = parsed.operation.operation is OperationType.MUTATION
            return await (self._mutations if is_mutation else self._queries).execute(parsed, context)
        except Exception as error:
            return failed(error)

    async def execute(
        self, text: str, context: QueryContext, variables: dict[str, Any] | None = None, name: str | None = None
    ) -> ExecutionResult:
        """Return the result of an operation, its data as Python values."""
        result = await self.execute_json(text, context, variables, name)
        return ExecutionResult(orjson.loads(orjson.dumps(result.data)), result.errors)


def build_schema(model: Model, *, introspection: bool = True) -> Schema:
    """Return the schema of a model; without introspection, clients cannot query the schema itself."""
    return Schema(model, introspection=introspection)


class Outputs:
    """Builds the object types of a model. Classes are created before their fields, since kinds refer to one another."""

    def __init__(self, model: Model) -> None:
        self._model, self._inputs = model, Inputs(model)
        self._record = new_class("Record", "What every record has, of whichever kind it is.")
        self._kinds: dict[str, Any] = {
            kind.__name__: new_class(kind.__name__, kind.__doc__, self._record) for kind in model
        }
        self._links: dict[str, Any] = {
            link_type(link): new_class(link_type(link), link.doc) for link in model.links() if link.properties
        }
        self._page_info = plain(
            "PageInfo",
            "Whether there is more, and where this page begins and ends.",
            {"hasNextPage": bool, "hasPreviousPage": bool, "startCursor": nullable(str), "endCursor": nullable(str)},
        )
        self._facet_count = plain(
            "FacetCount",
            "How many records have a value; the label says it in words, in the language of the request.",
            {
                "value": (nullable(str), "The value; null where none is recorded, or where it is withheld."),
                "label": (nullable(str), "The value in words."),
                "count": (int, "How many of the records that you have access to have it."),
                "withheld": (bool, "Whether these are the records whose value you have no access to."),
            },
        )
        for link in model.links():
            if link.properties:
                self._fill_link(link)
        self._fill_record()
        for kind in model:
            self._fill_kind(kind)

    def query(self) -> Any:
        """Return the query type: for every kind, one record by id and a connection."""
        query = new_class("Query", f"What the registry answers. {SEEN}")
        for kind in self._model:
            made = nullable(self._kinds[kind.__name__])
            one = response_field(made, f"One record by its id: {kind.__doc__}", id=strawberry.ID)
            setattr(query, field_of(kind), one)
            setattr(query, camel(kind.plural), self._connection_field(kind))
        query.record = response_field(nullable(self._record), "One record of any kind by its id.", id=strawberry.ID)
        if _has_registry_kinds(self._model):
            for name, field in explored_fields(self._kinds, self._record, self._page_info).items():
                setattr(query, name, field)
        return strawberry.type(query, description=query.__doc__)

    def mutation(self, definitions: Mapping[str, MutationDefinition]) -> Any:
        """Return the mutation type, with one field per change."""
        return mutation_type(definitions, self._kinds, self._record)

    def kinds(self) -> list[Any]:
        """Return the types of all kinds; some are reachable only as a Record."""
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
        for name, declared in kind.properties.items():
            setattr(made, camel(name), response_field(self._output(declared), declared.doc))
        made.withheld = response_field(bool, WITHHELD)
        made.is_type_of = classmethod(lambda cls, obj, info: obj.get(KIND, cls.__name__) == cls.__name__)
        for end in kind.ends.values():
            for name, field in self._end_fields(end):
                setattr(made, name, field)
        strawberry.type(made, description=kind.__doc__)

    def _end_fields(self, end: End) -> Iterator[tuple[str, StrawberryField]]:
        target = self._links[link_type(end.link)] if end.link.properties else self._kinds[end.target]
        notes = [] if end.link.face else [UNKNOWN.format(kind=end.kind)]
        if end.single:
            yield camel(end.name), response_field(nullable(target), " ".join([end.doc, *notes]))
            return
        records, count = (kind if end.link.face else nullable(kind) for kind in (listing(target), int))
        where = nullable(self._inputs.wheres[end.target])
        order = nullable(listing(self._inputs.orders[end.target]))
        dated = {"period": (PERIOD, PERIOD.CURRENT), "asOf": nullable(DAY)} if end.link.dated else {}
        doc = " ".join([end.doc, *notes])
        yield (
            camel(end.name),
            response_field(records, doc, where=where, order=order, first=(int, FIRST_LINKED), **dated),
        )
        counted = " ".join([f"How many you have access to. {end.doc}", *notes])
        yield f"{camel(end.name)}Count", response_field(count, counted, where=where, **dated)

    def _fill_link(self, link: Link) -> None:
        made = self._links[link_type(link)]
        for name, declared in link.properties.items():
            setattr(made, camel(name), response_field(self._output(declared), declared.doc))
        for kind in (link.start, link.end):
            setattr(made, field_of(kind), response_field(self._kinds[kind], f"The {field_of(kind)} of this link."))
        strawberry.type(made, description=link.doc)

    def _output(self, declared: Property) -> Any:
        if declared.refers_to:
            return nullable(self._kinds[declared.refers_to])
        if declared.codes in CLOSED_LISTS:
            return CLOSED_LISTS[declared.codes]
        plain = PYTHON[declared.value.scalar]
        if declared.value.listed:
            return nullable(listing(plain))
        return plain if declared.promised else nullable(plain)

    def _connection_field(self, kind: type[Kind]) -> StrawberryField:
        name, made = kind.__name__, self._kinds[kind.__name__]
        edge = plain(f"{name}Edge", "A record and where it stands.", {"node": made, "cursor": str})
        facet = enumeration(f"{name}Facet", {facet.upper(): facet for facet in facets_of(kind)})
        connection = new_class(f"{name}Connection", f"A page of {kind.plural}.")
        connection.nodes = response_field(listing(made), "The records of the page.")
        connection.edges = response_field(listing(edge), "The same, each with its cursor.")
        connection.pageInfo = response_field(self._page_info, "Whether there is more.")
        connection.totalCount = response_field(int, "How many there are on all pages.")
        counts = listing(self._facet_count)
        connection.countBy = response_field(counts, COUNT_BY, field=facet, first=(int, FIRST), rollUp=(bool, False))
        return response_field(
            strawberry.type(connection),
            f"{kind.plural.title()}, a page at a time.",
            where=nullable(self._inputs.wheres[name]),
            order=nullable(listing(self._inputs.orders[name])),
            first=(nullable(int), FIRST),
            after=nullable(str),
            last=nullable(int),
            before=nullable(str),
        )


def _has_registry_kinds(model: Model) -> bool:
    """Return whether a model has the registry's own kinds, which explorations and mutations need."""
    return MODEL.kinds.keys() <= model.kinds.keys()


def facets_of(kind: type[Kind]) -> list[str]:
    """Return the names of the facets of a kind: its codes and flags, and its links to terms."""
    codes = [name for name, one in kind.properties.items() if one.codes or one.value is Flag]
    return codes + [name for name in kind.ends if name in ("sectors", "areas", "audiences", "functions")]
