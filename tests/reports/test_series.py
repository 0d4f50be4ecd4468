"""A series is one report on many dates: every number is that of the report on that date, and what the dates lack is told."""

import json
from collections import Counter
from pathlib import Path

import pytest

from registry.analysis.report import Report, ReportError, UnknownReport
from registry.analysis.snapshot import AgencyRow, PartnershipRow, Snapshot
from registry.database.driver import Store
from registry.i18n import SuppressedCount, use_language
from registry.permissions import ADMIN, ANONYMOUS
from registry.reports.catalogue import DEFINITIONS, Library, run_on_snapshot
from registry.reports.charts import as_chart
from registry.reports.export import FORMATS
from registry.reports.render import as_json
from registry.reports.series import MOST, NOT_REPEATED, DateRange, RecordedAgreements, run_series
from tests.reports.test_catalogue import agencies, lists, tied
from tests.reports.test_custom import HEADER, TEXT
from tests.reports.test_json_schema import PUBLISHED
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.random_world import write_world
from tests.support.sample import depok, sample_report
from tests.support.small_world import small_world

YEARS = DateRange("year", "2025-11-25", "2026-11-25")


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (DateRange("month", "2024-01-31", "2024-04-30"), ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        (DateRange("year", "2024-02-29", "2026-02-28"), ["2024-02-29", "2025-02-28", "2026-02-28"]),
        (DateRange("quarter", "2025-11-30", "2026-05-29"), ["2025-11-30", "2026-02-28"]),
        (DateRange("year", "2026-01-01", "2026-01-01"), ["2026-01-01"]),
        (DateRange("year", "9998-01-01", "9999-12-31"), ["9998-01-01", "9999-01-01"]),
    ],
)
def test_a_month_without_such_a_day_gives_its_last_day(dates: DateRange, days: list[str]) -> None:
    assert dates.days == days


@pytest.mark.parametrize(
    ("each", "first", "last", "said"),
    [
        ("week", "2026-01-01", "2026-02-01", "week is not a step of a series. Choose one of: year, quarter, month."),
        ("year", "2026-01-02", "2026-01-01", "must not be after its last day, Jan 1, 2026"),
        ("month", "2020-01-01", "2025-01-01", f"has 61 dates, but at most {MOST} are possible"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_the_next_step(each: str, first: str, last: str, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        DateRange(each, first, last)


@pytest.mark.parametrize("name", ["agreements", "isolates"])
def test_each_date_has_the_numbers_of_the_report_on_that_date(name: str) -> None:
    series = run_series(DEFINITIONS[name], YEARS, {}, lambda day: sample_report(name, day))
    PUBLISHED.validate(json.loads(as_json(series)))
    for row in series.rows:
        single = sample_report(name, str(row["day"]))
        assert (row["found"], row["of"], row["unknown"]) == (single.found, single.of, single.unknown)
        types = Counter(f"count_{one['finding']}" for one in single.rows)
        assert types == {key: n for key, n in row.values.items() if key.startswith("count_") and n}


def test_a_series_of_unlike_findings_has_no_sum_of_their_cases() -> None:
    series = run_series(DEFINITIONS["gaps"], YEARS, {}, lambda day: sample_report("gaps", day))
    PUBLISHED.validate(json.loads(as_json(series)))
    row, single = series.rows[-1], sample_report("gaps", str(series.rows[-1]["day"]))
    assert "of" not in row.values and "unknown" not in row.values
    words = {one.name: one.label for one in series.columns}
    counted = {words[key]: n for key, n in row.values.items() if key.startswith("count_") and n}
    assert counted == single.counts_by_type


def test_dates_before_the_first_agreement_are_told_and_not_drawn() -> None:
    world = Snapshot(
        [AgencyRow("a", "A"), AgencyRow("b", "B")],
        partnerships=[
            PartnershipRow("old", "Old", True, "mou", "2024-05-01", "2025-05-01", None, ("a", "b")),
            PartnershipRow("undated", "Undated", True, "mou", None, "2020-01-01", None, ("a", "b")),
        ],
    )
    agreements, years = RecordedAgreements.of(world), DateRange("year", "2023-01-01", "2026-01-01")
    assert agreements == ("2024-05-01", 1)
    series = run_series(
        DEFINITIONS["isolates"], years, {}, lambda day: run_on_snapshot(world, "isolates", day), agreements
    )
    early = "before the first recorded agreement"
    assert [row["remark"] for row in series.rows] == [early, early, None, None]
    assert (series.found, series.of, series.unknown) == (2, 4, 2)
    assert "The first recorded agreement starts on May 1, 2024. Earlier dates: 2." in " ".join(series.notes)
    assert "1 agreement has no first day" in " ".join(series.notes)
    spec = json.loads(as_chart(series))
    assert {one["day"] for one in spec["data"]["values"]} == {"2025-01-01", "2026-01-01"}
    with pytest.raises(UnknownReport, match="no data for one"):
        as_chart(run_series(DEFINITIONS["isolates"], DateRange("year", "2023-01-01", "2024-01-01"), {},
                            lambda day: run_on_snapshot(world, "isolates", day), agreements))  # fmt: skip


def test_measures_are_drawn_apart_and_the_most_frequent_types_together() -> None:
    def measured(day: str) -> Report:
        return run_on_snapshot(lists(agencies(6, 2), tied((0, 1), (1, 2), (2, 0), (3, 4)), 2), "network", day)

    series = run_series(DEFINITIONS["network"], YEARS, {}, measured)
    PUBLISHED.validate(json.loads(as_json(series)))
    for row in series.rows:
        values = {f"value_{one['measure']}": one["value"] for one in measured(str(row["day"])).rows}
        assert values.items() <= row.values.items() and row["value_ties"] == 4
    spec = json.loads(as_chart(series))
    assert spec["resolve"]["scale"]["y"] == "independent"
    assert [one["value"] for one in spec["data"]["values"] if one["curve"] == "ties"] == [4, 4]
    spec = json.loads(as_chart(run_series(DEFINITIONS["gaps"], YEARS, {}, lambda day: sample_report("gaps", day))))
    assert "Only the 5 most frequent types are shown." in spec["description"]
    assert len(spec["encoding"]["color"]["scale"]["domain"]) == 6
    with use_language("id"):
        series = run_series(DEFINITIONS["agreements"], YEARS, {}, lambda day: sample_report("agreements", day))
    assert series.title == "Kerja sama yang perlu ditindaklanjuti dari waktu ke waktu"


@pytest.mark.parametrize("format", list(FORMATS))
def test_a_series_is_written_in_every_format(format: str) -> None:  # noqa: A002
    series = run_series(DEFINITIONS["agreements"], YEARS, {}, lambda day: sample_report("agreements", day))
    assert FORMATS[format].write(series)


@pytest.mark.parametrize("name", NOT_REPEATED)
def test_a_comparison_is_not_repeated(name: str) -> None:
    with pytest.raises(ReportError, match="compares two runs, so it cannot be computed for a series of dates"):
        run_series(DEFINITIONS[name], YEARS, {}, lambda day: run_on_snapshot(depok(), name, day))


@SLOW_ON_NEO4J
def test_a_series_reads_once_and_only_what_its_reader_may_see(store: Store, tmp_path: Path) -> None:
    world = small_world()
    write_world(store, world)
    library, dates = Library(tmp_path, smallest_count=50), DateRange("year", "2024-11-25", "2026-11-25")
    (tmp_path / "numbers.cypher").write_text(HEADER + TEXT, encoding="utf-8")
    assert [row["found"] for row in library.run_series(store, "numbers", ANONYMOUS, dates).rows] == [4, 4, 4]
    asked = library.run_series(store, "isolates", ANONYMOUS, dates, {"sector": "sector:health"})
    single = library.run(store, "isolates", ANONYMOUS, "2026-11-25", {"sector": "sector:health"})
    assert asked.scope == single.scope == "agencies of the sector Health"
    assert asked.notes[0].startswith("This report is limited to agencies of the sector Health.")
    assert asked.rows[-1]["found"] == single.found and isinstance(asked.withheld, SuppressedCount)
    whole = library.run_series(store, "isolates", ADMIN, dates)
    assert whole.withheld == 0 and whole.rows[-1]["of"] > asked.rows[-1]["of"]
    hidden = library.run_series(store, "agreements", ANONYMOUS, dates)
    assert [row["unknown"] for row in hidden.rows] == [None, None, None]
    assert any("is left out if it is small" in note for note in hidden.notes)
    with pytest.raises(ReportError, match="cannot be limited to an agency, a sector or an area"):
        library.run_series(store, "network", ADMIN, dates, {"sector": "sector:health"})
