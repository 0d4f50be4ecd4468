"""Which feedback waits beyond the promised time, or was answered late."""

from registry.analysis.answering import Heard, heard
from registry.analysis.lists import Service
from registry.analysis.world import World
from registry.codes import called
from registry.figures import number, percent
from registry.reports.report import Cell, Column, Evidence, Parameter, Question, Report, Row
from registry.words import _

PATIENCE = Parameter(
    "patience", 30, 1, 3650, "After how many days feedback counts as waiting where nothing is promised."
)
FINDINGS = {
    "overdue": "waits beyond the promise",
    "waiting": "waits, and nothing is promised",
    "late": "was answered late",
}
PRESSING = {code: place for place, code in enumerate(FINDINGS)}

FEEDBACK = Question(
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


def feedback(world: World, *, patience: int = int(PATIENCE.default)) -> Report:
    """List feedback that waits beyond the promise, that waits over `patience` days without one, or that was answered late."""
    all_heard = list(heard(world.lists, world.as_of))
    found = [(code, one) for one in all_heard if (code := _finding(one, patience))]
    services = {one.id: one for one in world.lists.services}
    rows = [_row(world, services, code, one) for code, one in sorted(found, key=_order)]
    hidden = sum(not one.whole for one in world.lists.feedbacks)
    untold = sum(one.over is None and not _finding(one, patience) for one in all_heard)
    return FEEDBACK.answer(
        world.as_of, rows, found=len(rows), of=len(all_heard), unknown=untold + hidden,
        withheld=world.withheld, notes=_notes(all_heard), patience=patience,
    )  # fmt: skip


def _finding(one: Heard, patience: int) -> str | None:
    if one.over:
        return "late" if one.answered else "overdue"
    return "waiting" if one.over is None and not one.answered and one.days > patience else None


def _order(found: tuple[str, Heard]) -> tuple[int, int, int, str]:
    code, one = found
    return PRESSING[code], -(one.over or 0), -one.days, one.feedback.id


def _row(world: World, services: dict[str, Service], code: str, one: Heard) -> Row:
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
    return Row(values, (*evidence, *world.agencies.records(one.feedback.owners)), key=(one.feedback.id,))


def _notes(all_heard: list[Heard]) -> list[str]:
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
