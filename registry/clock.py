"""The clock: the current time and day in the registry's time zone, and the conversion of times to that zone.

No other module reads the system clock, so that "today" is the same day everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TIMEZONE = "Asia/Jakarta"
_zone = ZoneInfo(TIMEZONE)
_stopped_at: datetime | None = None


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name in the tz database. Raises ValueError for an unknown name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"There is no time zone {name}.") from None


def use_zone(name: str) -> None:
    """Set the time zone of this process by its name. Raises ValueError for an unknown name."""
    global _zone  # a process serves one registry
    _zone = time_zone(name)


def current_time() -> datetime:
    """Return the current time in UTC."""
    return _stopped_at or datetime.now(UTC)


def now() -> str:
    """Return the current time in the text format of the type Instant (ISO 8601, UTC)."""
    return instant(current_time())


def today() -> str:
    """Return the current day in the registry's time zone, as ISO 8601 text."""
    return current_time().astimezone(_zone).date().isoformat()


def instant(moment: datetime) -> str:
    """Return a time as ISO 8601 text in UTC with a fixed number of characters. A time without a zone is interpreted as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def local(text: str) -> datetime:
    """Parse the text of an Instant into a time in the registry's time zone."""
    return datetime.fromisoformat(text).astimezone(_zone)


def day_of(text: str) -> str:
    """Return the day of an Instant in the registry's time zone, as ISO 8601 text."""
    return local(text).date().isoformat()


def time_of(text: str) -> str:
    """Return the time of day of an Instant in the registry's time zone, with the zone's abbreviation: 23:34 WIB."""
    moment = local(text)
    zone = moment.tzname() or ""
    return f"{moment:%H:%M} {zone if zone.isalpha() else f'UTC{zone}'}"


def local_text(text: str) -> str:
    """Return an Instant as day and time in the registry's time zone: 2026-11-28 23:34 WIB."""
    return f"{day_of(text)} {time_of(text)}"


@contextmanager
def frozen_at(moment: datetime) -> Iterator[None]:
    """For tests: freeze the clock of this process at `moment` until the `with` block ends."""
    global _stopped_at
    before, _stopped_at = _stopped_at, moment
    try:
        yield
    finally:
        _stopped_at = before
