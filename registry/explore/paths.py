"""Paths: the chains of links that connect one record with another, shortest first, also in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from typing import TYPE_CHECKING

from registry.database import exploration
from registry.explore import ExplorationTooLarge, ExploreContext
from registry.i18n import _
from registry.model.definitions import MODEL

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class PathStep:
    """A link that a path follows from one record to another. If the path follows the link's own direction, `forward` is true."""

    relation: str
    forward: bool
    start: str
    start_name: str
    end: str
    end_name: str


def detail_targets(kind: str, relations: Collection[str]) -> frozenset[str]:
    """Return the kinds to which a kind has links of the given relations that are details.

    A link that is a detail is hidden from an actor who sees only the summary of one of its ends.
    """
    ends = MODEL[kind].ends.values()
    return frozenset(end.target for end in ends if not end.link.summary and end.link.relation in relations)


def sentence(steps: Sequence[PathStep]) -> str:
    """Return the steps of a path as a sentence, such as "Dinas A uses Data B, owned by Dinas C"."""
    if not steps:
        return ""
    head, *rest = (f"{phrase(step.relation, forward=step.forward)} {step.end_name}" for step in steps)
    return ", ".join([f"{steps[0].start_name} {head}", *rest])


def phrase(relation: str, *, forward: bool) -> str:
    """Return the words for a relation, such as "uses". For the opposite direction, return words such as "used by"."""
    return _(PHRASES[relation][0 if forward else 1])


PHRASES = {
    "BROADER": ("is part of", "includes"),
    "SAME_AS": ("means the same as", "means the same as"),
    "PART_OF": ("belongs to", "has the unit"),
    "IN_SECTOR": ("works in", "is the field of"),
    "IN_AREA": ("is in", "is the place of"),
    "PROVIDES": ("provides", "provided by"),
    "FOR_AUDIENCE": ("is for", "are served by"),
    "HAS_FUNCTION": ("does", "is done by"),
    "REQUIRES": ("requires", "required by"),
    "DEPENDS_ON": ("depends on", "needed by"),
    "OWNS": ("owns", "owned by"),
    "USES": ("uses", "used by"),
    "NEEDED_BY": ("is needed by", "needs"),
    "NEEDED_FOR": ("is needed for", "has the need"),
    "REQUESTED_BY": ("is requested by", "requested"),
    "REQUEST_FOR": ("asks for", "is requested in"),
    "REQUESTED_TO_MEET": ("is to meet", "is to be met by"),
    "PARTY_TO": ("is party to", "agreed with"),
    "COVERS": ("covers", "covered by"),
    "RENEWS": ("renews", "renewed by"),
    "STATED_BY": ("is stated by", "has stated"),
    "STATED_ABOUT": ("is about", "is assessed in"),
    "CHANNEL_OF": ("belongs to", "is reached by"),
    "CHANNEL_FOR": ("is for", "is reached by"),
    "SAID_ABOUT": ("is about", "has the feedback"),
    "SAID_THROUGH": ("was received through", "is the channel of"),
    "TO_ANSWER": ("is to be answered by", "is to answer"),
}


TERMS = frozenset({"IN_SECTOR", "IN_AREA", "FOR_AUDIENCE", "HAS_FUNCTION", "BROADER", "SAME_AS"})
REMARKS = frozenset(
    {"STATED_BY", "STATED_ABOUT", "CHANNEL_OF", "CHANNEL_FOR", "SAID_ABOUT", "SAID_THROUGH", "TO_ANSWER"}
)
# Links that paths do not follow by default, because they connect almost everything or only say something about one record.
NOT_FOLLOWED = TERMS | REMARKS
MOST_LINKS, EACH = 20_000, 500


@dataclass(frozen=True)
class Path:
    """A path from one record to another that visits each record at most once."""

    steps: Sequence[PathStep]

    @property
    def length(self) -> int:
        """The number of links in the path."""
        return len(self.steps)

    @property
    def text(self) -> str:
        """The path in words."""
        return sentence(self.steps)


@dataclass(frozen=True)
class Paths:
    """Paths between two records, shortest first.

    `withheld` says that there may be more paths. The actor then sees only the summary of a visited record, or of records that may
    be linked to it, so that some links are unknown.
    """

    nodes: Sequence[Path]
    withheld: bool


async def paths(
    context: ExploreContext,
    start: str,
    end: str,
    relations: Collection[str],
    *,
    longest: int = 6,
    first: int = 5,
    day: str,
) -> Paths | None:
    """Return up to `first` paths of at most `longest` links between two records; no path visits a record twice.

    The paths use only links of the given relations, in either direction. If one of the two records does not exist, return None.

    The search starts at both records. Each step reads the links of the smaller frontier. After N steps, all paths of N links have
    been read. Yen's algorithm (networkx) finds the shortest of these paths. If a record has more than EACH links, only the first of
    them by name are followed. Raises StoreError, and ExplorationTooLarge if the search would read more than MOST_LINKS links.
    """
    graph = PathFinder(context, relations, day)
    await graph.read({start, end})
    if not (graph.knows(start) and graph.knows(end)):
        return None
    if start == end:
        return Paths([], withheld=False)
    seen = {start: {start}, end: {end}}
    frontiers = {start: {start}, end: {end}}
    for readings in range(1, longest + 1):
        side = min(frontiers, key=lambda one: len(frontiers[one]))
        frontiers[side] = await graph.read(frontiers[side]) - seen[side]
        seen[side] |= frontiers[side]
        found = graph.shortest(start, end, readings, first)
        if len(found) == first or not frontiers[side]:
            break
    return Paths(found, graph.withheld)


class PathFinder:
    """The part of the graph that the search has read so far."""

    def __init__(self, context: ExploreContext, relations: Collection[str], day: str) -> None:
        import networkx as nx  # imported here, because the import takes half a second

        self._nx, self._context, self._relations, self._day = nx, context, relations, day
        self._links: nx.Graph[str] = nx.Graph()
        self._names: dict[str, str] = {}
        self._read: set[str] = set()
        self.withheld = False  # whether some links of the visited records are hidden from the actor

    def knows(self, one: str) -> bool:
        """Return whether the search has read this record or has found it at the end of a link."""
        return one in self._names

    async def read(self, ids: set[str]) -> set[str]:
        """Read the links of the given records and return the linked records. Raises ExplorationTooLarge and StoreError."""
        new = sorted(ids - self._read)
        if new:
            (rows,) = await self._context.run(
                exploration.links_of(new, self._relations, self._context.actor, day=self._day, most=EACH)
            )
            self._read |= ids
            for near, kind, name, links, _, _, whole in rows:
                self._names[near] = name
                targets = detail_targets(kind, self._relations)
                hidden = self._context.actor.may_be_partial(targets) if whole else bool(targets)
                self.withheld = self.withheld or hidden
                for relation, forward, _, far, far_name in links:
                    self._names[far] = far_name
                    self._links.add_edge(near, far)
                    self._links.edges[near, far].setdefault(relation, near if forward else far)
            if self._links.number_of_edges() > MOST_LINKS:
                raise ExplorationTooLarge(
                    _(
                        "There are too many links between the two records. Choose fewer types of links, or shorter paths."
                    )
                )
        return {far for one in ids if one in self._links for far in self._links[one]}

    def shortest(self, start: str, end: str, longest: int, first: int) -> list[Path]:
        """Return up to `first` paths of at most `longest` links, shortest first; no path visits a record twice."""
        if start not in self._links or end not in self._links or not self._nx.has_path(self._links, start, end):
            return []
        routes = self._nx.shortest_simple_paths(self._links, start, end)
        return [self._path(one) for one in islice(takewhile(lambda one: len(one) <= longest + 1, routes), first)]

    def _path(self, records: Sequence[str]) -> Path:
        return Path([self._step(near, far) for near, far in pairwise(records)])

    def _step(self, near: str, far: str) -> PathStep:
        relation, begins = min(self._links.edges[near, far].items())
        return PathStep(relation, begins == near, near, self._names[near], far, self._names[far])
