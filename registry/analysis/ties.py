"""The network of ties: which agreements make ties, random networks, and how much findings depend on single agreements."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from math import ceil
from typing import NamedTuple

import numpy as np

from registry.analysis.report import Report, ReportDefinition, ReportParameter, Value
from registry.analysis.snapshot import (
    Ints,
    Matrix,
    PartnershipRow,
    SnapshotArrays,
    TieRules,
    adjacency,
    assumed_ties,
    distinct_pairs,
    pairs_by_group,
)
from registry.analysis.statistics import SEED, Parties, RandomAgreements
from registry.i18n import _, day, ngettext, number, percent
from registry.progress import steps

LARGEST_AGREEMENT = ReportParameter(
    "largest_agreement",
    "Largest agreement",
    "An agreement with more parties makes no ties: it shows who is a member, not who works together. With 20 parties, "
    "one agreement alone makes 190 ties.",
    TieRules().largest_agreement,
    2,
    1_000_000,
)
CONFIRMED_ONLY = ReportParameter(
    "confirmed_only",
    "Only confirmed agreements",
    "With 1, an agreement makes ties only if it is confirmed; with 0, every agreement in force makes ties.",
    0,
    0,
    1,
)
LEAVE_OUT = ReportParameter(
    "leave_out",
    "Agreements to leave out",
    "The number of agreements that are left out one at a time, to see how the findings depend on them. Those on which "
    "the most ties rest come first.",
    5,
    0,
    100_000,
)
TIE_RULES = (LARGEST_AGREEMENT, CONFIRMED_ONLY, LEAVE_OUT)
# for slow reports, and for reports whose findings are about agreements or supposed changes
OTHER_TIE_RULES = (LARGEST_AGREEMENT, CONFIRMED_ONLY, replace(LEAVE_OUT, default=0))
MOST_READ, NAMED = 20_000, 3  # a large network is analysed less often: runs times agreements stay below MOST_READ


def read_rules(values: Mapping[str, Value]) -> TieRules:
    """Return the rules that the parameters of a report set."""
    if LARGEST_AGREEMENT.name not in values:
        return TieRules()
    return TieRules(int(values[LARGEST_AGREEMENT.name]), bool(values[CONFIRMED_ONLY.name]))


FEWEST_DRAWS, MOST_DRAWS = 199, 9_999
ENTRIES, MOST_CHAINS = 20_000, 40  # small networks are drawn several at a time, with about so many entries


class TieNetwork(NamedTuple):
    """The network of ties between agencies.

    - `agencies`: the number of all agencies
    - `connected`: the indices of the agencies with a tie
    - `ties`: pairs (m x 2) of indices into `connected`
    - `arcs`: the adjacency matrix of the agencies in `connected`
    - `agreements`: the parties of each agreement that makes ties, as ascending indices into `connected`
    """

    agencies: int
    connected: Ints
    ties: Ints
    arcs: Matrix
    agreements: Sequence[Parties]

    @classmethod
    def of(cls, arrays: SnapshotArrays) -> "TieNetwork":
        """Build the network from all ties with an agreement in force; an agreement with withheld dates is treated as in force."""
        connected, ties = without_isolates(assumed_ties(arrays))
        place = {agency: index for index, agency in enumerate(connected.tolist())}
        several = (parties for parties in arrays.assumed_parties if len(parties) > 1)
        agreements = [tuple(place[party] for party in parties) for parties in several]
        return cls(len(arrays.agencies), connected, ties, adjacency(ties, len(connected)), agreements)

    def random_networks(self, draws: int) -> Iterator[Ints]:
        """Yield the ties (m x 2) of random networks; show the progress.

        In a random network, every agency has the same number of agreements, and every agreement the same number of parties.
        """
        entries = sum(map(len, self.agreements))
        random = RandomAgreements(self.agreements, SEED, max(min(ENTRIES // max(entries, 1), MOST_CHAINS), 1))
        drawn = chain.from_iterable(random.draw() for _batch in count())
        for _draw, ties in zip(steps(_("random networks"), range(draws)), drawn, strict=False):
            yield ties


def draws_at(level: float, tests: int) -> int:
    """Return how many random networks let one of `tests` two-sided p-values be significant at the false discovery rate `level`."""
    return min(max(FEWEST_DRAWS, ceil(2 * tests / level)), MOST_DRAWS)


def without_isolates(ties: Ints) -> tuple[Ints, Ints]:
    """Return the indices of the agencies with at least one tie, and the ties as positions in this list of agencies."""
    connected, ends = np.unique(ties, return_inverse=True)
    return connected, ends.reshape(-1, 2)


def coverage_note(arrays: SnapshotArrays) -> str:
    """Return a note with the number of agencies, of ties, and of agencies without any recorded agreement."""
    if not len(arrays.agencies):
        return _("There are no recorded agencies that you may see.")
    recorded = int(arrays.recorded.sum())
    confirmed, confirmable = (
        len(distinct_pairs((one.parties for one in agreements), arrays.index))
        for agreements in (
            [one for one in arrays.agreements if one.confirmed], [one for one in arrays.agreements if one.confirmable],
        )
    )  # fmt: skip
    return _(
        "Agencies: {agencies}. Ties in force on {day}: {ties}, of which {unconfirmed} are not known to be confirmed "
        "by every party with an account, and {unconfirmable} cannot be confirmed, because no party has an account. "
        "Agencies with a recorded agreement: {recorded} ({share}). For the other {rest} agencies no agreement is "
        "recorded, but they may still work with others."
    ).format(
        agencies=number(len(arrays.agencies)),
        ties=number(len(arrays.ties)),
        unconfirmed=number(confirmable - confirmed),
        unconfirmable=number(len(arrays.ties) - confirmable),
        day=day(arrays.as_of),
        recorded=number(recorded),
        share=percent(recorded / len(arrays.agencies)),
        rest=number(len(arrays.agencies) - recorded),
    )


def data_notes(arrays: SnapshotArrays) -> list[str]:
    """Return notes on the data behind an analysis of the ties that `assumed_ties` returns."""
    notes = [coverage_note(arrays)]
    if len(arrays.possible_ties):
        template = ngettext(
            "{n} tie comes from an agreement whose dates you may not see; it counts as in force.",
            "{n} ties come from agreements whose dates you may not see; they count as in force.",
            len(arrays.possible_ties),
        )
        notes.append(template.format(n=number(len(arrays.possible_ties))))
    return notes


class Influence(NamedTuple):
    """An agreement, and the numbers of findings that are gone and new if the agreement is left out."""

    agreement: PartnershipRow
    gone: int
    new: int


def tie_notes(
    definition: ReportDefinition, arrays: SnapshotArrays, report: Report, run: Callable[[SnapshotArrays], Report]
) -> list[str]:
    """Return notes on the agreements that make no ties, on ties that rest on one agreement, and on how these change the findings.

    `report` is the result of `run` for the arrays. Agreements are left out one at a time, and the report is run again (delete-one
    jackknife over agreements; Efron 1982).
    """
    sole, notes = _sole_ties(arrays), _left_out_notes(arrays)
    if not sole.any():
        return notes
    template = _("Ties that rest on one agreement alone: {n} of {m}.")
    notes.append(template.format(n=number(int(sole.sum())), m=number(len(assumed_ties(arrays)))))
    wanted = int(report.parameters[LEAVE_OUT.name])
    if many := min(wanted, int((sole > 0).sum()), MOST_READ // len(sole)):
        influences = list(_influences(definition, arrays, report, run, _by_ties(arrays, sole)[:many]))
        notes.append(_influence_note(influences))
    elif wanted:
        notes.append(_("How the findings depend on single agreements was not examined, because there are too many."))
    return notes


def _sole_ties(arrays: SnapshotArrays) -> Ints:
    """Return for each of the assumed agreements the number of ties that rest on it alone."""
    pairs, agreement = pairs_by_group(arrays.assumed_parties)
    codes = pairs @ np.array([len(arrays.agencies), 1])
    _codes, first, times = np.unique(codes, return_index=True, return_counts=True)
    return np.bincount(agreement[first[times == 1]], minlength=len(arrays.assumed_parties))


def _by_ties(arrays: SnapshotArrays, sole: Ints) -> Sequence[PartnershipRow]:
    """Return the assumed agreements, first those on which the most ties rest alone."""
    found = zip(arrays.assumed_agreements, sole.tolist(), strict=True)
    return [one for one, _many in sorted(found, key=lambda each: -each[1])]


def _influences(
    definition: ReportDefinition,
    arrays: SnapshotArrays,
    report: Report,
    run: Callable[[SnapshotArrays], Report],
    agreements: Sequence[PartnershipRow],
) -> Iterator[Influence]:
    before = _findings(definition, report)
    for one in steps(_("agreements left out"), agreements):
        left = [each for each in arrays.snapshot.partnerships if each is not one]
        after = _findings(definition, run(replace(arrays, snapshot=arrays.snapshot._replace(partnerships=left))))
        yield Influence(one, len(before - after), len(after - before))


def _findings(definition: ReportDefinition, report: Report) -> set[tuple[str, ...]]:
    return {key for row in report.rows if (key := definition.finding(row)) is not None}


def _influence_note(influences: Sequence[Influence]) -> str:
    """Return a sentence that names the agreements that change the most findings."""
    tried = ngettext(
        "The agreement on which the most ties rest was left out: ",
        "The {n} agreements on which the most ties rest were left out, one at a time: ",
        len(influences),
    ).format(n=number(len(influences)))
    changing = [one for one in influences if one.gone or one.new]
    if not changing:
        return tried + _("no finding changes.")
    most = sorted(changing, key=lambda one: -one.gone - one.new)[:NAMED]
    template = _("without “{name}”, findings gone: {gone}, new findings: {new}")
    texts = (template.format(name=one.agreement.name, gone=number(one.gone), new=number(one.new)) for one in most)
    return tried + "; ".join(texts) + "."


def _left_out_notes(arrays: SnapshotArrays) -> list[str]:
    """Return notes on the agreements in force that make no ties because of the rules."""
    left_out = [one for one in arrays.snapshot.partnerships if arrays.leaves_out(one)]
    large = [one for one in left_out if len(set(one.parties)) > arrays.rules.largest_agreement]
    notes = []
    if large:
        template = ngettext(
            "{n} agreement in force makes no ties, because it has more than {most} parties: {names}.",
            "{n} agreements in force make no ties, because they have more than {most} parties: {names}.",
            len(large),
        )
        notes.append(
            template.format(n=number(len(large)), most=number(arrays.rules.largest_agreement), names=_names(large))
        )
    if others := [one for one in left_out if len(set(one.parties)) <= arrays.rules.largest_agreement]:
        template = ngettext(
            "{n} agreement in force makes no ties, because it is not known to be confirmed: {names}.",
            "{n} agreements in force make no ties, because they are not known to be confirmed: {names}.",
            len(others),
        )
        notes.append(template.format(n=number(len(others)), names=_names(others)))
    return notes


def _names(agreements: Sequence[PartnershipRow]) -> str:
    """Return the names of the agreements with the most parties, and how many more there are."""
    first = sorted(agreements, key=lambda one: -len(one.parties))
    names = [f"{one.name} ({number(len(set(one.parties)))})" for one in first[:NAMED]]
    more = len(first) - len(names)
    return ", ".join(names) + (
        ngettext(", and {n} more", ", and {n} more", more).format(n=number(more)) if more else ""
    )
