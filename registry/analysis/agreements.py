"""Which agreements have lapsed, are about to, or cover nothing, and what is shared without one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from registry.analysis.lists import Lists, Partnership, Resource
from registry.analysis.register import NEVER, Register
from registry.analysis.world import World
from registry.figures import day, number
from registry.reports.report import Cell, Column, Evidence, Parameter, Question, Report, Row
from registry.words import _

if TYPE_CHECKING:
    from registry.analysis.lapses import Lapse

INFORMAL = "informal"
ENDING = ("expired", "interrupted", "expiring")
WITHIN = Parameter("within", 90, 0, 3650, "How many days ahead to look for agreements that expire.")
FINDINGS = {
    "uncovered": "used without an agreement",
    "disputed": "disputed by a party",
    "expired": "expired, nothing follows",
    "interrupted": "nothing in force until its renewal begins",
    "expiring": "expires soon, nothing follows",
    "reversed": "ends before it begins",
    "empty": "covers nothing",
    "no-basis": "formal, no legal basis",
}
CONFIRMATION = {
    "confirmed": "confirmed by every party",
    "unconfirmed": "not confirmed by every party",
    "withheld": "you cannot see what every party says",
    "disputed": "disputed by a party",
}
PRESSING = {code: place for place, code in enumerate(FINDINGS)}

AGREEMENTS = Question(
    "agreements",
    "Which agreements have expired, expire soon or cover nothing, and what is shared without one?",
    "Read from the records as they stand on the day. An agreement is followed when another one renews it that ends later; a renewal "
    "that begins later than the day after leaves a gap. What a party disputes does not count as in force. "
    "A use is covered when an agreement in force has the user as a party and covers the resource; bodies need none with their own "
    "units. Where withheld records could change the answer, it is counted as unknown. What an agreement holds together is told by "
    "the network of ties in force with it and without it, without any other that expires (articulation points: Hopcroft & "
    "Tarjan 1973); agreements whose dates are withheld count as in force.",
    ("agencies", "resources", "partnerships"),
    (
        Column("finding", "Finding", "code", "What is found.", words=FINDINGS),
        Column("agreement", "Agreement", "text", "The agreement; for a use, the one that covered it last."),
        Column("resource", "Resource", "text", "What is used without an agreement in force."),
        Column("agencies", "Agencies", "texts", "The parties; for a use, who uses it and whose it is."),
        Column("since", "Since", "date", "The first day of the agreement."),
        Column("until", "Until", "date", "The last day of the agreement."),
        Column("resumes", "Renewal begins", "date", "The first day of its renewal, where nothing is in force before."),
        Column("confirmation", "Confirmation", "code", "Whether the parties have confirmed it.", words=CONFIRMATION),
        Column("days", "Days", "integer", "Days until that day; below 0 since then.", "days"),
        Column("alone", "Alone without it", "texts", "The parties that have no other tie in force."),
        Column(
            "parts",
            "Parts",
            "integer",
            "How many parts of the network the parties are in without it, if several.",
            "parts",
        ),
        Column(
            "hinges", "Hinges", "texts", "Agencies that alone hold a part together without it (articulation points)."
        ),
    ),
    (WITHIN,),
    key=("finding", "agreement", "resource", "agencies"),
    counts="Agreements and uses with a finding",
)


class Finding(NamedTuple):
    """Something to see to: what, about which agreement or which use, and what the network lacks without the agreement."""

    code: str
    agreement: Partnership | None
    resource: Resource | None = None
    agencies: Sequence[str] = ()
    lapse: "Lapse | None" = None


def agreements(world: World, *, within: int = int(WITHIN.default)) -> Report:
    """List agreements and uses that somebody has to see to; `within` is in days ahead of the day of the report."""
    register = Register(world.lists, world.as_of, within)
    uses = list(_running(world.lists, register))
    found = [*_uses(uses, register), *_agreements(register)]
    told = _weighed(world, register, [one for one in found if not _withheld(register, one)])
    hidden = sum(not one.whole for one in register.agreements) + sum(not one.whole for one in world.lists.resources)
    names = dict(zip(world.agencies.ids, world.agencies.names, strict=True))
    rows = [_row(one, register, names) for one in sorted(told, key=_order)]
    return AGREEMENTS.answer(
        world.as_of, rows, found=len({row.key[1:] for row in rows}), of=sum(one.whole for one in register.agreements) + len(uses),
        unknown=len(found) - len(told) + hidden, withheld=world.withheld, notes=_notes(register, found), within=within,
    )  # fmt: skip


def _agreements(register: Register) -> Iterator[Finding]:
    for one in register.agreements:
        if one.reversed:
            yield Finding("reversed", one, agencies=one.parties)
        elif one.whole:
            yield from (Finding(code, one, agencies=one.parties) for code in _faults(one, register))


def _faults(one: Partnership, register: Register) -> Iterator[str]:
    if one.disputed_by and (one.valid_until or NEVER) >= register.as_of:
        yield "disputed"
    if register.expired(one):
        yield "expired"
    if register.resumes(one):
        yield "interrupted"
    if not one.in_force(register.as_of):
        return
    if register.expiring(one):
        yield "expiring"
    if not one.covers:
        yield "empty"
    if not one.legal_basis and one.instrument not in (None, INFORMAL):
        yield "no-basis"


def _running(lists: Lists, register: Register) -> Iterator[tuple[Resource, str]]:
    """Yield the uses on the day by others than the owners and their bodies and units."""
    for resource in lists.resources:
        for user, since, until, *_role in resource.uses:
            now = (since or "") <= register.as_of and (until is None or register.as_of <= until)
            if now and not any(register.related(user, owner) for owner in resource.owners):
                yield resource, user


def _uses(running: Sequence[tuple[Resource, str]], register: Register) -> Iterator[Finding]:
    for resource, user in running:
        covering = register.covering(user, resource.id)
        if not any(one.in_force(register.as_of) for one in covering):
            past = [one for one in covering if (one.valid_until or NEVER) < register.as_of]
            yield Finding("uncovered", past[0] if past else None, resource, (user, *resource.owners))


def _withheld(register: Register, finding: Finding) -> bool:
    """Tell whether what is hidden may settle it.

    An agreement that is disputed or of which only the summary is seen may follow, or cover the use; the user may be the
    owner; an agreement may cover records of which only the summary is seen.
    """
    if finding.code == "empty":
        return finding.agreement is not None and finding.agreement.covers_hidden
    if finding.code == "uncovered":
        user, *owners = finding.agencies
        resource = finding.resource.id if finding.resource else ""
        disputed = any(one.runs(register.as_of) for one in register.covering(user, resource))
        return not owners or disputed or any(register.hides((user, owner)) for owner in owners)
    return finding.code in ENDING and bool(finding.agencies) and register.hides(finding.agencies)


def _weighed(world: World, register: Register, found: Sequence[Finding]) -> list[Finding]:
    """Add to agreements that have expired or will what the network lacks without each; of those that will, without the others."""
    from registry.analysis.lapses import Without  # networkx takes half a second, which only who needs it should wait

    standing = [one for one in register.agreements if one.in_force(world.as_of) or not one.whole]
    lasting = [one for one in standing if not register.expiring(one) and not register.resumes(one)]
    staying = {"expired": standing, "interrupted": lasting, "expiring": lasting}
    without = {code: Without(world.graph(staying[code])) for code in staying.keys() & {one.code for one in found}}
    return [one._replace(lapse=without[one.code].lapse(one.agencies)) if one.code in without else one for one in found]


def _order(finding: Finding) -> tuple[int, int, int, str, str, str]:
    agreement, resource, lapse = finding.agreement, finding.resource, finding.lapse
    return (
        PRESSING[finding.code],
        -len(lapse.alone) if lapse else 0,
        -lapse.parts if lapse else 0,
        (agreement and agreement.valid_until) or NEVER,
        agreement.id if agreement else "",
        resource.id if resource else "",
    )


def _row(finding: Finding, register: Register, names: dict[str, str]) -> Row:
    agreement, resource, lapse = finding.agreement, finding.resource, finding.lapse
    until = agreement.valid_until if agreement else None
    values: dict[str, Cell] = {
        "finding": finding.code,
        "agreement": agreement.name if agreement else None,
        "resource": resource.name if resource else None,
        "agencies": _named(finding.agencies, names),
        "since": agreement.valid_from if agreement else None,
        "until": until,
        "resumes": register.resumes(agreement) if agreement and finding.code == "interrupted" else None,
        "confirmation": _confirmation(agreement) if agreement else None,
        "days": (date.fromisoformat(until) - date.fromisoformat(register.as_of)).days if until else None,
        "alone": _named(lapse.alone, names) if lapse else (),
        "parts": lapse.parts if lapse and lapse.parts > 1 else None,
        "hinges": _named(lapse.hinges, names) if lapse else (),
    }
    return Row(values, _evidence(finding, names), key=_key(finding))


def _confirmation(one: Partnership) -> str | None:
    if not one.whole:
        return None
    if one.disputed_by or one.confirmed:
        return "disputed" if one.disputed_by else "confirmed"
    return "withheld" if one.words_hidden else "unconfirmed"


def _key(finding: Finding) -> tuple[str, ...]:
    """Return what a finding is known by: the agreement; for a use, the resource and who uses it."""
    if finding.resource:
        return finding.code, finding.resource.id, finding.agencies[0]
    return finding.code, finding.agreement.id if finding.agreement else ""


def _named(agencies: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names[one] for one in agencies if one in names)


def _evidence(finding: Finding, names: dict[str, str]) -> tuple[Evidence, ...]:
    agreement, resource = finding.agreement, finding.resource
    found = [Evidence(agreement.id, agreement.name, "Partnership")] if agreement else []
    found += [Evidence(resource.id, resource.name, "Resource")] if resource else []
    return (*found, *(Evidence(one, names[one], "Agency") for one in finding.agencies if one in names))


def _notes(register: Register, found: Sequence[Finding]) -> list[str]:
    if not register.agreements:
        return [_("There are no agreements on record that you may see, so there is little to tell.")]
    in_force = [one for one in register.agreements if one.in_force(register.as_of)]
    told = _("{n} of {m} agreements are in force on {day}; of these, {k} are not known to be confirmed by all.")
    unconfirmed, of = sum(not one.confirmed for one in in_force), len(register.agreements)
    notes = [told.format(n=number(len(in_force)), m=number(of), day=day(register.as_of), k=number(unconfirmed))]
    if ownerless := sum(one.resource is not None and not one.resource.owners for one in found):
        told = _(
            "{n} uses without an agreement are of resources whose owner is not on record; nothing can be told of them."
        )
        notes.append(told.format(n=number(ownerless)))
    return notes
