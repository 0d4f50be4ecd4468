"""Search: records that contain every search word, best first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import exploration
from registry.explore.context import ExploreContext
from registry.model.kinds import Kind
from registry.model.records import SearchTerms, is_searched, parse_search

MOST = 200


@dataclass(frozen=True)
class SearchHit:
    """A record that was found. Hits are ordered by score, highest first, then by folded name and id."""

    kind: str
    record: str
    name_key: str
    score: float

    @property
    def keys(self) -> list[object]:
        """The sort keys of the hit, for a cursor."""
        return [self.score, self.name_key, self.record]

    @property
    def sort_key(self) -> tuple[float, str, str]:
        """The sort key of the hit, for Python's ascending order."""
        return -self.score, self.name_key, self.record


@dataclass(frozen=True)
class SearchResults:
    """A page of hits, whether there are more, and the number of hits, in total and of each kind, counted up to MOST."""

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
    """Return records of these kinds in which every search word is found; no records for a text without words.

    A word is found as the beginning of a word, or by its stem. `sector` and `area` are ids: the record, or an agency linked to
    it, is in that term or a narrower one. `after` holds the keys of the last hit of the previous page. Raises StoreError.
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
    """Return at least the best MOST hits.

    Where the names of MOST records begin with the text, the full-text search is not needed.
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
