"""Settings of the registry, read from the environment, `.env` or `registry.toml` into one immutable object."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from ipaddress import ip_network
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

from registry.clock import TIMEZONE, time_zone, use_zone
from registry.i18n import LANGUAGES

ISSUER = re.compile(r"https://[^\s?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?")
COUNTS_FILE = "sqlite:///"
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX: the first variable that is set applies
HOST = re.compile(r"\*|(\*\.)?[\w.-]+|\[[0-9a-fA-F:.]+\]")
SAVED_RUNS = "saved-runs"


class SettingsError(Exception):
    """An invalid setting. The message is for the user and never contains the value, which could be a secret."""


class Settings(BaseSettings):
    """The settings: where the graph database and the registry's own files are, and how the server behaves.

    The names of the Neo4j settings are those of Neo4j's own tools.
    """

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
    timezone: str = Field(TIMEZONE)
    heap: str = Field("512m", pattern=r"^[0-9]+[mg]$")
    query_timeout: float = Field(10.0, gt=0, le=600)
    introspection: bool = Field(True)
    documents: DirectoryPath | None = Field(None)
    limits: SecretStr | None = Field(None)
    requests_a_minute: int = Field(600, ge=1)
    cost_a_minute: int = Field(20_000_000, ge=1_000_000)  # at least the maximum cost of one operation
    failures_a_minute: int = Field(30, ge=1)
    proxies: str = Field("")
    oidc_issuer: str | None = Field(None)
    oidc_client_id: str | None = Field(None)
    oidc_client_secret: SecretStr = Field(SecretStr(""))
    oidc_audience: str | None = Field(None)
    oidc_role_claim: str = Field("roles")
    oidc_agencies_claim: str = Field("agencies")
    oidc_groups_claim: str = Field("groups")
    smallest_count: int = Field(0, ge=0, le=1_000)
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(())

    @property
    def command_lang(self) -> str:
        """The language of commands: the first that is set of REGISTRY_LANG, LC_ALL, LC_MESSAGES and LANG, or else the default."""
        if "lang" in self.model_fields_set:
            return self.lang
        given = next((value for name in LOCALE if (value := os.environ.get(name))), "")
        code = re.split(r"[_.@-]", given.lower())[0]
        return code if code in LANGUAGES else "en" if code in ("c", "posix") else self.lang

    @property
    def saved_runs(self) -> Path:
        """The folder of saved report runs."""
        return self.data / SAVED_RUNS

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        """Raise ValueError for an unknown time zone."""
        try:
            time_zone(name)
        except ValueError:
            raise PydanticCustomError("zone", "it must be the name of a time zone, such as Asia/Jakarta") from None
        return name

    @field_validator("neo4j_uri")
    @classmethod
    def _check_uri(cls, uri: str | None) -> str | None:
        """Reject an address that contains credentials, because addresses are displayed and logged."""
        if uri and "@" in uri:
            sentence = "it must not contain a user name or password; set NEO4J_USERNAME and NEO4J_PASSWORD instead"
            raise PydanticCustomError("credentials", sentence)
        return uri

    @field_validator("limits")
    @classmethod
    def _check_limits(cls, url: SecretStr | None) -> SecretStr | None:
        """Reject a value that is neither a file nor a Redis URL. Also reject a Redis URL if the package redis is not installed."""
        if url is None or not url.get_secret_value():
            return None
        if url.get_secret_value().startswith(f"{COUNTS_FILE}/"):
            return url
        if not url.get_secret_value().startswith(("redis://", "rediss://")):
            sentence = "it must be a Redis URL, such as redis://127.0.0.1:6379/0, or a file, such as sqlite:////run/registry/counts"
            raise PydanticCustomError("redis", sentence)
        if find_spec("redis") is None:
            raise PydanticCustomError("redis", "the package redis is not installed: pip install redis")
        return url

    @field_validator("proxies")
    @classmethod
    def _check_proxies(cls, proxies: str) -> str:
        """Reject a setting that trusts all addresses. Also reject host names, because they cannot be compared with IP addresses."""
        for one in filter(None, map(str.strip, proxies.split(","))):
            try:
                all_addresses = ip_network(one).prefixlen == 0
            except ValueError:
                all_addresses = one == "*"
                if not all_addresses:
                    sentence = f"{one!r} is not an IP address or network, such as 127.0.0.1 or 10.0.0.0/8"
                    raise PydanticCustomError("proxies", "{sentence}", {"sentence": sentence}) from None
            if all_addresses:
                sentence = "it must not contain all addresses; list the addresses of your proxies, such as 127.0.0.1"
                raise PydanticCustomError("proxies", sentence)
        return proxies

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, issuer: str | None) -> str | None:
        """Reject an identity provider on another machine if its address is not encrypted (https)."""
        if issuer and not ISSUER.fullmatch(issuer):
            sentence = "it must be an https URL, such as https://sso.example.org/realms/city"
            raise PydanticCustomError("issuer", sentence)
        return issuer or None

    @field_validator("hosts", mode="before")
    @classmethod
    def _split_hosts(cls, given: object) -> object:
        """Split a comma-separated text into host names. If the value is a list already, return it unchanged."""
        names = [one.strip() for one in given.split(",") if one.strip()] if isinstance(given, str) else given
        if isinstance(names, list | tuple) and not all(HOST.fullmatch(str(one)) for one in names):
            sentence = "each must be a host name without scheme and port, such as registry.example.org or *.example.org"
            raise PydanticCustomError("host", sentence)
        return names

    def served_at(self, host: str) -> Settings:
        """Return these settings for a server that listens on `host`.

        If the server listens on an external address and `hosts` is not set, the server accepts any host name, because it does not
        know its own name.
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
        """Return the sources of settings, highest priority first: arguments, environment, `.env`, `registry.toml`."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def load_settings() -> Settings:
    """Read the settings and set the time zone of this process. Raises SettingsError for an invalid setting."""
    try:
        settings = Settings()
        use_zone(settings.timezone)
        return settings
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        name = name if name.startswith("NEO4J_") else f"REGISTRY_{name}"
        raise SettingsError(f"The setting {name} is invalid: {first['msg'][0].lower()}{first['msg'][1:]}.") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"Cannot read the settings in .env or registry.toml: {error}.") from None
