"""Report `feedback`: feedback that was answered later than promised, or that waits longer for an answer than promised."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import ceil
from typing import NamedTuple

from registry.analysis.report import Cell, Column, Evidence, Report, ReportDefinition, ReportParameter, ReportRow
from registry.analysis.snapshot import ChannelRow, FeedbackRow, ServiceRow, Snapshot, SnapshotArrays
from registry.i18n import _, number, percent
from registry.model.codelists import code_label

DAY = 24
LONGEST = DAY * 3660  # a longer response time is ignored


class FeedbackCase(NamedTuple):
    """A piece of feedback, as it stands on the day of the report.

    - `promised`: the promised response time in hours
    - `days`: the number of days from receipt to the answer or, without an answer, to the day of the report
    - `days_overdue`: the number of days beyond the promised time; 0 if the promised time has not passed, None if no time is
      promised

    Times are rounded to days in favour of the service: if it promises an answer within 8 or 24 hours, an answer on the next day
    is on time.
    """

    feedback: FeedbackRow
    channel: ChannelRow | None
    promised: float | None
    answered: bool
    days: int
    days_overdue: int | None


def feedback_cases(snapshot: Snapshot, as_of: str) -> Iterator[FeedbackCase]:
    """Yield the feedback received up to the day (ISO 8601 text) whose details the reader may see.

    Answers given after the day are ignored.
    """
    channels = {one.id: one for one in snapshot.channels}
    for one in snapshot.feedbacks:
        if one.received is None or one.received > as_of:
            continue
        channel = next((channels[through] for through in one.channels if through in channels), None)
        answered = one.answered is not None and one.received <= one.answered <= as_of
        until = date.fromisoformat(one.answered if answered and one.answered else as_of)
        promised = _promised(channel)
        began = date.fromisoformat(one.received)
        yield FeedbackCase(one, channel, promised, answered, (until - began).days, _days_over(began, until, promised))


def _promised(channel: ChannelRow | None) -> float | None:
    hours = channel.answers_within if channel else None
    return hours if hours is not None and 0 <= hours < LONGEST else None


def _days_over(began: date, until: date, promised: float | None) -> int | None:
    if promised is None:
        return None
    return max((until - began - timedelta(ceil(promised / DAY))).days, 0)


PATIENCE = ReportParameter(
    "patience",
    "Longest wait (days)",
    "Feedback on a channel without a promised response time is a finding after this many days.",
    30,
    1,
    3650,
)
FINDINGS = {
    "overdue": "overdue",
    "waiting": "waiting, without a promised time",
    "late": "answered late",
}
PRIORITY = {code: place for place, code in enumerate(FINDINGS)}

FEEDBACK = ReportDefinition(
    "feedback",
    "Late answers to feedback",
    "Which feedback was not answered within the promised time?",
    "The report covers feedback received up to the day of the report. The promised response time is the one recorded "
    "for the channel of the feedback. Whole days are counted, in favour of the agency that answers: a promise of up "
    "to 24 hours is met on the next day. Answers after the day of the report do not count.",
    ("agencies", "services", "channels", "feedbacks"),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=FINDINGS),
        Column("services", "Service", "texts", "The services that the feedback is about."),
        Column("owners", "Agencies to answer", "texts", "The agencies that have to answer."),
        Column("channel", "Channel", "text", "The channel on which it was received."),
        Column("received", "Received", "date", "The day it was received."),
        Column("promised", "Promised time", "number", "The promised response time.", "hours"),
        Column(
            "days",
            "Days",
            "integer",
            "Days until the answer, or until the day of the report.",
            "days",
            changes_daily=True,
        ),
        Column(
            "days_overdue",
            "Days overdue",
            "integer",
            "Days beyond the promised response time.",
            "days",
            changes_daily=True,
        ),
    ),
    (PATIENCE,),
    key=("services", "owners", "channel", "received"),
    counts="Late or overdue answers",
    concern="Feedback concerns the agencies that have to answer; if none is recorded, the providers of the service.",
)


def feedback(arrays: SnapshotArrays, *, patience: int = int(PATIENCE.default)) -> Report:
    """List overdue feedback, feedback answered late, and feedback that has waited over `patience` days without a promised time."""
    cases = list(feedback_cases(arrays.snapshot, arrays.as_of))
    found = [(code, one) for one in cases if (code := _finding(one, patience))]
    services = {one.id: one for one in arrays.snapshot.services}
    rows = [_row(arrays, services, code, one) for code, one in sorted(found, key=_order)]
    ours = [one for one in cases if arrays.concerned(_answering(one.feedback, services))]
    hidden = sum(not one.whole for one in arrays.snapshot.feedbacks)  # any agency may have to answer
    undecided = sum(one.days_overdue is None and not _finding(one, patience) for one in ours)
    return FEEDBACK.answer(
        arrays.as_of, rows, found=len(rows), of=len(ours), unknown=undecided + hidden,
        withheld=arrays.withheld, notes=_notes(cases), patience=patience,
    )  # fmt: skip


def _answering(feedback: FeedbackRow, services: dict[str, ServiceRow]) -> tuple[str, ...]:
    """Return the agencies that have to answer; if none is recorded, return the providers of the services that it is about."""
    about = (services[one] for one in feedback.services if one in services)
    return tuple(feedback.owners) or tuple(dict.fromkeys(who for one in about for who in one.providers))


def _finding(one: FeedbackCase, patience: int) -> str | None:
    if one.days_overdue:
        return "late" if one.answered else "overdue"
    return "waiting" if one.days_overdue is None and not one.answered and one.days > patience else None


def _order(found: tuple[str, FeedbackCase]) -> tuple[int, int, int, str]:
    code, one = found
    return PRIORITY[code], -(one.days_overdue or 0), -one.days, one.feedback.id


def _row(arrays: SnapshotArrays, services: dict[str, ServiceRow], code: str, one: FeedbackCase) -> ReportRow:
    about = [services[service] for service in one.feedback.services if service in services]
    values: dict[str, Cell] = {
        "finding": code,
        "services": tuple(service.name for service in about),
        "owners": arrays.agencies.named(one.feedback.owners),
        "channel": code_label("channel-kind", one.channel.kind) if one.channel and one.channel.kind else None,
        "received": one.feedback.received,
        "promised": one.promised,
        "days": one.days,
        "days_overdue": one.days_overdue,
    }
    evidence = [Evidence(one.feedback.id, one.feedback.name, "Feedback")]
    evidence += [Evidence(service.id, service.name, "Service") for service in about]
    evidence += [Evidence(one.channel.id, one.channel.name, "Channel")] if one.channel else []
    concerns = _answering(one.feedback, services)
    owners = arrays.agencies.records(one.feedback.owners)
    return ReportRow(values, (*evidence, *owners), key=(one.feedback.id,), concerns=concerns)


def _notes(cases: list[FeedbackCase]) -> list[str]:
    if not cases:
        return [_("Up to this day, there is no feedback whose details you may see.")]
    promised = [one for one in cases if one.answered and one.days_overdue is not None]
    on_time = sum(one.days_overdue == 0 for one in promised)
    notes = []
    if promised:
        template = _("Feedback answered within the promised time: {n} of {m} ({share}).")
        notes.append(
            template.format(m=number(len(promised)), n=number(on_time), share=percent(on_time / len(promised)))
        )
    still = sum(not one.answered and not one.days_overdue for one in cases)
    notes.append(
        _("Unanswered feedback that is not overdue or has no promised answer time: {n}.").format(n=number(still))
    )
    return notes
