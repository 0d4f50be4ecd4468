"""Where an agreement stands on a day: in force, about to expire, expired, still to come, or not to be seen."""

from dataclasses import dataclass
from datetime import date

from registry.figures import day, number
from registry.words import _

SOON = 90


@dataclass(frozen=True)
class Standing:
    """A short code for programs and style sheets, and the sentence for people."""

    code: str
    text: str


def standing(valid_from: str | None, valid_until: str | None, *, withheld: bool, today: str) -> Standing:
    """Return where an agreement with these dates, as ISO 8601 texts, stands today."""
    if withheld:
        return Standing("unseen", _("its dates cannot be seen"))
    if valid_until and valid_until < today:
        return Standing("expired", _("expired on {day}").format(day=day(valid_until)))
    if valid_from and valid_from > today:
        return Standing("to-come", _("in force from {day}").format(day=day(valid_from)))
    if valid_until is None:
        return Standing("in-force", _("in force, without an end") if valid_from else _("in force, no dates on record"))
    left = (date.fromisoformat(valid_until) - date.fromisoformat(today)).days
    if left <= SOON:
        return Standing("soon", _("expires in {n} days, on {day}").format(n=number(left), day=day(valid_until)))
    return Standing("in-force", _("in force until {day}").format(day=day(valid_until)))
