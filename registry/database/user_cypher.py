"""Custom Cypher reports: tokenize and rewrite a text so that it reads only what its reader may see."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from registry.database.driver import Cypher
from registry.model.definitions import MODEL
from registry.permissions import Actor, seen, seen_whole

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
# What an expression may build, since no engine limits that: collect, ORDER BY and DISTINCT are limited by the engines.
MOST_NUMBERS = 10_000  # of a range
MOST_LETTERS = 1_000  # of a text in quotes
MOST_DOUBLINGS = 10  # of a text or a list, by + and replace


@dataclass(frozen=True)
class SiteText:
    """A checked text: what stands before its RETURN, which line that is on, what it returns, what stands behind that."""

    body: str
    columns: Mapping[str, str]
    tail: str
    kinds: frozenset[str]
    line: int
    distinct: bool = False

    def rows(self, names: Sequence[str], values: Mapping[str, object], actor: Actor, most: int) -> Cypher:
        """Return at most so many rows, of one list each: the values of these columns."""
        return self._cypher(f"[{', '.join(names)}] AS row LIMIT $n", values, actor, n=most)

    def counts(self, values: Mapping[str, object], actor: Actor) -> Cypher:
        """Return one row: how many rows there are, and how many of them are found."""
        found = f"sum(CASE WHEN {FOUND} THEN 1 ELSE 0 END)" if FOUND in self.columns else "count(*)"
        return self._cypher(f"count(*), {found}", values, actor)

    def _cypher(self, answer: str, values: Mapping[str, object], actor: Actor, **more: object) -> Cypher:
        items = ", ".join(f"{value} AS {name}" for name, value in self.columns.items())
        text = f"{self.body} WITH {'DISTINCT ' if self.distinct else ''}{items} {self.tail} RETURN {answer}"
        return Cypher(text, {"in": dict(values), "me": actor.parameter(), **more})


def checked(text: str, parameters: Collection[str], line: int = 1) -> SiteText:
    """Return a text that may be run. `parameters` are those that it may use; `line` is where it begins. Raises Fault."""
    parts = list(tokens(text, line))
    if not parts:
        raise Fault(line, "There is no Cypher here.")
    _check_growth(parts)
    patterns = Patterns(parts)
    safe = list(_safe(parts, patterns, parameters))
    patterns.check()
    start = _only_return(safe)
    items, tail = _parted_by_tail(safe[start + 1 :])
    distinct = bool(items) and items[0].text == "DISTINCT"
    columns = dict(_columns(items[distinct:], safe[start].line))
    return SiteText(
        written(safe[:start]), columns, written(tail), frozenset(patterns.kinds), safe[start].line, distinct
    )


def faces(kinds: Collection[str], actor: Actor) -> Cypher:
    """Return one row: of how many published records of these kinds the actor sees no more than the face."""
    where = f"{published('n')} AND {seen('n')} AND NOT {seen_whole('n')}"
    return Cypher(f"MATCH (n:{'|'.join(sorted(kinds))}) WHERE {where} RETURN count(n)", {"me": actor.parameter()})


def _safe(parts: Sequence[Token], patterns: Patterns, parameters: Collection[str]) -> Iterator[Token]:
    """Yield the tokens of a text, each pattern as one token that asks who may see its records. Raises Fault."""
    place = 0
    check = _Check(parts, parameters)
    while place < len(parts):
        token = parts[place]
        check.token(place)
        yield _as_value(token)
        place += 1
        if token.text == "MATCH":
            pattern, place = patterns.read(place)
            yield Token(pattern, "value", token.line, " ")
            _check_behind_pattern(parts[place : place + 1])


class _Check:
    """Looks at what stands outside of patterns: whether it is known to find no record by itself."""

    def __init__(self, parts: Sequence[Token], parameters: Collection[str]) -> None:
        self._parts, self._parameters = parts, parameters

    def token(self, place: int) -> None:
        """Raise Fault where a token may not stand."""
        token, before = self._parts[place], self._parts[place - 1] if place else None
        match token.sort:
            case "keyword":
                self._keyword(place, token)
            case "name":
                self._name(place, token, before)
            case "parameter" if token.text[1:] not in self._parameters:
                raise Fault(
                    token.line, f"{token.text} is no parameter of this report.{_near(token.text[1:], self._parameters)}"
                )
            case "sign":
                _check_sign(token, before)
        if token.sort in ("name", "value", "parameter") and before and _is_operand(before):
            raise Fault(token.line, f"{token.text} may not follow {before.text}; keywords are written in capitals.")

    def _keyword(self, place: int, token: Token) -> None:
        if token.text not in KEYWORDS:
            raise Fault(
                token.line,
                f"{token.text} may not be used: a report only reads, and its keywords are {_listed(KEYWORDS)}.",
            )
        if token.text in SUBQUERIES and [one.text for one in self._parts[place + 1 : place + 3]] != ["{", "MATCH"]:
            raise Fault(
                token.line, f"Behind {token.text} there has to be {{ MATCH; functions are written in small letters."
            )

    def _name(self, place: int, token: Token, before: Token | None) -> None:
        behind_dot = before is not None and before.text == "."
        if place + 1 < len(self._parts) and self._parts[place + 1].text == "(":
            name = f"{self._parts[place - 2].text}.{token.text}" if behind_dot else token.text
            if name not in FUNCTIONS:
                raise Fault(token.line, f"{name} is no function that a report may use; those are {_listed(FUNCTIONS)}.")
        elif behind_dot and token.text not in PROPERTIES:
            raise Fault(token.line, f"The model has no property {token.text}.{_near(token.text, PROPERTIES)}")


def _check_growth(parts: Sequence[Token]) -> None:
    """Raise Fault where an expression may build a value that has no limit."""
    doublings, comprehensions = 0, list[bool]()
    for place, token in enumerate(parts):
        called = parts[place + 1 : place + 2] and parts[place + 1].text == "("
        if token.text == "reduce" and called:
            raise Fault(
                token.line, "reduce may not be used: what it builds has no limit; use sum, collect, any or all."
            )
        if token.text == "range" and called:
            _check_range(token, [_written_out(one) for one in _arguments(parts, place + 2)])
        if token.text == "replace" and called:
            doublings += len(_put_in(token, _arguments(parts, place + 2))).bit_length()
        if token.sort == "value" and len(token.text) > MOST_LETTERS + 2:
            raise Fault(token.line, f"A text in quotes holds at most {MOST_LETTERS:,} characters.")
        doublings += token.text == "+"
        if doublings > MOST_DOUBLINGS:
            raise Fault(token.line, f"+ may be used at most {MOST_DOUBLINGS} times; replace counts by what it puts in.")
        if token.text == "[":
            builds = [one.text for one in parts[place + 2 : place + 3]] == ["IN"]
            if builds and any(comprehensions):
                raise Fault(token.line, "A list may not be built for each member of a list; write UNWIND instead.")
            comprehensions.append(builds)
        elif token.text == "]" and comprehensions:
            comprehensions.pop()


def _check_range(token: Token, bounds: Sequence[int | None]) -> None:
    """Raise Fault unless the bounds of a range are written out and not far apart."""
    first, last = (*bounds[:2], None, None)[:2]
    if first is None or last is None:
        raise Fault(token.line, "The first two values of range are whole numbers that are written out: range(1, 12).")
    if abs(last - first) >= MOST_NUMBERS:
        raise Fault(token.line, f"range gives at most {MOST_NUMBERS:,} numbers.")


def _written_out(argument: Sequence[Token]) -> int | None:
    whole = "".join(one.text for one in argument)
    return int(whole) if re.fullmatch(r"-?\d{1,18}", whole) else None


def _put_in(token: Token, arguments: Sequence[Sequence[Token]]) -> str:
    """Return the text that a replace puts in. Raises Fault unless it is written out."""
    new = arguments[2] if len(arguments) == 3 else []
    if len(new) != 1 or new[0].text[:1] not in ("'", '"'):
        raise Fault(token.line, "What replace puts in is a text in quotes: replace(a.name, '-', ' ').")
    return new[0].text[1:-1]


def _arguments(parts: Sequence[Token], start: int) -> list[Sequence[Token]]:
    """Return the arguments of a call, the first of which begins at a place."""
    found, begin, depth = list[Sequence[Token]](), start, 0
    for place in range(start, len(parts)):
        text = parts[place].text if parts[place].sort == "sign" else ""
        if not depth and text in (",", ")"):
            found.append(parts[begin:place])
            begin = place + 1
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
    """Yield each token with its place and how many brackets are open before it. Raises Fault when they do not match."""
    opened: list[str] = []
    for place, token in enumerate(parts):
        if (
            token.sort == "sign"
            and token.text in CLOSED
            and (not opened or opened.pop() != OPEN[CLOSED.index(token.text)])
        ):
            raise Fault(token.line, f"{token.text} closes nothing.")
        yield place, token, len(opened)
        if token.sort == "sign" and token.text in OPEN:
            opened.append(token.text)
    if opened:
        raise Fault(parts[-1].line, f"{opened[-1]} is never closed.")


def _only_return(parts: Sequence[Token]) -> int:
    places = [place for place, token, depth in _depths(parts) if token.text == "RETURN" and not depth]
    if len(places) != 1:
        raise Fault(parts[-1].line, "A text ends with one RETURN.")
    return places[0]


def _parted_by_tail(parts: Sequence[Token]) -> tuple[Sequence[Token], Sequence[Token]]:
    for place, token, depth in _depths(parts):
        if token.text in TAIL and not depth:
            return parts[:place], parts[place:]
    return parts, []


def _columns(parts: Sequence[Token], line: int) -> Iterator[tuple[str, str]]:
    """Yield each item of a RETURN by its name. Raises Fault."""
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
        yield name.text, _faced(whole) if name.text == EVIDENCE else whole


def _items(parts: Sequence[Token]) -> Iterator[Sequence[Token]]:
    start = 0
    for place, token, depth in _depths(parts):
        if token.text == "," and not depth:
            yield parts[start:place]
            start = place + 1
    yield parts[start:]


def _faced(records: str) -> str:
    """Return the id, the name and the kind of each record of a list."""
    return f"[_e IN ({records}) WHERE _e IS NOT NULL | [_e.id, coalesce(_e.name, _e.id), labels(_e)[0]]]"


def _near(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.6)
    return f" Did you mean {near[0]}?" if near else ""


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
