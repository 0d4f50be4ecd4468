"""Registries in which the right findings are known: generated registries, and permuted copies of a user's own data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from registry.analysis.overlaps import ComparableAgencies, shuffled
from registry.analysis.report import ReportError
from registry.analysis.snapshot import (
    AgencyRow,
    Floats,
    PartnershipRow,
    ServiceRow,
    Snapshot,
    SnapshotArrays,
    TermRow,
    TieRules,
    pattern,
)
from registry.analysis.statistics import Parties, RandomAgreements
from registry.i18n import _, number

AS_OF = "2026-11-25"
SECTORS, AREAS, REGIONS, FUNCTIONS, SERVICES = 11, 500, 25, 2_000, 20
Ints = NDArray[np.int64]
Random = np.random.Generator


class GeneratedRegistry(NamedTuple):
    """A generated registry, and the pairs of agencies (ids) that were given similar work in the same area on purpose."""

    snapshot: Snapshot
    duplicates: set[frozenset[str]]


def network(random: Random, agencies: int, *, sectors: int = SECTORS, degree: float = 6) -> Snapshot:
    """Return agencies in sectors of unequal size, with random ties; the agencies' weights in the draw of ties are lognormal."""
    return Snapshot(
        agencies=agencies_in(_sectors(random, agencies, sectors)),
        partnerships=partnerships_of(_ties(random, agencies, round(agencies * degree / 2))),
        sectors=terms("sector", sectors),
    )


def without_ties(snapshot: Snapshot, random: Random, share: float) -> Snapshot:
    """Return the snapshot without a random `share` of the agreements between the two sectors that have the most agencies.

    An agreement with parties in both sectors loses its parties in one of the two sectors, chosen at random. It is removed if
    fewer than two parties remain.
    """
    sector = {one.id: one.sectors[0] for one in snapshot.agencies if one.sectors}
    largest = largest_sectors(snapshot)
    between = [
        n
        for n, one in enumerate(snapshot.partnerships)
        if len(largest) > 1 and largest <= {sector.get(party, "") for party in one.parties}
    ]
    changed = random.permutation(between)[: round(share * len(between))].tolist()
    leaving = {place: str(random.choice(sorted(largest))) for place in changed}
    parties = (
        [party for party in one.parties if n not in leaving or sector.get(party) != leaving[n]]
        for n, one in enumerate(snapshot.partnerships)
    )
    left = [one._replace(parties=ids) for one, ids in zip(snapshot.partnerships, parties, strict=True)]
    return snapshot._replace(
        partnerships=[one for n, one in enumerate(left) if n not in leaving or len(one.parties) > 1]
    )


def largest_sectors(snapshot: Snapshot) -> frozenset[str]:
    """Return the ids of the two main sectors that have the most agencies."""
    times = Counter(one.sectors[0] for one in snapshot.agencies if one.sectors)
    return frozenset(sorted(times, key=lambda one: (-times[one], one))[:2])


def registry(random: Random, agencies: int, *, duplicates: int = 0, copied: int = 14) -> GeneratedRegistry:
    """Return agencies in random areas with 20 services each; each sector has its typical functions among 2,000 functions.

    In addition, `duplicates` pairs of agencies without an agreement are chosen. In each pair, one agency copies `copied` services
    of the other agency.
    """
    sector = _sectors(random, agencies, SECTORS)
    does, areas, ties = _functions(random, sector), _areas(random, agencies), _ties(random, agencies, 3 * agencies)
    pairs = _untied(random, agencies, ties)[:duplicates]
    for a, b in pairs.tolist():
        does[b, :copied] = random.choice(np.unique(does[a]), copied, replace=False)
        areas[b, 0] = areas[a, 0]
    snapshot = Snapshot(
        agencies=agencies_in(sector, areas),
        services=_services(does),
        partnerships=partnerships_of(ties),
        sectors=terms("sector", SECTORS), areas=terms("area", AREAS), functions=terms("function", FUNCTIONS),
    )  # fmt: skip
    return GeneratedRegistry(snapshot, {frozenset(map(_agency, pair)) for pair in pairs.tolist()})


def _services(does: Ints) -> list[ServiceRow]:
    """Return a service for each function that an agency performs (N x SERVICES)."""
    return [
        ServiceRow(f"service:{n:06}", f"Service {n}", True, [_agency(n // SERVICES)], [f"function:{function:06}"])
        for n, function in enumerate(does.ravel().tolist())
    ]


def _one_service_each(does: Ints) -> list[ServiceRow]:
    """Return one service for each agency, with all functions that the agency performs (N x SERVICES)."""
    names = [one.id for one in terms("function", FUNCTIONS)]
    return [
        ServiceRow(f"service:{n:06}", f"Service {n}", True, [_agency(n)], [names[one] for one in row])
        for n, row in enumerate(does.tolist())
    ]


def _sectors(random: Random, agencies: int, sectors: int) -> Ints:
    return random.choice(sectors, agencies, p=random.dirichlet(np.full(sectors, 4)))


def _functions(random: Random, sector: Ints) -> Ints:
    does = np.empty((len(sector), SERVICES), np.int64)
    for one in range(SECTORS):
        members = np.flatnonzero(sector == one)
        typical = random.dirichlet(np.full(FUNCTIONS, 0.15))
        does[members] = random.choice(FUNCTIONS, (len(members), SERVICES), p=typical)
    return does


def _areas(random: Random, agencies: int) -> Ints:
    size = AREAS // REGIONS
    return random.integers(size, size=(agencies, 9)) + size * random.integers(REGIONS, size=(agencies, 1))


def _ties(random: Random, agencies: int, wanted: int) -> Ints:
    """Return `wanted` distinct pairs of agencies (m x 2, smaller index first); agencies are drawn with lognormal weights."""
    weight = random.lognormal(0, 0.5, agencies)
    found = np.empty((0, 2), np.int64)
    while len(found) < wanted:
        drawn = np.sort(random.choice(agencies, (2 * wanted, 2), p=weight / weight.sum()), axis=1)
        found = np.unique(np.concatenate([found, drawn[drawn[:, 0] < drawn[:, 1]]]), axis=0)
    return random.permutation(found)[:wanted]


def _untied(random: Random, agencies: int, ties: Ints) -> Ints:
    """Return pairs of agencies without a tie; each agency occurs in at most one pair."""
    pairs = np.sort(random.permutation(agencies)[: agencies // 2 * 2].reshape(-1, 2), axis=1)
    return pairs[~np.isin(pairs @ [agencies, 1], ties @ [agencies, 1])]


def agencies_in(sector: Ints, areas: Ints | None = None) -> list[AgencyRow]:
    """Return an agency for each entry of `sector` (N). If `areas` (N x n) is given, it lists the areas of each agency."""
    placed = [[f"area:{one:06}" for one in row] for row in areas.tolist()] if areas is not None else [[]] * len(sector)
    return [
        AgencyRow(_agency(n), f"Agency {n}", True, [f"sector:{one:06}"], placed[n])
        for n, one in enumerate(sector.tolist())
    ]


def partnerships_of(agreements: Ints | Sequence[Parties]) -> list[PartnershipRow]:
    """Return one long-term agreement, confirmed by all parties, for each tuple of agencies."""
    return [_agreement(n, [_agency(party) for party in parties]) for n, parties in enumerate(_tuples(agreements))]


def _tuples(agreements: Ints | Sequence[Parties]) -> Sequence[Sequence[int]]:
    return agreements.tolist() if isinstance(agreements, np.ndarray) else agreements


def _agreement(n: int, parties: Sequence[str]) -> PartnershipRow:
    return PartnershipRow(
        f"partnership:{n:06}", f"Agreement {n}", True, "mou", "2020-01-01", "2030-12-31", "A rule", parties, ["x"],
        confirmed_by=parties,
    )  # fmt: skip


def terms(kind: str, count: int) -> Sequence[TermRow]:
    """Return `count` terms of a code list."""
    return [TermRow(f"{kind}:{n:06}", f"{kind.title()} {n}") for n in range(count)]


def _agency(number: int) -> str:
    return f"agency:{number:06}"


KINDS: Mapping[str, str] = {
    "pairs": "agreements of two parties",
    "small": "agreements of two to six parties",
    "forums": "agreements of two parties, and three of 40",
    "hubs": "agreements of two parties, some agencies with very many",
}
SIZES = (60, 200, 1_000)
OWN: Mapping[str, str] = {
    "own-sectors": "your data, sectors permuted among the agencies",
    "own-agreements": "your data, agreements redrawn at random",
    "own-functions": "your data, functions permuted within sectors",
    "own-incomplete": "your data, without a tenth of the agreements",
}
DEGREE, FORUM_DEGREE, FORUMS, FORUM = 6, 4, 3, 40
SPREAD, HUB_SPREAD = 0.5, 1.5
REMOVED, COPIED, ONE_IN, MISSING = 0.8, 0.7, 100, 0.1
GROUP, GROUPED = 20, 0.8


class Example(NamedTuple):
    """A registry in which the right findings are known.

    - `injected`: the pairs that a report should find, as ids of agencies or sectors
    - `complete`: the registry before some agreements were removed, or None if none were removed
    """

    arrays: SnapshotArrays
    injected: frozenset[frozenset[str]] = frozenset()
    complete: SnapshotArrays | None = None


def generated(random: Random, kind: str, agencies: int, effect: str = "none") -> Example:
    """Return a generated registry with agreements of a kind in KINDS.

    Sectors, areas and functions are independent of the agreements. Each agency has a lognormal weight, and the probability of a
    set of agreements is proportional to the product of the weights of all parties. Therefore all networks with the same numbers
    of agreements and parties are equally likely, which is what the null models assume. Effects that can be injected:

    - `gap`: four of five agreements between the two largest sectors are removed
    - `groups`: four of five small agreements are drawn within groups of about 20 agencies
    - `duplicates`: one agency in a hundred copies 14 of 20 functions of another agency in its area, without an agreement
    - `incomplete`: a random tenth of the agreements is missing
    """
    weight = random.lognormal(0, HUB_SPREAD if kind == "hubs" else SPREAD, agencies)
    agreements = _agreements(random, kind, weight, GROUPED if effect == "groups" else 0.0)
    sector = _sectors(random, agencies, SECTORS)
    does, areas = _functions(random, sector), _areas(random, agencies)
    copies: list[tuple[int, int]] = []
    if effect == "duplicates":
        copies = _copy(random, agreements, does, areas, max(agencies // ONE_IN, 1))
    snapshot = Snapshot(
        agencies=agencies_in(sector, areas), services=_one_service_each(does), partnerships=partnerships_of(agreements),
        sectors=terms("sector", SECTORS), areas=terms("area", AREAS), functions=terms("function", FUNCTIONS),
    )  # fmt: skip
    rules = TieRules(FORUM) if kind == "forums" else TieRules()
    made = _with_effect(random, snapshot, AS_OF, effect, rules)
    return made._replace(injected=frozenset(frozenset(map(_agency, pair)) for pair in copies) or made.injected)


def from_own_data(random: Random, arrays: SnapshotArrays, setting: str, effect: str = "none") -> Example:
    """Return a random copy of a user's own data, as a setting in OWN describes it, with an effect as in `generated`."""
    if setting == "own-functions":
        return _permuted_functions(random, arrays, effect == "duplicates")
    if setting == "own-sectors":
        return _with_effect(random, permuted_sectors(random, arrays.snapshot), arrays.as_of, effect, arrays.rules)
    if setting == "own-agreements":
        return Example(SnapshotArrays.of(redrawn_agreements(random, arrays), arrays.as_of, arrays.rules))
    return _with_effect(random, arrays.snapshot, arrays.as_of, effect, arrays.rules)


def _with_effect(random: Random, snapshot: Snapshot, as_of: str, effect: str, rules: TieRules) -> Example:
    complete = SnapshotArrays.of(snapshot, as_of, rules)
    if effect == "gap":
        thinned = without_ties(snapshot, random, REMOVED)
        return Example(SnapshotArrays.of(thinned, as_of, rules), frozenset({largest_sectors(snapshot)}))
    if effect == "incomplete":
        return Example(SnapshotArrays.of(incomplete(random, complete), as_of, rules), complete=complete)
    return Example(complete)


def incomplete(random: Random, arrays: SnapshotArrays) -> Snapshot:
    """Return the snapshot without a random tenth of the agreements in force that make ties."""
    active = [one.id for one in arrays.agreements]
    lost = set(random.permutation(active)[: round(MISSING * len(active))].tolist())
    return arrays.snapshot._replace(partnerships=[one for one in arrays.snapshot.partnerships if one.id not in lost])


def permuted_sectors(random: Random, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the sectors permuted among the agencies. Agreements, areas and functions stay as they are."""
    order = random.permutation(len(snapshot.agencies)).tolist()
    sectors = [snapshot.agencies[n].sectors for n in order]
    return snapshot._replace(
        agencies=[one._replace(sectors=each) for one, each in zip(snapshot.agencies, sectors, strict=True)]
    )


def redrawn_agreements(random: Random, arrays: SnapshotArrays) -> Snapshot:
    """Return the snapshot with the agreements that make ties redrawn at random, see `RandomAgreements`.

    Each agency keeps its number of agreements, and each agreement keeps its number of parties. As in `RandomAgreements`,
    agreements with the same parties count once. Agreements whose dates are withheld count as in force. All other agreements stay
    as they are.
    """
    snapshot, active = arrays.snapshot, {one.id for one in arrays.assumed_agreements}
    several = (tuple(parties) for parties in arrays.assumed_parties if len(parties) > 1)
    drawn = RandomAgreements(several, int(random.integers(2**32))).agreements
    rest = [one for one in snapshot.partnerships if one.id not in active]
    new = [_agreement(n, [arrays.agencies.ids[party] for party in each]) for n, each in enumerate(drawn)]
    return snapshot._replace(partnerships=[*rest, *(one._replace(valid_from=None, valid_until=None) for one in new)])


def _permuted_functions(random: Random, arrays: SnapshotArrays, duplicates: bool) -> Example:
    """Permute the functions within sectors, see `shuffled`; if `duplicates` is true, also inject pairs with similar work."""
    compared = ComparableAgencies.of(arrays)
    changed, made = shuffled(compared, int(random.integers(2**32))), set[tuple[int, int]]()
    if duplicates:
        changed, made = duplicated(changed, random, max(len(compared.places) // ONE_IN, 1), COPIED)
    rows, columns = arrays.functions.nonzero()
    stay = ~np.isin(rows, compared.places)
    new_rows, new_columns = changed.functions.nonzero()
    cells = np.concatenate(
        [np.stack([rows[stay], columns[stay]], axis=1), np.stack([compared.places[new_rows], new_columns], axis=1)]
    )
    ids = [arrays.agencies.ids[place] for place in compared.places.tolist()]
    pairs = frozenset(frozenset((ids[a], ids[b])) for a, b in made)
    return Example(replace(arrays, functions=pattern(cells.astype(np.int64), *arrays.functions.shape)), pairs)


def _agreements(random: Random, kind: str, weight: Floats, grouped: float) -> list[Parties]:
    """Return distinct agreements of the kind, as tuples of agencies; a share `grouped` is drawn within groups of about 20 agencies."""
    everybody = np.arange(len(weight))
    group = random.integers(max(len(weight) // GROUP, 1), size=len(weight))
    circles = [np.flatnonzero(group == one) for one in np.unique(group)]
    found: set[Parties] = set()
    if kind == "small":
        number = round(len(weight) * DEGREE / 14)  # an agreement of two to six parties makes seven ties on average
        while len(found) < number:
            size = int(random.integers(2, 7))
            circle = circles[random.integers(len(circles))] if random.random() < grouped else everybody
            if len(circle) >= size:
                found.add(_parties(random, circle, weight, size))
        return sorted(found)
    degree = FORUM_DEGREE if kind == "forums" else DEGREE
    for circle in circles if grouped else ():
        found |= set(_pairs(random, circle, weight, grouped * degree))
    found |= set(_pairs(random, everybody, weight, (1 - grouped) * degree))
    return [*sorted(found), *(_forum(random, weight) for _forum_number in range(FORUMS if kind == "forums" else 0))]


def _pairs(random: Random, members: Ints, weight: Floats, degree: float) -> list[Parties]:
    """Draw each pair of members independently, with odds proportional to the product of their weights; `degree` is the mean degree."""
    a, b = np.triu_indices(len(members), 1)
    odds = np.log(weight[members[a]] * weight[members[b]])
    wanted = min(degree * len(members) / 2, 0.9 * len(odds))
    if not len(odds):
        return []
    level = brentq(lambda each: (1 / (1 + np.exp(-odds - each))).sum() - wanted, -50, 50, xtol=0.01)
    drawn = random.random(len(odds)) < 1 / (1 + np.exp(-odds - level))
    return [(one, other) for one, other in np.stack([members[a], members[b]], axis=1)[drawn].tolist()]


def _parties(random: Random, members: Ints, weight: Floats, size: int) -> Parties:
    """Draw a set of members; the probability of a set is proportional to the product of the weights (by rejection)."""
    share = weight[members] / weight[members].sum()
    while True:
        drawn = {int(one) for one in random.choice(members, size, p=share)}
        if len(drawn) == size:
            return tuple(sorted(drawn))


def _forum(random: Random, weight: Floats) -> Parties:
    """Draw a set of FORUM agencies; the probability of a set is proportional to the product of the weights.

    The agencies are visited one after the other. `total[n, k]` is the sum of the products over all sets of k of the agencies from
    n on (conditional Poisson sampling; Chen, Dempster & Liu 1994).
    """
    relative, count = weight / weight.mean(), len(weight)
    total = np.zeros((count + 1, FORUM + 1))
    total[:, 0] = 1
    for n in range(count - 1, -1, -1):
        total[n, 1:] = total[n + 1, 1:] + relative[n] * total[n + 1, :-1]
    chosen: list[int] = []
    for n, chance in enumerate(random.random(count).tolist()):
        left = FORUM - len(chosen)
        if left and chance < relative[n] * total[n + 1, left - 1] / total[n, left]:
            chosen.append(n)
    return tuple(chosen)


def _copy(random: Random, agreements: Sequence[Parties], does: Ints, areas: Ints, number: int) -> list[tuple[int, int]]:
    """Let agencies copy functions and an area of another agency, in place; return the pairs, none of which has an agreement."""
    partners = {frozenset(pair) for parties in agreements for pair in combinations(parties, 2)}
    order = random.permutation(len(does))[: len(does) // 2 * 2].reshape(-1, 2).tolist()
    made = [(a, b) for a, b in order if frozenset((a, b)) not in partners][:number]
    for a, b in made:
        copied = random.permutation(np.unique(does[a]))[: round(COPIED * SERVICES)]
        does[b, : len(copied)] = copied
        areas[b, 0] = areas[a, 0]
    return made


def duplicated(
    compared: ComparableAgencies, random: Random, number: int, share: float
) -> tuple[ComparableAgencies, set[tuple[int, int]]]:
    """Give pairs of agencies in a common area similar work: functions of one agency replace some functions of the other agency.

    At most `number` pairs of similar agencies are made. The two agencies of a pair are not `close`, and each agency is in at most
    one pair. `share` is the share of functions that are replaced. The second result is the set of the pairs (indices, smaller index
    first).
    """
    does = [compared.functions[[n]].indices for n in range(len(compared.places))]
    made: set[tuple[int, int]] = set()
    taken: set[int] = set()
    for one in random.permutation(len(does)).tolist():
        partners = np.setdiff1d((compared.areas @ compared.areas[[one]].T).nonzero()[0], compared.close[[one]].indices)
        open_ = [other for other in partners.tolist() if other != one and other not in taken]
        if len(made) == number or one in taken or not open_:
            continue
        other = open_[int(random.integers(len(open_)))]
        copied = random.choice(does[one], min(round(share * len(does[one])), len(does[other])), replace=False)
        own = random.permutation(np.setdiff1d(does[other], copied))[: len(does[other]) - len(copied)]
        does[other] = np.concatenate([copied, own])
        made.add((min(one, other), max(one, other)))
        taken |= {one, other}
    cells = np.array([(agency, one) for agency, functions in enumerate(does) for one in functions], np.int64).reshape(
        -1, 2
    )
    return compared._replace(functions=pattern(cells, *compared.functions.shape)), made


GENERATED = [f"{kind}-{size}" for size in SIZES for kind in KINDS]
SETTINGS = [*GENERATED, *OWN]


def example_in(setting: str, own: SnapshotArrays | None, effect: str, random: Random) -> Example:
    """Return a random example of a setting, with an effect. The settings in OWN need the user's own data."""
    if setting in OWN:
        assert own is not None
        return from_own_data(random, own, setting, effect)
    kind, size = setting.rsplit("-", 1)
    return generated(random, kind, int(size), effect)


def setting_name(setting: str) -> str:
    """Return a description of a setting in the current language."""
    if setting in OWN:
        return _(OWN[setting])
    kind, size = setting.rsplit("-", 1)
    return _("{n} agencies, {agreements}").format(n=number(int(size)), agreements=_(KINDS[kind]))


def selected_settings(text: str) -> list[str]:
    """Return the settings that a comma-separated text names: `pairs-200`, `pairs`, `own`, `generated`. Raises ReportError."""
    found = dict[str, None]()
    for word in words_in(text):
        named = [one for one in SETTINGS if one == word or one.startswith(f"{word}-")]
        found |= dict.fromkeys(GENERATED if word == "generated" else named)
        if word != "generated" and not named:
            names = ", ".join(("generated", "own", *KINDS, *SETTINGS))
            raise ReportError(_("There is no setting {name}. Choose one of: {names}.").format(name=word, names=names))
    return [one for one in SETTINGS if one in found]


def words_in(text: str) -> list[str]:
    """Return the words of a comma-separated text."""
    return [word.strip() for word in text.split(",") if word.strip()]
