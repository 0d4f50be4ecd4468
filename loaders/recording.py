"""What a run changes, told in the chain of changes: in the same transaction, and only what is different."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from loaders.staging import declared_end, link_name
from registry.access import ADMIN
from registry.changing.state import LINKS, Difference, State, Ties, difference, of_link, ties_beyond
from registry.changing.turn import Asking, Turn, in_turn
from registry.cypher import uses
from registry.cypher.write import Stored
from registry.model import MODEL
from registry.modelling import End, Kind, Link
from registry.store import Store

Answer = TypeVar("Answer")
SIZE = 500
Given = Mapping[str, Any]
Tied = tuple[str, str, Mapping[str, object]]  # the id at the start, the id at the end, the properties


class Recording:
    """The turns of one run: a batch each."""

    def __init__(self, store: Store, run: str) -> None:
        self._store, self._run = store, run
        self._asking = Asking(ADMIN, "load", run=run)

    def turn(self, work: Callable[[Turn], Answer]) -> Answer:
        """Do work in one transaction with the entries that tell of it. Raises StoreError."""
        return in_turn(self._store, self._asking, work)

    def follow_requests(self) -> None:
        """Make the uses that follow from requests what these say after the run. Raises StoreError."""
        resources: list[str] = list(dict.fromkeys(self._store.read(uses.with_requests())[0][0]))
        for start in range(0, len(resources), SIZE):
            some = resources[start : start + SIZE]
            self.turn(lambda turn, some=some: turn.follow_requests(some))  # type: ignore[misc]

    def created(self, turn: Turn, kind: type[Kind], ids: Sequence[str]) -> None:
        """Tell of records that were not there before: which, and in one entry, since before them there was nothing."""
        if ids:
            turn.enter("created", kind, self._run, ({}, {"created": list(ids)}))

    def changed(self, turn: Turn, kind: type[Kind], before: Mapping[str, Given], rows: Iterable[Stored]) -> None:
        """Tell of records that were there before, each by what is different."""
        for row in rows:
            old = before.get(str(row["id"]))
            if old is not None:
                told = difference(State(kind, old), State(kind, row))
                turn.enter("changed", kind, str(row["id"]), told, steward=row.get("steward"))

    def retired(self, turn: Turn, kind: type[Kind], gone: Iterable[tuple[str, str, str | None]]) -> None:
        """Tell of records that the source no longer has, given as id, status before and steward."""
        for record, status, steward in gone:
            turn.enter("retired", kind, record, ({"status": status}, {"status": "retired"}), steward=steward)

    def first_tied(self, turn: Turn, link: Link, count: int) -> None:
        """Tell of ties where there were none before: how many."""
        if count:
            turn.enter("tied", MODEL[declared_end(link).kind], self._run, ({}, {"tied": {link_name(link): count}}))

    def retied(self, turn: Turn, link: Link, before: Iterable[Tied], after: Iterable[Stored] = ()) -> None:
        """Tell of ties that were added, changed or removed, each with the record whose link it is."""
        end = declared_end(link)
        given: Iterable[Any] = ((row["from"], row["to"], row["props"]) for row in after)
        old, new = _by_record(end, before), _by_record(end, given)
        for record in {**old, **new}:
            was, is_now = old.get(record, {}), new.get(record, {})
            lost, gained = ties_beyond(was, is_now), ties_beyond(is_now, was)
            if lost or gained:
                turn.enter("tied", MODEL[end.kind], record, (_linked(end, lost), _linked(end, gained)))


def _by_record(end: End, ties: Iterable[Tied]) -> dict[str, Ties]:
    found: dict[str, Ties] = {}
    for start, finish, values in ties:
        here, there = (start, finish) if end.outgoing else (finish, start)
        found.setdefault(here, {})[there] = of_link(end.link, values)
    return found


def _linked(end: End, ties: Ties) -> Difference:
    return {LINKS: {end.name: ties}} if ties else {}
