"""Reports limited to an agency, a sector or an area: the rows of the whole report that concern the selection, and no others."""

from collections.abc import Iterator
from functools import cache

import networkx as nx
import pytest

from registry.analysis.gaps import FROM
from registry.analysis.report import SCOPE, Report, ReportError, ReportRow
from registry.analysis.snapshot import AgencyRow, FeedbackRow, PartnershipRow, ServiceRow, Snapshot, SnapshotArrays
from registry.reports.catalogue import DEFINITIONS, run_on_snapshot
from registry.reports.render import as_text, empty_text
from tests.support.sample import AS_OF, depok, sample_report

# Limits that cut off few rows or none.
UNLIMITED: dict[str, dict[str, object]] = {
    "brokers": {"most": 1000},
    "likely-partners": {"most": 1000},
    "reuse": {"agencies": 1000},
    "what-if": {"remove": "depok:dinkes-kota"},
}
GIVEN = [
    ("agency", "depok:dinkes-kota"),
    ("sector", "sector:health"),
    ("area", "area:32.76.03"),
]
SCOPED = [name for name, one in DEFINITIONS.items() if one.limitable and name != "changes"]
NOT_ROWS = ("coverage",)  # computed for the records of the selection


@cache
def below(kind: str) -> "nx.DiGraph[str]":
    """Return a graph from each record to the records directly above it."""
    known = {"agency": depok().agencies, "sector": depok().sectors, "area": depok().areas}[kind]
    above = {one.id: one.part_of if isinstance(one, AgencyRow) else one.broader for one in known}
    graph: nx.DiGraph[str] = nx.DiGraph([(one, up) for one, ups in above.items() for up in ups])
    graph.add_nodes_from(above)
    return graph


@cache
def chosen(kind: str, given: str) -> frozenset[str]:
    """Return the agencies that a parameter selects."""
    within = {given, *nx.ancestors(below(kind), given)}
    if kind == "agency":
        return frozenset(within)
    return frozenset(
        one.id for one in depok().agencies if within.intersection(one.sectors if kind == "sector" else one.areas)
    )


@cache
def network() -> "nx.Graph[str]":
    arrays = SnapshotArrays.of(depok(), AS_OF)
    return arrays.graph(one for one in depok().partnerships if one.in_force(AS_OF))


def cut_off(*ends: str) -> set[str]:
    """Return the agencies that the loss of an agency or a tie separates from the largest group."""
    graph = network().copy()
    around = nx.node_connected_component(graph, ends[0])
    graph.remove_node(ends[0]) if len(ends) == 1 else graph.remove_edge(*ends)
    groups = sorted(
        nx.connected_components(graph.subgraph(around - set(ends[:1]) if len(ends) == 1 else around)), key=len
    )
    sizes = [len(one) for one in groups]
    return set(ends).union(*groups[:-1]) if sizes[-1:] != sizes[-2:-1] else set()


@cache
def records() -> dict[str, object]:
    known = depok()
    return {one.id: one for some in known for one in some}


def concerned(name: str, row: ReportRow) -> set[str]:
    """Return the agencies that a row is about, from the records that its key and its evidence name."""
    agencies = [one.id for one in row.evidence if one.kind == "Agency"]
    named = [records()[one] for one in row.key if one in records()]
    match name:
        case "gaps":
            about, *key = row.key
            if about == "wanted":
                whole = sample_report("reuse")
                return {one.key[0] for one in whole.rows if one.key[1] == key[0] and one["band"] == "top-1"}
            return concerned(FROM[about].name, ReportRow(row.values, row.evidence, row.confidence, tuple(key)))
        case "sector-gaps":
            return {one.id for one in depok().agencies if one.sectors and min(one.sectors) in row.key}
        case "communities":
            return set(agencies)
        case "cut-points":
            ends = [one.id for one in named if isinstance(one, AgencyRow)]
            return cut_off(*ends)
        case "brokers" | "isolates":
            return set(agencies[:1])
        case "agreements" if (user := row.key[-1]) and isinstance(records()[user], AgencyRow):
            return {user, *records()[row.key[1]].owners}  # type: ignore[attr-defined]
        case "agreements" | "levels":
            return {party for one in named if isinstance(one, PartnershipRow) for party in one.parties}
        case "overlaps" if not any(isinstance(one, AgencyRow) for one in named):
            return {owner for one in named for owner in one.owners}  # type: ignore[attr-defined]
        case "overlaps" | "missing-ties" | "likely-partners" | "reuse":
            return {one.id for one in named if isinstance(one, AgencyRow)}
        case "matches":
            need, resource = (records()[one.id] for one in row.evidence[:2])
            return {*need.agencies, *resource.owners}  # type: ignore[attr-defined]
        case "channels":
            return {who for one in named if isinstance(one, ServiceRow) for who in one.providers}
        case "feedback":
            return {who for one in named if isinstance(one, FeedbackRow) for who in one.owners}
        case "what-if":
            return set(row.concerns or ())
    raise AssertionError(name)


@cache
def limited(name: str, kind: str, given: str) -> Report:
    return run_on_snapshot(depok(), name, AS_OF, {kind: given, **UNLIMITED.get(name, {})})


def cases() -> Iterator[object]:
    """Yield every report with every parameter. Long reports are slow tests, and two of them have one parameter only."""
    for name in SCOPED:
        for kind, given in GIVEN:
            longest = name in ("communities", "brokers")
            long = longest or (kind != "agency" and name in ("gaps", "what-if", "likely-partners"))
            if kind == "agency" or not longest:
                yield pytest.param(name, kind, given, marks=pytest.mark.slow if long else ())


def test_every_report_but_the_whole_network_can_be_limited() -> None:
    assert [name for name, one in DEFINITIONS.items() if not one.limitable] == ["network"]
    assert [kind for kind, _given in GIVEN] == [one.name for one in SCOPE]
    with pytest.raises(ReportError, match=r"^“The network as a whole” cannot be limited to an agency, a sector or an"):
        run_on_snapshot(depok(), "network", AS_OF, {"sector": "sector:health"})


@pytest.mark.parametrize(("name", "kind", "given"), list(cases()))
def test_a_limited_report_has_the_rows_that_concern_it(name: str, kind: str, given: str) -> None:
    whole, part = sample_report(name, **UNLIMITED.get(name, {})), limited(name, kind, given)
    if name in NOT_ROWS:
        return
    rows = [row for row in whole.rows if row["finding"] != "coverage"] if name == "gaps" else list(whole.rows)
    ours = [row for row in rows if concerned(name, row) & chosen(kind, given)]
    kept = [row for row in part.rows if row.concerns is not None]
    if len(whole.rows) == UNLIMITED.get(name, {}).get("most"):  # the whole list is cut off
        kept = kept[: len(ours)]
    ranks = {"rank"}  # the rank counts the rows shown
    plain = [[{**row.values, **dict.fromkeys(ranks)} for row in some] for some in (kept, ours)]
    assert plain[0] == plain[1]
    assert [row.key for row in kept] == [row.key for row in ours]
    assert part.found == len({DEFINITIONS[name].finding(row) for row in part.rows} - {None})
    assert 0 <= part.found <= part.of <= whole.of and part.unknown <= whole.unknown
    assert part.parameters[kind] == given and part.scope and part.scope in part.notes[0]
    assert [one.name for one in part.parts] == [one.name for one in whole.parts]


@pytest.mark.parametrize(("kind", "given"), GIVEN)
def test_each_parameter_selects_some_rows_but_not_all(kind: str, given: str) -> None:
    assert 1 < len(chosen(kind, given)) < len(depok().agencies)
    for name in ("isolates", "agreements", "sector-gaps"):
        assert 0 < len(limited(name, kind, given).rows) < len(sample_report(name).rows)


def test_a_single_point_of_failure_concerns_all_that_it_cuts_off() -> None:
    members = [AgencyRow(f"a{n}", f"Agency {n}") for n in range(20)]
    chain = [PartnershipRow(f"p{n}", f"Agreement {n}", parties=[f"a{n}", f"a{n + 1}"]) for n in range(19)]
    known = Snapshot(members, partnerships=chain)
    at_the_end = run_on_snapshot(known, "cut-points", AS_OF, {"agency": "a0"})
    agencies = {row.key[1] for row in at_the_end.rows if row["finding"] == "agency"}
    assert agencies == {f"a{n}" for n in range(1, 10)}
    assert at_the_end.of == 20 + 19


def test_coverage_counts_the_records_of_the_selection() -> None:
    ours = chosen("agency", "depok:dinkes-kota")
    part = limited("coverage", "agency", "depok:dinkes-kota")
    counted = {(row["kind"], row["fact"]): (row["recorded"], row["of"]) for row in part.rows}
    services = [one for one in depok().services if ours.intersection(one.providers)]
    assert counted["Agency", "service"] == (len({who for one in services for who in one.providers} & ours), len(ours))
    assert counted["Service", "function"] == (sum(bool(one.functions) for one in services), len(services))
    agreements = [one for one in depok().partnerships if ours.intersection(one.parties)]
    assert counted["Partnership", "begins"] == (sum(bool(one.valid_from) for one in agreements), len(agreements))


def test_parameters_are_combined_and_codes_are_accepted() -> None:
    both = {"agency": "depok:dinkes-kota", "area": "area:32.76.03"}
    part = run_on_snapshot(depok(), "isolates", AS_OF, both)
    expected = chosen("agency", both["agency"]) & chosen("area", both["area"])
    assert part.of == len(expected) < len(chosen("agency", both["agency"]))
    code = run_on_snapshot(depok(), "isolates", AS_OF, {"sector": "health"})
    assert code.rows == limited("isolates", "sector", "sector:health").rows


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"agency": "depok:dinkes"},
            "“Agency”: there is no agency with the identifier depok:dinkes that you may see. Did",
        ),
        (
            {"sector": "helth"},
            "“Sector”: there is no sector with the identifier or code helth. Did you mean sector:health",
        ),
        ({"area": "nowhere-at-all"}, "“Area”: there is no area with the identifier or code nowhere-at-all."),
    ],
)
@pytest.mark.parametrize("name", ["isolates", "reuse", "matches"])
def test_an_unknown_identifier_gets_suggestions(name: str, given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ReportError) as raised:
        run_on_snapshot(depok(), name, AS_OF, given)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "levels",
            "No case that concerns Office could be examined, so it is unknown whether there is anything to find.",
        ),
        ("isolates", "There is nothing to list."),
        ("sector-gaps", "No case that concerns Office could be examined, so it is unknown whether there is anything"),
    ],
)
def test_an_agency_without_rows_learns_whether_anything_was_judged(name: str, sentence: str) -> None:
    members = [AgencyRow("office", "Office"), *(AgencyRow(f"a{n}", f"Agency {n}") for n in range(3))]
    ties = [
        PartnershipRow(
            f"p{n}",
            f"Agreement {n}",
            valid_from="2020-01-01",
            parties=["office" if name == "isolates" else "a0", f"a{n}"],
        )
        for n in (1, 2)
    ]
    report = run_on_snapshot(Snapshot(members, partnerships=ties), name, AS_OF, {"agency": "office"})
    assert not report.rows and sentence in empty_text(report)
    assert empty_text(report) in " ".join(as_text(report).split())


def test_an_agency_of_which_nothing_is_known_is_unknown() -> None:
    report = run_on_snapshot(Snapshot([AgencyRow("office", "Office")]), "isolates", AS_OF, {"agency": "office"})
    assert (report.found, report.of, report.unknown, report.scope) == (0, 1, 1, "Office")
