"""What a turn has yet to write: records, and ties between them, all of one sort in one statement."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry.changing.state import Ties
from registry.cypher import states
from registry.cypher.text import Cypher
from registry.cypher.write import Stored
from registry.modelling import End, Kind


@dataclass(frozen=True)
class Written:
    """A record as `cypher.write.stored` returns it, the source that it is to belong to, and what changes of its ties."""

    kind: type[Kind]
    row: Stored
    source: str
    tied: Sequence[tuple[End, Ties]]
    untied: Sequence[tuple[End, Sequence[str]]]


class Pending:
    """Records to be written at `now`, each of them once."""

    def __init__(self, now: str) -> None:
        self._now = now
        self._records: dict[str, Written] = {}

    def __contains__(self, record: str) -> bool:
        return record in self._records

    def add(self, record: Written) -> None:
        """Take a record."""
        self._records[record.row["id"]] = record

    def take(self) -> list[Cypher]:
        """Return the statements that write all that was taken, in their order; it is no longer pending."""
        records, self._records = list(self._records.values()), {}
        return [*self._puts(records), *_unties(records), *_ties(records)]

    def _puts(self, records: Sequence[Written]) -> Iterator[Cypher]:
        by_kind: dict[tuple[str, str], tuple[type[Kind], list[Stored]]] = {}
        for one in records:
            by_kind.setdefault((one.kind.__name__, one.source), (one.kind, []))[1].append(one.row)
        for (_name, source), (kind, rows) in by_kind.items():
            yield states.put(kind, rows, source=source, now=self._now)


def _unties(records: Sequence[Written]) -> Iterator[Cypher]:
    rows = ((end, {"id": one.row["id"], "far": far}) for one in records for end, ids in one.untied for far in ids)
    return (states.untie(end, those) for end, those in _by_end(rows))


def _ties(records: Sequence[Written]) -> Iterator[Cypher]:
    rows = (
        (end, {"id": one.row["id"], "far": far, "props": {**states.known(values), "source": one.source, "run": ""}})
        for one in records
        for end, ties in one.tied
        for far, values in ties.items()
    )
    return (states.tie(end, those) for end, those in _by_end(rows))


def _by_end(rows: Iterable[tuple[End, Stored]]) -> Iterable[tuple[End, list[Stored]]]:
    found: dict[str, tuple[End, list[Stored]]] = {}
    for end, row in rows:
        found.setdefault(f"{end.kind}.{end.name}", (end, []))[1].append(row)
    return found.values()
