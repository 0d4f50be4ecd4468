"""The sample as the lists that an administrator's reports read, straight from its tables."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from registry.analysis.report import Report
from registry.analysis.snapshot import (
    AgencyRow,
    ChannelRow,
    FeedbackRow,
    NeedRow,
    PartnershipRow,
    ResourceRow,
    ServiceRow,
    Snapshot,
    StatementRow,
    TermRow,
)
from registry.i18n import language, use_language
from registry.reports.catalogue import run_on_snapshot
from tests.support.paths import ROOT

TABLES = ROOT / "loaders" / "sources" / "depok" / "data"
AS_OF = "2026-11-25"
Line = dict[str, str]


def sample_report(name: str, as_of: str = AS_OF, **parameters: object) -> Report:
    """Return a report on the sample in the language of who asks; each is made once."""
    return _made(name, as_of, language(), tuple(parameters.items()))


@cache
def _made(name: str, as_of: str, spoken: str, parameters: tuple[tuple[str, object], ...]) -> Report:
    with use_language(spoken):
        return run_on_snapshot(depok(), name, as_of, dict(parameters))


@cache
def depok() -> Snapshot:
    """Return the sample; whoever changes a list of it changes it for all tests."""
    providers, parties = _far("services.providers", "service"), _far("partnerships.parties", "partnership")
    uses = _uses()
    leads = _far("services.providers", "service", "lead")
    leading = _far("partnerships.parties", "partnership", "lead")
    return Snapshot(
        agencies=[
            AgencyRow(one["id"], one["name"], True, _ids(one["sectors"]), _ids(one["areas"]), _ids(one["part_of"]))
            for one in _table("agencies")
        ],
        services=[_service(one, providers[one["id"]], leads[one["id"]]) for one in _table("services")],
        resources=[_resource(one, uses[one["id"]]) for one in _table("resources")],
        needs=[_need(one) for one in _table("needs")],
        partnerships=[_partnership(one, parties[one["id"]], leading[one["id"]]) for one in _table("partnerships")],
        statements=[
            StatementRow(
                one["id"], one["id"], True, _ids(one["agency"]), _ids(one["partnership"]),
                one["scale"], int(one["level"]), one["on"],
            )
            for one in _table("statements")
        ],
        channels=[_channel(one) for one in _table("channels")],
        feedbacks=[
            FeedbackRow(
                one["id"], one["id"], True, _ids(one["service"]), _ids(one["channel"]), _ids(one["owner"]),
                one["received"], one["answered"] or None,
            )
            for one in _table("feedbacks")
        ],
        sectors=_terms("sectors"),
        areas=_terms("areas"),
        functions=_terms("functions"),
    )  # fmt: skip


def _resource(one: Line, uses: Sequence[Sequence[str | None]]) -> ResourceRow:
    return ResourceRow(
        one["id"], one["name"], True, _ids(one["owners"]), uses, one["kind"], one["shareability"] or None,
        one["application_class"] or None, _ids(one["areas"]), _ids(one["functions"]), one["unit"] or None,
        _number(one["capacity"]), _number(one["in_use"]),
    )  # fmt: skip


def _need(one: Line) -> NeedRow:
    return NeedRow(
        one["id"], one["name"], True, _ids(one["agency"]), one["kind"], _ids(one["areas"]), _ids(one["functions"]),
        one["unit"] or None, _number(one["quantity"]), one["by_when"] or None, _ids(one["service"]),
    )  # fmt: skip


def _channel(one: Line) -> ChannelRow:
    two_way = {"yes": True, "no": False}.get(one["two_way"])
    return ChannelRow(
        one["id"], one["id"], True, _ids(one["agency"]), _ids(one["service"]), one["kind"], two_way,
        _number(one["answers_within"]),
    )  # fmt: skip


def _service(one: Line, providers: list[str], leads: list[str]) -> ServiceRow:
    linked = (_ids(one[column]) for column in ("functions", "requires", "depends_on", "audiences"))
    return ServiceRow(one["id"], one["name"], True, providers, *linked, leads)


def _partnership(one: Line, parties: list[str], leads: list[str]) -> PartnershipRow:
    covers = [*_ids(one["covers_services"]), *_ids(one["covers_resources"])]
    dates = one["valid_from"] or None, one["valid_until"] or None
    return PartnershipRow(
        one["id"], one["name"], True, one["instrument"] or None, *dates, one["legal_basis"] or None,
        parties, covers, 0, _ids(one["renews"]), one["target_scale"] or None, _level(one["target_level"]),
        [], [], False, [], [], leads,
    )  # fmt: skip


def _table(name: str) -> Iterator[Line]:
    """Yield the published rows in the order of their ids."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    return iter(sorted((row for row in rows if row["status"] == "published"), key=lambda row: row["id"]))


def _terms(name: str) -> list[TermRow]:
    return [
        TermRow(one["id"], one["name"], one["label_id"], one["label_en"], _ids(one.get("broader", "")), one["code"])
        for one in _table(name)
    ]


def _far(name: str, near: str, role: str | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if role in (None, row["role"]):
                found[row[near]].append(row["agency"])
    return found


def _uses() -> dict[str, list[list[str | None]]]:
    found: dict[str, list[list[str | None]]] = defaultdict(list)
    with (TABLES / "resources.users.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            found[row["resource"]].append([row["agency"], row["since"] or None, row["until"] or None, row["role"]])
    return found


def _ids(cell: str) -> list[str]:
    return [one for one in cell.split(";") if one]


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _level(cell: str) -> int | None:
    return int(cell) if cell else None
