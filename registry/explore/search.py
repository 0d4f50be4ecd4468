"""Search: the records that contain the search words, best match first, and a corrected text if a word seems to be mistyped."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from rapidfuzz.distance import DamerauLevenshtein

from registry.database import exploration
from registry.database.exploration import SearchScope
from registry.explore import ExploreContext
from registry.model.kinds import Kind
from registry.model.records import SearchTerm, SearchTerms, is_searched, parse_search

MOST, FEW = 200, 10
COMMON = (
    5_000  # records; a search for some of the words does not look for a word that so many contain, because that is slow
)
SHORTEST_CORRECTED, LONG = 4, 10  # letters of a word that may have one error, and of a word that may have two


@dataclass(frozen=True)
class SearchHit:
    """A record that the search found. Hits are ordered by score, highest first, then by name (without case or accents) and id.

    `missing_words` are the search words that the record does not contain.
    """

    kind: str
    record: str
    name_key: str
    score: float
    missing_words: Sequence[str] = ()

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
    """A page of search hits, whether more hits follow, and the number of hits in total and per kind. Counting ends at MOST.

    If no record contains all words, `suggestion` may be the text with corrected words.
    """

    hits: Sequence[SearchHit]
    more: bool
    total: int
    of_kinds: Mapping[str, int]
    suggestion: str | None = None


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
    """Return the records of these kinds that contain the search words. Raises StoreError, and InvalidValue if the text is too long.

    A search word matches the beginning of a word in a record, a word with the same stem, or a synonym. If fewer than FEW records
    contain all words, the records that contain at least half of the words follow. A text without words finds no records.
    `sector` and `area` are ids. The two ids restrict the search to records that are in that sector and area, or that have a linked
    agency there. Narrower sectors and areas match too. `after` holds the sort keys of the last hit on the previous page.
    """
    wanted = parse_search(text)
    scope = SearchScope(context.actor, [kind for kind in kinds if is_searched(kind)], sector, area)
    if not wanted.terms or not scope.kinds:
        return SearchResults((), more=False, total=0, of_kinds={})
    hits, suggestion = await _whole_hits(context, scope, wanted), None
    if not hits or (len(hits) < FEW and len(wanted.terms) > 1):
        counts = await context.run(*(exploration.count_found(term, scope, most=COMMON) for term in wanted.terms))
        suggestion = await _suggestion(context, scope, wanted, counts) if not hits else None
        hits = _distinct([*hits, *await _partial_hits(context, scope, wanted, counts)])
    hits = sorted(hits, key=lambda hit: hit.sort_key)[:MOST]
    rest = [hit for hit in hits if hit.sort_key > _sort_key(after)] if after else hits
    of_kinds = Counter(hit.kind for hit in hits)
    return SearchResults(rest[:first], len(rest) > first, len(hits), of_kinds, suggestion)


async def _whole_hits(context: ExploreContext, scope: SearchScope, wanted: SearchTerms) -> list[SearchHit]:
    """Return the best hits that have all terms. If there are at least MOST hits, return at least MOST.

    If the names of MOST records begin with the text, the full-text search is not needed.
    """
    named = [exploration.named(wanted, kind, scope, most=MOST) for kind in scope.kinds]
    rows = [row for of_kind in await context.read(named) for (row,) in of_kind]
    if len(rows) < MOST:
        rows += (await context.run(exploration.found(wanted, scope, most=MOST)))[0]
    return _distinct(_hit(wanted, row) for row in rows)


async def _partial_hits(
    context: ExploreContext, scope: SearchScope, wanted: SearchTerms, counts: Sequence[int]
) -> list[SearchHit]:
    """Return the best hits that have at least half of the terms, or none. `counts` has the number of records with each term.

    The rarer a term is, the more it weighs. A hit has at least one term that is not COMMON. A text without spaces is an identifier:
    no record has a part of it by intention.
    """
    some = [term for term, count in zip(wanted.terms, counts, strict=True) if 0 < count < COMMON]
    if not some or len(wanted.terms) == 1:
        return []
    weights = [1 / sqrt(max(count, 1)) for count in counts]
    shares = [weight / sum(weights) for weight in weights]
    missing = len(wanted.terms) // 2
    query = exploration.found(wanted, scope, missing=missing, some=some, weights=shares, most=MOST)
    (rows,) = await context.run(query)
    hits = [_hit(wanted, row) for row in rows]
    return hits if " " in wanted.text else [hit for hit in hits if not hit.missing_words]


def _distinct(hits: Iterable[SearchHit]) -> list[SearchHit]:
    return list({hit.record: hit for hit in hits}.values())


def _hit(wanted: SearchTerms, row: Sequence[Any]) -> SearchHit:
    kind, record, name_key, score, missing = row
    return SearchHit(kind, record, name_key, score, [wanted.terms[at].text for at in missing])


async def _suggestion(
    context: ExploreContext, scope: SearchScope, wanted: SearchTerms, counts: Sequence[int]
) -> str | None:
    """Return the text with each word that no record contains replaced by the most similar word in a name, if there is any."""
    every = zip(wanted.terms, counts, strict=True)
    unknown = [term.text for term, count in every if not count and _is_correctable(term)]
    if not unknown:
        return None
    lengths = {len(word) + more for word in unknown for more in (-2, -1, 0, 1, 2)}
    parts = {part for word in unknown for part in _parts(word)}
    (known,) = await context.run(exploration.name_words(lengths, parts, scope))
    corrected = {word: similar for word in unknown if (similar := _similar(word, known))}
    if not corrected:
        return None
    return re.sub(r"[^\W_]+", lambda found: corrected.get(found[0], found[0]), wanted.text)


def _is_correctable(term: SearchTerm) -> bool:
    return len(term.text) >= SHORTEST_CORRECTED and term.text.isalpha()


def _parts(word: str) -> list[str]:
    """Return parts of a word, of which each similar word contains one. In a long word, two exchanges may leave no part unchanged."""
    size = len(word)
    if size < LONG:  # one error cannot touch both parts
        return [word[: (size - 1) // 2], word[(size + 1) // 2 :]]
    return [word[: size // 3], word[size // 3 : 2 * size // 3], word[2 * size // 3 :]]


def _similar(word: str, known: Sequence[tuple[str, int]]) -> str | None:
    """Return the word with the fewest errors between it and the given one; of equally similar words, the most frequent one."""
    errors = 2 if len(word) >= LONG else 1
    found = [
        (distance, -records, other)
        for other, records in known
        if (distance := DamerauLevenshtein.distance(word, other, score_cutoff=errors)) <= errors
    ]
    return min(found)[2] if found else None


def _sort_key(keys: Sequence[Any]) -> tuple[float, str, str]:
    score, name_key, record = keys
    return -score, name_key, record
