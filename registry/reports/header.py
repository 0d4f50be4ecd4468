"""The header of a site's report: TOML in the comment lines that its file begins with."""

import re
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from registry.cypher.site import EVIDENCE, FOUND
from registry.cypher.tokens import Fault
from registry.reports.render import SHOWN_BY
from registry.reports.report import Column, Parameter
from registry.words import language

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
RESERVED = ("as_of", "confidence", "key", "lang", SHOWN_BY, EVIDENCE, FOUND)
AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
Words = Annotated[str, Field(min_length=1, max_length=1_000)]


def _name(name: str) -> str:
    if not NAME.fullmatch(name) or name in RESERVED:
        sentence = "a name is made of small letters, such as least_users, and is none of {reserved}"
        raise PydanticCustomError("name", sentence, {"reserved": ", ".join(RESERVED)})
    return name


Name = Annotated[str, Field(max_length=40), AfterValidator(_name)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Both(_Part):
    """A text in both languages."""

    en: Words
    id: Words

    def __str__(self) -> str:
        """Return it in the language of the moment."""
        return self.id if language() == "id" else self.en


class ParameterHead(Both):
    """A parameter: a number between `least` and `most`; the texts say what it does."""

    type: Literal["integer", "number"]
    default: Annotated[float, Field(allow_inf_nan=False)]
    least: Annotated[float, Field(allow_inf_nan=False)]
    most: Annotated[float, Field(allow_inf_nan=False)]

    @model_validator(mode="after")
    def _in_order(self) -> "ParameterHead":
        if not self.least <= self.default <= self.most:
            raise PydanticCustomError("order", "the default lies between least and most")
        if self.type == "integer" and not all(one.is_integer() for one in (self.default, self.least, self.most)):
            raise PydanticCustomError("whole", "default, least and most of an integer are whole numbers")
        return self

    def parameter(self, name: str) -> Parameter:
        """Return it as every report has it."""
        kind = int if self.type == "integer" else float
        return Parameter(name, kind(self.default), kind(self.least), kind(self.most), str(self))


class ColumnHead(_Part):
    """A column: what it is called, what it says, in which unit; for codes, what each is called."""

    type: Literal["text", "texts", "code", "integer", "number", "date"]
    label: Both
    description: Both
    unit: Both | None = None
    words: Mapping[str, Both] = Field(default_factory=dict)

    def column(self, name: str) -> Column:
        """Return it as every report has it."""
        words = {code: str(word) for code, word in self.words.items()}
        return Column(name, str(self.label), self.type, str(self.description), str(self.unit or ""), words)


class Header(_Part):
    """What a site's report says of itself. `of` is a text of its own that counts what is looked at."""

    title: Both
    question: Both
    method: Both
    of: str | None = None
    parameters: Mapping[Name, ParameterHead] = Field(default_factory=dict)
    columns: Annotated[Mapping[Name, ColumnHead], Field(min_length=1)]


def read_header(text: str) -> tuple[Header, str, int]:
    """Return the header of a file, the Cypher behind it, and the line on which that begins. Raises Fault."""
    lines = text.splitlines()
    height = next((n for n, line in enumerate(lines) if not line.startswith("//")), len(lines))
    head = [line.removeprefix("//").removeprefix(" ") for line in lines[:height]]
    try:
        header = Header.model_validate(tomllib.loads("\n".join(head)))
    except tomllib.TOMLDecodeError as error:
        found = AT_LINE.search(str(error))
        at = int(found[1]) if found and found[1] else max(height, 1)
        raise Fault(at, f"The header is no sound TOML: {AT_LINE.sub('', str(error))}.") from None
    except ValidationError as error:
        raise _fault(min(error.errors(), key=_worst), head) from None
    return header, "\n".join(lines[height:]), height + 1


def _worst(error: Any) -> bool:
    """Put what is unknown first: it says which name was misspelt where another says that it is missing."""
    return bool(error["type"] != "extra_forbidden")


def _fault(error: Any, head: list[str]) -> Fault:
    path = [str(one) for one in error["loc"] if one != "[key]"]
    message = error["msg"][0].lower() + error["msg"][1:]
    return Fault(_line_of(path, head), f"In the header, {'.'.join(path)}: {message}.")


def line_of_key(key: str, content: str) -> int:
    """Return the line on which the header of a file says what one of its keys is."""
    return _line_of([key], [line.removeprefix("//") for line in content.splitlines()])


def _line_of(path: list[str], head: list[str]) -> int:
    """Return the line on which TOML says what stands at a path, or the nearest that is there of what it belongs to."""
    table, found = "", 1
    best = 0
    for number, line in enumerate(head, 1):
        if heading := re.fullmatch(r"\s*\[+([^]]+)\]+\s*", line):
            table = heading[1].strip()
            own = table.split(".")
        else:
            own = [*(table.split(".") if table else []), *line.partition("=")[0].strip().split(".")]
        common = len(own) if own == path[: len(own)] else 0
        if common > best:
            best, found = common, number
    return found
