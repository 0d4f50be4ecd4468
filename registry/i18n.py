"""Translate messages, and format numbers, shares and dates in the current language."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal, localcontext
from functools import cache, lru_cache
from importlib.resources import files

from babel.dates import format_date
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent, format_scientific

LANGUAGES = ("id", "en")
_language: ContextVar[str] = ContextVar("language", default="en")


def _(message: str) -> str:
    """Return a message in the current language, or in English if it is not translated."""
    return _translation(message) or message


def ngettext(singular: str, plural: str, count: float) -> str:
    """Return the singular or plural message that fits a count, in the current language, or in English if it is not translated."""
    return _translation(singular) or (singular if count == 1 else plural)


def pgettext(context: str, message: str) -> str:
    """Return the translation of a message that has several meanings; `context` says which meaning is wanted."""
    return _translation((context, message)) or message


def _translation(key: str | tuple[str, str]) -> str | None:
    return None if _language.get() == "en" else _catalogue(_language.get()).get(key)


def language() -> str:
    """Return the code of the current language: `id` or `en`."""
    return _language.get()


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Set the current language until the `with` block ends."""
    token = _language.set(language if language in LANGUAGES else "en")
    try:
        yield
    finally:
        _language.reset(token)


@cache
def _catalogue(language: str) -> dict[str | tuple[str, str], str]:
    """Return the translations of a language by message, or by context and message. Indonesian has no plural forms."""
    with files("registry").joinpath("locale", language, "LC_MESSAGES", "messages.po").open("rb") as file:
        return {_key(one): _first(one.string) for one in read_po(file) if one.id and one.string}


def _key(message: Message) -> str | tuple[str, str]:
    text = _first(message.id)
    return (message.context, text) if message.context else text


def _first(forms: str | Sequence[str]) -> str:
    return forms if isinstance(forms, str) else forms[0]


MOST_DIGITS = 1_100  # a float has no more digits before and after its decimal point


class SuppressedCount(int):
    """A small count that is not disclosed: it is more than 0 and less than this value."""


def number(value: float) -> str:
    """Return a number with three significant digits; integers are written in full, and a suppressed count as `<n`."""
    if isinstance(value, SuppressedCount):
        return f"<{exact(int(value))}"
    if isinstance(value, int):
        return exact(value)
    if value and abs(value) < 1e-4:
        return format_scientific(value, format="0.##E0", locale=language())
    return exact(round(value)) if abs(value) >= 1000 else format_decimal(value, format="@@#", locale=language())


def exact(value: float) -> str:
    """Return a number with all digits, so that a user who enters the displayed text gets the same number."""
    return _exact(str(value), language())


@lru_cache(4096)  # reports format the same small numbers thousands of times
def _exact(digits: str, locale: str) -> str:
    with localcontext(prec=MOST_DIGITS):
        return str(format_decimal(Decimal(digits), format="#,##0.###", locale=locale, decimal_quantization=False))


def amount(value: float) -> str:
    """Return a number with up to nine decimals, for limits that must not be rounded."""
    return format_decimal(value, format="#,##0.#########", locale=language())


def signed(value: float) -> str:
    """Return a number with three decimals and its sign, also the plus sign."""
    return format_decimal(value, format="+0.000;-0.000", locale=language())


def percent(share: float) -> str:
    """Return a share between 0 and 1 as a percentage without decimals."""
    return format_percent(share, locale=language())


def day(text: str) -> str:
    """Return a day, given as ISO 8601 text, in the date format of the current language."""
    return format_date(date.fromisoformat(text), format="medium", locale=language())
