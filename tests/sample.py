"""The sample registry of Depok as the lists that reports read, straight from its tables, as an administrator sees it."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from registry.analysis.lists import Agency, Lists, Partnership, Resource, Service, Term

TABLES = Path(__file__).parent.parent / "loaders" / "sources" / "depok" / "data"
AS_OF = "2026-11-25"


def sample() -> Lists:
    shown = {row["id"] for name in ("agencies", "services", "resources", "partnerships") for row in published(name)}
    providers = grouped("services.providers", "service", "agency")
    parties = grouped("partnerships.parties", "partnership", "agency")
    uses = defaultdict(list)
    for row in rows("resources.users"):
        uses[row["resource"]].append([row["agency"], row["since"] or None, row["until"] or None])

    def ids(row: dict[str, str], column: str) -> list[str]:
        return [one for one in row.get(column, "").split(";") if one]

    def named(row: dict[str, str]) -> tuple[str, str, bool]:
        return row["id"], row["name"], True

    def covered(row: dict[str, str]) -> list[str]:
        return [one for one in ids(row, "covers_services") + ids(row, "covers_resources") if one in shown]

    return Lists(
        agencies=[
            Agency(*named(row), ids(row, "sectors"), ids(row, "areas"), ids(row, "part_of")) for row in published("agencies")
        ],
        services=[Service(*named(row), providers[row["id"]], ids(row, "functions")) for row in published("services")],
        resources=[Resource(*named(row), ids(row, "owners"), uses[row["id"]]) for row in published("resources")],
        partnerships=[
            Partnership(
                *named(row), row["instrument"], row["valid_from"] or None, row["valid_until"] or None,
                row["legal_basis"] or None, parties[row["id"]], covered(row), 0, ids(row, "renews"),
            )
            for row in published("partnerships")
        ],
        sectors=list(terms("sectors")),
        areas=list(terms("areas")),
        functions=list(terms("functions")),
    )  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def published(name: str) -> list[dict[str, str]]:
    return sorted((row for row in rows(name) if row["status"] in ("", "published")), key=lambda row: row["id"])


def grouped(name: str, key: str, value: str) -> defaultdict[str, list[str]]:
    found = defaultdict(list)
    for row in rows(name):
        found[row[key]].append(row[value])
    return found


def terms(name: str) -> Iterator[Term]:
    for row in published(name):
        broader = [one for one in row.get("broader", "").split(";") if one]
        yield Term(row["id"], row["name"], row["label_id"], row["label_en"], broader)
