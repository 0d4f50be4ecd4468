"""What would be, on the sample: what an analyst would notice, and nothing is written."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from registry.analysis.report import Report, ReportError, ReportRow
from registry.analysis.snapshot import AgencyRow, ChannelRow, ResourceRow, ServiceRow, Snapshot
from registry.analysis.snapshot import make_snapshot as named
from registry.analysis.what_if import Alteration, altered
from registry.database.driver import ConnectionSettings, Reader, Store
from registry.database.extract import read_lists
from registry.explore import ExploreContext
from registry.explore.impact import impact
from registry.permissions import ADMIN
from registry.reports.catalogue import run_on_snapshot
from registry.reports.render import as_json
from tests.support.sample import AS_OF, depok

LOST = "depok:data-penduduk"


@pytest.fixture(scope="module")
def lists() -> Snapshot:
    return depok()


def what_if(lists: Snapshot, **asked: str) -> Report:
    return run_on_snapshot(lists, "what-if", AS_OF, asked)


def told(report: Report, change: str) -> list[ReportRow]:
    return [row for row in report.rows if row["change"] == change]


def about(report: Report, change: str, finding: str) -> set[str]:
    """Return the ids of the first records that findings of this sort rest on."""
    return {row.evidence[0].id for row in told(report, change) if finding in row.key}


def number(report: Report, what: str, column: str = "difference", of: str = "network") -> Any:
    (row,) = [row for row in report.rows if row["what"] == what and row.key[1] == of]
    return row[column]


def test_nothing_asked_changes_nothing_and_says_how_to_ask(lists: Snapshot) -> None:
    report = what_if(lists)
    assert report.found == 0 and report.of > 100
    assert all(row["difference"] == 0 for row in report.rows)
    assert any("choose records to remove" in note for note in report.notes)


def test_a_lost_register_stops_what_cannot_work_without_it(lists: Snapshot) -> None:
    report = what_if(lists, remove=LOST)
    stops = told(report, "stops")
    needs = {one.id for one in lists.services if LOST in one.requires}
    assert {row.evidence[0].id for row in stops} >= needs
    assert all(len(row.evidence) == 2 and str(row["how_much"]).startswith("needs ") for row in stops)
    direct = [row for row in stops if row.evidence[0].id in needs]
    assert {row.evidence[1].id for row in direct} == {LOST}
    assert number(report, "ties") == 0


def test_a_lost_agency_takes_its_ties_and_its_sole_resources_along(lists: Snapshot) -> None:
    lost = "depok:diskominfo"
    report = what_if(lists, remove=lost)
    before = run_on_snapshot(lists, "network", AS_OF)
    assert number(report, "ties", "before") == before.rows[1]["value"]
    assert number(report, "ties") < 0
    stopped = {row.evidence[0].id for row in told(report, "stops")}
    assert stopped >= {one.id for one in lists.resources if set(one.owners) == {lost}}
    assert stopped >= {one.id for one in lists.services if set(one.providers) == {lost}}
    assert not any(lost in (one.id for one in row.evidence) for row in told(report, "new"))


def test_an_added_tie_settles_missing_ties_and_covers_uses(lists: Snapshot) -> None:
    missing = run_on_snapshot(lists, "missing-ties", AS_OF).rows
    pair = next(row for row in missing if row["depends"])
    one, other = (record.id for record in pair.evidence[:2])
    report = what_if(lists, add=f"{one},{other}")
    assert ("gone", "missing-ties", "missing", one, other) in {row.key for row in report.rows}
    assert number(report, "ties") == 1
    assert number(report, "findings", of="missing-ties") <= -1
    assert not told(report, "new") or not any("what-if" in record.id for row in report.rows for record in row.evidence)

    use = next(row for row in run_on_snapshot(lists, "agreements", AS_OF).rows if row["finding"] == "uncovered")
    user, owner = [record.id for record in use.evidence if record.kind == "Agency"][:2]
    settled = what_if(lists, add=f"{owner}, {user}")
    resource = next(record.id for record in use.evidence if record.kind == "Resource")
    assert ("gone", "agreements", "uncovered", "uncovered", resource, user) in {row.key for row in settled.rows}


def test_several_ties_and_losses_are_one_question(lists: Snapshot) -> None:
    report = what_if(lists, add="depok:perumda-trans,depok:dishub-kota; depok:bpbd-kota,depok:tagana-kota", remove=LOST)
    assert number(report, "ties") == 2
    assert told(report, "stops")
    (names, *_) = report.notes
    assert names.count(",") == 4


def test_a_lapsed_agreement_is_expired_and_its_uses_are_uncovered(lists: Snapshot) -> None:
    report = what_if(lists, end="depok:ks-kampus-sehat")
    assert about(report, "new", "expired") == {"depok:ks-kampus-sehat"}
    assert any("uncovered" in row.key for row in told(report, "new"))
    assert about(report, "gone", "apart") == {"depok:ks-kampus-sehat"}


def test_the_only_channel_of_a_service_is_missed(lists: Snapshot) -> None:
    counted = {one.id: [way.id for way in lists.channels if one.id in way.services] for one in lists.services}
    service, (channel,) = next((service, ways) for service, ways in counted.items() if len(ways) == 1)
    assert service in about(what_if(lists, remove=channel), "new", "none")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"remove": "depok:nobody"}, "“Remove records”: there is no agency, service, resource or channel with"),
        ({"add": "depok:dishub-kota"}, "“Add agreements”: enter two different identifiers"),
        ({"add": "depok:dishub-kota,depok:dishub-kota"}, "enter two different identifiers"),
        ({"add": "depok:dishub-kota,depok:nobody"}, "“Add agreements”: there is no agency with the identifier depok:nobody"),
        ({"end": "depok:dishub-kota"}, "“End agreements”: there is no agreement with the identifier depok:dishub-kota"),
        ({"end": "depok:ks-arsip-setwan"}, "“End agreements”: the agreement depok:ks-arsip-setwan is not in force on that day"),
        ({"remove": "a" * 1001}, "“Remove records”: enter a text of at most 1,000 characters on one line."),
        ({"remov": "x"}, "Did you mean remove?"),
    ],
)  # fmt: skip
def test_what_cannot_be_altered_is_one_sentence_that_names_the_parameter(
    lists: Snapshot, asked: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ReportError, match=sentence.replace("?", r"\?")):
        what_if(lists, **asked)


def test_the_world_that_was_asked_about_is_as_it_was(lists: Snapshot) -> None:
    before = as_json(run_on_snapshot(lists, "gaps", AS_OF))
    what_if(lists, remove="depok:diskominfo", add="depok:perumda-trans,depok:dishub-kota", end="depok:ks-kampus-sehat")
    assert lists == depok()
    assert as_json(run_on_snapshot(lists, "gaps", AS_OF)) == before


def test_what_needs_a_record_shown_in_summary_is_unknown(
    visitor: httpx.Client,
) -> None:
    told = visitor.get("/reports/what-if.json", params={"as-of": AS_OF, "remove": LOST}).json()
    assert not any(row["change"] == "stops" for row in told["rows"])
    assert any(note.startswith("You may see only a summary of Basis data kependudukan kota") for note in told["notes"])


def test_a_channel_of_what_is_lost_does_not_become_one_for_everything() -> None:
    lists = Snapshot(
        [AgencyRow("one", "One"), AgencyRow("two", "Two")],
        [ServiceRow("s", "S", providers=["one"]), ServiceRow("t", "T", providers=["two"])],
        channels=[
            ChannelRow("c", "C", agencies=["two"], services=["s"]),
            ChannelRow("d", "D", agencies=["one", "two"]),
        ],
    )
    after = altered(lists, AS_OF, Alteration.read(lists, AS_OF, remove="one", add="", end="")).snapshot
    assert [one.id for one in after.services] == ["t"]
    assert [(one.id, one.agencies) for one in after.channels] == [("d", ["two"])]


def test_a_required_resource_may_be_replaced_by_one_that_may_be_shared() -> None:
    def stops(shareability: str | None) -> list[str]:
        lists = Snapshot(
            services=[ServiceRow("s", "S", requires=["r"]), ServiceRow("t", "T", depends_on=["s"])],
            resources=[
                ResourceRow("r", "R", kind="data", functions=["f"]),
                ResourceRow("o", "O", kind="data", functions=["f"], shareability=shareability),
            ],
        )
        found = altered(lists, AS_OF, Alteration.read(lists, AS_OF, remove="r", add="", end="")).stops
        return [one.record.id for one in found]

    assert stops("shared") == []
    assert stops("not-shared") == ["s", "t"]
    assert stops(None) == ["s", "t"]


def test_the_same_stops_as_the_graph_itself_is_asked_what_is_hit(sample: ConnectionSettings) -> None:
    """Two ways to one answer: lists in memory here, steps of Cypher in `registry.explore.impact`."""
    reads = ("agencies", "services", "resources", "partnerships")
    with Store(sample) as store:
        answer, _unchanged = read_lists(store, reads, ADMIN)
    lists = named(reads, answer)

    used = [one.id for one in lists.resources if any(one.id in service.requires for service in lists.services)]
    lost = [*used[::3], "depok:data-penduduk", *(one.id for one in lists.services[::25])]

    async def hit() -> list[set[str]]:
        async with Reader(sample) as reader:
            found = [await impact(ExploreContext(reader.read, ADMIN), one, AS_OF, depth=12) for one in lost]
        return [{each.record for each in one.services if each.lost} for one in found if one]

    stops = [altered(lists, AS_OF, Alteration.read(lists, AS_OF, remove=one, add="", end="")).stops for one in lost]
    assert [{one.record.id for one in each} for each in stops] == asyncio.run(hit())
    assert sum(map(len, stops)) > 50


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("reuse", lambda row: {row.evidence[1].id}),
        ("matches", lambda row: {one.id for one in row.evidence if one.kind == "Agency"}),
        ("likely-partners", lambda row: {one.id for one in row.evidence[:2]}),
    ],
)
def test_a_report_about_one_agency_holds_its_rows_alone(
    lists: Snapshot, name: str, who: Callable[[ReportRow], set[str]]
) -> None:
    agency = "depok:bpbd-kota"
    whole, own = run_on_snapshot(lists, name, AS_OF), run_on_snapshot(lists, name, AS_OF, {"agency": agency})
    assert own.rows and all(agency in who(row) for row in own.rows)
    assert own.of < whole.of
    assert own.parameters["agency"] == agency
    with pytest.raises(ReportError, match="“Agency”: there is no agency with the identifier nobody"):
        run_on_snapshot(lists, name, AS_OF, {"agency": "nobody"})


def test_the_page_has_a_form_and_graphql_gives_the_same_rows(visitor: httpx.Client) -> None:
    asked = {"as-of": AS_OF, "end": "depok:ks-kampus-sehat"}
    page = visitor.get("/reports/what-if", params=asked).text
    assert '<input id="end" name="end" value="depok:ks-kampus-sehat" maxlength="1000"' in page
    assert "end=depok%3Aks-kampus-sehat" in page
    rows = visitor.get("/reports/what-if.json", params=asked).json()["rows"]
    query = f'{{ whatIf(asOf: "{AS_OF}", end: "depok:ks-kampus-sehat") {{ rows(first: 200) {{ change what before after }} }} }}'
    answer = visitor.post("/reports/graphql", json={"query": query}).json()
    assert answer["data"]["whatIf"]["rows"] == [
        {one: row[one] for one in ("change", "what", "before", "after")} for row in rows
    ]
    (parameters,) = [
        one["parameters"]
        for one in visitor.post("/reports/graphql", json={"query": CATALOGUE}).json()["data"]["reports"]
        if one["name"] == "what-if"
    ]
    assert parameters[0] == {
        "name": "remove",
        "label": "Remove records",
        "type": "text",
        "default": None,
        "least": None,
        "most": None,
        "longest": 1000,
    }
    refused = visitor.get("/reports/what-if", params={"remove": "<b>x</b>"})
    assert refused.status_code == 400 and "&lt;b&gt;x&lt;/b&gt;" in refused.text


CATALOGUE = "{ reports { name parameters { name label type default least most longest } } }"
