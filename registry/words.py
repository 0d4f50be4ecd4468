"""What people read, in their language: English in the code, Indonesian from the catalogue in `registry/locale/`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

from babel.messages.pofile import read_po

LANGUAGES = ("id", "en")
_language: ContextVar[str] = ContextVar("language", default="en")


def _(message: str) -> str:
    """Return the message in the language of the moment; English where the catalogue lacks it."""
    return message if _language.get() == "en" else _catalogue(_language.get()).get(message, message)


def language() -> str:
    """Return the language of the moment: `id` or `en`."""
    return _language.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak this language within the block."""
    token = _language.set(language if language in LANGUAGES else "en")
    try:
        yield
    finally:
        _language.reset(token)


@cache
def _catalogue(language: str) -> dict[str, str]:
    with files("registry").joinpath("locale", language, "LC_MESSAGES", "messages.po").open("rb") as catalogue:
        return {str(one.id): str(one.string) for one in read_po(catalogue) if one.id and one.string}
