"""The calibration itself: its intervals and verdicts, what its registries keep, and what its measures count."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import active_children
from secrets import randbits
from threading import Thread

import numpy as np
import pytest

from registry.analysis.network import NETWORK
from registry.analysis.overlaps import ComparableAgencies
from registry.analysis.report import Report, ReportError, ReportRow
from registry.analysis.snapshot import AgencyRow, Snapshot, SnapshotArrays
from registry.docs import NOT_CALIBRATED, describe_calibration
from registry.evaluation import rounds
from registry.evaluation.calibration import (
    AS_OF,
    GENERATED,
    KINDS,
    OWN,
    agencies_in,
    duplicated,
    from_own_data,
    generated,
    largest_sectors,
    partnerships_of,
    registry,
    selected_settings,
    terms,
    without_ties,
)
from registry.evaluation.rounds import (
    FALSE_ALARMS,
    FOUND,
    MEASURES,
    REPORTS,
    Job,
    MeasuredShare,
    ReliabilityPromise,
    Result,
    Schedule,
    measured_shares,
    run_round,
)
from registry.reports.catalogue import DEFINITIONS
from tests.support.engines import until
from tests.support.sample import depok


@pytest.fixture
def random() -> np.random.Generator:
    seed = randbits(32)
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("observed", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),  # 1 - 0.025 ** (1 / 10)
        (81, 263, 0.2527, 0.3676),  # Newcombe 1998, table I, method 5
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_intervals_are_those_of_clopper_and_pearson(observed: int, of: int, low: float, high: float) -> None:
    interval = MeasuredShare("gap-alarm", "sector-gaps", "", "pairs-60", observed, of).interval
    assert interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("observed", "of", "promise", "verdict"),
    [
        (13, 100, FALSE_ALARMS, "not-calibrated"),
        (6, 100, FALSE_ALARMS, "too-few-rounds"),
        (0, 20, FALSE_ALARMS, "too-few-rounds"),
        (0, 48, FALSE_ALARMS, "calibrated"),
        (58, 1_000, FALSE_ALARMS, "calibrated"),
        (60, 1_000, FALSE_ALARMS, "too-few-rounds"),
        (80, 1_000, FALSE_ALARMS, "not-calibrated"),
        (965, 1_000, FOUND, "calibrated"),
        (950, 1_000, FOUND, "too-few-rounds"),
        (930, 1_000, FOUND, "not-calibrated"),
        (0, 0, FALSE_ALARMS, None),
        (3, 10, None, None),
    ],
)
def test_only_an_interval_within_the_bound_is_calibrated(
    observed: int, of: int, promise: ReliabilityPromise | None, verdict: str | None
) -> None:
    assert MeasuredShare("gap-alarm", "sector-gaps", "", "pairs-60", observed, of, promise).verdict == verdict


def test_every_report_is_calibrated_or_there_is_a_reason() -> None:
    assert REPORTS.keys() | NOT_CALIBRATED.keys() == DEFINITIONS.keys()
    assert not REPORTS.keys() & NOT_CALIBRATED.keys()
    assert {one.report.name for one in MEASURES if one.promise} == REPORTS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_generated_agreements_have_the_sizes_of_their_kind(random: np.random.Generator, kind: str) -> None:
    agreements = generated(random, kind, 60).arrays.snapshot.partnerships
    sizes = Counter(len(one.parties) for one in agreements)
    assert sum(sizes.values()) == len({tuple(one.parties) for one in agreements})
    assert {"small": set(sizes) <= {2, 3, 4, 5, 6}, "forums": sizes == {2: sizes[2], 40: 3}}.get(
        kind, set(sizes) == {2}
    )


def test_a_round_can_be_repeated_and_all_reports_get_the_same_examples() -> None:
    first, again = ([run_round(Job("pairs-60", n, "overlaps"), None, 7).counts for n in range(6)] for _ in range(2))
    assert first == again
    assert {one["overlap-found"] for one in first} == {(0, 1), (1, 1)}
    given: list[Snapshot] = []

    def report(arrays: SnapshotArrays) -> Report:
        given.append(arrays.snapshot)
        return REPORTS["overlaps"](arrays)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "REPORTS", {"overlaps": report, "missing-ties": report})
        for name in ("overlaps", "missing-ties"):
            run_round(Job("pairs-60", 3, name), None, 7)
    without_effect, _duplicates, other = given
    assert other == without_effect


def test_permuted_sectors_keep_everything_else(random: np.random.Generator) -> None:
    own = SnapshotArrays.of(depok(), AS_OF)
    after = from_own_data(random, own, "own-sectors").arrays
    assert sorted(after.sector.tolist()) == sorted(own.sector.tolist())
    assert after.sector.tolist() != own.sector.tolist()
    assert after.snapshot._replace(agencies=[]) == own.snapshot._replace(agencies=[])
    assert [one._replace(sectors=()) for one in after.snapshot.agencies] == [
        one._replace(sectors=()) for one in own.snapshot.agencies
    ]


def test_redrawn_agreements_keep_their_sizes_and_the_agencies_theirs(random: np.random.Generator) -> None:
    own = generated(random, "small", 60).arrays
    ended = own.snapshot.partnerships[0]._replace(id="ended", valid_until="2021-01-01")
    own = SnapshotArrays.of(own.snapshot._replace(partnerships=[*own.snapshot.partnerships, ended]), AS_OF)
    after = from_own_data(random, own, "own-agreements").arrays
    assert _sizes_and_numbers(after.snapshot) == _sizes_and_numbers(own.snapshot)
    assert ended in after.snapshot.partnerships
    assert after.ties.tolist() != own.ties.tolist()
    assert after.sector.tolist() == own.sector.tolist()


def _sizes_and_numbers(snapshot: Snapshot) -> tuple[Counter[int], Counter[str]]:
    """Return the numbers of parties of the agreements in force, and the number of such agreements of each agency."""
    active = [one for one in snapshot.partnerships if one.in_force(AS_OF)]
    return Counter(len(one.parties) for one in active), Counter(party for one in active for party in one.parties)


def test_permuted_functions_keep_the_numbers_of_each_sector(random: np.random.Generator) -> None:
    own = generated(random, "pairs", 200).arrays
    after = from_own_data(random, own, "own-functions").arrays
    assert (after.ties == own.ties).all() and (after.sector == own.sector).all()
    lost = int(own.functions.sum() - after.functions.sum())
    assert 0 <= lost <= own.functions.sum() / 100, "a function that an agency would get twice is dropped"
    for sector in range(len(own.sectors)):
        members = np.flatnonzero(own.sector == sector)
        difference = own.functions[members].sum(axis=0) - after.functions[members].sum(axis=0)
        assert difference.min(initial=0) >= 0 and difference.sum() <= lost
    assert (after.functions != own.functions).nnz


def test_incomplete_data_lack_a_tenth_of_the_agreements(random: np.random.Generator) -> None:
    own = generated(random, "pairs", 60).arrays
    example = from_own_data(random, own, "own-incomplete", "incomplete")
    left, every = (Counter(tuple(one.parties) for one in each.snapshot.partnerships) for each in (example.arrays, own))
    assert left <= every and left.total() == every.total() - round(0.1 * every.total())
    assert example.complete is not None and example.complete.ties.tolist() == own.ties.tolist()


def test_the_two_largest_sectors_lose_a_share_of_their_agreements(random: np.random.Generator) -> None:
    world = generated(random, "small", 200).arrays.snapshot
    pair = largest_sectors(world)
    sector = {one.id: one.sectors[0] for one in world.agencies}

    def between(snapshot: Snapshot) -> int:
        return sum(pair <= {sector[party] for party in one.parties} for one in snapshot.partnerships)

    after = without_ties(world, random, 0.8)
    assert between(after) == between(world) - round(0.8 * between(world))
    others = [one for one in world.partnerships if not pair <= {sector[party] for party in one.parties}]
    assert all(one in after.partnerships for one in others)
    assert min(len(one.parties) for one in after.partnerships) == 2


def test_a_duplicated_agency_shares_functions_and_has_no_more_of_them() -> None:
    compared = ComparableAgencies.of(SnapshotArrays.of(registry(np.random.default_rng(3), 300).snapshot, AS_OF))
    after, made = duplicated(compared, np.random.default_rng(4), 5, 0.7)
    assert len(made) == 5 and len({one for pair in made for one in pair}) == 10
    degree = np.diff(compared.functions.indptr)
    assert (np.diff(after.functions.indptr) == degree).all()
    for a, b in made:
        shared = len(np.intersect1d(after.functions[[a]].indices, after.functions[[b]].indices))
        assert shared >= 0.7 * min(degree[a], degree[b]) - 1
        assert (compared.areas[[a]] @ compared.areas[[b]].T).nnz
        assert not compared.close[[a]][:, [b]].nnz


def test_a_robust_finding_is_false_if_the_complete_data_lack_it() -> None:
    """Agency 2 joins two triangles; without the agreement 0-3 between the triangles it looks like a single point of failure."""
    count = {one.name: one.observe for one in MEASURES}
    agreements = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4)]
    recorded, complete = (_arrays(each) for each in (agreements, [*agreements, (0, 3)]))
    report, random = REPORTS["cut-points"](recorded), np.random.default_rng(1)
    row = report.rows[0]
    assert row["agencies"] == ("Agency 2",)
    robust = _with_rows(report, row)
    example = generated(random, "pairs", 60)._replace(arrays=recorded, complete=complete)
    assert count["cut-point-false"](robust, example, random) == (1, 1)
    assert count["cut-point-false"](robust, example._replace(complete=recorded), random) == (0, 1)
    assert count["cut-point-found"](robust, example._replace(complete=recorded), random) == (1, 1)
    assert count["cut-point-found"](robust, example, random) == (0, 0)


def _arrays(agreements: list[tuple[int, int]]) -> SnapshotArrays:
    agencies: list[AgencyRow] = agencies_in(np.zeros(5, np.int64))
    return SnapshotArrays.of(
        Snapshot(agencies, partnerships=partnerships_of(agreements), sectors=terms("sector", 1)), AS_OF
    )


def _with_rows(report: Report, row: ReportRow) -> Report:
    return replace(report, rows=(replace(row, confidence="likely"),))


def test_rounds_are_added_up_and_one_alarm_of_any_report_counts() -> None:
    alarms = [one.name for one in MEASURES if one.effect == "none"]
    results = [
        Result("pairs-60", n, "all", {name: (int(n == 0 and name in alarms[:2]), 1) for name in alarms}, 0.1)
        for n in range(3)
    ]
    counts = {one.name: (one.observed, one.of) for one in measured_shares(results)}
    assert counts[alarms[0]] == counts[alarms[1]] == counts["any-alarm"] == (1, 3)
    assert counts[alarms[2]] == (0, 3)
    partial = [one._replace(counts={alarms[0]: (1, 1)}) for one in results]
    assert [one.name for one in measured_shares(partial)] == [alarms[0]], "some reports were not run"


def test_finished_rounds_are_not_run_again() -> None:
    done = [Result("pairs-60", 0, "network", {}, 0.1)]
    schedule = Schedule(["pairs-60", "own-agreements"], ["network", "overlaps"], 2, done)
    jobs = [schedule.next(()) for _ in range(len(schedule))]
    assert sorted(job for job in jobs if job) == [
        Job("own-agreements", 0, "network"),
        Job("own-agreements", 1, "network"),
        Job("pairs-60", 0, "overlaps"),
        Job("pairs-60", 1, "network"),
        Job("pairs-60", 1, "overlaps"),
    ]
    assert schedule.next(()) is None


def test_quick_reports_get_more_rounds_but_less_time() -> None:
    costs = {"network": 9.0, "overlaps": 1.0}
    done = [Result("pairs-60", 0, "network", {}, 9.0)]
    schedule, run = Schedule(["pairs-60"], list(costs), 100, done), Counter[str]()
    for _ in range(60):
        job = schedule.next(())
        assert job and job.round == run[job.report] + (job.report == "network")
        run[job.report] += 1
        schedule.add(Result(job.setting, job.round, job.report, {}, costs[job.report]))
    assert run == {"network": 15, "overlaps": 45}, "16 and 45: about one to three, the square root of nine"


def test_rounds_that_are_running_count_as_average_ones() -> None:
    done = [
        Result("pairs-60", 0, "network", {}, 1.0),
        Result("pairs-60", 0, "overlaps", {}, 1.5),
    ]  # 1 * n^2 and 1.5 * n^2
    schedule = Schedule(["pairs-60"], ["network", "overlaps", "brokers"], 100, done)
    running: list[Job] = []
    while len(running) < 5 and (job := schedule.next(running)):
        running.append(job)
    assert running == [
        Job("pairs-60", 0, "brokers"), *(Job("pairs-60", n, report) for n in (1, 2) for report in ("network", "overlaps"))
    ], "how long brokers takes is not known before its first round ends"  # fmt: skip


def test_no_round_starts_after_the_time_and_those_that_run_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def submit(job: Job) -> Future[Result]:
        clock[0] += 10
        future = Future[Result]()
        future.set_result(Result(job.setting, job.round, job.report, {}, 10.0))
        return future

    @contextmanager
    def processes(*_how: object) -> Iterator[object]:
        yield submit

    monkeypatch.setattr(rounds, "monotonic", lambda: clock[0])
    monkeypatch.setattr(rounds, "_processes", processes)
    for workers, started in ((1, 4), (3, 4)):
        clock[0] = 0.0
        schedule = Schedule(["pairs-60"], ["network"], 100, [])
        assert len(list(rounds.run_jobs(schedule, None, 7, workers, 35))) == started, "at 0, 10, 20 and 30 seconds"
    assert len(list(rounds.run_jobs(Schedule(["pairs-60"], ["network"], 9, []), None, 7, 2))) == 9


def test_a_process_that_ends_is_reported() -> None:
    """The process is ended as the system does when there is too little memory."""
    others = set(active_children())

    def kill() -> None:
        assert until(lambda: bool(set(active_children()) - others))
        for process in set(active_children()) - others:
            process.kill()

    killer = Thread(target=kill)
    killer.start()
    with pytest.raises(ReportError, match="ended unexpectedly"):
        list(rounds.run_jobs(Schedule(["pairs-1000"], ["network"], 9, []), None, 7, 1))
    killer.join()


def test_settings_are_selected_by_name_kind_or_group() -> None:
    assert selected_settings("pairs, hubs-200") == ["pairs-60", "pairs-200", "hubs-200", "pairs-1000"]
    assert selected_settings("generated") == GENERATED
    assert selected_settings("own") == list(OWN)


def test_the_page_shows_each_share_with_its_interval_and_result() -> None:
    count = {"name": "network-alarm", "report": NETWORK.name, "text": "false alarms", "setting": "hubs-200"}
    numbers = {"observed": 13, "of": 100, "share": 0.13, "low": 0.0711, "high": 0.212}
    promise = {"at": "most", "share": 0.06, "bound": 0.075}
    page = describe_calibration(
        {"rounds": 100, "seed": 7, "counts": [count | numbers | {"promise": promise, "result": "not-calibrated"}]}
    )
    assert "Promise: at most 6.0 %; the whole interval must be at most 7.5 %." in page and "together:" not in page
    assert f"| {KINDS['hubs']} | – | 13.0 % (7.1 % to 21.2 %; 13 of 100) **not calibrated** | – |" in page
    other = count | {"setting": "pairs-60", "observed": 0, "of": 400, "promise": promise, "result": "calibrated"}
    page = describe_calibration(
        {"rounds": 9, "seed": 7, "counts": [count | numbers | {"promise": promise, "result": None}, numbers | other]}
    )
    assert "All these registries together: 2.6 % (1.4 % to 4.4 %; 13 of 500) calibrated." in page
