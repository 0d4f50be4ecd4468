"""Report `reuse`: resources that an agency may want next, because similar agencies recently began to use them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy import sparse

from registry.analysis.report import Cell, Column, Confidence, Report, ReportDefinition, ReportParameter, ReportRow
from registry.analysis.snapshot import (
    AgencyRow,
    Bools,
    Floats,
    Ints,
    Matrix,
    NamesById,
    ResourceRow,
    Snapshot,
    SnapshotArrays,
    ones,
    pattern,
)
from registry.i18n import _, day, ngettext, number

YEAR, UNDATED = 365.25, 4.0
OWN_HALF_LIFE, USERS_HALF_LIFE, LEAST_ACTIVITY, SIMILARITY_WEIGHT = 1.0, 2.0, 0.05, 2.0
FIRST, RECENT_YEARS = "first", 2


class History(NamedTuple):
    """The resources that agencies used or owned before a day. A is the number of agencies, R the number of resources on that day.

    - `has` (A x R): 1 if the agency uses or owns the resource, else 0
    - `years`: for each stored entry of `has`, in order, the years since the use or ownership began
    - `barred` (A x R): like `has`, but also 1 if the agency has owned the resource since an unknown date
    - `family` (A x A): marks for each agency itself and its direct parents; two agencies have the same parent if their rows have a
      common entry
    """

    agencies: NamesById
    resources: NamesById
    has: Matrix
    years: Floats
    barred: Matrix
    family: Matrix

    @classmethod
    def of(cls, snapshot: Snapshot, as_of: str, undated: float | None = UNDATED) -> "History":
        """Build the history before a day (ISO 8601 text).

        A use without a date is treated as if it began `undated` years before the day. If `undated` is None, the use is left out.
        """
        existing = [one for one in snapshot.resources if _exists(one, as_of, undated is not None)]
        agencies = NamesById("Agency", *_named(snapshot.agencies))
        place = {one: number for number, one in enumerate(agencies.ids)}
        days = _holding_years(existing, place, as_of, undated)
        cells = np.array(sorted(days), np.int64).reshape(-1, 2)
        own = [(place[one], n) for n, resource in enumerate(existing) for one in resource.owners if one in place]
        shape = len(agencies), len(existing)
        return cls(
            agencies, NamesById("Resource", *_named(existing)),
            has=pattern(cells, *shape),
            years=np.array([days[cell] for cell in sorted(days)], np.float64),
            barred=pattern(np.concatenate([cells, np.array(own, np.int64).reshape(-1, 2)]), *shape),
            family=_families(snapshot.agencies, place),
        )  # fmt: skip

    def fading(self, half_life: float) -> Matrix:
        """Return the weight of each use or ownership (A x R): 1 at its start, and half as much after every `half_life` years."""
        return sparse.csr_array((2.0 ** (-self.years / half_life), self.has.indices, self.has.indptr), self.has.shape)

    @property
    def activity(self) -> Floats:
        """The activity of each agency (A), a factor of the score that is higher if the agency recently began to use many resources."""
        activity: Floats = np.sqrt(LEAST_ACTIVITY + self.fading(OWN_HALF_LIFE).sum(axis=1))
        return activity

    @property
    def counted(self) -> Ints:
        """The number of resources that each agency uses or owns (A)."""
        return np.diff(self.has.indptr).astype(np.int64)

    def similarity(self, rows: Ints) -> Matrix:
        """Return the Jaccard index of the resources of each agency in `rows` and of every agency (n x A).

        The index is the number of resources that both agencies have, divided by the number that at least one of them has.
        """
        both = sparse.coo_array(self.has[rows] @ self.has.T)
        here, there = both.coords
        union = self.counted[rows][here] + self.counted[there] - both.data
        return sparse.csr_array((both.data / union, (here, there)), both.shape)

    def same_parent(self, rows: Ints) -> Matrix:
        """Return for each agency in `rows` which agencies have the same parent (n x A)."""
        return ones(self.family[rows] @ self.family.T)

    def open_to(self, rows: Ints) -> Bools:
        """Return for each agency in `rows` which resources it does not have yet (n x R)."""
        lacks: Bools = self.barred[rows].toarray() == 0
        return lacks


class Votes(NamedTuple):
    """The votes of agencies for the resources that they use, as recommendations to n agencies.

    The votes have three sums: from all agencies (R), from similar agencies (n x R), and from agencies with the same parent (n x
    R).
    """

    activity: Floats
    everybody: Floats
    similar: Floats
    same_parent: Floats

    @classmethod
    def of(cls, history: History, rows: Ints) -> "Votes":
        """Compute the votes for the agencies in `rows`. A vote loses weight with the time since the use began."""
        fading = history.fading(USERS_HALF_LIFE)
        return cls(
            history.activity[rows],
            np.asarray(fading.sum(axis=0)),
            SIMILARITY_WEIGHT * (history.similarity(rows) @ fading).toarray(),
            (history.same_parent(rows) @ fading).toarray(),
        )

    @property
    def score(self) -> Floats:
        """The score of each pair of agency and resource (n x R): the agency's activity times the votes for the resource."""
        score: Floats = self.activity[:, None] * (self.everybody + self.similar + self.same_parent)
        return score


def row_entries(matrix: Matrix, row: int) -> tuple[Ints, Floats]:
    """Return the columns and the values of the stored entries in a row of the matrix."""
    cells = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[cells].astype(np.int64), matrix.data[cells]


def years_between(since: str, as_of: str) -> float:
    """Return the number of years between two days (ISO 8601 text)."""
    return (date.fromisoformat(as_of) - date.fromisoformat(since)).days / YEAR


def stale(resources: Sequence[ResourceRow], as_of: str) -> Iterator[str]:
    """Yield a note if the latest recorded use began long before the day, because recent uses may then be missing."""
    last = max(
        (since for one in resources for _user, since, *_rest in one.uses if since and since <= as_of), default=None
    )
    if last and years_between(last, as_of) > RECENT_YEARS:
        yield _(
            "The last recorded use of a resource started on {day}, more than two years before the day of the "
            "report. Choose an earlier day."
        ).format(day=day(last))


def _named(records: Sequence[AgencyRow] | Sequence[ResourceRow]) -> tuple[list[str], list[str]]:
    return [one.id for one in records], [one.name for one in records]


def _exists(resource: ResourceRow, as_of: str, also_undated: bool) -> bool:
    """Return whether the resource was available or in use before the day.

    If the resource has no recorded dates, return `also_undated`.
    """
    known = [day for day in (resource.available_since, *(use[1] for use in resource.uses)) if day]
    return min(known) < as_of if known else also_undated


def _holding_years(
    resources: Sequence[ResourceRow], place: dict[str, int], as_of: str, undated: float | None
) -> dict[tuple[int, int], float]:
    """Return for each agency and resource (indices) how many years ago the agency began to use or own the resource."""
    days: dict[tuple[int, int], float] = {}
    for index, resource in enumerate(resources):
        for agency, since in _acquisitions(resource):
            years = undated if since is None else years_between(since, as_of)
            if agency in place and years is not None and years > 0:
                cell = place[agency], index
                days[cell] = max(years, days.get(cell, 0))
    return days


def _acquisitions(resource: ResourceRow) -> Iterator[tuple[str, str | None]]:
    yield from ((one, resource.available_since) for one in resource.owners)
    yield from ((use[0], use[1]) for use in resource.uses)


def _families(agencies: Sequence[AgencyRow], place: dict[str, int]) -> Matrix:
    cells = [(n, place[body]) for n, one in enumerate(agencies) for body in (one.id, *one.part_of) if body in place]
    return pattern(np.array(cells, np.int64).reshape(-1, 2), len(agencies), len(agencies))


AGENCIES = ReportParameter(
    "agencies",
    "Number of agencies",
    "Show the agencies that most recently started to use new resources, up to this many.",
    50,
    1,
    1000,
)
EACH = ReportParameter(
    "each", "Suggestions for each agency", "Suggest up to this many resources to each agency.", 5, 1, 50
)
MOST_USERS = ReportParameter(
    "most_users",
    "Maximum number of users",
    "Suggest only resources with at most this many users, which are less well known; 0 sets no limit.",
    0,
    0,
    100_000,
)
SAMPLED, VOTERS = 2_000_000, 3
BANDS = {"top-1": "top 1 %", "top-10": "top 10 %", "rest": "lower"}
CONFIDENCE: Mapping[str | None, Confidence] = {"top-1": "likely", "top-10": "likely"}

REUSE = ReportDefinition(
    "reuse",
    "Expected demand",
    "Which agencies will probably need which resources next?",
    "Every agency gets a score for every resource that it does not use or own. The score is the recent activity of "
    "the agency (how many resources it started to use) times the votes of the users and owners of the resource. The "
    "weight of a vote halves every two years after the use started. A vote weighs more if the two agencies have many "
    "resources in common (1 + 2 x Jaccard index), or if they have the same parent agency (+ 1). The rank bands (top "
    "1 %, top 10 %) compare a score with the scores of all pairs of an agency and a resource. No parameter is fitted "
    "to the data.",
    ("agencies", "resources"),
    (
        Column("rank", "Rank", "integer", "The rank among the suggestions shown.", changes_daily=True),
        Column("agency", "Agency", "text", "The agency that may need the resource."),
        Column("resource", "Resource", "text", "The resource that it may need."),
        Column("band", "Rank band", "code", "Where the score ranks among the scores of all pairs.", words=BANDS),
        Column("users", "Users", "integer", "The number of agencies that use, used or own the resource.", "agencies"),
        Column(
            "recent",
            "New users",
            "integer",
            "The number of agencies that started to use it in the last two years.",
            "agencies",
        ),
        Column(
            "same_parent",
            "Users with the same parent",
            "integer",
            "The number of users with the same parent agency.",
            "agencies",
        ),
        Column(
            "recently_adopted",
            "Recently adopted",
            "integer",
            "The number of resources that the agency started to use in the past year.",
            "resources",
        ),
        Column(
            "from_all",
            "Vote: all users",
            "number",
            "The part of the votes that is the same for all users.",
            "%",
            changes_daily=True,
        ),
        Column(
            "from_similarity",
            "Vote: similarity",
            "number",
            "The part of the votes that comes from similar agencies.",
            "%",
            changes_daily=True,
        ),
        Column(
            "from_same_parent",
            "Vote: same parent",
            "number",
            "The part of the votes that comes from agencies with the same parent.",
            "%",
            changes_daily=True,
        ),
        Column(
            "reasons",
            "Reason",
            "texts",
            "The three users with the largest votes, when their use started, and the rarest resource in common.",
        ),
        Column("cautions", "Cautions", "texts", "Facts to consider before you suggest the resource."),
    ),
    (AGENCIES, EACH, MOST_USERS),
    key=("agency", "resource"),
    counts="Suggestions shown",
    concern="A suggestion concerns the agency that may need the resource, not the owner of the resource.",
    finding=lambda row: row.key,
    selects=True,
)


class Suggestion(NamedTuple):
    """A suggestion: the indices of the agency and the resource, the score, and the share of each of the three kinds of votes."""

    agency: int
    resource: int
    score: float
    votes: tuple[float, float, float]


def reuse(
    arrays: SnapshotArrays,
    *,
    agencies: int = int(AGENCIES.default),
    each: int = int(EACH.default),
    most_users: int = int(MOST_USERS.default),
) -> Report:
    """Suggest to each agency the `each` resources with the highest scores; the description in the constant REUSE explains the score.

    If agencies are selected, the report shows and counts only suggestions to them. Similarity is computed only for the shown
    agencies, and for a sample of agencies that determines the limits of the score bands. On past data the score predicts as well
    as the best baseline, but not better (see `registry.evaluation.backtests`).
    """
    history = History.of(arrays.snapshot, arrays.as_of)
    selected = np.flatnonzero(arrays.selected)
    shown = selected[np.argsort(-history.activity[selected], kind="stable")[:agencies]]
    builder = SuggestionRows(arrays, history, shown)
    bands = _bands(history)
    pairs = sorted(
        _suggestions(history, shown, each, most_users), key=lambda one: (-one.score, one.agency, one.resource)
    )
    rows = [builder.row(rank, pair, bands) for rank, pair in enumerate(pairs, 1)]
    unused = len(history.resources) - np.diff(history.barred.indptr)
    return REUSE.answer(
        arrays.as_of, rows, found=len(rows), of=int(unused[selected].sum()),
        unknown=int(unused[selected][history.counted[selected] == 0].sum()),
        withheld=arrays.withheld, notes=builder.notes(pairs), agencies=agencies, each=each, most_users=most_users,
    )  # fmt: skip


def _suggestions(history: History, shown: Ints, each: int, most_users: int) -> Iterator[Suggestion]:
    """Yield the best suggestions for each shown agency, at most `each` per agency."""
    votes, users = Votes.of(history, shown), history.has.sum(axis=0)
    wanted = history.open_to(shown) & (votes.everybody > 0) & ((users <= most_users) | (most_users == 0))
    scores = np.where(wanted, votes.score, 0)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :each]
    for row, agency in enumerate(shown.tolist()):
        for resource in order[row][scores[row, order[row]] > 0].tolist():
            parts = votes.everybody[resource], votes.similar[row, resource], votes.same_parent[row, resource]
            total, score = float(sum(parts)), float(scores[row, resource])
            everybody, similar, same_parent = (100 * float(part) / total for part in parts)
            yield Suggestion(agency, resource, score, (everybody, similar, same_parent))


def _bands(history: History) -> tuple[float, float] | None:
    """Return the lowest scores in the top 1 % and the top 10 %, computed from every n-th agency that has resources."""
    known = np.flatnonzero(history.counted)
    sample = known[:: 1 + len(known) * len(history.resources) // SAMPLED]
    scores = Votes.of(history, sample).score[history.open_to(sample)]
    if not len(scores):
        return None
    top, upper = np.quantile(scores, (0.99, 0.9)).tolist()
    return top, upper


class SuggestionRows:
    """Builds the rows and notes of the report for the shown agencies (indices)."""

    def __init__(self, arrays: SnapshotArrays, history: History, shown: Ints) -> None:
        self._history, self._as_of = history, arrays.as_of
        known = {one.id: one for one in arrays.snapshot.resources}
        self._resources: Sequence[ResourceRow] = [known[one] for one in history.resources.ids]
        self._owned = any(one.owners for one in self._resources)
        self._fading = history.fading(USERS_HALF_LIFE).T.tocsr()
        self._users = np.diff(self._fading.indptr)
        self._shown = {agency: row for row, agency in enumerate(shown.tolist())}
        self._similarity, self._same_parent = history.similarity(shown), history.same_parent(shown)
        self._adopted = _recent_uses(arrays.snapshot.resources, arrays.as_of, 1)

    def row(self, rank: int, pair: Suggestion, bands: tuple[float, float] | None) -> ReportRow:
        """Return the row of a suggestion. The evidence is the agency, the resource, and the users that the row names."""
        history, resource = self._history, self._resources[pair.resource]
        users, votes, same_parent = self._voters(pair)
        best = np.argsort(-votes, kind="stable")[:VOTERS]
        band = _band(pair.score, bands) if history.counted[pair.agency] else None
        values: dict[str, Cell] = {
            "rank": rank,
            "agency": history.agencies.names[pair.agency],
            "resource": resource.name,
            "band": band,
            "users": len(users),
            "recent": sum(_recent_uses([resource], self._as_of, RECENT_YEARS).values()),
            "same_parent": int(same_parent.sum()),
            "recently_adopted": self._adopted.get(history.agencies.ids[pair.agency], 0),
            "from_all": pair.votes[0],
            "from_similarity": pair.votes[1],
            "from_same_parent": pair.votes[2],
            "reasons": tuple(self._reason(pair, int(user)) for user in users[best]),
            "cautions": tuple(self._obstacles(resource)),
        }
        named = (history.agencies.evidence(one) for one in (pair.agency, *users[best].tolist()))
        evidence = (history.resources.evidence(pair.resource), *named)
        concerns = (history.agencies.ids[pair.agency],)
        return ReportRow(values, evidence, CONFIDENCE.get(band, "unclear"), concerns=concerns)

    def notes(self, pairs: Sequence[Suggestion]) -> list[str]:
        """Return notes about the data behind the suggestions, and about the accuracy of suggestions."""
        if not self._history.has.nnz:
            return [_("No users or owners of resources are recorded, so there are no suggestions.")]
        return [
            *self._scope_notes(pairs),
            _(
                "Accuracy on other data (cloud services of agencies of the United States, 2020 to 2024): within a "
                "year, about 1 in 9 suggestions of the top 1 % came true (1 in 18 to 1 in 7, depending on the "
                "year), 1 in 24 of the top 10 %, and 1 in 126 of all pairs. Of five suggestions for every agency, "
                "1 in 15 came true: 1 in 10 for agencies that started to use a resource in the past year, 1 in 34 "
                "for the others."
            ),
            _(
                "The similarity of agencies is shown as a reason for them to talk to each other. On that data it did "
                "not improve the forecasts over a simple baseline: suggest the resources with the most new users to "
                "the most active agencies. The command `registry backtest reuse` tests the forecasts on your data."
            ),
        ]

    def _scope_notes(self, pairs: Sequence[Suggestion]) -> Iterator[str]:
        """Yield notes on what the suggestions cover, and on facts that are not recorded."""
        yield _("Different resources suggested: {resources}. Agencies with suggestions: {agencies}.").format(
            agencies=number(len({one.agency for one in pairs})), resources=number(len({one.resource for one in pairs}))
        )
        yield from stale(self._resources, self._as_of)
        if inactive := int((self._history.counted == 0).sum()):
            yield ngettext(
                "{n} agency has no recorded resources, so only widely used resources are suggested to it.",
                "{n} agencies have no recorded resources, so only widely used resources are suggested to them.",
                inactive,
            ).format(n=number(inactive))
        if undated := sum(use[1] is None for one in self._resources for use in one.uses):
            yield ngettext(
                "{n} use of a resource has no recorded start date; it counts as four years old.",
                "{n} uses of resources have no recorded start date; they count as four years old.",
                undated,
            ).format(n=number(undated))
        if not self._owned:
            count = len(self._history.resources)
            yield ngettext(
                "The only resource has no recorded owner. Ask its users.",
                "None of the {n} resources has a recorded owner. Ask the users.",
                count,
            ).format(n=number(count))

    def _voters(self, pair: Suggestion) -> tuple[Ints, Floats, Floats]:
        """For each user of the suggested resource, return its index, its vote, and 1 if both agencies have the same parent, else 0."""
        row = self._shown[pair.agency]
        users, fading = row_entries(self._fading, pair.resource)
        similarity, same_parent = (
            _values_at(row_entries(one, row), users) for one in (self._similarity, self._same_parent)
        )
        return users, fading * (1 + SIMILARITY_WEIGHT * similarity + same_parent), same_parent

    def _reason(self, pair: Suggestion, user: int) -> str:
        name, resource = self._history.agencies.names[user], self._resources[pair.resource]
        began = _began(resource, self._history.agencies.ids[user])
        user_text = _("{name} (since {day})").format(name=name, day=day(began)) if began else name
        both = np.intersect1d(self._resources_of(pair.agency), self._resources_of(user))
        if not len(both):
            return user_text
        rarest = self._resources[both[np.argmin(self._users[both])]].name
        if len(both) == 1:
            return _("{user}, both have {resource}").format(user=user_text, resource=rarest)
        return _("{user}, both have {n} resources, such as {resource}").format(
            user=user_text, n=number(len(both)), resource=rarest
        )

    def _resources_of(self, agency: int) -> Ints:
        return row_entries(self._history.has, agency)[0]

    def _obstacles(self, resource: ResourceRow) -> Iterator[str]:
        expired = sum(until is not None and until < self._as_of for _user, _recent_uses, until, *_role in resource.uses)
        if expired:
            template = ngettext("{n} of {m} use has ended", "{n} of {m} uses have ended", len(resource.uses))
            yield template.format(n=number(expired), m=number(len(resource.uses)))
        if not resource.whole:
            yield _("summary only: you need access to see the rest")
        if resource.shareability == "not-shared":
            yield _("not shared")
        if self._owned and not resource.owners:
            yield _("no recorded owner")


def _values_at(row: tuple[Ints, Floats], places: Ints) -> Floats:
    """Return the values of a matrix row in the given columns; a column without an entry has the value 0."""
    columns, values = row
    found = dict(zip(columns.tolist(), values.tolist(), strict=True))
    return np.array([found.get(place, 0.0) for place in places.tolist()])


def _band(score: float, bands: tuple[float, float] | None) -> str | None:
    if bands is None:
        return None
    return "top-1" if score >= bands[0] else "top-10" if score >= bands[1] else "rest"


def _began(resource: ResourceRow, user: str) -> str | None:
    days = [use[1] for use in resource.uses if use[0] == user and use[1]]
    return min(days, default=resource.available_since if user in resource.owners else None)


def _recent_uses(resources: Sequence[ResourceRow], as_of: str, years: float) -> dict[str, int]:
    """Return for each agency how many resources it began to use within the given `years` before the day."""
    found: dict[str, int] = {}
    for resource in resources:
        for user, since, *_rest in resource.uses:
            if since and 0 < years_between(since, as_of) <= years:
                found[user] = found.get(user, 0) + 1
    return found
