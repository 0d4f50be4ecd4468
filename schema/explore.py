"""The GraphQL fields for paths, neighbourhood, impact, shared resources, ties and search."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.clock import today
from registry.database.query import Explore
from registry.explore import impact, neighbourhood, paths, search, shared
from registry.explore.context import ExplorationTooLarge, ExploreContext
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from schema.arguments import cursor_fingerprint, read_cursor, write_cursor
from schema.limits import GraphQLRequestError, page_size

AGENCIES, HOPS, DEPTH, LONGEST = 20, 4, 10, 8
RELATIONS = frozenset(link.relation for link in MODEL.links())
SEARCH = cursor_fingerprint("search by score and name", ())
ExplorationCall = Mapping[str, Any]


@dataclass(frozen=True)
class PageInfo:
    """The cursors at the ends of a page of hits, and whether there are more."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class KindCount:
    """The number of records of a kind."""

    kind: str
    count: int


@dataclass(frozen=True)
class Hits:
    """A page of hits."""

    nodes: Sequence[search.SearchHit]
    page_info: PageInfo
    total_count: int
    count_by_kind: Sequence[KindCount]


async def explore(exploration: Explore, context: ExploreContext, variables: Mapping[str, Any], key: str) -> Any:
    """Run an exploration; its result has ids in the place of records.

    Raises GraphQLRequestError with the path of the field, and StoreError.
    """
    try:
        call = {name: given.value(variables) for name, given in exploration.asked}
        return await EXPLORATIONS[exploration.name](context, call)
    except ExplorationTooLarge as error:
        raise GraphQLRequestError("TOO_COSTLY", str(error), path=[key]) from None
    except GraphQLRequestError as refused:
        raise refused.at(key) from None


async def _search(context: ExploreContext, call: ExplorationCall) -> Hits:
    kinds: list[type[Kind]] = (
        [MODEL[name] for name in dict.fromkeys(call["kinds"])] if call.get("kinds") else list(MODEL)
    )
    after = _hit_keys(call["after"]) if call.get("after") else ()
    first = page_size(call["first"])
    within = {"sector": call.get("sector"), "area": call.get("area")}
    found = await search.search(context, call["text"], kinds, **within, first=first, after=after)
    cursors = [write_cursor(SEARCH, hit.keys) for hit in (*found.hits[:1], *found.hits[-1:])]
    ends = (cursors[0], cursors[-1]) if cursors else (None, None)
    counts = [KindCount(kind, count) for kind, count in sorted(found.of_kinds.items())]
    return Hits(found.hits, PageInfo(found.more, bool(after), *ends), found.total, counts)


def _hit_keys(cursor: str) -> list[Any]:
    """Return the sort keys of a hit from its cursor. Raises GraphQLRequestError."""
    score, *names = read_cursor(SEARCH, 3, cursor)
    if not isinstance(score, int | float) or not all(isinstance(one, str) for one in names):
        raise GraphQLRequestError("BAD_REQUEST", "The cursor is invalid. Start again without a cursor.")
    return [score, *names]


async def _shared_between(context: ExploreContext, call: ExplorationCall) -> shared.SharedBetween:
    agencies = set(call["agencies"])
    if not 2 <= len(agencies) <= AGENCIES:
        raise GraphQLRequestError("BAD_REQUEST", f"Name 2 to {AGENCIES} different agencies.")
    return await shared.shared_between(context, sorted(agencies), _day(call))


async def _paths(context: ExploreContext, call: ExplorationCall) -> paths.Paths | None:
    longest, first = _at_most("longest", call, LONGEST), page_size(call["first"])
    through = call.get("through") or RELATIONS - paths.NOT_FOLLOWED
    ends = call["from"], call["to"]
    return await paths.paths(context, *ends, through, longest=longest, first=first, day=_day(call))


async def _impact(context: ExploreContext, call: ExplorationCall) -> impact.Impact | None:
    return await impact.impact(context, call["of"], _day(call), depth=_at_most("depth", call, DEPTH))


async def _ties(context: ExploreContext, call: ExplorationCall) -> shared.Ties:
    return await shared.ties(context, call["by"], _day(call))


async def _neighbourhood(context: ExploreContext, call: ExplorationCall) -> neighbourhood.Neighbourhood | None:
    hops, first = _at_most("hops", call, HOPS), max(1, page_size(call["first"]))
    links = call.get("links") or RELATIONS
    return await neighbourhood.neighbourhood(context, call["of"], links, hops=hops, first=first, day=_day(call))


def _day(call: ExplorationCall) -> str:
    return call.get("asOf") or today()


def _at_most(name: str, call: ExplorationCall, limit: int) -> int:
    value = call[name]
    if value is None or value < 1:
        raise GraphQLRequestError("BAD_REQUEST", f"{name} must be 1 or greater.")
    if value > limit:
        raise GraphQLRequestError(
            "TOO_COSTLY", f"{name} must be at most {limit}, not {value}.", cost=value, limit=limit
        )
    return int(value)


EXPLORATIONS: dict[str, Callable[[ExploreContext, ExplorationCall], Awaitable[Any]]] = {
    "search": _search,
    "sharedBetween": _shared_between,
    "paths": _paths,
    "impact": _impact,
    "ties": _ties,
    "neighbourhood": _neighbourhood,
}
