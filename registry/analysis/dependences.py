"""Who cannot work without what others have."""

from collections.abc import Iterator
from typing import NamedTuple

from registry.analysis.lists import Ids, Resource, Service
from registry.analysis.world import World


class Dependence(NamedTuple):
    """An agency leads a service that cannot work without something that the holders (places, none of them it) have to give."""

    agency: int
    holders: tuple[int, ...]
    service: Service
    needed: Service | Resource


def dependences(world: World) -> Iterator[Dependence]:
    """Yield what services require and depend on, where others than who leads the service own or lead it, and only others."""
    held: dict[str, tuple[Service | Resource, Ids]] = {one.id: (one, one.owners) for one in world.lists.resources}
    held |= {one.id: (one, one.answering) for one in world.lists.services}
    for service in world.lists.services:
        for needed, whose in (held[one] for one in (*service.requires, *service.depends_on) if one in held):
            holders = tuple(world.place[one] for one in whose if one in world.place)
            for agency in (world.place[one] for one in service.answering if one in world.place):
                if holders and agency not in holders:
                    yield Dependence(agency, holders, service, needed)
