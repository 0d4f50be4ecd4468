"""What is saved: for every kind an input, made from the model by one rule, and how what comes in it is read."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from registry.changing.saving import LinkChange, Saving
from registry.cypher.states import own_ends
from registry.modelling import End, Kind, Model, Property
from registry.records import DEFAULTS
from schema.building import CLOSED_LISTS, PYTHON, add_input, listing, made_class
from schema.limits import LINKED
from schema.names import camel, field_of, link_type
from schema.refusal import Refused

Given = Mapping[str, Any]
ADD = "Records to link; of one that is linked already, the properties of the link are replaced."
REMOVE = "Records not to be linked any more."


class ChangeInputs:
    """Makes `AgencyInput` and the like for every kind that people keep, and an input for each sort of link."""

    def __init__(self, model: Model) -> None:
        kinds = [kind for kind in model if not kind.kept_by_us]
        ends = [end for kind in kinds for end in own_ends(kind) if end.link.properties]
        self._links = {link_type(end.link): _link_change(link_type(end.link), _added(end)) for end in ends}
        self._plain_link = _link_change("Links", strawberry.ID)
        self.kinds: dict[str, Any] = {kind.__name__: self._input(kind) for kind in kinds}

    def _input(self, kind: type[Kind]) -> Any:
        made = made_class(f"{kind.__name__}Input")
        add_input(made, "id", strawberry.ID, "Its id; one that is new, or none, makes a new record.")
        for name, declared in by_hand(kind).items():
            add_input(made, camel(name), _type(declared), declared.doc)
        for end in own_ends(kind):
            change = self._links[link_type(end.link)] if end.link.properties else self._plain_link
            add_input(made, camel(end.name), change, end.doc)
        doc = f"What is to be saved of a record of {kind.plural}: what is absent stays, null clears."
        return strawberry.input(made, description=doc)


def by_hand(kind: type[Kind]) -> dict[str, Property]:
    """Return the properties of a kind that are saved: the status, and some others, follow from steps of their own."""
    return {name: one for name, one in _saved(kind.properties).items() if name not in ("id", "status")}


def tied_by_hand(end: End) -> dict[str, Property]:
    """Return the properties of a link that are saved with it."""
    return _saved(end.link.properties)


def _saved(declared: Mapping[str, Property]) -> dict[str, Property]:
    return {name: one for name, one in declared.items() if not one.kept_by_us and not one.by_step}


def read_saving(kind: type[Kind], given: Given, version: int | None) -> Saving:
    """Return what an input says is to be saved. Raises Refused."""
    if given.get("id") == "":
        raise Refused("BAD_REQUEST", "An id is not empty; a new record that has none yet is saved without.")
    properties = {name: _plain(given[camel(name)]) for name in by_hand(kind) if camel(name) in given}
    for name in DEFAULTS:
        if name in properties and properties[name] is None:
            raise Refused("BAD_REQUEST", f"{camel(name)} is not cleared, only changed.")
    links = {end.name: _read_links(end, given[camel(end.name)]) for end in own_ends(kind) if camel(end.name) in given}
    return Saving(kind, given.get("id"), properties, links, version)


def _read_links(end: End, given: Given | None) -> LinkChange:
    if given is None:
        raise Refused(
            "BAD_REQUEST", f"{camel(end.name)} is changed by what to add and what to remove; null is neither."
        )
    add, remove = given.get("add") or [], given.get("remove") or []
    if len(add) + len(remove) > LINKED:
        message = f"A link is changed for at most {LINKED} records at a time."
        raise Refused("TOO_COSTLY", message, cost=len(add) + len(remove), limit=LINKED)
    if not end.link.properties:
        return LinkChange({one: {} for one in add}, tuple(remove))
    far = field_of(end.target)
    ties = {one[far]: {name: one.get(camel(name)) for name in tied_by_hand(end)} for one in add}
    if len(ties) < len(add):
        raise Refused("BAD_REQUEST", f"{camel(end.name)}.add names one {far} twice.")
    return LinkChange(ties, tuple(remove))


def _added(end: End) -> Any:
    """Return the input of a record to link, by its id, with the properties of the link."""
    made = made_class(f"{link_type(end.link)}Input")
    made.__annotations__[field_of(end.target)] = strawberry.ID
    for name, declared in tied_by_hand(end).items():
        add_input(made, camel(name), _type(declared), declared.doc)
    return strawberry.input(made, description=end.doc)


def _link_change(name: str, added: Any) -> Any:
    made = made_class(f"{name}Change")
    add_input(made, "add", listing(added), ADD)
    add_input(made, "remove", listing(strawberry.ID), REMOVE)
    return strawberry.input(made, description="What changes about a link.")


def _type(declared: Property) -> Any:
    if declared.codes in CLOSED_LISTS:
        return CLOSED_LISTS[declared.codes]
    plain = PYTHON[declared.value.scalar]
    return listing(plain) if declared.value.listed else plain


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
