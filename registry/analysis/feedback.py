"""Report `feedback`: feedback that waits beyond the promised response time or was answered late."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import ceil
from typing import NamedTuple

from registry.analysis.report import Cell, Column, Evidence, Parameter, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import ChannelRow, FeedbackRow, ServiceRow, Snapshot, SnapshotArrays
from registry.i18n import _, number, percent
from registry.model.codelists import called

DAY = 24
LONGEST = DAY * 3660  # what promises an answer in ten years promises none


class FeedbackCase(NamedTuple):
    """One piece of feedback on a day. `promised` is in hours; `days` since it came in, until it was answered or the day.

    `over` is by how many days the promise is passed, 0 where it is kept or there is still time, None where there is none. Days are
    counted whole, in favour of who answers: of a promise of 8 or 24 hours the next day is within the time.
    """

    feedback: FeedbackRow
    channel: ChannelRow | None
    promised: float | None
    answered: bool
    days: int
    over: int | None


def feedback_cases(lists: Snapshot, as_of: str) -> Iterator[FeedbackCase]:
    """Yield the feedback that came in up to the day (ISO text) and of which the details are known; an answer after it is none yet."""
    channels = {one.id: one for one in lists.channels}
    for one in lists.feedbacks:
        if one.received is None or one.received > as_of:
            continue
        channel = next((channels[through] for through in one.channels if through in channels), None)
        answered = one.answered is not None and one.received <= one.answered <= as_of
        until = date.fromisoformat(one.answered if answered and one.answered else as_of)
        promised = _promised(channel)
        began = date.fromisoformat(one.received)
        yield FeedbackCase(one, channel, promised, answered, (until - began).days, _over(began, until, promised))


def _promised(channel: ChannelRow | None) -> float | None:
    hours = channel.answers_within if channel else None
    return hours if hours is not None and 0 <= hours < LONGEST else None


def _over(began: date, until: date, promised: float | None) -> int | None:
    if promised is None:
        return None
    return max((until - began - timedelta(ceil(promised / DAY))).days, 0)


PATIENCE = Parameter(
    "patience", 30, 1, 3650, "After how many days feedback counts as waiting where nothing is promised."
)
FINDINGS = {
    "overdue": "waits beyond the promise",
    "waiting": "waits, and nothing is promised",
    "late": "was answered late",
}
PRESSING = {code: place for place, code in enumerate(FINDINGS)}

FEEDBACK = ReportDefinition(
    "feedback",
    "Who waits for an answer beyond the time that was promised?",
    "Feedback that came in up to the day, by the promise of the channel that it came by. Days are counted whole, in favour of who "
    "answers: a promise of up to 24 hours is kept on the next day. An answer after the day is none yet.",
    ("agencies", "services", "channels", "feedbacks"),
    (
        Column("finding", "Finding", "code", "What is found.", words=FINDINGS),
        Column("services", "Service", "texts", "What it is about."),
        Column("owners", "To answer", "texts", "Who has to answer."),
        Column("channel", "Channel", "text", "The channel that it came by."),
        Column("received", "Received", "date", "The day it came in."),
        Column("promised", "Promised", "number", "The promised time to an answer.", "hours"),
        Column("days", "Days", "integer", "Days to the answer, or so far.", "days"),
        Column("over", "Over", "integer", "Days beyond the promise.", "days"),
    ),
    (PATIENCE,),
    key=("services", "owners", "channel", "received"),
    counts="Feedback that waits too long or was late",
)


def feedback(world: SnapshotArrays, *, patience: int = int(PATIENCE.default)) -> Report:
    """List feedback that waits beyond the promise, that waits over `patience` days without one, or that was answered late."""
    all_heard = list(feedback_cases(world.lists, world.as_of))
    found = [(code, one) for one in all_heard if (code := _finding(one, patience))]
    services = {one.id: one for one in world.lists.services}
    rows = [_row(world, services, code, one) for code, one in sorted(found, key=_order)]
    hidden = sum(not one.whole for one in world.lists.feedbacks)
    untold = sum(one.over is None and not _finding(one, patience) for one in all_heard)
    return FEEDBACK.answer(
        world.as_of, rows, found=len(rows), of=len(all_heard), unknown=untold + hidden,
        withheld=world.withheld, notes=_notes(all_heard), patience=patience,
    )  # fmt: skip


def _finding(one: FeedbackCase, patience: int) -> str | None:
    if one.over:
        return "late" if one.answered else "overdue"
    return "waiting" if one.over is None and not one.answered and one.days > patience else None


def _order(found: tuple[str, FeedbackCase]) -> tuple[int, int, int, str]:
    code, one = found
    return PRESSING[code], -(one.over or 0), -one.days, one.feedback.id


def _row(world: SnapshotArrays, services: dict[str, ServiceRow], code: str, one: FeedbackCase) -> ReportRow:
    about = [services[service] for service in one.feedback.services if service in services]
    values: dict[str, Cell] = {
        "finding": code,
        "services": tuple(service.name for service in about),
        "owners": world.agencies.named(one.feedback.owners),
        "channel": called("channel-kind", one.channel.kind) if one.channel and one.channel.kind else None,
        "received": one.feedback.received,
        "promised": one.promised,
        "days": one.days,
        "over": one.over,
    }
    evidence = [Evidence(one.feedback.id, one.feedback.name, "Feedback")]
    evidence += [Evidence(service.id, service.name, "Service") for service in about]
    evidence += [Evidence(one.channel.id, one.channel.name, "Channel")] if one.channel else []
    return ReportRow(values, (*evidence, *world.agencies.records(one.feedback.owners)), key=(one.feedback.id,))


def _notes(all_heard: list[FeedbackCase]) -> list[str]:
    if not all_heard:
        return [_("There is no feedback up to the day of which you may see the details, so there is nothing to tell.")]
    promised = [one for one in all_heard if one.answered and one.over is not None]
    kept = sum(one.over == 0 for one in promised)
    notes = []
    if promised:
        told = _("Of {m} answers to which a time was promised, {n} ({share}) came within it.")
        notes.append(told.format(m=number(len(promised)), n=number(kept), share=percent(kept / len(promised))))
    still = sum(not one.answered and not one.over for one in all_heard)
    notes.append(_("{n} pieces of feedback wait with time left, or with none promised.").format(n=number(still)))
    return notes
