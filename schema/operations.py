"""From one operation to its questions and the shape of its whole answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode

from registry.codes import code_list, label_of
from registry.modelling import Kind, Model
from registry.plan import ById, Condition, Explore, Facet, Given, Order, Page, Question, Total
from schema.conditions import listed, orders
from schema.cursors import keys_of, mark
from schema.exploring import QUESTIONS
from schema.limits import page_rows, page_size
from schema.names import camel, field_of
from schema.pages import PageShape
from schema.planner import Records
from schema.refusal import Refused
from schema.selection import Operation
from schema.shape import Form, compiled
from schema.trees import Tree

Rows = list[list[Any]]
Build = Callable[[list[Rows], dict[str, Any]], Any]
ROOT_DEPTH = 1
ANY = "Record"  # a record of any kind


@dataclass
class Planned:
    """The questions of an operation, and for each response name how their rows become its value.

    What the questions in `explored` find comes first: it joins the variables, under the response name after an @.
    """

    explored: dict[str, Explore] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    builds: dict[str, Build] = field(default_factory=dict)
    introspects: bool = False

    def ask(self, question: Question, key: str) -> int:
        """Add a question of a root field; return its place."""
        self.questions.append(question)
        self.asked_by.append(key)
        return len(self.questions) - 1

    def answer(self, rows: list[Rows], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of the whole operation."""
        return {key: build(rows, variables) for key, build in self.builds.items()}


def plan_operation(operation: Operation, model: Model, form: Form) -> Planned:
    """Plan every root field of a query. Raises Refused."""
    planned, records = Planned(), Records(model, operation, form)
    singles = {field_of(kind): kind for kind in model}
    lists = {camel(kind.plural): kind for kind in model}
    for key, nodes in operation.root_fields().items():
        name = nodes[0].name.value
        if name in singles:
            planned.builds[key] = _one(planned, records, key, nodes, singles[name].__name__)
        elif name in QUESTIONS:
            planned.builds[key] = _explored(planned, records, key, nodes)
        elif name == "record":
            planned.builds[key] = _one(planned, records, key, nodes, ANY)
        elif name in lists:
            planned.builds[key] = Connection(planned, records, key, nodes, lists[name]).build()
        else:
            planned.introspects = planned.introspects or name != "__typename"
            planned.builds[key] = lambda rows, variables: "Query"
    return planned


def _one(planned: Planned, records: Records, key: str, nodes: list[FieldNode], kind: str) -> Build:
    return one_record(planned, records, key, nodes, kind, records.given("Query", nodes[0])["id"], ROOT_DEPTH)


def one_record(
    planned: Planned, records: Records, key: str, nodes: list[FieldNode], kind: str, given: Given, depth: int
) -> Build:
    """Ask for the record with an id, of a kind or of any, and return how it is made; None where there is none."""
    if kind == ANY:
        views, shaped = records.any_record(nodes, depth)
    else:
        select, row = records.record(nodes, kind, depth)
        views, shaped = (select,), compiled(row.only)
    place = planned.ask(ById(given, views), key)
    return lambda rows, variables: shaped(rows[place][0][0]) if rows[place] else None


def _explored(planned: Planned, records: Records, key: str, nodes: list[FieldNode]) -> Build:
    name, query = nodes[0].name.value, records.operation.schema.query_type
    asked = records.given("Query", nodes[0]).items()
    planned.explored[key] = Explore(name, tuple((one, given) for one, given in asked if given is not None))
    assert query is not None
    tree = Tree(records, f"@{key}", lambda question: planned.ask(question, key))
    return tree.build(nodes, query.fields[name].type)


class Connection:
    """A page of a kind, its total and its facets: a question each, asked only when selected."""

    def __init__(self, planned: Planned, records: Records, key: str, nodes: list[FieldNode], kind: type[Kind]) -> None:
        self._planned, self._records, self._key, self._kind = planned, records, key, kind
        self._type = f"{kind.__name__}Connection"
        self._chosen = records.operation.fields(nodes, self._type, ROOT_DEPTH)
        self._asked = records.given("Query", nodes[0])
        self._where: Condition = listed(records.model, kind.__name__, self._asked.get("where"))
        self._order: tuple[Order, ...] = orders(records.model, kind.__name__, self._asked.get("order"))

    def build(self) -> Build:
        """Ask what the selected fields need, and return how the connection's value is made."""
        page = self._page()
        fields: dict[str, Build] = {}
        for key, nodes in self._chosen.items():
            match nodes[0].name.value:
                case "totalCount":
                    fields[key] = self._total()
                case "countBy":
                    fields[key] = self._facet(nodes)
                case "__typename":
                    fields[key] = lambda rows, variables: self._type
                case _:
                    assert page is not None
                    fields[key] = page.build(key)
        return lambda rows, variables: {key: build(rows, variables) for key, build in fields.items()}

    def _total(self) -> Build:
        place = self._planned.ask(Total(self._kind.__name__, self._where), self._key)
        return lambda rows, variables: rows[place][0][0]

    def _facet(self, nodes: list[FieldNode]) -> Build:
        asked = self._records.given(self._type, nodes[0])
        name, size = asked["field"].fixed, asked["first"]
        rolled_up = asked["rollUp"].value(self._records.operation.variables)
        facet = Facet(self._kind.__name__, self._where, name, Given(size.path, size.fixed, page_size), rolled_up)
        place = self._planned.ask(facet, self._key)
        declared = self._kind.properties.get(name)
        codes = declared.codes if declared else None
        chosen = self._records.operation.fields(nodes, "FacetCount", ROOT_DEPTH + 1)
        fields = {key: one[0].name.value for key, one in chosen.items()}

        def build(rows: list[Rows], _variables: dict[str, Any]) -> list[dict[str, Any]]:
            counts = (
                _count(value, names, number, codes, withheld=withheld)
                for value, names, number, withheld in rows[place][0][0]
            )
            return [{key: count[field] for key, field in fields.items()} for count in counts]

        return build

    def _page(self) -> PageShape | None:
        wanted = {
            key: nodes for key, nodes in self._chosen.items() if nodes[0].name.value in ("nodes", "edges", "pageInfo")
        }
        if not wanted:
            return None
        backward, size, cursor = self._window()
        marked = mark(self._kind.__name__, self._order)
        start = keys_of(cursor, marked, len(self._order or (None,)) + 1) if cursor else ()
        shaped = PageShape(self._records, self._kind.__name__, marked, size, backward, from_cursor=bool(start))
        for key, nodes in wanted.items():
            shaped.add(key, nodes)
        counting = page_rows if any(nodes[0].name.value == "pageInfo" for nodes in wanted.values()) else page_size
        rows = Given(size.path, size.fixed, counting)
        views = tuple(select for select, _ in shaped.views)
        shaped.place = self._planned.ask(
            Page(self._kind.__name__, views, self._where, self._order, rows, start, backward), self._key
        )
        return shaped

    def _window(self) -> tuple[bool, Given, Given | None]:
        """Return whether the page is read backwards, its size, and the cursor it begins behind or before."""
        first, last, after, before = (self._asked.get(name) for name in ("first", "last", "after", "before"))
        if (after and last) or (before and not last):
            raise Refused("BAD_REQUEST", "Ask for first and after, or for last and before.")
        return (True, last, before) if last else (False, first or Given(), after)


def _count(
    value: Any, names: Sequence[Any] | None, number: int, codes: str | None, *, withheld: bool
) -> dict[str, Any]:
    entry = code_list(codes).get(str(value)) if codes else None
    words = label_of(*names) if names else entry.label if entry else None
    text = str(value).lower() if isinstance(value, bool) else value
    return {"value": text, "label": words, "count": number, "withheld": withheld, "__typename": "FacetCount"}
