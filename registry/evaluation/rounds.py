"""Rounds of the calibration: how often reports give false findings, and how often they find injected effects."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from math import inf
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from threading import Thread
from time import monotonic, process_time
from typing import Any, Literal, NamedTuple
from zlib import crc32

import networkx as nx
import numpy as np
import orjson
from scipy.stats import binomtest

from registry import analysis
from registry.analysis.brokers import BROKERS, brokers
from registry.analysis.communities import COMMUNITIES, communities
from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.likely_partners import LIKELY_PARTNERS, likely_partners
from registry.analysis.measures import betweenness
from registry.analysis.missing_ties import MISSING_TIES, missing_ties
from registry.analysis.network import NETWORK, network
from registry.analysis.overlaps import OVERLAPS, overlaps
from registry.analysis.report import Report, ReportDefinition, ReportError, ReportRow
from registry.analysis.sector_gaps import SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import SnapshotArrays, adjacency, assumed_ties
from registry.evaluation.calibration import GENERATED, OWN, SETTINGS, Example, Random, example_in
from registry.i18n import _
from registry.progress import report_progress

CONFIDENCE = 0.95
Count = tuple[int, int]
"""The number of cases in which an event was observed, and the number of cases."""


class ReliabilityPromise(NamedTuple):
    """A promise about the share of cases with an event: at most `share`, or at least `share` if `least` is true.

    The promise is shown to hold if the confidence interval of the measured share does not reach beyond `bound`.
    """

    share: float
    bound: float
    least: bool = False


# With 1,000 rounds, the upper end of the interval of a rate of 6 % is about 7.5 %, and that of a rate of 20 % is about 22.5 %.
FALSE_ALARMS, UNSTABLE, FOUND, TRUE = (
    ReliabilityPromise(0.06, 0.075),
    ReliabilityPromise(0.2, 0.225),
    ReliabilityPromise(0.95, 0.95, least=True),
    ReliabilityPromise(0.75, 0.75, least=True),
)
TOP = 0.1


def _likely(report: Report) -> list[ReportRow]:
    return [row for row in report.rows if row.confidence == "likely"]


def _alarm(report: Report, _example: Example, _random: Random) -> Count:
    """Count a registry in which the report has a likely finding; a registry without any case to examine is left out."""
    return int(bool(_likely(report))), int(report.of > 0)


def _groups(report: Report, _example: Example, _random: Random) -> Count:
    """Count a registry whose groups differ from chance, whether or not they are stable."""
    return int(any(row.confidence != "within-chance" for row in report.rows)), int(report.of > 0)


def _pair_alarm(report: Report, _example: Example, _random: Random) -> Count:
    """Count a registry in which the report has a likely finding; only findings are cases of the report `missing-ties`."""
    return int(bool(_likely(report))), 1


def _role(report: Report, _example: Example, _random: Random) -> Count:
    return int(any(row["role"] is not None for row in report.rows)), int(bool(report.rows))


def _gap_found(report: Report, example: Example, _random: Random) -> Count:
    """Count a registry in which the pair of sectors with the injected gap is a finding."""
    return int(not example.injected.isdisjoint(_pairs(report, "Sector"))), int(bool(report.rows))


def _pairs_found(report: Report, example: Example, _random: Random) -> Count:
    """Count the injected pairs of agencies that are findings."""
    return len(example.injected & _pairs(report, "Agency")), len(example.injected)


def _pairs_true(report: Report, example: Example, _random: Random) -> Count:
    """Count the pairs of agencies among the findings that were injected."""
    pairs = _pairs(report, "Agency")
    return len(example.injected & pairs), len(pairs)


def _pairs(report: Report, kind: str) -> set[frozenset[str]]:
    return {frozenset([one.id for one in row.evidence if one.kind == kind][:2]) for row in _likely(report)}


def _broker_false(report: Report, example: Example, random: Random) -> Count:
    """Count whether a robust broker, chosen at random, is outside the top tenth of the complete registry."""
    robust = [row.evidence[0].id for row in _likely(report)]
    return _chosen(robust, lambda one: one not in _top_tenth(example), random)


def _broker_found(report: Report, example: Example, random: Random) -> Count:
    """Count whether an agency of the top tenth of the complete registry, chosen at random, is a robust broker."""
    robust = {row.evidence[0].id for row in _likely(report)}
    return _chosen(sorted(_top_tenth(example)), robust.__contains__, random)


def _top_tenth(example: Example) -> set[str]:
    """Return the tenth of the agencies with ties that has the highest exact betweenness in the complete registry."""
    arrays = example.complete or example.arrays
    ties = assumed_ties(arrays)
    through = betweenness(adjacency(ties, len(arrays.agencies)))
    top = np.argsort(-through, kind="stable")[: int(np.ceil(TOP * len(np.unique(ties))))]
    return {arrays.agencies.ids[place] for place in top.tolist() if through[place] > 1e-9}


def _cut_point_false(report: Report, example: Example, random: Random) -> Count:
    """Count whether a robust single point of failure, chosen at random, is none in the complete registry."""
    return _chosen([_ends(row) for row in _likely(report)], lambda one: one not in _cut_points(example), random)


def _cut_point_found(report: Report, example: Example, random: Random) -> Count:
    """Count whether an agency that is a single point of failure in the complete registry, chosen at random, is a robust one."""
    robust = {_ends(row) for row in _likely(report)}
    agencies = sorted((one for one in _cut_points(example) if len(one) == 1), key=sorted)
    return _chosen(agencies, robust.__contains__, random)


def _ends(row: ReportRow) -> frozenset[str]:
    """Return the agency, or the two agencies of the tie, that the row of the report `cut-points` is about."""
    return frozenset(one.id for one in row.evidence[: 1 if row["finding"] == "agency" else 2])


def _cut_points(example: Example) -> set[frozenset[str]]:
    arrays = example.complete or example.arrays
    graph = arrays.graph_of(assumed_ties(arrays))
    return {frozenset((one,)) for one in nx.articulation_points(graph)} | set(map(frozenset, nx.bridges(graph)))


def _chosen(among: Sequence[Any], event: Callable[[Any], bool], random: Random) -> Count:
    """Choose one case at random and count the event; cases of different registries are independent, those of one are not."""
    return (int(event(among[int(random.integers(len(among)))])), 1) if among else (0, 0)


class Measure(NamedTuple):
    """What is counted about a report in each round, in examples with the given effect.

    - `promise`: the promise, if there is one; `promised_in`: the generated settings to which it applies, or all settings
    - `own`: the settings with the user's own data in which it is measured
    - `every`: it is measured in one of so many rounds, because random networks are slow if there is an effect
    """

    name: str
    report: ReportDefinition
    effect: str
    observe: Callable[[Report, Example, Random], Count]
    text: str
    promise: ReliabilityPromise | None = None
    promised_in: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    every: int = 1

    def promise_in(self, setting: str) -> ReliabilityPromise | None:
        """Return the promise that applies in a setting, if any."""
        return self.promise if not self.promised_in or setting in self.promised_in else None


LARGE_PAIRS = ("pairs-200", "pairs-1000")
MEASURES: Sequence[Measure] = (
    Measure("gap-alarm", SECTOR_GAPS, "none", _alarm, "false alarms: registries in which a gap is found",
            FALSE_ALARMS, own=("own-sectors", "own-agreements")),
    Measure("gap-found", SECTOR_GAPS, "gap", _gap_found,
            "registries in which a gap is found after four of five agreements between two sectors were removed",
            FOUND, LARGE_PAIRS, own=("own-sectors",)),
    Measure("network-alarm", NETWORK, "none", _alarm, "false alarms: registries in which a measure differs from a random network",
            FALSE_ALARMS, own=("own-agreements",)),
    Measure("network-found", NETWORK, "groups", _alarm,
            "registries in which a measure differs, with agreements mainly within groups", every=10),
    Measure("groups-alarm", COMMUNITIES, "none", _groups, "false alarms: registries in which groups are significant",
            FALSE_ALARMS, own=("own-agreements",)),
    Measure("groups-found", COMMUNITIES, "groups", _groups,
            "registries in which groups are significant, with agreements mainly within groups", every=10),
    Measure("role-alarm", BROKERS, "none", _role, "false alarms: registries in which a broker has a significant role",
            FALSE_ALARMS, own=("own-sectors",)),
    Measure("broker-false", BROKERS, "incomplete", _broker_false,
            "robust brokers that are not in the top tenth when no agreement is missing", UNSTABLE, own=("own-incomplete",)),
    Measure("broker-found", BROKERS, "incomplete", _broker_found,
            "agencies in the top tenth that are listed as robust brokers when a tenth of the agreements is missing",
            own=("own-incomplete",)),
    Measure("cut-point-false", CUT_POINTS, "incomplete", _cut_point_false,
            "robust single points of failure that are none when no agreement is missing", UNSTABLE, own=("own-incomplete",)),
    Measure("cut-point-found", CUT_POINTS, "incomplete", _cut_point_found,
            "agencies that are single points of failure and are listed as robust when a tenth of the agreements is missing",
            own=("own-incomplete",)),
    Measure("missing-alarm", MISSING_TIES, "none", _pair_alarm, "false alarms: registries in which a likely pair is found",
            FALSE_ALARMS, own=("own-functions",)),
    Measure("overlap-alarm", OVERLAPS, "none", _alarm, "false alarms: registries in which a pair with similar work is found",
            FALSE_ALARMS, own=("own-functions",)),
    Measure("overlap-found", OVERLAPS, "duplicates", _pairs_found, "injected pairs with similar work that are found",
            FOUND, ("pairs-1000",), own=("own-functions",)),
    Measure("overlap-true", OVERLAPS, "duplicates", _pairs_true, "pairs found that were injected",
            TRUE, ("pairs-1000",), own=("own-functions",)),
    Measure("partners-alarm", LIKELY_PARTNERS, "none", _alarm,
            "false alarms: registries in which the ranking is said to beat the baselines", FALSE_ALARMS, own=("own-agreements",)),
    Measure("partners-found", LIKELY_PARTNERS, "groups", _alarm,
            "registries in which the ranking is said to beat the baselines, with agreements mainly within groups", every=10),
)  # fmt: skip
REPORTS: Mapping[str, Callable[[SnapshotArrays], Report]] = {
    SECTOR_GAPS.name: sector_gaps,
    NETWORK.name: network,
    COMMUNITIES.name: communities,
    BROKERS.name: brokers,
    CUT_POINTS.name: cut_points,
    MISSING_TIES.name: missing_ties,
    OVERLAPS.name: overlaps,
    LIKELY_PARTNERS.name: likely_partners,
}
ALARMS = [one.name for one in MEASURES if one.effect == "none"]


def measures_in(setting: str) -> list[Measure]:
    """Return the measures that are taken in a setting."""
    return [one for one in MEASURES if setting in one.own or setting not in OWN]


class Result(NamedTuple):
    """The counts of all measures of a report in one round of a setting, by measure, and the seconds of CPU time."""

    setting: str
    round: int
    report: str
    counts: Mapping[str, Count]
    seconds: float


class Job(NamedTuple):
    """One round of a report in a setting."""

    setting: str
    round: int
    report: str


def run_round(job: Job, own: SnapshotArrays | None, seed: int) -> Result:
    """Run one round of a report. The result depends only on the setting, the number of the round, the seed and the own data.

    All reports get the same examples in a round.
    """
    began, counts = process_time(), {}
    taken = [one for one in measures_in(job.setting) if one.report.name == job.report and job.round % one.every == 0]
    for effect in dict.fromkeys(one.effect for one in taken):
        example = example_in(job.setting, own, effect, _random(seed, job, effect))
        answer = REPORTS[job.report](example.arrays)
        for one in taken:
            if one.effect == effect:
                counts[one.name] = one.observe(answer, example, _random(seed, job, one.name))
    return Result(job.setting, job.round, job.report, counts, round(process_time() - began, 3))


def _random(seed: int, job: Job, purpose: str) -> Random:
    return np.random.default_rng((seed, crc32(job.setting.encode()), job.round, crc32(purpose.encode())))


class ResultFile:
    """A file that stores the results of finished rounds, so that an interrupted calibration can continue.

    The file has one JSON object a line: the seed and digests of the code and of the user's data, then the results. An incomplete
    last line, left by an interrupted write, is removed.
    """

    def __init__(self, path: Path, seed: int | None, own: SnapshotArrays | None) -> None:
        """Read the file if it exists. Raises ReportError if its results come from another seed, code or data."""
        self.path = path
        try:
            text = path.read_bytes() if path.exists() else b""
        except OSError as error:
            sentence = _("{file} cannot be read ({reason}). Choose another file.")
            raise ReportError(sentence.format(file=path, reason=error.strerror)) from None
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        try:
            read = [orjson.loads(line) for line in lines]
            head = read[0] if read else {}
            self.results = [_result(one) for one in read[1:]]
            self.seed: int | None = head["seed"] if read else seed
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise ReportError(
                _("{file} is not a file of calibration results. Choose another file.").format(file=path)
            ) from None
        self._head = {"seed": self.seed, "code": code_digest(), "data": data_digest(own)}
        if read and (seed not in (None, self.seed) or self._head != head):
            raise ReportError(
                _(
                    "The results in {file} come from another seed, another version of the analyses or other data. "
                    "Choose another file."
                ).format(file=path)
            )
        if len(text) > sum(len(line) + 1 for line in lines):
            path.write_bytes(b"".join(line + b"\n" for line in lines))

    def add(self, result: Result, seed: int) -> None:
        """Append the result of a round to the file."""
        new = [] if self.results or self._written() else [self._head | {"seed": seed}]
        self.results.append(result)
        with self.path.open("ab") as file:
            file.write(b"".join(orjson.dumps(one) + b"\n" for one in (*new, result._asdict())))

    def _written(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0


def _result(read: Mapping[str, Any]) -> Result:
    counts = {name: (int(observed), int(of)) for name, (observed, of) in read["counts"].items()}
    return Result(read["setting"], read["round"], read["report"], counts, read["seconds"])


def code_digest() -> str:
    """Return a digest of the code of the analyses and of the calibration."""
    folders = Path(analysis.__file__).parent, Path(__file__).parent
    files = chain.from_iterable(sorted(folder.glob("*.py")) for folder in folders)
    return sha256(b"".join(one.read_bytes() for one in files)).hexdigest()[:16]


def data_digest(own: SnapshotArrays | None) -> str | None:
    """Return a digest of the user's data and of the day; None if the calibration uses generated data only."""
    return sha256(repr((own.as_of, own.snapshot)).encode()).hexdigest()[:16] if own else None


class Schedule:
    """The rounds of each report in each setting that are not done yet.

    If there is not enough time for all rounds, their numbers are inversely proportional to the square root of the time that a
    round takes. If one round of each report has the same variance, this makes the sum of the variances smallest (Cochran 1977,
    section 5.5).
    """

    def __init__(self, settings: Sequence[str], reports: Sequence[str], rounds: int, done: Sequence[Result]) -> None:
        finished = {Job(one.setting, one.round, one.report) for one in done}
        self._left: dict[tuple[str, str], list[Job]] = {}
        for setting in settings:
            measured = {one.report.name for one in measures_in(setting)}
            for report in reports:
                jobs = [Job(setting, each, report) for each in reversed(range(rounds)) if report in measured]
                if left := [job for job in jobs if job not in finished]:
                    self._left[setting, report] = left
        self._seconds = defaultdict[tuple[str, str], float](float)
        self._rounds = Counter[tuple[str, str]]()
        for one in done:
            self.add(one)

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def next(self, running: Collection[Job]) -> Job | None:
        """Remove and return the next round, or None if none is left.

        A round that is running counts as an average one of the report. While the first one is running, other reports come first.
        """
        if not self._left:
            return None
        under_way = Counter((job.setting, job.report) for job in running)

        def used(each: tuple[str, str]) -> float:
            if not self._rounds[each]:
                return inf if under_way[each] else 0.0
            mean = self._seconds[each] / self._rounds[each]
            return mean * (self._rounds[each] + under_way[each]) ** 2

        chosen = min(self._left, key=used)
        job = self._left[chosen].pop()
        if not self._left[chosen]:
            del self._left[chosen]
        return job

    def add(self, result: Result) -> None:
        """Add the CPU time of a finished round."""
        self._seconds[result.setting, result.report] += result.seconds
        self._rounds[result.setting, result.report] += 1


def run_jobs(
    schedule: Schedule, own: SnapshotArrays | None, seed: int, workers: int, seconds: float | None = None
) -> Iterator[Result]:
    """Run the rounds in `workers` processes, report the progress, and yield each result as soon as it is available.

    After `seconds`, if they are given, no further round is started. Raises ReportError if a process ends unexpectedly.
    """
    until = inf if seconds is None else monotonic() + seconds
    of, done = len(schedule), 0
    with _processes(own, seed, workers) as submit:
        running: dict[Future[Result], Job] = {}
        while True:
            while len(running) < workers and monotonic() < until and (job := schedule.next(running.values())):
                running[submit(job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                schedule.add(future.result())
                done += 1
                report_progress(_("rounds"), done, 0 if seconds else of)  # how many rounds there is time for is unknown
                yield future.result()


@contextmanager
def _processes(own: SnapshotArrays | None, seed: int, workers: int) -> Iterator[Callable[[Job], "Future[Result]"]]:
    """Yield a function that runs a round in one of the processes. The processes end with the block."""
    threads = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    os.environ.update(dict.fromkeys(threads, "1"))  # each process uses one core
    executor = ProcessPoolExecutor(workers, get_context("spawn"), _prepare, (own, seed))

    def submit(job: Job) -> "Future[Result]":
        before = signal(SIGINT, SIG_IGN)  # a process that starts here ignores Ctrl-C; the main process ends it
        try:
            return executor.submit(_run, job)
        finally:
            signal(SIGINT, before)

    try:
        yield submit
    except BrokenProcessPool:
        sentence = _(
            "A process of the calibration ended unexpectedly. Run the command again. With --into, it continues."
        )
        raise ReportError(sentence) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in active_children():
            child.terminate()
        for name, value in threads.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


_own_data: SnapshotArrays | None = None
_seed = 0


def _prepare(own: SnapshotArrays | None, seed: int) -> None:
    """Prepare a worker process. It ends when the main process ends."""
    global _own_data, _seed
    _own_data, _seed = own, seed
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(process: BaseProcess) -> None:
    process.join()
    os._exit(1)


def _run(job: Job) -> Result:
    return run_round(job, _own_data, _seed)


Verdict = Literal["calibrated", "not-calibrated", "too-few-rounds"]
ALL_REPORTS = "all reports"
ANY_ALARM = "registries in which at least one of the reports gives a false alarm"


class MeasuredShare(NamedTuple):
    """The number of cases (`of`) of a measure in a setting over all rounds, and the number of cases with the event (`observed`)."""

    name: str
    report: str
    text: str
    setting: str
    observed: int
    of: int
    promise: ReliabilityPromise | None = None

    @property
    def share(self) -> float | None:
        """The observed share; None if there are no cases."""
        return self.observed / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The exact 95 % confidence interval of the share (Clopper & Pearson 1934); None if there are no cases."""
        if not self.of:
            return None
        low, high = binomtest(self.observed, self.of).proportion_ci(CONFIDENCE, method="exact")
        return float(low), float(high)

    @property
    def verdict(self) -> Verdict | None:
        """Whether the promise is shown to hold, shown not to hold, or neither; None if there is no promise or no case.

        The promise holds if the whole interval is within its bound, and does not hold if the whole interval is beyond the promised
        share. Otherwise there are too few rounds to tell.
        """
        if self.promise is None or self.interval is None:
            return None
        low, high = self.interval
        if self.promise.least:
            low, high = -high, -low
        sign = -1 if self.promise.least else 1
        if high <= sign * self.promise.bound:
            return "calibrated"
        return "not-calibrated" if low > sign * self.promise.share else "too-few-rounds"

    def as_json(self) -> dict[str, object]:
        """Return the share as a JSON object, with its interval, promise and result."""
        low, high = self.interval or (None, None)
        promise = self.promise and {
            "at": "least" if self.promise.least else "most", "share": self.promise.share, "bound": self.promise.bound,
        }  # fmt: skip
        head = {"name": self.name, "report": self.report, "text": self.text, "setting": self.setting}
        numbers = {"observed": self.observed, "of": self.of, "share": self.share, "low": low, "high": high}
        return {**head, **numbers, "promise": promise, "result": self.verdict}


def measured_shares(results: Sequence[Result]) -> list[MeasuredShare]:
    """Add up the results of all rounds, for each measure in each setting; the measures of a report follow each other."""
    added: dict[tuple[str, str], Count] = {}
    alarms: dict[tuple[str, int], dict[str, Count]] = {}
    for result in results:
        for name, (observed, of) in result.counts.items():
            before = added.get((name, result.setting), (0, 0))
            added[name, result.setting] = before[0] + observed, before[1] + of
            if name in ALARMS:
                alarms.setdefault((result.setting, result.round), {})[name] = observed, of
    found = [
        MeasuredShare(one.name, one.report.name, one.text, setting, *added[one.name, setting], one.promise_in(setting))
        for one in MEASURES
        for setting in SETTINGS
        if (one.name, setting) in added
    ]
    return [*found, *_any_alarm(alarms)]


def _any_alarm(alarms: Mapping[tuple[str, int], Mapping[str, Count]]) -> Iterator[MeasuredShare]:
    """Yield for each generated setting in how many rounds at least one report gave a false alarm, if all reports were run."""
    for setting in GENERATED:
        rounds = [each for (where, _round), each in alarms.items() if where == setting and len(each) == len(ALARMS)]
        if rounds:
            observed = sum(any(alarm for alarm, _of in each.values()) for each in rounds)
            yield MeasuredShare("any-alarm", ALL_REPORTS, ANY_ALARM, setting, observed, len(rounds))
