"""Settings from the environment, `.env` or `registry.toml`, as one frozen value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import DirectoryPath, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

HOST = re.compile(r"\*|(\*\.)?[\w.-]+|\[[0-9a-fA-F:.]+\]")


class SettingsError(Exception):
    """A setting that cannot be used; the message is one sentence for a person and never holds the value."""


class Settings(BaseSettings):
    """Where the graph is, where our own files are, and how the server behaves. Names as Neo4j's own tools have them."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="REGISTRY_",
        env_file=".env",
        toml_file="registry.toml",
        extra="ignore",
        populate_by_name=True,
    )

    neo4j_uri: str | None = Field(None, validation_alias="NEO4J_URI")
    neo4j_username: str = Field("neo4j", validation_alias="NEO4J_USERNAME")
    neo4j_password: SecretStr = Field(SecretStr(""), validation_alias="NEO4J_PASSWORD")
    neo4j_database: str | None = Field(None, validation_alias="NEO4J_DATABASE")
    data: Path = Field(Path("registry-data"))
    sources: Path = Field(Path("sources"))
    reports: Path = Field(Path("reports"))
    lang: Literal["id", "en"] = Field("id")
    heap: str = Field("512m", pattern=r"^[0-9]+[mg]$")
    query_timeout: float = Field(10.0, gt=0, le=600)
    introspection: bool = Field(True)
    documents: DirectoryPath | None = Field(None)
    smallest_count: int = Field(0, ge=0, le=1_000)
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(())

    @field_validator("neo4j_uri")
    @classmethod
    def _without_secrets(cls, uri: str | None) -> str | None:
        """Refuse an address that holds credentials: addresses are shown and logged."""
        if uri and "@" in uri:
            sentence = "it holds a user name or a password; put them into NEO4J_USERNAME and NEO4J_PASSWORD"
            raise PydanticCustomError("credentials", sentence)
        return uri

    @field_validator("hosts", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        """Read names from a text that separates them by commas, or take a list."""
        names = [one.strip() for one in given.split(",") if one.strip()] if isinstance(given, str) else given
        if isinstance(names, list | tuple) and not all(HOST.fullmatch(str(one)) for one in names):
            sentence = (
                "each is the name of a host without scheme and port, such as registry.example.org or *.example.org"
            )
            raise PydanticCustomError("host", sentence)
        return names

    def served_at(self, host: str) -> Settings:
        """Return these settings for a server that listens at `host`.

        Who listens for others and sets no `hosts` may be asked by names that we cannot know, so by any.
        """
        known = self.hosts or host in ("localhost", "127.0.0.1", "::1")
        return self if known else self.model_copy(update={"hosts": ("*",)})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let what is given win over the environment, that over `.env`, that over `registry.toml`."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def load_settings() -> Settings:
    """Read the settings. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        name = name if name.startswith("NEO4J_") else f"REGISTRY_{name}"
        raise SettingsError(
            f"The setting {name} cannot be used: {first['msg'][0].lower()}{first['msg'][1:]}."
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"The settings in .env or registry.toml cannot be read: {error}.") from None
