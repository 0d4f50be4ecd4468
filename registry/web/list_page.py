"""What the page of a list shows: columns and rows, facets with counts, filters that are on, and the pages beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.model import MODEL
from registry.modelling import End, Kind
from registry.values import Date, Flag
from registry.web.addresses import list_path, other_end, param
from registry.web.asked import Asked
from registry.web.listing import COUNTED
from registry.web.selecting import COMMON, TITLED_BY, facts, main_links, of_terms
from registry.web.showing import Data, Shown, far_records, shown, value_text
from registry.web.standing import Standing, standing
from registry.web.wording import code_label, label, said
from registry.words import _
from schema.graph_api import facets_of
from schema.names import camel

AT_ONCE, MOST_CELLS = 8, 2
Names = Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """A record of a list: what it is called, and its cells under the columns."""

    record: Shown
    withheld: bool
    cells: list["Cell"]


@dataclass(frozen=True)
class Cell:
    """What stands in a column: a text, `whole` on one line, or records and how many more, or a number that leads to a list.

    `withheld` tells that nothing stands there as the visitor does not see it.
    """

    heading: str
    text: str = ""
    whole: bool = False
    records: tuple[Shown, ...] = ()
    more: int = 0
    path: str = ""
    standing: Standing | None = None
    withheld: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing stands in it."""
        return not (self.text or self.records or self.standing)


@dataclass(frozen=True)
class Choice:
    """A value to narrow by: how many records have it, whether it is on, and the address with it put on or taken off."""

    text: str
    count: int
    on: bool
    path: str


@dataclass(frozen=True)
class Facet:
    """What a list can be narrowed by; of `withheld` records the visitor does not see the value."""

    heading: str
    first: list[Choice]
    rest: list[Choice]
    withheld: int

    @property
    def full(self) -> int:
        """How many values are shown at most, where there may be more; otherwise 0."""
        return COUNTED if len(self.first) + len(self.rest) >= COUNTED else 0


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address without it."""

    text: str
    path: str


def rows(asked: Asked, data: Data, today: str) -> list[Row]:
    """Return the rows of a page."""
    found = [_row(asked.kind, one, today) for one in data[camel(asked.kind.plural)]["nodes"]]
    filled = {place for row in found for place, cell in enumerate(row.cells) if not cell.empty}
    return [Row(row.record, row.withheld, [c for place, c in enumerate(row.cells) if place in filled]) for row in found]


def _row(kind: type[Kind], record: Data, today: str) -> Row:
    cells = [*_fact_cells(kind, record, today), *(_link_cell(end, record) for end in main_links(kind))]
    cells += [_count_cell(end, record) for end in of_terms(kind)]
    return Row(shown(kind.__name__, record), record["withheld"], cells)


def _fact_cells(kind: type[Kind], record: Data, today: str) -> Iterator[Cell]:
    dated = kind is MODEL["Partnership"]
    of_title = 0 if kind.named else TITLED_BY
    for one in facts(kind)[of_title : of_title + MOST_CELLS]:
        if not (dated and one.value is Date):
            text, hidden = value_text(one, record), record["withheld"] and not one.face
            yield Cell(label(one.name), text, whole=one.value is Date, withheld=hidden)
    if dated:
        dates = record["validFrom"], record["validUntil"]
        yield Cell(_("Standing"), standing=standing(*dates, withheld=record["withheld"], today=today))


def _link_cell(end: End, record: Data) -> Cell:
    far = tuple(shown(end.target, one) for one in far_records(end, record[camel(end.name)]))
    more = 0 if end.single else (record[f"{camel(end.name)}Count"] or 0) - len(far)
    path = list_path(end.target, [(param(other_end(end).name), record["id"])])
    return Cell(label(end.name), records=far, more=more, path=path, withheld=_hidden(end, record))


def _count_cell(end: End, record: Data) -> Cell:
    count = record[f"{camel(end.name)}Count"]
    path = list_path(end.target, [(param(other_end(end).name), record["id"])])
    return Cell(label(end.name), str(count) if count else "", path=path, withheld=_hidden(end, record))


def _hidden(end: End, record: Data) -> bool:
    return not end.link.face and bool(record["withheld"])


def facets(asked: Asked, data: Data, names: Names) -> list[Facet]:
    """Return the facets that tell records apart, or are on; `names` says what records are called by id."""
    own_first = sorted(facets_of(asked.kind), key=lambda name: name in COMMON)
    every = ((name, _choices(asked, name, data, names)) for name in own_first)
    return [
        Facet(label(name), choices[:AT_ONCE], choices[AT_ONCE:], _withheld(asked, name, data))
        for name, choices in every
        if len(choices) > 1 or name in asked.chosen
    ]


def _choices(asked: Asked, name: str, data: Data, names: Names) -> list[Choice]:
    on = asked.chosen.get(name, ())
    counts = [(one["value"] or "", one["label"], one["count"]) for one in counted(asked, name, data)]
    counts += [(value, None, 0) for value in on if value not in {known for known, _label, _count in counts}]
    return [
        Choice(value_label(asked.kind, name, value, names, text), count, value in on, asked.toggled(name, value).path())
        for value, text, count in sorted(counts, key=lambda one: one[0] not in on)
        if value
    ]


def _withheld(asked: Asked, name: str, data: Data) -> int:
    return sum(one["count"] for one in counted(asked, name, data) if one["withheld"])


def counted(asked: Asked, name: str, data: Data) -> list[Data]:
    """Return the counts of a facet, wherever the operation has them."""
    there = data.get(f"{camel(name)}Apart") or data[camel(asked.kind.plural)]
    return list(there[f"{camel(name)}Count"])


def chips(asked: Asked, names: Names) -> list[Chip]:
    """Return the filters that are on."""
    texts = [Chip(f"“{asked.text}”", asked.from_the_start(text="").path())] if asked.text else []
    return texts + [
        Chip(f"{label(name)}: {value_label(asked.kind, name, value, names)}", asked.toggled(name, value).path())
        for name, values in asked.chosen.items()
        for value in values
    ]


def value_label(kind: type[Kind], name: str, value: str, names: Names, text: str | None = None) -> str:
    """Return a value of a facet or filter in words."""
    declared = kind.properties.get(name)
    if declared is None:
        return names.get(value) or text or value
    return said(declared, value == "true") if declared.value is Flag else code_label(declared.codes, value)


def ids_to_name(asked: Asked) -> dict[str, list[str]]:
    """Return the ids, by kind, of the records that filters name."""
    found: dict[str, dict[str, None]] = {}
    for name, end in asked.kind.ends.items():
        found.setdefault(end.target, {}).update(dict.fromkeys(asked.chosen.get(name, ())))
    return {kind: list(ids) for kind, ids in found.items() if ids}
