"""How many records there are, by what: counted again only when the graph has changed since.

To count, every record is asked who may see it, which takes long where there are many. What was counted is kept with the mark
of the graph's last change. The mark is read each time, and in one transaction with what is counted, so that nothing older
than the mark is ever kept with it.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from registry.cypher.changes import last_marks
from registry.cypher.text import Cypher
from registry.plan import Explore, Facet, Question, Total
from registry.store import Reader, Rows
from schema.kept import Kept

KEPT_SECONDS = 60.0  # other tools change the graph without leaving a mark


@dataclass(frozen=True)
class Counted:
    """What a text found while the graph had these marks, and until when it may be taken for true."""

    rows: Rows
    marks: list[str]
    until: float


class Counts:
    """What was counted, by text and values; who asks is one of the values."""

    def __init__(self) -> None:
        self._kept: Kept[Counted] = Kept()

    async def read(
        self, reader: Reader, questions: Sequence[Question | Explore], cyphers: Sequence[Cypher]
    ) -> list[Rows]:
        """Return the rows of every text, in their order. Raises StoreError."""
        counting = {place for place, one in enumerate(questions) if isinstance(one, Total | Facet)}
        if not counting:
            return await reader.read(cyphers) if cyphers else []
        known = {place: one for place in counting if (one := self._known(cyphers[place]))}
        marks, found = await self._read(reader, cyphers, known, counting)
        found |= {place: one.rows for place, one in known.items() if one.marks == marks}
        if len(found) < len(cyphers):
            found |= (await self._read(reader, cyphers, found, counting))[1]
        return [found[place] for place in range(len(cyphers))]

    async def _read(
        self, reader: Reader, cyphers: Sequence[Cypher], known: Iterable[int], counting: set[int]
    ) -> tuple[list[str], dict[int, Rows]]:
        """Return the marks and, by place, the rows of all texts that are not known; keep what is counted."""
        places = sorted(set(range(len(cyphers))).difference(known))
        (((marks,),), *answers) = await reader.read([last_marks(), *(cyphers[place] for place in places)])
        found = dict(zip(places, answers, strict=True))
        for place in counting.intersection(places) if marks else ():
            self._kept.keep(_key(cyphers[place]), Counted(found[place], marks, time.monotonic() + KEPT_SECONDS))
        return marks, found

    def _known(self, cypher: Cypher) -> Counted | None:
        counted = self._kept.get(_key(cypher))
        return counted if counted and time.monotonic() < counted.until else None


def _key(cypher: Cypher) -> bytes:
    values = orjson.dumps(cypher.parameters, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(cypher.text.encode() + b"\0" + values).digest()
