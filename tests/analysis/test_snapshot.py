"""What the analyses read of the graph is what the tables hold, whichever engine keeps them and whoever asks."""

from random import Random
from typing import Any

import pytest

from loaders.run import run
from loaders.source import find_source
from registry.analysis.canonical_order import canonical_order
from registry.analysis.snapshot import AgencyRow, PartnershipRow, ServiceRow, Snapshot, SnapshotArrays, make_snapshot
from registry.config import Settings
from registry.database.driver import Store
from registry.database.extract import read_lists
from registry.permissions import ADMIN, ANONYMOUS
from registry.reports.catalogue import run_on_snapshot
from registry.reports.render import as_json
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sample import AS_OF, depok, reshuffled, sample_report


def read(store: Store, actor: Any = ADMIN) -> Snapshot:
    answer, _unchanged = read_lists(store, Snapshot._fields, actor)
    return make_snapshot(Snapshot._fields, answer)


def in_order(row: Any) -> Any:
    """Return the row with the ids of each link in the order of their names, in which no table need keep them."""
    return type(row)(*(sorted(map(tuple, map(_several, cell))) if isinstance(cell, list) else cell for cell in row))


def _several(cell: Any) -> Any:
    return [cell] if isinstance(cell, str) else [str(one or "") for one in cell]


def _alike(cell: Any) -> Any:
    return [_several(one) for one in cell] if isinstance(cell, (list, tuple)) else cell


@SLOW_ON_NEO4J
def test_the_sample_is_read_as_its_tables_have_it_and_its_secrets_are_kept(store: Store) -> None:
    assert run(store, find_source("depok", Settings())).refused is None
    found, expected = read(store), depok()
    for name in Snapshot._fields:
        assert list(map(in_order, getattr(found, name))) == list(map(in_order, getattr(expected, name))), name
    arranged, expected_order = (SnapshotArrays.of(one, AS_OF).snapshot for one in (found, expected))
    for name in Snapshot._fields:
        here, there = (
            [type(row)(*map(_alike, row)) for row in getattr(one, name)] for one in (arranged, expected_order)
        )
        assert here == there, f"{name}: a report draws and breaks ties in this order"
    assert as_json(run_on_snapshot(found, "cut-points", AS_OF)) == as_json(sample_report("cut-points"))
    told = read(store, ANONYMOUS)
    restricted = {one.id: one for one in told.resources}["depok:data-penduduk"]
    assert (restricted.whole, restricted.kind, restricted.shareability) == (False, "data", "on-request")
    assert (restricted.capacity, restricted.in_use, restricted.unit, list(restricted.uses)) == (None, None, None, [])
    assert "depok:data-kekerasan" not in {one.id for one in told.resources}
    hidden = [one for one in told.statements if not one.whole]
    assert hidden and all((one.level, one.on, list(one.partnerships)) == (None, None, []) for one in hidden)


def shape(lists: Any) -> Any:
    """Return the rows with the place of each record in the order instead of its id."""
    place = {row.id: f"{kind}.{n}" for kind, rows in enumerate(lists) for n, row in enumerate(rows)}

    def cell(value: Any) -> Any:
        return [place[one] for one in value] if isinstance(value, (list, tuple)) else place.get(value, value)

    return [[tuple(map(cell, row)) for row in rows] for rows in lists]


@pytest.mark.parametrize("seed", range(30))
def test_records_of_equal_names_are_ordered_by_what_they_are_linked_with(seed: int) -> None:
    random = Random(seed)
    agencies = [AgencyRow(f"a{n}", "Office", True, [], [], []) for n in range(8)]
    services = [
        ServiceRow(f"s{n}", random.choice(["", "Permit"]), True, random.sample([one.id for one in agencies], 2))
        for n in range(6)
    ]
    pacts = [
        PartnershipRow(f"p{n}", "Pact", parties=random.sample([one.id for one in agencies], random.randint(2, 4)))
        for n in range(6)
    ]
    known = Snapshot(agencies, services, partnerships=pacts)
    other, _old = reshuffled(known, random)
    assert shape(canonical_order(known)) == shape(canonical_order(other))
