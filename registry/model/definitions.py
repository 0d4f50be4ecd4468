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
    """The properties that all records have: identity, steward, access, status and origin."""

    id: Id = prop("Permanent unique identifier.", required=True, summary=True)
    name: Text = prop("Name in everyday use; of an agreement, its title.", required=True, summary=True)
    description: Prose = prop("Description in a few sentences.")
    steward: Ref = prop("Agency responsible for this record.", refers_to="Agency", summary=True)
    access: Code = prop(
        "Who can view the record: open to everybody, restricted to a summary, or closed to all but the agencies concerned.",
        codes="access",
        required=True,
        summary=True,
    )
    grants: Texts = prop("Groups and agencies that can view all details, never individual persons.")
    status: Code = prop(
        "Publication status. Others can view the record once it is published.",
        codes="status",
        required=True,
        summary=True,
    )
    source: Ref = prop("Source from which the record was loaded.", refers_to="Source", summary=True, read_only=True)
    created: Instant = prop("Time at which the record was created.", summary=True, read_only=True)
    updated: Instant = prop("Time of the last change.", summary=True, read_only=True)
    version: Integer = prop(
        "Version number: 1 for a new record, one more with each change.", summary=True, read_only=True
    )


class Term(Common):
    """A term of a versioned code list, with its place in a hierarchy and its labels in two languages."""

    scheme: Code = prop("Code list of the term, such as cofog-1999.", required=True, summary=True)
    code: Text = prop("Code of the term in its list.", required=True, summary=True)
    label_id: Text = prop("Label in Indonesian.", summary=True)
    label_en: Text = prop("Label in English.", summary=True)
    valid_from: Date = prop("First day on which the term is valid.", summary=True)
    valid_until: Date = prop("Last day on which the term is valid.", summary=True, not_before="valid_from")

    broader: Many[Self] = link(
        "BROADER",
        "Broader terms, which include this term.",
        reverse="narrower",
        reverse_doc="Narrower terms, which this term includes.",
        summary=True,
        acyclic=True,
        hierarchy=True,
    )
    same_as: Many[Self] = link(
        "SAME_AS",
        "Terms of other lists with the same meaning.",
        reverse="equated_by",
        reverse_doc="Terms of other lists that name this term as equivalent.",
        summary=True,
    )


class Sector(Term, plural="sectors"):
    """A field of government work, such as health or transport."""


class Area(Term, plural="areas"):
    """An administrative area, such as a province, a city, a district or a ward."""


class Audience(Term, plural="audiences"):
    """A group of people for whom services are provided."""


class Function(Term, plural="functions"):
    """A function of government, as classified by COFOG or a national reference architecture."""


class Agency(Common, plural="agencies"):
    """A public body or a partner organisation, such as a community, a business, a university or a media organisation."""

    kind: Code = prop("Type of organisation.", codes="agency-kind", required=True, summary=True)
    acronym: Text = prop("Abbreviation of the name.", summary=True)
    identifiers: Identifiers = prop("Identifiers in other systems, each written as scheme:value.", summary=True)
    level_of_government: Code = prop(
        "Level of government to which the agency belongs.", codes="level-of-government", summary=True
    )
    website: Url = prop("Address of the website.", summary=True)

    part_of: Many[Self] = link(
        "PART_OF",
        "Parent bodies, of which there can be several.",
        reverse="units",
        reverse_doc="Units of this body.",
        summary=True,
        acyclic=True,
        hierarchy=True,
    )
    sectors: Many[Sector] = link(
        "IN_SECTOR",
        "Sectors in which the agency works.",
        reverse="agencies",
        reverse_doc="Agencies that work in this sector.",
        summary=True,
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "Areas in which the agency works.",
        reverse="agencies",
        reverse_doc="Agencies that work in this area.",
        summary=True,
    )


class Provision:
    """The role of an agency in a service."""

    role: Code = prop(
        "Role of the agency in providing the service.", codes="provider-role", required=True, summary=True
    )


class Service(Common, plural="services"):
    """A service that agencies provide to the public or to other agencies."""

    kind: Code = prop("Type of service.", codes="service-kind", required=True, summary=True)
    digital_maturity: Integer = prop(
        "Digital stage of the service, from 1 (information) to 5 (connected); not the SPBE maturity level.", at_least=1
    )

    providers: Many[Agency] = link(
        "PROVIDES",
        "Agencies that provide the service, each with its role.",
        incoming=True,
        reverse="provides",
        reverse_doc="Services that the agency provides, each with its role.",
        props=Provision,
        summary=True,
    )
    sectors: Many[Sector] = link(
        "IN_SECTOR",
        "Sectors to which the service belongs.",
        reverse="services",
        reverse_doc="Services that belong to this sector.",
        summary=True,
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "Areas in which the service is offered.",
        reverse="services",
        reverse_doc="Services offered in this area.",
        summary=True,
    )
    audiences: Many[Audience] = link(
        "FOR_AUDIENCE",
        "Groups of people whom the service is for.",
        reverse="services",
        reverse_doc="Services for this group of people.",
        summary=True,
    )
    functions: Many[Function] = link(
        "HAS_FUNCTION",
        "Government functions that the service fulfils.",
        reverse="services",
        reverse_doc="Services that fulfil this function.",
        summary=True,
    )
    requires: Many["Resource"] = link(
        "REQUIRES",
        "Resources that the service cannot run without.",
        reverse="required_by",
        reverse_doc="Services that cannot run without this resource.",
    )
    depends_on: Many[Self] = link(
        "DEPENDS_ON",
        "Other services that the service cannot run without.",
        reverse="dependents",
        reverse_doc="Services that cannot run without this service.",
    )


class Use:
    """The use of a resource by an agency."""

    role: Code = prop("Type of use.", codes="use-role", required=True)
    since: Date = prop("First day of the use.")
    until: Date = prop("Last day of the use; leave empty while the use continues.", not_before="since")


class Resource(Common, plural="resources"):
    """A resource that other agencies could use: data, an application, a facility, equipment, staff time or funds."""

    kind: Code = prop("Type of resource.", codes="resource-kind", required=True, summary=True)
    unit: Text = prop("Unit in which capacity is counted, such as seats or hours a week.")
    capacity: Number = prop("Total capacity, in the given unit.", at_least=0)
    in_use: Number = prop(
        "Capacity already in use; at least the amount promised to accepted requests.",
        at_least=0,
        not_above="capacity",
    )
    free: Number = prop(
        "Free capacity: the total capacity minus the capacity in use; unknown where either is not recorded.",
        difference=("capacity", "in_use"),
    )
    shareability: Code = prop("Whether other agencies can use the resource.", codes="shareability", summary=True)
    available_since: Date = prop("First day on which other agencies can use the resource.")
    conditions: Prose = prop("Conditions that a user must accept.")
    classification: Code = prop("Security classification of the resource itself.", codes="classification")
    application_class: Code = prop("SPBE class; for applications only.", codes="application-class", summary=True)

    owners: Many[Agency] = link(
        "OWNS",
        "Agencies that own the resource.",
        incoming=True,
        reverse="owns",
        reverse_doc="Resources that the agency owns.",
        summary=True,
    )
    users: Many[Agency] = link(
        "USES",
        "Agencies that use the resource; each accepted request adds a use.",
        incoming=True,
        reverse="uses",
        reverse_doc="Resources of other agencies that the agency uses.",
        props=Use,
        keyed=True,
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "Areas in which the resource can be used.",
        reverse="resources",
        reverse_doc="Resources that can be used in this area.",
        summary=True,
    )
    functions: Many[Function] = link(
        "HAS_FUNCTION",
        "Government functions that the resource supports.",
        reverse="resources",
        reverse_doc="Resources that support this function.",
        summary=True,
    )


class Need(Common, plural="needs"):
    """A resource that an agency lacks; the registry matches it with resources of other agencies."""

    kind: Code = prop("Type of resource needed.", codes="resource-kind", required=True, summary=True)
    unit: Text = prop("Unit in which the quantity is counted.")
    quantity: Number = prop("Quantity needed, in the given unit.", above=0)
    by_when: Date = prop("Latest day on which the resource is needed.")

    agency: One[Agency] = link(
        "NEEDED_BY",
        "Agency that needs the resource.",
        reverse="needs",
        reverse_doc="Needs of the agency.",
        summary=True,
        on_behalf=True,
    )
    service: One[Service] = link(
        "NEEDED_FOR",
        "Service for which the resource is needed.",
        reverse="needs",
        reverse_doc="Needs recorded for the service.",
    )
    areas: Many[Area] = link(
        "IN_AREA",
        "Areas in which the resource is needed.",
        reverse="needs",
        reverse_doc="Needs in this area.",
        summary=True,
    )
    functions: Many[Function] = link(
        "HAS_FUNCTION",
        "Government functions for which the resource is needed.",
        reverse="needs",
        reverse_doc="Needs recorded for this function.",
        summary=True,
    )


class Request(Common, plural="requests", by_action=True):
    """A request by an agency to use a resource, with the decision of the owner.

    An accepted request reserves the requested quantity from the first to the last day of the request, and adds a use of the resource.
    """

    quantity: Number = prop("Quantity requested, in the unit of the resource.", above=0)
    since: Date = prop("First day of the requested use.")
    until: Date = prop("Last day of the use; leave empty while the use continues.", not_before="since")
    decision: Code = prop("Decision of the owner.", codes="decision", by_action=True)
    decided_on: Date = prop("Day of the decision.", by_action=True)
    answer: Prose = prop("Answer of the owner.", by_action=True)

    agency: One[Agency] = link(
        "REQUESTED_BY",
        "Agency that requests the resource.",
        reverse="requests",
        reverse_doc="Requests of the agency.",
        on_behalf=True,
    )
    resource: One[Resource] = link(
        "REQUEST_FOR", "Resource that is requested.", reverse="requests", reverse_doc="Requests to use the resource."
    )
    need: One[Need] = link(
        "REQUESTED_TO_MEET",
        "Need that the request would meet.",
        reverse="requests",
        reverse_doc="Requests that would meet the need.",
    )


class Membership:
    """The participation of an agency in a partnership."""

    role: Code = prop("Role of the party in the agreement.", codes="party-role", summary=True)
    standing: Code = prop(
        "Response of the party to the recorded terms.",
        codes="party-standing",
        by_action=True,
    )
    standing_on: Date = prop("Day of the response.", by_action=True)
    remark: Text = prop("Comment of the party.", by_action=True)


class Partnership(Common, plural="partnerships"):
    """A cooperation of two or more parties, with or without a signed agreement.

    The parties confirm the recorded terms. A change of the terms voids all confirmations.
    """

    instrument: Code = prop(
        "Type of the signed document, or informal if there is none.",
        codes="instrument",
        summary=True,
        agreement_term=True,
    )
    document_number: Text = prop("Number of the signed document, such as 119/123/PKS/2026.", agreement_term=True)
    legal_basis: Text = prop("Regulation or other document on which the agreement is based.", agreement_term=True)
    valid_from: Date = prop("First day on which the agreement is in force.", agreement_term=True)
    valid_until: Date = prop(
        "Last day on which the agreement is in force; leave empty if it has no end date.",
        not_before="valid_from",
        agreement_term=True,
    )
    target_scale: Code = prop("Scale of the target level.", codes="level-scale", agreement_term=True)
    target_level: Integer = prop("Target level of collaboration on the target scale.", at_least=0, agreement_term=True)

    parties: Many[Agency] = link(
        "PARTY_TO",
        "Parties to the agreement, each with its role.",
        incoming=True,
        reverse="partnerships",
        reverse_doc="Agreements to which the agency is a party, each with its role.",
        props=Membership,
        summary=True,
        at_least=2,
        agreement_term=True,
    )
    covers_services: Many[Service] = link(
        "COVERS",
        "Services that the agreement covers.",
        reverse="partnerships",
        reverse_doc="Agreements that cover the service.",
        agreement_term=True,
    )
    covers_resources: Many[Resource] = link(
        "COVERS",
        "Resources that the agreement covers.",
        reverse="partnerships",
        reverse_doc="Agreements that cover the resource.",
        agreement_term=True,
    )
    renews: One[Self] = link(
        "RENEWS",
        "Previous agreement that this one renews.",
        reverse="renewed_by",
        reverse_doc="Agreements that renew this one.",
        acyclic=True,
    )


class Statement(Common, plural="statements", by_action=True, named=False):
    """An assessment of a partnership by one party on a day; earlier assessments are kept."""

    scale: Code = prop("Scale of the level.", codes="level-scale", required=True)
    level: Integer = prop("Level of collaboration on the scale.", required=True, at_least=0)
    on: Date = prop("Day of the assessment.", required=True)

    agency: One[Agency] = link(
        "STATED_BY",
        "Party that made the assessment.",
        reverse="statements",
        reverse_doc="Assessments that the agency made of its agreements.",
        on_behalf=True,
    )
    partnership: One[Partnership] = link(
        "STATED_ABOUT",
        "Agreement that is assessed.",
        reverse="statements",
        reverse_doc="Assessments by the parties.",
    )


class Channel(Common, plural="channels", named=False):
    """A channel through which people reach a service or an agency."""

    kind: Code = prop("Type of channel.", codes="channel-kind", required=True, summary=True)
    address: Text = prop("Address, telephone number or account of the channel.", summary=True)
    two_way: Flag = prop("Whether people receive an answer through this channel.", summary=True)
    answers_within: Number = prop("Promised response time, in hours.", at_least=0, summary=True)

    agency: One[Agency] = link(
        "CHANNEL_OF",
        "Agency that operates the channel.",
        reverse="channels",
        reverse_doc="Channels through which people reach the agency.",
        summary=True,
    )
    service: One[Service] = link(
        "CHANNEL_FOR",
        "Service that the channel is for.",
        reverse="channels",
        reverse_doc="Channels through which people reach the service.",
        summary=True,
    )


class Feedback(Common, plural="feedbacks", by_action=True, named=False, erasable=("description",)):
    """Feedback on a service, with the answer."""

    received: Date = prop("Day on which the feedback was received.", required=True)
    private: Flag = prop("Whether the sender asked to keep the feedback private.")
    answered: Date = prop("Day of the answer.", by_action=True, not_before="received")
    answer: Prose = prop("Answer of the responsible agency.", by_action=True)

    service: One[Service] = link(
        "SAID_ABOUT", "Service that the feedback is about.", reverse="feedback", reverse_doc="Feedback on the service."
    )
    channel: One[Channel] = link(
        "SAID_THROUGH",
        "Channel through which the feedback came.",
        reverse="feedback",
        reverse_doc="Feedback received through this channel.",
    )
    owner: One[Agency] = link(
        "TO_ANSWER",
        "Agency that has to answer.",
        reverse="to_answer",
        reverse_doc="Feedback that the agency has to answer.",
    )


class Source(Common, plural="sources", read_only=True):
    """A source of loaded records."""

    publisher: Text = prop("Publisher of the source.", summary=True)
    licence: Text = prop("Licence terms of the source.", summary=True)
    format: Code = prop("Format of the source.", summary=True)
    illustrative: Flag = prop("Whether the records are invented for demonstration.", summary=True)
    website: Url = prop("Address of the website.", summary=True)


class Run(Common, plural="runs", read_only=True, named=False):
    """A load of a source, with its results."""

    started: Instant = prop("Start of the load.", summary=True)
    finished: Instant = prop("End of the load; empty if it was interrupted.", summary=True)
    rows_read: Integer = prop("Number of rows read.", summary=True)
    records_created: Integer = prop("Number of new records.", summary=True)
    records_changed: Integer = prop("Number of changed records.", summary=True)
    records_retired: Integer = prop("Number of records retired because the source no longer has them.", summary=True)
    rows_left_out: Integer = prop("Number of rows left out because of problems.", summary=True)


class Change(Common, plural="changes", read_only=True, named=False):
    """An event of the audit log, which is append-only: each event includes the hash of the previous one."""

    number: Integer = prop("Position in the audit log, starting at 1.", required=True, indexed=True)
    at: Instant = prop("Time of the change.", required=True)
    actor: Text = prop("User who made the change.", required=True)
    how: Code = prop("Interface through which the change was made.", codes="change-way", required=True)
    what: Code = prop("Type of change.", codes="change-kind", required=True)
    record: Id = prop("Identifier of the changed record; for a load, of its run.", required=True, indexed=True)
    record_kind: Text = prop("Kind of the changed record.", required=True)
    run: Id = prop("Run that made the change, if it was a load.", indexed=True)
    note: Prose = prop("Comment of the user who made the change.")
    before: Prose = prop("Previous values as JSON, of the changed properties and links only.")
    after: Prose = prop("New values as JSON.")
    key: Text = prop("Digest of the idempotency key.", indexed=True)
    asked: Text = prop("Digest of the request with that idempotency key.")
    previous_hash: Text = prop("Hash of the previous audit event.", required=True)
    own_hash: Text = prop("Hash of this audit event, which includes the previous hash.", required=True)


MODEL = Model(
    Agency, Service, Resource, Need, Request, Partnership, Statement, Channel, Feedback,
    Sector, Area, Audience, Function, Source, Run, Change,
)  # fmt: skip
# The main kinds, which are shown first in lists and counts.
MAIN = ("Agency", "Service", "Resource", "Need", "Partnership")
