"""The cookies of signing in. Under https their names say that only this host can have set them (RFC 6265bis, 4.1.3.2)."""

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION = "registry-session"
PROVIDED = "registry-provided"  # this browser's session is one by the provider, which can begin it again


def cookie(request: HTTPConnection, name: str) -> str | None:
    """Return the value of a cookie of ours."""
    return request.cookies.get(_named(request, name)) or None


def set_cookie(request: HTTPConnection, response: Response, name: str, value: str, seconds: int) -> None:
    """Let the browser keep a value for so many seconds; no script reads it, and no other site's form sends it."""
    secure = request.scope["scheme"] == "https"
    response.set_cookie(_named(request, name), value, seconds, path="/", secure=secure, httponly=True, samesite="lax")


def drop_cookie(request: HTTPConnection, response: Response, name: str) -> None:
    """Let the browser forget a value."""
    set_cookie(request, response, name, "", 0)


def _named(request: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if request.scope["scheme"] == "https" else name
