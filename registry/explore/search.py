"""Search: the records that contain every search word, best match first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import exploration
from registry.explore import ExploreContext
from registry.model.kinds import Kind
from registry.model.records import SearchTerms, is_searched, parse_search

MOST = 200


@dataclass(frozen=True)
class SearchHit:
    """A record that the search found. Hits are ordered by score, highest first, then by name (without case or accents) and id."""

    kind: str
    record: str
    name_key: str
    score: float

    @property
    def keys(self) -> list[object]:
        """The values that order the hit, for use in a page cursor."""
        return [self.score, self.name_key, self.record]

    @property
    def sort_key(self) -> tuple[float, str, str]:
        """The key for Python's ascending sort, so that the best hit comes first."""
        return -self.score, self.name_key, self.record


@dataclass(frozen=True)
class SearchResults:
    """A page of search hits, whether more hits follow, and the number of hits in total and per kind. Counting ends at MOST."""

    hits: Sequence[SearchHit]
    more: bool
    total: int
    of_kinds: Mapping[str, int]


async def search(
    context: ExploreContext,
    text: str,
    kinds: Sequence[type[Kind]],
    *,
    sector: str | None = None,
    area: str | None = None,
    first: int = 20,
    after: Sequence[object] = (),
) -> SearchResults:
    """Return the records of these kinds that contain every search word. Raises StoreError.

    A search word matches the beginning of a word in a record, or a word with the same stem. A text without words finds no records.
    `sector` and `area` are ids. The two ids restrict the search to records that are in that sector and area, or that have a linked
    agency there. Narrower sectors and areas match too. `after` holds the sort keys of the last hit on the previous page.
    """
    wanted, searched = parse_search(text), [kind for kind in kinds if is_searched(kind)]
    if not wanted.words or not searched:
        return SearchResults((), more=False, total=0, of_kinds={})
    hits = sorted(await _hits(context, wanted, searched, sector, area), key=lambda hit: hit.sort_key)[:MOST]
    rest = [hit for hit in hits if hit.sort_key > _sort_key(after)] if after else hits
    return SearchResults(rest[:first], len(rest) > first, len(hits), Counter(hit.kind for hit in hits))


async def _hits(
    context: ExploreContext, wanted: SearchTerms, kinds: Sequence[type[Kind]], sector: str | None, area: str | None
) -> list[SearchHit]:
    """Return the best search hits. If there are at least MOST hits, return at least MOST.

    If the names of MOST records begin with the text, the full-text search is not needed.
    """
    within = {"sector": sector, "area": area}
    named = await context.read([exploration.named(wanted, kind, context.actor, **within, most=MOST) for kind in kinds])
    rows = [row for of_kind in named for (row,) in of_kind]
    if len(rows) < MOST:
        (rows,) = await context.run(exploration.found(wanted, kinds, context.actor, **within, most=MOST))
    return [SearchHit(*row) for row in rows]


def _sort_key(keys: Sequence[Any]) -> tuple[float, str, str]:
    score, name_key, record = keys
    return -score, name_key, record
