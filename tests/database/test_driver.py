"""What was changed is found by who reads next in the same process, also where another server of a cluster answers."""

import asyncio
import logging
import re
from collections.abc import Sequence

import pytest

from registry.database.driver import ConnectionSettings, Cypher, Reader, Rows, Store, StoreError
from registry.database.write import state
from registry.model.definitions import Sector
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN


def read(place: ConnectionSettings, times: int = 1) -> list[Rows]:
    async def asked() -> list[Rows]:
        async with Reader(place) as reader:
            return await reader.read([state(Sector, "sector:one")] * times)

    return asyncio.run(asked())


@pytest.mark.parametrize("place", ["neo4j"], indirect=True)
def test_a_read_waits_for_the_last_change(
    store: Store, place: ConnectionSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "neo4j.io"), Store(place) as writer:
        save(
            writer,
            RequestContext(ADMIN, "api"),
            SaveInput(Sector, "sector:one", {"name": "Satu", "scheme": "s", "code": "1"}),
        )
        told = re.findall(r"S: SUCCESS \{'bookmark': '([^']+)'\}", caplog.text)
        for times in (1, 2):
            caplog.clear()
            assert read(place, times)[0][0][0]["name"] == "Satu"
            (waits,) = re.findall(r"C: (?:RUN|BEGIN) .*'bookmarks': \[([^]]*)\]", caplog.text)
            assert waits == f"'{told[-1]}'"


def test_what_was_changed_is_read_back(store: Store, place: ConnectionSettings) -> None:
    for name in ("Satu", "Dua"):
        properties = {"name": name, "scheme": "s", "code": "1"}
        save(store, RequestContext(ADMIN, "api"), SaveInput(Sector, "sector:one", properties))
        assert read(place)[0][0][0]["name"] == name


def test_a_text_runs_alone_the_first_time_and_together_afterwards(place: ConnectionSettings) -> None:
    """Many users may open the same kind of page right after a start; the database then plans its long text once."""
    running: list[int] = []

    class Watched(Reader):
        now = 0

        async def _read(self, cyphers: Sequence[Cypher], timeout: float | None) -> list[Rows]:
            self.now += 1
            running.append(self.now)
            try:
                return await super()._read(cyphers, timeout)
            finally:
                self.now -= 1

    async def visits(reader: Reader, text: str) -> list[list[Rows]]:
        return await asyncio.gather(*(reader.read([Cypher(text, {"in": {"n": n}})]) for n in range(4)))

    async def asked() -> None:
        async with Watched(place) as reader:
            assert await visits(reader, "RETURN $in.n") == [[[[n]]] for n in range(4)]
            assert running == [1, 1, 2, 3], "the first visit alone, the others together"
            running.clear()
            await visits(reader, "RETURN $in.n")
            assert running == [1, 2, 3, 4]
            running.clear()
            with pytest.raises(StoreError):
                await reader.read([Cypher("RETURN nothing")])
            with pytest.raises(StoreError):
                await reader.read([Cypher("RETURN nothing")])
            assert running == [1, 1], "a text that fails blocks nobody"

    asyncio.run(asked())
