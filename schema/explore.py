"""Explorations in GraphQL: search, paths, impact, neighbourhood, cooperation and shared resources."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry.clock import today
from registry.database.query import Explore
from registry.explore import (
    ExplorationTooLarge,
    ExploreContext,
    RecordRefused,
    check_records,
    impact,
    neighbourhood,
    paths,
    search,
    shared,
)
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.model.values import InvalidValue
from schema.arguments import cursor_fingerprint, read_cursor, write_cursor
from schema.limits import GraphQLRequestError, page_size

# The arguments of explorations that name records, and the kinds that the records must have; by default, any kind.
NAMED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sharedBetween": {"agencies": ("Agency",)},
    "paths": {"from": (), "to": ()},
    "impact": {"of": impact.STOPPABLE},
    "neighbourhood": {"of": ()},
    "search": {"sector": ("Sector",), "area": ("Area",)},
}
AGENCIES, HOPS, DEPTH, LONGEST = 20, 4, 10, 8
RELATIONS = frozenset(link.relation for link in MODEL.links())
SEARCH = cursor_fingerprint("search by score and name", ())
IMPACT = cursor_fingerprint("impact by effect and distance", ())
ExplorationCall = Mapping[str, Any]


@dataclass(frozen=True)
class PageInfo:
    """The cursors of the first and last search hit on a page, and whether there are more hits."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class KindCount:
    """The number of search hits of one kind."""

    kind: str
    count: int


@dataclass(frozen=True)
class SearchEdge:
    """A search hit and its cursor."""

    node: search.SearchHit
    cursor: str


@dataclass(frozen=True)
class Hits:
    """A page of search hits."""

    nodes: Sequence[search.SearchHit]
    edges: Sequence[SearchEdge]
    page_info: PageInfo
    total_count: int
    count_by_kind: Sequence[KindCount]
    suggestion: str | None
    withheld: bool


async def explore(exploration: Explore, context: ExploreContext, variables: Mapping[str, Any], key: str) -> Any:
    """Run an exploration. The result of the exploration has the ids of records. The records are read later.

    Raises StoreError and GraphQLRequestError. The path of a GraphQLRequestError is the path of the field.
    """
    try:
        call = {name: given.value(variables) for name, given in exploration.asked}
        await _check_records(exploration.name, context, call)
        return await EXPLORATIONS[exploration.name](context, call)
    except RecordRefused as error:
        code = "NOT_FOUND" if error.missing else "BAD_REQUEST"
        raise GraphQLRequestError(code, str(error), path=[key], argument=error.argument, id=error.id) from None
    except ExplorationTooLarge as error:
        raise GraphQLRequestError("TOO_COSTLY", str(error), path=[key]) from None
    except GraphQLRequestError as refused:
        raise refused.at(key) from None


async def _check_records(name: str, context: ExploreContext, call: ExplorationCall) -> None:
    """Raise RecordRefused if the actor can see no record with an id in the arguments, or if the record has a wrong kind."""
    for argument, kinds in NAMED.get(name, {}).items():
        given = call.get(argument)
        ids = given if isinstance(given, list) else [] if given is None else [given]
        if 0 < len(ids) <= AGENCIES:
            await check_records(context, argument, ids, kinds, retired=name == "search")


async def _search(context: ExploreContext, call: ExplorationCall) -> Hits:
    kinds: list[type[Kind]] = (
        [MODEL[name] for name in dict.fromkeys(call["kinds"])] if call.get("kinds") else list(MODEL)
    )
    after = _hit_keys(call["after"]) if call.get("after") else ()
    first = page_size(call["first"])
    within = {"sector": call.get("sector"), "area": call.get("area")}
    try:
        with use_language("en"):
            found = await search.search(context, call["text"], kinds, **within, first=first, after=after)
    except InvalidValue as error:
        raise GraphQLRequestError("BAD_REQUEST", str(error)) from None
    edges = [SearchEdge(hit, write_cursor(SEARCH, hit.keys)) for hit in found.hits]
    ends = (edges[0].cursor, edges[-1].cursor) if edges else (None, None)
    counts = [KindCount(kind, count) for kind, count in sorted(found.of_kinds.items())]
    withheld = context.actor.may_be_partial(kind.__name__ for kind in kinds)
    page_info = PageInfo(found.more, bool(after), *ends)
    return Hits(found.hits, edges, page_info, found.total, counts, found.suggestion, withheld)


def _hit_keys(cursor: str) -> list[Any]:
    """Return the sort keys in the cursor of a search hit. Raises GraphQLRequestError."""
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
    after = read_cursor(IMPACT, 1, call["after"])[0] if call.get("after") else ""
    found = await impact.impact(
        context,
        call["of"],
        _day(call),
        depth=_at_most("depth", call, DEPTH),
        first=page_size(call["first"]),
        after=after,
        narrowing=impact.Narrowing(call.get("kinds"), call.get("sector"), call.get("area")),
    )
    if found is None:
        return None
    lists: dict[str, Any] = {
        name: [replace(hit, cursor=write_cursor(IMPACT, [hit.cursor])) for hit in getattr(found, name)]
        for name in impact.LISTS
    }
    return replace(found, **lists)


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
