"""`registry calibrate` repeats a run with a seed, continues an interrupted run, and shows a broken promise by its exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from registry.cli.main import app
from registry.database.driver import ConnectionSettings
from registry.evaluation import rounds
from registry.evaluation.calibration import OWN
from tests.support.cli import speaking_to

AS_OF = "2026-11-25"
GENERATED = ("--settings", "pairs-60,small-60", "--reports", "cut-points,overlaps", "--workers", "1")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        for key, value in {"REGISTRY_LANG": "en", "COLUMNS": "300"}.items():
            monkeypatch.setenv(key, value)
        return CliRunner().invoke(app, ["calibrate", "--seed", "7", *arguments])

    return run


def test_calibration_is_repeatable_and_prints_promises_and_counts(
    run: Callable[..., Result], sample: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in speaking_to(sample).items():
        monkeypatch.setenv(key, value)
    arguments = ("--settings", "own,pairs-60", "--reports", "sector-gaps,overlaps,cut-points", "--rounds", "2")
    first = run("--as-of", AS_OF, "--workers", "1", "--json", *arguments)
    again = run("--as-of", AS_OF, "--workers", "2", "--json", *arguments)
    assert first.exit_code == 0 and "Seed 7, 2 rounds." in first.stderr
    assert first.stdout == again.stdout, "two processes find what one finds"
    told = json.loads(first.stdout)
    assert (told["seed"], told["rounds"], told["as_of"]) == (7, 2, AS_OF)
    counts = {(one["name"], one["setting"]): one for one in told["counts"]}
    assert {setting for _name, setting in counts} == {"pairs-60", *OWN}
    own = counts["gap-alarm", "own-sectors"]
    assert (own["of"], own["promise"]) == (2, {"at": "most", "share": 0.06, "bound": 0.075})
    assert own["low"] == 0 and 0.8 < own["high"] < 0.9 and own["result"] == "too-few-rounds"


def test_an_interrupted_calibration_continues_to_the_same_result(run: Callable[..., Result], tmp_path: Path) -> None:
    whole = run(*GENERATED, "--rounds", "2", "--json")
    file = tmp_path / "results.jsonl"
    assert run(*GENERATED, "--rounds", "1", "--into", str(file)).exit_code == 0
    text = file.read_text()
    file.write_text(text[:-40])  # the write was interrupted in the middle of the last line
    continued = run(*GENERATED, "--rounds", "2", "--into", str(file), "--json")
    assert continued.stdout == whole.stdout
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["seed"] == 7
    assert len({(one["setting"], one["round"], one["report"]) for one in lines[1:]}) == len(lines) - 1 == 2 * 2 * 2
    done = file.read_text()
    assert run(*GENERATED, "--rounds", "2", "--into", str(file), "--json").stdout == whole.stdout
    assert file.read_text() == done, "nothing was left to run"


def test_results_of_another_seed_code_or_data_are_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    run(*GENERATED, "--rounds", "1", "--into", str(file))
    other = run(*GENERATED, "--rounds", "1", "--into", str(file), "--seed", "8")
    assert (other.exit_code, "another seed" in other.stderr) == (2, True)
    head, rest = file.read_text().split("\n", 1)
    file.write_text(json.dumps(json.loads(head) | {"code": "0"}) + "\n" + rest)
    assert "another version" in run(*GENERATED, "--rounds", "1", "--into", str(file)).stderr
    file.write_text("agency,name\n")
    assert "is not a file of calibration results" in run(*GENERATED, "--into", str(file)).stderr
    missing = run(*GENERATED, "--rounds", "1", "--into", str(tmp_path / "no" / "folder"))
    assert missing.exit_code != 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--settings", "pears"), "There is no setting pears."), (("--reports", "isolates"), "isolates cannot be")],
)
def test_unknown_settings_and_reports_are_refused(
    run: Callable[..., Result], arguments: tuple[str, str], sentence: str
) -> None:
    done = run(*arguments)
    assert (done.exit_code, sentence in done.stderr) == (2, True)


def test_a_promise_that_is_broken_is_the_exit_code(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    alarming = replace_promise("overlap-found", rounds.ReliabilityPromise(0.06, 0.075))  # it finds nearly all
    monkeypatch.setattr(rounds, "MEASURES", alarming)
    done = run("--settings", "pairs-60", "--reports", "overlaps", "--workers", "1", "--rounds", "3", "--json")
    assert done.exit_code == 1
    (count,) = (one for one in json.loads(done.stdout)["counts"] if one["name"] == "overlap-found")
    assert (count["observed"], count["of"], count["result"]) == (3, 3, "not-calibrated")
    assert count["low"] == pytest.approx(0.292, abs=0.001), "the exact interval of 3 of 3"


def replace_promise(name: str, promise: rounds.ReliabilityPromise) -> list[rounds.Measure]:
    return [one._replace(promise=promise, promised_in=()) if one.name == name else one for one in rounds.MEASURES]
