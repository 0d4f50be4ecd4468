"""What a turn has read already: nothing is asked for twice, and what many changes will ask for is read at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from registry.access import Actor
from registry.changing.names import BEGINNING, MOST, Named, Names, parts
from registry.changing.state import State, read_state
from registry.cypher import states
from registry.cypher.write import Stored
from registry.model import MODEL
from registry.modelling import Kind
from registry.store import Ask

Found = TypeVar("Found")
SIZE, MOST_WORDS = 500, 12
ANY = ""  # the kind of what is asked of all kinds


class Remembered(Generic[Found]):
    """One sort of what can be read of records of a kind, by their ids, or by what else tells them apart.

    `read` reads it of some of them, and returns it of those of which there is any.
    """

    def __init__(self, read: Callable[[str, Sequence[str]], Mapping[str, Found]]) -> None:
        self._read = read
        self._known: dict[tuple[str, str], Found | None] = {}

    def of(self, kind: str, one: str) -> Found | None:
        """Return it of one; None where there is none."""
        return self.all_of(kind, [one])[one]

    def all_of(self, kind: str, those: Iterable[str]) -> dict[str, Found | None]:
        """Return it of each, in their order; what is not known yet is read, SIZE at once. Raises StoreError."""
        wanted = list(dict.fromkeys(those))
        unread = [one for one in wanted if (kind, one) not in self._known]
        for start in range(0, len(unread), SIZE):
            some = unread[start : start + SIZE]
            found = self._read(kind, some)
            self._known |= {(kind, one): found.get(one) for one in some}
        return {one: self._known[kind, one] for one in wanted}

    def learn(self, kind: str, one: str, found: Found) -> None:
        """Take note of what was just made."""
        self._known[kind, one] = found

    def forget(self, kind: str, one: str) -> None:
        """Read it anew the next time."""
        self._known.pop((kind, one), None)


class Reading:
    """What an actor's turn reads.

    `states` and `readers` are a record as it stands and who may know of it, by kind and id; `taken` is whether a record
    of ANY kind has an id.
    """

    def __init__(self, ask: Ask, actor: Actor) -> None:
        self._ask, self._actor = ask, actor
        self.states: Remembered[State] = Remembered(self._states)
        self.readers: Remembered[list[str]] = Remembered(self._readers)
        self.taken: Remembered[bool] = Remembered(self._taken)
        self._names: dict[str, Names] = {}

    def named_like(self, kind: type[Kind], name: str) -> Named:
        """Return records whose names have a word that begins as one of this name does. Raises StoreError."""
        if (known := self._names.get(kind.__name__)) is not None:
            return known.like(name)
        beginnings = list(dict.fromkeys(word[:BEGINNING] for word in parts(name)[1][:MOST_WORDS]))
        me = self._actor.parameter()
        rows = self._ask(states.named_like(kind, beginnings, me, most=MOST)) if beginnings else [[[]]]
        named: Named = rows[0][0]
        return named

    def read_names(self, kind: type[Kind]) -> None:
        """Read the names of all records of a kind, before many are compared with them. Raises StoreError."""
        self._names[kind.__name__] = Names(self._ask(states.names(kind, self._actor.parameter()))[0][0])

    def learn(self, kind: type[Kind], row: Stored) -> None:
        """Take note of a record that is to be written."""
        name, record = kind.__name__, row["id"]
        self.states.forget(name, record)
        self.readers.learn(name, record, row["seen_by"])
        self.taken.learn(ANY, record, True)
        if name in self._names:
            self._names[name].add(record, row["name"])

    def _states(self, kind: str, ids: Sequence[str]) -> dict[str, State]:
        rows = self._ask(states.several(MODEL[kind], ids))
        return {one.id: one for row in rows if (one := read_state(MODEL[kind], [row]))}

    def _readers(self, kind: str, ids: Sequence[str]) -> dict[str, list[str]]:
        return dict(self._ask(states.faces(MODEL[kind], ids))[0][0])

    def _taken(self, _any: str, ids: Sequence[str]) -> dict[str, bool]:
        return {one: True for (one,) in self._ask(states.taken(ids))}
