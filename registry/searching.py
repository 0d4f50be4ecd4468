"""Words to search by: those of a record, and those of what a person types.

Both are folded and stemmed here, in Indonesian (Tala 2003) and English (Porter 2001) by Snowball, so that every engine
finds the same records with a plain index of words.
"""

import re
from collections.abc import Iterable, Sequence
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
WORD = re.compile(r"[^\W_]+")


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
    return Asked(folded, [_forms(word) for word in _words(folded)[:MOST_WORDS]])


def words_of(record: Record) -> tuple[str, str]:
    """Return the words of a record's face, and all its words, that it is searched by; a blank on either side of each."""
    of_face, of_details = _worded(record.kind)  # type: ignore[arg-type]
    face = _forms_in(record, of_face)
    return _spaced(face), _spaced(face | _forms_in(record, of_details))


def is_searched(kind: type[Kind]) -> bool:
    """Tell whether records of a kind can be searched: all can but the registry's own book-keeping."""
    return kind.named or not kind.kept_by_us


@cache
def _worded(kind: type[Kind]) -> tuple[list[str], list[str]]:
    """Return the properties of a kind that hold words: those of its face, and its details."""
    own = [one for one in kind.properties.values() if one.value in WORDED]
    return [one.name for one in own if one.face], [one.name for one in own if not one.face]


def _forms_in(record: Record, names: Sequence[str]) -> dict[str, None]:
    """Return the words of these properties and their stems, in order; what has no name is called by its id."""
    given = (record.values.get(name) for name in names)
    text = " ".join(_text(value) for value in given if value and value != record.id)
    return dict.fromkeys(form for word in _words(fold(text))[:MOST_KEPT] for form in _forms(word))


def _spaced(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _words(folded: str) -> list[str]:
    return [word[:LONGEST_WORD] for word in WORD.findall(folded)]


def _forms(word: str) -> tuple[str, ...]:
    """Return a word and its stems, each once; what holds a digit has none."""
    return _with_stems(word) if word.isalpha() else (word,)


@lru_cache(maxsize=50_000)
def _with_stems(word: str) -> tuple[str, ...]:
    stems = (snowballstemmer.stemmer(language).stemWord(word) for language in LANGUAGES)
    return tuple(dict.fromkeys([word, *stems]))
