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
        self._renewals = _renewals(lists.partnerships)
        self._above = {one.id: one.part_of for one in lists.agencies}

    def expired(self, one: Partnership) -> bool:
        """Tell whether it has ended and nothing renews it."""
        return _end(one) < self.as_of and not self._renewals.get(one.id)

    def expiring(self, one: Partnership) -> bool:
        """Tell whether it is in force, ends by the horizon, and nothing renews it."""
        return self.ending(one) and not self._renewals.get(one.id)

    def resumes(self, one: Partnership) -> str | None:
        """Return when the renewal begins of one that has ended or soon will, if nothing is in force between the two."""
        renewals = self._renewals.get(one.id, ())
        if not renewals or not (_end(one) < self.as_of or self.ending(one)):
            return None
        begins = min(renewal.valid_from or "" for renewal in renewals)
        return begins if begins > max(self.as_of, _later(_end(one), 1)) else None

    def ending(self, one: Partnership) -> bool:
        """Tell whether it is in force and ends by the horizon."""
        return one.in_force(self.as_of) and _end(one) <= self.horizon

    def continued(self, one: Partnership) -> bool:
        """Tell whether it is in force, or what renews it is, or what renews that, and so on."""
        reached, new = {one.id}, [one]
        while new:
            here = new.pop()
            if here.in_force(self.as_of):
                return True
            further = [each for each in self._renewals.get(here.id, ()) if each.id not in reached]
            reached.update(each.id for each in further)
            new += further
        return False

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


def _renewals(agreements: Sequence[Partnership]) -> dict[str, list[Partnership]]:
    """Return by id what renews each; only what ends later and nobody disputes, so that circles and copies renew nothing."""
    end = {one.id: _end(one) for one in agreements}
    found: dict[str, list[Partnership]] = {}
    for one in agreements:
        for old in one.renews if not (one.reversed or one.disputed_by) else ():
            if end.get(old, NEVER) < _end(one):
                found.setdefault(old, []).append(one)
    return found


def _end(one: Partnership) -> str:
    return one.valid_until or NEVER


def _later(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days)).isoformat()
    except OverflowError:
        return date.max.isoformat()
