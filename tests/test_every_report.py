"""Every report of the catalogue on what it was not made for: a plain answer, never a crash, never a number that is none."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.analysis.lists import Agency, Lists, Partnership, Service, Term
from registry.reports.catalogue import QUESTIONS, answer_from
from registry.reports.render import as_csv, as_json, as_text
from registry.reports.report import ReportError, TextParameter
from registry.words import speaking
from tests.depok import depok

AS_OF = "2026-11-25"
ROOT = Path(__file__).parent.parent


def agencies(count: int, sectors: int) -> list[Agency]:
    """Return agencies dealt out to so many sectors in turn, to none when that is 0, all in one area."""
    return [
        Agency(f"agency:{n}", f"Agency {n}", True, [f"sector:{n % sectors}"] if sectors else [], ["area:all"])
        for n in range(count)
    ]


def tied(*pairs: tuple[int, ...], begins: str = "2020-01-01", ends: str | None = None) -> list[Partnership]:
    return [
        Partnership(f"tie:{n}", f"Tie {n}", True, "mou", begins, ends, "A rule", [f"agency:{one}" for one in pair])
        for n, pair in enumerate(pairs)
    ]


def lists(members: list[Agency], partnerships: list[Partnership], sectors: int = 1) -> Lists:
    terms = [Term(f"sector:{n}", f"Sector {n}") for n in range(sectors)]
    services = [
        Service(f"service:{n}", f"Service {n}", True, [one.id], [f"function:{n % 3}"]) for n, one in enumerate(members)
    ]
    functions = [Term(f"function:{n}", f"Function {n}") for n in range(3)]
    return Lists(
        members,
        services,
        partnerships=partnerships,
        sectors=terms,
        areas=[Term("area:all", "Everywhere")],
        functions=functions,
    )


def odd_worlds() -> Iterator[tuple[str, Lists]]:
    ring = [(n, (n + 1) % 12) for n in range(12)]
    everyone = [(a, b) for a in range(20) for b in range(a)]
    yield "no agencies", Lists()
    yield "one agency", lists(agencies(1, 1), [])
    yield "two agencies and a tie", lists(agencies(2, 2), tied((0, 1)), 2)
    yield "no ties", lists(agencies(30, 4), [], 4)
    yield "no sectors", lists(agencies(12, 0), tied(*ring), 0)
    yield "one sector", lists(agencies(12, 1), tied(*ring))
    yield "each its own sector", lists(agencies(12, 12), tied(*ring), 12)
    yield "everybody tied to everybody", lists(agencies(20, 4), tied(*everyone), 4)
    yield "the same tie many times", lists(agencies(4, 2), tied(*[(0, 1)] * 200), 2)
    yield "ties to oneself", lists(agencies(6, 2), tied((0, 0), (1,), (2, 2, 3)), 2)
    yield "ties to who is not there", lists(agencies(6, 2), tied((0, 99), (98, 99), (1, 2)), 2)
    yield "dates reversed", lists(agencies(6, 2), tied((0, 1), (1, 2), begins="2030-01-01", ends="2020-01-01"), 2)
    yield "one agreement of all", lists(agencies(30, 6), tied(tuple(range(30))), 6)
    yield "a star", lists(agencies(30, 3), tied(*((0, n) for n in range(1, 30))), 3)


@pytest.mark.parametrize("odd", [pytest.param(one, id=name) for name, one in odd_worlds()])
@pytest.mark.parametrize("name", list(QUESTIONS))
def test_an_odd_world_gets_a_plain_answer(name: str, odd: Lists) -> None:
    report = answer_from(odd, name, AS_OF)
    assert 0 <= report.found <= report.of
    assert as_csv(report) and "nan" not in as_text(report).lower().split()
    cells = (row[column.name] for row in report.rows for column in report.columns)
    assert all(math.isfinite(cell) for cell in cells if isinstance(cell, float))
    assert json.loads(as_json(report))["found"] == report.found
    assert report.notes


@pytest.mark.slow
@pytest.mark.parametrize("name", list(QUESTIONS))
def test_three_hundred_thousand_agreements_of_three_hundred_agencies_get_a_plain_answer(name: str) -> None:
    everybody = [(a, b) for a in range(300) for b in range(a)]
    ties = tied(*(everybody[n % len(everybody)] for n in range(300_000)))
    report = answer_from(lists(agencies(300, 11), ties, 11), name, AS_OF)
    assert 0 <= report.found <= report.of and report.notes
    assert name != "sector-gaps" or report.found == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", list(QUESTIONS))
def test_a_report_asked_twice_answers_the_same(name: str) -> None:
    assert as_json(answer_from(depok(), name, AS_OF)) == as_json(answer_from(depok(), name, AS_OF))


def test_no_report_depends_on_the_order_of_sets() -> None:
    """Sets of texts have another order in every process, by the seed of their hashes."""
    told = "; ".join(
        (
            "from tests.depok import depok",
            "from registry.reports.catalogue import QUESTIONS, answer_from",
            "from registry.reports.render import as_json",
            "world, lost = depok(), {'lose': 'depok:dinkes-kota'}",
            f"told = [as_json(answer_from(world, one, '{AS_OF}', lost if one == 'what-if' else {{}})) for one in QUESTIONS]",
            "print(__import__('json').dumps(dict(zip(QUESTIONS, told))))",
        )
    )
    answers = []
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", told],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        answers.append(json.loads(done.stdout))
    for name in QUESTIONS:
        assert answers[0][name] == answers[1][name] == answers[2][name], name


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_a_parameter_out_of_range_is_one_sentence(name: str) -> None:
    for parameter in QUESTIONS[name].parameters:
        text = isinstance(parameter, TextParameter)
        wrong = (
            ("a" * (parameter.longest + 1), "two\nlines")
            if text
            else (parameter.least - 1, parameter.most + 1, "nan", "much")
        )
        for value in wrong:
            with pytest.raises(ReportError, match=parameter.name):
                answer_from(Lists(), name, AS_OF, {parameter.name: value})


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_no_two_rows_are_known_by_the_same_key_whatever_the_language(name: str) -> None:
    rows = answer_from(depok(), name, AS_OF).rows
    assert len({row.key for row in rows}) == len(rows)
    assert all(row.key for row in rows)
    ids = {one.id for row in rows for one in row.evidence}
    with speaking("id"):
        spoken = [row.key for row in answer_from(depok(), name, AS_OF).rows]
    assert spoken == [row.key for row in rows]
    assert not ids or any(part in ids for row in rows for part in row.key) or name in ("coverage", "network", "what-if")
