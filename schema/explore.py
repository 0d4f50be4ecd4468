"""Explorations in GraphQL: search, paths, impact, neighbourhood, cooperation and shared resources, with their types."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

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
from registry.model.records import LONGEST_SEARCH, MOST_WORDS
from registry.model.values import InvalidValue
from schema.arguments import cursor_fingerprint, read_cursor, write_cursor
from schema.limits import GraphQLRequestError, page_size
from schema.types import DAY, GROUP_BY, KINDS, LINKS, Argument, code_of, listing, nullable, plain, response_field

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
        given = call.get(argument) or []
        ids = given if isinstance(given, list) else [given]
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


AS_OF = Argument(nullable(DAY), "The day for which links, uses and agreements are current; today by default.")
RECORD = Argument(strawberry.ID, "The id of the record.", ...)
SHARED_ROLE = (
    "The role of the agency: in a service, a code of the list `PROVIDER_ROLE`; in a partnership, of `PARTY_ROLE`."
)
NO_RECORD = "Null, with an error, if you can see no record with an id in the arguments."
OF_RESOURCE = "Null if you can see only the summary of the Resource."


def explored_fields(kinds: Mapping[str, Any], record: Any, page_info: Any) -> dict[str, StrawberryField]:
    """Return the fields of the query type that run an exploration, by name."""
    step = plain(
        "Step",
        "A link followed from one record to another.",
        {
            "link": (LINKS, "The type of the link."),
            "forward": (bool, "Whether the link is followed in its own direction."),
            "from": (record, "The record at the start of the step."),
            "to": (record, "The record at the end of the step."),
        },
    )
    return {
        "search": _search_field(record, page_info),
        "sharedBetween": _shared_between_field(kinds),
        "paths": _paths_field(step),
        "impact": _impact_field(kinds, record, step),
        "ties": _ties_field(),
        "neighbourhood": _neighbourhood_field(record),
    }


def _search_field(record: Any, page_info: Any) -> StrawberryField:
    score = (
        "How well the record matches: 5 if its name, acronym, label, code, identifier or id equals the text, 4 if its name"
        " begins with the text. Otherwise it is the average over the search words of 1 for a word in a name, acronym or label,"
        " 0.5 for another word in the summary, 0.25 for another word in the details, and 0 for a missing word; plus 2 if the"
        " record contains all words, or plus 1 if it contains some of them only as a synonym. If a word is missing, rarer words"
        " count more in the average."
    )
    hit = plain(
        "SearchHit",
        "A record found by a search.",
        {
            "score": (float, score),
            "missingWords": (listing(str), "The search words that the record does not contain; usually none."),
            "record": (record, "The record that is found."),
        },
    )
    edge = plain(
        "SearchEdge",
        "A search result and its cursor.",
        {"node": (hit, "The search result."), "cursor": (str, "The cursor of the search result, for `after`.")},
    )
    count = plain(
        "KindCount",
        "The number of records of one kind.",
        {"kind": (str, "The kind, as in `__typename`."), "count": (int, "The number of records.")},
    )
    connection = plain(
        "SearchConnection",
        "A page of search results, sorted by score, then by name and id.",
        {
            "nodes": (listing(hit), "The results of the page."),
            "edges": (listing(edge), "The results of the page, each with its cursor."),
            "pageInfo": (page_info, "Information about the page."),
            "totalCount": (int, "The number of results on all pages, counted up to 200."),
            "countByKind": (listing(count), "The number of results by kind, for kinds with any results."),
            "suggestion": (
                nullable(str),
                "The text with mistyped words corrected; null if a record contains all words, or if no name has a similar word.",
            ),
            "withheld": (
                bool,
                "Whether more records may match, because you cannot search the details of some records.",
            ),
        },
    )
    return response_field(
        connection,
        "Full-text search in Indonesian and English. A search word also matches the beginning of words, words with the same stem,"
        " and synonyms. If fewer than 10 records contain all words, the records that contain at least half of them follow, unless"
        f" they contain only words that {search.COMMON:,} or more records contain.",
        text=Argument(str, f"The search words: at most {MOST_WORDS} words and {LONGEST_SEARCH} characters.", ...),
        kinds=Argument(nullable(listing(KINDS)), "The kinds to search; all by default."),
        sector=Argument(
            nullable(strawberry.ID), "The id of a sector that the record, or an agency linked to it, is in."
        ),
        area=Argument(nullable(strawberry.ID), "The id of an area that the record, or an agency linked to it, is in."),
        first=Argument(int, "The maximum number of results.", 20),
        after=Argument(nullable(str), "The cursor `endCursor` of the page before."),
    )


def _shared_between_field(kinds: Mapping[str, Any]) -> StrawberryField:
    agency = (kinds["Agency"], "One of the agencies that are compared.")
    part = plain(
        "SharedPart",
        "An agency that takes part in a service or a partnership.",
        {
            "agency": agency,
            "role": (
                nullable(str),
                SHARED_ROLE,
            ),
        },
    )
    use = plain(
        "SharedUse",
        "How one of the agencies uses a resource.",
        {
            "agency": agency,
            "role": (nullable(str), f"The type of use. {code_of('use-role')}"),
            "since": (nullable(DAY), "The first day of the use."),
            "until": (nullable(DAY), "The last day of the use."),
            "covered": (nullable(bool), "Whether an agreement in force covers the use; null if you cannot see that."),
            "agreements": (
                listing(kinds["Partnership"]),
                "The agreements that you can see to cover the use. If `covered` is null, a party may dispute them.",
            ),
        },
    )
    agreement = plain(
        "OtherAgreement",
        "An agreement that covers a resource, with its parties.",
        {
            "partnership": (kinds["Partnership"], "The agreement that covers the resource."),
            "parties": (listing(kinds["Agency"]), "All parties of the agreement that you can see."),
            "disputedBy": (listing(kinds["Agency"]), "The parties that dispute the agreement."),
        },
    )
    resource = plain(
        "SharedResource",
        "A resource that one of the agencies owns and another uses, or that several of them use.",
        {
            "resource": (kinds["Resource"], "The resource that the agencies share."),
            "owners": (listing(kinds["Agency"]), "The owners of the resource, out of the agencies."),
            "uses": (nullable(listing(use)), f"The uses by the agencies. {OF_RESOURCE}"),
            "agreements": (
                nullable(listing(kinds["Partnership"])),
                f"The agreements in force between at least two of the agencies that cover the resource. {OF_RESOURCE}",
            ),
            "otherAgreements": (
                nullable(listing(agreement)),
                f"The agreements in force that cover the resource, with one of the agencies as a party. {OF_RESOURCE}",
            ),
            "disputedAgreements": (
                nullable(listing(agreement)),
                f"The agreements that cover the resource but are not in force, because a party disputes them. {OF_RESOURCE}",
            ),
            "withheld": (bool, "Whether more agreements may cover the resource, or be disputed, than you can see."),
        },
    )
    service = plain(
        "SharedService",
        "A service that several of the agencies provide.",
        {
            "service": (kinds["Service"], "The service that several of the agencies provide."),
            "providers": (listing(part), "The providers, out of the agencies."),
        },
    )
    statement = plain(
        "SharedStatement",
        "A party's latest assessment of the level of a partnership.",
        {
            "statement": (kinds["Statement"], "The record of the assessment."),
            "agency": agency,
            "scale": (str, f"The scale of the level. {code_of('level-scale')}"),
            "level": (int, "The level on the scale."),
            "on": (DAY, "The day of the assessment."),
        },
    )
    partnership = plain(
        "SharedPartnership",
        "A partnership of several of the agencies.",
        {
            "partnership": (kinds["Partnership"], "The partnership of several of the agencies."),
            "parties": (listing(part), "The parties, out of the agencies."),
            "inForce": (
                nullable(bool),
                "Whether the partnership is valid on the day and no party disputes it; null if you cannot see that.",
            ),
            "disputedBy": (
                nullable(listing(kinds["Agency"])),
                "The parties that dispute the partnership; null if you cannot see whether a party disputes it.",
            ),
            "statements": (
                nullable(listing(statement)),
                "The assessments by the parties. Null if you can see only the summary of the Partnership.",
            ),
            "disagreement": (
                nullable(int),
                "The largest difference between the parties' levels on one scale; null if fewer than two gave a level.",
            ),
        },
    )
    need = plain(
        "MetNeed",
        "A need of one agency, and a resource of another that could meet it.",
        {
            "need": (kinds["Need"], "The need of one agency."),
            "neededBy": (kinds["Agency"], "The agency with the need."),
            "resource": (kinds["Resource"], "The resource that could meet the need."),
            "owner": (kinds["Agency"], "The owner of the resource."),
        },
    )
    shared = plain(
        "SharedBetween",
        "What two or more agencies share.",
        {
            "agencies": (listing(kinds["Agency"]), "The agencies that are compared."),
            "asOf": (DAY, "The day for which the result is valid."),
            "resources": (listing(resource), "Resources that one owns and another uses, or that several use."),
            "services": (listing(service), "Services that several of the agencies provide."),
            "needs": (listing(need), "Needs of one agency that a resource of another could meet."),
            "partnerships": (listing(partnership), "Partnerships with several of the agencies as parties."),
            "uncovered": (listing(resource), "The shared resources with a use that no agreement in force covers."),
            "withheld": (
                bool,
                "Whether more may be shared, because you can see only the summary of some agencies or resources.",
            ),
        },
    )
    doc = f"What two or more agencies share, and which uses no agreement covers. {NO_RECORD}"
    return response_field(
        nullable(shared),
        doc,
        agencies=Argument(listing(strawberry.ID), "The ids of 2 to 20 agencies.", ...),
        asOf=AS_OF,
    )


def _paths_field(step: Any) -> StrawberryField:
    path = plain(
        "Path",
        "A path from one record to another.",
        {
            "length": (int, "The number of links."),
            "text": (str, "The path in words, in the language of the request."),
            "steps": (listing(step), "The links of the path, in order."),
        },
    )
    found = plain(
        "Paths",
        "The paths between two records.",
        {
            "nodes": (listing(path), "The paths, shortest first."),
            "withheld": (
                bool,
                "Whether there may be other paths, because you can see only the summary of some records on the way.",
            ),
        },
    )
    doc = (
        "The shortest paths from one record to another. Links to terms, statements, channels and feedback are followed only"
        f" if `through` names them. {NO_RECORD}"
    )
    ends: dict[str, Any] = {
        "from": Argument(strawberry.ID, "The id of the record at the start.", ...),
        "to": Argument(strawberry.ID, "The id of the record at the end.", ...),
    }
    return response_field(
        nullable(found),
        doc,
        **ends,
        through=Argument(nullable(listing(LINKS)), "The types of links to follow."),
        longest=Argument(int, "The maximum number of links in a path, at most 8.", 6),
        first=Argument(int, "The maximum number of paths.", 5),
        asOf=AS_OF,
    )


def _impact_field(kinds: Mapping[str, Any], record: Any, step: Any) -> StrawberryField:
    hit = plain(
        "ImpactHit",
        "An affected record.",
        {
            "record": (record, "The affected record."),
            "lost": (
                bool,
                "Whether the record stops working; otherwise it is only degraded, because it has an alternative.",
            ),
            "text": (str, "The chain of links that leads to the record, in words."),
            "chain": (listing(step), "The chain of links that leads to the record."),
        },
    )
    provider = plain(
        "ImpactProvider",
        "An agency with affected services, of which it is the lead provider or a co-provider.",
        {
            "agency": (kinds["Agency"], "The agency."),
            "stopped": (listing(kinds["Service"]), "Its services that stop working."),
            "degraded": (
                listing(kinds["Service"]),
                "Its services that work less well, because there is an alternative.",
            ),
        },
    )
    found = plain(
        "Impact",
        "The records affected when a record stops working.",
        {
            "record": (record, "The record that stops working."),
            "services": (listing(hit), "The affected services."),
            "resources": (listing(hit), "The affected resources."),
            "agencies": (
                listing(hit),
                "The affected agencies: they use or provide something affected. `providers` and `users` say which.",
            ),
            "providers": (listing(provider), "The agencies with affected services, the most stopped services first."),
            "users": (listing(hit), "The agencies that use an affected resource, whatever happens to their services."),
            "areas": (listing(hit), "The areas in which an affected service is offered."),
            "withheld": (
                bool,
                "Whether more may be affected, because you can see only the summary of some records that may depend on it.",
            ),
            "complete": (
                bool,
                "Whether all dependents were followed; false if `depth` or another limit ended the search.",
            ),
        },
    )
    doc = f"The records affected when an agency, a service or a resource stops working. {NO_RECORD}"
    return response_field(
        nullable(found),
        doc,
        of=RECORD,
        asOf=AS_OF,
        depth=Argument(int, "The maximum number of steps to follow, at most 10.", 6),
    )


def _ties_field() -> StrawberryField:
    group = plain(
        "Group",
        "A group of agencies.",
        {
            "key": (str, "The id of the record, or the code, that the group stands for."),
            "label": (str, "The label of the group, in the language of the request."),
        },
    )
    tie = plain(
        "GroupTie",
        "The ties between two groups of agencies, or within one.",
        {
            "a": (group, "The first group."),
            "b": (group, "The second group; the same one for ties within a group."),
            "agencies": (int, "The number of pairs of agencies with a tie of any kind."),
            "partnerships": (int, "The number of agreements in force between agencies of the two groups."),
            "services": (int, "The number of services that agencies of the two groups provide together."),
            "uses": (int, "The number of uses of a resource of the other group."),
        },
    )
    found = plain(
        "Ties",
        "The ties between groups of agencies.",
        {
            "nodes": (listing(tie), "The pairs of groups with ties, those with the most pairs of agencies first."),
            "withheld": (bool, "Whether there may be more ties, because you see only the summary of some records."),
        },
    )
    return response_field(
        found,
        "The ties between groups of agencies.",
        by=Argument(GROUP_BY, "What agencies are grouped by.", GROUP_BY.SECTOR),
        asOf=AS_OF,
    )


def _neighbourhood_field(record: Any) -> StrawberryField:
    node = plain(
        "NeighbourhoodNode",
        "A record in a neighbourhood.",
        {
            "record": (record, "The record in the neighbourhood."),
            "hops": (int, "The distance from the centre, in links."),
            "more": (
                nullable(int),
                "The number of links of the record that are not in the result; null if unknown.",
            ),
        },
    )
    link = plain(
        "NeighbourhoodLink",
        "A link between two records of the neighbourhood.",
        {
            "link": (LINKS, "The type of the link."),
            "from": (strawberry.ID, "The id of the record at the start."),
            "to": (strawberry.ID, "The id of the record at the end."),
        },
    )
    found = plain(
        "Neighbourhood",
        "The records around a record.",
        {
            "nodes": (listing(node), "The records, nearest first, starting with the record itself."),
            "links": (listing(link), "The links between the records of the neighbourhood."),
            "leftOut": (
                nullable(int),
                "The number of links within `hops` to records that are not in the result; null if unknown.",
            ),
            "withheld": (bool, "Whether links may be missing, because you can see only the summary of some records."),
            "notCurrent": (
                nullable(int),
                "The number of links within `hops` that are not current on the day `asOf`; null if unknown.",
            ),
        },
    )
    return response_field(
        nullable(found),
        f"The records around a record and the links between them. {NO_RECORD}",
        of=RECORD,
        hops=Argument(int, "The maximum distance in links, at most 4.", 1),
        links=Argument(nullable(listing(LINKS)), "The types of links to follow; all by default."),
        first=Argument(int, "The maximum number of records.", 200),
        asOf=AS_OF,
    )
