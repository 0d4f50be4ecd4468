"""What agencies share, side by side: the operation that asks for it, and what its page shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from registry.exploring.shared import MOST
from registry.model import MODEL
from registry.modelling import Property
from registry.web.selecting import glance
from registry.web.showing import Data, Shown, edge_words, fact_words, shown
from registry.web.standing import Standing, standing
from registry.web.statements import Compared, compared
from registry.web.wording import code_label
from registry.words import _

WHO = "agency { id name }"
OPERATION = f"""query Shared($agencies: [ID!]!, $asOf: Date) {{
  sharedBetween(agencies: $agencies, asOf: $asOf) {{
    asOf
    agencies {{ id name }}
    resources {{
      resource {{ {glance(MODEL["Resource"])} }}
      owners {{ id name }}
      uses {{ {WHO} role since until covered }}
      agreements {{ id name validFrom validUntil withheld }}
      otherAgreements {{ partnership {{ id name validFrom validUntil withheld }} parties {{ id name }} }}
    }}
    services {{ service {{ {glance(MODEL["Service"])} }} providers {{ {WHO} role }} }}
    partnerships {{
      partnership {{ id name withheld instrument legalBasis validFrom validUntil }}
      parties {{ {WHO} role }}
      inForce
      statements {{ {WHO} scale level on }}
      disagreement
    }}
    withheld
    needs {{ need {{ {glance(MODEL["Need"])} }} neededBy {{ id name }} resource {{ id name }} owner {{ id name }} }}
  }}
}}
"""
KNOWN = """query Agencies($ids: [ID!]!) {
  agencies(where: {id: {in: $ids}}, first: 20) { nodes { id name } }
}
"""
FIND = """query Agencies($where: AgencyWhere) {
  agencies(where: $where, first: 10, order: [{name: ASC}]) { totalCount nodes { id name } }
}
"""
USE, PROVISION, MEMBERSHIP = (
    MODEL["Agency"].ends[name].link.properties for name in ("uses", "provides", "partnerships")
)


@dataclass(frozen=True)
class Part:
    """An agency, what its part is in words, and whether an agreement covers it; None where that cannot be seen."""

    agency: Shown
    told: Sequence[str]
    covered: bool | None = None


@dataclass(frozen=True)
class Agreement:
    """An agreement that is not between the agencies, and who its parties are."""

    agreement: Shown
    parties: Sequence[Shown]


@dataclass(frozen=True)
class Resource:
    """A resource: who of the agencies owns it, who uses it, under which agreements in force between them, and which others.

    Where it is `withheld` uses and agreements are not shown.
    """

    resource: Shown
    owners: Sequence[Shown]
    uses: Sequence[Part]
    agreements: Sequence[Shown]
    others: Sequence[Agreement]
    withheld: bool


@dataclass(frozen=True)
class Service:
    """A service that several of the agencies provide."""

    service: Shown
    providers: Sequence[Part]


@dataclass(frozen=True)
class Partnership:
    """An agreement of several of the agencies: where it stands, what it rests on, and what each says of it."""

    partnership: Shown
    standing: Standing
    told: Sequence[str]
    parties: Sequence[Part]
    compared: Sequence[Compared]


@dataclass(frozen=True)
class Need:
    """A need of one of the agencies, and a resource of another that could meet it."""

    need: Shown
    needed_by: Shown
    resource: Shown
    owner: Shown


@dataclass(frozen=True)
class Shared:
    """All that the agencies share on a day; `withheld` tells that there may be more resources that they use."""

    as_of: str
    agencies: Sequence[Shown]
    resources: Sequence[Resource]
    services: Sequence[Service]
    partnerships: Sequence[Partnership]
    needs: Sequence[Need]
    withheld: bool

    @property
    def full(self) -> int:
        """How many of a sort are shown at most, where there may be more; otherwise 0."""
        sorts: tuple[Sequence[object], ...] = (self.resources, self.services, self.partnerships, self.needs)
        return MOST if any(len(one) >= MOST for one in sorts) else 0

    @property
    def uncovered(self) -> int:
        """How many resources have a use that no agreement in force covers."""
        return sum(1 for one in self.resources if any(use.covered is False for use in one.uses))

    @property
    def uncertain(self) -> bool:
        """Whether more of them may have one, as far as the visitor sees."""
        return self.withheld or any(
            one.withheld or any(use.covered is None for use in one.uses) for one in self.resources
        )


def shared(data: Data) -> Shared:
    """Return what an answer of `sharedBetween` says."""
    return Shared(
        data["asOf"],
        [_agency(one) for one in data["agencies"]],
        [_resource(one, data["asOf"]) for one in data["resources"]],
        [Service(_glance("Service", one["service"]), _parts(one["providers"], PROVISION)) for one in data["services"]],
        [_partnership(one, data["asOf"]) for one in data["partnerships"]],
        [_need(one) for one in data["needs"]],
        data["withheld"],
    )


def _agency(one: Data) -> Shown:
    return shown("Agency", one)


def _glance(kind: str, one: Data) -> Shown:
    return Shown(kind, one["id"], shown(kind, one).title, list(fact_words(kind, one, set())))


def _parts(parts: Sequence[Data], declared: Any) -> list[Part]:
    properties: Sequence[Property] = list(declared.values())
    return [Part(_agency(one["agency"]), list(edge_words(properties, one)), one.get("covered")) for one in parts]


def _resource(one: Data, day: str) -> Resource:
    between = [_agreement(each, day) for each in one["agreements"] or ()]
    others = [
        Agreement(_agreement(each["partnership"], day), [_agency(party) for party in each["parties"]])
        for each in one["otherAgreements"] or ()
    ]
    owners = [_agency(each) for each in one["owners"]]
    uses = _parts(one["uses"] or (), USE)
    return Resource(_glance("Resource", one["resource"]), owners, uses, between, others, one["uses"] is None)


def _agreement(one: Data, day: str) -> Shown:
    return Shown("Partnership", one["id"], one["name"], standing=_standing(one, day))


def _partnership(one: Data, day: str) -> Partnership:
    agreement = one["partnership"]
    told = list(_basis(agreement))
    parties = _parts(one["parties"], MEMBERSHIP)
    said = compared(one["statements"] or ())
    return Partnership(shown("Partnership", agreement), _standing(agreement, day), told, parties, said)


def _basis(agreement: Data) -> Iterator[str]:
    if agreement["instrument"]:
        yield code_label("instrument", agreement["instrument"])
    if agreement["legalBasis"]:
        yield agreement["legalBasis"]
    elif not agreement["withheld"]:
        yield _("no legal basis on record")


def _standing(agreement: Data, day: str) -> Standing:
    return standing(agreement["validFrom"], agreement["validUntil"], withheld=agreement["withheld"], today=day)


def _need(one: Data) -> Need:
    needed_by, owner = _agency(one["neededBy"]), _agency(one["owner"])
    return Need(_glance("Need", one["need"]), needed_by, shown("Resource", one["resource"]), owner)
