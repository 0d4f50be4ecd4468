"""GraphQL over HTTP: Strawberry's view, with our limits, our error codes, and orjson."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.types import ExecutionResult

from registry.access import Actor
from registry.store import Reader, Store
from schema.compiled import Asking
from schema.freshness import Asked, Freshness, is_known
from schema.limits import BODY, ERRORS
from schema.negotiation import JSON, media_type, status, wait
from schema.refusal import presented
from schema.requests import TrustedDocuments, read_body, read_query, request_data

Page = Callable[[Request], Awaitable[Response]]
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Language, Cookie"}
CODES = {403: "NOT_ALLOWED", 413: "TOO_COSTLY"}
JSON_CONTENT = re.compile(r"application/json *(; *charset=\"?utf-8\"? *)?", re.IGNORECASE)
SUGGESTION = re.compile(r" Did you mean .*", re.DOTALL)


class Answering(Protocol):
    """What answers operations: a schema."""

    async def answer_known(
        self, text: str, name: str | None, variables: dict[str, Any], asking: Asking
    ) -> ExecutionResult | None:
        """Return the result of an operation; None where Strawberry has to look at it."""


class Endpoint(GraphQL[Asking, None]):
    """Answers operations over HTTP; a browser that asks for the address itself gets the page."""

    def __init__(
        self,
        schema: Answering,
        reader: Reader,
        actor: Callable[[Request], Actor],
        page: Page,
        *,
        store: Callable[[], Store] | None = None,
        freshness: Freshness | None = None,
        trusted: TrustedDocuments | None = None,
        suggesting: bool = True,
    ) -> None:
        super().__init__(cast(Any, schema), subscription_protocols=())
        self._schema, self._reader, self._actor, self._page = schema, reader, actor, page
        self._store, self._trusted, self._suggesting = store, trusted, suggesting
        self._freshness = freshness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, also when its body is no GraphQL request at all."""
        asked_by_head = scope["method"] == "HEAD"
        request = Request({**scope, "method": "GET"} if asked_by_head else scope, _limited(receive))
        try:
            response = await self._respond(request)
        except HTTPException as refusal:
            response = _refused(refusal.status_code, refusal.reason, request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        adapter = self.request_adapter_class(request)
        if self.should_render_graphql_ide(adapter):
            return await self._page(request)
        _check(request)
        asked = await self.parse_http_body(adapter)
        known = await self._asked(request)
        if known and (tag := known[0].tag(known[1])) and is_known(tag, request):
            return _not_changed(tag)
        response = await self._known(request, asked) or await self.run(request)
        if known and response.headers["cache-control"] == PRIVATE["Cache-Control"]:
            tag = known[0].made(known[1], response.body)
            if is_known(tag, request):
                return _not_changed(tag)
            response.headers["ETag"] = tag
        return response

    async def _asked(self, request: Request) -> tuple[Freshness, Asked] | None:
        """Return what makes the entity tag of an answer; only what is asked by GET has one."""
        if request.method != "GET" or self._freshness is None:
            return None
        return self._freshness, await self._freshness.asked(request, self._actor(request), _media(request))

    async def _known(self, request: Request, asked: GraphQLRequestData) -> Response | None:
        """Answer a document that is known; all else is left to Strawberry, which takes twice the time."""
        sub_response = await self.get_sub_response(request)
        asking = await self.get_context(request, sub_response)
        result = await self._schema.answer_known(asked.query or "", asked.operation_name, asked.variables or {}, asking)
        return self.create_response(await self.process_result(request, result), sub_response) if result else None

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Tell whether a browser asks for the address itself."""
        named = {"query", "documentId", "extensions"}
        return super().should_render_graphql_ide(request) and not request.query_params.keys() & named

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Return what is asked. Raises HTTPException."""
        by_get = request.method == "GET"
        asked = read_query(request.query_params) if by_get else read_body(await request.get_body())
        return request_data(asked, self._trusted)

    async def get_sub_response(self, request: Any) -> Response:
        """Return what the response begins with: its media type."""
        return Response(media_type=_media(request))

    async def get_context(self, request: Any, response: Any) -> Asking:
        """Say who asks, and the store that is asked, or changed."""
        return Asking(self._reader, self._actor(request), store=self._store)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Return the result: a few errors, each with a code; and no data where the operation was refused as a whole."""
        if not result.errors:
            return {"data": result.data}
        errors: list[Any] = [presented(error) for error in result.errors[:ERRORS]]
        if not self._suggesting:
            errors = [error | {"message": SUGGESTION.sub("", error["message"])} for error in errors]
        return {"errors": errors} if result.data is None else {"data": result.data, "errors": errors}

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Return the response; what holds an error is not kept, and says when to come back if that helps."""
        media = sub_response.media_type or JSON
        seconds = wait(response_data)
        headers = {**PRIVATE, **({"Retry-After": str(seconds)} if seconds else {})}
        if "errors" in response_data:
            headers["Cache-Control"] = "no-store"
        return Response(self.encode_json(response_data), status(response_data, media), headers, _typed(media))

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return orjson.dumps(data)


def _not_changed(tag: str) -> Response:
    return Response(status_code=304, headers={**PRIVATE, "ETag": tag})


def _media(request: Request) -> str:
    return media_type(request.headers.get("accept", ""))


def _typed(media: str) -> str:
    return media if media == JSON else f"{media}; charset=utf-8"


def _check(request: Request) -> None:
    """Refuse a request of another kind. Forms and plain text, which other sites may send, are none of ours."""
    if request.method not in ("GET", "POST"):
        raise HTTPException(405, "Ask by GET or by POST.")
    if request.method == "POST" and not JSON_CONTENT.fullmatch(request.headers.get("content-type", "")):
        raise HTTPException(415, f"A request is sent as {JSON} in UTF-8.")


def _refused(status: int, reason: str, request: Request) -> Response:
    headers = {"Allow": "GET, HEAD, POST"} if status == 405 else None
    return refused(request, status, CODES.get(status, "BAD_REQUEST"), reason, headers)


def refused(
    request: Request, status: int, code: str, reason: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer to a request that goes no further, which nobody keeps."""
    error = {"message": reason, "extensions": {"code": code}}
    content = orjson.dumps({"errors": [error]})
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, _typed(_media(request)))


def _limited(receive: Receive) -> Receive:
    """Stop reading a body that is larger than an operation may be."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY:
            raise HTTPException(413, f"A request holds at most {BODY:,} bytes.")
        return message

    return limited
