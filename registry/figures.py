"""Numbers, shares and days as the language of the moment writes them (CLDR)."""

from datetime import date
from decimal import Decimal, localcontext

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent, format_scientific

from registry.words import language

MOST_DIGITS = 1_100  # of a float, before and after its point


class Few(int):
    """A count that is left out because it is small: more than none, and fewer than this."""


def number(value: float) -> str:
    """Return a number to three figures, a whole one in full; of one that is left out, what it is below."""
    if isinstance(value, Few):
        return f"<{exact(int(value))}"
    if isinstance(value, int):
        return exact(value)
    if value and abs(value) < 1e-4:
        return format_scientific(value, format="0.##E0", locale=language())
    return exact(round(value)) if abs(value) >= 1000 else format_decimal(value, format="@@#", locale=language())


def exact(value: float) -> str:
    """Return a number with all its figures, so that it can be typed as it is shown."""
    with localcontext(prec=MOST_DIGITS):
        number = format_decimal(Decimal(str(value)), format="#,##0.###", locale=language(), decimal_quantization=False)
    return str(number)


def amount(value: float) -> str:
    """Return a number in full, to nine decimals: of one that is a rule, nothing is rounded away."""
    return format_decimal(value, format="#,##0.#########", locale=language())


def signed(value: float) -> str:
    """Return a number to three decimals with its sign, also where it is above 0."""
    return format_decimal(value, format="+0.000;-0.000", locale=language())


def percent(share: float) -> str:
    """Return a share of 1 in whole per cent."""
    return format_percent(share, locale=language())


def day(text: str) -> str:
    """Return a day, given as ISO 8601 text, in words."""
    return format_date(date.fromisoformat(text), format="medium", locale=language())
