"""Report `communities`: groups of agencies that have many ties with each other, compared with the sectors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from registry.analysis.measures import adjusted_rand, modularity
from registry.analysis.measures import communities as divided
from registry.analysis.report import (
    SCOPE,
    Cell,
    Column,
    Confidence,
    Report,
    ReportDefinition,
    ReportParameter,
    ReportRow,
)
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import Bools, Floats, Ints, Matrix, SnapshotArrays, adjacency
from registry.analysis.statistics import SEED, NullComparison, compare_until_clear, draws_for
from registry.analysis.ties import OTHER_TIE_RULES, TieNetwork, data_notes, draws_at
from registry.i18n import _, number, percent, signed
from registry.progress import steps

SHOWN, UNCLEAR = 5, 0.5
RUN_WORK, MOST_RUNS, FEWEST_RUNS = 100_000, 50, 10
TOGETHER, MOST_ROUNDS, BLOCK = 0.5, 20, 500
STABLE = ReportParameter(
    "least_stability",
    "Smallest stability",
    "A group counts as stable if its pairs of agencies are together in at least this share of the runs; 0.8 is 80 %.",
    0.8,
    0.5,
    1.0,
)

COMMUNITIES = ReportDefinition(
    "communities",
    "Groups that work together",
    "Which groups of agencies work together closely, and do these groups match the sectors?",
    "The agencies of a group have more ties with each other than expected from their numbers of ties (modularity, "
    "Louvain method; Blondel et al. 2008). The method starts at random, and many divisions are almost equally good. It "
    "is therefore run many times, and the groups are the consensus of the runs (Lancichinetti & Fortunato 2012). A "
    "group is stable if its agencies are together in most runs. Every network can be divided into groups, so the "
    "modularity is compared with that of random networks in which every agency keeps its number of agreements, and "
    "every agreement keeps its number of parties (Guimerà et al. 2004; Strona et al. 2014). The adjusted Rand index "
    "(Hubert & Arabie 1985) measures how well groups match sectors: 0 is expected by chance, 1 means that they are the "
    "same.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("group", "Group", "integer", "The number of the group; 1 is the largest."),
        Column("size", "Agencies", "integer", "The number of agencies in the group.", "agencies"),
        Column("main", "Main sector", "text", "The sector with the most agencies in the group."),
        Column(
            "share",
            "Share of main sector",
            "number",
            "The share of the agencies with a known sector that are in the main sector.",
            "%",
        ),
        Column("sectors", "Sectors", "integer", "The number of sectors with agencies in the group.", "sectors"),
        Column("within", "Ties within", "integer", "The number of ties between agencies of the group.", "ties"),
        Column("outward", "Ties to other groups", "integer", "The number of ties to agencies of other groups.", "ties"),
        Column(
            "stability",
            "Stability",
            "number",
            "The share of runs in which two agencies of the group are together, averaged over all pairs of its agencies.",
            "%",
        ),
        Column(
            "unclear",
            "Unclear members",
            "texts",
            "Up to five agencies that are together with less than half of their group on average; they may belong elsewhere.",
        ),
        Column(
            "central", "Best connected agencies", "texts", "Up to five agencies with the most ties within the group."
        ),
    ),
    (LEVEL, STABLE),
    key=("central",),
    counts="Stable and statistically significant groups",
    common=(*OTHER_TIE_RULES, *SCOPE),
    concern="A group concerns all its members.",
)


class Partition(NamedTuple):
    """The network divided into communities.

    - `group`: the community of each agency with ties; community 0 is the largest
    - `together` (R x N): the share of the other agencies of its community with which each agency is together, in each run
    - `reached`: the modularity (how clearly the communities are separated), compared with that of random networks
    """

    whole: TieNetwork
    group: Ints
    together: Floats
    reached: NullComparison

    def stability(self, number: int) -> float:
        """Return the share of runs in which two agencies of the community are together, averaged over its pairs of agencies."""
        return float(self.together[:, self.group == number].mean())


def communities(
    arrays: SnapshotArrays, *, level: float = LEVEL.default, least_stability: float = STABLE.default
) -> Report:
    """List the communities found by consensus over runs of the Louvain method, and compare them with the sectors.

    The Louvain method is that of Blondel et al. 2008, the consensus that of Lancichinetti & Fortunato 2012. Modularity measures how
    clearly the communities are separated. One significance test at the significance level `level` compares the modularity of the
    network with that of random networks of the same agreements (Guimerà et al. 2004). A community is a finding if the network has
    a significantly higher modularity and the stability of the community is at least `least_stability`. The communities are
    compared with the sectors by the adjusted Rand index, a measure of the similarity of two groupings (Hubert & Arabie 1985).
    """
    whole = TieNetwork.of(arrays)
    if not len(whole.ties):
        notes = [*data_notes(arrays), _("There are no ties in force, so there are no groups.")]
        return COMMUNITIES.answer(
            arrays.as_of, [], found=0, of=0, withheld=arrays.withheld, notes=notes, level=level, least_stability=least_stability
        )  # fmt: skip
    found = _detect(whole, level)
    beyond = found.reached.p <= level and found.reached.value > found.reached.mean
    rows = [_row(arrays, found, one, beyond, least_stability) for one in range(int(found.group.max()) + 1)]
    ours = [row.confidence for row in rows if arrays.concerned(row.concerns or ())]
    likely = ours.count("likely")
    return COMMUNITIES.answer(
        arrays.as_of, rows, found=likely, of=len(ours), unknown=len(ours) - likely, withheld=arrays.withheld,
        notes=[*data_notes(arrays), *_notes(arrays, found, beyond, rows, least_stability)],
        level=level, least_stability=least_stability,
    )  # fmt: skip


def _detect(whole: TieNetwork, level: float) -> Partition:
    """Find the communities, and compare their modularity with that of random networks.

    The modularity of the network is the mean over the runs, so that it hardly depends on their random numbers. A random network is
    divided only once. Its modularity therefore varies more, which can only make the p-value larger.
    """
    runs = louvain_runs(whole.arcs, runs_for(len(whole.connected)))
    group = consensus(runs)
    mean = float(np.mean([modularity(whole.arcs, run) for run in runs]))
    networks = (adjacency(ties, len(whole.connected)) for ties in whole.random_networks(draws_at(level, 1)))
    drawn = ([modularity(arcs, divided(arcs, np.random.default_rng(SEED)))] for arcs in networks)
    (reached,) = compare_until_clear([mean], drawn)
    return Partition(whole, group, _together(runs, group), reached)


def runs_for(agencies: int) -> int:
    """Return the number of runs of the Louvain method for a network of so many agencies."""
    return draws_for(agencies, RUN_WORK, MOST_RUNS, FEWEST_RUNS)


def louvain_runs(arcs: Matrix, count: int) -> Ints:
    """Return the communities of each agency in `count` runs of the Louvain method (R x N), each with its own random numbers."""
    every = range(count)
    return np.stack(
        [divided(arcs, np.random.default_rng((SEED, one))) for one in steps(_("divisions into groups"), every)]
    )


def consensus(runs: Ints) -> Ints:
    """Return the consensus of several divisions into communities (R x N): the community of each agency (N), the largest first.

    Two agencies get a tie whose weight is the share of the runs in which they are together, unless this share is below TOGETHER.
    An agency without such a tie keeps its heaviest tie. The Louvain method divides this network as often as before. This is
    repeated until all runs agree (Lancichinetti & Fortunato 2012). Agencies that are together in all runs are taken together.
    """
    count = len(runs)
    for _round in range(MOST_ROUNDS):
        kinds, kind, many = np.unique(runs, axis=1, return_inverse=True, return_counts=True)
        if (kinds.max(axis=1) + 1 == kinds.shape[1]).all():
            break
        weights = _co_assignment(kinds, many)
        runs = np.stack([divided(weights, np.random.default_rng((SEED, one))) for one in range(count)])[:, kind.ravel()]
    _groups, firsts, group, sizes = np.unique(runs[0], return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.lexsort((firsts, -sizes))] = np.arange(len(sizes))
    return rank[group.ravel()]


def _co_assignment(kinds: Ints, many: Ints) -> Matrix:
    """Return the consensus network of kinds of agencies (K x K), of which `many` agencies each are together in all runs.

    Most pairs of kinds are together in few runs and get no tie, so only the pairs of a block of kinds are counted at a time.
    """
    runs, width = kinds.shape
    columns = kinds + np.arange(runs)[:, None] * (kinds.max() + 1)
    rows = np.tile(np.arange(width), runs)
    joined = sparse.csr_array((np.ones(kinds.size), (rows, columns.ravel())), (width, int(columns.max()) + 1))
    kept, of_alone = zip(*(_kept(joined, many, runs, first) for first in range(0, width, BLOCK)), strict=True)
    # the heaviest tie of a kind that is alone counts from both ends, and only once if both are alone
    pairs = np.concatenate([each[:, ends] for each in of_alone for ends in ([0, 1, 2], [1, 0, 2])])
    a, b, together = np.concatenate([*kept, np.unique(pairs, axis=0)]).T
    a, b = a.astype(np.int64), b.astype(np.int64)
    weight = together * np.where(a != b, many[a] * many[b], many[a] * (many[a] - 1))
    return sparse.csr_array((weight, (a, b)), (width, width))


def _kept(joined: Matrix, many: Ints, runs: int, first: int) -> tuple[Floats, Floats]:
    """Return the ties of a block of kinds that are heavy enough, and the heaviest ties of those that have no such tie.

    Each row holds the two ends of a tie and its weight.
    """
    share = sparse.coo_array(joined[first : first + BLOCK] @ joined.T)
    (a, b), together = share.coords, share.data / runs
    other, heaviest = a + first != b, np.zeros(share.shape[0])
    np.maximum.at(heaviest, a[other], together[other])
    alone = (heaviest < TOGETHER) & (many[first : first + BLOCK] == 1)
    heavy, chosen = together >= TOGETHER, other & alone[a] & (together == heaviest[a])
    ties = np.column_stack([a + first, b, together])
    return ties[heavy], ties[chosen]


def _together(runs: Ints, group: Ints) -> Floats:
    """Return for each run and agency (R x N) the share of the other agencies of its group with which it is together in the run.

    The share is 1 for an agency that is alone in its group.
    """
    size = np.bincount(group)[group]
    shares = np.ones(runs.shape)
    for one, run in enumerate(runs):
        _pairs, pair, times = np.unique(group * (int(run.max()) + 1) + run, return_inverse=True, return_counts=True)
        shares[one] = np.divide(times[pair] - 1, size - 1, out=np.ones(len(group)), where=size > 1)
    return shares


def _row(arrays: SnapshotArrays, found: Partition, number: int, beyond: bool, least_stability: float) -> ReportRow:
    members = np.flatnonzero(found.group == number)
    ends = found.group[found.whole.ties] == number
    inside = np.bincount(found.whole.ties[ends.all(axis=1)].ravel(), minlength=len(found.group))[members]
    central = found.whole.connected[members[np.argsort(-inside, kind="stable")[:SHOWN]]].tolist()
    closeness, stability = found.together[:, members].mean(axis=0), found.stability(number)
    unclear = np.argsort(closeness, kind="stable")[: int((closeness < UNCLEAR).sum())][:SHOWN]
    values: dict[str, Cell] = {
        "group": number + 1,
        "size": len(members),
        **_sectors(arrays, found.whole.connected[members]),
        "within": int(ends.all(axis=1).sum()),
        "outward": int((ends[:, 0] != ends[:, 1]).sum()),
        "stability": 100 * stability,
        "unclear": tuple(arrays.agencies.names[one] for one in found.whole.connected[members[unclear]].tolist()),
        "central": tuple(arrays.agencies.names[one] for one in central),
    }
    evidence = tuple(arrays.agencies.evidence(one) for one in found.whole.connected[members].tolist())
    known_by = tuple(arrays.agencies.ids[one] for one in central[:1])  # communities have no id of their own
    concerns = tuple(one.id for one in evidence)
    confidence: Confidence = "unclear" if stability < least_stability else "likely"
    return ReportRow(values, evidence, confidence if beyond else "within-chance", known_by, concerns)


def _sectors(arrays: SnapshotArrays, members: Ints) -> Mapping[str, Cell]:
    known = arrays.sector[members][arrays.sector[members] >= 0]
    if not len(known):
        return {"main": None, "share": None, "sectors": 0}
    times = np.bincount(known)
    main = int(times.argmax())
    return {
        "main": arrays.sectors.names[main],
        "share": 100 * float(times[main] / len(known)),
        "sectors": int((times > 0).sum()),
    }


def _notes(
    arrays: SnapshotArrays, found: Partition, beyond: bool, rows: Sequence[ReportRow], least_stability: float
) -> Sequence[str]:
    one = found.reached
    template = (
        _(
            "The modularity is {value}; {mean} is expected under the null model (z = {z}, p = {p}, {draws} random "
            "networks, seed {seed}). The division into groups is statistically significant."
        )
        if beyond
        else _(
            "The modularity is {value}; {mean} is expected under the null model (z = {z}, p = {p}, {draws} random "
            "networks, seed {seed}). Random networks can be divided just as clearly, so these groups have no meaning."
        )
    )
    z = "–" if one.z is None else number(one.z)
    notes = [
        template.format(
            value=signed(one.value), mean=signed(one.mean), z=z, p=number(one.p), draws=number(one.draws), seed=SEED
        )
    ]
    if beyond:
        template = _(
            "Stable groups: {n} of {m}. The agencies of a stable group are together in at least {share} of {runs} runs on "
            "average. The other groups are uncertain."
        )
        stable = sum(row.confidence == "likely" for row in rows)
        notes.append(
            template.format(
                n=number(stable), m=number(len(rows)), share=percent(least_stability), runs=number(len(found.together))
            )
        )
    sector = arrays.sector[found.whole.connected]
    known: Bools = sector >= 0
    if known.any():
        alike = adjusted_rand(found.group[known], sector[known])
        notes.append(
            _(
                "The adjusted Rand index of groups and sectors is {value} (0: as expected by chance, 1: the same)."
            ).format(value=signed(alike))
        )
    return notes
