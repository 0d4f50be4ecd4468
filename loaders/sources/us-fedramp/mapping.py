"""FedRAMP: which agency first authorised a cloud service, and which agencies reuse the authorisation."""

from collections.abc import Iterator
from datetime import date

from loaders.rows import SourceRow
from loaders.source import Mapped, implied, left_out, link, noted, record

JOINT_BOARD = "22-001"
FIRST_YEAR = 2000  # before the programme began; an earlier year is a typing error, such as 0202


def agencies(row: SourceRow) -> Iterator[Mapped]:
    """Yield an agency, or a unit of one: `22-008-02` belongs to `22-008`, whose name is in `parent`."""
    number, name = row["id"], row["sub"] or row["parent"]
    yield record("Agency", key(number), name=name, website=row["website"], **_federal(number))
    above = number[:6]
    if above != number:
        yield implied("Agency", key(above), name=row["parent"], **_federal(above))
        yield link("Agency.part_of", key(number), key(above))


def products(row: SourceRow) -> Iterator[Mapped]:
    """Yield a cloud service that agencies can reuse."""
    yield record(
        "Resource",
        key(row["id"]),
        name=f"{row['csp']}: {row['cso']}",
        kind="application",
        shareability="on-request",
        available_since=_day(row["auth_date"]),
        description=", ".join(filter(None, (row["service_model"], row["deployment_model"], row["impact_level"]))),
    )


def ato_mapping(row: SourceRow) -> Iterator[Mapped]:
    """Yield the use of a service by the agency that first authorised the service; the use begins on `auth_date`."""
    agency = row["agency_id"]
    if not agency:
        yield left_out("NO_AGENCY", "agency_id", "", "required", "the first authorisation names no agency")
    elif agency == JOINT_BOARD:
        yield left_out(
            "JOINT_BOARD", "agency_id", agency, "an agency that uses it", "the joint board uses nothing itself"
        )
    else:
        yield from _use(row, agency, "first", row["auth_date"], row["exp_date"])


def reuse_mapping(row: SourceRow) -> Iterator[Mapped]:
    """Yield the reuse of a service by an agency or by a named unit of the agency.

    The reuse begins on the date of the agency's letter.
    """
    yield from _use(row, row["sub_id"] or row["agency_id"], "reuse", row["ato_date"], row["exp_date"])


def key(number: str) -> str:
    """Return the record id for a FedRAMP number."""
    return f"us-fedramp:{number}"


def _use(row: SourceRow, agency: str, role: str, since: str, until: str) -> Iterator[Mapped]:
    begins, ends = _day(since), _day(until)
    if since and not begins:
        yield noted("NO_DATE", "ato_date", since, "a date such as 2026-12-31", "it is no date; the use stays, undated")
    if until and not ends:
        yield noted(
            "NO_END", "exp_date", until, "a date such as 2026-12-31", "it is no date; the use stays, open-ended"
        )
    yield link("Agency.uses", key(agency), key(row["id"]), role=role, since=begins, until=ends)


def _day(text: str) -> date | None:
    """Return the day at the start of a date and time; return None if there is no plausible day."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if day.year >= FIRST_YEAR else None


def _federal(number: str) -> dict[str, object]:
    kind = "board" if number == JOINT_BOARD else "agency"
    return {"kind": kind, "level_of_government": "national", "identifiers": [f"fedramp:{number}"]}
