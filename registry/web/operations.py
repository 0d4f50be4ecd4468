"""The GraphQL operations of our pages, as files, so that the server and the scripts ask the same."""

from functools import cache
from importlib.resources import files

FOLDER = files("registry.web").joinpath("operations")
FRAGMENTS = ("Face", "Term")


@cache
def operation(name: str) -> str:
    """Return an operation with the fragments that it spreads. Raises FileNotFoundError."""
    text = _read(name)
    for fragment in FRAGMENTS:
        if f"...{fragment}" in text:
            text += "\n" + _read(fragment.lower())
    return text


def _read(name: str) -> str:
    return FOLDER.joinpath(f"{name}.graphql").read_text(encoding="utf-8")
