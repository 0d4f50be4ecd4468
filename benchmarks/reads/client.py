"""A client that costs little: keep-alive connections that each send the same bytes again and again."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httptools
import orjson

PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Spell:
    """What came of asking often: the seconds each answer took, and the seconds of the whole."""

    answers: list[float]
    seconds: float


class Conversation(asyncio.Protocol):
    """One connection; the next request is sent when the answer to the last is there in full."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(error or ConnectionError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._answered.set_result(None)

    async def ask(self, request: bytes) -> bytes:
        """Return the body of the answer. An answer that is no success raises ConnectionError."""
        self._parser, self._body = httptools.HttpResponseParser(self), list[bytes]()
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answered
        body = b"".join(self._body)
        if self._parser.get_status_code() != 200 or body.startswith(b'{"errors"'):
            raise ConnectionError(body[:500])
        return body

    def close(self) -> None:
        self._transport.close()


def post(path: str, body: object) -> bytes:
    """Return the bytes of a request with this body as JSON."""
    content = orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def ask_once(port: int, request: bytes) -> bytes:
    """Return the body of one answer. Raises TimeoutError where there is none within a minute."""
    conversation = await _connect(port)
    try:
        return await asyncio.wait_for(conversation.ask(request), PATIENCE)
    finally:
        conversation.close()


async def ask_often(port: int, request: bytes, times: int, *, clients: int) -> Spell:
    """Ask so many times, by so many clients that share the requests among them."""
    conversations = [await _connect(port) for _ in range(clients)]
    left = iter(range(times))
    began = time.perf_counter()
    answers = await asyncio.gather(*(_repeat(one, request, left) for one in conversations))
    taken = time.perf_counter() - began
    for one in conversations:
        one.close()
    return Spell([answer for each in answers for answer in each], taken)


async def _repeat(conversation: Conversation, request: bytes, left: Iterator[int]) -> list[float]:
    answers = []
    for _ in left:
        began = time.perf_counter()
        await conversation.ask(request)
        answers.append(time.perf_counter() - began)
    return answers


async def _connect(port: int) -> Conversation:
    _, conversation = await asyncio.get_running_loop().create_connection(Conversation, "127.0.0.1", port)
    return conversation
