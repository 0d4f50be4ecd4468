"""What the analyses read of the graph is what the tables hold, whichever engine keeps them and whoever asks."""

from typing import Any

from loaders.run import run
from loaders.source import find_source
from registry.analysis.snapshot import Snapshot, make_snapshot
from registry.config import Settings
from registry.database.driver import Store
from registry.database.extract import network
from registry.permissions import ADMIN, ANONYMOUS
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sample import depok


def read(store: Store, actor: Any = ADMIN) -> Snapshot:
    ((answer,),) = store.read(network(Snapshot._fields, actor))
    return make_snapshot(Snapshot._fields, answer)


def in_order(row: Any) -> Any:
    """Return the row with the ids of each link in the order of their names, in which no table need keep them."""
    return type(row)(*(sorted(map(tuple, map(_several, cell))) if isinstance(cell, list) else cell for cell in row))


def _several(cell: Any) -> Any:
    return [cell] if isinstance(cell, str) else [str(one or "") for one in cell]


@SLOW_ON_NEO4J
def test_the_sample_is_read_as_its_tables_have_it_and_its_secrets_are_kept(store: Store) -> None:
    assert run(store, find_source("depok", Settings())).refused is None
    found, expected = read(store), depok()
    for name in Snapshot._fields:
        assert list(map(in_order, getattr(found, name))) == list(map(in_order, getattr(expected, name))), name
    told = read(store, ANONYMOUS)
    restricted = {one.id: one for one in told.resources}["depok:data-penduduk"]
    assert (restricted.whole, restricted.kind, restricted.shareability) == (False, "data", "on-request")
    assert (restricted.capacity, restricted.in_use, restricted.unit, list(restricted.uses)) == (None, None, None, [])
    assert "depok:data-kekerasan" not in {one.id for one in told.resources}
    hidden = [one for one in told.statements if not one.whole]
    assert hidden and all((one.level, one.on, list(one.partnerships)) == (None, None, []) for one in hidden)
