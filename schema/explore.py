"""The GraphQL fields for paths, neighbourhood, impact, shared resources and search."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.clock import today
from registry.database.query import Explore
from registry.explore import impact, neighbourhood, paths, search, shared
from registry.explore.context import ExploreContext, TooMuch
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from schema.arguments import mark, read_cursor, write_cursor
from schema.limits import GraphQLRequestError, page_size

AGENCIES, HOPS, DEPTH, LONGEST = 20, 4, 10, 8
RELATIONS = frozenset(link.relation for link in MODEL.links())
SEARCH = mark("search by score and name", ())
ExplorationCall = Mapping[str, Any]


@dataclass(frozen=True)
class PageInfo:
    """Where a page of hits ends, and whether there is more."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class KindCount:
    """How many records of a kind there are."""

    kind: str
    count: int


@dataclass(frozen=True)
class Hits:
    """A page of hits."""

    nodes: Sequence[search.SearchHit]
    page_info: PageInfo
    total_count: int
    count_by_kind: Sequence[KindCount]


async def explore(question: Explore, asker: ExploreContext, variables: Mapping[str, Any], key: str) -> Any:
    """Return what a question finds; ids stand for records. Raises Refused, with the path of the field, and StoreError."""
    try:
        asked = {name: given.value(variables) for name, given in question.asked}
        return await QUESTIONS[question.name](asker, asked)
    except TooMuch as too_much:
        raise GraphQLRequestError("TOO_COSTLY", str(too_much), path=[key]) from None
    except GraphQLRequestError as refused:
        raise refused.at(key) from None


async def _search(asker: ExploreContext, asked: ExplorationCall) -> Hits:
    kinds: list[type[Kind]] = (
        [MODEL[name] for name in dict.fromkeys(asked["kinds"])] if asked.get("kinds") else list(MODEL)
    )
    after = _hit_keys(asked["after"]) if asked.get("after") else ()
    first = page_size(asked["first"])
    within = {"sector": asked.get("sector"), "area": asked.get("area")}
    found = await search.search(asker, asked["text"], kinds, **within, first=first, after=after)
    cursors = [write_cursor(SEARCH, hit.keys) for hit in (*found.hits[:1], *found.hits[-1:])]
    ends = (cursors[0], cursors[-1]) if cursors else (None, None)
    counts = [KindCount(kind, count) for kind, count in sorted(found.of_kinds.items())]
    return Hits(found.hits, PageInfo(found.more, bool(after), *ends), found.total, counts)


def _hit_keys(cursor: str) -> list[Any]:
    """Return the keys of a hit that a cursor holds. Raises Refused."""
    score, *names = read_cursor(SEARCH, 3, cursor)
    if not isinstance(score, int | float) or not all(isinstance(one, str) for one in names):
        raise GraphQLRequestError("BAD_REQUEST", "The cursor was changed; begin again without it.")
    return [score, *names]


async def _shared_between(asker: ExploreContext, asked: ExplorationCall) -> shared.SharedBetween:
    agencies = set(asked["agencies"])
    if not 2 <= len(agencies) <= AGENCIES:
        raise GraphQLRequestError("BAD_REQUEST", f"Ask for 2 to {AGENCIES} different agencies.")
    return await shared.shared_between(asker, sorted(agencies), _day(asked))


async def _paths(asker: ExploreContext, asked: ExplorationCall) -> paths.Paths | None:
    longest, first = _at_most("longest", asked, LONGEST), page_size(asked["first"])
    through = asked.get("through") or RELATIONS - paths.ASIDE
    ends = asked["from"], asked["to"]
    return await paths.paths(asker, *ends, through, longest=longest, first=first, day=_day(asked))


async def _impact(asker: ExploreContext, asked: ExplorationCall) -> impact.Impact | None:
    return await impact.impact(asker, asked["of"], _day(asked), depth=_at_most("depth", asked, DEPTH))


async def _ties(asker: ExploreContext, asked: ExplorationCall) -> shared.Ties:
    return await shared.ties(asker, asked["by"], _day(asked))


async def _neighbourhood(asker: ExploreContext, asked: ExplorationCall) -> neighbourhood.Neighbourhood | None:
    hops, first = _at_most("hops", asked, HOPS), max(1, page_size(asked["first"]))
    links = asked.get("links") or RELATIONS
    return await neighbourhood.neighbourhood(asker, asked["of"], links, hops=hops, first=first, day=_day(asked))


def _day(asked: ExplorationCall) -> str:
    return asked.get("asOf") or today()


def _at_most(name: str, asked: ExplorationCall, limit: int) -> int:
    value = asked[name]
    if value is None or value < 1:
        raise GraphQLRequestError("BAD_REQUEST", f"{name} is a number from 1 on.")
    if value > limit:
        raise GraphQLRequestError(
            "TOO_COSTLY", f"{name} is at most {limit}; {value} was asked for.", cost=value, limit=limit
        )
    return int(value)


QUESTIONS: dict[str, Callable[[ExploreContext, ExplorationCall], Awaitable[Any]]] = {
    "search": _search,
    "sharedBetween": _shared_between,
    "paths": _paths,
    "impact": _impact,
    "ties": _ties,
    "neighbourhood": _neighbourhood,
}
