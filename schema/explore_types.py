"""The GraphQL types of the explorations: their arguments and the fields of their results."""

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from registry.explore.search import COMMON
from registry.model.records import LONGEST_SEARCH, MOST_WORDS
from schema.types import DAY, GROUP_BY, KINDS, LINKS, Argument, code_of, listing, nullable, plain, response_field

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
        f" they contain only words that {COMMON:,} or more records contain.",
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
            "cursor": (str, "The cursor of the affected record, for `after`."),
        },
    )
    total = plain(
        "ImpactTotal",
        "The number of affected records of one kind.",
        {
            "kind": (str, "The kind, as in `__typename`."),
            "lost": (int, "The number of records that stop working."),
            "degraded": (int, "The number of records that work less well, because there is an alternative."),
        },
    )
    provider = plain(
        "ImpactProvider",
        "An agency with affected services, of which it is the lead provider or a co-provider.",
        {
            "agency": (kinds["Agency"], "The agency."),
            "stopped": (listing(kinds["Service"]), "The first services of the agency that stop working."),
            "degraded": (
                listing(kinds["Service"]),
                "The first services of the agency that work less well, because there is an alternative.",
            ),
            "stoppedCount": (int, "The number of services of the agency that stop working."),
            "degradedCount": (int, "The number of services of the agency that work less well."),
        },
    )
    found = plain(
        "Impact",
        "The records affected when a record stops working.",
        {
            "record": (record, "The record that stops working."),
            "totals": (listing(total), "The number of all affected records, by kind. An agency counts once."),
            "matching": (
                listing(total),
                "The number of affected records that `kinds`, `sector` and `area` select, by kind.",
            ),
            "services": (listing(hit), "The first affected services that the arguments select."),
            "resources": (listing(hit), "The first affected resources that the arguments select."),
            "agencies": (
                listing(hit),
                "The first affected agencies that the arguments select: they use or provide something affected.",
            ),
            "providers": (
                listing(provider),
                "The first agencies with affected services, the most stopped services first.",
            ),
            "users": (listing(hit), "The first agencies that the arguments select that use an affected resource."),
            "areas": (listing(hit), "The first areas in which an affected service is offered."),
            "providersStoppedCount": (int, "The number of agencies with services that stop working."),
            "providersDegradedCount": (
                int,
                "The number of agencies of which no service stops, but some work less well.",
            ),
            "usersCount": (int, "The number of agencies that use an affected resource."),
            "unplaced": (
                int,
                "The number of affected records that `sector` or `area` leaves out because you can see no sector or area of them.",
            ),
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
    doc = (
        "The records affected when an agency, a service or a resource stops working: how many, and the first of each kind, those"
        f" that stop working first, then those that are fewer links away. {NO_RECORD}"
    )
    return response_field(
        nullable(found),
        doc,
        of=RECORD,
        asOf=AS_OF,
        depth=Argument(int, "The maximum number of steps to follow, at most 10.", 6),
        kinds=Argument(nullable(listing(KINDS)), "The kinds of affected records to list; all by default."),
        sector=Argument(
            nullable(strawberry.ID), "The id of a sector that the listed records, or their owners, are in."
        ),
        area=Argument(nullable(strawberry.ID), "The id of an area that the listed records are in."),
        first=Argument(int, "The maximum number of records of each kind.", 100),
        after=Argument(nullable(str), "The `cursor` of the last record of the page before; name its kind in `kinds`."),
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
            "more": (nullable(int), "The number of links of the record that are not in the result; null if unknown."),
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
                "The number of links within `hops` that are not current on the day `asOf`, or disputed by a party; null if unknown.",
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
