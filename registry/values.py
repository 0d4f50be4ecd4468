"""What a property can hold: how raw input becomes a value, and how the value is stored and shown."""

import math
import re
import unicodedata
from datetime import date, datetime
from typing import ClassVar
from urllib.parse import urlsplit

from registry.clock import instant
from registry.words import _

# Control characters but white space, halves of characters, and what turns the direction of text that follows.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that show nothing
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{2,99}")
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(/\S*)?")  # what nearly all are, found quickly


class Unfit(ValueError):
    """A raw value that breaks a rule. `rule` is the rule in a few words, the message one sentence for a person."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class Value:
    """A value type. `scalar` names it in GraphQL, `stored` in the store, `listed` says it holds many."""

    scalar: ClassVar[str] = "String"
    stored: ClassVar[str] = "STRING"
    listed: ClassVar[bool] = False
    ordered: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: object) -> object:
        """Return the value that `raw` stands for, None for nothing. Raises Unfit."""
        raise NotImplementedError


class Text(Value):
    """One line of text, at most 500 characters; white space folded."""

    longest: ClassVar[int] = 500

    @classmethod
    def clean(cls, raw: object) -> object:
        text = _visible(" ".join(text_of(raw).split()))
        if len(text) > cls.longest:
            raise Unfit(
                _("at most {n} characters").format(n=cls.longest), _("it has {n} characters").format(n=len(text))
            )
        return text or None


class Prose(Value):
    """Text of several lines, at most 10,000 characters."""

    longest: ClassVar[int] = 10_000
    ordered: ClassVar[bool] = False

    @classmethod
    def clean(cls, raw: object) -> object:
        text = _visible(text_of(raw).strip())
        if len(text) > cls.longest:
            raise Unfit(
                _("at most {n} characters").format(n=cls.longest), _("it has {n} characters").format(n=len(text))
            )
        return text or None


class Code(Text):
    """A code of a code list, in lower case; which list, its property says."""

    longest: ClassVar[int] = 100

    @classmethod
    def clean(cls, raw: object) -> object:
        text = super().clean(raw)
        return text.lower() if isinstance(text, str) else None


class Id(Value):
    """The name of a record for ever: letters, digits and `. _ : ~ -`, 3 to 100 of them."""

    scalar: ClassVar[str] = "ID"

    @classmethod
    def clean(cls, raw: object) -> object:
        text = text_of(raw).strip()
        if text and not _ID.fullmatch(text):
            raise Unfit(_("3 to 100 letters, digits and . _ : ~ -"), _("it is not an identifier"))
        return text or None


class Ref(Id):
    """The id of a record of another kind; which kind, its property says."""

    ordered: ClassVar[bool] = False


class Url(Text):
    """An address on the web, with http or https."""

    ordered: ClassVar[bool] = False

    @classmethod
    def clean(cls, raw: object) -> object:
        text = super().clean(raw)
        if isinstance(text, str) and not _is_web_address(text):
            raise Unfit(_("an http or https address"), _("it is not a web address"))
        return text


class Number(Value):
    """A finite number, kept as a float."""

    scalar: ClassVar[str] = "Float"
    stored: ClassVar[str] = "FLOAT"

    @classmethod
    def clean(cls, raw: object) -> object:
        if _is_empty(raw):
            return None
        number = _number(raw)
        if not math.isfinite(number):
            raise Unfit(_("a finite number"), _("it is not a finite number"))
        return number


class Integer(Value):
    """A whole number of at most nine digits."""

    scalar: ClassVar[str] = "Int"
    stored: ClassVar[str] = "INTEGER"

    @classmethod
    def clean(cls, raw: object) -> object:
        if _is_empty(raw):
            return None
        number = _number(raw)
        if not (abs(number) < 1e9 and number == int(number)):
            raise Unfit(_("a whole number of at most nine digits"), _("it is not such a number"))
        return int(number)


class Flag(Value):
    """Yes or no."""

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
        word = text_of(raw).strip().casefold().removesuffix(".0")
        if word and word not in cls.words:
            raise Unfit(_("yes or no"), _("it is neither yes nor no"))
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
                raise Unfit(_("a date and time such as 2026-11-25T08:00:00Z"), _("it is no date and time")) from None
        return instant(raw)


class Texts(Value):
    """Several short texts, at most 1,000. In a table they are separated by semicolons."""

    most: ClassVar[int] = 1_000
    listed: ClassVar[bool] = True
    ordered: ClassVar[bool] = False

    @classmethod
    def clean(cls, raw: object) -> object:
        parts = raw if isinstance(raw, list | tuple) else text_of(raw).split(";")
        cleaned = (cls.clean_one(part) for part in parts)
        texts = list(dict.fromkeys(part for part in cleaned if part is not None))
        if len(texts) > cls.most:
            raise Unfit(_("at most {n} texts").format(n=cls.most), _("there are {n} texts").format(n=len(texts)))
        return texts or None

    @classmethod
    def clean_one(cls, raw: object) -> object:
        """Return one of the texts, cleaned. Raises Unfit."""
        return Text.clean(raw)


class Identifiers(Texts):
    """Names in other systems, each as scheme:value, such as kemendagri:32.76."""

    @classmethod
    def clean_one(cls, raw: object) -> object:
        text = Text.clean(raw)
        if isinstance(text, str) and not re.fullmatch(r"[^\s:]+:\S.*", text):
            raise Unfit(_("scheme:value, such as kemendagri:32.76"), _("it has no scheme before a colon"))
        return text


def _is_empty(raw: object) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())


def text_of(raw: object) -> str:
    """Return the text that `raw` stands for, empty for nothing. Raises Unfit."""
    if raw is None:
        return ""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    text = raw if isinstance(raw, str) else str(raw)
    if not text.isprintable() and _NO_TEXT.search(text):
        raise Unfit(_("readable text"), _("it holds characters that are no text"))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _visible(text: str) -> str:
    """Return a text of which something is to be seen: a letter, a digit or a sign, not marks and formats alone."""
    if text and not text.isascii() and not any(_shows(one) for one in text):
        raise Unfit(_("text that can be seen"), _("it holds no character that can be seen"))
    return text


def _shows(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK


def _number(raw: object) -> float:
    try:
        return float(text_of(raw).strip().replace(" ", ""))
    except (ValueError, OverflowError):
        raise Unfit(_("a number such as 1250.5"), _("it is no number")) from None


def _day(text: str) -> str:
    """Return the day that stands in a text, also at the head of a date and time."""
    try:
        return date.fromisoformat(text[:10] if text[10:11] in ("T", " ") else text).isoformat()
    except ValueError:
        raise Unfit(_("a date such as 2026-12-31"), _("it is no date")) from None


def _is_web_address(text: str) -> bool:
    if _PLAIN_ADDRESS.fullmatch(text):
        return True
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text
