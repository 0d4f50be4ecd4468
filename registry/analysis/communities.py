"""Report `communities`: groups of agencies that have many ties with each other, compared with the sectors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from registry.analysis.measures import adjusted_rand, modularity
from registry.analysis.measures import communities as divided
from registry.analysis.report import SCOPE, Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import Bools, Ints, SnapshotArrays, adjacency, data_notes
from registry.analysis.statistics import SEED, NullComparison, compare_until_clear
from registry.analysis.ties import OTHER_TIE_RULES, TieNetwork
from registry.i18n import _, number, signed

SHOWN = 5

COMMUNITIES = ReportDefinition(
    "communities",
    "Groups that work together",
    "Which groups of agencies work together closely, and do these groups match the sectors?",
    "The agencies of a group have more ties with each other than expected from their numbers of ties (modularity, "
    "Louvain method; Blondel et al. 2008). Every network can be divided into groups, so the modularity is compared "
    "with that of random networks in which every agency keeps its number of agreements, and every agreement keeps its "
    "number of parties (Guimerà et al. 2004; Strona et al. 2014). The adjusted Rand index (Hubert & Arabie 1985) "
    "measures how well groups match sectors: 0 is expected by chance, 1 means that they are the same.",
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
            "central", "Best connected agencies", "texts", "Up to five agencies with the most ties within the group."
        ),
    ),
    (LEVEL,),
    key=("central",),
    counts="Statistically significant groups",
    common=(*OTHER_TIE_RULES, *SCOPE),
    concern="A group concerns all its members.",
)


class Partition(NamedTuple):
    """The network divided into communities.

    The partition holds the community of each agency with ties. It compares the modularity (how clearly the communities are
    separated) with the modularity of random networks.
    """

    whole: TieNetwork
    group: Ints
    reached: NullComparison


def communities(arrays: SnapshotArrays, *, level: float = LEVEL.default) -> Report:
    """List the communities found by the Louvain method (Blondel et al. 2008) and compare them with the sectors.

    Modularity measures how clearly the communities are separated. One significance test at the significance level `level` compares
    the modularity of the network with that of random networks of the same agreements (Guimerà et al. 2004). The communities are
    findings only if the network has a significantly higher modularity. The communities are compared with the sectors by the
    adjusted Rand index, a measure of the similarity of two groupings (Hubert & Arabie 1985).
    """
    whole = TieNetwork.of(arrays)
    if not len(whole.ties):
        notes = [*data_notes(arrays), _("There are no ties in force, so there are no groups.")]
        return COMMUNITIES.answer(arrays.as_of, [], found=0, of=0, withheld=arrays.withheld, notes=notes, level=level)
    found = _detect(whole)
    beyond = found.reached.p <= level and found.reached.value > found.reached.mean
    rows = [_row(arrays, found, one, beyond) for one in range(int(found.group.max()) + 1)]
    of = sum(arrays.concerned(row.concerns or ()) for row in rows)
    return COMMUNITIES.answer(
        arrays.as_of, rows, found=of if beyond else 0, of=of, unknown=0 if beyond else of,
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(arrays, found, beyond)], level=level,
    )  # fmt: skip


def _detect(whole: TieNetwork) -> Partition:
    """Find the communities, and compare their modularity with the modularity of random networks."""
    group = divided(whole.arcs, np.random.default_rng(SEED))
    networks = (adjacency(ties, len(whole.connected)) for ties in whole.random_networks())
    drawn = ([modularity(arcs, divided(arcs, np.random.default_rng(SEED)))] for arcs in networks)
    (reached,) = compare_until_clear([modularity(whole.arcs, group)], drawn)
    return Partition(whole, group, reached)


def _row(arrays: SnapshotArrays, found: Partition, number: int, beyond: bool) -> ReportRow:
    members = np.flatnonzero(found.group == number)
    ends = found.group[found.whole.ties] == number
    inside = np.bincount(found.whole.ties[ends.all(axis=1)].ravel(), minlength=len(found.group))[members]
    central = found.whole.connected[members[np.argsort(-inside, kind="stable")[:SHOWN]]].tolist()
    values: dict[str, Cell] = {
        "group": number + 1,
        "size": len(members),
        **_sectors(arrays, found.whole.connected[members]),
        "within": int(ends.all(axis=1).sum()),
        "outward": int((ends[:, 0] != ends[:, 1]).sum()),
        "central": tuple(arrays.agencies.names[one] for one in central),
    }
    evidence = tuple(arrays.agencies.evidence(one) for one in found.whole.connected[members].tolist())
    known_by = tuple(arrays.agencies.ids[one] for one in central[:1])  # communities have no id of their own
    concerns = tuple(one.id for one in evidence)
    return ReportRow(values, evidence, "likely" if beyond else "within-chance", known_by, concerns)


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


def _notes(arrays: SnapshotArrays, found: Partition, beyond: bool) -> Sequence[str]:
    one = found.reached
    template = (
        _(
            "The modularity is {value}; {mean} is expected under the null model (z = {z}, p = {p}, {draws} random "
            "networks, seed {seed}). The groups are statistically significant."
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
