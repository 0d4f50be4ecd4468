"""A world of agencies, each with ten services, each with a few channels, written as the loader stores them."""

from typing import Any

from registry.database.driver import Cypher, Store
from registry.model.definitions import MODEL
from registry.model.records import Record, fold, search_values

SERVICES = 10
BATCH = 200
KEPT = {
    "access": "open",
    "status": "published",
    "seen_by": ["*"],
    "shown_to": ["*"],
    "source": "source:benchmark",
    "run": "run:benchmark",
    "version": 1,
    "created": "2026-01-01T00:00:00.000Z",
    "updated": "2026-01-01T00:00:00.000Z",
    "hash": "0123456789abcdef0123",
}
CREATE = (
    "UNWIND $in.rows AS row CREATE (a:Agency) SET a = row.props"
    " WITH a, row UNWIND row.services AS service CREATE (a)-[:PROVIDES {role: 'lead'}]->(s:Service) SET s = service.props"
    " WITH s, service UNWIND service.channels AS channel CREATE (s)<-[:CHANNEL_FOR]-(c:Channel) SET c = channel"
)


def fill(store: Store, agencies: range, channels: int) -> None:
    """Write these agencies, their services, and so many channels of each service."""
    for start in range(agencies.start, agencies.stop, BATCH):
        numbers = range(start, min(start + BATCH, agencies.stop))
        store.write(Cypher(CREATE, {"in": {"rows": [_agency(number, channels) for number in numbers]}}))


def agency_id(number: int) -> str:
    """Return the id of an agency."""
    return f"agency:number-{number:06}"


def _agency(number: int, channels: int) -> dict[str, Any]:
    name = f"Dinas Contoh Nomor {number:06}"
    props = record(
        "Agency",
        agency_id(number),
        f"{name} Pusat" if number % 400 == 7 else name,
        kind="department",
        acronym=f"DCN{number}",
        website=f"https://dinas-{number:06}.example.org",
    )
    first = number * SERVICES
    return {"props": props, "services": [_service(one, channels) for one in range(first, first + SERVICES)]}


def _service(number: int, channels: int) -> dict[str, Any]:
    name = f"Layanan Contoh Nomor {number:07}"
    props = record("Service", f"service:number-{number:07}", name, kind=_kind(number), digital_maturity=3)
    return {"props": props, "channels": [_channel(number, one) for one in range(channels)]}


def _channel(service: int, number: int) -> dict[str, Any]:
    name = f"channel:number-{service:07}-{number}"
    return record("Channel", name, name, kind="counter", address=f"Jalan Merdeka {service}", two_way=True)


def _kind(number: int) -> str:
    """One service in a thousand is rare, one in fifty uncommon."""
    return "rare" if number % 1000 == 0 else "uncommon" if number % 50 == 1 else "public"


def record(of: str, record_id: str, name: str, **values: Any) -> dict[str, Any]:
    """Return a record of a kind as the loader stores it."""
    given = {"id": record_id, "name": name, **values}
    return {**given, "name_key": fold(name), **search_values(Record(MODEL[of], record_id, given)), **KEPT}
