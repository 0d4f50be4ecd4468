"""Sources: a folder with a `source.toml` that says what is read, and a `mapping.py` unless it holds tables of ours."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from loaders.outcome import Refused
from registry.model import MODEL
from registry.settings import Settings

DECLARATION = "source.toml"
TABLES = "tables"
TABLE_NAMES = {
    *(kind.plural for kind in MODEL if not kind.kept_by_us),
    *(f"{kind.plural}.{end.name}" for kind in MODEL for end in kind.ends.values() if end.declared),
}
PLURALS = {kind.plural: kind.__name__ for kind in MODEL if not kind.kept_by_us}
Policy = Literal["earliest", "latest", "first"]
Notation = Literal["id", "en"]


class Source(BaseModel):
    """What `source.toml` says. `folder` is where it stands, `id` the folder's name with hyphens.

    - `illustrative`: whether its records are invented, which every page then says
    - `expect`: at least so many records of a kind, by its plural, or nothing is written
    - `complete`: tables and links, such as `agencies` and `resources.users`, of which the source says all there is: what
      it does not mention is cleared; of others a column or a table that is not there leaves values and links as they are
    - `left_out_at_most`: a run that loses more rows is refused
    - `repeated`: which value a tie keeps that is given more than once, by property
    - `numbers`: how numbers are written in texts: `id` as 1.250,5, `en` as 1,250.5; without it, one that can mean two
      numbers, such as 1.250, is a problem
    - `steward`, `access`: for records that do not say their own
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
    def _one_or_several(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @field_validator("expect")
    @classmethod
    def _plurals(cls, given: Mapping[str, int]) -> Mapping[str, int]:
        for plural in given:
            if plural not in PLURALS:
                raise ValueError(f"{plural!r} is no plural of a kind{_nearest(plural, PLURALS)}")
        return given

    @field_validator("complete")
    @classmethod
    def _tables(cls, given: frozenset[str]) -> frozenset[str]:
        for name in sorted(given):
            if name not in TABLE_NAMES:
                raise ValueError(f"{name!r} is no table and no link{_nearest(name, dict.fromkeys(TABLE_NAMES))}")
        return given

    @property
    def defaults(self) -> dict[str, str]:
        """What records of this source have that do not say their own."""
        return {name: value for name in ("steward", "access") if (value := getattr(self, name)) is not None}


def read_source(folder: Path) -> Source:
    """Return the source that a folder declares. Raises Refused with what is wrong in its `source.toml`."""
    path = folder / DECLARATION
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
        return Source(**{**declared, "folder": folder, "id": folder.resolve().name.lower().replace("_", "-")})
    except FileNotFoundError:
        raise Refused(f"{folder} is no source: it holds no {DECLARATION}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path} is no sound TOML: {error}.") from None
    except ValidationError as error:
        raise Refused(f"{path}: {_first(error)}") from None


def known_sources(settings: Settings) -> list[Source]:
    """Return the sources that come with the registry and those in the site's own folder, by id. Raises Refused."""
    return [read_source(folder) for _, folder in sorted(_folders(settings).items())]


def find_source(name: str, settings: Settings) -> Source:
    """Return the source of this name, or in this folder. Raises Refused, naming the nearest when there is none."""
    folders = _folders(settings)
    wanted = name.lower().replace("_", "-")
    if wanted in folders:
        return read_source(folders[wanted])
    if re.search(r"[/\\]", name) or Path(name).is_dir():
        return read_source(Path(name))
    known = ", ".join(sorted(folders))
    raise Refused(f"There is no source {name!r}{_nearest(wanted, folders)} The sources are {known}.")


def _folders(settings: Settings) -> dict[str, Path]:
    built_in = Path(str(files("loaders").joinpath("sources")))
    return {
        folder.name.lower().replace("_", "-"): folder
        for place in (settings.sources, built_in)
        if place.is_dir()
        for folder in sorted(place.iterdir())
        if (folder / DECLARATION).is_file()
    }


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else "."


def _first(error: ValidationError) -> str:
    """Return the first fault in words; an entry that does not exist comes before one that is missing."""
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"a source has no entry {name!r}{_nearest(name, Source.model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if message.endswith((".", "?")) else f"{name}: {message}."
