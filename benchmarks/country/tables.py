"""Generates the tables of a country: hubs, long names, restricted records and agreements with many parties.

Sizes and popularity follow Zipf's law: few agencies provide most services, and few resources have most users. The same scale
gives the same tables.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SEED = 20261129
SOURCE = 'name = "Generated country"\npublisher = "benchmark"\nlicence = "CC0"\nillustrative = true\nformat = "tables"\nfiles = "."\n'
SECTORS, PROVINCES, REGENCIES, FUNCTION_GROUPS, FUNCTIONS = 40, 38, 514, 10, 120
LONG_NAME, RESTRICTED, CLOSED, ENDED = 0.01, 0.1, 0.02, 0.1
KINDS = ("data", "application", "infrastructure", "facility", "equipment", "expertise", "fund")
MOST_PARTIES = 40
Row = Mapping[str, object]


@dataclass
class Country:
    """A country with `scale` times 10,000 agencies. `hub` is the agency with most services, `popular` the resource with most users."""

    scale: float = 1.0
    hub: str = "bench:agency-0000000"
    popular: str = "bench:resource-0000000"
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))

    @property
    def agencies(self) -> int:
        """The number of agencies."""
        return round(10_000 * self.scale)

    def tables(self) -> Iterator[tuple[str, Iterable[Row]]]:
        """Yield each table with its name. The rows of a table must be read before the next table is taken."""
        agencies = self.agencies
        services, resources, needs, uses, agreements = (n * agencies for n in (6, 2, 0.5, 10, 2))
        services, resources, needs, agreements = map(round, (services, resources, needs, agreements))
        yield "sectors", (_term("sector", n, "Sektor") for n in range(SECTORS))
        yield "areas", (_area(n) for n in range(PROVINCES + REGENCIES))
        yield "functions", (_function(n) for n in range(FUNCTION_GROUPS + FUNCTIONS))
        yield "agencies", self._agencies(agencies)
        yield "resources", self._resources(resources)
        yield "resources.users", self._uses(round(uses), resources)
        yield "services", self._services(services, resources)
        yield "services.providers", self._providers(services)
        yield "needs", self._needs(needs)
        parties = [self._parties() for _ in range(agreements)]
        yield "partnerships", self._agreements(parties, services, resources)
        yield "partnerships.parties", _party_rows(parties)

    def write(self, folder: Path) -> int:
        """Write the tables as a source that `registry load` reads, and return the number of rows."""
        (folder / "source.toml").write_text(SOURCE, encoding="utf-8")
        written = 0
        for name, rows in self.tables():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                table: csv.DictWriter[str] | None = None
                for row in rows:
                    if table is None:
                        table = csv.DictWriter(file, list(row))
                        table.writeheader()
                    table.writerow(row)
                    written += 1
        return written

    def _agencies(self, count: int) -> Iterator[Row]:
        for n in range(count):
            parent = "" if n < 40 else _agency(int(self.random.integers(min(n, max(40, n // 8)))))
            yield {
                "id": _agency(n),
                "name": self._name("Dinas", n),
                "steward": _agency(n),
                "access": "open",
                "status": "published",
                "acronym": f"D{n}",
                "kind": "department",
                "level_of_government": "city",
                "website": f"https://d{n}.example.org",
                "part_of": parent,
                "sectors": f"sector:{n % SECTORS:03}",
                "areas": self._regency(),
            }

    def _resources(self, count: int) -> Iterator[Row]:
        owners = self._popular(self.agencies, count)
        for n, owner in enumerate(owners):
            access, grants = self._access(int(owner))
            yield {
                "id": _resource(n),
                "name": self._name("Aplikasi", n),
                "steward": _agency(owner),
                "access": "open" if n == 0 else access,
                "grants": grants,
                "status": "published",
                "kind": KINDS[n % len(KINDS)],
                "unit": "kursi",
                "capacity": 100,
                "in_use": int(self.random.integers(100)),
                "shareability": "on-request" if n % 3 else "open",
                "owners": _agency(owner),
                "areas": self._regency(),
                "functions": self._function(),
            }

    def _uses(self, count: int, resources: int) -> Iterator[Row]:
        used = self._popular(resources, 2 * count)
        users = self.random.integers(self.agencies, size=2 * count)
        pairs = list(dict.fromkeys(zip(used.tolist(), users.tolist(), strict=True)))[:count]
        for n, (resource, agency) in enumerate(pairs):
            since = f"20{10 + n % 15}-01-{1 + n % 28:02}"
            yield {"resource": _resource(resource), "agency": _agency(agency), "role": "reuse", "since": since}

    def _services(self, count: int, resources: int) -> Iterator[Row]:
        self._leads = self._popular(self.agencies, count)
        required = self._popular(resources, count)
        for n, (lead, resource) in enumerate(zip(self._leads.tolist(), required.tolist(), strict=True)):
            yield {
                "id": _service(n),
                "name": self._name("Layanan", n),
                "description": f"Melayani warga dengan urusan nomor {n}.",
                "steward": _agency(lead),
                "access": "restricted" if n % 50 == 7 else "open",
                "status": "published",
                "kind": "public",
                "digital_maturity": 1 + n % 5,
                "sectors": f"sector:{lead % SECTORS:03}",
                "areas": self._regency(),
                "functions": self._function(),
                "requires": _resource(resource) if n % 2 else "",
                "depends_on": _service(int(self.random.integers(n))) if n and n % 5 == 0 else "",
            }

    def _providers(self, count: int) -> Iterator[Row]:
        for n, lead in enumerate(self._leads.tolist()):
            yield {"service": _service(n), "agency": _agency(lead), "role": "lead"}
            if n % 20 == 0 and (other := int(self.random.integers(self.agencies))) != lead:
                yield {"service": _service(n), "agency": _agency(other), "role": "co-provider"}

    def _needs(self, count: int) -> Iterator[Row]:
        for n in range(count):
            agency = int(self.random.integers(self.agencies))
            yield {
                "id": f"bench:need-{n:07}",
                "name": self._name("Kebutuhan", n),
                "steward": _agency(agency),
                "access": "open",
                "status": "published",
                "kind": KINDS[int(self.random.integers(len(KINDS)))],
                "unit": "kursi",
                "quantity": 1 + n % 60,
                "by_when": f"2027-{1 + n % 12:02}-15",
                "agency": _agency(agency),
                "areas": self._regency(),
                "functions": self._function(),
            }

    def _parties(self) -> Sequence[int]:
        """Return the parties of an agreement: two to twelve, of one agreement in two hundred up to MOST_PARTIES."""
        many = self.random.random() < 0.005
        size = int(self.random.integers(13, MOST_PARTIES + 1)) if many else min(12, 1 + int(self.random.zipf(1.8)))
        drawn = (
            self._popular(self.agencies, 2 * size).tolist() + self.random.integers(self.agencies, size=size).tolist()
        )
        return list(dict.fromkeys(drawn))[: max(2, size)]

    def _agreements(self, parties: Sequence[Sequence[int]], services: int, resources: int) -> Iterator[Row]:
        for n, agencies in enumerate(parties):
            restricted = self.random.random() < RESTRICTED
            yield {
                "id": f"bench:agreement-{n:07}",
                "name": self._name("Perjanjian", n),
                "steward": _agency(agencies[0]),
                "access": "restricted" if restricted else "open",
                "grants": ";".join(map(_agency, agencies)) if restricted else "",
                "status": "published",
                "instrument": "cooperation-agreement",
                "document_number": f"PKS/{n}/2024",
                "valid_from": f"20{15 + n % 10}-03-01",
                "valid_until": "2025-12-31" if self.random.random() < ENDED else "2031-12-31",
                "covers_services": _service(int(self.random.integers(services))),
                "covers_resources": _resource(int(self.random.integers(resources))),
            }

    def _popular(self, count: int, draws: int) -> np.ndarray:
        """Draw numbers below `count`; number n is drawn in proportion to 1 / (n + 1)."""
        weights = np.cumsum(1 / np.arange(1, count + 1))
        return np.searchsorted(weights, self.random.random(draws) * weights[-1])

    def _access(self, owner: int) -> tuple[str, str]:
        drawn = self.random.random()
        access = "closed" if drawn < CLOSED else "restricted" if drawn < CLOSED + RESTRICTED else "open"
        return access, "" if access == "open" else _agency(owner)

    def _regency(self) -> str:
        return _area_id(PROVINCES + int(self.random.integers(REGENCIES)))

    def _function(self) -> str:
        return _function_id(FUNCTION_GROUPS + int(self.random.integers(FUNCTIONS)))

    def _name(self, start: str, n: int) -> str:
        name = f"{start} {_WORDS[n % len(_WORDS)]} {_WORDS[n // 7 % len(_WORDS)]} Nomor {n}"
        return f"{name} {' '.join(_WORDS * 2)}"[:240] if self.random.random() < LONG_NAME else name


_WORDS = [
    "Kesehatan",
    "Pendidikan",
    "Perhubungan",
    "Sosial",
    "Lingkungan",
    "Kependudukan",
    "Perizinan",
    "Pertanian",
    "Perdagangan",
    "Kebencanaan",
    "Perpustakaan",
    "Kearsipan",
    "Pajak",
    "Pangan",
    "Perumahan",
    "Ketenagakerjaan",
    "Statistik",
]


def _agency(n: int) -> str:
    return f"bench:agency-{n:07}"


def _resource(n: int) -> str:
    return f"bench:resource-{n:07}"


def _service(n: int) -> str:
    return f"bench:service-{n:07}"


def _area_id(n: int) -> str:
    return f"area:{n:04}"


def _function_id(n: int) -> str:
    return f"function:{n:04}"


def _area(n: int) -> Row:
    broader = "" if n < PROVINCES else _area_id(n % PROVINCES)
    return {**_term("area", n, "Wilayah", 4), "broader": broader}


def _function(n: int) -> Row:
    broader = "" if n < FUNCTION_GROUPS else _function_id(n % FUNCTION_GROUPS)
    return {**_term("function", n, "Fungsi", 4), "broader": broader}


def _term(kind: str, n: int, name: str, digits: int = 3) -> dict[str, object]:
    return {
        "id": f"{kind}:{n:0{digits}}",
        "name": f"{name} {n}",
        "steward": _agency(0),
        "access": "open",
        "status": "published",
        "scheme": f"bench-{kind}",
        "code": f"{n:0{digits}}",
        "label_id": f"{name} {n}",
        "label_en": f"{kind.title()} {n}",
    }


def _party_rows(parties: Sequence[Sequence[int]]) -> Iterator[Row]:
    for n, agencies in enumerate(parties):
        for place, agency in enumerate(agencies):
            role = "partner" if place else "lead"
            yield {"partnership": f"bench:agreement-{n:07}", "agency": _agency(agency), "role": role}
