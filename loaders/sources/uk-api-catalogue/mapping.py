"""The API catalogue of the United Kingdom: shared APIs and the bodies that offer them."""

import hashlib
from collections.abc import Iterator

from loaders.rows import SourceRow
from loaders.source import Mapped, link, noted, record


def organisation(row: SourceRow) -> Iterator[Mapped]:
    """Yield a body that provides APIs."""
    yield from _spelling("id", row["id"])
    yield record(
        "Agency",
        key(row["id"]),
        name=row["name"],
        acronym=row["alternateName"],
        website=_address(row["url"]),
        kind="agency",
        identifiers=[f"api.gov.uk:{row['id']}"],
    )


def catalogue(row: SourceRow) -> Iterator[Mapped]:
    """Yield an API; its id is derived from its provider and name, because the catalogue has none."""
    body = key(row["provider"])
    api = "uk-api:" + hashlib.sha256(" ".join((body, row["name"])).encode()).hexdigest()[:16]
    yield from _spelling("provider", row["provider"])
    yield record(
        "Resource",
        api,
        name=row["name"],
        kind="data",
        shareability="on-request",
        description=row["description"].replace("\\n", "\n"),
        conditions=row["license"],
    )
    yield link("Resource.owners", api, body)
    if not row["startDate"]:
        yield noted("NO_DATE", "startDate", "", "a date", "the catalogue does not say since when it runs")


def key(body: str) -> str:
    """Return the id for a body, which the catalogue gives by id or, in older rows, by name."""
    return f"uk-api:{body.lower().replace(' ', '-')}"


def _spelling(field: str, body: str) -> Iterator[Mapped]:
    if key(body) != f"uk-api:{body}":
        yield noted(
            "SPELLING", field, body, "small letters and hyphens", "this spelling of the body is taken for the other"
        )


def _address(text: str) -> str:
    """Return a web address, adding the scheme that one row lacks."""
    return f"https://{text}" if text.startswith("www.") else text
