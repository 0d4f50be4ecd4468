"""Report `agreements`: agreements that expired, expire soon or cover no record, and resources used without an agreement."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from registry.analysis.cut_points import TreeNode, block_cut_tree, rooted
from registry.analysis.measures import components
from registry.analysis.report import (
    SCOPE,
    Cell,
    Column,
    Evidence,
    Examined,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
)
from registry.analysis.snapshot import (
    Ints,
    PartnershipRow,
    ResourceRow,
    Snapshot,
    SnapshotArrays,
    adjacency,
    assumed_ties,
    distinct_pairs,
)
from registry.analysis.ties import OTHER_TIE_RULES
from registry.i18n import _, day, ngettext, number

NEVER = "9999-12-31"


class AgreementStatus:
    """Answers questions about the agreements on a day: which agreements are in force, renew another agreement, or cover a resource.

    An agreement ends soon if its last day is at most `within` days after that day. `horizon` is the day `within` days after that
    day.
    """

    def __init__(self, snapshot: Snapshot, as_of: str, within: int) -> None:
        self.as_of, self.horizon = as_of, _later(as_of, within)
        self.agreements = snapshot.partnerships
        self._renewals = _renewals(snapshot.partnerships)
        self._above = {one.id: one.part_of for one in snapshot.agencies}

    def expired(self, one: PartnershipRow) -> bool:
        """Return whether the agreement has ended and no other agreement renews it."""
        return _end(one) < self.as_of and not self._renewals.get(one.id)

    def expiring(self, one: PartnershipRow) -> bool:
        """Return whether the agreement is in force, ends by the horizon, and is not renewed by another agreement."""
        return self.ending(one) and not self._renewals.get(one.id)

    def resumes(self, one: PartnershipRow) -> str | None:
        """Return the first day of the renewal if it starts after a gap (days without an agreement); otherwise return None.

        The gap may be over, or lie ahead. The result is also None if the agreement ends after the horizon.
        """
        renewals = self._renewals.get(one.id, ())
        if not renewals or not (_end(one) < self.as_of or self.ending(one)):
            return None
        begins = min(renewal.valid_from or "" for renewal in renewals)
        return begins if begins > _later(_end(one), 1) else None

    def renewal_ahead(self, one: PartnershipRow) -> PartnershipRow | None:
        """Return the next agreement to begin that renews this agreement, directly or indirectly; None if there is none."""
        ahead = [each for each in self._with_renewals(one) if (each.valid_from or "") > self.as_of]
        return min(ahead, key=lambda each: each.valid_from or "", default=None)

    def ending(self, one: PartnershipRow) -> bool:
        """Return whether the agreement is in force and ends by the horizon."""
        return one.in_force(self.as_of) and _end(one) <= self.horizon

    def continued(self, one: PartnershipRow) -> bool:
        """Return whether the agreement, or an agreement that renews it directly or indirectly, is in force."""
        return any(each.in_force(self.as_of) for each in self._with_renewals(one))

    def covering(self, user: str, resource: str) -> list[PartnershipRow]:
        """Return the agreements of the agency `user` that cover the resource; the agreement with the latest last day comes first."""
        found = (one for one in self._by_party.get(user, ()) if resource in one.covers and not one.reversed)
        return sorted(found, key=_end, reverse=True)

    def hides(self, parties: Sequence[str]) -> bool:
        """Return whether the agencies are parties of an agreement whose details the reader may not see.

        The hidden details could change a finding about the agencies.
        """
        return any(not one.whole and set(parties) <= set(one.parties) for one in self._by_party.get(parties[0], ()))

    def related(self, one: str, other: str) -> bool:
        """Return whether the two agencies are the same agency, or one belongs to the other, directly or indirectly."""
        return one in self._ancestors(other) or other in self._ancestors(one)

    def _with_renewals(self, one: PartnershipRow) -> Iterator[PartnershipRow]:
        """Yield the agreement, and all agreements that renew it directly or indirectly."""
        reached, new = {one.id}, [one]
        while new:
            yield (here := new.pop())
            further = [each for each in self._renewals.get(here.id, ()) if each.id not in reached]
            reached.update(each.id for each in further)
            new += further

    @cached_property
    def _by_party(self) -> dict[str, list[PartnershipRow]]:
        by_party: dict[str, list[PartnershipRow]] = {}
        for one in self.agreements:
            for party in one.parties:
                by_party.setdefault(party, []).append(one)
        return by_party

    def _ancestors(self, agency: str) -> set[str]:
        reached, new = {agency}, [agency]
        while new:
            new = [up for up in self._above.get(new.pop(), ()) if up not in reached] + new
            reached.update(new)
        return reached


def _renewals(agreements: Sequence[PartnershipRow]) -> dict[str, list[PartnershipRow]]:
    """Return a dictionary from the id of each renewed agreement to the agreements that renew it.

    A renewal must end later than the renewed agreement, so renewals never form a cycle. Disputed renewals are left out.
    """
    end = {one.id: _end(one) for one in agreements}
    found: dict[str, list[PartnershipRow]] = {}
    for one in agreements:
        for old in one.renews if not (one.reversed or one.disputed_by) else ():
            if end.get(old, NEVER) < _end(one):
                found.setdefault(old, []).append(one)
    return found


def _end(one: PartnershipRow) -> str:
    """Return the last day of the agreement, or the constant NEVER if the agreement is open-ended."""
    return one.valid_until or NEVER


def _later(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days)).isoformat()
    except OverflowError:
        return date.max.isoformat()


class Lapse(NamedTuple):
    """What the network looks like without an agreement.

    - `alone`: the parties that have no other tie
    - `parts`: the number of connected components to which the parties belong
    - `articulation_points`: the agencies that are single points of failure only while the agreement is not in force
    """

    alone: Sequence[str]
    parts: int
    articulation_points: Sequence[str]


class NetworkWithout:
    """The network without some agreements; `lapse` describes the effect of one missing agreement.

    The block-cut tree links the blocks of the network (groups that hold together if any one agency leaves) with the articulation
    points that join the blocks (Hopcroft & Tarjan 1973). The tree is built once. An agreement merges the blocks on the paths
    between its parties. Therefore an agreement can make only agencies on these paths cease to be articulation points.
    """

    def __init__(self, agencies: Sequence[str], ties: Ints) -> None:
        arcs = adjacency(ties, len(agencies))
        self._place = {agency: number for number, agency in enumerate(agencies)}
        self._degree, self._part = np.diff(arcs.indptr), components(arcs).of
        self._home, self._tree = block_cut_tree(agencies, ties)
        self._above = dict(rooted(self._tree))

    def lapse(self, parties: Iterable[str]) -> Lapse:
        """Return what the network looks like without an agreement between these parties."""
        known = [one for one in parties if one in self._place]
        places = [self._place[one] for one in known]
        alone = [one for one, place in zip(known, places, strict=True) if not self._degree[place]]
        parts = {int(self._part[place]) for place in places}
        return Lapse(alone, len(parts), sorted(self._bypassed(known), key=self._place.__getitem__))

    def _bypassed(self, parties: Sequence[str]) -> Iterator[str]:
        """Yield the articulation points that an agreement between the parties would make redundant.

        An articulation point becomes redundant if each of its branches contains a party, because the agreement then joins the
        branches.
        """
        branches: Counter[TreeNode] = Counter()
        for steps in self._paths(parties):
            branches.update(steps)
        for node, reached in branches.items():
            if isinstance(node, str) and reached == self._tree.degree(node):
                yield node

    def _paths(self, parties: Sequence[str]) -> Iterator[tuple[TreeNode, TreeNode]]:
        """Yield each edge of the block-cut tree that lies on a path between two of the parties, without repeats."""
        firsts: dict[int, TreeNode] = {}
        taken: set[frozenset[TreeNode]] = set()
        for party in parties:
            if (home := self._home.get(party)) is not None:
                first = firsts.setdefault(int(self._part[self._place[party]]), home)
                taken.update(frozenset(step) for step in pairwise(self._path(first, home)))
        for step in taken:
            one, other = step
            yield one, other

    def _path(self, one: TreeNode, other: TreeNode) -> list[TreeNode]:
        """Return the nodes on the path between two nodes of the block-cut tree, both ends included."""
        up = [one, *self._ancestors(one)]
        depth = {node: place for place, node in enumerate(up)}
        down = [other]
        while down[-1] not in depth:
            down.append(self._above[down[-1]])
        return up[: depth[down.pop()] + 1] + down[::-1]

    def _ancestors(self, node: TreeNode) -> Iterator[TreeNode]:
        """Yield the ancestors of a node of the block-cut tree, its parent first."""
        while node in self._above:
            node = self._above[node]
            yield node


INFORMAL = "informal"
ENDING = ("expired", "interrupted", "expiring", "resumed")
WITHIN = ReportParameter(
    "within", "Expires within (days)", "An agreement that ends within this many days is a finding.", 90, 0, 3650
)
FINDINGS = {
    "uncovered": "used without an agreement",
    "disputed": "disputed by a party",
    "expired": "expired without a renewal",
    "interrupted": "gap before the renewal",
    "retired-party": "in force with a retired agency",
    "expiring": "expires soon without a renewal",
    "reversed": "ends before it begins",
    "empty": "covers no service or resource",
    "no-basis": "formal, without a legal basis",
    "resumed": "past gap before the renewal",
}
CONFIRMATION = {
    "confirmed": "confirmed by every party with an account",
    "unconfirmed": "not confirmed by every party with an account",
    "no-account": "no party has an account",
    "withheld": "you may not see all confirmations",
    "disputed": "disputed by a party",
}
PRIORITY = {code: place for place, code in enumerate(FINDINGS)}

AGREEMENTS = ReportDefinition(
    "agreements",
    "Agreements that need action",
    "Which agreements have expired, expire soon or are incomplete, and which resources are used without one?",
    "The findings follow directly from the records on the day of the report. An agreement counts as renewed if "
    "another agreement is recorded as its renewal and ends later. If the renewal starts more than one day after the "
    "end of the agreement, there is a gap, which is a finding even when it is over. A disputed agreement does not "
    "count as in force. Whether a party is retired or has an account is as of today. The use of a resource is "
    "covered if the user is a party of an agreement in force that covers the resource; an agency needs no agreement "
    "with its own units. If records that you may not see could change a finding, the finding counts as unknown. To "
    "show what depends on an agreement, the network with the agreement is compared with the network without it; both "
    "networks leave out all other agreements that expire soon (articulation points; Hopcroft & Tarjan 1973). "
    "Agreements whose dates you may not see count as in force.",
    ("agencies", "resources", "partnerships"),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=FINDINGS),
        Column(
            "agreement", "Agreement", "text", "The agreement; for the use of a resource, the last one that covered it."
        ),
        Column("resource", "Resource", "text", "The resource that is used without an agreement in force."),
        Column(
            "agencies",
            "Agencies",
            "texts",
            "The parties; for the use of a resource, the user and the owners; for a retired agency, that agency.",
        ),
        Column("since", "Since", "date", "The first day of the agreement."),
        Column("until", "Until", "date", "The last day of the agreement."),
        Column("resumes", "Renewal begins", "date", "The first day of the renewal, if there is a gap before it."),
        Column("confirmation", "Confirmation", "code", "Whether the parties have confirmed it.", words=CONFIRMATION),
        Column(
            "days", "Days", "integer", "Days until the date; negative if it has passed.", "days", changes_daily=True
        ),
        Column(
            "alone", "Left without a partner", "texts", "The parties without any tie if the agreement is not in force."
        ),
        Column(
            "parts",
            "Separate groups",
            "integer",
            "The number of separate groups that the parties belong to without the agreement, if more than one.",
            "groups",
        ),
        Column(
            "connecting_agencies",
            "Connecting agencies",
            "texts",
            "Agencies that become single points of failure without the agreement (articulation points).",
        ),
    ),
    (WITHIN,),
    key=("finding", "agreement", "resource", "agencies"),
    counts="Agreements and uses with a finding",
    common=(*OTHER_TIE_RULES, *SCOPE),
    concern="An agreement concerns its parties. The use of a resource concerns the user and the owners.",
    finding=lambda row: row.key[1:],
)


class AgreementFinding(NamedTuple):
    """A finding about an agreement or about the use of a resource; `lapse` describes the network without the agreement."""

    code: str
    agreement: PartnershipRow | None
    resource: ResourceRow | None = None
    agencies: Sequence[str] = ()
    lapse: "Lapse | None" = None

    @property
    def concerns(self) -> Sequence[str]:
        """The agencies that the finding concerns: the parties; for the use of a resource, the user and the owners."""
        return self.agreement.parties if self.agreement and not self.resource else self.agencies


def agreements(arrays: SnapshotArrays, *, within: int = int(WITHIN.default)) -> Report:
    """List the agreements that need action, and the resources that are used without an agreement.

    An agreement expires soon if it ends at most `within` days after the day of the report.
    """
    status = AgreementStatus(arrays.snapshot, arrays.as_of, within)
    uses = list(_current_uses(arrays.snapshot, status))
    found = [*_uncovered_uses(uses, status), *_agreements(status)]
    certain = _with_lapse(arrays, status, [one for one in found if not _withheld(status, one)])
    ours = [one for one in status.agreements if arrays.concerned(one.parties)]
    our_uses = sum(arrays.concerned((user, *resource.owners)) for resource, user in uses)
    unclear = [one for one in found if _withheld(status, one) and arrays.concerned(one.concerns)]
    hidden = sum(not one.whole for one in ours)
    hidden += sum(not one.whole for one in arrays.snapshot.resources)  # any agency may use them
    names = dict(zip(arrays.agencies.ids, arrays.agencies.names, strict=True))
    names |= {agency: name for one in status.agreements for agency, name in one.retired}
    rows = [_row(one, status, names) for one in sorted(certain, key=_order)]
    report = AGREEMENTS.answer(
        arrays.as_of, rows, found=len({row.key[1:] for row in rows}), of=sum(one.whole for one in ours) + our_uses,
        unknown=len(unclear) + hidden, withheld=arrays.withheld, notes=_notes(status, found), within=within,
    )  # fmt: skip
    return replace(report, examined=tuple(_examined(ours, our_uses, unclear, arrays.snapshot.resources)))


def _examined(
    ours: Sequence[PartnershipRow], uses: int, unclear: Sequence[AgreementFinding], resources: Sequence[ResourceRow]
) -> Iterator[Examined]:
    """Yield the examined agreements, the examined uses of resources and, if some users are hidden, the resources."""
    hidden = {one.id for one in ours if not one.whole}
    hidden |= {one.agreement.id for one in unclear if one.code != "uncovered" and one.agreement}
    yield Examined("agreements", len(ours), len(hidden))
    yield Examined("uses", uses, sum(one.code == "uncovered" for one in unclear))
    if users_hidden := sum(not one.whole for one in resources):
        yield Examined("users", len(resources), users_hidden)


def _agreements(status: AgreementStatus) -> Iterator[AgreementFinding]:
    """Yield the findings about agreements."""
    for one in status.agreements:
        if one.reversed:
            yield AgreementFinding("reversed", one, agencies=one.parties)
        elif one.whole:
            yield from (AgreementFinding(code, one, agencies=one.parties) for code in _problems(one, status))
            if one.retired and one.in_force(status.as_of):
                yield AgreementFinding("retired-party", one, agencies=[agency for agency, _name in one.retired])


def _problems(one: PartnershipRow, status: AgreementStatus) -> Iterator[str]:
    """Yield the code of each problem that an agreement has, such as `expired`."""
    if one.disputed_by and (one.valid_until or NEVER) >= status.as_of:
        yield "disputed"
    if status.expired(one):
        yield "expired"
    if begins := status.resumes(one):
        yield "interrupted" if begins > status.as_of else "resumed"
    if not one.in_force(status.as_of):
        return
    if status.expiring(one):
        yield "expiring"
    if not one.covers:
        yield "empty"
    if not one.legal_basis and one.instrument not in (None, INFORMAL):
        yield "no-basis"


def _current_uses(snapshot: Snapshot, status: AgreementStatus) -> Iterator[tuple[ResourceRow, str]]:
    """Yield each resource with each agency that uses it on the day of the report.

    An agency is left out if it belongs to an owner of the resource, or if an owner belongs to it.
    """
    for resource in snapshot.resources:
        for user, since, until, *_role in resource.uses:
            now = (since or "") <= status.as_of and (until is None or status.as_of <= until)
            if now and not any(status.related(user, owner) for owner in resource.owners):
                yield resource, user


def _uncovered_uses(running: Sequence[tuple[ResourceRow, str]], status: AgreementStatus) -> Iterator[AgreementFinding]:
    """Yield a finding for each use of a resource that no agreement in force covers."""
    for resource, user in running:
        covering = status.covering(user, resource.id)
        if not any(one.in_force(status.as_of) for one in covering):
            past = [one for one in covering if (one.valid_until or NEVER) < status.as_of]
            yield AgreementFinding("uncovered", past[0] if past else None, resource, (user, *resource.owners))


def _withheld(status: AgreementStatus, finding: AgreementFinding) -> bool:
    """Return whether details that the reader may not see could change the finding.

    Three details can be hidden. A disputed or partly visible agreement may renew the agreement of the finding, or cover the use of
    the resource. The agency that uses the resource may also own it. An agreement may cover records of which the reader sees only
    the summary.
    """
    if finding.code == "empty":
        return finding.agreement is not None and finding.agreement.covers_hidden
    if finding.code == "uncovered":
        user, *owners = finding.agencies
        resource = finding.resource.id if finding.resource else ""
        disputed = any(one.runs(status.as_of) for one in status.covering(user, resource))
        return not owners or disputed or any(status.hides((user, owner)) for owner in owners)
    return finding.code in ENDING and bool(finding.agencies) and status.hides(finding.agencies)


def _with_lapse(
    arrays: SnapshotArrays, status: AgreementStatus, found: Sequence[AgreementFinding]
) -> list[AgreementFinding]:
    """Return the findings, and describe the network without the agreement in each finding about an ended or ending agreement.

    For an agreement that ends soon, the examined network also lacks all other agreements that end soon.
    """
    known = zip(arrays.assumed_agreements, arrays.assumed_parties, strict=True)
    lasting = [parties for one, parties in known if not status.expiring(one) and not status.resumes(one)]
    agencies, codes = arrays.agencies.ids, {one.code for one in found}
    without = {}
    if "expired" in codes:
        without["expired"] = NetworkWithout(agencies, assumed_ties(arrays))
    if ending := codes & {"interrupted", "expiring"}:
        without |= dict.fromkeys(ending, NetworkWithout(agencies, distinct_pairs(lasting, len(agencies))))
    return [one._replace(lapse=without[one.code].lapse(one.agencies)) if one.code in without else one for one in found]


def _order(finding: AgreementFinding) -> tuple[int, int, int, str]:
    """Return the sort key of a finding: its type, its effect on the network, and the last day of its agreement."""
    agreement, lapse = finding.agreement, finding.lapse
    return (
        PRIORITY[finding.code],
        -len(lapse.alone) if lapse else 0,
        -lapse.parts if lapse else 0,
        (agreement and agreement.valid_until) or NEVER,
    )


def _row(finding: AgreementFinding, status: AgreementStatus, names: dict[str, str]) -> ReportRow:
    agreement, resource, lapse = finding.agreement, finding.resource, finding.lapse
    until = agreement.valid_until if agreement else None
    values: dict[str, Cell] = {
        "finding": finding.code,
        "agreement": agreement.name if agreement else None,
        "resource": resource.name if resource else None,
        "agencies": _named(finding.agencies, names),
        "since": agreement.valid_from if agreement else None,
        "until": until,
        "resumes": status.resumes(agreement) if agreement and finding.code in ("interrupted", "resumed") else None,
        "confirmation": _confirmation(agreement) if agreement else None,
        "days": (date.fromisoformat(until) - date.fromisoformat(status.as_of)).days if until else None,
        "alone": _named(lapse.alone, names) if lapse else (),
        "parts": lapse.parts if lapse and lapse.parts > 1 else None,
        "connecting_agencies": _named(lapse.articulation_points, names) if lapse else (),
    }
    return ReportRow(values, _evidence(finding, names), key=_key(finding), concerns=tuple(finding.concerns))


def _confirmation(one: PartnershipRow) -> str | None:
    if not one.whole:
        return None
    if one.disputed_by or one.confirmed:
        return "disputed" if one.disputed_by else "confirmed"
    return "withheld" if one.words_hidden else "unconfirmed" if one.confirmable else "no-account"


def _key(finding: AgreementFinding) -> tuple[str, ...]:
    """Return the values that identify a finding: its code with the agreement, or with the resource and the agency that uses it."""
    if finding.resource:
        return finding.code, finding.resource.id, finding.agencies[0]
    return finding.code, finding.agreement.id if finding.agreement else ""


def _named(agencies: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names[one] for one in agencies if one in names)


def _evidence(finding: AgreementFinding, names: dict[str, str]) -> tuple[Evidence, ...]:
    agreement, resource = finding.agreement, finding.resource
    found = [Evidence(agreement.id, agreement.name, "Partnership")] if agreement else []
    found += [Evidence(resource.id, resource.name, "Resource")] if resource else []
    return (*found, *(Evidence(one, names[one], "Agency") for one in finding.agencies if one in names))


def agreements_note(partnerships: Sequence[PartnershipRow], as_of: str) -> str:
    """Return a note with the number of agreements in force, and how many of them are not confirmed."""
    in_force = [one for one in partnerships if one.in_force(as_of)]
    unconfirmed = sum(one.confirmable and not one.confirmed for one in in_force)
    return _(
        "Agreements in force on {day}: {n} of {m}. Not known to be confirmed by every party with an account: {k}. No "
        "party has an account: {none}."
    ).format(
        n=number(len(in_force)),
        m=number(len(partnerships)),
        day=day(as_of),
        k=number(unconfirmed),
        none=number(sum(not one.confirmable for one in in_force)),
    )


def _notes(status: AgreementStatus, found: Sequence[AgreementFinding]) -> list[str]:
    if not status.agreements:
        return [_("There are no recorded agreements that you may see, so most findings are not possible.")]
    notes = [agreements_note(status.agreements, status.as_of)]
    if ownerless := sum(one.resource is not None and not one.resource.owners for one in found):
        template = ngettext(
            "{n} use of a resource without an agreement cannot be judged, because the owner of the resource "
            "is not recorded.",
            "{n} uses of resources without an agreement cannot be judged, because the owners of the resources "
            "are not recorded.",
            ownerless,
        )
        notes.append(template.format(n=number(ownerless)))
    return notes
