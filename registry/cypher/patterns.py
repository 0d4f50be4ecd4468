"""The patterns behind MATCH in a text that others wrote, with what everybody is asked of every record in them added.

A pattern is a chain of records and ties, `(a:Agency)-[e:PROVIDES]->(:Service)`, or several, parted by commas; lengths
that vary, quantifiers, maps and conditions inside of them are none of it. A record is found by a pattern or not at all.
"""

from collections.abc import Collection, Sequence

from registry.access import seen_whole
from registry.cypher.tokens import Fault, Token
from registry.model import MODEL

RELATIONS = frozenset(link.relation for link in MODEL.links())


def published(node: str) -> str:
    """Return the Cypher predicate of what reports count."""
    return f"coalesce({node}.status = 'published', false)"


class Patterns:
    """Reads patterns, and keeps the kinds that they name and the variables that have no kind yet."""

    def __init__(self, parts: Sequence[Token]) -> None:
        self._parts = parts
        self._place = 0
        self._unnamed = 0
        self.kinds: set[str] = set()
        self._known: set[str] = set()
        self._without: dict[str, Token] = {}

    def read(self, place: int) -> tuple[str, int]:
        """Return the pattern that begins at a place, with what is asked of its records, and the place behind it.

        Raises Fault.
        """
        self._place = place
        written = self._chain()
        while self._take(","):
            written += f", {self._chain()}"
        return written, self._place

    def check(self) -> None:
        """Raise Fault when some variable is never given a kind, so that everything would be looked through."""
        for name, token in self._without.items():
            if name not in self._known:
                raise Fault(token.line, f"{name} has no kind; write it as ({name}:Agency).")

    def _chain(self) -> str:
        written = self._record()
        while (tie := self._tie()) is not None:
            written += tie + self._record()
        return written

    def _record(self) -> str:
        opening = self._need("(")
        variable = self._name()
        kinds = self._names(MODEL.kinds, "kind") if self._take(":") else []
        self._need(")")
        self._note(opening, variable, kinds)
        if variable is None:
            self._unnamed += 1
        name = variable.text if variable else f"_{self._unnamed}"
        return f"({name}{_labels(kinds)} WHERE {published(name)} AND {seen_whole(name, '_r')})"

    def _note(self, opening: Token, variable: Token | None, kinds: list[str]) -> None:
        if kinds:
            self.kinds.update(kinds)
            self._known.update([variable.text] if variable else [])
        elif variable:
            self._without.setdefault(variable.text, variable)
        else:
            raise Fault(opening.line, "A record without a name needs a kind; write it as (:Agency).")

    def _tie(self) -> str | None:
        back = self._take("<")
        if not self._take("-"):
            if back:
                raise self._fault("- and the tie in brackets")
            return None
        self._need("[")
        variable = self._name()
        self._need(":")
        relations = self._names(RELATIONS, "tie")
        self._need("]")
        self._need("-")
        forth = self._take(">")
        if back and forth:
            raise Fault(self._parts[self._place - 1].line, "A tie leads one way, or either way; not both ways.")
        name = variable.text if variable else ""
        return f"{'<' if back else ''}-[{name}{_labels(relations)}]-{'>' if forth else ''}"

    def _names(self, known: Collection[str], what: str) -> list[str]:
        found = [self._known_name(known, what)]
        while self._take("|"):
            found.append(self._known_name(known, what))
        return found

    def _known_name(self, known: Collection[str], what: str) -> str:
        token = self._next()
        if token is None or token.text not in known:
            raise self._fault(f"a {what} of the model")
        self._place += 1
        return token.text

    def _name(self) -> Token | None:
        token = self._next()
        if token is None or token.sort != "name":
            return None
        self._place += 1
        return token

    def _take(self, sign: str) -> bool:
        token = self._next()
        taken = token is not None and token.text == sign
        self._place += taken
        return taken

    def _need(self, sign: str) -> Token:
        if not self._take(sign):
            raise self._fault(sign)
        return self._parts[self._place - 1]

    def _next(self) -> Token | None:
        return self._parts[self._place] if self._place < len(self._parts) else None

    def _fault(self, needed: str) -> Fault:
        token = self._next()
        found = f"not {token.text}" if token else "and here it ends"
        return Fault(
            (token or self._parts[-1]).line, f"In the pattern behind MATCH there has to be {needed} here, {found}."
        )


def _labels(names: list[str]) -> str:
    return f":{'|'.join(names)}" if names else ""
