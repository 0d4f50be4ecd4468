"""The GraphQL types of the explorations."""

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from registry.database.traverse import GROUPS
from registry.model.definitions import MODEL
from registry.model.kinds import snake
from schema.types import DAY, enumeration, listing, nullable, plain, response_field

KINDS = enumeration("Kind", {snake(kind.__name__).upper(): kind.__name__ for kind in MODEL}, "A kind of record.")
LINKS = enumeration(
    "Link", {one: one for one in dict.fromkeys(link.relation for link in MODEL.links())}, "A link, by its relation."
)
GROUP_BY = enumeration("GroupBy", {by.upper(): by for by in GROUPS}, "What agencies are rolled up to.")
AS_OF = nullable(DAY)
OF_RESOURCE = "Null where you see only the summary of the Resource."


def explored_fields(kinds: Mapping[str, Any], record: Any, page_info: Any) -> dict[str, StrawberryField]:
    """Return the fields of the query type, by name."""
    step = plain(
        "Step",
        "A link walked from one record to another.",
        {
            "link": (LINKS, "The relation that is walked."),
            "away": (bool, "Whether it is walked along its direction."),
            "from": (record, "Where the step begins."),
            "to": (record, "Where the step leads."),
        },
    )
    return {
        "search": _search(record, page_info),
        "sharedBetween": _shared_between(kinds),
        "paths": _paths(step),
        "impact": _impact(record, step),
        "ties": _ties(),
        "neighbourhood": _neighbourhood(record),
    }


def _search(record: Any, page_info: Any) -> StrawberryField:
    score = (
        "How well it fits: 5 where the name or the acronym is the text, 4 where the name begins with it; otherwise 1,"
        " 1 more where the summary holds all words, plus the share of the words that the name holds."
    )
    hit = plain(
        "SearchHit", "A record that was found.", {"score": (float, score), "record": (record, "What was found.")}
    )
    count = plain(
        "KindCount",
        "How many records of a kind there are.",
        {"kind": (str, "The kind, as __typename says it."), "count": (int, "How many.")},
    )
    connection = plain(
        "SearchConnection",
        "A page of what was found, by score, then by name.",
        {
            "nodes": (listing(hit), "The hits of the page."),
            "pageInfo": (page_info, "Whether there is more."),
            "totalCount": (int, "How many were found on all pages, counted up to 200."),
            "countByKind": (listing(count), "The same by kind, of those that any were found of."),
        },
    )
    return response_field(
        connection,
        "Full-text search in Indonesian and English; what is typed may be the beginning of words.",
        text=(str, ...),
        kinds=nullable(listing(KINDS)),
        sector=nullable(strawberry.ID),
        area=nullable(strawberry.ID),
        first=(int, 20),
        after=nullable(str),
    )


def _shared_between(kinds: Mapping[str, Any]) -> StrawberryField:
    agency = (kinds["Agency"], "Whose it is.")
    part = plain("SharedPart", "An agency's part.", {"agency": agency, "role": (nullable(str), "In which role.")})
    use = plain(
        "SharedUse",
        "How one of the agencies works with a resource.",
        {
            "agency": agency,
            "role": (nullable(str), "First use or reuse."),
            "since": (nullable(DAY), "When it began."),
            "until": (nullable(DAY), "Its last day."),
            "covered": (nullable(bool), "Whether an agreement in force covers it; null where that cannot be seen."),
        },
    )
    agreement = plain(
        "OtherAgreement",
        "An agreement that is not between the agencies, with all its parties.",
        {
            "partnership": (kinds["Partnership"], "The agreement."),
            "parties": (listing(kinds["Agency"]), "Its parties."),
        },
    )
    resource = plain(
        "SharedResource",
        "A resource that one agency uses of another, or that several use.",
        {
            "resource": (kinds["Resource"], "The resource."),
            "owners": (listing(kinds["Agency"]), "Those of the agencies that own it."),
            "uses": (nullable(listing(use)), f"How the agencies work with it. {OF_RESOURCE}"),
            "agreements": (
                nullable(listing(kinds["Partnership"])),
                f"The agreements in force between at least two of the agencies that cover it. {OF_RESOURCE}",
            ),
            "otherAgreements": (
                nullable(listing(agreement)),
                f"The other agreements in force that cover it: at most one of the agencies is a party. {OF_RESOURCE}",
            ),
        },
    )
    service = plain(
        "SharedService",
        "A service that several of the agencies provide.",
        {"service": (kinds["Service"], "The service."), "providers": (listing(part), "Who provides it.")},
    )
    statement = plain(
        "SharedStatement",
        "What a party says last about a partnership.",
        {
            "statement": (kinds["Statement"], "The statement."),
            "agency": agency,
            "scale": (str, "The scale of the level."),
            "level": (int, "The level."),
            "on": (DAY, "When it was said."),
        },
    )
    partnership = plain(
        "SharedPartnership",
        "A partnership of several of the agencies.",
        {
            "partnership": (kinds["Partnership"], "The partnership, with its legal basis and dates."),
            "parties": (listing(part), "Those of the agencies that are parties."),
            "inForce": (nullable(bool), "Whether it is in force; null where its dates cannot be seen."),
            "statements": (
                nullable(listing(statement)),
                "What the parties say. Null where you see only the summary of the Partnership.",
            ),
            "disagreement": (
                nullable(int),
                "The largest difference of levels on one scale; null where fewer than two say any.",
            ),
        },
    )
    need = plain(
        "MetNeed",
        "A need of one agency, and a resource of another that could meet it.",
        {
            "need": (kinds["Need"], "The need."),
            "neededBy": (kinds["Agency"], "Who needs it."),
            "resource": (kinds["Resource"], "What could meet it."),
            "owner": (kinds["Agency"], "Who has it."),
        },
    )
    shared = plain(
        "SharedBetween",
        "What agencies share, side by side.",
        {
            "agencies": (listing(kinds["Agency"]), "The agencies."),
            "asOf": (DAY, "The day it is told for."),
            "resources": (listing(resource), "Resources they use of one another, or several of a third."),
            "services": (listing(service), "Services they provide together."),
            "needs": (listing(need), "Needs of one that another could meet."),
            "partnerships": (listing(partnership), "Partnerships they are parties to."),
            "uncovered": (listing(resource), "The resources with a use that no agreement in force covers."),
            "withheld": (
                bool,
                "Whether more may be shared: you see only the summary of an agency, or of a resource that one owns.",
            ),
        },
    )
    doc = "What two or more agencies share: on which basis, until when, who says what, and what runs without an agreement."
    return response_field(shared, doc, agencies=(listing(strawberry.ID), ...), asOf=AS_OF)


def _paths(step: Any) -> StrawberryField:
    path = plain(
        "Path",
        "A way from one record to another.",
        {
            "length": (int, "How many links it takes."),
            "text": (str, "The way in words."),
            "steps": (listing(step), "The links that are walked."),
        },
    )
    asked = {"from": (strawberry.ID, ...), "to": (strawberry.ID, ...)}
    found = plain(
        "Paths",
        "How one record is reached from another.",
        {
            "nodes": (listing(path), "The paths, shortest first."),
            "withheld": (
                bool,
                "Whether there may be others: you see only the summary of a record that was walked to.",
            ),
        },
    )
    doc = (
        "How one record is reached from another, shortest first; through terms, statements and channels only when asked."
        " Null where one of the two is not there."
    )
    through = nullable(listing(LINKS))
    return response_field(nullable(found), doc, **asked, through=through, longest=(int, 6), first=(int, 5), asOf=AS_OF)


def _impact(record: Any, step: Any) -> StrawberryField:
    hit = plain(
        "ImpactHit",
        "A record that is hit.",
        {
            "record": (record, "What is hit."),
            "lost": (bool, "Whether it is lost; otherwise it is degraded, having something to fall back on."),
            "text": (str, "Why, in words."),
            "chain": (listing(step), "Why, link by link."),
        },
    )
    found = plain(
        "Impact",
        "What stops, or works less well, when a record stops.",
        {
            "record": (record, "What stops."),
            "services": (listing(hit), "The services that are hit."),
            "resources": (listing(hit), "The resources that are hit."),
            "agencies": (
                listing(hit),
                "The agencies that are hit: they use what is hit, or provide a service that is.",
            ),
            "areas": (listing(hit), "The areas in which a service that is hit is offered."),
            "withheld": (
                bool,
                "Whether more may be hit: you see only the summary of the record, or of one that is hit with it.",
            ),
        },
    )
    doc = "What stops working, and where, when an agency, a service or a resource stops."
    return response_field(nullable(found), doc, of=(strawberry.ID, ...), asOf=AS_OF, depth=(int, 6))


def _ties() -> StrawberryField:
    group = plain(
        "Group", "Agencies taken together.", {"id": (str, "The id of the term or body, or the code."), "label": str}
    )
    tie = plain(
        "GroupTie",
        "How two groups, or the members of one, are tied.",
        {
            "a": (group, "One group."),
            "b": (group, "The other, or the same."),
            "agencies": (int, "How many pairs of agencies are tied in any way."),
            "partnerships": (int, "How many agreements in force tie them."),
            "services": (int, "How many services they provide together."),
            "uses": (int, "How often one uses a resource of the other."),
        },
    )
    found = plain(
        "Ties",
        "How groups of agencies are tied.",
        {
            "nodes": (listing(tie), "The tied pairs, most pairs of agencies first."),
            "withheld": (
                bool,
                "Whether there may be more: you see only the summary of some agencies, resources or partnerships.",
            ),
        },
    )
    return response_field(found, "The graph rolled up.", by=(GROUP_BY, GROUP_BY.SECTOR), asOf=AS_OF)


def _neighbourhood(record: Any) -> StrawberryField:
    node = plain(
        "NeighbourhoodNode",
        "A record near another.",
        {
            "record": (record, "The record."),
            "hops": (int, "How many links it is away."),
            "more": (
                nullable(int),
                "How many of its links are not among those shown; null where you see only its summary.",
            ),
        },
    )
    link = plain(
        "NeighbourhoodLink",
        "A link between two records of the neighbourhood.",
        {
            "link": (LINKS, "Its relation."),
            "from": (strawberry.ID, "The id it leads from."),
            "to": (strawberry.ID, "The id it leads to."),
        },
    )
    found = plain(
        "Neighbourhood",
        "What is linked to a record, nearest first.",
        {
            "nodes": (listing(node), "The records, itself first."),
            "links": (listing(link), "The links among them."),
            "leftOut": (
                nullable(int),
                "How many links within reach lead to records that are not shown; null where links are withheld.",
            ),
            "withheld": (bool, "Whether links are missing: you see only the summary of some of the records."),
            "notCurrent": (int, "How many links within reach do not run on the day, which are left out."),
        },
    )
    asked = {"hops": (int, 1), "links": nullable(listing(LINKS)), "first": (int, 200), "asOf": AS_OF}
    return response_field(nullable(found), "Records and links around a record.", of=(strawberry.ID, ...), **asked)
