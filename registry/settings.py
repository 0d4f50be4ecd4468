"""Settings from the environment, `.env` or `registry.toml`, as one frozen value."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


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
    lang: Literal["id", "en"] = Field("id")
    heap: str = Field("512m", pattern=r"^[0-9]+[mg]$")
    query_timeout: float = Field(10.0, gt=0, le=600)

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
        raise SettingsError(f"The setting {name} cannot be used: {first['msg'].lower()}.") from None
