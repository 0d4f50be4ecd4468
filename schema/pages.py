"""The shape of a page: its nodes, its edges with cursors, and whether there is more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import FieldNode

from registry.plan import Given, Select
from schema.cursors import write_cursor
from schema.limits import page_size
from schema.planner import Records
from schema.shape import Form, Row, compiled

Value = Callable[[list[Any]], Any]
DEPTH = 2


class PageShape:
    """Makes the fields of a page out of its rows, each a list of views and, last, the sort keys."""

    def __init__(
        self, records: Records, kind: str, marked: str, size: Given, backward: bool, *, from_cursor: bool
    ) -> None:
        self.views: list[tuple[Select, Row]] = []
        self.place = 0
        self._records, self._kind, self._marked, self._size = records, kind, marked, size
        self._backward, self._from_cursor = backward, from_cursor
        self._values: dict[str, Callable[[list[Any], bool], Any]] = {}

    def add(self, key: str, nodes: list[FieldNode]) -> None:
        """Select `nodes`, `edges` or `pageInfo` under a response name."""
        make = {"nodes": self._nodes, "edges": self._edges, "pageInfo": self._info}[nodes[0].name.value]
        self._values[key] = make(nodes)

    def build(self, key: str) -> Callable[[list[Any], dict[str, Any]], Any]:
        """Return how the value of a response name is made out of all rows of the operation."""
        value = self._values[key]

        def build(rows: list[Any], variables: dict[str, Any]) -> Any:
            size = page_size(self._size.value(variables))
            page = [row for (row,) in rows[self.place][:size]]
            return value(page[::-1] if self._backward else page, len(rows[self.place]) > size)

        return build

    def _nodes(self, nodes: list[FieldNode]) -> Callable[[list[Any], bool], Any]:
        place, row = self._view(nodes)
        shaped = compiled(row.pieces if self._records.form is Form.JSON else row.many)
        return lambda page, more: shaped([row[place] for row in page])

    def _edges(self, nodes: list[FieldNode]) -> Callable[[list[Any], bool], Any]:
        chosen = self._records.operation.fields(nodes, f"{self._kind}Edge", DEPTH)
        fields: dict[str, Value] = {key: self._edge_field(below) for key, below in chosen.items()}
        return lambda page, more: [{key: field(row) for key, field in fields.items()} for row in page]

    def _edge_field(self, nodes: list[FieldNode]) -> Value:
        match nodes[0].name.value:
            case "node":
                place, below = self._view(nodes)
                shaped = compiled(below.only)
                return lambda row: shaped(row[place])
            case "cursor":
                return lambda row: write_cursor(self._marked, row[-1])
        return lambda row: f"{self._kind}Edge"

    def _info(self, nodes: list[FieldNode]) -> Callable[[list[Any], bool], Any]:
        chosen = self._records.operation.fields(nodes, "PageInfo", DEPTH)
        names = {key: below[0].name.value for key, below in chosen.items()}

        def info(page: list[Any], more: bool) -> dict[str, Any]:
            ahead, behind = (self._from_cursor, more) if self._backward else (more, self._from_cursor)
            known = {
                "hasNextPage": ahead,
                "hasPreviousPage": behind,
                "startCursor": write_cursor(self._marked, page[0][-1]) if page else None,
                "endCursor": write_cursor(self._marked, page[-1][-1]) if page else None,
                "__typename": "PageInfo",
            }
            return {key: known[name] for key, name in names.items()}

        return info

    def _view(self, nodes: list[FieldNode]) -> tuple[int, Row]:
        self.views.append(self._records.record(nodes, self._kind, DEPTH))
        return len(self.views) - 1, self.views[-1][1]
