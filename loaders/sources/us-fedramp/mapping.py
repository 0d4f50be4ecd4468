"""FedRAMP: which agency authorised a cloud service first, and which reuse that authorisation."""

import re
from collections.abc import Iterator

from loaders.mapping import Mapped, Row, implied, left_out, noted, record, tie

JOINT_BOARD = "22-001"
LETTER = re.compile(r"\d{4}-\d{2}-\d{2}T")


def agencies(row: Row) -> Iterator[Mapped]:
    """An agency, or a unit of one: `22-008-02` belongs to `22-008`, whose name stands in `parent`."""
    number, name = row["id"].strip(), row["sub"].strip() or row["parent"].strip()
    yield record("Agency", key(number), name=name, website=row["website"].strip(), **_federal(number))
    above = number[:6]
    if above != number:
        yield implied("Agency", key(above), name=row["parent"].strip(), **_federal(above))
        yield tie("Agency.part_of", key(number), key(above))


def products(row: Row) -> Iterator[Mapped]:
    """A cloud service that agencies may reuse."""
    yield record(
        "Resource",
        key(row["id"]),
        name=f"{row['csp'].strip()}: {row['cso'].strip()}",
        kind="application",
        shareability="on-request",
        description=", ".join(filter(None, (row["service_model"], row["deployment_model"], row["impact_level"]))),
    )


def ato_mapping(row: Row) -> Iterator[Mapped]:
    """The agency that authorised a service first: it has it from `auth_date`."""
    agency = row["agency_id"].strip()
    if not agency:
        yield left_out("NO_AGENCY", "agency_id", "", "required", "the first authorisation names no agency")
    elif agency == JOINT_BOARD:
        yield left_out(
            "JOINT_BOARD", "agency_id", agency, "an agency that uses it", "the joint board uses nothing itself"
        )
    else:
        yield from _use(row, agency, "first", row["auth_date"], row["exp_date"])


def reuse_mapping(row: Row) -> Iterator[Mapped]:
    """An agency, or the unit of it that is named, reuses a service since the date of its letter."""
    agency = row["sub_id"].strip() or row["agency_id"].strip()
    yield from _use(row, agency, "reuse", row["ato_date"], row["exp_date"])


def key(number: str) -> str:
    """Return our id for one of theirs."""
    return f"us-fedramp:{number.strip()}"


def _use(row: Row, agency: str, role: str, since: str, until: str) -> Iterator[Mapped]:
    days = {}
    for name, field, text in (("since", "ato_date", since), ("until", "exp_date", until)):
        days[name] = text if LETTER.match(text) else None
        if text and not days[name]:
            yield noted("NO_DATE", field, text, "a date such as 2026-12-31", "it is no date; the use stays, undated")
    yield tie("Agency.uses", key(agency), key(row["id"]), role=role, **days)


def _federal(number: str) -> dict[str, object]:
    kind = "board" if number == JOINT_BOARD else "agency"
    return {"kind": kind, "level_of_government": "national", "identifiers": [f"fedramp:{number}"]}
