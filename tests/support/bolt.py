"""A server that speaks just enough Bolt to fail as no single server does: as a member of a cluster, or as another version."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, Self

MAGIC, VERSION = b"\x60\x60\xb0\x17", b"\x00\x00\x04\x05"
HELLO, GOODBYE, RESET, RUN, BEGIN, PULL = 0x01, 0x02, 0x0F, 0x10, 0x11, 0x3F
SUCCESS, RECORD, IGNORED, FAILURE = 0x70, 0x71, 0x7E, 0x7F


class ScriptedServer(ThreadingTCPServer):
    """Answers every query with one row, after it has failed with these codes, one a transaction; `lasting` never ends."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(
        self, *codes: str, lasting: bool = False, agent: str = "Neo4j/5.26.0", row: Sequence[Any] = (7,)
    ) -> None:
        super().__init__(("127.0.0.1", 0), Speaking)
        self.codes, self.lasting, self.agent, self.row = list(codes), lasting, agent, row
        self.begun = 0

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def failure(self) -> str | None:
        self.begun += 1
        if self.lasting:
            return self.codes[0]
        return self.codes.pop(0) if self.codes else None


class Speaking(StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        if self.rfile.read(20)[:4] != MAGIC:
            return
        self.wfile.write(VERSION)
        failed, within = False, False
        with suppress(OSError):
            while message := self.message():
                kind = message[1]
                if kind == GOODBYE:
                    return
                if kind == RESET:
                    failed = within = False
                    self.say(SUCCESS, {})
                elif failed:
                    self.say(IGNORED)
                elif (kind == BEGIN or (kind == RUN and not within)) and (code := self.server.failure()):
                    failed = True
                    self.say(FAILURE, {"code": code, "message": "scripted"})
                else:
                    within = within or kind == BEGIN
                    self.succeed(kind)

    def succeed(self, kind: int) -> None:
        if kind == PULL:
            self.say(RECORD, list(self.server.row))
        self.say(
            SUCCESS,
            {
                HELLO: {"server": self.server.agent, "connection_id": "bolt-1"},
                RUN: {"fields": [f"c{number}" for number in range(len(self.server.row))]},
            }.get(kind, {}),
        )

    def message(self) -> bytes:
        parts = b""
        while size := int.from_bytes(self.rfile.read(2)):
            parts += self.rfile.read(size)
        return parts

    def say(self, tag: int, *fields: Any) -> None:
        body = bytes([0xB0 + len(fields), tag]) + b"".join(map(packed, fields))
        self.wfile.write(len(body).to_bytes(2) + body + b"\x00\x00")
        self.wfile.flush()


def packed(value: Any) -> bytes:
    """Write a small number, a text of at most 255 bytes, or a list or map of at most 15 of them as PackStream."""
    if isinstance(value, int):
        return value.to_bytes(1)
    if isinstance(value, str):
        data = value.encode()
        return b"\xd0" + len(data).to_bytes(1) + data
    if isinstance(value, Mapping):
        return bytes([0xA0 + len(value)]) + b"".join(packed(key) + packed(one) for key, one in value.items())
    return bytes([0x90 + len(value)]) + b"".join(map(packed, value))
