"""What a run changes, told in the chain of changes: in the same transaction, and only what is different."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from loaders.staging import declared_end, link_name
from registry.access import ADMIN
from registry.changing.state import LINKS, Difference, State, Ties, agreed, difference, of_link, ties_beyond
from registry.changing.turn import Asking, Turn, in_turn
from registry.cypher import leaving, states, uses
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

    def __init__(self, store: Store, run: str, *, began: str) -> None:
        self._store, self._run, self._began = store, run, began
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
        terms = [name for name, one in kind.properties.items() if one.term]
        other_terms = []
        for row in rows:
            old = before.get(str(row["id"]))
            if old is not None:
                told = difference(State(kind, old), State(kind, row))
                turn.enter("changed", kind, str(row["id"]), told, steward=row.get("steward"))
                if any(old.get(name) != row.get(name) for name in terms):
                    other_terms.append(str(row["id"]))
        self._ask_anew(turn, kind, other_terms)

    def retired(self, turn: Turn, kind: type[Kind], gone: Iterable[tuple[str, str, str | None]]) -> None:
        """Tell of records that the source no longer has, given as id, status before and steward."""
        for record, status, steward in gone:
            turn.enter("retired", kind, record, ({"status": status}, {"status": "retired"}), steward=steward)

    def first_tied(self, turn: Turn, link: Link, count: int, rows: Sequence[Stored]) -> None:
        """Tell of ties where there were none before: how many."""
        end = declared_end(link)
        if count:
            turn.enter("tied", MODEL[end.kind], self._run, ({}, {"tied": {link_name(link): count}}))
        if link.term:
            self._ask_anew(turn, MODEL[end.kind], list({row["from" if end.outgoing else "to"]: None for row in rows}))

    def retied(self, turn: Turn, link: Link, before: Iterable[Tied], after: Iterable[Stored] = ()) -> None:
        """Tell of ties that were added, changed or removed, each with the record whose link it is."""
        end = declared_end(link)
        given: Iterable[Any] = ((row["from"], row["to"], row["props"]) for row in after)
        old, new = _by_record(end, before), _by_record(end, given)
        other_terms = []
        for record in {**old, **new}:
            was = old.get(record, {})
            is_now = {far: _still_said(end, was.get(far), values) for far, values in new.get(record, {}).items()}
            lost, gained = ties_beyond(was, is_now), ties_beyond(is_now, was)
            if lost or gained:
                turn.enter("tied", MODEL[end.kind], record, (_linked(end, lost), _linked(end, gained)))
                other_terms.append(record)
        if link.term:
            self._ask_anew(turn, MODEL[end.kind], other_terms)

    def _ask_anew(self, turn: Turn, kind: type[Kind], records: Sequence[str]) -> None:
        """Take back what parties said of records, made before the run, whose terms are others now, and tell of it."""
        for end in states.own_ends(kind) if records else ():
            if any(one.by_step for one in end.link.properties.values()):
                gone = turn.ask(leaving.take_back(end, records, before=self._began))[0][0]
                for record, said in _by_record(end, gone).items():
                    lost, left = _linked(end, said), _linked(end, agreed(end.link, said))
                    turn.enter("tied", kind, record, (lost, left))


def _by_record(end: End, ties: Iterable[Tied]) -> dict[str, Ties]:
    found: dict[str, Ties] = {}
    for start, finish, values in ties:
        here, there = (start, finish) if end.outgoing else (finish, start)
        found.setdefault(here, {})[there] = of_link(end.link, values)
    return found


def _still_said(end: End, before: Mapping[str, object] | None, after: Mapping[str, object]) -> dict[str, object]:
    """Return what a tie holds that was written: of one that was there, what a step has set stays."""
    if before is None:
        return dict(after)
    by_step = {name: before[name] for name, one in end.link.properties.items() if one.by_step and name in before}
    return {**agreed(end.link, {"": dict(after)})[""], **by_step}


def _linked(end: End, ties: Ties) -> Difference:
    return {LINKS: {end.name: ties}} if ties else {}
