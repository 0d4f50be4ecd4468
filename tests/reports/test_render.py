"""Small numbers about what a reader may not see all of are left out of every output, and cannot be had by difference."""

import json
from collections.abc import Iterator

import httpx
import pytest

from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, PartnershipRow, ResourceRow, Snapshot
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Store
from registry.i18n import SuppressedCount
from registry.permissions import ADMIN, ANONYMOUS
from registry.reports.catalogue import DEFINITIONS, Library, run_on_snapshot
from registry.reports.export import as_html, as_xlsx
from registry.reports.render import as_json, as_text, withhold_small_counts
from registry.web.app import build_app
from tests.support.server import serving

AS_OF, SMALLEST = "2026-11-25", 5


def world(hidden: int) -> Snapshot:
    """Thirty agencies with an agreement each, `hidden` of which, and as many resources, show only a summary."""
    agencies = [AgencyRow(f"a:{n}", f"Agency {n}", True) for n in range(30)]
    agreements = [
        PartnershipRow(f"p:{n}", f"Agreement {n}", n >= hidden, parties=[f"a:{n}", f"a:{(n + 1) % 30}"])
        for n in range(30)
    ]
    resources = [ResourceRow(f"r:{n}", f"Resource {n}", n >= hidden) for n in range(30)]
    return Snapshot(agencies, partnerships=agreements, resources=resources)


def shown(name: str, hidden: int, smallest: int = SMALLEST) -> Report:
    return withhold_small_counts(run_on_snapshot(world(hidden), name, AS_OF), smallest)


def test_a_row_with_a_small_number_is_left_out_and_taken_from_the_totals() -> None:
    whole, report = run_on_snapshot(world(2), "coverage", AS_OF), shown("coverage", 2)
    assert {row["withheld"] for row in whole.rows} == {0, 2} and {row["withheld"] for row in report.rows} == {0}
    assert report.of == sum(int(str(row["of"])) for row in report.rows)
    assert report.found == sum(int(str(row["recorded"])) for row in report.rows)
    assert "Numbers from 1 to 4 are withheld" in report.notes[-1]


@pytest.mark.parametrize(
    "name", [name for name in DEFINITIONS if name != "changes"]
)  # of which each half is such a report
def test_no_output_of_a_report_tells_how_few(name: str) -> None:
    report = shown(name, 2)
    assert isinstance(report.withheld, SuppressedCount) and report.withheld == SMALLEST
    told = json.loads(as_json(report))
    assert told["withheld"] is None and told["unknown"] != 4
    assert "You see <5 records only in summary." in " ".join(as_text(report).split())
    assert "&lt;5" in as_html(report) and as_xlsx(report)
    for part in report.parts:
        assert isinstance(part.withheld, SuppressedCount) and not {row.values.get("withheld") for row in part.rows} & {
            1,
            2,
            3,
            4,
        }


def test_the_gap_report_loses_what_it_took_from_a_row_that_is_left_out() -> None:
    before = [row["subject"] for row in run_on_snapshot(world(2), "gaps", AS_OF).rows if row["finding"] == "coverage"]
    after = [row["subject"] for row in shown("gaps", 2).rows if row["finding"] == "coverage"]
    assert set(after) < set(before) and any(str(one).startswith("agreements: ") for one in before)
    assert not any(str(one).startswith("agreements: ") for one in after)


def test_numbers_are_shown_where_nothing_or_much_is_withheld() -> None:
    for hidden, smallest in ((0, SMALLEST), (2, 0), (2, 1)):
        assert shown("coverage", hidden, smallest) == run_on_snapshot(world(hidden), "coverage", AS_OF)
    many = shown("coverage", 6)
    assert many.withheld == 12 and many.rows == run_on_snapshot(world(6), "coverage", AS_OF).rows


def test_numbers_are_the_same_everywhere_and_complete_for_administrators(sample: ConnectionSettings) -> None:
    library = Library(smallest_count=50)
    with Store(sample) as store:
        assert library.run(store, "coverage", ADMIN, AS_OF).withheld == 0
        mine = library.run(store, "coverage", ANONYMOUS, AS_OF)
    assert isinstance(mine.withheld, SuppressedCount)


@pytest.fixture(scope="module")
def client(sample: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(build_app(sample, Settings(_env_file=None, lang="en", smallest_count=50))) as client:
        yield client


def test_pages_files_and_graphql_leave_out_the_same(client: httpx.Client) -> None:
    asked = {"as-of": AS_OF}
    as_file = client.get("/reports/coverage.json", params=asked).json()
    assert as_file["withheld"] is None
    page = client.get("/reports/coverage", params=asked).text
    assert "&lt;50" in page and page.count("<tr") == 1 + len(as_file["rows"])
    query = f'{{ coverage(asOf: "{AS_OF}") {{ withheld unknown rowsCount }} gaps(asOf: "{AS_OF}") {{ parts {{ name unknown }} }} }}'
    data = client.post("/reports/graphql", json={"query": query}).json()["data"]
    assert data["coverage"] == {"withheld": None, "unknown": as_file["unknown"], "rowsCount": len(as_file["rows"])}
    assert len(data["gaps"]["parts"]) == 10
    assert "&lt;50" in client.get("/reports/gaps.html", params=asked).text
