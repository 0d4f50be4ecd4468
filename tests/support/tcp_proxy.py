"""A way to a real engine that can be cut, or blocked at a question: what happens in the middle is made to happen."""

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, create_connection, socket
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Self
from urllib.parse import urlsplit


class Way(ThreadingTCPServer):
    """Carries bytes between a port of its own and the engine at an address.

    When a question that holds the text `until` has been asked, `asked` is set: it arrives, but no answer comes back.
    """

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, address: str, port: int = 0, *, until: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), Carrying)
        behind = urlsplit(address)
        self.behind, self.port = (behind.hostname, behind.port), self.server_address[1]
        self.address = f"{behind.scheme}://127.0.0.1:{self.port}"
        self.until, self.asked = until, Event()
        self.open: list[socket] = []

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for one in self.open:
            end(one)

    def ask(self, part: bytes) -> bytes:
        if self.until and self.until.encode() in part:
            self.asked.set()
        return part

    def answer(self, part: bytes) -> bytes:
        return b"" if self.asked.is_set() else part


class Carrying(BaseRequestHandler):
    server: Way

    def handle(self) -> None:
        with create_connection(self.server.behind) as far:
            self.server.open += [self.request, far]
            back = Thread(target=carry, args=(far, self.request, self.server.answer), daemon=True)
            back.start()
            carry(self.request, far, self.server.ask)
            back.join()


def carry(source: socket, target: socket, through: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(through(part))
    end(target)


def end(one: socket) -> None:
    with suppress(OSError):
        one.shutdown(SHUT_RDWR)
