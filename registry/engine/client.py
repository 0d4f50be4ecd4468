"""HTTP client of the embedded engine: readiness, server commands and SQL."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

DATABASE = "registry"
READER = "reader"
TIMEOUT = httpx.Timeout(10, read=600)  # a backup or a check of a large database takes minutes


class EngineError(Exception):
    """A problem with the embedded engine; the message is for the user."""


@dataclass(frozen=True)
class Engine:
    """The connection settings of a running engine on the directory ``data``.

    ``username`` has all rights, ``reader_username`` may only read. Passwords are excluded from ``repr``, so that an engine
    can be logged.
    """

    data: Path
    uri: str
    username: str
    password: str = field(repr=False)
    reader_username: str
    reader_password: str = field(repr=False)
    http_url: str
    pid: int


def command(engine: Engine, text: str) -> dict[str, Any]:
    """Run a server command, such as ``drop database registry`` or ``create database registry``.

    Returns the response. Raises EngineError if the engine rejects it or does not respond.
    """
    return _post(engine, "server", {"command": text})


def sql(engine: Engine, text: str) -> list[dict[str, Any]]:
    """Run an ArcadeDB SQL statement on the registry's database, for tasks that Cypher lacks.

    Returns the rows. Raises EngineError if the engine rejects it or does not respond.
    """
    rows: list[dict[str, Any]] = _post(engine, f"command/{DATABASE}", {"language": "sql", "command": text})["result"]
    return rows


def users(engine: Engine) -> set[str]:
    """Return the names of the engine's users. Raises EngineError like ``command``."""
    return {user["name"] for user in _request(engine, "GET", "server/users")["result"]}


def ready(engine: Engine) -> bool:
    """Return whether the server reports that it is ready and its Bolt port accepts connections."""
    try:
        with _client() as client:
            return client.get(f"{engine.http_url}/api/v1/ready").status_code == 204 and _listens(engine.uri)
    except httpx.HTTPError:
        return False


def responds(engine: Engine) -> bool:
    """Return whether the engine is ready and accepts our reader's login, the last step of its setup."""
    reader = httpx.BasicAuth(engine.reader_username, engine.reader_password)
    try:
        with _client() as client:
            return client.get(f"{engine.http_url}/api/v1/databases", auth=reader).is_success and ready(engine)
    except httpx.HTTPError:
        return False


def _post(engine: Engine, path: str, body: dict[str, str]) -> dict[str, Any]:
    return _request(engine, "POST", path, body)


def _request(engine: Engine, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    login = httpx.BasicAuth(engine.username, engine.password)
    try:
        with _client() as client:
            response = client.request(method, f"{engine.http_url}/api/v1/{path}", json=body, auth=login)
    except httpx.HTTPError as problem:
        reason = type(problem).__name__
        raise EngineError(f"The embedded engine at {engine.http_url} does not respond ({reason}).") from problem
    return _content(response)


def _content(response: httpx.Response) -> dict[str, Any]:
    content: dict[str, Any] = response.json()
    if response.is_error:
        kind = content.get("exception", "").rpartition(".")[2]
        raise EngineError(
            f"The embedded engine rejected a command: {content.get('error')} ({kind or response.status_code})."
        )
    return content


def _client() -> httpx.Client:
    # Loopback without TLS: use no proxy, and skip loading certificates, which would take longer than the call.
    return httpx.Client(timeout=TIMEOUT, trust_env=False, verify=False)  # nosec B501 # loopback, without TLS


def _listens(uri: str) -> bool:
    address = urlsplit(uri)
    try:
        with socket.create_connection((address.hostname, address.port), timeout=2):
            return True
    except OSError:
        return False
