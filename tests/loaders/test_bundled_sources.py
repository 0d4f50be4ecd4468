"""The sources that come with the registry, on the data they were made for."""

import csv
from collections import Counter
from pathlib import Path

from loaders.run import run
from loaders.source import find_source
from registry.config import Settings
from registry.database.driver import Cypher, Store
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.requirements import shared


def count(store: Store, text: str) -> int:
    return int(store.read(Cypher(f"MATCH {text} RETURN count(*)"))[0][0])


@SLOW_ON_NEO4J
def test_the_sample_loads_and_a_second_load_changes_nothing(store: Store) -> None:
    source = find_source("depok", Settings())
    first = run(store, source)
    assert (first.refused, first.problems) == (None, ())
    assert count(store, "(a:Agency)") == first.rows_read["agencies.csv"]
    assert count(store, "()-[:PROVIDES]->()") == first.rows_read["services.providers.csv"]
    again = run(store, source)
    assert (again.created, again.changed, again.retired, again.links_removed) == ({}, {}, {}, {})


@SLOW_ON_NEO4J
def test_fedramp_loads_agencies_services_and_uses_and_names_problems(store: Store) -> None:
    folder = shared("us-fedramp-reuse")
    source = find_source("us-fedramp", Settings())
    outcome = run(store, source, from_path=folder)
    assert outcome.refused is None
    assert (count(store, "(a:Agency)"), count(store, "(r:Resource)"), count(store, "()-[:USES]->()")) == (
        232,
        436,
        2338,
    )
    assert count(store, "(a:Agency)-[:PART_OF]->(b:Agency)") == 143
    assert outcome.counts == {
        "UNKNOWN_RECORD": 43,
        "REPEATED": 114,
        "IN_TWO_FILES": 4,
        "NO_ROW": 2,
        "NO_AGENCY": 6,
        "JOINT_BOARD": 58,
        "NO_DATE": 4,
        "NO_END": 5,
    }
    named = {(one.code, one.value) for one in outcome.problems}
    assert {value for code, value in named if code == "NO_ROW"} == {"us-fedramp:22-009", "us-fedramp:22-016"}
    assert {value for code, value in named if code == "UNKNOWN_RECORD"} == {
        f"us-fedramp:{number}" for number in ("F1212191840", "AGENCYAMAZONNEW", "FR1916744879")
    }
    assert {value for code, value in named if code == "NO_DATE"} == {
        "7/72023",
        "0202-10-19T04:56:02.000Z",
        "0202-03-24T04:56:02.000Z",
        "0202-04-26T04:56:02.000Z",
    }
    again = run(store, source, from_path=folder)
    assert (again.created, again.changed, again.retired, again.links_removed) == ({}, {}, {}, {})


@SLOW_ON_NEO4J
def test_fedramp_keeps_the_earliest_start_the_latest_end_and_who_was_first(store: Store) -> None:
    folder = shared("us-fedramp-reuse")
    assert run(store, find_source("us-fedramp", Settings()), from_path=folder).refused is None
    uses = {
        (agency, product): (role, since, until)
        for agency, product, role, since, until in store.read(
            Cypher("MATCH (a:Agency)-[e:USES]->(r:Resource) RETURN a.id, r.id, e.role, e.since, e.until")
        )
    }
    assert uses["us-fedramp:22-017", "us-fedramp:FR1728349078"] == ("first", "2021-03-11", None)
    assert uses["us-fedramp:22-021-03", "us-fedramp:AGENCYHUDSAAS"][1] is None, "the letter of 0202 leaves it undated"
    assert Counter(role for role, _, _ in uses.values()) == {"reuse": 2060, "first": 278}
    repeated = _rows_of_repeated_pairs(folder)
    assert len(repeated) > 50
    for (agency, product), rows in repeated.items():
        role, since, until = uses[f"us-fedramp:{agency}", f"us-fedramp:{product}"]
        days = [row["ato_date"][:10] for row in rows if row["ato_date"]]
        ends = [row["exp_date"][:10] for row in rows]
        if role == "reuse" and all(day > "2000" for day in days):
            assert since == min(days, default=None)
            assert until == (max(ends) if all(ends) else None)


def _rows_of_repeated_pairs(folder: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    """Read the file anew, with nothing of ours, and return the rows of the pairs that are given more than once."""
    with (folder / "products.csv").open(encoding="utf-8") as file:
        products = {row["id"].strip() for row in csv.DictReader(file)}
    pairs: dict[tuple[str, str], list[dict[str, str]]] = {}
    with (folder / "reuse_mapping.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            pair = (row["sub_id"].strip() or row["agency_id"].strip(), row["id"].strip())
            if pair[1] in products:
                pairs.setdefault(pair, []).append({name: cell.strip() for name, cell in row.items()})
    return {pair: rows for pair, rows in pairs.items() if len(rows) > 1}


@SLOW_ON_NEO4J
def test_the_api_catalogue_gives_231_resources_of_33_bodies(store: Store) -> None:
    folder = shared("uk-api-catalogue")
    source = find_source("uk-api-catalogue", Settings())
    outcome = run(store, source, from_path=folder)
    assert outcome.refused is None
    assert (count(store, "(r:Resource)"), count(store, "(:Agency)-[:OWNS]->(:Resource)")) == (231, 231)
    assert store.read(Cypher("MATCH (a:Agency)-[:OWNS]->() RETURN count(DISTINCT a)")) == [[33]]
    assert outcome.counts == {"NO_DATE": 212, "SPELLING": 2}
    assert {one.value for one in outcome.problems if one.code == "SPELLING"} == {"Insolvency-service"}
    assert run(store, source, from_path=folder).changed == {}
