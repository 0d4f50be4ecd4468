"""The API catalogue of the United Kingdom: shared APIs and the bodies that offer them."""

import hashlib
from collections.abc import Iterator

from loaders.readers import SourceRow
from loaders.source import Mapped, noted, record, tie


def organisation(row: SourceRow) -> Iterator[Mapped]:
    """A body that offers APIs."""
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
    """An API; the catalogue has no id for it, so its provider and its name make one."""
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
    yield tie("Resource.owners", api, body)
    if not row["startDate"]:
        yield noted("NO_DATE", "startDate", "", "a date", "the catalogue does not say since when it runs")


def key(body: str) -> str:
    """Return our id for a body, which is named by its id or, in older rows, by its name."""
    return f"uk-api:{body.lower().replace(' ', '-')}"


def _spelling(field: str, body: str) -> Iterator[Mapped]:
    if key(body) != f"uk-api:{body}":
        yield noted(
            "SPELLING", field, body, "small letters and hyphens", "this spelling of the body is taken for the other"
        )


def _address(text: str) -> str:
    """Return a web address; one is given without its scheme."""
    return f"https://{text}" if text.startswith("www.") else text
