"""Which agreements have lapsed, are about to, or cover nothing, and what is shared without one."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

from registry.analysis.lists import Lists, Partnership, Resource
from registry.analysis.world import World
from registry.reports.report import Column, Evidence, Parameter, Question, Report, Row
from registry.words import _

INFORMAL = "informal"
WITHIN = Parameter("within", 90, 0, 3650, "How many days ahead to look for agreements that expire.")
FINDINGS = {
    "uncovered": "used without an agreement",
    "expired": "expired, nothing follows",
    "expiring": "expires soon, nothing follows",
    "reversed": "ends before it begins",
    "empty": "covers nothing",
    "no-basis": "formal, no legal basis",
}

AGREEMENTS = Question(
    "agreements",
    "Which agreements have expired, expire soon or cover nothing, and what is shared without one?",
    "Read from the records as they stand on the day. An agreement is followed when another one renews it. A use is covered when "
    "an agreement in force has the user as a party and covers the resource; bodies need none with their own units. "
    "Where withheld records could change the answer, it is counted as unknown.",
    ("agencies", "resources", "partnerships"),
    (
        Column("finding", "Finding", "code", "What is found.", words=FINDINGS),
        Column("agreement", "Agreement", "text", "The agreement; for a use, the one that covered it last."),
        Column("resource", "Resource", "text", "What is used without an agreement in force."),
        Column("agencies", "Agencies", "texts", "The parties; for a use, who uses it and whose it is."),
        Column("until", "Until", "date", "The last day of the agreement."),
        Column("days", "Days", "integer", "Days until that day; below 0 since then.", "days"),
    ),
    (WITHIN,),
)


class Finding(NamedTuple):
    """Something to see to: what, about which agreement or which use."""

    code: str
    agreement: Partnership | None
    resource: Resource | None = None
    agencies: Sequence[str] = ()


class Register:
    """The agreements on a day, looked up by party and by the one they renew."""

    def __init__(self, lists: Lists, as_of: str) -> None:
        self.as_of = as_of
        self.agreements = lists.partnerships
        self.renewed = {old for one in self.agreements for old in one.renews}
        self._above = {one.id: one.part_of for one in lists.agencies}

    @cached_property
    def _of(self) -> dict[str, list[Partnership]]:
        by_party: dict[str, list[Partnership]] = {}
        for one in self.agreements:
            for party in one.parties:
                by_party.setdefault(party, []).append(one)
        return by_party

    def covering(self, user: str, resource: str) -> list[Partnership]:
        """Return the agreements of the user that cover the resource, the last to end first."""
        found = (one for one in self._of.get(user, ()) if resource in one.covers and not one.reversed)
        return sorted(found, key=lambda one: (one.valid_until or "9999", one.id), reverse=True)

    def hides(self, parties: Sequence[str]) -> bool:
        """Tell whether the parties share an agreement whose details are withheld, which could settle the matter."""
        return any(not one.whole and set(parties) <= set(one.parties) for one in self._of.get(parties[0], ()))

    def related(self, one: str, other: str) -> bool:
        """Tell whether the two are one body, or one is part of the other."""
        return one in self._upwards(other) or other in self._upwards(one)

    def _upwards(self, agency: str) -> set[str]:
        reached, new = {agency}, [agency]
        while new:
            new = [up for up in self._above.get(new.pop(), ()) if up not in reached] + new
            reached.update(new)
        return reached


def agreements(world: World, *, within: int = WITHIN.default) -> Report:  # type: ignore[assignment]
    """List agreements and uses that somebody has to see to; `within` is in days ahead of the day of the report."""
    register = Register(world.lists, world.as_of)
    found = [*_uses(world.lists, register), *_agreements(register, within)]
    told = [one for one in found if not _withheld(register, one)]
    judged = sum(one.whole for one in register.agreements) + sum(1 for _use in _running(world.lists, register))
    hidden = sum(not one.whole for one in register.agreements) + sum(not one.whole for one in world.lists.resources)
    names = dict(zip(world.agencies.ids, world.agencies.names, strict=True))
    rows = [_row(one, world.as_of, names) for one in sorted(told, key=_order)]
    return AGREEMENTS.answer(
        world.as_of, rows, found=len(rows), of=judged, unknown=len(found) - len(told) + hidden,
        withheld=world.lists.withheld, notes=_notes(register), within=within,
    )  # fmt: skip


def _agreements(register: Register, within: int) -> Iterator[Finding]:
    horizon = _later(register.as_of, within)
    for one in register.agreements:
        if one.reversed:
            yield Finding("reversed", one, agencies=one.parties)
        elif one.whole:
            yield from (Finding(code, one, agencies=one.parties) for code in _faults(one, register, horizon))


def _faults(one: Partnership, register: Register, horizon: str) -> Iterator[str]:
    followed = one.id in register.renewed
    if one.valid_until and one.valid_until < register.as_of and not followed:
        yield "expired"
    if not one.in_force(register.as_of):
        return
    if one.valid_until and one.valid_until <= horizon and not followed:
        yield "expiring"
    if not one.covers and not one.covers_hidden:
        yield "empty"
    if not one.legal_basis and one.instrument not in (None, INFORMAL):
        yield "no-basis"


def _running(lists: Lists, register: Register) -> Iterator[tuple[Resource, str]]:
    """Yield the uses on the day by others than the owners and their bodies and units."""
    for resource in lists.resources:
        for user, since, until in resource.uses:
            now = (since or "") <= register.as_of and (until is None or register.as_of <= until)
            if now and resource.owners and not any(register.related(user, owner) for owner in resource.owners):
                yield resource, user


def _uses(lists: Lists, register: Register) -> Iterator[Finding]:
    for resource, user in _running(lists, register):
        covering = register.covering(user, resource.id)
        if not any(one.in_force(register.as_of) for one in covering):
            past = [one for one in covering if (one.valid_until or "9999") < register.as_of]
            yield Finding("uncovered", past[0] if past else None, resource, (user, *resource.owners))


def _withheld(register: Register, finding: Finding) -> bool:
    """Tell whether an agreement of which only the face is seen may follow, or cover the use."""
    if finding.code == "uncovered":
        user, *owners = finding.agencies
        return any(register.hides((user, owner)) for owner in owners)
    return finding.code in ("expired", "expiring") and bool(finding.agencies) and register.hides(finding.agencies)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    agreement, resource = finding.agreement, finding.resource
    return (
        list(FINDINGS).index(finding.code),
        (agreement and agreement.valid_until) or "9999",
        agreement.id if agreement else "",
        resource.id if resource else "",
    )


def _row(finding: Finding, as_of: str, names: dict[str, str]) -> Row:
    agreement, resource = finding.agreement, finding.resource
    until = agreement.valid_until if agreement else None
    values = {
        "finding": finding.code,
        "agreement": agreement.name if agreement else None,
        "resource": resource.name if resource else None,
        "agencies": tuple(names[one] for one in finding.agencies if one in names),
        "until": until,
        "days": (date.fromisoformat(until) - date.fromisoformat(as_of)).days if until else None,
    }
    return Row(values, _evidence(finding, names))


def _evidence(finding: Finding, names: dict[str, str]) -> tuple[Evidence, ...]:
    agreement, resource = finding.agreement, finding.resource
    found = [Evidence(agreement.id, agreement.name, "Partnership")] if agreement else []
    found += [Evidence(resource.id, resource.name, "Resource")] if resource else []
    return (*found, *(Evidence(one, names[one], "Agency") for one in finding.agencies if one in names))


def _notes(register: Register) -> list[str]:
    if not register.agreements:
        return [_("There are no agreements on record that you may see, so there is little to tell.")]
    in_force = sum(one.in_force(register.as_of) for one in register.agreements)
    return [
        _("{n} of {m} agreements are in force on {day}.").format(
            n=in_force, m=len(register.agreements), day=register.as_of
        )
    ]


def _later(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days)).isoformat()
    except OverflowError:
        return date.max.isoformat()
