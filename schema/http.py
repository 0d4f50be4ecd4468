"""GraphQL over HTTP: Strawberry's view, with our limits, our error codes, and orjson."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from registry.access import Actor
from registry.store import Reader
from schema.compiled import Asking
from schema.graph_api import Schema
from schema.limits import BODY
from schema.refusal import presented

Page = Callable[[Request], Awaitable[Response]]


class Endpoint(GraphQL[Asking, None]):
    """Answers operations over HTTP; a browser that asks for the address itself gets the page."""

    def __init__(self, schema: Schema, reader: Reader, actor: Callable[[Request], Actor], page: Page) -> None:
        super().__init__(schema, subscription_protocols=())
        self._schema, self._reader, self._actor, self._page = schema, reader, actor, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, also when its body is no GraphQL request at all."""
        request = Request(scope, _limited(receive))
        try:
            response = await self._known(request) or await self.run(request)
        except HTTPException as refused:
            response = _refused(refused.status_code, refused.reason)
        await response(scope, receive, send)

    async def _known(self, request: Request) -> Response | None:
        """Answer a document that was answered before; all else is left to Strawberry, which takes twice the time."""
        if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
            return None
        sub_response = await self.get_sub_response(request)
        asking = await self.get_context(request, sub_response)
        asked = _operation(await request.body())
        result = await self._schema.answer_known(*asked, asking) if asked else None
        return self.create_response(await self.process_result(request, result), sub_response) if result else None

    async def get_context(self, request: Any, response: Any) -> Asking:
        """Say who asks, and the store that is asked."""
        return Asking(self._reader, self._actor(request))

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Return the result with a code on every error."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            answer["errors"] = [presented(error) for error in result.errors]
        return answer

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """Return the response; when the store is away it says when to come back."""
        if any(one["extensions"]["code"] == "UNAVAILABLE" for one in response_data.get("errors", ())):
            sub_response.status_code = 503
            sub_response.headers["Retry-After"] = "5"
        return super().create_response(response_data, sub_response)

    async def render_graphql_ide(self, request: Request) -> Response:
        """Return the page that a browser gets."""
        return await self._page(request)

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON: an object, or a list of objects, which the view refuses by itself."""
        value: object = orjson.loads(data)
        if not isinstance(value, dict | list):
            raise HTTPException(400, "A request and its variables are JSON objects.")
        return value

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return orjson.dumps(data)


def _operation(body: bytes) -> tuple[str, str | None, dict[str, Any]] | None:
    """Return the text, the operation's name and the variables of a plain request; None for any other."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(asked, dict):
        return None
    text, name, variables = asked.get("query"), asked.get("operationName"), asked.get("variables")
    if isinstance(text, str) and isinstance(name, str | None) and isinstance(variables, dict | None):
        return text, name, variables or {}
    return None


def _refused(status: int, reason: str) -> Response:
    error = {"message": reason, "extensions": {"code": "TOO_COSTLY" if status == 413 else "BAD_REQUEST"}}
    return Response(orjson.dumps({"errors": [error]}), status, media_type="application/json")


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
