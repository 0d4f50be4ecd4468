"""What cannot go on without some records."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from registry.analysis.lists import Lists, Resource, Service


class Stop(NamedTuple):
    """A service or a resource that cannot go on, and the record without which it cannot, None where nobody is left to have it."""

    record: Service | Resource
    cause: Service | Resource | None = None


def orphans(lists: Lists, gone: set[str]) -> Iterator[Service | Resource]:
    """Yield the resources and services that had owners or providers and have none left."""
    for resource in lists.resources:
        if resource.owners and resource.id not in gone and gone.issuperset(resource.owners):
            yield resource
    for service in lists.services:
        if service.providers and service.id not in gone and gone.issuperset(service.providers):
            yield service


def stopping(lists: Lists, gone: Collection[str]) -> Iterator[Stop]:
    """Yield the services that cannot work without what is gone, nearest first.

    That is a service that requires a resource that is gone, where there is no other of its kind that shares a function and
    may be shared, and a service that depends on one that is gone or stops.
    """
    stopped = set(gone)
    known: dict[str, Service | Resource] = {one.id: one for one in lists.resources}
    known |= {one.id: one for one in lists.services}
    while new := [Stop(one, known[cause]) for one in lists.services if (cause := _cause(one, lists, known, stopped))]:
        stopped |= {one.record.id for one in new}
        yield from new


def _cause(service: Service, lists: Lists, known: Mapping[str, Any], stopped: set[str]) -> str | None:
    """Return the first of the stopped records without which the service cannot work, if it has not stopped itself."""
    if service.id in stopped or stopped.isdisjoint((*service.requires, *service.depends_on)):
        return None
    required = (one for one in service.requires if one in stopped and one in known)
    lacking = (one for one in required if not _replaced(known[one], lists.resources, stopped))
    return next(chain(lacking, (one for one in service.depends_on if one in stopped and one in known)), None)


def _replaced(lost: Resource, resources: Sequence[Resource], gone: set[str]) -> bool:
    """Tell whether there is another resource of its kind that shares a function with it and may be shared."""
    return any(
        one.kind == lost.kind and one.shareability not in (None, "not-shared") and not set(one.functions).isdisjoint(lost.functions)
        for one in resources
        if one.id not in gone
    )  # fmt: skip
