"""By which names we are asked: another name is one that was turned to us, so that its pages can read ours (DNS rebinding)."""

from collections.abc import Sequence

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.web.problems import problem
from registry.words import _
from schema.kept import Kept

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class OursOnly:
    """Answers what is asked by a loopback name or one of `hosts`; `*` is any name, `*.example.org` any below."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._check = TrustedHostMiddleware(_silent, [*LOOPBACK, *hosts], www_redirect=False)
        self._known: Kept[bool] = Kept(100)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse in one sentence."""
        if scope["type"] != "http" or await self._ours(scope, receive):
            await self._app(scope, receive, send)
        else:
            sentence = _("This server is not asked by this name; its names are set with REGISTRY_HOSTS.")
            await problem(Request(scope), 400, sentence)(scope, receive, send)

    async def _ours(self, scope: Scope, receive: Receive) -> bool:
        """Ask Starlette's check, which says something only when it refuses, once for each name that is ours."""
        name = next((value for header, value in scope["headers"] if header == b"host"), b"")
        if self._known.get(name):
            return True
        said = []

        async def hear(message: Message) -> None:
            said.append(message)

        await self._check(scope, receive, hear)
        return not said and self._known.keep(name, True)


async def _silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
    pass
