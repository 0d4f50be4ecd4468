"""GraphQL over HTTP: requests, trusted documents, content negotiation and entity tags."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson
from graphql import ExecutionResult
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry import __version__
from registry.clock import today
from registry.database.answer_cache import AnswerCache
from registry.database.driver import Reader, Store, StoreError
from registry.i18n import language
from registry.permissions import Actor
from schema.execute import OperationRefused, QueryContext
from schema.limits import AWAY, BODY, ERRORS, error_response

_FIELDS: dict[str, tuple[type, str]] = {
    "query": (str, "a string"),
    "documentId": (str, "a string"),
    "operationName": (str, "a string"),
    "variables": (dict, "a JSON object"),
    "extensions": (dict, "a JSON object"),
}


class OperationRequest(NamedTuple):
    """A request to execute an operation: the document's text, the name of the operation, and the variables."""

    text: str
    name: str | None
    variables: dict[str, Any]


class TrustedDocuments:
    """The documents that clients may send. The key of a document is the SHA-256 hash of its text.

    The allowed documents are the `*.graphql` files of a folder and those that the registry's own pages send.
    """

    def __init__(self, folder: Path, ours: Iterable[str]) -> None:
        files = (path.read_bytes() for path in sorted(folder.glob("*.graphql")))
        documents = (*files, *(text.encode() for text in ours))
        self._texts = {hashlib.sha256(content).hexdigest(): content.decode() for content in documents}

    def text(self, parameters: Mapping[str, Any]) -> str:
        """Return the text of the document in a request.

        The request contains the document's id or its text. Raises HTTPException if the document is not trusted.
        """
        sent = hashlib.sha256((parameters.get("query") or "").encode()).hexdigest()
        found = self._texts.get(_document_id(parameters) or sent)
        if found is None:
            raise HTTPException(403, "Only trusted documents are accepted. Send the documentId of one.")
        return found


def read_query(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parse a GraphQL request from the query parameters of its URL. Raises HTTPException."""
    encoded = {name: _json(parameters[name]) for name in ("variables", "extensions") if parameters.get(name)}
    return _checked({**parameters, "variables": None, "extensions": None, **encoded})


def read_body(body: bytes) -> dict[str, Any]:
    """Parse a GraphQL request from the HTTP body. Raises HTTPException."""
    return _checked(_json(body))


def operation_request(parameters: Mapping[str, Any], trusted: TrustedDocuments | None) -> OperationRequest:
    """Return the operation that a parsed request names. Raises HTTPException."""
    text = trusted.text(parameters) if trusted else parameters.get("query")
    if not text:
        hint = " This server has no stored documents." if _document_id(parameters) else ""
        raise HTTPException(400, f"The request contains no query.{hint}")
    return OperationRequest(text, parameters.get("operationName"), parameters.get("variables") or {})


def _checked(parameters: Any) -> dict[str, Any]:
    if isinstance(parameters, list):
        raise HTTPException(400, "Batched requests are not supported. Send one operation per request.")
    if not isinstance(parameters, dict):
        raise HTTPException(400, "The request must be a JSON object.")
    for name, (kind, called) in _FIELDS.items():
        if not isinstance(parameters.get(name), kind | None):
            raise HTTPException(400, f"{name} must be {called} or null.")
    return parameters


def _document_id(parameters: Mapping[str, Any]) -> str | None:
    """Return the document id in a request. The place where Apollo's clients put the id is supported too."""
    persisted = (parameters.get("extensions") or {}).get("persistedQuery")
    named = parameters.get("documentId") or (persisted.get("sha256Hash") if isinstance(persisted, dict) else None)
    return named.removeprefix("sha256:") if isinstance(named, str) else None


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "The request is not valid JSON.") from None


GRAPHQL, JSON = "application/graphql-response+json", "application/json"
_RANGES = {GRAPHQL: GRAPHQL, JSON: JSON, "application/*": JSON, "*/*": JSON}
_STATUSES = {"NOT_ALLOWED": 403, "INTERNAL": 500, "UNAVAILABLE": 503, "TIMEOUT": 504}


@lru_cache(maxsize=100)
def media_type(accept: str) -> str:
    """Return the available media type that a client prefers (RFC 9110, 12.5.1). If the client accepts no available type, return JSON.

    If the client gives two types equal weight, an explicitly named type is preferred to a wildcard. Among explicitly named types,
    GraphQL's own type is preferred.
    """
    weights = dict(_weighed(part) for part in accept.split(","))
    accepted = [one for one in _RANGES if weights.get(one, 0) > 0]
    return _RANGES[max(accepted, key=lambda one: weights[one])] if accepted else JSON


def status(content: Mapping[str, Any], media: str) -> int:
    """Return the HTTP status of a response.

    With the media type JSON, the status is 200. Only errors after which the client should retry have another status.
    """
    codes = [error["extensions"]["code"] for error in content.get("errors", ())]
    if "UNAVAILABLE" in codes:
        return 503
    if wait(content):
        return 429
    if media == JSON or content.get("data") is not None:
        return 200
    return _STATUSES.get(codes[0], 400)


def wait(content: Mapping[str, Any]) -> int:
    """Return the seconds after which a retry of the request may succeed. If this is unknown, return 0."""
    details = [error["extensions"] for error in content.get("errors", ())]
    return max((AWAY if one["code"] == "UNAVAILABLE" else one.get("retryAfter", 0) for one in details), default=0)


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (one.strip().lower() for one in part.split(";"))
    weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0


class RequestDigest(NamedTuple):
    """A digest of everything that determines a response apart from the graph, and the change stamp of the graph."""

    digest: str
    change_stamp: str


class EntityTags:
    """Creates the entity tags (ETag) of responses to GET requests.

    An entity tag is a digest of the response. A change that the actor may not see therefore leaves the tag unchanged. The answer
    cache keeps the tag: the response is built again only after the graph has changed. Not thread-safe.
    """

    def __init__(self, schema: str, reader: Reader, answers: AnswerCache) -> None:
        self._reader, self._answers = reader, answers
        self._edition = _digest(__version__, schema)

    async def digest(self, request: Request, actor: Actor, media: str) -> RequestDigest:
        """Return the digest of a request and the current change stamp.

        If no stamp is stored in the graph, or if the database does not respond, the stamp is "".
        """
        digest = _digest(request.url.query, media, actor.parameter(), language(), today(), self._edition)
        try:
            return RequestDigest(digest, (await self._reader.stamps(recent=True)).of())
        except StoreError:
            return RequestDigest(digest, "")

    def lookup(self, request: RequestDigest) -> str | None:
        """Return the current entity tag of a response. If the tag is not cached, the response must be built first; return None."""
        found = self._answers.find(request.digest, request.change_stamp)
        return found.value if found else None

    def store(self, request: RequestDigest, body: bytes | memoryview) -> str:
        """Cache the entity tag of a response that was just built, and return the tag."""
        tag = f'W/"{_digest(request.digest, hashlib.sha256(body).digest())}"'
        if request.change_stamp:
            self._answers.keep(request.digest, request.change_stamp, tag, time.monotonic())
        return tag


def is_known(tag: str, request: Request) -> bool:
    """Return whether the client already has the response with this entity tag (RFC 9110, 13.1.2)."""
    sent = request.headers.get("if-none-match", "").split(",")
    return tag.removeprefix("W/") in (one.strip().removeprefix("W/") for one in sent)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Language, Cookie"}
CODES = {403: "NOT_ALLOWED", 413: "TOO_COSTLY"}
JSON_CONTENT = re.compile(r"application/json *(; *charset=\"?utf-8\"? *)?", re.IGNORECASE)
SUGGESTION = re.compile(r" Did you mean .*", re.DOTALL)


class OperationExecutor(Protocol):
    """A GraphQL schema that can execute operations."""

    async def execute_json(
        self, text: str, context: QueryContext, variables: dict[str, Any], name: str | None, *, read_only: bool
    ) -> ExecutionResult:
        """Execute an operation. The data of the result are values or JSON fragments. If `read_only` is set, mutations are rejected."""


class Endpoint:
    """The GraphQL endpoint. A browser that opens the endpoint's address gets the interactive page instead."""

    def __init__(
        self,
        schema: OperationExecutor,
        reader: Reader,
        actor: Callable[[Request], Actor],
        page: ASGIApp,
        *,
        store: Callable[[], Store] | None = None,
        entity_tags: EntityTags | None = None,
        trusted: TrustedDocuments | None = None,
        suggesting: bool = True,
    ) -> None:
        self._schema, self._reader, self._actor, self._page = schema, reader, actor, page
        self._store, self._trusted, self._suggesting = store, trusted, suggesting
        self._entity_tags = entity_tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one HTTP request, even if its body is not a GraphQL request."""
        is_head = scope["method"] == "HEAD"
        too_large = HTTPException(413, f"The request body can have at most {BODY:,} bytes.")
        request = Request({**scope, "method": "GET"} if is_head else scope, limit_body(receive, BODY, too_large))
        if _opens_page(request):
            await self._page(request.scope, receive, send)
            return
        try:
            response = await self._respond(request)
        except HTTPException as refusal:
            response = _refused(refusal.status_code, refusal.detail, request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        _check(request)
        by_get = request.method == "GET"
        parameters = read_query(request.query_params) if by_get else read_body(await request.body())
        operation = operation_request(parameters, self._trusted)
        if not by_get or self._entity_tags is None:
            return await self._execute(request, operation)
        digest = await self._entity_tags.digest(request, self._actor(request), _media(request))
        if (tag := self._entity_tags.lookup(digest)) and is_known(tag, request):
            return _not_changed(tag)
        response = await self._execute(request, operation)
        if response.headers["cache-control"] == PRIVATE["Cache-Control"]:
            tag = self._entity_tags.store(digest, response.body)
            if is_known(tag, request):
                return _not_changed(tag)
            response.headers["ETag"] = tag
        return response

    async def _execute(self, request: Request, operation: OperationRequest) -> Response:
        """Execute an operation.

        Raises HTTPException if the operation does not exist, or if this request may not execute the operation.
        """
        text, name, variables = operation
        context = QueryContext(self._reader, self._actor(request), store=self._store)
        read_only = request.method == "GET"
        result = await self._schema.execute_json(text, context, variables, name, read_only=read_only)
        if result.errors and isinstance(result.errors[0], OperationRefused):
            raise HTTPException(400, error_response(result.errors[0])["message"])
        return self._response(result, _media(request))

    def _response(self, result: ExecutionResult, media: str) -> Response:
        """Return the HTTP response for a result.

        Clients may not cache responses with errors. If a retry may succeed, the response has a Retry-After header.
        """
        content = self._content(result)
        seconds = wait(content)
        headers = {**PRIVATE, **({"Retry-After": str(seconds)} if seconds else {})}
        if "errors" in content:
            headers["Cache-Control"] = "no-store"
        return Response(orjson.dumps(content), status(content, media), headers, _typed(media))

    def _content(self, result: ExecutionResult) -> dict[str, Any]:
        """Return the response body. The body has a limited number of errors, each with a code.

        If the operation was rejected, the body has no data.
        """
        if not result.errors:
            return {"data": result.data}
        errors: list[Any] = [error_response(error) for error in result.errors[:ERRORS]]
        if not self._suggesting:
            errors = [error | {"message": SUGGESTION.sub("", error["message"])} for error in errors]
        return {"errors": errors} if result.data is None else {"data": result.data, "errors": errors}


def _opens_page(request: Request) -> bool:
    """Return whether a browser opens the address as a page."""
    accepts = request.headers.get("accept", "")
    return (
        request.method == "GET"
        and ("text/html" in accepts or "*/*" in accepts)
        and not request.query_params.keys() & {"query", "documentId", "extensions"}
    )


def _not_changed(tag: str) -> Response:
    return Response(status_code=304, headers={**PRIVATE, "ETag": tag})


def _media(request: Request) -> str:
    return media_type(request.headers.get("accept", ""))


def _typed(media: str) -> str:
    return media if media == JSON else f"{media}; charset=utf-8"


def _check(request: Request) -> None:
    """Reject unexpected methods and content types, so that no form or plain text from another site is accepted (CSRF)."""
    if request.method not in ("GET", "POST"):
        raise HTTPException(405, "Use GET or POST.")
    if request.method == "POST" and not JSON_CONTENT.fullmatch(request.headers.get("content-type", "")):
        raise HTTPException(415, f"The request body must have the content type {JSON} in UTF-8.")


def _refused(status: int, reason: str, request: Request) -> Response:
    headers = {"Allow": "GET, HEAD, POST"} if status == 405 else None
    return refused(request, status, CODES.get(status, "BAD_REQUEST"), reason, headers)


def refused(
    request: Request, status: int, code: str, reason: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the error response for a rejected request. Its headers forbid caching."""
    error = {"message": reason, "extensions": {"code": code}}
    content = orjson.dumps({"errors": [error]})
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, _typed(_media(request)))


def limit_body(receive: Receive, longest: int, error: Exception) -> Receive:
    """Return a `receive` function for a body of at most `longest` bytes. If the body is longer, the function raises `error`."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > longest:
            raise error
        return message

    return limited
