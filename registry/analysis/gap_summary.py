"""What is at stake in the findings of the report `gaps`, and the executive summary that the report begins with."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import NamedTuple, TypeVar

from registry.analysis.missing_ties import Dependence
from registry.analysis.report import Cell, Examined, Report, ReportRow, no_case_text
from registry.analysis.snapshot import PartnershipRow, SnapshotArrays
from registry.i18n import _, ngettext, number

T = TypeVar("T")
NEVER = "9999-12-31"
CERTAINTY = ("certain", "likely", "unclear", "within-chance")
ENDING = ("disputed", "expired", "interrupted", "expiring")
ABOUT_AGREEMENTS = (*ENDING, "reversed", "empty", "no-basis", "apart", "below")


def by_stake(row: ReportRow) -> tuple[float, float, float, int, str]:
    """Return the sort key of a finding of the report `gaps`: the finding with the most at stake comes first.

    The key is lexicographic, so that unlike numbers are never added: dependent services, then the groups of people that these
    services are for, then agencies, then certainty, then the date.
    """
    services, people, agencies = (_count(row[name]) for name in ("services", "people", "agencies"))
    return -services, -people, -agencies, CERTAINTY.index(row.confidence), str(row["due"] or NEVER)


def _count(cell: Cell) -> float:
    return cell if isinstance(cell, int | float) else 0


class Stakes:
    """Which services depend on the subject of a finding, and which agencies are responsible for the next step, as recorded.

    A service depends on a resource that it requires, and on a service that it cannot run without. Dependence is transitive. A
    service rests on an agreement that covers it, or that covers a resource which the service requires and one of its providers
    uses as a party.
    """

    def __init__(self, arrays: SnapshotArrays, needs: Sequence[Dependence]) -> None:
        """`needs` is the result of `dependences` for the arrays."""
        snapshot = arrays.snapshot
        self._arrays = arrays
        self._services = {one.id: one for one in snapshot.services}
        self._resources = {one.id: one for one in snapshot.resources}
        self._agreements = {one.id: one for one in snapshot.partnerships}
        self._needs = {one.id: one for one in snapshot.needs}
        self._hidden = any(not one.whole for one in snapshot.services)
        self._dependents = _inverted((one.id, one.depends_on) for one in snapshot.services if one.depends_on)
        # by the resource and a provider of the service: a resource may be required by thousands of services
        self._requiring = _inverted((one.id, product(one.requires, one.providers)) for one in snapshot.services)
        self._dependences = needs
        self._by_pair: dict[frozenset[int], list[str]] = {}
        for one in self._dependences:
            for holder in one.holders:
                self._by_pair.setdefault(frozenset((one.agency, holder)), []).append(one.service.id)

    def complete(self, row: ReportRow) -> ReportRow:
        """Return the finding with its stake and its responsible agencies. `agencies` already counts the agencies concerned."""
        about = str(row["finding"])
        agencies = sum(map(len, self._members(row))) if about == "gap" else row["agencies"]
        values: dict[str, Cell] = {"agencies": agencies, "responsible": self._responsible(about, row)}
        if about not in _DEPENDENTS:
            values["stake"] = _agencies_text(int(_count(agencies)))
        elif services := self._with_dependents(_DEPENDENTS[about](self, row)):
            known = [self._services[one] for one in services]
            people = {one for service in known for one in service.audiences}
            providers = {one for service in known for one in service.providers}
            values |= {"services": len(known), "people": len(people), "agencies": len(providers)}
            values["stake"] = _services_text(len(known), len(providers), len(people))
        else:
            # A service of which the reader sees only the summary may depend on the subject.
            values["services"] = None if self._hidden else 0
            nothing = (
                _("you may not see whether services depend on it")
                if self._hidden
                else _("no dependent service is recorded")
            )
            values["stake"] = f"{_agencies_text(int(_count(agencies)))}; {nothing}"
        return replace(row, values={**row.values, **values})

    def _with_dependents(self, services: Iterable[str]) -> list[str]:
        """Return the services and all services that depend on them, directly or indirectly."""
        found = {one: None for one in services if one in self._services}
        waiting = list(found)
        while waiting:
            new = [one for one in self._dependents.get(waiting.pop(), ()) if one not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return list(found)

    def _of_agreement(self, row: ReportRow) -> Iterator[str]:
        for agreement in self._subject_agreements(row):
            for one in agreement.covers:
                if one in self._services:
                    yield one
                yield from self._requiring_services(one, agreement.parties)

    def _of_use(self, row: ReportRow) -> Iterator[str]:
        """Yield the services of the user that require the resource."""
        user = _ids(row, "Agency")[:1]
        for resource in _ids(row, "Resource")[:1]:
            yield from self._requiring_services(resource, user)

    def _requiring_services(self, resource: str, providers: Sequence[str]) -> Iterator[str]:
        """Yield the services of the providers that require the resource; a service of several providers may be repeated."""
        for one in providers:
            yield from self._requiring.get((resource, one), ())

    def _of_pair(self, row: ReportRow) -> Iterator[str]:
        """Yield the dependent services that the row of a pair of agencies names."""
        pair = frozenset(self._arrays.index[one] for one in _ids(row, "Agency")[:2])
        named = set(_ids(row, "Service"))
        return (one for one in self._by_pair.get(pair, ()) if one in named)

    def _of_sectors(self, row: ReportRow) -> Iterator[str]:
        """Yield the services of agencies in one sector that need something of an agency in the other sector."""
        here, there = ({self._arrays.index[one] for one in side} for side in self._members(row))
        for one in self._dependences:
            if _crosses(one, here, there):
                yield one.service.id

    def _of_cut_point(self, row: ReportRow) -> Iterator[str]:
        """Yield the services that cross the cut: one side would be cut off. Only these services need the agency or tie to connect."""
        cut_off = int(_count(row["agencies"]))
        beyond = {
            self._arrays.index[one] for one in (row.concerns or ())[:cut_off]
        }  # those that are cut off come first
        for one in self._dependences:
            if any((holder in beyond) != (one.agency in beyond) for holder in one.holders):
                yield one.service.id

    def _of_need(self, row: ReportRow) -> Iterator[str]:
        for need in _ids(row, "Need"):
            yield from self._needs[need].services

    def _members(self, row: ReportRow) -> tuple[list[str], list[str]]:
        """Return the agencies of the first and of the second sector of a sector gap."""
        sectors = {one: n for n, one in enumerate(self._arrays.sectors.ids)}
        main = self._arrays.sector.tolist()
        ids = self._arrays.agencies.ids
        a, b = ([ids[n] for n, one in enumerate(main) if one == sectors[name]] for name in _ids(row, "Sector")[:2])
        return a, b

    def _subject_agreements(self, row: ReportRow) -> Sequence[PartnershipRow]:
        return [self._agreements[one] for one in _ids(row, "Partnership")[:1]]

    def _responsible(self, about: str, row: ReportRow) -> tuple[str, ...]:
        """Return the names of the responsible agencies; if none is recorded, return an empty tuple."""
        if about in ABOUT_AGREEMENTS:
            leads = (one.leads for one in self._subject_agreements(row))
            return self._names(lead for some in leads for lead in some)
        if about in ("uncovered", "fits", "wanted", "special-application"):
            owners = (self._resources[one].owners for one in _ids(row, "Resource")[:1])
            return self._names(owner for some in owners for owner in some)
        if about == "gap":
            # The evidence lists the agencies of each sector in descending order of their number of ties.
            sides = [set(side) for side in self._members(row)]
            best = ([one for one in _ids(row, "Agency") if one in side][:1] for side in sides)
            return _suggested(self._names(one for first in best for one in first))
        if about == "cut-point":
            return _suggested(self._names(_ids(row, "Agency")[: len(_texts(row["who"]))]))
        if about == "missing":
            return self._names(_ids(row, "Agency")[:1])
        return _texts(row["who"])

    def _names(self, agencies: Iterable[str]) -> tuple[str, ...]:
        return self._arrays.agencies.named(agencies)


# The types of findings that put services at stake: an agreement has ended, is about to end, is disputed or is missing, a need is
# unmet, or one agency alone connects others. Findings about the quality of an agreement, of a record or of a division of work
# put no service at stake.
_DEPENDENTS: Mapping[str, Callable[[Stakes, ReportRow], Iterator[str]]] = {
    **dict.fromkeys(ENDING, Stakes._of_agreement),
    "uncovered": Stakes._of_use,
    "missing": Stakes._of_pair,
    "gap": Stakes._of_sectors,
    "cut-point": Stakes._of_cut_point,
    "fits": Stakes._of_need,
}


def _inverted(links: Iterable[tuple[str, Iterable[T]]]) -> dict[T, list[str]]:
    """Return a dictionary from each far end to the near ends that link to it."""
    found: dict[T, list[str]] = {}
    for near, ends in links:
        for one in ends:
            found.setdefault(one, []).append(near)
    return found


def _ids(row: ReportRow, kind: str) -> list[str]:
    """Return the ids of the records of a kind in the evidence, in their order."""
    return [one.id for one in row.evidence if one.kind == kind]


def _texts(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else ()


def _crosses(one: Dependence, here: Collection[int], there: Collection[int]) -> bool:
    """Return whether the service is on one side, and what it needs on the other side."""
    forth = one.agency in here and any(holder in there for holder in one.holders)
    back = one.agency in there and any(holder in here for holder in one.holders)
    return forth or back


def _suggested(agencies: Iterable[str]) -> tuple[str, ...]:
    return tuple(_("{agency} (suggestion)").format(agency=one) for one in agencies)


def _agencies_text(n: int) -> str:
    return ngettext("{n} agency concerned", "{n} agencies concerned", n).format(n=number(n))


def _services_text(services: int, agencies: int, people: int) -> str:
    """Return a text such as "12 services of 3 agencies depend on it, for 4 groups of people"."""
    text = ngettext("{services} of {agencies} depends on it", "{services} of {agencies} depend on it", services).format(
        services=ngettext("{n} service", "{n} services", services).format(n=number(services)),
        agencies=ngettext("{n} agency", "{n} agencies", agencies).format(n=number(agencies)),
    )
    if people:
        text += ", " + ngettext("for {n} group of people", "for {n} groups of people", people).format(n=number(people))
    return text


class Check(NamedTuple):
    """The sentences about the cases of a check: how many were examined, how many could not be judged, and that there are none."""

    examined: str
    unjudged: str
    nothing: str


# The checks, by the name of the report or, if the report examines cases of several types, by the type of the cases.
CHECKS: Mapping[str, Check] = {
    "agreements": Check(
        "Agreements checked: {n}.",
        "{n} of them could not be judged, because you may not see their dates or what they cover.",
        "Agreements could not be assessed, because no agreements are recorded that you may see.",
    ),
    "uses": Check(
        "Uses of another agency’s resource checked for an agreement: {n}.",
        "{n} of them could not be judged: the owner is not recorded, or you may not see an agreement of the agencies.",
        "The use of resources could not be assessed, because no uses are recorded that you may see.",
    ),
    "users": Check(
        "Resources checked for users: {n}.",
        "The users of {n} of them you may not see.",
        "The users of resources could not be assessed, because no resources are recorded that you may see.",
    ),
    "sector-gaps": Check(
        "Pairs of sectors tested for too few ties: {n}.",
        "{n} of them could not be judged, because too few ties are expected between them.",
        "Sectors could not be compared, because no two sectors with agencies are recorded that you may see.",
    ),
    "pairs": Check(
        "Pairs of agencies in one area compared by their functions: {n}.",
        "{n} of them could not be judged, because too few functions are recorded.",
        "The work of agencies could not be compared, because no two agencies in one area with enough functions are "
        "recorded that you may see.",
    ),
    "applications": Check(
        "Special applications compared with general ones: {n}.",
        "{n} of them could not be judged, because too few functions are recorded.",
        "Special applications could not be assessed, because none are recorded that you may see.",
    ),
    "missing-ties": Check(
        "Pairs of agencies that depend on each other or do similar work: {n}.",
        "{n} of them could not be judged, because they have an agreement whose dates you may not see.",
        "Dependence between agencies could not be assessed, because no service is recorded that needs anything of "
        "another agency that you may see.",
    ),
    "cut-points": Check(
        "Agencies with an agreement tested as single points of failure: {n}.",
        "{n} results are too uncertain to be findings.",
        "Single points of failure could not be assessed, because no agreements in force are recorded that you may see.",
    ),
    "isolates": Check(
        "Agencies checked for partners: {n}.",
        "{n} of them could not be judged, because no agreement or no partner is recorded.",
        "Partners could not be assessed, because no agencies are recorded that you may see.",
    ),
    "matches": Check(
        "Needs compared with spare resources: {n}.",
        "{n} of them could not be judged: a resource may fit, but facts are not recorded, or you may not see them.",
        "Needs could not be assessed, because no needs are recorded that you may see.",
    ),
    "levels": Check(
        "Agreements in force checked for their level of cooperation: {n}.",
        "{n} agreements could not be judged: no assessment is recorded, or you may not see it.",
        "Levels of cooperation could not be assessed, because no agreements in force are recorded that you may see.",
    ),
    "reuse": Check(
        "Pairs of an agency and a resource that it does not use: {n}.",
        "{n} of them could not be judged, because no use of any resource by the agency is recorded.",
        "Demand could not be assessed, because no shared resources are recorded that you may see.",
    ),
}


class Assessment(NamedTuple):
    """What a check examined, as text; `assessed` is whether it could judge any case."""

    report: str
    check: str
    assessed: bool
    text: str


class ChangesSince(NamedTuple):
    """The findings that are new or no longer found since a saved run.

    `compared` is false if there is no saved run to compare with; `text` then says how to save one.
    """

    compared: bool
    text: str
    new: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True)
class ExecutiveSummary:
    """The first page of the report `gaps`.

    - `scope`: the agencies to which the page is limited, and what it counts beyond them; empty if it is about all agencies
    - `assessed`: what each check examined and what it could not judge
    - `missing`: the facts that are missing in too many records
    - `hidden`: what hidden records mean for this page; empty if nothing is hidden from the reader
    - `order`: which findings are on the page, and in which order; without findings, whether any case could be judged
    - `findings`: the findings with the most at stake
    - `since`: the changes since the last saved run; None if they were not computed
    """

    scope: str
    assessed: tuple[Assessment, ...]
    missing: tuple[str, ...]
    hidden: str
    order: str
    findings: tuple[ReportRow, ...]
    since: ChangesSince | None


MOST, MOST_OF_A_TYPE = 5, 2


def executive_summary(report: Report) -> ExecutiveSummary | None:
    """Return the first page of a composed report from its final rows and parts; return None for any other report."""
    if not report.parts:
        return None
    findings, missing = list[ReportRow](), list[ReportRow]()
    for row in report.rows:  # there may be 100,000
        (missing if row.values["finding"] == "coverage" else findings).append(row)
    assessed = tuple(_assessments(report))
    return ExecutiveSummary(
        _scope_text(report),
        assessed,
        tuple(f"{row['subject']} – {row['measure']}" for row in missing),
        _hidden_text(report),
        _order_text() if findings else _no_findings_text(assessed),
        tuple(most_at_stake(findings)),
        _changes(report.since) if report.since else None,
    )


def most_at_stake(findings: Sequence[ReportRow]) -> list[ReportRow]:
    """Return the findings of the first page. `findings` are in the order of `by_stake`, which the page keeps.

    At most two findings are of one type, and only one is about the same agreement or resource, so that one problem does not hide
    the others. If fewer than five findings are left, the next findings in the order fill the page.
    """
    chosen: list[int] = []
    types: Counter[str] = Counter()
    subjects: set[str] = set()
    for place, row in enumerate(findings):
        about, subject = str(row["finding"]), _subject(row)
        if types[about] < MOST_OF_A_TYPE and not (subject and subject in subjects):
            chosen.append(place)
            types[about] += 1
            subjects.add(subject)
        if len(chosen) == MOST:
            break
    others = (place for place in range(len(findings)) if place not in chosen)
    return [findings[place] for place in sorted([*chosen, *islice(others, MOST - len(chosen))])]


def _subject(row: ReportRow) -> str:
    """Return the id of the agreement or resource that the finding is about, or the empty text."""
    return next((one.id for one in row.evidence[:1] if one.kind in ("Partnership", "Resource")), "")


def _order_text() -> str:
    return _(
        "The findings on which the most services depend, directly or through other services, come first; among equal "
        "ones, those for more groups of people, then for more agencies, then certain before likely ones, then the "
        "earliest date. So that one problem does not hide the others, this page lists at most {n} findings of one type, "
        "and one about the same agreement or resource, unless fewer than {most} would remain."
    ).format(n=number(MOST_OF_A_TYPE), most=number(MOST))


def _no_findings_text(assessed: Sequence[Assessment]) -> str:
    if silent := sum(not one.assessed for one in assessed):
        return _(
            "No findings. Checks that could not judge any case: {n} of {m}. There may be gaps that are not found."
        ).format(n=number(silent), m=number(len(assessed)))
    return _("No findings. Every check could judge some cases.")


def _scope_text(report: Report) -> str:
    if not report.scope:
        return ""
    return _(
        "This page is limited to {scope}: it counts and lists only what concerns these agencies. The dependent services "
        "of a finding are those of all agencies."
    ).format(scope=report.scope)


def _hidden_text(report: Report) -> str:
    if not report.withheld:
        return ""
    template = ngettext(
        "You see {n} record only in summary. What depends on it is not counted, so more may be at stake.",
        "You see {n} records only in summary. What depends on them is not counted, so more may be at stake.",
        report.withheld,
    )
    return template.format(n=number(report.withheld))


def _assessments(report: Report) -> Iterator[Assessment]:
    for part in report.parts:
        for one in part.examined or (Examined(part.name, part.of, part.unknown),):
            if one.type in CHECKS:
                yield _assessment(part.name, one, report.scope)


def _assessment(report: str, one: Examined, scope: str) -> Assessment:
    check = CHECKS[one.type]
    if not (one.of or one.unknown or scope):
        return Assessment(report, one.type, assessed=False, text=_(check.nothing))
    text = _(check.examined).format(n=number(one.of))
    if not (one.of or one.unknown):
        # Records of other agencies may exist, so the reason is not that there are none.
        text += " " + no_case_text(scope)
    if one.unknown:
        text += " " + _(check.unjudged).format(n=number(one.unknown))
    return Assessment(report, one.type, assessed=one.of > one.unknown, text=text)


def _changes(since: Report) -> ChangesSince:
    new, gone = (tuple(str(row["what"]) for row in since.rows if row["change"] == change) for change in ("new", "gone"))
    hidden = since.notes[-1:] if since.unknown else ()
    return ChangesSince(bool(since.of), " ".join((since.notes[0], *hidden)), new, gone)
