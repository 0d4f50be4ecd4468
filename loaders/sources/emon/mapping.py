"""Two search and rescue networks (Drabek et al. 1981): which agency contacted which, and how often.

Every contact is an informal partnership whose lead party contacted the other. `frequency` is 1 for most often, 4 for least
often. Names are written as in R: dots replace all characters other than letters and digits. The sponsor of an agency is
mapped to its sector.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import partial

from loaders.rows import SourceRow
from loaders.source import Mapped, implied, link, record

KINDS = {"Private": "community"}
LEVELS = {"Federal": "national", "State": "state", "City": "city"}
MOST_OFTEN, LEAST_OFTEN = 1, 4


def _nodes(network: str, row: SourceRow) -> Iterator[Mapped]:
    """Yield an agency and the sector of its sponsor."""
    sponsor = row["Sponsorship"]
    yield record(
        "Agency",
        key(network, row["name"]),
        name=spelled(row["name"]),
        kind=KINDS.get(sponsor, "agency"),
        level_of_government=LEVELS.get(sponsor),
        identifiers=[f"emon-{network}:{row['name']}"],
    )
    yield implied("Sector", sector(sponsor), name=sponsor, label_en=sponsor, scheme="emon", code=sponsor.lower())
    yield link("Agency.sectors", key(network, row["name"]), sector(sponsor))


def _edges(network: str, row: SourceRow) -> Iterator[Mapped]:
    """Yield a contact between two agencies."""
    teller, told = key(network, row["source"]), key(network, row["target"])
    relation = f"emon:{network}.{hashlib.sha256(f'{teller} {told}'.encode()).hexdigest()[:16]}"
    yield record(
        "Partnership",
        relation,
        name=f"{spelled(row['source'])} tells {spelled(row['target'])}",
        instrument="informal",
        description=f"Frequency {row['frequency']}, on a scale from {MOST_OFTEN} (most often) to {LEAST_OFTEN} (least often).",
    )
    yield link("Partnership.parties", relation, teller, role="lead")
    yield link("Partnership.parties", relation, told, role="partner")


def key(network: str, name: str) -> str:
    """Return the id for a name: `US.Forest.Service..Vancouver.` is `emon:pomona.us-forest-service-vancouver`."""
    return f"emon:{network}.{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"


def sector(sponsor: str) -> str:
    """Return the id of the sector for a sponsor."""
    return f"emon:sector-{sponsor.lower()}"


def spelled(name: str) -> str:
    """Return a name with spaces for the dots, and `Sheriff's` for `Sheriff.s`."""
    return " ".join(name.replace(".s.", "'s ").replace(".", " ").split())


LakePomona_nodes, LakePomona_edges = partial(_nodes, "pomona"), partial(_edges, "pomona")
MtStHelens_nodes, MtStHelens_edges = partial(_nodes, "helens"), partial(_edges, "helens")
