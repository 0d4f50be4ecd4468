"""Compare names of records: recognise typing errors, abbreviations and changed word order, and find candidates among many names."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import islice, product

from rapidfuzz.distance import OSA, Indel

from registry.model.codelists import code_list
from registry.model.records import fold

IdsAndNames = Iterable[tuple[str, str]]
Words = tuple[str, ...]
Reading = tuple[Words, Words]  # the numbers in a name, and its other words, each once

BEGINNING, MOST, MOST_WORDS = 3, 200, 24
MOST_READINGS, MOST_COUNTED = 8, 5_000
MOST_ERRORS, MOST_WORDS_WITH_SPACE_ERRORS, DIFFERENT = 2, 4, 9
SHORTEST_CONNECTING, SHORTEST_WITH_ERROR, SHORTEST_WITH_WRONG_LETTER, SHORTEST_WITH_TWO = 2, 3, 5, 7
LEAST_SIMILARITY_WITH_TWO = 0.83  # normalised indel similarity
CONNECTING_WORDS = frozenset({"dan", "and", "of", "the", "for"})
INITIALS, WORD, PART = re.compile(r"\b(?:[^\W\d_]\.){2,}"), re.compile(r"[^\W_]+"), re.compile(r"\d+|[^\W\d_]+")
ROMAN = re.compile(r"(?=.)(x{0,3})(ix|iv|v?i{0,3})")
ROMAN_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")


def alike(one: str, other: str) -> bool:
    """Return whether two names probably mean the same thing.

    Names are compared word by word, in any order, without words such as “and”. Both names must have the same numbers; “II” is 2.
    Abbreviations in the code list `abbreviations` equal their full forms. A name may have MOST_ERRORS typing errors, see `_errors`.

    `python -m benchmarks.alike` measures how often this test confuses distinct names and how often it recognises changed names.
    """
    (written, *full), (other_written, *other_full) = readings(one), readings(other)
    pairs = dict.fromkeys(((written, other_written), *product(full, other_full)))
    return any(_same(first, second) for first, second in pairs)


def _same(one: Reading, other: Reading) -> bool:
    (numbers, words), (other_numbers, other_words) = one, other
    if numbers != other_numbers or not (numbers or words):
        return False
    rest = [word for word in words if word not in other_words]
    other_rest = [word for word in other_words if word not in words]
    if _word_errors(rest, other_words) <= MOST_ERRORS and _word_errors(other_rest, words) <= MOST_ERRORS:
        return True
    return _space_errors(rest, other_rest) <= MOST_ERRORS


def _word_errors(words: Sequence[str], others: Sequence[str]) -> int:
    """Return the number of typing errors in the words, each compared with the most similar of the other words."""
    compared = [word for word in words if word not in CONNECTING_WORDS]
    if len(compared) > MOST_ERRORS:
        return DIFFERENT
    return sum(min((_errors(word, one) for one in others), default=DIFFERENT) for word in compared)


def _space_errors(words: Sequence[str], others: Sequence[str]) -> int:
    """Return the number of typing errors if at least one of them is a missing, added or misplaced space, or else DIFFERENT."""
    if not words or not others or max(len(words), len(others)) > MOST_WORDS_WITH_SPACE_ERRORS:
        return DIFFERENT
    errors = OSA.distance(" ".join(words), " ".join(others), score_cutoff=MOST_ERRORS)
    if errors > MOST_ERRORS:
        return DIFFERENT
    one, other = "".join(words), "".join(others)
    letters = 0 if one == other else _errors(one, other)
    return errors if letters < errors or (letters == errors and len(words) != len(others)) else DIFFERENT


def _errors(one: str, other: str) -> int:
    """Return the number of typing errors by which two words differ, or DIFFERENT.

    An error is a missing, added or wrong letter, or two neighbours in the wrong order (optimal string alignment distance). The limits
    exclude pairs of different places such as Malang and Magelang: a short word has no wrong letter, and a word has two errors only if
    it is long enough and still looks similar. Two words of the code list, such as “eastern” and “western”, are different.
    """
    errors = OSA.distance(one, other, score_cutoff=MOST_ERRORS)
    if errors > MOST_ERRORS:
        return DIFFERENT
    length, known = min(len(one), len(other)), _known_words()
    shortest = SHORTEST_CONNECTING if CONNECTING_WORDS & {one, other} else SHORTEST_WITH_ERROR
    if (one in known and other in known) or length < shortest:
        return DIFFERENT
    if length < SHORTEST_WITH_WRONG_LETTER and len(one) == len(other) and sorted(one) != sorted(other):
        return DIFFERENT
    may_have_two = length >= SHORTEST_WITH_TWO and Indel.normalized_similarity(one, other) >= LEAST_SIMILARITY_WITH_TWO
    return errors if errors <= (MOST_ERRORS if may_have_two else 1) else DIFFERENT


@lru_cache(32_768)
def readings(name: str) -> tuple[Reading, ...]:
    """Return the readings of a name: first as it is written, then with the full forms of its abbreviations.

    An abbreviation with several full forms has a reading for each. There are at most MOST_READINGS.
    """
    words = _words(name)
    expanded = islice(product(*_alternatives(words)), MOST_READINGS)
    texts = dict.fromkeys(tuple(word for form in forms for word in form) for forms in expanded)
    return _reading(_all_words(name)), *dict.fromkeys(map(_reading, texts))


def expanded(name: str) -> str:
    """Return a name in its normalised form, with the full form of each abbreviation."""
    numbers, words = readings(name)[1]
    return " ".join((*words, *numbers))


def beginnings(name: str) -> list[str]:
    """Return the first letters of each word that a similar name may have: of the name, of full forms and of abbreviations."""
    words = _words(name)
    abbreviated = (
        word for start, size in _phrases(words) for form in _forms()[words[start : start + size]] for word in form
    )
    read = (word for numbers, found in readings(name) for word in (*found, *numbers))
    return list(dict.fromkeys(word[:BEGINNING] for word in (*read, *abbreviated)))[:MOST_WORDS]


def _all_words(name: str) -> Words:
    folded = fold(name)
    joined = INITIALS.sub(lambda match: match[0].replace(".", ""), folded) if "." in folded else folded
    return tuple(WORD.findall(joined))


def _words(name: str) -> Words:
    words = _all_words(name)
    return tuple(word for word in words if word not in CONNECTING_WORDS) or words


def _reading(words: Words) -> Reading:
    parts = [part for word in words for part in _parts(word)]
    numbers = tuple(part for part in parts if part.isdecimal())
    return numbers, tuple(dict.fromkeys(part for part in parts if not part.isdecimal()))


@lru_cache(32_768)
def _parts(word: str) -> Words:
    """Return the numbers and the parts without digits of a word. A Roman numeral up to XXXIX is a number."""
    if roman := ROMAN.fullmatch(word):
        return (str(10 * len(roman[1]) + ROMAN_ONES.index(roman[2])),)
    return tuple(part.lstrip("0") or "0" if part.isdecimal() else part for part in PART.findall(word))


def _alternatives(words: Words) -> Iterator[Sequence[Words]]:
    """Yield the full forms of each abbreviation in turn, and each word that is not part of an abbreviation."""
    at = 0
    for start, size in _phrases(words):
        yield from ((word,) for word in zip(words[at:start]))
        at = start + size
        yield _full_forms()[words[start:at]]
    yield from ((word,) for word in zip(words[at:]))


def _phrases(words: Words) -> Iterator[tuple[int, int]]:
    """Yield the start and the number of words of each phrase in the code list of abbreviations. Longer phrases come first."""
    known, at = _full_forms(), 0
    while at < len(words):
        sizes = range(min(_longest().get(words[at], 0), len(words) - at), 0, -1)
        size = next((size for size in sizes if words[at : at + size] in known), 0)
        if size:
            yield at, size
        at += size or 1


@cache
def _rows() -> Sequence[Sequence[Words]]:
    """Return the forms in each label of the code list. The first is the full form. The labels of a row are separate groups."""
    labels = [label for entry in code_list("abbreviations").values() for label in (entry.label_id, entry.label_en)]
    return [[_words(form) for form in label.split(";")] for label in labels if label]


@cache
def _full_forms() -> Mapping[Words, Sequence[Words]]:
    """Return the full forms of each phrase. A full form is its own full form."""
    found: dict[Words, list[Words]] = {}
    for full, *shorter in _rows():
        for form in (full, *shorter):
            found.setdefault(form, []).append(full)
    return found


@cache
def _forms() -> Mapping[Words, Sequence[Words]]:
    """Return all forms that mean the same as a phrase."""
    found: dict[Words, list[Words]] = {}
    for row in _rows():
        for form in row:
            found.setdefault(form, []).extend(row)
    return found


@cache
def _known_words() -> frozenset[str]:
    return frozenset(word for row in _rows() for form in row for word in form)


@cache
def _longest() -> Mapping[str, int]:
    """Return the number of words of the longest phrase that begins with a word."""
    found: dict[str, int] = {}
    for form in _full_forms():
        found[form[0]] = max(len(form), found.get(form[0], 0))
    return found


class NameIndex:
    """An index of names in memory. It finds similar names by their numbers and by the first letters of their words."""

    def __init__(self, named: IdsAndNames) -> None:
        self._named: list[tuple[str, str]] = []
        self._by_beginning: dict[tuple[Words, str], list[int]] = {}
        for one, name in named:
            self.add(one, name)

    def add(self, one: str, name: str) -> None:
        """Add a name, which belongs to the record with the id `one`."""
        for key in _index_keys(name):
            self._by_beginning.setdefault(key, []).append(len(self._named))
        self._named.append((one, name))

    def like(self, name: str) -> IdsAndNames:
        """Return at most MOST records, those that have the most beginnings of words in common with the name first.

        Rare beginnings are counted first. Beginnings of very many names are counted only if no other beginning finds a name.
        """
        shared: Counter[int] = Counter()
        for matching in sorted((self._by_beginning.get(key, []) for key in _index_keys(name)), key=len):
            if shared and len(shared) + len(matching) > MOST_COUNTED:
                break
            shared.update(matching)
        return [self._named[at] for at, _count in shared.most_common(MOST)]


def _index_keys(name: str) -> Iterator[tuple[Words, str]]:
    numbers = dict.fromkeys(found for found, _words in readings(name))
    return product(numbers, beginnings(name))
