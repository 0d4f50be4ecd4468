"""Value types, which define how raw input becomes a value and how the value is stored."""

import math
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import ClassVar, Self
from urllib.parse import urlsplit

from registry.clock import instant
from registry.i18n import _

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that are invisible
# Control characters except white space, surrogates, bidirectional overrides, and the replacement character.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffd]")
# Number formats by language: the thousands separator, then the decimal mark.
NOTATIONS = {"en": (",", "."), "id": (".", ",")}
_SIGNS_AND_SPACES = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " "})
_NUMBERS = {
    name: re.compile(
        rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:(?P<mark>[{re.escape(thousands)} ])[0-9]{{3}})(?:(?P=mark)[0-9]{{3}})*"
        rf"|[0-9]+|(?=[{re.escape(point)}][0-9]))(?:[{re.escape(point)}][0-9]*)?(?:[eE][+-]?[0-9]+)?"
    )
    for name, (thousands, point) in NOTATIONS.items()
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{2,99}")
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(/\S*)?")  # matches nearly all addresses, faster than a parser


LOST = "\N{REPLACEMENT CHARACTER}"  # stands for a lost character; str.isprintable() accepts it
LONGEST_WHOLE = 100  # maximum digits of an integer that is converted to text


class InvalidValue(ValueError):
    """A raw value violates a rule. `rule` describes the rule in a few words; the message is one sentence for the user."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Numeral(str):
    """A number written in one of the `NOTATIONS`. Plain text, in contrast, is parsed in all notations."""

    notation: str

    def __new__(cls, text: str, notation: str) -> Self:
        numeral = super().__new__(cls, text)
        numeral.notation = notation
        return numeral


class Value:
    """Base class of value types.

    `scalar` is the GraphQL type, `stored` the type in the database, and `listed` is true for a list.
    """

    scalar: ClassVar[str] = "String"
    stored: ClassVar[str] = "STRING"
    listed: ClassVar[bool] = False
    ordered: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: object) -> object:
        """Return the value for raw input. If the input is empty, return None. Raises InvalidValue."""
        raise NotImplementedError


class Text(Value):
    """A line of text of at most 500 characters, in which white space is collapsed to single spaces."""

    longest: ClassVar[int] = 500

    @classmethod
    def clean(cls, raw: object) -> object:
        text = _require_visible(" ".join(text_of(raw).split()))
        if len(text) > cls.longest:
            raise InvalidValue(
                _("at most {n} characters").format(n=cls.longest), _("it has {n} characters").format(n=len(text))
            )
        return text or None


class Prose(Value):
    """A text of several lines, at most 10,000 characters."""

    longest: ClassVar[int] = 10_000
    ordered: ClassVar[bool] = False

    @classmethod
    def clean(cls, raw: object) -> object:
        text = _require_visible(text_of(raw).strip())
        if len(text) > cls.longest:
            raise InvalidValue(
                _("at most {n} characters").format(n=cls.longest), _("it has {n} characters").format(n=len(text))
            )
        return text or None


class Code(Text):
    """A code in lower case from the code list that the property names."""

    longest: ClassVar[int] = 100

    @classmethod
    def clean(cls, raw: object) -> object:
        text = super().clean(raw)
        return text.lower() if isinstance(text, str) else None


class Id(Value):
    """The permanent identifier of a record: 3 to 100 letters, digits and `. _ : ~ -`."""

    scalar: ClassVar[str] = "ID"

    @classmethod
    def clean(cls, raw: object) -> object:
        text = text_of(raw).strip()
        if text and not _ID.fullmatch(text):
            raise InvalidValue(_("3 to 100 letters, digits and . _ : ~ -"), _("it is not an identifier"))
        return text or None


class Ref(Id):
    """The id of another record, whose kind the property names."""

    ordered: ClassVar[bool] = False


class Url(Text):
    """A web address that begins with http or https."""

    ordered: ClassVar[bool] = False

    @classmethod
    def clean(cls, raw: object) -> object:
        text = super().clean(raw)
        if isinstance(text, str) and not _is_web_address(text):
            raise InvalidValue(_("an http or https address"), _("it is not a web address"))
        return text


class Number(Value):
    """A finite number, stored as a float."""

    scalar: ClassVar[str] = "Float"
    stored: ClassVar[str] = "FLOAT"

    @classmethod
    def clean(cls, raw: object) -> object:
        if _is_empty(raw):
            return None
        number = _number(raw)
        if not math.isfinite(number):
            raise InvalidValue(_("a finite number"), _("it is not a finite number"))
        return number


class Integer(Value):
    """A whole number (integer) of at most nine digits."""

    scalar: ClassVar[str] = "Int"
    stored: ClassVar[str] = "INTEGER"

    @classmethod
    def clean(cls, raw: object) -> object:
        if _is_empty(raw):
            return None
        number = _number(raw)
        if not (abs(number) < 1e9 and number == int(number)):
            raise InvalidValue(_("a whole number of at most nine digits"), _("it is not a valid number"))
        return int(number)


class Flag(Value):
    """A boolean: yes or no."""

    scalar: ClassVar[str] = "Boolean"
    stored: ClassVar[str] = "BOOLEAN"
    words: ClassVar[dict[str, bool]] = {
        **dict.fromkeys(("yes", "true", "1", "ya", "y"), True),
        **dict.fromkeys(("no", "false", "0", "tidak", "n", "t"), False),
    }

    @classmethod
    def clean(cls, raw: object) -> object:
        if isinstance(raw, bool) or raw is None:
            return raw
        if isinstance(raw, int | float) and raw in (0, 1):
            return bool(raw)
        if not isinstance(raw, str):
            raise InvalidValue(_("yes or no"), _("it is neither yes nor no"))
        word = text_of(raw).strip().casefold()
        if word and word not in cls.words:
            raise InvalidValue(_("yes or no"), _("it is neither yes nor no"))
        return cls.words.get(word)


class Date(Value):
    """A day, kept as ISO 8601 text: 2026-12-31."""

    scalar: ClassVar[str] = "Date"

    @classmethod
    def clean(cls, raw: object) -> object:
        if isinstance(raw, datetime):
            return raw.date().isoformat()
        if isinstance(raw, date):
            return raw.isoformat()
        if raw is not None and not isinstance(raw, str):
            raise InvalidValue(_("a date such as 2026-12-31"), _("it is no date"))
        text = text_of(raw).strip()
        return _day(text) if text else None


class Instant(Value):
    """A moment in UTC, kept as ISO 8601 text of fixed width: 2026-11-25T00:00:00.000Z."""

    scalar: ClassVar[str] = "DateTime"

    @classmethod
    def clean(cls, raw: object) -> object:
        if not isinstance(raw, datetime):
            text = text_of(raw).strip()
            if not text:
                return None
            try:
                raw = datetime.fromisoformat(text)
            except ValueError:
                raise InvalidValue(
                    _("a date and time such as 2026-11-25T08:00:00Z"), _("it is not a date with a time")
                ) from None
        return instant(raw)


class Texts(Value):
    """A list of at most 1,000 short texts. In a table, semicolons separate the texts."""

    most: ClassVar[int] = 1_000
    listed: ClassVar[bool] = True
    ordered: ClassVar[bool] = False

    @classmethod
    def clean(cls, raw: object) -> object:
        parts = raw if isinstance(raw, list | tuple) else text_of(raw).split(";")
        cleaned = (cls.clean_one(part) for part in parts)
        texts = list(dict.fromkeys(part for part in cleaned if part is not None))
        if len(texts) > cls.most:
            raise InvalidValue(_("at most {n} texts").format(n=cls.most), _("there are {n} texts").format(n=len(texts)))
        return texts or None

    @classmethod
    def clean_one(cls, raw: object) -> object:
        """Return one cleaned member of the list. Raises InvalidValue."""
        return Text.clean(raw)


class Identifiers(Texts):
    """Identifiers in other systems, each written as scheme:value, such as kemendagri:32.76."""

    @classmethod
    def clean_one(cls, raw: object) -> object:
        text = Text.clean(raw)
        if isinstance(text, str) and not re.fullmatch(r"[^\s:]+:\S.*", text):
            raise InvalidValue(
                _("scheme:value, such as kemendagri:32.76"), _("it does not begin with a scheme and a colon")
            )
        return text


def _is_empty(raw: object) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())


def text_of(raw: object) -> str:
    """Return the text of a raw value. If the value is None, return "". Raises InvalidValue.

    Numbers, dates and booleans are rejected, because their original spelling, such as 32.70 or 007, is lost. Integers are accepted,
    because formats such as JSON preserve their digits.
    """
    if raw is None:
        return ""
    if not isinstance(raw, str):
        if type(raw) is not int:
            raise InvalidValue(_("text"), _not_text(raw))
        raw = _digits(raw)
    if (LOST in raw or not raw.isprintable()) and _NO_TEXT.search(raw):
        raise InvalidValue(_("readable text"), _("it contains characters that are not text"))
    return raw if raw.isascii() else unicodedata.normalize("NFC", raw)


def _require_visible(text: str) -> str:
    """Return a text unchanged. Raises InvalidValue if the text has no visible character.

    Combining marks and format characters are not visible characters.
    """
    if text and not text.isascii() and not any(_is_visible(one) for one in text):
        raise InvalidValue(_("text with visible characters"), _("it contains no visible character"))
    return text


def _not_text(raw: object) -> str:
    mend = _("format the cell or the column as text, and type it again")
    match raw:
        case bool():
            return _("it is yes or no where text is needed; {mend}").format(mend=mend)
        case int() | float():
            return _("it is a number where text is needed, and may have lost zeros; {mend}").format(mend=mend)
        case date() | time():
            return _("it is a date or a time where text is needed; {mend}").format(mend=mend)
        case list() | tuple():
            return _("it is a list where one text is needed")
    return _("it is an object where text is needed")


def _digits(number: int) -> str:
    if abs(number) >= 10**LONGEST_WHOLE:
        raise InvalidValue(_("text"), _("it is a number with too many digits"))
    return str(number)


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK


def _number(raw: object) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        try:
            return float(raw)
        except OverflowError:
            return math.inf
    if not isinstance(raw, str):
        raise InvalidValue(_("a number such as 1250.5"), _("it is no number"))
    return _read_number(text_of(raw), raw.notation if isinstance(raw, Numeral) else None)


def _read_number(text: str, notation: str | None) -> float:
    """Parse a number in one of the `NOTATIONS`.

    If no notation is given, parse the number in all notations; all results must agree. Raises InvalidValue.
    """
    text = text.strip().translate(_SIGNS_AND_SPACES)
    readings = {name: one for name, one in _readings(text) if notation in (None, name)}
    values = sorted(set(readings.values()))
    if len(values) == 1:
        return values[0]
    if values:
        one, other = map(_unambiguous, values)
        message = _("it can mean {one} or {other}: write one of these, or say in source.toml how numbers are written")
        raise InvalidValue(_("an unambiguous number"), message.format(one=one, other=other))
    rule = _("a number such as 1250.5")
    if notation:
        thousands, point = NOTATIONS[notation]
        rule = _("a number such as {one} or {other}").format(one=f"1250{point}5", other=f"1{thousands}250{point}5")
    raise InvalidValue(rule, _("it is no number"))


def _readings(text: str) -> Iterator[tuple[str, float]]:
    for name, (thousands, point) in NOTATIONS.items():
        if _NUMBERS[name].fullmatch(text):
            yield name, float(text.replace(thousands, "").replace(" ", "").replace(point, "."))


def _unambiguous(number: float) -> str:
    """Return a number as a text that has the same value in all `NOTATIONS`."""
    text = f"{number:.15g}"
    return f"{text}0" if len(set(dict(_readings(text)).values())) > 1 else text


def _day(text: str) -> str:
    """Return the day that a text names. The text is a date, or a date with a time."""
    try:
        return date.fromisoformat(text[:10] if text[10:11] in ("T", " ") else text).isoformat()
    except ValueError:
        raise InvalidValue(_("a date such as 2026-12-31"), _("it is no date")) from None


def _is_web_address(text: str) -> bool:
    if _PLAIN_ADDRESS.fullmatch(text):
        return True
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text
