"""The sample as the lists that an administrator's reports read, straight from its tables."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from registry.analysis.lists import Agency, Lists, Partnership, Resource, Service, Term

TABLES = Path(__file__).parent.parent / "loaders" / "sources" / "depok" / "data"
AS_OF = "2026-11-25"
Line = dict[str, str]


def depok() -> Lists:
    providers, parties, uses = (
        _far("services.providers", "service"),
        _far("partnerships.parties", "partnership"),
        _uses(),
    )
    leads = _far("services.providers", "service", "lead")
    return Lists(
        agencies=[
            Agency(one["id"], one["name"], True, _ids(one["sectors"]), _ids(one["areas"]), _ids(one["part_of"]))
            for one in _table("agencies")
        ],
        services=[_service(one, providers[one["id"]], leads[one["id"]]) for one in _table("services")],
        resources=[
            Resource(one["id"], one["name"], True, _ids(one["owners"]), uses[one["id"]]) for one in _table("resources")
        ],
        partnerships=[_partnership(one, parties[one["id"]]) for one in _table("partnerships")],
        sectors=_terms("sectors"),
        areas=_terms("areas"),
        functions=_terms("functions"),
    )


def _service(one: Line, providers: list[str], leads: list[str]) -> Service:
    linked = (_ids(one[column]) for column in ("functions", "requires", "depends_on", "audiences"))
    return Service(one["id"], one["name"], True, providers, *linked, leads)


def _partnership(one: Line, parties: list[str]) -> Partnership:
    covers = [*_ids(one["covers_services"]), *_ids(one["covers_resources"])]
    dates = one["valid_from"] or None, one["valid_until"] or None
    return Partnership(
        one["id"], one["name"], True, one["instrument"] or None, *dates, one["legal_basis"] or None,
        parties, covers, 0, _ids(one["renews"]),
    )  # fmt: skip


def _table(name: str) -> Iterator[Line]:
    """Yield the published rows in the order of their ids."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    return iter(sorted((row for row in rows if row["status"] == "published"), key=lambda row: row["id"]))


def _terms(name: str) -> list[Term]:
    return [
        Term(one["id"], one["name"], one["label_id"], one["label_en"], _ids(one.get("broader", "")))
        for one in _table(name)
    ]


def _far(name: str, near: str, role: str | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if role in (None, row["role"]):
                found[row[near]].append(row["agency"])
    return found


def _uses() -> dict[str, list[tuple[str, str | None, str | None]]]:
    found: dict[str, list[tuple[str, str | None, str | None]]] = defaultdict(list)
    with (TABLES / "resources.users.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            found[row["resource"]].append((row["agency"], row["since"] or None, row["until"] or None))
    return found


def _ids(cell: str) -> list[str]:
    return [one for one in cell.split(";") if one]
