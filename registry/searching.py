"""Words to search by: those of a record, and those of what a person types.

Both are folded and stemmed here, in Indonesian (Tala 2003) and English (Porter 2001) by Snowball, so that every engine
finds the same records with a plain index of words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

from registry.modelling import Kind
from registry.records import Record, fold
from registry.values import Identifiers, Prose, Text

WORDED = frozenset({Text, Prose, Identifiers})
MOST_WORDS, LONGEST_WORD, MOST_KEPT = 8, 60, 500
LANGUAGES = ("indonesian", "english")


@dataclass(frozen=True)
class Asked:
    """What a person types, made safe: the folded text, and for each of its words what a record may hold instead."""

    text: str
    words: Sequence[tuple[str, ...]]

    @property
    def query(self) -> str:
        """The words as a query of a full-text index: each as the beginning of a word, or its stem."""
        return " ".join(f"+({' '.join([f'{first}*', *stems])})" for first, *stems in self.words)

    @property
    def parts(self) -> list[list[str]]:
        """The same as parts of the words that a record keeps, for each word any of these."""
        return [[f" {first}", *(f" {stem} " for stem in stems)] for first, *stems in self.words]


def asked(text: str) -> Asked:
    """Return what is searched for; without words nothing is."""
    folded = fold(text[:1000])
    words = [word[:LONGEST_WORD] for word in _words(folded)][:MOST_WORDS]
    return Asked(folded, [(word, *sorted(_stems(word) - {word})) for word in words])


def words_of(record: Record, *, face: bool) -> str:
    """Return the words of a record that may be searched, a blank on either side of each; only of its face if asked."""
    texts = (_text(record.values.get(name)) for name in _worded(record.kind, face=face))  # type: ignore[arg-type]
    named = (text for text in texts if text != record.id)  # what has no name is called by its id
    words = [word[:LONGEST_WORD] for text in named for word in _words(fold(text))][:MOST_KEPT]
    stems = set().union(*map(_stems, words))
    return f" {' '.join(dict.fromkeys([*words, *sorted(stems)]))} "


def is_searched(kind: type[Kind]) -> bool:
    """Tell whether records of a kind can be searched: all can but the registry's own book-keeping."""
    return kind.named or not kind.kept_by_us


@cache
def _worded(kind: type[Kind], *, face: bool) -> list[str]:
    """Return the properties of a kind that hold words; only those of its face if asked."""
    return [one.name for one in kind.properties.values() if one.value in WORDED and (one.face or not face)]


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _words(folded: str) -> list[str]:
    return re.findall(r"[^\W_]+", folded)


@lru_cache(maxsize=50_000)
def _stems(word: str) -> frozenset[str]:
    if not word.isalpha():
        return frozenset()
    return frozenset(snowballstemmer.stemmer(language).stemWord(word) for language in LANGUAGES)
