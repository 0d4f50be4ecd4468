"""Every report of the catalogue on what it was not made for: a plain answer, never a crash, never a number that is none."""

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from registry.analysis.report import ReportError, TextParameter, cell_text
from registry.analysis.snapshot import AgencyRow, PartnershipRow, ServiceRow, Snapshot, TermRow
from registry.i18n import number, percent, use_language
from registry.reports.catalogue import DEFINITIONS, run_on_snapshot
from registry.reports.export import as_html
from registry.reports.render import as_csv, as_json, as_text, headline
from tests.support.paths import ROOT
from tests.support.sample import depok, reshuffled, sample_report

AS_OF = "2026-11-25"
SAMPLE = ROOT / "tests" / "reports" / "sample"
SENTENCES = {"next_step", "measure"}  # sentences of the report gaps
PARAMETERS: dict[str, dict[str, object]] = {"what-if": {"remove": "depok:dinkes-kota"}}
FIRST = 40  # rows of a report that are written out


def agencies(count: int, sectors: int) -> list[AgencyRow]:
    """Return agencies dealt out to so many sectors in turn, to none when that is 0, all in one area."""
    return [
        AgencyRow(f"agency:{n}", f"Agency {n}", True, [f"sector:{n % sectors}"] if sectors else [], ["area:all"])
        for n in range(count)
    ]


def tied(*pairs: tuple[int, ...], begins: str = "2020-01-01", ends: str | None = None) -> list[PartnershipRow]:
    return [
        PartnershipRow(f"tie:{n}", f"Tie {n}", True, "mou", begins, ends, "A rule", [f"agency:{one}" for one in pair])
        for n, pair in enumerate(pairs)
    ]


def lists(members: list[AgencyRow], partnerships: list[PartnershipRow], sectors: int = 1) -> Snapshot:
    terms = [TermRow(f"sector:{n}", f"Sector {n}") for n in range(sectors)]
    services = [
        ServiceRow(f"service:{n}", f"Service {n}", True, [one.id], [f"function:{n % 3}"])
        for n, one in enumerate(members)
    ]
    functions = [TermRow(f"function:{n}", f"Function {n}") for n in range(3)]
    return Snapshot(
        members,
        services,
        partnerships=partnerships,
        sectors=terms,
        areas=[TermRow("area:all", "Everywhere")],
        functions=functions,
    )


def odd_worlds() -> Iterator[tuple[str, Snapshot]]:
    ring = [(n, (n + 1) % 12) for n in range(12)]
    everyone = [(a, b) for a in range(20) for b in range(a)]
    yield "no agencies", Snapshot()
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
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_an_odd_world_gets_a_plain_answer(name: str, odd: Snapshot) -> None:
    report = run_on_snapshot(odd, name, AS_OF)
    assert 0 <= report.found <= report.of
    assert as_csv(report) and "nan" not in as_text(report).lower().split()
    cells = (row[column.name] for row in report.rows for column in report.columns)
    assert all(math.isfinite(cell) for cell in cells if isinstance(cell, float))
    assert json.loads(as_json(report))["found"] == report.found
    assert report.notes


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_300_000_agreements_of_300_agencies_are_reported(name: str) -> None:
    everybody = [(a, b) for a in range(300) for b in range(a)]
    ties = tied(*(everybody[n % len(everybody)] for n in range(300_000)))
    report = run_on_snapshot(lists(agencies(300, 11), ties, 11), name, AS_OF)
    assert 0 <= report.found <= report.of and report.notes
    assert name != "sector-gaps" or report.found == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_a_report_asked_twice_answers_the_same(name: str) -> None:
    assert as_json(run_on_snapshot(depok(), name, AS_OF)) == as_json(sample_report(name))


@pytest.mark.slow
def test_no_report_depends_on_the_order_of_sets() -> None:
    """Sets of texts have another order in another process, by the seed of their hashes: Python draws that of this one."""
    told = "; ".join(
        (
            "from tests.support.sample import sample_report",
            "from registry.reports.catalogue import DEFINITIONS",
            "from registry.reports.render import as_json",
            f"told = [as_json(sample_report(one, **{PARAMETERS}.get(one, {{}}))) for one in DEFINITIONS]",
            "print(__import__('json').dumps(dict(zip(DEFINITIONS, told))))",
        )
    )
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, env=environment, capture_output=True, check=True)
    answers = json.loads(done.stdout)
    for name in DEFINITIONS:
        assert answers[name] == as_json(sample_report(name, **PARAMETERS.get(name, {}))), name


@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_no_report_depends_on_ids_or_on_the_order_of_records(name: str) -> None:
    seed = 20261129
    print("seed", seed)
    other, old = reshuffled(depok(), Random(seed))
    new, parameters = {here: there for there, here in old.items()}, PARAMETERS.get(name, {})
    report = run_on_snapshot(other, name, AS_OF, {one: new[str(value)] for one, value in parameters.items()})
    text = re.sub("[0-9a-f]{16}", lambda found: old.get(found[0], found[0]), as_json(report))
    assert text.splitlines() == as_json(sample_report(name, **parameters)).splitlines()


@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_a_parameter_out_of_range_is_one_sentence(name: str) -> None:
    for parameter in DEFINITIONS[name].parameters:
        text = isinstance(parameter, TextParameter)
        wrong = (
            ("a" * (parameter.longest + 1), "two\nlines")
            if text
            else (parameter.least - 1, parameter.most + 1, "nan", "much")
        )
        for value in wrong:
            with pytest.raises(ReportError, match=f"^“{re.escape(parameter.label)}”: enter a "):
                run_on_snapshot(Snapshot(), name, AS_OF, {parameter.name: value})


@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_no_two_rows_are_known_by_the_same_key_whatever_the_language(name: str) -> None:
    rows = sample_report(name).rows
    assert len({row.key for row in rows}) == len(rows)
    assert all(row.key for row in rows)
    ids = {one.id for row in rows for one in row.evidence}
    with use_language("id"):
        spoken = [row.key for row in sample_report(name).rows]
    assert spoken == [row.key for row in rows]
    assert not ids or any(part in ids for row in rows for part in row.key) or name in ("coverage", "network", "what-if")


LACKING = {
    ("Agency", "service"): lambda known: [
        one for one in known.agencies if not any(one.id in service.providers for service in known.services)
    ],
    ("Agency", "agreement"): lambda known: [
        one for one in known.agencies if not any(one.id in each.parties for each in known.partnerships)
    ],
    ("Agency", "sector"): lambda known: [one for one in known.agencies if not one.sectors],
    ("Service", "function"): lambda known: [one for one in known.services if not one.functions],
    ("Partnership", "cover"): lambda known: [one for one in known.partnerships if not one.covers],
}


@pytest.mark.parametrize("language", ["en", "id"])
def test_what_is_not_on_record_is_counted_as_what_is_not(language: str) -> None:
    known = depok()
    with use_language(language):
        covered = run_on_snapshot(known, "coverage", AS_OF)
        whole = run_on_snapshot(known, "gaps", AS_OF)
        not_on_record = {"en": "missing facts", "id": "fakta belum tercatat"}[language]
        kinds, facts = covered.columns[0].words, covered.columns[1].words
        counted = 0
        for row in covered.rows:
            lacking = LACKING.get((str(row["kind"]), str(row["fact"])))
            if lacking is None:
                continue
            missing = len(lacking(known))
            assert row["of"] - row["recorded"] == missing  # type: ignore[operator]
            subject = f"{kinds[str(row['kind'])]}: {facts[str(row['fact'])]}"
            lines = [one for one in whole.rows if (one["finding"], one["subject"]) == ("coverage", subject)]
            assert len(lines) == (missing > row["of"] / 10), subject  # type: ignore[operator]
            for line in lines:
                share = percent(missing / row["of"])  # type: ignore[operator]
                said = {"en": "not recorded for {} of {} ({})", "id": "belum tercatat pada {} dari {} ({})"}[language]
                assert line["measure"] == said.format(number(missing), number(row["of"]), share)  # type: ignore[arg-type]
                assert cell_text(whole.columns[0], line["finding"]) == not_on_record
                counted += 1
        assert counted


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_what_a_report_counts_is_named_wherever_the_number_stands(name: str, language: str) -> None:
    with use_language(language):
        report = sample_report(name)
        assert report.counts not in ("", "Found", "Ditemukan")
        told = f"{report.counts}: {headline(report)}"
        assert told in " ".join(as_text(report).split())
        page = as_html(report)
        assert f"<dt>{report.counts}</dt><dd>{headline(report)}" in page


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("isolates", lambda report: {row.key for row in report.rows if row.confidence == "certain"}),
        ("agreements", lambda report: {row.key[1:] for row in report.rows}),
        ("levels", lambda report: {row["agreement"] for row in report.rows}),
        ("channels", lambda report: {row["service"] for row in report.rows}),
        ("feedback", lambda report: {row.key for row in report.rows}),
        ("missing-ties", lambda report: {row.key for row in report.rows}),
        ("overlaps", lambda report: {row.key for row in report.rows}),
        ("matches", lambda report: {row["need"] for row in report.rows if row["finding"] == "fits"}),
        ("sector-gaps", lambda report: {row.key for row in report.rows if row["finding"] == "gap"}),
        ("network", lambda report: {row["measure"] for row in report.rows if row.confidence == "likely"}),
        ("reuse", lambda report: {row.key for row in report.rows}),
        ("gaps", lambda report: {row.key for row in report.rows if row["finding"] != "coverage"}),
        ("cut-points", lambda report: {row.key for row in report.rows if row.confidence == "likely"}),
        ("communities", lambda report: {row.key for row in report.rows if row.confidence == "likely"}),
    ],
)
def test_the_number_that_was_found_is_that_of_the_rows_which_tell_it(name: str, counted: Any) -> None:
    report = sample_report(name)
    assert report.found in (len(counted(report)), 0) and report.found <= report.of
    assert report.found or not any(row.confidence == "likely" for row in report.rows)


def numbered(cell: object) -> object:
    """Return a cell; a number with the digits that do not depend on the order of a sum."""
    return float(f"{cell:.6g}") if isinstance(cell, float) else cell


def figures(sentence: object) -> list[str]:
    return re.findall(r"\d[\d.,]*\d|\d", str(sentence))


def written(name: str) -> str:
    """Return the rows of a report on the sample, a line for each; of sentences only the numbers."""
    report = sample_report(name, **PARAMETERS.get(name, {}))
    rows = [
        json.dumps(
            {
                **{key: figures(cell) if key in SENTENCES else numbered(cell) for key, cell in row.values.items()},
                "confidence": row.confidence,
                "evidence": [one.id.removeprefix("depok:") for one in row.evidence],
            },
            ensure_ascii=False,
        )
        for row in report.rows
    ]
    rest = "\n".join(rows[FIRST:])
    more = [f"{len(rows) - FIRST} more: {hashlib.sha256(rest.encode()).hexdigest()}"] if rest else []
    counts = f"found {report.found} of {report.of}, unknown {report.unknown}, withheld {report.withheld}"
    notes = f"notes {[figures(note) for note in report.notes]}"
    return "\n".join([counts, notes, *rows[:FIRST], *more]) + "\n"


@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_a_report_on_the_sample_is_as_written(name: str, rewrite: bool) -> None:
    place = SAMPLE / f"{name}.txt"
    if rewrite:
        place.write_text(written(name), encoding="utf-8")
    assert written(name) == place.read_text(encoding="utf-8"), "read the difference; --rewrite takes it over"
