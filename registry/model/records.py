"""Validate raw values as records and relationships, or report problems; normalise text for search."""

import hashlib
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import Any

import orjson
import snowballstemmer
from Sastrawi.Dictionary.ArrayDictionary import ArrayDictionary
from Sastrawi.Stemmer.Stemmer import Stemmer
from Sastrawi.Stemmer.StemmerFactory import StemmerFactory

from registry.i18n import _, amount, day
from registry.model.codelists import code_list
from registry.model.kinds import End, Kind, Property
from registry.model.values import Code, Identifiers, InvalidValue, Prose, Text, text_of

REQUIRED = "required"
DEFAULTS = {"access": "open", "status": "published"}


@dataclass(frozen=True)
class Problem:
    """An invalid value. `field` names the property or link; `rule` describes the violated rule in a few words."""

    code: str
    field: str
    value: str
    rule: str
    message: str


@dataclass(frozen=True)
class Record:
    """A valid record. `values` has every property of the record's kind; absent properties are None."""

    kind: type[Kind]
    id: str
    values: Mapping[str, object]

    def hash(self) -> str:
        """Return a short digest of all values. Records with equal values have equal digests."""
        known = {name: value for name, value in self.values.items() if value is not None}
        return hashlib.sha256(orjson.dumps(known, option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]


@dataclass(frozen=True)
class Relationship:
    """A valid relationship between two records; `start_id` and `end_id` follow the direction stored in the graph."""

    end: End
    start_id: str
    end_id: str
    values: Mapping[str, object] = field(default_factory=dict)


def make_record(
    kind: type[Kind], raw: Mapping[str, object], *, before: Mapping[str, object] | None = None
) -> tuple[Record | None, list[Problem]]:
    """Clean the properties in `raw`. Return the record (None if there are problems) and the problems.

    A key of `raw` that is not a property of the kind, such as a link name, is a problem. If an existing record is changed, `before`
    has its current values. Contradictions that the current values already have are accepted. A retired record may have any
    contradictions.
    """
    problems = [_unknown(name, kind.properties, raw[name]) for name in raw if name not in kind.properties]
    given = {**DEFAULTS, **{name: value for name, value in raw.items() if value not in (None, "")}}
    if not kind.named:
        given.setdefault("name", given.get("id"))
    values, found = _clean(kind.properties, given)
    problems += found
    if values.get("status") != "retired":
        problems += contradictions(kind.properties, values, before)
    return (None if problems else Record(kind, str(values["id"]), values)), problems


def make_relationship(
    end: End, here: str, there: str, raw: Mapping[str, object]
) -> tuple[Relationship | None, list[Problem]]:
    """Clean the properties of a relationship. Return the relationship (None if there are problems) and the problems.

    The relationship leads from the record `here`, which has this end of the link, to the record `there`.
    """
    problems = [_unknown(name, end.link.properties, raw[name]) for name in raw if name not in end.link.properties]
    values, found = _clean(end.link.properties, raw)
    problems += [*found, *contradictions(end.link.properties, values)]
    if here == there and end.kind == end.target:
        problems.append(itself(end, there))
    start, finish = (here, there) if end.outgoing else (there, here)
    return (None if problems else Relationship(end, start, finish, values)), problems


def itself(end: End, far: str) -> Problem:
    """Return the problem that a record must not have a link to itself."""
    message = _("It cannot be linked to itself.")
    return Problem("CONTRADICTION", end.name, show(far), _("another record"), message)


def contradictions(
    properties: Mapping[str, Property], values: Mapping[str, Any], before: Mapping[str, object] | None = None
) -> Iterator[Problem]:
    """Yield a problem for each value that violates a limit declared by its property. The values must be cleaned already.

    If `before` has the same values, it violates the same limit, and no problem is yielded.
    """
    for declared in properties.values():
        if declared.above is None and not declared.not_before and not declared.not_above:
            continue
        value = values.get(declared.name)
        for other, breaks, rule, message in _limits(declared):
            limit = values.get(other) if other else declared.above
            if value is None or limit is None or not breaks(value, limit):
                continue
            if before is None or any(before.get(name) != values.get(name) for name in (declared.name, other) if name):
                label = _(other.replace("_", " ").capitalize())
                told = {"label": label, "limit": day(limit) if isinstance(limit, str) else amount(limit)}
                yield Problem("CONTRADICTION", declared.name, show(value), rule.format(**told), message.format(**told))


def _limits(declared: Property) -> Iterator[tuple[str, Callable[[Any, Any], bool], str, str]]:
    """Yield each limit of a property: the name of the limiting property, the test for a violation, the rule, and the message.

    If the limit is a constant, the name of the limiting property is "".
    """
    if declared.above is not None:
        yield "", operator.le, _("more than {limit}"), _("It must be more than {limit}.")
    if declared.not_before:
        message = _("It must not be before “{label}”, {limit}.")
        yield declared.not_before, operator.lt, _("not before “{label}”"), message
    if declared.not_above:
        message = _("It must be at most “{label}”, {limit}.")
        yield declared.not_above, operator.gt, _("at most “{label}”"), message


def fold(text: str) -> str:
    """Normalise a text for sorting and search: lower case (case folded), no accents, single spaces."""
    plain = text.casefold()
    if not plain.isascii():
        plain = "".join(one for one in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(one))
    return " ".join(plain.split())


def _clean(properties: Mapping[str, Property], raw: Mapping[str, object]) -> tuple[dict[str, object], list[Problem]]:
    values: dict[str, object] = {}
    problems = []
    for name, declared in properties.items():
        given = raw.get(name)
        if given is None and not declared.required:
            if not declared.read_only:
                values[name] = None
            continue
        try:
            values[name] = _clean_value(declared, given)
        except InvalidValue as unfit:
            problems.append(_problem(declared, given, unfit))
    return values, problems


def _clean_value(declared: Property, raw: object) -> object:
    value = _clean_code(declared.codes, text_of(raw)) if declared.codes else declared.value.clean(raw)
    if value is None:
        if declared.required:
            raise InvalidValue(REQUIRED, _("it is empty"))
    elif declared.at_least is not None and isinstance(value, int | float) and value < declared.at_least:
        raise InvalidValue(_("at least {n}").format(n=f"{declared.at_least:g}"), _("it is too small"))
    return value


@lru_cache(maxsize=10_000)
def _clean_code(codes: str, raw: str) -> object:
    value, known = Code.clean(raw), code_list(codes)
    if isinstance(value, str) and value not in known:
        near = get_close_matches(value, known, n=1)
        hint = (
            _("did you mean {code}?").format(code=near[0])
            if near
            else _("the codes are {codes}").format(codes=", ".join(known))
        )
        raise InvalidValue(
            _("a code of {codes}").format(codes=codes), _("it is not in the list; {hint}").format(hint=hint)
        )
    return value


def _problem(declared: Property, raw: object, unfit: InvalidValue) -> Problem:
    code = "REQUIRED" if unfit.rule == REQUIRED else "UNFIT"
    return Problem(code, declared.name, show(raw), unfit.rule, str(unfit))


def _unknown(name: str, known: Mapping[str, object], value: object) -> Problem:
    near = get_close_matches(name, known, n=1)
    hint = f"; {_('did you mean {code}?').format(code=near[0])}" if near else ""
    return Problem(
        "UNKNOWN_FIELD",
        name,
        show(value),
        _("a field that this kind of record has"),
        _("there is no such field") + hint,
    )


def show(raw: object) -> str:
    """Return a raw value for use in a message: at most 80 characters, with unprintable characters replaced."""
    text = "" if raw is None else str(raw)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= 80 else text[:79] + "…"


WORDED = frozenset({Text, Prose, Identifiers})
NAMES = ("name", "acronym", "label_id", "label_en")
MOST_WORDS, LONGEST_SEARCH, LONGEST_WORD, MOST_KEPT = 32, 500, 60, 500
SHORTEST_INITIALS, LONGEST_INITIALS = 3, 8
WORD = re.compile(r"[^\W_]+")
# Words without a meaning of their own. A search ignores them if it has other words.
STOP_WORDS = frozenset(
    WORD.findall(
        "dan atau di ke dari yang untuk pada oleh dengan dalam para the of and or for in to on a an at by with from"
    )
)
# These marks precede a stem, and the initials of a name, among the stored words of a record; a full-text index ignores them.
STEM, INITIALS = "=", "~"
Forms = Sequence[str]  # substrings of a record's stored words: the record has the word if it has one of them
Phrase = Sequence[Forms]  # the record has the phrase if it has all words


@dataclass(frozen=True)
class SearchTerm:
    """A word or a phrase of a search text: `own` is the phrase itself, `synonyms` are other phrases with the same meaning.

    `query` is the full-text query that finds each record with one of the phrases, and possibly others.
    """

    text: str
    own: Phrase
    synonyms: Sequence[Phrase]
    query: str


@dataclass(frozen=True)
class SearchTerms:
    """A parsed search text: the normalised text and its terms."""

    text: str
    terms: Sequence[SearchTerm]

    @property
    def query(self) -> str:
        """The full-text query that finds each record with all terms, and possibly others."""
        return " ".join(f"+({term.query})" for term in self.terms)


def parse_search(text: str) -> SearchTerms:
    """Parse a search text. A text without words matches nothing. Raises InvalidValue if the text is too long."""
    if len(text) > LONGEST_SEARCH:
        rule = _("at most {n} characters").format(n=LONGEST_SEARCH)
        message = _("The search text has {n} characters. Use at most {most}.")
        raise InvalidValue(rule, message.format(n=amount(len(text)), most=LONGEST_SEARCH))
    folded = fold(text)
    every = list(dict.fromkeys(_words(folded)))
    words = [word for word in every if word not in STOP_WORDS] or every
    if len(words) > MOST_WORDS:
        message = _("The search text has {n} words. Use at most {most}.")
        rule = _("at most {n} words").format(n=MOST_WORDS)
        raise InvalidValue(rule, message.format(n=amount(len(words)), most=MOST_WORDS))
    return SearchTerms(folded, list(_terms(words)))


def search_values(record: Record) -> dict[str, object]:
    """Return the stored values that searches read: three texts with a space around each word, and the exact search keys.

    The texts have the words of the names, of the whole summary, and of all properties. Each text includes the one before. The stem
    of a word follows it, after STEM. A record has a search key if its name or an identifier may be typed to find just this record.
    """
    of_summary, of_details = _text_properties(record.kind)  # type: ignore[arg-type]
    ident = record.id.rpartition(":")[2]
    names = _stored_words(_texts(record, [name for name in of_summary if name in NAMES]))
    names |= dict.fromkeys(form for text in _texts(record, NAMES) for form in _combined(_words(text)))
    summary = names | _stored_words([*_texts(record, of_summary), *([fold(ident)] if record.kind.named else [])])
    return {
        "name_words": _padded(names),
        "summary_words": _padded(summary),
        "words": _padded(summary | _stored_words(_texts(record, of_details))),
        "search_keys": _search_keys(record, ident),
    }


def is_searched(kind: type[Kind]) -> bool:
    """Return whether users can search for records of a kind. Kinds that only the registry itself writes cannot be searched."""
    return kind.named or not kind.read_only


@cache
def _text_properties(kind: type[Kind]) -> tuple[list[str], list[str]]:
    """Return two lists of a kind's text properties, by name: the properties in the summary, and those in the details."""
    own = [one for one in kind.properties.values() if one.value in WORDED]
    return [one.name for one in own if one.summary], [one.name for one in own if not one.summary]


def _texts(record: Record, names: Sequence[str]) -> list[str]:
    """Return the normalised texts of the given properties. A value that equals the record's id is left out."""
    given = (record.values.get(name) for name in names)
    return [fold(_text(value)) for value in given if value and value != record.id]


def _search_keys(record: Record, ident: str) -> list[str]:
    """Return the texts that find a record exactly: its names, code, identifiers, id, and the last parts of identifiers and id."""
    identifiers: Any = record.values.get("identifiers") or ()
    parts = [part for one in identifiers for part in (one, one.partition(":")[2])]
    given = [*_texts(record, (*NAMES, "code")), *map(fold, (*parts, record.id, ident))]
    return list(dict.fromkeys(one for one in given if one))


def _stored_words(texts: Iterable[str]) -> dict[str, None]:
    """Return the words of normalised texts and their stems, in order."""
    return dict.fromkeys(chain.from_iterable(map(_word_and_stem, _words(" ".join(texts))[:MOST_KEPT])))


@lru_cache(maxsize=50_000)
def _word_and_stem(word: str) -> tuple[str, ...]:
    root = stem(word)
    return (word,) if root == word else (word, f"{STEM}{root}")


def _combined(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that each two neighbours in a name form together (kerja sama: kerjasama), and the initials of the name."""
    for first, second in pairwise(words):
        yield f"{STEM}{first}{second}"
    for left_out in (STOP_WORDS, {"the", "and", "dan"}):
        initials = "".join(word[0] for word in words if word not in left_out)
        if SHORTEST_INITIALS <= len(initials) <= LONGEST_INITIALS:
            yield f"{INITIALS}{initials}"


def _padded(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _words(folded: str) -> list[str]:
    return [word[:LONGEST_WORD] for word in WORD.findall(folded)]


def _terms(words: Sequence[str]) -> Iterator[SearchTerm]:
    """Yield the terms of a search. A phrase in the code list of synonyms is one term; of several, the longest counts."""
    joined: dict[str, list[str]] = {word: [] for word in words}
    for first, second in pairwise(words):
        for word in (first, second):
            joined[word].append(first + second)
    at = 0
    while at < len(words):
        sizes = range(min(_longest_phrase(), len(words) - at), 0, -1)
        stems = tuple(map(stem, words[at:]))
        size = next((size for size in sizes if stems[:size] in _synonyms()), 1)
        own = {word: joined[word] for word in words[at : at + size]}
        yield _term(own, _synonyms().get(stems[:size], ()))
        at += size


def _term(own: Mapping[str, Sequence[str]], synonyms: Sequence[Sequence[str]]) -> SearchTerm:
    """Return a term of words, each with the words that it forms with its neighbours, and of synonyms."""
    typed = [f"{word}* {stem(word)} {' '.join(f'{one}*' for one in joined)}" for word, joined in own.items()]
    phrases = [typed, *([f"{word} {stem(word)}" for word in phrase] for phrase in synonyms)]
    return SearchTerm(
        " ".join(own),
        [_own_forms(word, joined) for word, joined in own.items()],
        [*([_whole_forms(word) for word in phrase] for phrase in synonyms), [[f"{INITIALS}{' '.join(own)} "]]],
        " ".join(f"({' '.join(f'+({words})' for words in phrase)})" for phrase in phrases),
    )


def _own_forms(word: str, joined: Sequence[str]) -> list[str]:
    """Return the forms of a typed word: the beginning of a word, a word with the same stem, or a word that it is a part of."""
    root = stem(word)
    return list(
        dict.fromkeys([f" {word}", f"{STEM}{root} ", f" {root} ", f"{STEM}{word} ", *(f" {one}" for one in joined)])
    )


def _whole_forms(word: str) -> list[str]:
    root = stem(word)
    return list(dict.fromkeys([f" {word} ", f"{STEM}{root} ", f" {root} "]))


@cache
def _synonyms() -> Mapping[Sequence[str], Sequence[Sequence[str]]]:
    """Return the synonyms of each phrase in the code list of synonyms. A phrase is given by the stems of its words."""
    found: dict[Sequence[str], list[Sequence[str]]] = {}
    for entry in code_list("synonyms").values():
        listed = [_words(fold(one)) for label in (entry.label_id, entry.label_en) for one in label.split(";")]
        group = [*listed, *(["".join(words)] for words in listed if len(words) == 2)]
        for phrase in group:
            others = (one for one in group if list(map(stem, one)) != list(map(stem, phrase)))
            found.setdefault(tuple(map(stem, phrase)), []).extend(others)
    return found


@cache
def _longest_phrase() -> int:
    return max(map(len, _synonyms()))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return what all forms and spellings of a word have in common. A word with digits is its own stem.

    The word is changed to American spelling (centre: center, licence: license), then its Indonesian affixes are removed
    (kependudukan: duduk), then its English endings. Letters that differ between the spellings of loanwords become equal in long
    stems (apotik, apotek; aktifitas, aktivitas).
    """
    if not word.isalpha():
        return word
    american = _CENTRE.sub("er", _LICENCE.sub("s", word))
    plain = _indonesian().stem_word(american) if _AFFIXED.match(american) else american
    root: str = snowballstemmer.stemmer("english").stemWord(plain)
    return root.translate(_SOUNDS) if len(root) >= SPELT_ALIKE else root


SPELT_ALIKE = 6  # shorter stems that differ in such letters are mostly different words
_CENTRE = re.compile(r"(?<=\w\w[bct])re(?=s?$)")
_LICENCE = re.compile(r"(?<=\w\wen)c(?=e[sd]?$)")
_SOUNDS = str.maketrans("evfz", "ipps")
# Words with an Indonesian prefix, suffix or infix. All others equal their stem, so that the slow stemmer is not needed.
_AFFIXED = re.compile(
    r"(?:di|ke|se|be|te|me|pe|ku|kau)\w{3}|\w{3,}(?:kan|an|i|nya|ku|mu|lah|kah|tah|pun)$|[^aeiou](?:er|el|em|in)[aeiou]"
)


@cache
def _indonesian() -> Stemmer:
    return Stemmer(ArrayDictionary(StemmerFactory().get_words()))
