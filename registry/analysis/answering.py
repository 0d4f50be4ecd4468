"""What people said about services, and whether they had an answer within the time that the channel promises."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import ceil
from typing import NamedTuple

from registry.analysis.lists import Channel, Feedback, Lists

DAY = 24
LONGEST = DAY * 3660  # what promises an answer in ten years promises none


class Heard(NamedTuple):
    """One piece of feedback on a day. `promised` is in hours; `days` since it came in, until it was answered or the day.

    `over` is by how many days the promise is passed, 0 where it is kept or there is still time, None where there is none. Days are
    counted whole, in favour of who answers: of a promise of 8 or 24 hours the next day is within the time.
    """

    feedback: Feedback
    channel: Channel | None
    promised: float | None
    answered: bool
    days: int
    over: int | None


def heard(lists: Lists, as_of: str) -> Iterator[Heard]:
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
        yield Heard(one, channel, promised, answered, (until - began).days, _over(began, until, promised))


def _promised(channel: Channel | None) -> float | None:
    hours = channel.answers_within if channel else None
    return hours if hours is not None and 0 <= hours < LONGEST else None


def _over(began: date, until: date, promised: float | None) -> int | None:
    if promised is None:
        return None
    return max((until - began - timedelta(ceil(promised / DAY))).days, 0)
