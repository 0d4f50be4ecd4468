"""What the address of a list asks: words of the name, filters, an order, a page. One reading, and one writing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.datastructures import QueryParams

from registry.codes import code_list
from registry.modelling import End, Kind, Property
from registry.values import Flag
from registry.web.addresses import LONGEST, list_path, param, typed
from registry.web.problems import Unanswerable
from registry.words import _
from schema.building import CLOSED_LISTS
from schema.graph_api import facets_of
from schema.limits import PAGE
from schema.names import camel, field_of

SORTS = {
    "name": {"name": "ASC"},
    "-name": {"name": "DESC"},
    "updated": {"updated": "ASC"},
    "-updated": {"updated": "DESC"},
}
FIRST, MOST_WORDS, MOST_VALUES = 50, 10, 20
KNOWN = ("q", "sort", "first", "after", "before", "lang")


@dataclass(frozen=True)
class Asked:
    """A list as it is asked for. `chosen` holds, by the name of a property or a link, the values that are let through."""

    kind: type[Kind]
    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "name"
    first: int = FIRST
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(cls, kind: type[Kind], query: QueryParams) -> Asked:
        """Return what a query asks of a kind. Raises Unanswerable."""
        names = {param(name): name for name in filters_of(kind)}
        unknown = next((key for key in query if key not in names and key not in KNOWN), None)
        if unknown is not None:
            raise _refused(kind, _("This list cannot be filtered by {name}.").format(name=unknown[:LONGEST]))
        chosen = {name: _values(kind, name, query.getlist(key)) for key, name in names.items() if query.get(key)}
        if query.get("sort", "name") not in SORTS:
            raise _refused(kind, _("Lists are sorted by name or updated, or backwards by -name or -updated."))
        text = typed(query.get("q", ""))
        before = query.get("before") or None
        after = None if before else query.get("after") or None
        return cls(kind, text, chosen, query.get("sort", "name"), _first(kind, query), after, before)

    @property
    def words(self) -> list[str]:
        """The words that a name must hold."""
        return self.text.split()[:MOST_WORDS]

    @property
    def by_details(self) -> bool:
        """Whether a filter asks for what only those know who see all of a record."""
        kind = self.kind
        return any(
            not (kind.properties[name].face if name in kind.properties else kind.ends[name].link.face)
            for name in self.chosen
        )

    def path(self, extension: str = "") -> str:
        """Return the address that asks this, of the page or, with an extension, of a file."""
        pairs = [("q", self.text)] if self.text else []
        pairs += [(param(name), value) for name, values in self.chosen.items() for value in values]
        pairs += [("sort", self.sort)] if self.sort != "name" else []
        pairs += [("first", str(self.first))] if self.first != FIRST else []
        pairs += [(key, cursor) for key in ("after", "before") if (cursor := getattr(self, key))]
        path = list_path(self.kind.__name__, pairs)
        return path.replace("?", f"{extension}?", 1) if pairs else path + extension

    def from_the_start(self, **changed: Any) -> Asked:
        """Return the first page of the same list, or of what it becomes by a change."""
        return replace(self, **{"after": None, "before": None, **changed})

    def toggled(self, name: str, value: str) -> Asked:
        """Return the same with a value let through that was not, or the other way round."""
        now = self.chosen.get(name, ())
        values = tuple(one for one in now if one != value) if value in now else (*now, value)
        rest = {key: kept for key, kept in self.chosen.items() if key != name}
        return self.from_the_start(chosen=rest | ({name: values} if values else {}))

    def where(self, without: str | None = None) -> dict[str, Any]:
        """Return the conditions as GraphQL has them, without those of one name."""
        parts: list[dict[str, Any]] = [{"name": {"contains": word}} for word in self.words]
        parts += [condition(self.kind, name, values) for name, values in self.chosen.items() if name != without]
        return {"and": parts} if parts else {}


def filters_of(kind: type[Kind]) -> list[str]:
    """Return what a list can be filtered by: its facets, and every link, which leads to the record at its far end."""
    return list(dict.fromkeys([*facets_of(kind), *kind.ends]))


def condition(kind: type[Kind], name: str, values: tuple[str, ...]) -> dict[str, Any]:
    """Return the condition that a property or a link has one of these values; a term stands for its parts, too."""
    declared = kind.properties.get(name)
    if declared is None:
        far = {"within": list(values)} if name in facets_of(kind) else {"id": {"in": list(values)}}
        return {camel(name): {"some": _far(kind.ends[name], far)}}
    if declared.value is Flag:
        return {"or": [{camel(name): {"eq": value == "true"}} for value in values]}
    return {camel(name): {"in": [_code(declared, value) for value in values]}}


def _far(end: End, where: dict[str, Any]) -> dict[str, Any]:
    return {field_of(end.target): where} if end.link.properties else where


def _code(declared: Property, value: str) -> str:
    return value.upper() if declared.codes in CLOSED_LISTS else value


def _values(kind: type[Kind], name: str, given: list[str]) -> tuple[str, ...]:
    """Return the values without those given twice. Raises Unanswerable for a code that there is not."""
    values = tuple(dict.fromkeys(one for one in given if one))[:MOST_VALUES]
    known = _known(kind.properties[name]) if name in kind.properties else values
    strange = next((one for one in values if one not in known), None)
    if strange is not None:
        raise _refused(kind, _("{name} has no value {value}.").format(name=param(name), value=strange[:LONGEST]))
    return values


def _known(declared: Property) -> Collection[str]:
    return ("true", "false") if declared.value is Flag else code_list(declared.codes or "")


def _first(kind: type[Kind], query: QueryParams) -> int:
    given = query.get("first", str(FIRST))
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= PAGE):
        raise _refused(kind, _("A page holds 1 to {most} records.").format(most=PAGE))
    return int(given)


def _refused(kind: type[Kind], sentence: str) -> Unanswerable:
    return Unanswerable(sentence, list_path(kind.__name__), _("Go to the whole list"))
