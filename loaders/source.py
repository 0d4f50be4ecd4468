"""Sources: a source is a folder with `source.toml` and tables, or with a `mapping.py` that maps rows to records and links."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from loaders.result import Level, LoadAborted
from loaders.rows import SourceRow
from registry.config import Settings
from registry.model.definitions import MODEL

DECLARATION = "source.toml"
TABLES = "tables"
TABLE_NAMES = {
    *(kind.plural for kind in MODEL if not kind.read_only),
    *(f"{kind.plural}.{end.name}" for kind in MODEL for end in kind.ends.values() if end.declared),
}
PLURALS = {kind.plural: kind.__name__ for kind in MODEL if not kind.read_only}
Policy = Literal["earliest", "latest", "first"]
Notation = Literal["id", "en"]


class SourceDefinition(BaseModel):
    """The declaration of a source in `source.toml`. `folder` is its folder, `id` the folder's name with hyphens.

    - `illustrative`: the records are invented; every page says so
    - `expect`: the minimum number of records by type (plural); the load is aborted if a type has fewer
    - `complete`: tables and links, such as `agencies` and `resources.users`, that the source lists completely; values and links that
      it omits are cleared. For other tables and links, a missing column or table leaves stored values and links unchanged
    - `left_out_at_most`: the maximum number of rows with errors; with more, the load is aborted
    - `repeated`: for each property, which of its values is used if a relationship occurs more than once
    - `numbers`: how numbers are written in texts: `id` as 1.250,5 or `en` as 1,250.5; if it is not set, a number that could be read
      either way, such as 1.250, is a problem
    - `steward`, `access`: the default values of these properties for records of the source
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")
    folder: Path
    name: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    website: str | None = None
    illustrative: bool = False
    format: Literal["tables", "csv", "xlsx", "json", "jsonl"]
    files: tuple[str, ...] = Field(min_length=1)
    expect: Mapping[str, int] = {}
    complete: frozenset[str] = frozenset()
    left_out_at_most: int = Field(0, ge=0)
    repeated: Mapping[str, Policy] = {}
    numbers: Notation | None = None
    steward: str | None = None
    access: str | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _as_tuple(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @field_validator("expect")
    @classmethod
    def _plurals(cls, given: Mapping[str, int]) -> Mapping[str, int]:
        for plural in given:
            if plural not in PLURALS:
                raise ValueError(f"{plural!r} is not the plural name of a kind.{_nearest(plural, PLURALS)}")
        return given

    @field_validator("complete")
    @classmethod
    def _tables(cls, given: frozenset[str]) -> frozenset[str]:
        for name in sorted(given):
            if name not in TABLE_NAMES:
                raise ValueError(f"{name!r} is neither a table nor a link.{_nearest(name, dict.fromkeys(TABLE_NAMES))}")
        return given

    @property
    def defaults(self) -> dict[str, str]:
        """The default values for records of this source."""
        return {name: value for name in ("steward", "access") if (value := getattr(self, name)) is not None}


def read_source(folder: Path) -> SourceDefinition:
    """Return the source in a folder. Raises LoadAborted with the first error in its `source.toml`."""
    path = folder / DECLARATION
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
        return SourceDefinition(**{**declared, "folder": folder, "id": folder.resolve().name.lower().replace("_", "-")})
    except FileNotFoundError:
        raise LoadAborted(f"{folder} is not a source: it has no {DECLARATION}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LoadAborted(f"{path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise LoadAborted(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        raise LoadAborted(f"{path}: {_first(error)}") from None


def known_sources(settings: Settings) -> list[SourceDefinition]:
    """Return the built-in sources and the sources in the site's own folder, ordered by id. Raises LoadAborted."""
    return [read_source(folder) for _, folder in sorted(_folders(settings).items())]


def find_source(name: str, settings: Settings) -> SourceDefinition:
    """Return the source with this name or in this folder. Raises LoadAborted with a suggestion if there is no such source."""
    folders = _folders(settings)
    wanted = name.lower().replace("_", "-")
    if wanted in folders:
        return read_source(folders[wanted])
    if re.search(r"[/\\]", name) or Path(name).is_dir():
        return read_source(Path(name))
    known = ", ".join(sorted(folders))
    raise LoadAborted(f"There is no source {name!r}.{_nearest(wanted, folders)} The sources are: {known}.")


def _folders(settings: Settings) -> dict[str, Path]:
    built_in = Path(str(files("loaders").joinpath("sources")))
    return {
        folder.name.lower().replace("_", "-"): folder
        for root in (settings.sources, built_in)
        if root.is_dir()
        for folder in sorted(root.iterdir())
        if (folder / DECLARATION).is_file()
    }


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _first(error: ValidationError) -> str:
    """Return a message for the first error in `source.toml`; unknown entries come before missing entries."""
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown entry {name!r}.{_nearest(name, SourceDefinition.model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if message.endswith((".", "?")) else f"{name}: {message}."


__all__ = [
    "GivenLink",
    "GivenNoLink",
    "GivenRecord",
    "MapRow",
    "Mapped",
    "Remark",
    "SourceRow",
    "implied",
    "left_out",
    "link",
    "no_link",
    "noted",
    "record",
]


class GivenRecord(NamedTuple):
    """A record that a row supplies; `implied` means that the row only refers to the record."""

    kind: str
    id: str
    properties: Mapping[str, Any]
    implied: bool = False


class GivenLink(NamedTuple):
    """A relationship that a row supplies, between the records `here` and `there`; the link end `end` belongs to the type of `here`."""

    end: str
    here: str
    there: str
    properties: Mapping[str, Any]


class GivenNoLink(NamedTuple):
    """States that the record of a row has no relationship of a certain link."""

    end: str


class Remark(NamedTuple):
    """A message of a mapping about a row: an error if the row, or a part of it, is left out; otherwise a warning."""

    level: Level
    code: str
    field: str
    value: object
    rule: str
    message: str


Mapped = GivenRecord | GivenLink | GivenNoLink | Remark
MapRow = Callable[[SourceRow], Iterable[Mapped]]


def record(kind: str, record_id: str, /, **properties: Any) -> GivenRecord:
    """Return a record that a row supplies: `record("Agency", "x:1", name="Health Office", kind="department")`."""
    return GivenRecord(kind, record_id, properties)


def implied(kind: str, record_id: str, /, **properties: Any) -> GivenRecord:
    """Return a record that a row only refers to. If no other row supplies the record, it is written with a warning."""
    return GivenRecord(kind, record_id, properties, implied=True)


def link(end: str, here: str, there: str, /, **properties: Any) -> GivenLink:
    """Return a relationship: `link("Agency.uses", agency, resource, role="reuse")`. `end` names either end of the link."""
    return GivenLink(end, here, there, properties)


def no_link(end: str, /) -> GivenNoLink:
    """State that the record of a row has no relationship of a link, so that the load removes its stored relationships of the link.

    The stored relationships are also removed if no row of the source has the link.
    """
    return GivenNoLink(end)


def left_out(code: str, field: str, value: object, rule: str, message: str) -> Remark:
    """Return an error about a row; the mapping leaves out the row or a part of the row."""
    return Remark("error", code, field, value, rule, message)


def noted(code: str, field: str, value: object, rule: str, message: str) -> Remark:
    """Return a warning about a row. The row is loaded."""
    return Remark("warning", code, field, value, rule, message)
