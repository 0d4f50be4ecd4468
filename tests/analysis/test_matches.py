"""Needs are matched with what is idle, each with the resource that is worth most to the whole, and never twice the same capacity."""

import re
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.matches import NOTHING, maximum_weight_matching
from registry.analysis.report import Report, ReportRow
from registry.analysis.snapshot import AgencyRow, NeedRow, PartnershipRow, ResourceRow, Snapshot, TermRow
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import TABLES, sample_report

AS_OF = "2026-11-25"
AGENCIES = [AgencyRow(one, one.upper()) for one in "abcd"]
PAIR = re.compile(r"\| `(butuh-[^`]+)` \| `([^`]+)`")


def planted(part: str) -> set[tuple[str, str]]:
    """Return the pairs of need and resource in a part of the section on matches of the sample's README."""
    told = (Path(TABLES).parent / "README.md").read_text(encoding="utf-8")
    found, not_found = told.split("### matches")[1].split("### brokers")[0].split("| not found: need")
    return {(f"depok:{a}", f"depok:{b}") for a, b in PAIR.findall(found if part == "found" else not_found)}


def pair(row: ReportRow) -> tuple[str, str]:
    need, resource = (next(one.id for one in row.evidence if one.kind == kind) for kind in ("Need", "Resource"))
    return need, resource


def test_the_matches_of_the_sample_are_the_planted_ones_without_decoys() -> None:
    report = sample_report("matches")
    matched = {pair(row) for row in report.rows}
    expected = planted("found")
    tents = ("depok:butuh-tenda-tampung", "depok:alat-tenda"), ("depok:butuh-tenda-tampung", "depok:alat-tenda-sosial")
    assert len(expected) == 25
    assert matched - set(tents) == expected - set(tents)
    assert matched & set(tents)
    assert not matched & planted("not found")
    assert (report.found, report.of, report.unknown) == (25, 59, 0)
    assert "18 needs: no resource of that kind and unit is recorded." in report.notes


def need(name: str, quantity: float | None, by_when: str | None = "2026-12-01", agency: str = "a") -> NeedRow:
    return NeedRow(name, name, True, [agency], "facility", ["x"], [], "seats", quantity, by_when)


def hall(name: str, capacity: float | None, in_use: float | None = 0, owner: str = "b") -> ResourceRow:
    return ResourceRow(
        name, name, True, [owner], kind="facility", areas=["x"], unit="Seats", capacity=capacity, in_use=in_use
    )


def report(needs: list[NeedRow], resources: list[ResourceRow], *agreements: PartnershipRow) -> Report:
    return run_on_snapshot(
        Snapshot(AGENCIES, resources=resources, needs=needs, partnerships=agreements), "matches", AS_OF
    )


def test_a_resource_serves_several_needs_as_long_as_enough_is_left() -> None:
    asked = report([need("six", 6), need("four", 4), need("three", 3)], [hall("hall", 10)])
    assert sum(float(str(row["quantity"])) for row in asked.rows) <= 10
    assert asked.found == 2
    assert "1 need: the resources that fit are assigned to other needs." in asked.notes


def test_the_more_urgent_need_is_met_first() -> None:
    asked = report([need("later", 8, "2027-12-01"), need("sooner", 8)], [hall("hall", 10)])
    assert [row["need"] for row in asked.rows] == ["sooner"]


def test_who_is_nearer_by_agreements_is_matched_and_the_way_is_shown() -> None:
    agreements = [
        PartnershipRow(one, one, True, "mou", "2020-01-01", None, None, list(one)) for one in ("ad", "db", "ab")[:2]
    ]
    asked = report([need("hall needed", 8)], [hall("far", 10, owner="c"), hall("near", 10, owner="b")], *agreements)
    (row,) = asked.rows
    assert (row["resource"], row["steps"], row["via"], row["also"]) == ("near", 2, ("D",), ("far",))


@pytest.mark.parametrize(
    "unsure",
    [
        (need("n", 5), hall("h", None)),
        (need("n", 5), hall("h", float("nan"))),
        (need("n", 5), hall("h", 10, None)),
        (need("n", None), hall("h", 10)),
        (need("n", float("nan")), hall("h", 10)),
        (need("n", 5)._replace(unit=None), hall("h", 10)),
        (need("n", 5), hall("h", 10)._replace(areas=[])),
    ],
)
def test_a_fit_of_which_not_all_is_known_is_said_to_be_unclear(unsure: tuple[NeedRow, ResourceRow]) -> None:
    asked = report([unsure[0]], [unsure[1]])
    (row,) = asked.rows
    assert (row["finding"], row.confidence, asked.found, asked.unknown) == ("may-fit", "unclear", 0, 1)


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        (hall("h", 10, owner="a"), "only the agency itself"),
        (hall("h", 10)._replace(unit="rooms"), "no resource of that kind and unit"),
        (hall("h", 10)._replace(kind="data"), "no resource of that kind and unit"),
        (hall("h", 10)._replace(areas=["y"]), "in other areas"),
        (hall("h", 10)._replace(shareability="not-shared"), "not shared"),
        (hall("h", 10)._replace(available_since="2027-01-01"), "too late"),
        (hall("h", 10, 12), "fully used"),
        (hall("h", 10, 7), "too little spare capacity"),
    ],
)
def test_what_stands_in_the_way_of_a_need_is_said(unfit: ResourceRow, reason: str) -> None:
    asked = report([need("n", 5)], [unfit])
    assert (asked.found, asked.unknown) == (0, 0)
    assert [note for note in asked.notes if reason in note]


@pytest.mark.parametrize(
    ("functions", "areas", "found"),
    [(["f"], ["x", "y"], 1), (["g"], ["x", "y"], 0), (["f"], ["x"], 0), (["above"], ["x", "wider"], 1)],
)
def test_one_function_and_all_areas_of_a_need_are_served(functions: list[str], areas: list[str], found: int) -> None:
    wanted = need("n", 5)._replace(functions=["f", "e"], areas=["x", "y"])
    offered = hall("h", 10)._replace(functions=functions, areas=areas)
    lists = Snapshot(
        AGENCIES,
        resources=[offered],
        needs=[wanted],
        areas=[TermRow("y", "Y", broader=["wider"])],
        functions=[TermRow("f", "F", broader=["above"])],
    )
    assert run_on_snapshot(lists, "matches", AS_OF).found == found


VALUES = st.dictionaries(
    st.tuples(st.integers(0, 8), st.integers(0, 8)), st.integers(1, 1000).map(lambda n: n / 1000), max_size=40
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_the_assignment_is_worth_what_networkx_finds(values: dict[tuple[int, int], float]) -> None:
    chosen = maximum_weight_matching(values)
    assert len({row for row, _column in chosen}) == len({column for _row, column in chosen}) == len(chosen)
    graph = nx.Graph()
    graph.add_weighted_edges_from((f"row {row}", column, value) for (row, column), value in values.items())
    best = sum(graph.edges[tie]["weight"] for tie in nx.max_weight_matching(graph))
    assert sum(values[one] for one in chosen) == pytest.approx(best, abs=20 * NOTHING)
