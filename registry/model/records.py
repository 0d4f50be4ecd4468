"""Validate raw values as records and relationships, or report problems; normalise text for search."""

import hashlib
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

import orjson
import snowballstemmer

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
MOST_WORDS, LONGEST_WORD, MOST_KEPT = 8, 60, 500
LANGUAGES = ("indonesian", "english")
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class SearchTerms:
    """A parsed search text: the normalised text and, for each word, the forms that match: first the word, then its stems."""

    text: str
    words: Sequence[tuple[str, ...]]

    @property
    def query(self) -> str:
        """The full-text query, in which each word matches as a prefix or by one of its stems."""
        return " ".join(f"+({' '.join([f'{first}*', *stems])})" for first, *stems in self.words)

    @property
    def parts(self) -> list[list[str]]:
        """The substrings to look for in a record's stored words: for each search word, a list of alternatives."""
        return [[f" {first}", *(f" {stem} " for stem in stems)] for first, *stems in self.words]


def parse_search(text: str) -> SearchTerms:
    """Parse a search text. A text without words matches nothing."""
    folded = fold(text[:1000])
    return SearchTerms(folded, [_forms(word) for word in _words(folded)[:MOST_WORDS]])


def search_words(record: Record) -> tuple[str, str]:
    """Return two texts with a space around each word: the words of a record's summary, and the words of all its properties."""
    of_summary, of_details = _text_properties(record.kind)  # type: ignore[arg-type]
    summary = _forms_of_properties(record, of_summary)
    return _padded(summary), _padded(summary | _forms_of_properties(record, of_details))


def is_searched(kind: type[Kind]) -> bool:
    """Return whether users can search for records of a kind. Kinds that only the registry itself writes cannot be searched."""
    return kind.named or not kind.read_only


@cache
def _text_properties(kind: type[Kind]) -> tuple[list[str], list[str]]:
    """Return two lists of a kind's text properties, by name: the properties in the summary, and those in the details."""
    own = [one for one in kind.properties.values() if one.value in WORDED]
    return [one.name for one in own if one.summary], [one.name for one in own if not one.summary]


def _forms_of_properties(record: Record, names: Sequence[str]) -> dict[str, None]:
    """Return the words of the given properties with their stems, in order. A value that equals the record's id is left out."""
    given = (record.values.get(name) for name in names)
    text = " ".join(_text(value) for value in given if value and value != record.id)
    return dict.fromkeys(form for word in _words(fold(text))[:MOST_KEPT] for form in _forms(word))


def _padded(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _words(folded: str) -> list[str]:
    return [word[:LONGEST_WORD] for word in WORD.findall(folded)]


def _forms(word: str) -> tuple[str, ...]:
    """Return a word and its distinct stems. A word with digits has no stems."""
    return _with_stems(word) if word.isalpha() else (word,)


@lru_cache(maxsize=50_000)
def _with_stems(word: str) -> tuple[str, ...]:
    stems = (snowballstemmer.stemmer(language).stemWord(word) for language in LANGUAGES)
    return tuple(dict.fromkeys([word, *stems]))
