"""Who asks, as `registry.web.recognising` found out."""

from starlette.requests import HTTPConnection

from registry.access import ANONYMOUS, Actor

NO_STORE = {"Cache-Control": "no-store"}  # of what is for one reader at one moment
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="registry"'}
LOGIN, LOGOUT, FIRST = "/login", "/logout", "/first"
FOR_EVERYBODY = ("/static/", "/health", "/ready")  # whoever asks
BY_PROVIDER, BACK = "/login/provider", "/login/back"


def actor_of(request: HTTPConnection) -> Actor:
    """Return who asks."""
    return signed_in(request) or ANONYMOUS


def signed_in(request: HTTPConnection) -> Actor | None:
    """Return who asks, nobody where they did not say."""
    actor: Actor | None = request.scope.get("actor")
    return actor
