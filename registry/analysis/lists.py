"""The lists of `registry.cypher.network` as named rows."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Ids = Sequence[str]


class Agency(NamedTuple):
    """A body and where it belongs. The first of its sectors, by their ids, counts as its main one."""

    id: str
    name: str
    whole: bool = True
    sectors: Ids = ()
    areas: Ids = ()
    part_of: Ids = ()


class Service(NamedTuple):
    """A service, who provides it, what it does, what it cannot work without, and for whom it is."""

    id: str
    name: str
    whole: bool = True
    providers: Ids = ()
    functions: Ids = ()
    requires: Ids = ()
    depends_on: Ids = ()
    audiences: Ids = ()
    leads: Ids = ()

    @property
    def answering(self) -> Ids:
        """Who leads it; all that provide it where nobody is named."""
        return self.leads or self.providers


class Resource(NamedTuple):
    """A resource, who has it and who uses it: `(user, since, until, role)`, days as ISO text or None.

    Where `whole` is false its users, capacity and days are not known to who asks.
    """

    id: str
    name: str
    whole: bool = True
    owners: Ids = ()
    uses: Sequence[Sequence[Any]] = ()
    kind: str | None = None
    shareability: str | None = None
    application_class: str | None = None
    areas: Ids = ()
    functions: Ids = ()
    unit: str | None = None
    capacity: float | None = None
    in_use: float | None = None
    available_since: str | None = None


class Need(NamedTuple):
    """What an agency lacks. Where `whole` is false how much of what, and by when, is not known to who asks."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    kind: str | None = None
    areas: Ids = ()
    functions: Ids = ()
    unit: str | None = None
    quantity: float | None = None
    by_when: str | None = None


class Partnership(NamedTuple):
    """An agreement. Where `whole` is false its dates, basis and cover are not known to who asks.

    `covers_hidden` says that it may cover services or resources of which no more than the summary is seen,
    `words_hidden` that what some of its parties say of it is withheld.
    """

    id: str
    name: str
    whole: bool = True
    instrument: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    legal_basis: str | None = None
    parties: Ids = ()
    covers: Ids = ()
    covers_hidden: bool = False
    renews: Ids = ()
    target_scale: str | None = None
    target_level: int | None = None
    disputed_by: Ids = ()
    confirmed_by: Ids = ()
    words_hidden: bool = False

    def in_force(self, as_of: str) -> bool:
        """Tell whether the day lies within its dates and no party disputes it."""
        return self.runs(as_of) and not self.disputed_by

    def runs(self, as_of: str) -> bool:
        """Tell whether the day lies within its dates; an empty date sets no bound. False where they are not known."""
        return (
            self.whole and (self.valid_from or "") <= as_of and (self.valid_until is None or as_of <= self.valid_until)
        )

    @property
    def confirmed(self) -> bool:
        """Whether every party has confirmed it."""
        return bool(self.parties) and set(self.parties) <= set(self.confirmed_by)

    @property
    def reversed(self) -> bool:
        """Whether it ends before it begins, so that nothing can be said of it."""
        return bool(self.valid_from and self.valid_until and self.valid_until < self.valid_from)


class Statement(NamedTuple):
    """What a party says about an agreement. Where `whole` is false all of it is not known to who asks."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    partnerships: Ids = ()
    scale: str | None = None
    level: int | None = None
    on: str | None = None


class Channel(NamedTuple):
    """How services and agencies are reached; `answers_within` is in hours."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    services: Ids = ()
    kind: str | None = None
    two_way: bool | None = None
    answers_within: float | None = None


class Feedback(NamedTuple):
    """Something said about a service. Where `whole` is false all of it is not known to who asks."""

    id: str
    name: str
    whole: bool = True
    services: Ids = ()
    channels: Ids = ()
    owners: Ids = ()
    received: str | None = None
    answered: str | None = None


class Term(NamedTuple):
    """A term of a code list."""

    id: str
    name: str
    label_id: str | None = None
    label_en: str | None = None
    broader: Ids = ()


class Lists(NamedTuple):
    """What a report reads of the graph; what it does not need is empty."""

    agencies: Sequence[Agency] = ()
    services: Sequence[Service] = ()
    resources: Sequence[Resource] = ()
    needs: Sequence[Need] = ()
    partnerships: Sequence[Partnership] = ()
    statements: Sequence[Statement] = ()
    channels: Sequence[Channel] = ()
    feedbacks: Sequence[Feedback] = ()
    sectors: Sequence[Term] = ()
    areas: Sequence[Term] = ()
    functions: Sequence[Term] = ()

    @property
    def withheld(self) -> int:
        """How many of the records show no more than their face to who asks."""
        return sum(not record.whole for name in _RECORDS for record in getattr(self, name))


_RECORDS: Mapping[str, type[Any]] = {
    "agencies": Agency,
    "services": Service,
    "resources": Resource,
    "needs": Need,
    "partnerships": Partnership,
    "statements": Statement,
    "channels": Channel,
    "feedbacks": Feedback,
}
_ROWS: Mapping[str, type[Any]] = {**_RECORDS, "sectors": Term, "areas": Term, "functions": Term}


def lists(reads: Sequence[str], answer: Sequence[Sequence[Sequence[Any]]]) -> Lists:
    """Name the rows that `network(reads, …)` was answered with. Several uses of a resource by one agency are made one."""
    named = {name: [_ROWS[name]._make(row) for row in rows] for name, rows in zip(reads, answer, strict=True)}
    if "resources" in named:
        named["resources"] = [one._replace(uses=_of_each_agency(one.uses)) for one in named["resources"]]
    return Lists(**named)


def _of_each_agency(uses: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return one use for each agency: from the first day known to the last of any, open where one of them is."""
    found: dict[str, Sequence[Any]] = {}
    for use in uses:
        user, since, until, role = use
        if user in found:
            _user, began, ended, was = found[user]
            first = min(filter(None, (began, since)), default=None)
            last = max(ended, until) if ended and until else None
            use = [user, first, last, "first" if "first" in (was, role) else role]
        found[user] = use
    return list(found.values())
