"""Report `communities`: groups of agencies with many ties among them, compared with the sectors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from registry.analysis.measures import adjusted_rand, modularity
from registry.analysis.measures import communities as divided
from registry.analysis.network import DRAWS, WORK, TieNetwork
from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import Bools, Ints, SnapshotArrays, adjacency, data_notes
from registry.analysis.statistics import SEED, NullComparison, compare_with_null, draws_for, rewired
from registry.i18n import _, number, signed
from registry.progress import steps

SHOWN = 5

COMMUNITIES = ReportDefinition(
    "communities",
    "Into which groups do the ties divide the agencies, and are these the sectors?",
    "Groups with more ties inside than numbers of ties explain (modularity by the two steps of Louvain; Blondel et al. 2008). Any "
    "network can be divided, so that what is reached is compared with what networks reach in which every agency keeps its number of "
    "ties and who is tied to whom is drawn (Guimerà et al. 2004). How far groups are sectors is told by the adjusted Rand index "
    "(Hubert & Arabie 1985), 0 by chance and 1 when they are the same.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("group", "Group", "integer", "The number of the group, by size."),
        Column("size", "Agencies", "integer", "How many agencies it has.", "agencies"),
        Column("main", "Main sector", "text", "The sector that most of them are in."),
        Column(
            "share", "Of that sector", "number", "The share of its agencies with a sector that are of this one.", "%"
        ),
        Column("sectors", "Sectors", "integer", "How many sectors it has agencies of.", "sectors"),
        Column("within", "Ties within", "integer", "Ties between its agencies.", "ties"),
        Column("outward", "Ties outward", "integer", "Ties to agencies of other groups.", "ties"),
        Column("central", "Best connected", "texts", "Up to five of its agencies, those with the most ties within it."),
    ),
    (LEVEL,),
    key=("central",),
    counts="Groups beyond chance",
)


class Partition(NamedTuple):
    """The network, the community of each agency with ties, and the modularity compared with the null model."""

    whole: TieNetwork
    group: Ints
    reached: NullComparison


def communities(arrays: SnapshotArrays, *, level: float = LEVEL.default) -> Report:
    """List the communities found by the Louvain method (Blondel et al. 2008) and compare them with the sectors.

    They are findings only if the modularity exceeds that of degree-preserving random networks at this `level`
    (Guimerà et al. 2004), in one test of the whole network. Agreement with the sectors is the adjusted Rand index
    (Hubert & Arabie 1985).
    """
    whole = TieNetwork.of(arrays)
    if not len(whole.ties):
        notes = [*data_notes(arrays), _("There are no ties in force, so there is nothing to divide.")]
        return COMMUNITIES.answer(arrays.as_of, [], found=0, of=0, withheld=arrays.withheld, notes=notes, level=level)
    draws = draws_for(len(whole.tied), WORK, DRAWS)
    found = _detect(whole, draws)
    beyond = found.reached.p <= level and found.reached.value > found.reached.mean
    rows = [_row(arrays, found, one, beyond) for one in range(int(found.group.max()) + 1)]
    return COMMUNITIES.answer(
        arrays.as_of, rows, found=len(rows) if beyond else 0, of=len(rows), unknown=0 if beyond else len(rows),
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(arrays, found, draws, beyond)], level=level,
    )  # fmt: skip


def _detect(whole: TieNetwork, draws: int) -> Partition:
    """Find the communities, and compare their modularity with that of rewired networks."""
    random, size = np.random.default_rng(SEED), len(whole.tied)
    drawn = []
    for _draw in steps(_("networks by chance"), range(draws)):
        arcs = adjacency(rewired(whole.ties, size, random), size)
        drawn.append(modularity(arcs, divided(arcs, random)))
    group = divided(whole.arcs, np.random.default_rng(SEED))
    return Partition(whole, group, compare_with_null(modularity(whole.arcs, group), np.array(drawn)))


def _row(arrays: SnapshotArrays, found: Partition, number: int, beyond: bool) -> ReportRow:
    members = np.flatnonzero(found.group == number)
    ends = found.group[found.whole.ties] == number
    inside = np.bincount(found.whole.ties[ends.all(axis=1)].ravel(), minlength=len(found.group))[members]
    central = found.whole.tied[members[np.argsort(-inside, kind="stable")[:SHOWN]]].tolist()
    values: dict[str, Cell] = {
        "group": number + 1,
        "size": len(members),
        **_sectors(arrays, found.whole.tied[members]),
        "within": int(ends.all(axis=1).sum()),
        "outward": int((ends[:, 0] != ends[:, 1]).sum()),
        "central": tuple(arrays.agencies.names[one] for one in central),
    }
    evidence = tuple(arrays.agencies.evidence(one) for one in found.whole.tied[members].tolist())
    known_by = tuple(arrays.agencies.ids[one] for one in central[:1])  # communities have no id of their own
    return ReportRow(values, evidence, "likely" if beyond else "within-chance", known_by)


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


def _notes(arrays: SnapshotArrays, found: Partition, draws: int, beyond: bool) -> Sequence[str]:
    one = found.reached
    template = (
        _(
            "Modularity is {value}, by chance {mean} (z = {z}, p = {p}, {draws} draws, seed {seed}): the groups are more than chance."
        )
        if beyond
        else _(
            "Modularity is {value}, by chance {mean} (z = {z}, p = {p}, {draws} draws, seed {seed}): chance divides as well, so that "
            "these groups mean nothing."
        )
    )
    z = "–" if one.z is None else number(one.z)
    notes = [
        template.format(
            value=signed(one.value), mean=signed(one.mean), z=z, p=number(one.p), draws=number(draws), seed=SEED
        )
    ]
    sector = arrays.sector[found.whole.tied]
    known: Bools = sector >= 0
    if known.any():
        alike = adjusted_rand(found.group[known], sector[known])
        notes.append(
            _("Groups and sectors agree by {value} (adjusted Rand; 0 by chance, 1 the same).").format(
                value=signed(alike)
            )
        )
    return notes
