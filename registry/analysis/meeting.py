"""What could meet one need, by the rules of the report `matches`, whoever else could use it."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from registry.analysis.fitting import Fitting, certain, spare
from registry.analysis.lists import Lists, Need, Resource

Finding = Literal["fits", "may-fit", "too-little"]
ORDER: tuple[Finding, ...] = ("fits", "may-fit", "too-little")


class Candidate(NamedTuple):
    """A resource that could meet a need, all of it or some: `spare` is what is free, in its unit; None where not known."""

    resource: Resource
    finding: Finding
    spare: float | None


def meeting(need: Need, lists: Lists) -> list[Candidate]:
    """Return the resources of the lists that could meet a need: what fits first, what is too little last, most free first."""
    return sorted(_candidates(need, lists), key=lambda one: (ORDER.index(one.finding), -(one.spare or 0)))


def _candidates(need: Need, lists: Lists) -> Iterator[Candidate]:
    fitting = Fitting(lists)
    for resource in fitting.candidates(need):
        left = spare(resource)
        obstacle = fitting.obstacle(need, resource, left)
        if obstacle == "too-little":
            yield Candidate(resource, "too-little", left)
        elif obstacle is None:
            yield Candidate(resource, "fits" if certain(need, resource) else "may-fit", left)
