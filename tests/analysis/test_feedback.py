"""Who waits beyond a promise is found, who still has time is not; services without a way to an answer are found."""

import pytest

from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, ChannelRow, FeedbackRow, ServiceRow, Snapshot
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import sample_report
from tests.support.sample_effects import told

AS_OF = "2026-11-25"


def found(report: Report, finding: str, kind: str, prefix: str) -> set[str]:
    rows = [row for row in report.rows if row["finding"] == finding]
    return {one.id.removeprefix(f"depok:{prefix}-") for row in rows for one in row.evidence if one.kind == kind}


def test_the_feedback_of_the_sample_that_waits_or_came_late_is_found() -> None:
    report = sample_report("feedback")
    assert found(report, "overdue", "Feedback", "umpan") == told("feedback", "unanswered beyond the promise")
    assert found(report, "late", "Feedback", "umpan") == told("feedback", "answered, but late")
    assert report.found == 15
    with_time = told("feedback", "not found: there is still time")
    assert with_time and not with_time & {one.id[12:] for row in report.rows for one in row.evidence}


def test_the_services_of_the_sample_without_a_way_to_an_answer_are_found() -> None:
    report = sample_report("channels")
    assert found(report, "none", "Service", "layanan") == told("channels", "no channel of their own")
    assert found(report, "one-way", "Service", "layanan") == told("channels", "one-way channels only")
    assert len(found(report, "overdue", "Service", "layanan")) == 10
    assert (report.found, report.of) == (33, 250)


def asked(
    name: str, promised: float | None, answered: str | None = None, as_of: str = AS_OF, **parameters: int
) -> Report:
    lists = Snapshot(
        [AgencyRow("a", "A")],
        [ServiceRow("s", "S", True, ["a"])],
        channels=[ChannelRow("c", "c", True, ["a"], ["s"], "app", True, promised)],
        feedbacks=[FeedbackRow("f", "f", True, ["s"], ["c"], ["a"], "2026-11-01", answered)],
    )
    return run_on_snapshot(lists, name, as_of, parameters)


@pytest.mark.parametrize(("promised", "day", "findings"), [
    (8, "2026-11-01", []),
    (24, "2026-11-02", []),
    (24, "2026-11-03", [("overdue", 1)]),
    (25, "2026-11-03", []),
    (0, "2026-11-02", [("overdue", 1)]),
    (None, "2026-11-30", []),
    (None, "2026-12-20", [("waiting", None)]),
    (float("inf"), "2026-12-20", [("waiting", None)]),
])  # fmt: skip
def test_days_are_counted_whole_in_favour_of_who_answers(
    promised: float | None, day: str, findings: list[tuple[str, int | None]]
) -> None:
    report = asked("feedback", promised, as_of=day)
    assert [(row["finding"], row["days_overdue"]) for row in report.rows] == findings


def test_an_answer_that_comes_after_the_day_is_none_yet() -> None:
    def found(day: str) -> list[tuple[object, ...]]:
        return [
            (row["finding"], row["days"], row["days_overdue"]) for row in asked("feedback", 24, "2026-11-20", day).rows
        ]

    assert found("2026-11-10") == [("overdue", 9, 8)]
    assert found("2026-11-19") == [("overdue", 18, 17)]
    assert found("2026-11-20") == found("2026-11-30") == [("late", 19, 18)]


def test_feedback_of_which_nothing_can_be_told_is_unknown() -> None:
    assert [asked("feedback", promised, as_of="2026-11-02").unknown for promised in (None, 24)] == [1, 0]
    with_time, on_time = asked("feedback", 24, as_of="2026-11-02"), asked("feedback", 24, "2026-11-02")
    assert with_time.notes == ("Unanswered feedback that is not overdue or has no promised answer time: 1.",)
    assert on_time.notes[0] == "Feedback answered within the promised time: 1 of 1 (100%)."
    assert (
        asked("feedback", 24, "2026-11-03")
        .notes[0]
        .startswith("Feedback answered within the promised time: 0 of 1 (0%)")
    )


@pytest.mark.parametrize(("hours", "promised"), [(0, 0), (-1, None), (24 * 3660, None), (24 * 3660 - 1, 24 * 3660 - 1)])
def test_a_promise_of_ten_years_or_more_is_none(hours: float, promised: float | None) -> None:
    rows = asked("feedback", hours, as_of="2040-01-01").rows
    assert [row["promised"] for row in rows] == [promised]


def test_feedback_that_has_not_come_in_yet_is_not_counted() -> None:
    assert asked("feedback", 24, as_of="2026-10-01").of == 0


def test_how_long_to_wait_without_a_promise_is_a_setting() -> None:
    assert asked("feedback", None, as_of="2026-11-10", patience=5).found == 1


def test_a_channel_of_which_it_is_not_known_whether_it_answers_is_unknown() -> None:
    silent = Snapshot(
        [AgencyRow("a", "A")],
        [ServiceRow("s", "S", True, ["a"])],
        channels=[ChannelRow("c", "c", True, ["a"], ["s"], "web")],
    )
    report = run_on_snapshot(silent, "channels", AS_OF)
    assert (report.found, report.unknown) == (0, 1)
