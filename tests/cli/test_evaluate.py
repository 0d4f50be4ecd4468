"""What `registry calibrate` tells: the same for the same seed, a broken promise by its exit code, and what it plants is there."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from registry.analysis.overlaps import ComparableAgencies
from registry.analysis.snapshot import SnapshotArrays
from registry.cli.main import app
from registry.database.driver import ConnectionSettings
from registry.evaluation import calibration
from registry.evaluation.calibration import AS_OF as GENERATED
from registry.evaluation.calibration import CalibrationCount, duplicated, network, registry, thinned
from tests.support.cli import speaking_to

AS_OF = "2026-11-25"


@pytest.fixture
def run(sample: ConnectionSettings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        for key, value in {**speaking_to(sample), "REGISTRY_LANG": "en", "COLUMNS": "200"}.items():
            monkeypatch.setenv(key, value)
        return CliRunner().invoke(app, ["calibrate", "--as-of", AS_OF, *arguments])

    return run


def test_calibration_is_repeatable_and_prints_promises_and_counts(run: Callable[..., Result]) -> None:
    first, again = (run("--rounds", "1", "--seed", "7", "--json") for _ in range(2))
    assert first.exit_code == 0 and "Seed 7, 1 rounds." in first.stderr
    assert first.stdout == again.stdout
    told = json.loads(first.stdout)
    assert (told["seed"], told["rounds"], told["as_of"]) == (7, 1, AS_OF)
    counts = {one["name"]: one for one in told["counts"]}
    assert list(counts) == list(calibration.WHAT)
    assert (counts["gaps"]["own"], counts["gaps"]["of"], counts["gaps"]["target"]) == (True, 1, 0.06)
    assert counts["overlaps"]["of"] > 1_000
    assert counts["injected-found"]["of"] == calibration.DUPLICATES
    assert all(0 <= one["observed"] <= one["of"] for one in counts.values())
    assert {one["bound"] for one in counts.values()} == {"at most", "at least", None}


def test_a_promise_that_is_broken_is_the_exit_code(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "UNTESTABLE", 1.0)  # more than the report can promise
    done = run("--rounds", "1", "--seed", "7")
    assert done.exit_code == 1
    assert " ".join(done.stdout.split()).count("not met") == 2, (
        "of all promises that one; and the sentence below says what it means"
    )


@pytest.mark.parametrize(
    ("observed", "of", "target", "least", "met"),
    [
        (0, 100, 0.06, False, True),
        (14, 100, 0.06, False, True),
        (15, 100, 0.06, False, False),
        (100, 100, 0.95, True, True),
        (87, 100, 0.95, True, True),
        (86, 100, 0.95, True, False),
        (0, 0, 0.06, False, None),
        (3, 10, None, False, None),
    ],
)
def test_a_promise_is_broken_by_what_chance_gives_once_in_a_thousand_times(
    observed: int, of: int, target: float | None, least: bool, met: bool | None
) -> None:
    assert CalibrationCount("gaps", "sector-gaps", True, observed, of, target, least).met is met


def test_a_duplicated_agency_shares_functions_and_has_no_more_of_them() -> None:
    compared = ComparableAgencies.of(SnapshotArrays.of(registry(np.random.default_rng(3), 300).snapshot, GENERATED))
    after, made = duplicated(compared, np.random.default_rng(4), 5, 0.7)
    assert len(made) == 5 and len({one for pair in made for one in pair}) == 10
    degree = np.diff(compared.functions.indptr)
    assert (np.diff(after.functions.indptr) == degree).all()
    for a, b in made:
        shared = len(np.intersect1d(after.functions[[a]].indices, after.functions[[b]].indices))
        assert shared >= 0.7 * min(degree[a], degree[b]) - 1
        assert (compared.areas[[a]] @ compared.areas[[b]].T).nnz
        assert not compared.close[[a]][:, [b]].nnz


def test_the_two_largest_sectors_lose_a_share_of_their_ties() -> None:
    world = SnapshotArrays.of(network(np.random.default_rng(5), 200), GENERATED)
    after = thinned(world, np.random.default_rng(6), 0.8)
    largest = set(np.argsort(-np.bincount(world.sector))[:2].tolist())

    def between(one: SnapshotArrays) -> int:
        return sum(set(ends) == largest for ends in one.sector[one.ties].tolist())

    assert between(after) == between(world) - round(0.8 * between(world)) > 0
    assert len(world.ties) - len(after.ties) == between(world) - between(after)
