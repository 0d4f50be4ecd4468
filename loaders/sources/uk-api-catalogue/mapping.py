"""The API catalogue of the United Kingdom: shared APIs and the bodies that offer them."""

import hashlib
from collections.abc import Iterator

from loaders.mapping import Mapped, Row, noted, record, tie


def organisation(row: Row) -> Iterator[Mapped]:
    """A body that offers APIs."""
    yield record(
        "Agency",
        key(row["id"]),
        name=row["name"],
        acronym=row["alternateName"],
        website=_address(row["url"]),
        kind="agency",
        identifiers=[f"api.gov.uk:{row['id']}"],
    )


def catalogue(row: Row) -> Iterator[Mapped]:
    """An API; the catalogue has no id for it, so provider, name and address make one."""
    digest = hashlib.sha256("\n".join((row["provider"], row["name"], row["url"])).encode()).hexdigest()[:16]
    api = f"uk-api:{digest}"
    yield record(
        "Resource", api, name=row["name"], kind="data", shareability="on-request", description=row["description"]
    )
    yield tie("Resource.owners", api, key(row["provider"]))
    if not row["dateAdded"]:
        yield noted("NO_DATE", "dateAdded", "", "a date", "the catalogue does not say when it was added")


def key(body: str) -> str:
    """Return our id for the id of a body."""
    return f"uk-api:{body.strip().lower()}"


def _address(text: str) -> str:
    """Return a web address; one is given without its scheme."""
    return f"https://{text}" if text.startswith("www.") else text
