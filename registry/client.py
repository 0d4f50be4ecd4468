"""Read reports and records in Python, for instance in a notebook.

    from registry import client

    registry = client.connect("https://registry.example", token="…")
    measures = registry.report("agency-measures").frame()
    network = registry.report("agency-measures").network()

`connect` reads from a running server, `open` from a database on this machine. Data frames need the optional dependency `frames`.
"""

import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self
from urllib.parse import quote

import httpx
import orjson
from anyio.from_thread import start_blocking_portal

from registry.analysis.report import ReportError
from registry.cli.query import execute
from registry.config import SettingsError, load_settings
from registry.database.connect import open_connection, prepare
from registry.database.driver import ConnectionSettings, Store, StoreError
from registry.engine import EngineError
from registry.i18n import use_language
from registry.permissions import ADMIN
from registry.reports.catalogue import Library
from registry.reports.export import FILES
from registry.reports.saved import SavedRuns

if TYPE_CHECKING:
    import networkx as nx

PATIENCE = 600.0  # seconds to wait for a report
FRAMES = ("pandas", "polars")
LIST_ATTRIBUTES = ("agreement_ids",)
Values = Mapping[str, object]


class ClientError(Exception):
    """Raised if the registry cannot answer; the message is one sentence."""


class ReportSource(Protocol):
    """A place that reports and records are read from."""

    def file(self, name: str, extension: str, parameters: Values) -> bytes:
        """Return a report as a file. Raises ClientError."""

    def graphql(self, query: str, variables: Values) -> dict[str, Any]:
        """Run a GraphQL operation and return the response. Raises ClientError."""

    def close(self) -> None:
        """Close the connection."""


class ReportResult:
    """The result of a report. `data` is its JSON file, with counts, columns, rows, method and notes."""

    def __init__(self, source: ReportSource, name: str, parameters: Values) -> None:
        self._source, self._name = source, name
        self.data: dict[str, Any] = orjson.loads(source.file(name, "json", parameters))
        self._parameters = {**parameters, "as_of": self.data["as_of"]}

    def frame(self, library: str = "pandas") -> Any:
        """Return the rows as a data frame of pandas or polars: the columns, `confidence`, and the ids of the `evidence`.

        An unknown value is a missing value. Codes are not translated. Raises ClientError if the library is not installed.
        """
        rows = self.data["rows"]
        columns = [
            _FrameColumn(one["name"], one["type"], [row[one["name"]] for row in rows]) for one in self.data["columns"]
        ]
        columns.append(_FrameColumn("confidence", "code", [row["confidence"] for row in rows]))
        columns.append(_FrameColumn("evidence", "texts", [[one["id"] for one in row["evidence"]] for row in rows]))
        if library not in FRAMES:
            raise ClientError(f"There are no data frames of {library}. Choose one of: {', '.join(FRAMES)}.")
        try:
            return _pandas_frame(columns) if library == "pandas" else _polars_frame(columns)
        except ImportError:
            raise ClientError(f"Install {library}, or the registry with its optional dependency frames.") from None

    def network(self) -> "nx.Graph[str]":
        """Return the network of the report `agency-measures`: agencies by id and ties, with their measures as attributes.

        An unknown value has no attribute; lists are lists. Raises ClientError if the report does not describe a network.
        """
        import networkx as nx  # imported here because it takes half a second

        graph = nx.read_graphml(io.BytesIO(self._source.file(self._name, "graphml", self._parameters)))
        lists = {one["name"] for one in self.data["columns"] if one["type"] == "texts"}.union(LIST_ATTRIBUTES)
        ends = graph.edges(data=True)
        for attributes in (*(has for _id, has in graph.nodes(data=True)), *(has for _a, _b, has in ends)):
            attributes.update({name: orjson.loads(attributes[name]) for name in lists & attributes.keys()})
        return graph


class Registry:
    """A connection to a registry. Close it with `close`, or use it in a `with` statement."""

    def __init__(self, source: ReportSource) -> None:
        self._source = source

    def report(self, name: str, as_of: str | None = None, **parameters: object) -> ReportResult:
        """Run a report for a day such as 2026-12-31 (today if None). Raises ClientError.

        `parameters` have the names that `registry reports NAME` lists, with `_` instead of `-`.
        """
        return ReportResult(self._source, name, {**parameters, **({"as_of": as_of} if as_of else {})})

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """Run a GraphQL operation and return its data. Raises ClientError for the first error."""
        answer = self._source.graphql(query, variables)
        if answer.get("errors"):
            raise ClientError(str(answer["errors"][0]["message"]))
        data: dict[str, Any] = answer["data"]
        return data

    def close(self) -> None:
        """Close the connection."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def connect(url: str, token: str | None = None, language: str = "en") -> Registry:
    """Return a connection to a running server. Without an access token, you see what an anonymous visitor sees."""
    headers = {"Accept": "application/json", "Accept-Language": language}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Registry(_Server(httpx.Client(base_url=url, headers=headers, timeout=PATIENCE)))


def open(place: str | Path, language: str = "en") -> Registry:  # noqa: A001 # as in `client.open`
    """Open a database on this machine as an administrator: the folder of REGISTRY_DATA, or the address of a Neo4j server.

    The user name and the password for Neo4j come from the settings. Raises ClientError if the database cannot be opened.
    """
    stack = ExitStack()
    try:
        address = str(place) if "://" in str(place) else None
        if address is None and not Path(place).is_dir():
            raise ClientError(f"There is no folder {place}.")
        data = {} if address else {"data": Path(place)}
        settings = load_settings().model_copy(update={"neo4j_uri": address, **data})
        connection = stack.enter_context(open_connection(settings))
        store = stack.enter_context(Store(connection))
        prepare(store)
    except (SettingsError, StoreError, EngineError) as error:
        stack.close()
        raise ClientError(str(error)) from None
    return Registry(
        _Database(connection, store, Library(settings.reports, SavedRuns(settings.saved_runs)), language, stack)
    )


class _Server:
    """A running server."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def file(self, name: str, extension: str, parameters: Values) -> bytes:
        sent = {key.replace("_", "-"): str(value) for key, value in parameters.items()}
        return self._send("GET", f"reports/{quote(name, safe='')}.{extension}", params=sent).content

    def graphql(self, query: str, variables: Values) -> dict[str, Any]:
        sent = {"query": query, "variables": dict(variables)}
        answer: dict[str, Any] = orjson.loads(self._send("POST", "graphql", json=sent).content)
        return answer

    def close(self) -> None:
        self._http.close()

    def _send(self, method: str, path: str, **how: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **how)
        except httpx.HTTPError as error:
            raise ClientError(f"The server at {self._http.base_url} does not answer: {error}.") from None
        if response.is_success:
            return response
        try:
            answer = response.json()
            message = answer.get("message") or answer["errors"][0]["message"]
        except (ValueError, LookupError, TypeError, AttributeError):
            message = f"The server at {self._http.base_url} answered with the status {response.status_code}."
        raise ClientError(str(message))


class _Database:
    """A database on this machine, which is read as an administrator."""

    def __init__(
        self, connection: ConnectionSettings, store: Store, library: Library, language: str, stack: ExitStack
    ) -> None:
        self._connection, self._store, self._library = connection, store, library
        self._language, self._stack = language, stack

    def file(self, name: str, extension: str, parameters: Values) -> bytes:
        given = dict(parameters)
        as_of = given.pop("as_of", None)
        try:
            with use_language(self._language):
                report = self._library.run(self._store, name, ADMIN, str(as_of) if as_of else None, given)
                content = FILES[extension].content(report)
        except (ReportError, StoreError) as error:
            raise ClientError(str(error)) from None
        return content if isinstance(content, bytes) else content.encode()

    def graphql(self, query: str, variables: Values) -> dict[str, Any]:
        # In a thread, because a notebook already runs an event loop.
        with start_blocking_portal() as portal:
            return portal.call(execute, self._connection, query, dict(variables), False)

    def close(self) -> None:
        self._stack.close()


class _FrameColumn(NamedTuple):
    """A column of a data frame, with the type of the column of the report."""

    name: str
    type: str
    values: list[Any]


PANDAS = {"text": "string", "code": "string", "integer": "Int64", "number": "Float64"}


def _pandas_frame(columns: list[_FrameColumn]) -> Any:
    import pandas as pd

    def series(one: _FrameColumn) -> Any:
        if one.type == "date":
            return pd.Series(pd.to_datetime(pd.Series(one.values, dtype="object"), format="%Y-%m-%d"))
        return pd.Series(one.values, dtype=PANDAS.get(one.type, "object"))

    return pd.DataFrame({one.name: series(one) for one in columns})


def _polars_frame(columns: list[_FrameColumn]) -> Any:
    import polars as pl

    types: dict[str, Any] = {"integer": pl.Int64, "number": pl.Float64, "texts": pl.List(pl.String)}

    def series(one: _FrameColumn) -> Any:
        read = pl.Series(one.name, one.values, types.get(one.type, pl.String), strict=False)
        return read.str.to_date("%Y-%m-%d") if one.type == "date" else read

    return pl.DataFrame([series(one) for one in columns])
