"""HTTP client of the embedded engine: checks whether it is ready, and sends server commands and SQL."""

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
    """The embedded engine has a problem. The message is for the user."""


@dataclass(frozen=True)
class Engine:
    """The connection settings of a running engine, whose files are in the directory ``data``.

    The user ``username`` has all rights; the user ``reader_username`` may only read. Passwords are excluded from ``repr``, so that
    the settings can be logged.
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
    """Run a server command, such as ``drop database registry`` or ``create database registry``, and return the response.

    Raises EngineError if the engine rejects the command or does not respond.
    """
    return _post(engine, "server", {"command": text})


def sql(engine: Engine, text: str) -> list[dict[str, Any]]:
    """Run an ArcadeDB SQL command on the registry's database and return the rows. SQL is used for tasks that Cypher cannot do.

    Raises EngineError if the engine rejects the command or does not respond.
    """
    rows: list[dict[str, Any]] = _post(engine, f"command/{DATABASE}", {"language": "sql", "command": text})["result"]
    return rows


def users(engine: Engine) -> set[str]:
    """Return the names of the engine's users. Raises EngineError if the engine rejects the command or does not respond."""
    return {user["name"] for user in _request(engine, "GET", "server/users")["result"]}


def ready(engine: Engine) -> bool:
    """Return whether the server reports that it is ready and its Bolt port accepts connections."""
    try:
        with _client() as client:
            return client.get(f"{engine.http_url}/api/v1/ready").status_code == 204 and _listens(engine.uri)
    except httpx.HTTPError:
        return False


def responds(engine: Engine) -> bool:
    """Return whether the engine is ready and the reader can log in. The setup of a new engine creates the reader last."""
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
    # The engine is on this machine and uses no TLS. Use no proxy and load no certificates, which would take longer than the call.
    return httpx.Client(timeout=TIMEOUT, trust_env=False, verify=False)  # nosec B501 # loopback, without TLS


def _listens(uri: str) -> bool:
    address = urlsplit(uri)
    try:
        with socket.create_connection((address.hostname, address.port), timeout=2):
            return True
    except OSError:
        return False
