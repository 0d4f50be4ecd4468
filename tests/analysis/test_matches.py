"""Needs are matched with what is idle, each with the resource that is worth most to the whole, and never twice the same capacity."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from math import isfinite
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.matches import (
    NOTHING,
    OBSTACLES,
    UNMET,
    Matching,
    certain,
    maximum_weight_matching,
    meeting,
    spare,
)
from registry.analysis.report import Report, ReportRow
from registry.analysis.snapshot import (
    AgencyRow,
    Ids,
    NeedRow,
    PartnershipRow,
    ResourceRow,
    Snapshot,
    SnapshotArrays,
    TermRow,
)
from registry.i18n import ngettext
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
    rows, columns = np.array([*values], np.int64).reshape(-1, 2).T
    places = maximum_weight_matching(rows, columns, np.array([*values.values()])).tolist()
    chosen = [[*values][place] for place in places]
    assert len({row for row, _column in chosen}) == len({column for _row, column in chosen}) == len(chosen)
    graph = nx.Graph()
    graph.add_weighted_edges_from((f"row {row}", column, value) for (row, column), value in values.items())
    best = sum(graph.edges[tie]["weight"] for tie in nx.max_weight_matching(graph))
    assert sum(values[one] for one in chosen) == pytest.approx(best, abs=20 * NOTHING)


class PlainMatching:
    """The report's rules, pair by pair, to check the arrays of `Matching` against."""

    def __init__(self, arrays: SnapshotArrays) -> None:
        self.lists, self.as_of = arrays.snapshot, arrays.as_of
        self.left = {one.id: spare(one) for one in self.lists.resources}
        self.graph = nx.Graph()
        self.graph.add_nodes_from(one.id for one in self.lists.agencies)
        for one in arrays.agreements:
            self.graph.add_edges_from(combinations((party for party in one.parties if party in self.graph), 2))

    def candidates(self, need: NeedRow) -> list[ResourceRow]:
        unit = (need.unit or "").casefold()
        same = [one for one in self.lists.resources if one.kind == need.kind]
        exact = [one for one in same if not unit or (one.unit or "").casefold() == unit]
        return exact + [one for one in same if unit and not one.unit]

    def obstacle(self, need: NeedRow, one: ResourceRow) -> str | None:
        left, quantity = self.left[one.id], need.quantity if need.quantity and isfinite(need.quantity) else 0
        areas = [covered(area, one.areas, self.lists.areas) for area in need.areas]
        functions = [covered(function, one.functions, self.lists.functions) for function in need.functions]
        hinders = (
            bool({*one.owners} & {*need.agencies}),
            one.shareability == "not-shared",
            bool(one.areas) and not all(areas),
            bool(one.functions and functions) and not any(functions),
            bool(need.by_when and one.available_since and need.by_when < one.available_since),
            left is not None and left <= 0,
            left is not None and left < quantity,
        )
        return next((reason for reason, so in zip(OBSTACLES, hinders, strict=True) if so), None)

    def path(self, need: NeedRow, resource: ResourceRow) -> list[str] | None:
        ways = (nx.single_source_shortest_path(self.graph, one, 3) for one in need.agencies if one in self.graph)
        paths = [way[owner] for way in ways for owner in resource.owners if owner in way]
        return min(paths, key=len, default=None)

    def value(self, need: NeedRow, resource: ResourceRow) -> float:
        days = (date.fromisoformat(need.by_when) - date.fromisoformat(self.as_of)).days if need.by_when else 365
        steps = 4 if (path := self.path(need, resource)) is None else len(path) - 1
        return (1 if certain(need, resource) else 0.5) * (1 / (1 + max(days, 0) / 90)) / (1 + steps)

    def found(self) -> Iterator[tuple[object, ...]]:
        fits = {
            need.id: [one for one in self.candidates(need) if not self.obstacle(need, one)] for need in self.lists.needs
        }
        waiting, place = list(self.lists.needs), {one.id: n for n, one in enumerate(self.lists.resources)}
        while pairs := [
            (n, one) for n, need in enumerate(waiting) for one in fits[need.id] if not self.obstacle(need, one)
        ]:
            values = [self.value(waiting[n], one) for n, one in pairs]
            columns = np.array([place[one.id] for _n, one in pairs])
            chosen = maximum_weight_matching(np.array([n for n, _one in pairs]), columns, np.array(values)).tolist()
            for number in chosen:
                need, one = waiting[pairs[number][0]], pairs[number][1]
                left = self.left[one.id]
                self.left[one.id] = None if left is None else left - (need.quantity or 0)
                also = [each.id for each in fits[need.id] if each is not one][:5]
                yield need.id, one.id, values[number], self.path(need, one), also
            met = {pairs[number][0] for number in chosen}
            waiting = [need for n, need in enumerate(waiting) if n not in met]


def covered(wanted: str, held: Ids, terms: Sequence[TermRow]) -> bool:
    """Return whether the term or a broader term is held; the terms of the test have at most one broader term each."""
    broader = {one.id: one.broader for one in terms}
    for _level in terms:
        if wanted in held or not broader.get(wanted):
            break
        (wanted,) = broader[wanted]
    return wanted in held


def small_registry(random: np.random.Generator) -> Snapshot:
    """Return a small registry in which needs and resources differ in every respect that matters to a match."""

    def some(of: str, most: int) -> list[str]:
        return random.permutation(list(of))[: random.integers(most + 1)].tolist()

    def one(of: list[object]) -> Any:
        return of[random.integers(len(of))]

    units: list[object] = [None, "seats", "Seats", "rooms"]
    days: list[object] = [None, "2026-01-01", "2026-12-01", "2027-06-01"]
    amounts: list[object] = [None, 0, 1, 2, 5, 8.5, float("nan")]
    return Snapshot(
        [AgencyRow(name, name.upper()) for name in "abcdefgh"],
        resources=[
            ResourceRow(
                f"r{n}", f"R{n}", True, some("abcdefgh?", 2), (), one(["facility", "data"]), one([None, "not-shared", "open"]),
                None, some("xyz?", 2), some("fgh", 2), one(units), one([*amounts, 9]), one([*amounts, 0]), one(days),
            )
            for n in range(25)
        ],
        needs=[
            NeedRow(
                f"n{n}", f"N{n}", True, some("abcdefgh?", 2), one(["facility", "data"]), some("xyz?", 2), some("fgh", 2),
                one(units), one(amounts), one(days),
            )
            for n in range(15)
        ],
        partnerships=[
            PartnershipRow(f"p{n}", f"P{n}", True, "mou", one(days[:2]), None, None, some("abcdefgh?", 4)) for n in range(6)
        ],
        areas=[TermRow("x", "X", broader=["y"]), TermRow("y", "Y", broader=["z"]), TermRow("z", "Z")],
        functions=[TermRow("f", "F", broader=["g"]), TermRow("g", "G", broader=["f"]), TermRow("h", "H")],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(15))
def test_arrays_find_what_the_rules_find_pair_by_pair(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.analysis.matches.MOST_CELLS", 40)
    monkeypatch.setattr("registry.analysis.ties.MOST_ENDS", 64)
    arrays = SnapshotArrays.of(small_registry(np.random.default_rng(seed)), AS_OF)
    plain, matching = PlainMatching(arrays), Matching(arrays)
    obstacles = {
        need.id: [plain.obstacle(need, one) for one in plain.candidates(need)] for need in arrays.snapshot.needs
    }
    for need in arrays.snapshot.needs:
        offered = {(one.resource.id, one.finding == "too-little") for one in meeting(need, arrays.snapshot)}
        there = zip(plain.candidates(need), obstacles[need.id], strict=True)
        assert offered == {(one.id, bool(why)) for one, why in there if why in (None, "too-little")}
    found = matching.found()
    assert [(one.need.id, one.resource.id, one.value, one.way, [each.id for each in one.also]) for one in found] == [
        *plain.found()
    ]
    unmet = [obstacles[need.id] for need in arrays.snapshot.needs if need.id not in {one.need.id for one in found}]
    order = (*OBSTACLES, None)
    nearest = [max(whys, key=order.index, default="none") or "given" for whys in unmet]
    counts = Counter(nearest)
    assert (
        matching.notes(arrays.snapshot.needs, found)
        == [ngettext(*UNMET[one], counts[one]).format(n=counts[one]) for one in UNMET if counts[one]]
        or not unmet
    )
