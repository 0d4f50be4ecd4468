"""Who has taken what up, and for how long: the history that tells who will likely want what next."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy import sparse

from registry.analysis.lists import Agency, Lists, Resource
from registry.analysis.world import Bools, Floats, Ints, Matrix, Names, ones, pattern
from registry.figures import day
from registry.words import _

YEAR, UNDATED = 365.25, 4.0
OWN_HALF_LIFE, USERS_HALF_LIFE, LEAST_ACTIVITY, LIKENESS_WEIGHT = 1.0, 2.0, 0.05, 2.0
FIRST, RECENT_YEARS = "first", 2


class History(NamedTuple):
    """What A agencies have of R resources that exist on a day.

    `has` (A x R) holds ones, and `years` for each of them, in its order, for how long; an agency has what it uses or owns.
    `barred` (A x R) marks, beside these, what an agency owns without a day known. `family` (A x bodies) marks for each agency
    itself and the bodies that it is directly part of: two agencies with one in common have the same parent.
    """

    agencies: Names
    resources: Names
    has: Matrix
    years: Floats
    barred: Matrix
    family: Matrix

    @classmethod
    def of(cls, lists: Lists, as_of: str, undated: float | None = UNDATED) -> "History":
        """Read the history before a day (ISO text). What has no date counts as `undated` years old, or not at all if None."""
        existing = [one for one in lists.resources if _exists(one, as_of, undated is not None)]
        agencies = Names("Agency", *_named(lists.agencies))
        place = {one: number for number, one in enumerate(agencies.ids)}
        days = _days(existing, place, as_of, undated)
        cells = np.array(sorted(days), np.int64).reshape(-1, 2)
        own = [(place[one], n) for n, resource in enumerate(existing) for one in resource.owners if one in place]
        shape = len(agencies), len(existing)
        return cls(
            agencies, Names("Resource", *_named(existing)),
            has=pattern(cells, *shape),
            years=np.array([days[cell] for cell in sorted(days)], np.float64),
            barred=pattern(np.concatenate([cells, np.array(own, np.int64).reshape(-1, 2)]), *shape),
            family=_families(lists.agencies, place),
        )  # fmt: skip

    def fading(self, half_life: float) -> Matrix:
        """Return, for what each agency has (A x R), 1 if it is new, half of that after each half-life in years."""
        return sparse.csr_array((2.0 ** (-self.years / half_life), self.has.indices, self.has.indptr), self.has.shape)

    @property
    def activity(self) -> Floats:
        """How much each agency has taken up of late, as the score counts it."""
        activity: Floats = np.sqrt(LEAST_ACTIVITY + self.fading(OWN_HALF_LIFE).sum(axis=1))
        return activity

    @property
    def counted(self) -> Ints:
        """How many resources each agency has."""
        return np.diff(self.has.indptr).astype(np.int64)

    def likeness(self, rows: Ints) -> Matrix:
        """Return the Jaccard index of what these agencies have with what each agency has (n x A)."""
        both = sparse.coo_array(self.has[rows] @ self.has.T)
        here, there = both.coords
        union = self.counted[rows][here] + self.counted[there] - both.data
        return sparse.csr_array((both.data / union, (here, there)), both.shape)

    def kin(self, rows: Ints) -> Matrix:
        """Mark who has the same parent as these agencies (n x A)."""
        return ones(self.family[rows] @ self.family.T)

    def open_to(self, rows: Ints) -> Bools:
        """Mark what these agencies do not have (n x R)."""
        lacks: Bools = self.barred[rows].toarray() == 0
        return lacks


class Votes(NamedTuple):
    """How much the users of each resource speak for it, for n agencies: all (R), those alike, those of the same parent (n x R)."""

    activity: Floats
    everybody: Floats
    alike: Floats
    kin: Floats

    @classmethod
    def of(cls, history: History, rows: Ints) -> "Votes":
        """Count the votes for these agencies. A vote fades with the time since it was taken up."""
        fading = history.fading(USERS_HALF_LIFE)
        return cls(
            history.activity[rows],
            np.asarray(fading.sum(axis=0)),
            LIKENESS_WEIGHT * (history.likeness(rows) @ fading).toarray(),
            (history.kin(rows) @ fading).toarray(),
        )

    @property
    def score(self) -> Floats:
        """The score of each pair (n x R): the agency's activity times the votes."""
        score: Floats = self.activity[:, None] * (self.everybody + self.alike + self.kin)
        return score


def held(matrix: Matrix, row: int) -> tuple[Ints, Floats]:
    """Return the columns that a row of the matrix holds, and what stands there."""
    cells = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[cells].astype(np.int64), matrix.data[cells]


def years_between(since: str, as_of: str) -> float:
    """Return the years between two days (ISO text)."""
    return (date.fromisoformat(as_of) - date.fromisoformat(since)).days / YEAR


def stale(resources: Sequence[Resource], as_of: str) -> Iterator[str]:
    """Say when the record of uses ends long before the day: what is of late is then not known."""
    last = max(
        (since for one in resources for _user, since, *_rest in one.uses if since and since <= as_of), default=None
    )
    if last and years_between(last, as_of) > RECENT_YEARS:
        yield _(
            "The last use on record began on {day}, more than two years before the day of the report: ask for an earlier day."
        ).format(day=day(last))


def _named(records: Sequence[Agency] | Sequence[Resource]) -> tuple[list[str], list[str]]:
    return [one.id for one in records], [one.name for one in records]


def _exists(resource: Resource, as_of: str, also_undated: bool) -> bool:
    """Tell whether it was there before the day: since it was available, or since the first use that has a date."""
    known = [day for day in (resource.available_since, *(use[1] for use in resource.uses)) if day]
    return min(known) < as_of if known else also_undated


def _days(
    resources: Sequence[Resource], place: dict[str, int], as_of: str, undated: float | None
) -> dict[tuple[int, int], float]:
    """Return for how many years each agency (place) has each resource (number)."""
    days: dict[tuple[int, int], float] = {}
    for number, resource in enumerate(resources):
        for agency, since in _begun(resource):
            years = undated if since is None else years_between(since, as_of)
            if agency in place and years is not None and years > 0:
                cell = place[agency], number
                days[cell] = max(years, days.get(cell, 0))
    return days


def _begun(resource: Resource) -> Iterator[tuple[str, str | None]]:
    yield from ((one, resource.available_since) for one in resource.owners)
    yield from ((use[0], use[1]) for use in resource.uses)


def _families(agencies: Sequence[Agency], place: dict[str, int]) -> Matrix:
    cells = [(n, place[body]) for n, one in enumerate(agencies) for body in (one.id, *one.part_of) if body in place]
    return pattern(np.array(cells, np.int64).reshape(-1, 2), len(agencies), len(agencies))
