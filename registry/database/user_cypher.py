"""Custom Cypher reports: check a text, and rewrite it so that it reads only records whose details its reader may see."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from registry.database.driver import Cypher
from registry.model.definitions import MODEL
from registry.permissions import Actor, can_view_details, can_view_summary

Sort = Literal["keyword", "name", "value", "parameter", "sign"]

KEYWORDS = frozenset({
    "MATCH", "OPTIONAL", "WHERE", "WITH", "RETURN", "ORDER", "BY", "SKIP", "LIMIT", "UNWIND", "AS", "DISTINCT", "AND", "OR",
    "XOR", "NOT", "IN", "IS", "NULL", "STARTS", "ENDS", "CONTAINS", "CASE", "WHEN", "THEN", "ELSE", "END", "ASC",
    "DESC", "TRUE", "FALSE", "EXISTS", "COUNT", "COLLECT",
})  # fmt: skip
# No back quotes and no backslashes: Neo4j decodes \u0027 to a quotation mark anywhere in a text.
TOKEN = re.compile(
    r"""(?P<gap>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<value>'[^'\\]*'|"[^"\\]*"|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<parameter>\$[a-z][a-z0-9_]*)
    |(?P<word>[A-Za-z][A-Za-z0-9_]*)
    |(?P<sign><>|<=|>=|=~|\.\.|/(?!\*)|[][(){}.,:|=<>+*%^-])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Fault(Exception):
    """A text that must not be run. The message is one sentence for the author; `line` is where the error is."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


class Token(NamedTuple):
    """A word or a sign, its category, its line, and the space before it."""

    text: str
    sort: Sort
    line: int
    gap: str


def tokens(text: str, line: int = 1) -> Iterator[Token]:
    """Yield the tokens of a text, without comments; `line` is the number of its first line. Raises Fault."""
    position, gap = 0, ""
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None:
            raise Fault(line, f"{text[position]!r} may not stand here.")
        if found.lastgroup == "gap":
            gap = " "
        else:
            yield Token(found[0], _sort(found), line, gap)
            gap = ""
        line += found[0].count("\n")
        position = found.end()


def _sort(found: re.Match[str]) -> Sort:
    if found.lastgroup == "word":
        return "keyword" if found[0].isupper() else "name"
    return found.lastgroup  # type: ignore[return-value]


def written(parts: Sequence[Token]) -> str:
    """Join tokens to a text on one line."""
    return "".join(f"{one.gap}{one.text}" for one in parts).strip()


RELATIONS = frozenset(link.relation for link in MODEL.links())


def published(node: str) -> str:
    """Return the Cypher predicate that a record is published; reports count only published records."""
    return f"coalesce({node}.status = 'published', false)"


class Patterns:
    """Parses and rewrites patterns, and collects the kinds that they name and the variables without a kind."""

    def __init__(self, parts: Sequence[Token]) -> None:
        self._parts = parts
        self._position = 0
        self._unnamed = 0
        self.kinds: set[str] = set()
        self._with_kind: set[str] = set()
        self._without_kind: dict[str, Token] = {}

    def read(self, position: int) -> tuple[str, int]:
        """Return the pattern that begins at a position, with permission checks for its records, and the position after it.

        Raises Fault.
        """
        self._position = position
        written = self._path()
        while self._accept(","):
            written += f", {self._path()}"
        return written, self._position

    def check(self) -> None:
        """Raise Fault when a variable never gets a kind, since the pattern would then scan all records."""
        for name, token in self._without_kind.items():
            if name not in self._with_kind:
                raise Fault(token.line, f"{name} has no kind; write it as ({name}:Agency).")

    def _path(self) -> str:
        written = self._record()
        while (relationship := self._relationship()) is not None:
            written += relationship + self._record()
        return written

    def _record(self) -> str:
        opening = self._expect("(")
        variable = self._name()
        kinds = self._names(MODEL.kinds, "kind") if self._accept(":") else []
        self._expect(")")
        self._register(opening, variable, kinds)
        if variable is None:
            self._unnamed += 1
        name = variable.text if variable else f"_{self._unnamed}"
        return f"({name}{_labels(kinds)} WHERE {published(name)} AND {can_view_details(name, '_r')})"

    def _register(self, opening: Token, variable: Token | None, kinds: list[str]) -> None:
        if kinds:
            self.kinds.update(kinds)
            self._with_kind.update([variable.text] if variable else [])
        elif variable:
            self._without_kind.setdefault(variable.text, variable)
        else:
            raise Fault(opening.line, "A record without a name needs a kind; write it as (:Agency).")

    def _relationship(self) -> str | None:
        back = self._accept("<")
        if not self._accept("-"):
            if back:
                raise self._fault("- and the tie in brackets")
            return None
        self._expect("[")
        variable = self._name()
        self._expect(":")
        relations = self._names(RELATIONS, "tie")
        self._expect("]")
        self._expect("-")
        forth = self._accept(">")
        if back and forth:
            raise Fault(self._parts[self._position - 1].line, "A tie leads one way, or either way; not both ways.")
        name = variable.text if variable else ""
        return f"{'<' if back else ''}-[{name}{_labels(relations)}]-{'>' if forth else ''}"

    def _names(self, known: Collection[str], what: str) -> list[str]:
        found = [self._known_name(known, what)]
        while self._accept("|"):
            found.append(self._known_name(known, what))
        return found

    def _known_name(self, known: Collection[str], what: str) -> str:
        token = self._next()
        if token is None or token.text not in known:
            raise self._fault(f"a {what} of the model")
        self._position += 1
        return token.text

    def _name(self) -> Token | None:
        token = self._next()
        if token is None or token.sort != "name":
            return None
        self._position += 1
        return token

    def _accept(self, sign: str) -> bool:
        token = self._next()
        taken = token is not None and token.text == sign
        self._position += taken
        return taken

    def _expect(self, sign: str) -> Token:
        if not self._accept(sign):
            raise self._fault(sign)
        return self._parts[self._position - 1]

    def _next(self) -> Token | None:
        return self._parts[self._position] if self._position < len(self._parts) else None

    def _fault(self, needed: str) -> Fault:
        token = self._next()
        found = f"not {token.text}" if token else "and here it ends"
        return Fault(
            (token or self._parts[-1]).line, f"In the pattern behind MATCH there has to be {needed} here, {found}."
        )


def _labels(names: list[str]) -> str:
    return f":{'|'.join(names)}" if names else ""


EVIDENCE, FOUND = "evidence", "found"
FUNCTIONS = frozenset({
    "abs", "all", "any", "avg", "ceil", "coalesce", "collect", "count", "date", "duration.between", "duration.inDays", "exp",
    "floor", "head", "labels", "last", "left", "log", "max", "min", "none", "range", "replace",
    "reverse", "right", "round", "sign", "single", "size", "split", "sqrt", "substring", "sum", "tail", "toFloat",
    "toInteger", "toLower", "toString", "toUpper", "trim", "type",
})  # fmt: skip
PROPERTIES = (
    {name for kind in MODEL for name in kind.properties}
    | {name for link in MODEL.links() for name in link.properties}
    | {"days", "months", "years"}
)
SUBQUERIES = ("EXISTS", "COUNT", "COLLECT")
TAIL = ("ORDER", "SKIP", "LIMIT")
OPEN, CLOSED = "([{", ")]}"
# Limits on the values that an expression builds. The engines limit only collect, ORDER BY and DISTINCT.
MOST_NUMBERS = 10_000  # in a range
MOST_LETTERS = 1_000  # in a quoted text
MOST_DOUBLINGS = 10  # each use of + or replace may double a text or a list


@dataclass(frozen=True)
class SiteText:
    """A checked text: the part before RETURN, its returned columns, the part after them, and the line of RETURN."""

    body: str
    columns: Mapping[str, str]
    tail: str
    kinds: frozenset[str]
    line: int
    distinct: bool = False

    def rows(self, names: Sequence[str], values: Mapping[str, object], actor: Actor, most: int) -> Cypher:
        """Return at most `most` rows, each one list: the values of these columns."""
        return self._cypher(f"[{', '.join(names)}] AS row LIMIT $n", values, actor, n=most)

    def counts(self, values: Mapping[str, object], actor: Actor) -> Cypher:
        """Return one row: the number of rows, and the number of those with a true `found` column (all without one)."""
        found = f"sum(CASE WHEN {FOUND} THEN 1 ELSE 0 END)" if FOUND in self.columns else "count(*)"
        return self._cypher(f"count(*), {found}", values, actor)

    def _cypher(self, answer: str, values: Mapping[str, object], actor: Actor, **more: object) -> Cypher:
        items = ", ".join(f"{value} AS {name}" for name, value in self.columns.items())
        text = f"{self.body} WITH {'DISTINCT ' if self.distinct else ''}{items} {self.tail} RETURN {answer}"
        return Cypher(text, {"in": dict(values), "me": actor.parameter(), **more})


def checked(text: str, parameters: Collection[str], line: int = 1) -> SiteText:
    """Check a text and return it in a form that may be run. Raises Fault.

    `parameters` are the names of the parameters that it may use; `line` is the number of its first line.
    """
    parts = list(tokens(text, line))
    if not parts:
        raise Fault(line, "There is no Cypher here.")
    _check_growth(parts)
    patterns = Patterns(parts)
    safe = list(_rewritten(parts, patterns, parameters))
    patterns.check()
    start = _return_position(safe)
    items, tail = _split_tail(safe[start + 1 :])
    distinct = bool(items) and items[0].text == "DISTINCT"
    columns = dict(_columns(items[distinct:], safe[start].line))
    return SiteText(
        written(safe[:start]), columns, written(tail), frozenset(patterns.kinds), safe[start].line, distinct
    )


def faces(kinds: Collection[str], actor: Actor) -> Cypher:
    """Return one row: the number of published records of these kinds of which the actor sees only the summary."""
    where = f"{published('n')} AND {can_view_summary('n')} AND NOT {can_view_details('n')}"
    return Cypher(f"MATCH (n:{'|'.join(sorted(kinds))}) WHERE {where} RETURN count(n)", {"me": actor.parameter()})


def _rewritten(parts: Sequence[Token], patterns: Patterns, parameters: Collection[str]) -> Iterator[Token]:
    """Yield the tokens of a text, each pattern as one token that includes the permission checks. Raises Fault."""
    position = 0
    check = _Check(parts, parameters)
    while position < len(parts):
        token = parts[position]
        check.token(position)
        yield _as_value(token)
        position += 1
        if token.text == "MATCH":
            pattern, position = patterns.read(position)
            yield Token(pattern, "value", token.line, " ")
            _check_behind_pattern(parts[position : position + 1])


class _Check:
    """Checks the tokens outside of patterns, which must not read any record."""

    def __init__(self, parts: Sequence[Token], parameters: Collection[str]) -> None:
        self._parts, self._parameters = parts, parameters

    def token(self, position: int) -> None:
        """Raise Fault if the token at a position is not allowed."""
        token, before = self._parts[position], self._parts[position - 1] if position else None
        match token.sort:
            case "keyword":
                self._keyword(position, token)
            case "name":
                self._name(position, token, before)
            case "parameter" if token.text[1:] not in self._parameters:
                raise Fault(
                    token.line, f"{token.text} is no parameter of this report.{_near(token.text[1:], self._parameters)}"
                )
            case "sign":
                _check_sign(token, before)
        if token.sort in ("name", "value", "parameter") and before and _is_operand(before):
            raise Fault(token.line, f"{token.text} may not follow {before.text}; keywords are written in capitals.")

    def _keyword(self, position: int, token: Token) -> None:
        if token.text not in KEYWORDS:
            raise Fault(
                token.line,
                f"{token.text} may not be used: a report only reads, and its keywords are {_listed(KEYWORDS)}.",
            )
        if token.text in SUBQUERIES and [one.text for one in self._parts[position + 1 : position + 3]] != [
            "{",
            "MATCH",
        ]:
            raise Fault(
                token.line, f"Behind {token.text} there has to be {{ MATCH; functions are written in small letters."
            )

    def _name(self, position: int, token: Token, before: Token | None) -> None:
        behind_dot = before is not None and before.text == "."
        if position + 1 < len(self._parts) and self._parts[position + 1].text == "(":
            name = f"{self._parts[position - 2].text}.{token.text}" if behind_dot else token.text
            if name not in FUNCTIONS:
                raise Fault(token.line, f"{name} is no function that a report may use; those are {_listed(FUNCTIONS)}.")
        elif behind_dot and token.text not in PROPERTIES:
            raise Fault(token.line, f"The model has no property {token.text}.{_near(token.text, PROPERTIES)}")


def _check_growth(parts: Sequence[Token]) -> None:
    """Raise Fault if an expression may build a value of unlimited size."""
    doublings, comprehensions = 0, list[bool]()
    for position, token in enumerate(parts):
        called = parts[position + 1 : position + 2] and parts[position + 1].text == "("
        if token.text == "reduce" and called:
            raise Fault(
                token.line, "reduce may not be used: what it builds has no limit; use sum, collect, any or all."
            )
        if token.text == "range" and called:
            _check_range(token, [_literal_integer(one) for one in _arguments(parts, position + 2)])
        if token.text == "replace" and called:
            doublings += len(_replacement(token, _arguments(parts, position + 2))).bit_length()
        if token.sort == "value" and len(token.text) > MOST_LETTERS + 2:
            raise Fault(token.line, f"A text in quotes holds at most {MOST_LETTERS:,} characters.")
        doublings += token.text == "+"
        if doublings > MOST_DOUBLINGS:
            raise Fault(token.line, f"+ may be used at most {MOST_DOUBLINGS} times; replace counts by what it puts in.")
        if token.text == "[":
            builds = [one.text for one in parts[position + 2 : position + 3]] == ["IN"]
            if builds and any(comprehensions):
                raise Fault(token.line, "A list may not be built for each member of a list; write UNWIND instead.")
            comprehensions.append(builds)
        elif token.text == "]" and comprehensions:
            comprehensions.pop()


def _check_range(token: Token, bounds: Sequence[int | None]) -> None:
    """Raise Fault unless the bounds of a range are literals and close enough together."""
    first, last = (*bounds[:2], None, None)[:2]
    if first is None or last is None:
        raise Fault(token.line, "The first two values of range are whole numbers that are written out: range(1, 12).")
    if abs(last - first) >= MOST_NUMBERS:
        raise Fault(token.line, f"range gives at most {MOST_NUMBERS:,} numbers.")


def _literal_integer(argument: Sequence[Token]) -> int | None:
    whole = "".join(one.text for one in argument)
    return int(whole) if re.fullmatch(r"-?\d{1,18}", whole) else None


def _replacement(token: Token, arguments: Sequence[Sequence[Token]]) -> str:
    """Return the replacement text of a call of replace. Raises Fault unless it is a literal."""
    new = arguments[2] if len(arguments) == 3 else []
    if len(new) != 1 or new[0].text[:1] not in ("'", '"'):
        raise Fault(token.line, "What replace puts in is a text in quotes: replace(a.name, '-', ' ').")
    return new[0].text[1:-1]


def _arguments(parts: Sequence[Token], start: int) -> list[Sequence[Token]]:
    """Return the arguments of a call whose first argument begins at a position."""
    found, begin, depth = list[Sequence[Token]](), start, 0
    for position in range(start, len(parts)):
        text = parts[position].text if parts[position].sort == "sign" else ""
        if not depth and text in (",", ")"):
            found.append(parts[begin:position])
            begin = position + 1
            if text == ")":
                break
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
    return found


def _check_sign(token: Token, before: Token | None) -> None:
    last = before.text if before else ""
    if last == "-" and token.text in "-[":
        raise Fault(token.line, "Ties are followed behind MATCH alone; write EXISTS { MATCH … } or COUNT { MATCH … }.")
    if token.text == "{" and last not in SUBQUERIES:
        raise Fault(token.line, "Braces stand only behind EXISTS, COUNT and COLLECT.")
    if token.text == "(" and before and _is_operand(before) and before.sort != "name":
        raise Fault(token.line, f"( may not follow {last}.")


def _check_behind_pattern(rest: Sequence[Token]) -> None:
    if rest and rest[0].sort != "keyword" and rest[0].text != "}":
        raise Fault(rest[0].line, f"{rest[0].text} may not follow a pattern; keywords are written in capitals.")


def _is_operand(token: Token) -> bool:
    return token.sort in ("name", "value", "parameter") or token.text in (*CLOSED, "END", "NULL", "TRUE", "FALSE")


def _as_value(token: Token) -> Token:
    return token._replace(text=f"$in.{token.text[1:]}") if token.sort == "parameter" else token


def _depths(parts: Sequence[Token]) -> Iterator[tuple[int, Token, int]]:
    """Yield each token with its position and the number of brackets open before it. Raises Fault when brackets do not match."""
    opened: list[str] = []
    for position, token in enumerate(parts):
        if (
            token.sort == "sign"
            and token.text in CLOSED
            and (not opened or opened.pop() != OPEN[CLOSED.index(token.text)])
        ):
            raise Fault(token.line, f"{token.text} closes nothing.")
        yield position, token, len(opened)
        if token.sort == "sign" and token.text in OPEN:
            opened.append(token.text)
    if opened:
        raise Fault(parts[-1].line, f"{opened[-1]} is never closed.")


def _return_position(parts: Sequence[Token]) -> int:
    places = [position for position, token, depth in _depths(parts) if token.text == "RETURN" and not depth]
    if len(places) != 1:
        raise Fault(parts[-1].line, "A text ends with one RETURN.")
    return places[0]


def _split_tail(parts: Sequence[Token]) -> tuple[Sequence[Token], Sequence[Token]]:
    for position, token, depth in _depths(parts):
        if token.text in TAIL and not depth:
            return parts[:position], parts[position:]
    return parts, []


def _columns(parts: Sequence[Token], line: int) -> Iterator[tuple[str, str]]:
    """Yield the name and the expression of each item of a RETURN. Raises Fault."""
    named: set[str] = set()
    for item in _items(parts):
        if not item:
            raise Fault(line, "RETURN has a column with nothing in it.")
        *value, name = item
        if name.sort != "name" or (value and (len(value) < 2 or value[-1].text != "AS")):
            raise Fault(item[0].line, f"Give the column {written(item)[:60]} a name with AS.")
        if name.text in named:
            raise Fault(name.line, f"RETURN has the column {name.text} twice.")
        named.add(name.text)
        whole = written(value[:-1] or [name])
        yield name.text, _evidence_records(whole) if name.text == EVIDENCE else whole


def _items(parts: Sequence[Token]) -> Iterator[Sequence[Token]]:
    start = 0
    for position, token, depth in _depths(parts):
        if token.text == "," and not depth:
            yield parts[start:position]
            start = position + 1
    yield parts[start:]


def _evidence_records(records: str) -> str:
    """Return the expression for the id, the name and the kind of each record of a list."""
    return f"[_e IN ({records}) WHERE _e IS NOT NULL | [_e.id, coalesce(_e.name, _e.id), labels(_e)[0]]]"


def _near(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.6)
    return f" Did you mean {near[0]}?" if near else ""


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
