"""What was changed is found by who reads next in the same process, also where another server of a cluster answers."""

import asyncio
import logging
import re

import pytest

from registry.database.driver import ConnectionSettings, Reader, Rows, Store
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
