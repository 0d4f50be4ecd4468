"""The data dictionary: all kinds with their properties and links."""

from typing import Self

from registry.model.kinds import Kind, Many, Model, One, link, prop
from registry.model.values import (
    Code,
    Date,
    Flag,
    Id,
    Identifiers,
    Instant,
    Integer,
    Number,
    Prose,
    Ref,
    Text,
    Texts,
    Url,
)


class Common(Kind):
    """What every record has: what it is called, where it comes from, who answers for it and who may see it."""

    id: Id = prop("Its name for ever, unique in the registry.", required=True, summary=True)
    name: Text = prop("What people call it.", required=True, summary=True)
    description: Prose = prop("What it is, in a few sentences.")
    steward: Ref = prop("The agency that answers for this record.", refers_to="Agency", summary=True)
    access: Code = prop(
        "Who can view it: open to everybody, restricted to a summary, or closed to all but the agencies concerned.",
        codes="access",
        required=True,
        summary=True,
    )
    grants: Texts = prop("Groups and agencies that may see all of it, never single persons.")
    status: Code = prop(
        "Where it stands: draft, proposed, published or retired.", codes="status", required=True, summary=True
    )
    source: Ref = prop("The source that the record came from.", refers_to="Source", summary=True, read_only=True)
    created: Instant = prop("When it was first recorded.", summary=True, read_only=True)
    updated: Instant = prop("When it last changed.", summary=True, read_only=True)
    version: Integer = prop("How often it has changed, beginning with 1.", summary=True, read_only=True)


class Term(Common):
    """A term of a versioned code list, with its place in a hierarchy and its labels in two languages."""

    scheme: Code = prop("The code list it belongs to, such as cofog-1999.", required=True, summary=True)
    code: Text = prop("Its code in that list.", required=True, summary=True)
    label_id: Text = prop("What it is called in Indonesian.", summary=True)
    label_en: Text = prop("What it is called in English.", summary=True)
    valid_from: Date = prop("The first day on which it may be used.", summary=True)
    valid_until: Date = prop("The last day on which it may be used.", summary=True, not_before="valid_from")

    broader: Many[Self] = link(
        "BROADER",
        "The wider terms it is part of.",
        reverse="narrower",
        reverse_doc="The narrower terms that are part of it.",
        summary=True,
        acyclic=True,
    )
    same_as: Many[Self] = link(
        "SAME_AS",
        "Terms of other lists that mean the same.",
        reverse="equated_by",
        reverse_doc="Terms of other lists that say they mean the same.",
        summary=True,
    )


class Sector(Term, plural="sectors"):
    """A field of government work, such as health or transport."""


class Area(Term, plural="areas"):
    """A place with a code: a province, a city, a district, a ward."""


class Audience(Term, plural="audiences"):
    """The people a service is for."""


class Function(Term, plural="functions"):
    """A function of government, by COFOG or a national reference architecture."""


class Agency(Common, plural="agencies"):
    """A public body, or a partner: a community, a business, a university, the media."""

    kind: Code = prop("What sort of body it is.", codes="agency-kind", required=True, summary=True)
    acronym: Text = prop("Its short name.", summary=True)
    identifiers: Identifiers = prop("Its names in other systems, each as scheme:value.", summary=True)
    level_of_government: Code = prop("National, province, city and so on.", codes="level-of-government", summary=True)
    website: Url = prop("Its page on the web.", summary=True)

    part_of: Many[Self] = link(
        "PART_OF",
        "The bodies it belongs to; there may be several.",
        reverse="units",
        reverse_doc="The bodies that belong to it.",
        summary=True,
        acyclic=True,
    )
    sectors: Many[Sector] = link(
        "IN_SECTOR",
        "The sectors it works in.",
        reverse="agencies",
        reverse_doc="The agencies that work in it.",
        summary=True,
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "The areas it works in.",
        reverse="agencies",
        reverse_doc="The agencies that work there.",
        summary=True,
    )


class Provision:
    """How an agency takes part in a service."""

    role: Code = prop("Lead, co-provider, commissioner or funder.", codes="provider-role", required=True, summary=True)


class Service(Common, plural="services"):
    """Something agencies do for people or for other agencies."""

    kind: Code = prop("For the public, or administrative.", codes="service-kind", required=True, summary=True)
    digital_maturity: Integer = prop(
        "How digital it is, from 1 (information) to 5 (connected); not the SPBE maturity level.", at_least=1
    )

    providers: Many[Agency] = link(
        "PROVIDES",
        "Who provides it, in which role.",
        incoming=True,
        reverse="provides",
        reverse_doc="The services it provides, in which role.",
        props=Provision,
        summary=True,
    )
    sectors: Many[Sector] = link(
        "IN_SECTOR",
        "The sectors it belongs to.",
        reverse="services",
        reverse_doc="The services that belong to it.",
        summary=True,
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "Where it is offered.",
        reverse="services",
        reverse_doc="The services that are offered there.",
        summary=True,
    )
    audiences: Many[Audience] = link(
        "FOR_AUDIENCE",
        "The people it is for.",
        reverse="services",
        reverse_doc="The services that are for these people.",
        summary=True,
    )
    functions: Many[Function] = link(
        "HAS_FUNCTION",
        "What it does, in terms of a code list.",
        reverse="services",
        reverse_doc="The services that do it.",
        summary=True,
    )
    requires: Many["Resource"] = link(
        "REQUIRES",
        "The resources it cannot work without.",
        reverse="required_by",
        reverse_doc="The services that cannot work without it.",
    )
    depends_on: Many[Self] = link(
        "DEPENDS_ON",
        "The services it cannot work without.",
        reverse="dependents",
        reverse_doc="The services that cannot work without it.",
    )


class Use:
    """How an agency works with a resource of another."""

    role: Code = prop("The first to use it, or one that reuses it.", codes="use-role", required=True)
    since: Date = prop("When the use began.")
    until: Date = prop("The last day of the use; empty while it goes on.", not_before="since")


class Resource(Common, plural="resources"):
    """Something an agency has that others could use: data, an application, a place, equipment, people's time, money."""

    kind: Code = prop("What sort of thing it is.", codes="resource-kind", required=True, summary=True)
    unit: Text = prop("What capacity is counted in, such as seats or hours a week.")
    capacity: Number = prop("How much there is, in its unit.", at_least=0)
    in_use: Number = prop(
        "How much of the capacity is taken, in its unit; never less than what accepted requests were promised.",
        at_least=0,
        not_above="capacity",
    )
    shareability: Code = prop("Open, on request, or not shared.", codes="shareability", summary=True)
    available_since: Date = prop("The first day on which others could use it.")
    conditions: Prose = prop("What a user must agree to.")
    classification: Code = prop("How confidential the thing itself is.", codes="classification")
    application_class: Code = prop(
        "For applications: general or special (SPBE).", codes="application-class", summary=True
    )

    owners: Many[Agency] = link(
        "OWNS",
        "Who has it to give.",
        incoming=True,
        reverse="owns",
        reverse_doc="The resources it has to give.",
        summary=True,
    )
    users: Many[Agency] = link(
        "USES",
        "Who works with it; every accepted request is a use of its own.",
        incoming=True,
        reverse="uses",
        reverse_doc="The resources of others it works with.",
        props=Use,
        keyed=True,
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "Where it can be used.",
        reverse="resources",
        reverse_doc="The resources that can be used there.",
        summary=True,
    )
    functions: Many[Function] = link(
        "HAS_FUNCTION",
        "What it serves, in terms of a code list.",
        reverse="resources",
        reverse_doc="The resources that serve it.",
        summary=True,
    )


class Need(Common, plural="needs"):
    """What an agency lacks, so that it can be matched with what others have."""

    kind: Code = prop("What sort of resource is needed.", codes="resource-kind", required=True, summary=True)
    unit: Text = prop("What the quantity is counted in.")
    quantity: Number = prop("How much is needed, in its unit.", above=0)
    by_when: Date = prop("The day by which it is needed.")

    agency: One[Agency] = link(
        "NEEDED_BY", "Who needs it.", reverse="needs", reverse_doc="What it needs.", summary=True, on_behalf=True
    )
    service: One[Service] = link(
        "NEEDED_FOR", "The service it is needed for.", reverse="needs", reverse_doc="What is needed for it."
    )
    areas: Many[Area] = link(
        "IN_AREA", "Where it is needed.", reverse="needs", reverse_doc="What is needed there.", summary=True
    )
    functions: Many[Function] = link(
        "HAS_FUNCTION",
        "What it is needed for, in terms of a code list.",
        reverse="needs",
        reverse_doc="What is needed for it.",
        summary=True,
    )


class Request(Common, plural="requests", by_action=True):
    """An agency asks to use a resource, and what its owner says.

    Once accepted it promises its quantity, from its first day to its last, and is a use of the resource of its own.
    """

    quantity: Number = prop("How much of it, in its unit.", above=0)
    since: Date = prop("The first day of the use.")
    until: Date = prop("The last day of the use; empty while it goes on.", not_before="since")
    decision: Code = prop("Accepted, declined, or ended after a use.", codes="decision", by_action=True)
    decided_on: Date = prop("The day it was decided.", by_action=True)
    answer: Prose = prop("What the owner says.", by_action=True)

    agency: One[Agency] = link(
        "REQUESTED_BY", "Who asks.", reverse="requests", reverse_doc="What it asks for.", on_behalf=True
    )
    resource: One[Resource] = link(
        "REQUEST_FOR", "What is asked for.", reverse="requests", reverse_doc="Who asks for it: the requests to use it."
    )
    need: One[Need] = link(
        "REQUESTED_TO_MEET",
        "The need that it would meet.",
        reverse="requests",
        reverse_doc="The requests that would meet it.",
    )


class Membership:
    """How an agency takes part in a partnership."""

    role: Code = prop("Lead, partner or witness.", codes="party-role", summary=True)
    standing: Code = prop(
        "What the party says of the agreement: confirmed, corrected or disputed.",
        codes="party-standing",
        by_action=True,
    )
    standing_on: Date = prop("The day it said so.", by_action=True)
    remark: Text = prop("What it adds.", by_action=True)


class Partnership(Common, plural="partnerships"):
    """An agreement or a working relation of two or more parties.

    What a party says of it is said of its terms as they are: when they change, every party is asked anew.
    """

    instrument: Code = prop(
        "MoU, cooperation agreement, service agreement or informal.",
        codes="instrument",
        summary=True,
        agreement_term=True,
    )
    legal_basis: Text = prop("The rule or document it rests on.", agreement_term=True)
    valid_from: Date = prop("The first day on which it is in force.", agreement_term=True)
    valid_until: Date = prop(
        "The last day on which it is in force; empty when open-ended.", not_before="valid_from", agreement_term=True
    )
    target_scale: Code = prop("The scale of the level aimed at.", codes="level-scale", agreement_term=True)
    target_level: Integer = prop(
        "The level of working together aimed at, on that scale.", at_least=0, agreement_term=True
    )

    parties: Many[Agency] = link(
        "PARTY_TO",
        "Who takes part, in which role.",
        incoming=True,
        reverse="partnerships",
        reverse_doc="The agreements it takes part in, in which role.",
        props=Membership,
        summary=True,
        at_least=2,
        agreement_term=True,
    )
    covers_services: Many[Service] = link(
        "COVERS",
        "The services it covers.",
        reverse="partnerships",
        reverse_doc="The agreements that cover it.",
        agreement_term=True,
    )
    covers_resources: Many[Resource] = link(
        "COVERS",
        "The resources it covers.",
        reverse="partnerships",
        reverse_doc="The agreements that cover it.",
        agreement_term=True,
    )
    renews: One[Self] = link(
        "RENEWS",
        "The agreement it follows.",
        reverse="renewed_by",
        reverse_doc="The agreements that follow it.",
        acyclic=True,
    )


class Statement(Common, plural="statements", by_action=True, named=False):
    """What one party says about a partnership, kept over time."""

    scale: Code = prop("The scale of the level.", codes="level-scale", required=True)
    level: Integer = prop("How closely they work together, on that scale.", required=True, at_least=0)
    on: Date = prop("The day it was said.", required=True)

    agency: One[Agency] = link(
        "STATED_BY",
        "The party that says it.",
        reverse="statements",
        reverse_doc="What it says about its agreements.",
        on_behalf=True,
    )
    partnership: One[Partnership] = link(
        "STATED_ABOUT",
        "The partnership it is about.",
        reverse="statements",
        reverse_doc="What its parties say about it.",
    )


class Channel(Common, plural="channels", named=False):
    """How a service or an agency is reached, and how it answers."""

    kind: Code = prop("Counter, phone, web, app or social account.", codes="channel-kind", required=True, summary=True)
    address: Text = prop("Where it is: an address, a number, an account.", summary=True)
    two_way: Flag = prop("Whether people get an answer there.", summary=True)
    answers_within: Number = prop("The promised time to an answer, in hours.", at_least=0, summary=True)

    agency: One[Agency] = link(
        "CHANNEL_OF",
        "The agency that answers.",
        reverse="channels",
        reverse_doc="The channels by which it is reached.",
        summary=True,
    )
    service: One[Service] = link(
        "CHANNEL_FOR",
        "The service it is for.",
        reverse="channels",
        reverse_doc="The channels by which it is reached.",
        summary=True,
    )


class Feedback(Common, plural="feedbacks", by_action=True, named=False, erasable=("description",)):
    """Something said about a service, and the answer given."""

    received: Date = prop("The day it came in.", required=True)
    private: Flag = prop("Whether its sender asked that it is not shown to others.")
    answered: Date = prop("The day it was answered.", by_action=True, not_before="received")
    answer: Prose = prop("The answer.", by_action=True)

    service: One[Service] = link(
        "SAID_ABOUT", "The service it is about.", reverse="feedback", reverse_doc="What was said about it."
    )
    channel: One[Channel] = link(
        "SAID_THROUGH", "The channel it came by.", reverse="feedback", reverse_doc="What came by it."
    )
    owner: One[Agency] = link(
        "TO_ANSWER", "The agency that has to answer.", reverse="to_answer", reverse_doc="The feedback it has to answer."
    )


class Source(Common, plural="sources", read_only=True):
    """Where records come from."""

    publisher: Text = prop("Who publishes it.", summary=True)
    licence: Text = prop("The terms on which it may be used.", summary=True)
    format: Code = prop("The format it is read in.", summary=True)
    illustrative: Flag = prop("Whether its records are invented, to try the registry with.", summary=True)
    website: Url = prop("Its page on the web.", summary=True)


class Run(Common, plural="runs", read_only=True, named=False):
    """One load of a source, and what came of it."""

    started: Instant = prop("When it began.", summary=True)
    finished: Instant = prop("When it ended; empty when it was interrupted.", summary=True)
    rows_read: Integer = prop("How many rows were read.", summary=True)
    records_created: Integer = prop("How many records were new.", summary=True)
    records_changed: Integer = prop("How many records were changed.", summary=True)
    records_retired: Integer = prop("How many records the source no longer has.", summary=True)
    rows_left_out: Integer = prop("How many rows had a problem and were left out.", summary=True)


class Change(Common, plural="changes", read_only=True, named=False):
    """Who changed what, and when; append-only, each entry chained to the one before by its hash."""

    number: Integer = prop("Its place in the chain, beginning with 1.", required=True, indexed=True)
    at: Instant = prop("When it was made.", required=True)
    actor: Text = prop("Who made it.", required=True)
    how: Code = prop("By form, API, command or load.", codes="change-way", required=True)
    what: Code = prop("What was done.", codes="change-kind", required=True)
    record: Id = prop("The record that was changed; of a load, its run.", required=True, indexed=True)
    record_kind: Text = prop("The kind of that record.", required=True)
    run: Id = prop("The run that made it, if a load did.", indexed=True)
    note: Prose = prop("What its maker said about it.")
    before: Prose = prop("What was there before, as JSON: of each property and link only what is different.")
    after: Prose = prop("What is there since, as JSON.")
    key: Text = prop("A digest of the name that makes it harmless to ask for it twice.", indexed=True)
    asked: Text = prop("A digest of what was asked for under that name.")
    previous_hash: Text = prop("The hash of the entry before.", required=True)
    own_hash: Text = prop("The hash of this entry, which holds that of the one before.", required=True)


MODEL = Model(
    Agency, Service, Resource, Need, Request, Partnership, Statement, Channel, Feedback,
    Sector, Area, Audience, Function, Source, Run, Change,
)  # fmt: skip
# The main kinds, shown first in lists and counts.
MAIN = ("Agency", "Service", "Resource", "Need", "Partnership")
