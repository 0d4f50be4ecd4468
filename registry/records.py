"""From raw mappings to records and ties that may be written, or to problems that a person can mend."""

import hashlib
import operator
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import orjson

from registry.codes import code_list
from registry.figures import amount, day
from registry.modelling import End, Kind, Property
from registry.values import Code, Unfit, text_of
from registry.words import _

REQUIRED = "required"
DEFAULTS = {"access": "open", "status": "published"}


@dataclass(frozen=True)
class Problem:
    """A raw value that breaks a rule. `field` is the property or link, `rule` what it breaks, in a few words."""

    code: str
    field: str
    value: str
    rule: str
    message: str


@dataclass(frozen=True)
class Record:
    """A record that may be written: every property of its kind is in `values`, absent ones as None."""

    kind: type[Kind]
    id: str
    values: Mapping[str, object]

    def hash(self) -> str:
        """Return a short digest of all values; equal values, equal digest."""
        known = {name: value for name, value in self.values.items() if value is not None}
        return hashlib.sha256(orjson.dumps(known, option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]


@dataclass(frozen=True)
class Tie:
    """A link between two records that may be written; `start` and `end` are ids in the direction of the relation."""

    end: End
    start_id: str
    end_id: str
    values: Mapping[str, object] = field(default_factory=dict)


def make_record(
    kind: type[Kind], raw: Mapping[str, object], *, before: Mapping[str, object] | None = None
) -> tuple[Record | None, list[Problem]]:
    """Clean every property of `raw`. Returns the record, or None where a problem stands in its way, and the problems.

    Keys of `raw` that are no property of the kind are problems too; links are not given here. `before` is what a record
    held that changes: contradictions in it that are as old stay, and a record that is retired may hold any.
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


def make_tie(end: End, here: str, there: str, raw: Mapping[str, object]) -> tuple[Tie | None, list[Problem]]:
    """Clean the properties of a link from the record `here`, which has this end, to the record `there`."""
    problems = [_unknown(name, end.link.properties, raw[name]) for name in raw if name not in end.link.properties]
    values, found = _clean(end.link.properties, raw)
    problems += [*found, *contradictions(end.link.properties, values)]
    if here == there and end.kind == end.target:
        problems.append(itself(end, there))
    start, finish = (here, there) if end.outgoing else (there, here)
    return (None if problems else Tie(end, start, finish, values)), problems


def itself(end: End, far: str) -> Problem:
    """Return the problem of a link from a record to itself."""
    message = _("It cannot be linked to itself.")
    return Problem("CONTRADICTION", end.name, show(far), _("another record"), message)


def contradictions(
    properties: Mapping[str, Property], values: Mapping[str, Any], before: Mapping[str, object] | None = None
) -> Iterator[Problem]:
    """Yield what of clean values contradicts itself or another, by what the properties declare.

    What stood so `before` is left out.
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
    """Yield the limits of a property: the other property that holds it, if one does, and when it is broken, in words."""
    if declared.above is not None:
        yield "", operator.le, _("more than {limit}"), _("It must be more than {limit}.")
    if declared.not_before:
        message = _("It must not be before “{label}”, {limit}.")
        yield declared.not_before, operator.lt, _("not before “{label}”"), message
    if declared.not_above:
        message = _("It must be at most “{label}”, {limit}.")
        yield declared.not_above, operator.gt, _("at most “{label}”"), message


def fold(text: str) -> str:
    """Return the text as it is sorted and searched by: case folded, accents stripped, white space single."""
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
            if not declared.kept_by_us:
                values[name] = None
            continue
        try:
            values[name] = _fit(declared, given)
        except Unfit as unfit:
            problems.append(_problem(declared, given, unfit))
    return values, problems


def _fit(declared: Property, raw: object) -> object:
    value = _code(declared.codes, text_of(raw)) if declared.codes else declared.value.clean(raw)
    if value is None:
        if declared.required:
            raise Unfit(REQUIRED, _("it is empty"))
    elif declared.at_least is not None and isinstance(value, int | float) and value < declared.at_least:
        raise Unfit(_("at least {n}").format(n=f"{declared.at_least:g}"), _("it is too small"))
    return value


@lru_cache(maxsize=10_000)
def _code(codes: str, raw: str) -> object:
    value, known = Code.clean(raw), code_list(codes)
    if isinstance(value, str) and value not in known:
        near = get_close_matches(value, known, n=1)
        hint = (
            _("did you mean {code}?").format(code=near[0])
            if near
            else _("the codes are {codes}").format(codes=", ".join(known))
        )
        raise Unfit(_("a code of {codes}").format(codes=codes), _("it is not in the list; {hint}").format(hint=hint))
    return value


def _problem(declared: Property, raw: object, unfit: Unfit) -> Problem:
    code = "REQUIRED" if unfit.rule == REQUIRED else "UNFIT"
    return Problem(code, declared.name, show(raw), unfit.rule, str(unfit))


def _unknown(name: str, known: Mapping[str, object], value: object) -> Problem:
    near = get_close_matches(name, known, n=1)
    hint = f"; {_('did you mean {code}?').format(code=near[0])}" if near else ""
    return Problem("UNKNOWN_FIELD", name, show(value), _("a field of the model"), _("there is no such field") + hint)


def show(raw: object) -> str:
    """Return a raw value as it stands in a message: at most 80 characters, control characters made visible."""
    text = "" if raw is None else str(raw)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= 80 else text[:79] + "…"
