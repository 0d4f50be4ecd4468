"""A world to know by heart: two offices, a clinic, a foundation and a secret court, and what they do together."""

from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from tests.support.factories import record
from tests.support.oracle import World

CITY, SECRET = {"steward": "agency:health"}, {"steward": "agency:court"}
RECORDS = [
    record("Source", "world", "Small world"),
    record("Sector", "sector:health", "Health", scheme="local", code="1", label_id="Kesehatan", label_en="Health"),
    record("Sector", "sector:order", "Public order", scheme="local", code="0"),
    record("Sector", "sector:inquiries", "Secret inquiries", scheme="local", code="01", access="closed", **SECRET),
    record("Sector", "sector:roads", "Roads", scheme="local", code="2", label_id="Jalan", label_en="Roads"),
    record(
        "Agency", "agency:health", "Health Office", kind="department", acronym="HO", description="Keeps people well."
    ),
    record("Agency", "agency:roads", "Roads Office", kind="department", acronym="RO"),
    record("Agency", "agency:clinic", "Clinic Élysée", kind="health-centre", **CITY),
    record("Agency", "agency:helpers", "The Helpers", kind="community", access="restricted", description="By night."),
    record("Agency", "agency:court", "Court of Secrets", kind="court", access="closed", **SECRET),
    record("Service", "service:vaccines", "Vaccination", kind="public", digital_maturity=3, **CITY),
    record("Service", "service:ambulance", "Ambulance", kind="public", digital_maturity=2, **CITY),
    record("Service", "service:permits", "Road permits", kind="administrative", digital_maturity=5),
    record("Service", "service:telegram", "Telegrams", kind="public", status="retired"),
    record("Resource", "resource:vans", "Vans", kind="equipment", unit="vans", capacity=12, in_use=7.5, **CITY),
    record("Resource", "resource:register", "Patient register", kind="data", access="restricted", **CITY),
    record("Partnership", "partnership:vans", "Vans for the sick", instrument="mou", valid_until="2027-06-30"),
    record("Partnership", "partnership:files", "Files for the court", instrument="mou", access="closed", **SECRET),
]
TIES: list[tuple[str, str, str, dict[str, str]]] = [
    ("Agency.part_of", "agency:clinic", "agency:health", {}),
    ("Agency.sectors", "agency:health", "sector:health", {}),
    ("Agency.sectors", "agency:clinic", "sector:health", {}),
    ("Agency.sectors", "agency:roads", "sector:roads", {}),
    ("Agency.sectors", "agency:court", "sector:roads", {}),
    ("Sector.broader", "sector:health", "sector:order", {}),
    ("Sector.broader", "sector:roads", "sector:inquiries", {}),
    ("Sector.broader", "sector:inquiries", "sector:order", {}),
    ("Service.providers", "service:vaccines", "agency:health", {"role": "commissioner"}),
    ("Service.providers", "service:vaccines", "agency:clinic", {"role": "lead"}),
    ("Service.providers", "service:ambulance", "agency:clinic", {"role": "lead"}),
    ("Service.providers", "service:permits", "agency:roads", {"role": "lead"}),
    ("Service.providers", "service:telegram", "agency:roads", {"role": "lead"}),
    ("Service.depends_on", "service:ambulance", "service:permits", {}),
    ("Resource.owners", "resource:vans", "agency:roads", {}),
    ("Resource.owners", "resource:register", "agency:health", {}),
    ("Resource.users", "resource:vans", "agency:clinic", {"role": "first", "since": "2025-03-01"}),
    (
        "Resource.users",
        "resource:vans",
        "agency:health",
        {"role": "reuse", "since": "2024-01-15", "until": "2026-11-24"},
    ),
    ("Resource.users", "resource:vans", "agency:helpers", {"role": "reuse", "since": "2026-11-26"}),
    ("Resource.users", "resource:vans", "agency:court", {"role": "reuse", "since": "2024-01-15"}),
    ("Partnership.parties", "partnership:vans", "agency:roads", {"role": "lead"}),
    ("Partnership.parties", "partnership:vans", "agency:clinic", {"role": "partner"}),
    ("Partnership.parties", "partnership:files", "agency:court", {"role": "lead"}),
    ("Partnership.covers_resources", "partnership:vans", "resource:vans", {}),
]


def small_world() -> World:
    """Return the records and ties; what does not fit the model fails the test."""
    world = World(MODEL, records=list(RECORDS))
    for named, here, there, values in TIES:
        kind, end = named.split(".")
        made, problems = make_relationship(MODEL[kind].ends[end], here, there, values)
        assert made, problems
        world.ties.append(made)
    return world
