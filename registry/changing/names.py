"""The names of all records of a kind, for who looks for names alike many times: those that share how a word begins."""

import re
from collections.abc import Iterable
from functools import lru_cache

from registry.records import fold

Named = Iterable[tuple[str, str]]  # ids and names
BEGINNING, MOST = 3, 400
NUMBERS, WORD = re.compile(r"\d+"), re.compile(r"[^\W_]+")


class Names:
    """Names by the numbers in them and the first letters of each of their words."""

    def __init__(self, named: Named) -> None:
        self._begun: dict[tuple[tuple[str, ...], str], list[tuple[str, str]]] = {}
        for one, name in named:
            self.add(one, name)

    def add(self, one: str, name: str) -> None:
        """Take the name of one more record, given by its id."""
        numbers, words = parts(name)
        for beginning in {word[:BEGINNING] for word in words}:
            self._begun.setdefault((numbers, beginning), []).append((one, name))

    def like(self, name: str) -> Named:
        """Return records whose names have the same numbers and a word that begins as one of this name does.

        Of more than MOST, those of the rarest beginnings.
        """
        numbers, words = parts(name)
        found: dict[str, str] = {}
        for begun in sorted((self._begun.get((numbers, word[:BEGINNING]), []) for word in words), key=len):
            found.update(begun[: max(0, MOST - len(found))])
        return found.items()


@lru_cache(16_384)
def parts(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the numbers in a name, and all of its words, as they are compared."""
    plain = fold(name)
    return tuple(NUMBERS.findall(plain)), tuple(WORD.findall(plain))
