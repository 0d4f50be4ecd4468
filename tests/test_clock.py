"""The day is that of the registry's time zone, whatever zone the server runs in."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from registry.clock import TIMEZONE, frozen_at, local_text, time_of, today, use_zone
from registry.config import SettingsError, load_settings
from registry.database.driver import ConnectionSettings, Store
from registry.permissions import ADMIN
from registry.reports.catalogue import run_report


def half_past_midnight(day: str) -> datetime:
    """00:30 on a day in Jakarta, which is 17:30 of the day before in UTC."""
    return datetime.fromisoformat(f"{day}T00:30+07:00").astimezone(UTC)


@pytest.fixture
def zone() -> Any:
    yield use_zone
    use_zone(TIMEZONE)


def test_an_agreement_that_ended_yesterday_in_jakarta_is_expired(
    visitor: httpx.Client, sample: ConnectionSettings
) -> None:
    asked = '{ partnerships(where: {validUntil: {gt: "2028-01-01"}}, first: 1) { nodes { id validUntil } } }'
    (one,) = visitor.post("/graphql", json={"query": asked}).json()["data"]["partnerships"]["nodes"]
    ends = date.fromisoformat(one["validUntil"])
    with Store(sample) as store:
        for later, in_force in ((0, True), (1, False)):
            day = (ends + timedelta(days=later)).isoformat()
            with frozen_at(half_past_midnight(day)):
                page = visitor.get(f"/partnerships/{one['id']}").text
                report = run_report(store, "agreements", ADMIN, params={"within": "365"})
            assert ('class="badge expired"' in page) is not in_force
            findings = [row.values["finding"] for row in report.rows if row.evidence[0].id == one["id"]]
            assert report.as_of == day
            assert ("expired" in findings, "expiring" in findings) == (not in_force, in_force)


def test_pages_show_times_in_the_zone_of_the_registry(visitor: httpx.Client) -> None:
    page = visitor.get("/agencies?first=1").text
    path = page.split('role="rowheader"><a href="')[1].split('"')[0]
    assert " WIB</dd>" in visitor.get(path).text and " UTC</dd>" not in visitor.get(path).text
    assert " WIB</dd>" in visitor.get(path, headers={"Accept-Language": "id"}).text


@pytest.mark.parametrize(
    ("name", "day", "time"),
    [
        ("Asia/Jakarta", "2026-11-29", "00:30 WIB"),
        ("Asia/Jayapura", "2026-11-29", "02:30 WIT"),
        ("Asia/Singapore", "2026-11-29", "01:30 UTC+08"),
        ("America/New_York", "2026-11-28", "12:30 EST"),
        ("UTC", "2026-11-28", "17:30 UTC"),
    ],
)
def test_days_and_times_follow_the_zone_that_is_set(zone: Any, name: str, day: str, time: str) -> None:
    zone(name)
    with frozen_at(half_past_midnight("2026-11-29")):
        assert today() == day
    assert time_of("2026-11-28T17:30:00.000Z") == time
    assert local_text("2026-11-28T17:30:00.000Z") == f"{day} {time}"


def test_the_setting_names_the_zone_and_an_unknown_one_is_refused(zone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TIMEZONE", "Asia/Makassar")
    load_settings()
    assert time_of("2026-11-28T17:30:00.000Z") == "01:30 WITA"
    for wrong in ("Asia/Bogor", "Asia", "", "../../etc/passwd", "WIB"):
        monkeypatch.setenv("REGISTRY_TIMEZONE", wrong)
        with pytest.raises(SettingsError) as refused:
            load_settings()
        assert str(refused.value) == (
            "The setting REGISTRY_TIMEZONE is invalid: it must be the name of a time zone, such as Asia/Jakarta."
        )
