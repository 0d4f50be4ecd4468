"""What GraphQL over HTTP says of a response: its media type, and the status that goes with it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
_RANGES = {GRAPHQL: GRAPHQL, JSON: JSON, "application/*": JSON, "*/*": JSON}
AWAY = 5  # seconds until a store that does not answer may answer again
_STATUSES = {"NOT_ALLOWED": 403, "INTERNAL": 500, "UNAVAILABLE": 503, "TIMEOUT": 504}


@lru_cache(maxsize=100)
def media_type(accept: str) -> str:
    """Return the type that a client wants most of those we have (RFC 9110, 12.5.1), JSON when it names none.

    Of two that are wanted alike it is the one that is named, and GraphQL's own first.
    """
    weights = dict(_weighed(part) for part in accept.split(","))
    wanted = [one for one in _RANGES if weights.get(one, 0) > 0]
    return _RANGES[max(wanted, key=lambda one: weights[one])] if wanted else JSON


def status(answer: Mapping[str, Any], media: str) -> int:
    """Return the status of an answer: JSON tells by it only when to come back, GraphQL's own type also of refusals."""
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    if "UNAVAILABLE" in codes:
        return 503
    if wait(answer):
        return 429
    if media == JSON or answer.get("data") is not None:
        return 200
    return _STATUSES.get(codes[0], 400)


def wait(answer: Mapping[str, Any]) -> int:
    """Return the seconds after which it helps to ask again; 0 where that is not known."""
    told = [error["extensions"] for error in answer.get("errors", ())]
    return max((AWAY if one["code"] == "UNAVAILABLE" else one.get("retryAfter", 0) for one in told), default=0)


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (one.strip().lower() for one in part.split(";"))
    weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0
