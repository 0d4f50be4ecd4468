"""The lists of `registry.cypher.network` as named rows."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Ids = Sequence[str]


class Agency(NamedTuple):
    """A body and where it belongs. The first of its sectors is its main one."""

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
    """A resource, who has it and who uses it: `(user, since, until)`, days as ISO text or None."""

    id: str
    name: str
    whole: bool = True
    owners: Ids = ()
    uses: Sequence[Sequence[Any]] = ()


class Partnership(NamedTuple):
    """An agreement. Where `whole` is false its dates, basis and cover are not known to who asks."""

    id: str
    name: str
    whole: bool = True
    instrument: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    legal_basis: str | None = None
    parties: Ids = ()
    covers: Ids = ()
    covers_hidden: int = 0
    renews: Ids = ()

    def in_force(self, as_of: str) -> bool:
        """Tell whether the day lies within its dates; an empty date sets no bound. False where they are not known."""
        return (
            self.whole and (self.valid_from or "") <= as_of and (self.valid_until is None or as_of <= self.valid_until)
        )

    @property
    def reversed(self) -> bool:
        """Whether it ends before it begins, so that nothing can be said of it."""
        return bool(self.valid_from and self.valid_until and self.valid_until < self.valid_from)


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
    partnerships: Sequence[Partnership] = ()
    sectors: Sequence[Term] = ()
    areas: Sequence[Term] = ()
    functions: Sequence[Term] = ()

    @property
    def withheld(self) -> int:
        """How many of the records show no more than their face to who asks."""
        kept_back = (self.agencies, self.services, self.resources, self.partnerships)
        return sum(not record.whole for records in kept_back for record in records)


_ROWS: Mapping[str, type[Any]] = {
    "agencies": Agency,
    "services": Service,
    "resources": Resource,
    "partnerships": Partnership,
    "sectors": Term,
    "areas": Term,
    "functions": Term,
}


def lists(reads: Sequence[str], answer: Sequence[Sequence[Sequence[Any]]]) -> Lists:
    """Name the rows that `network(reads, …)` was answered with."""
    named = {name: [_ROWS[name]._make(row) for row in rows] for name, rows in zip(reads, answer, strict=True)}
    return Lists(**named)
