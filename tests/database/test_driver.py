"""What was changed is found by who reads next in the same process, also where another server of a cluster answers."""

import asyncio
import logging
import re
from collections.abc import Sequence

import pytest

from registry.database.driver import ConnectionSettings, Cypher, Reader, Rows, Store
from registry.database.write import state
from registry.model.definitions import Sector
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN

FAILING = "RETURN 1 / ($in.n - $in.n)"


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


@pytest.mark.parametrize("place", ["neo4j"], indirect=True)
def test_one_request_at_a_time_runs_a_text_without_a_plan(place: ConnectionSettings) -> None:
    """Many users may open the same kind of page right after a start."""
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

    async def visits(reader: Reader, *texts: str) -> list[int]:
        """Run the texts in four concurrent requests. Return, for each request, how many were running when it began."""
        running.clear()
        reads = (reader.read([Cypher(text, {"in": {"n": n}}) for text in texts]) for n in range(4))
        answers = await asyncio.gather(*reads, return_exceptions=True)
        assert texts[-1] == FAILING or answers == [[[[n]] for _text in texts] for n in range(4)]
        return [*running]

    async def asked() -> None:
        async with Watched(place) as reader:
            assert await visits(reader, "RETURN $in.n") == [1, 1, 2, 3], "the first alone, the others together"
            assert await visits(reader, "RETURN $in.n") == [1, 2, 3, 4]
            assert await visits(reader, "RETURN $in.n AS one", "RETURN $in.n AS other") == [1, 1, 2, 3]
            assert await visits(reader, "RETURN $in.n AS one") == [1, 2, 3, 4], "each text of the first has a plan"
            for _again in range(2):
                assert await visits(reader, FAILING) == [1, 1, 2, 3], "a text that failed has no plan"

    asyncio.run(asked())
