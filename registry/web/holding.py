"""What somebody typed is not lost when their session ended meanwhile: a page keeps it until they are signed in again."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry.web.actors import CHALLENGE, LOGIN, NO_STORE, signed_in
from registry.web.addresses import address
from registry.web.markup import page
from registry.web.posted import posted

LONGEST, MOST_FIELDS = 500_000, 2_000  # those of the largest form


async def held(request: Request) -> Response | None:
    """Return a page that keeps what a form sent, to send it once more; None where somebody is signed in, or for no form."""
    if request.method != "POST" or signed_in(request):
        return None
    try:
        typed = await posted(request, longest=LONGEST, fields=MOST_FIELDS)
    except HTTPException:
        return None
    onward = address(LOGIN, [("next", "/inbox")])
    response = page(request, "held.html", 401, typed=typed, here=here(request), login=onward)
    response.headers.update(NO_STORE | CHALLENGE)
    return response


def here(request: Request) -> str:
    """Return the address that a request asks for, without its host."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
