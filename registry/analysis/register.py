"""The agreements on a day, looked up by party and by the one they renew."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property

from registry.analysis.lists import Lists, Partnership

NEVER = "9999-12-31"


class Register:
    """The agreements on a day, and those that end up to `within` days after it."""

    def __init__(self, lists: Lists, as_of: str, within: int) -> None:
        self.as_of, self.horizon = as_of, _later(as_of, within)
        self.agreements = lists.partnerships
        self._followed = _followed(lists.partnerships)
        self._above = {one.id: one.part_of for one in lists.agencies}

    def expired(self, one: Partnership) -> bool:
        """Tell whether it has ended and none that ends later renews it."""
        return _end(one) < self.as_of and one.id not in self._followed

    def expiring(self, one: Partnership) -> bool:
        """Tell whether it is in force, ends by the horizon, and none that ends later renews it."""
        return one.in_force(self.as_of) and _end(one) <= self.horizon and one.id not in self._followed

    def covering(self, user: str, resource: str) -> list[Partnership]:
        """Return the agreements of the user that cover the resource, the last to end first."""
        found = (one for one in self._of.get(user, ()) if resource in one.covers and not one.reversed)
        return sorted(found, key=lambda one: (_end(one), one.id), reverse=True)

    def hides(self, parties: Sequence[str]) -> bool:
        """Tell whether the parties share an agreement whose details are withheld, which could settle the matter."""
        return any(not one.whole and set(parties) <= set(one.parties) for one in self._of.get(parties[0], ()))

    def related(self, one: str, other: str) -> bool:
        """Tell whether the two are one body, or one is part of the other."""
        return one in self._upwards(other) or other in self._upwards(one)

    @cached_property
    def _of(self) -> dict[str, list[Partnership]]:
        by_party: dict[str, list[Partnership]] = {}
        for one in self.agreements:
            for party in one.parties:
                by_party.setdefault(party, []).append(one)
        return by_party

    def _upwards(self, agency: str) -> set[str]:
        reached, new = {agency}, [agency]
        while new:
            new = [up for up in self._above.get(new.pop(), ()) if up not in reached] + new
            reached.update(new)
        return reached


def _followed(agreements: Sequence[Partnership]) -> set[str]:
    """Return the ids of those that another renews which ends later, so that circles and copies follow nothing."""
    end = {one.id: _end(one) for one in agreements}
    return {old for one in agreements if not one.reversed for old in one.renews if end.get(old, NEVER) < _end(one)}


def _end(one: Partnership) -> str:
    return one.valid_until or NEVER


def _later(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days)).isoformat()
    except OverflowError:
        return date.max.isoformat()
