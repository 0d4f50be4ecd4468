"""The words of a Cypher text that others wrote: what is none that we know is refused, so that nothing hides in it."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

Sort = Literal["keyword", "name", "value", "parameter", "sign"]

KEYWORDS = frozenset({
    "MATCH", "OPTIONAL", "WHERE", "WITH", "RETURN", "ORDER", "BY", "SKIP", "LIMIT", "UNWIND", "AS", "DISTINCT", "AND", "OR",
    "XOR", "NOT", "IN", "IS", "NULL", "STARTS", "ENDS", "CONTAINS", "CASE", "WHEN", "THEN", "ELSE", "END", "ASC",
    "DESC", "TRUE", "FALSE", "EXISTS", "COUNT", "COLLECT",
})  # fmt: skip
# Neither back quotes nor backslashes: Neo4j reads \u0027 as a quotation mark wherever it stands.
TOKEN = re.compile(
    r"""(?P<gap>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<value>'[^'\\]*'|"[^"\\]*"|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<parameter>\$[a-z][a-z0-9_]*)
    |(?P<word>[A-Za-z][A-Za-z0-9_]*)
    |(?P<sign><>|<=|>=|=~|\.\.|/(?!\*)|[][(){}.,:|=<>+*%^-])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Fault(Exception):
    """A text that may not be run; the message is one sentence for a person, `line` where it is wrong."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


class Token(NamedTuple):
    """A word or a sign, what sort it is, its line, and the space before it."""

    text: str
    sort: Sort
    line: int
    gap: str


def tokens(text: str, line: int = 1) -> Iterator[Token]:
    """Yield what a text is made of, without its comments; `line` is that of its beginning. Raises Fault."""
    place, gap = 0, ""
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise Fault(line, f"{text[place]!r} may not stand here.")
        if found.lastgroup == "gap":
            gap = " "
        else:
            yield Token(found[0], _sort(found), line, gap)
            gap = ""
        line += found[0].count("\n")
        place = found.end()


def _sort(found: re.Match[str]) -> Sort:
    if found.lastgroup == "word":
        return "keyword" if found[0].isupper() else "name"
    return found.lastgroup  # type: ignore[return-value]


def written(parts: Sequence[Token]) -> str:
    """Return tokens as a text on one line."""
    return "".join(f"{one.gap}{one.text}" for one in parts).strip()
