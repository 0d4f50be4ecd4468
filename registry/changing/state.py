"""A record as it stands before a change, and what is different after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from registry.cypher.states import own_ends
from registry.cypher.write import given_names
from registry.modelling import Kind, Link

Ties = dict[str, dict[str, object]]  # by the id at the far end, the properties of the link
Difference = dict[str, Any]
LINKS = "links"


@dataclass(frozen=True)
class State:
    """What a record holds: its properties as they are stored, and its own ties by the name of their link."""

    kind: type[Kind]
    properties: Mapping[str, object] = field(default_factory=dict)
    ties: Mapping[str, Ties] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The record's id."""
        return str(self.properties["id"])

    @property
    def version(self) -> int:
        """How often it was changed; 0 where it is new."""
        return int(str(self.properties.get("version", 0)))

    def given(self) -> dict[str, object]:
        """Return the properties that a person or a source gives."""
        return {name: one for name in given_names(self.kind) if (one := self.properties.get(name)) is not None}


def nothing(kind: type[Kind]) -> State:
    """Return what there is of a record before it is made."""
    return State(kind, {}, {end.name: {} for end in own_ends(kind)})


def read_state(kind: type[Kind], rows: Sequence[Sequence[Any]]) -> State | None:
    """Return the state that the rows of `cypher.states.state` tell; None where there is no such record."""
    if not rows:
        return None
    properties, *ties = rows[0]
    ends = zip(own_ends(kind), ties, strict=True)
    tied = {end.name: {far: of_link(end.link, values) for far, values in sorted(those)} for end, those in ends}
    return State(kind, properties, tied)


def asked_anew(before: State, after: State) -> State:
    """Return a record as it is to be, without what parties said of its terms where these are not those they spoke of."""
    if not before.properties or not _other_terms(before, after):
        return after
    return replace(after, ties={end.name: agreed(end.link, after.ties[end.name]) for end in own_ends(after.kind)})


def agreed(link: Link, ties: Ties) -> Ties:
    """Return ties without what a step of its own sets of them: what a party says."""
    by_step = {name for name, one in link.properties.items() if one.by_step}
    if not by_step:
        return ties
    return {far: {name: one for name, one in values.items() if name not in by_step} for far, values in ties.items()}


def _other_terms(before: State, after: State) -> bool:
    """Tell whether what parties agree to is different."""
    own = (name for name, one in after.kind.properties.items() if one.term)
    tied = (end for end in own_ends(after.kind) if end.link.term)
    return any(before.properties.get(name) != after.properties.get(name) for name in own) or any(
        agreed(end.link, before.ties[end.name]) != agreed(end.link, after.ties[end.name]) for end in tied
    )


def difference(before: State, after: State) -> tuple[Difference, Difference]:
    """Return what of the one is not in the other, and the reverse: properties, and ties under `links`."""
    return _beyond(before, after), _beyond(after, before)


def _beyond(one: State, other: State) -> Difference:
    own, others = one.given(), other.given()
    found: Difference = {name: own.get(name) for name in sorted({*own, *others}) if own.get(name) != others.get(name)}
    links = {name: ties for name in one.ties if (ties := ties_beyond(one.ties[name], other.ties.get(name, {})))}
    return {**found, LINKS: links} if links else found


def ties_beyond(ties: Ties, others: Ties) -> Ties:
    """Return those of the ties that the others have not, or not with the same properties."""
    return {far: values for far, values in ties.items() if others.get(far) != values}


def of_link(link: Link, values: Mapping[str, object]) -> dict[str, object]:
    """Return, of what a tie holds, the properties of its link."""
    return {name: one for name in link.properties if (one := values.get(name)) is not None}
