"""Error responses: a page or JSON with one sentence, never a traceback."""

import logging
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from registry.analysis.report import ReportError, ReportForbidden, UnknownReport
from registry.auth.oidc import ProviderUnavailable
from registry.database.driver import StoreError
from registry.i18n import _, use_language
from registry.web.base import GRAPHIQL, GRAPHIQL_OF_REPORTS, add_security_headers, requested_language
from registry.web.templating import VARY, page
from schema.limits import CostBudgetExceeded, log_incident
from schema.server import refused

RETRY_SOON = {"Retry-After": "5"}
log = logging.getLogger(__name__)


class UserError(HTTPException):
    """A request that cannot be answered. The error has a sentence for the user, and the path and text of a link to continue."""

    def __init__(self, sentence: str, link: str, words: str, status: int = 400) -> None:
        super().__init__(status, sentence)
        self.link = (link, words)


def exception_handlers(default: str) -> dict[Any, Callable[[Request, Any], Any]]:
    """Return the exception handlers for Starlette. `default` is the language for requests that name no supported language."""

    async def unexpected(request: Request, error: Exception) -> Response:
        """Answer a request that raised an unexpected error.

        This handler runs outside all middleware, so it sets the language and the security headers itself.
        """
        with use_language(requested_language(request.scope, default)):
            response = _unexpected(request, error)
        add_security_headers(response.raw_headers, request.url.path)
        return response

    return {
        HTTPException: _http_exception,
        ReportError: _report_error,
        StoreError: _store_error,
        CostBudgetExceeded: _cost_exceeded,
        ClientDisconnect: _client_disconnect,
        Exception: unexpected,
    }


def store_failure(error: StoreError) -> str:
    """Log why the database failed, and return a sentence for the user."""
    log.warning("%s", error)
    if error.code in ("TIMEOUT", "TOO_COSTLY"):
        return _("This query is too large. Ask for fewer fields or records.")
    return _("The database is not responding. Try again soon.")


def provider_failure(error: ProviderUnavailable) -> str:
    """Log why the identity provider failed, and return a sentence for the user."""
    log.warning("%s", error)
    return _("The sign-in service is not responding. Try again soon.")


async def _http_exception(request: Request, error: HTTPException) -> Response:
    if isinstance(error, UserError):
        return problem(request, error.status_code, error.detail, link=error.link)
    return problem(request, error.status_code, _status_sentence(error.status_code), error.headers)


async def _report_error(request: Request, error: ReportError) -> Response:
    if isinstance(error, UnknownReport):
        return problem(request, 404, str(error))
    if isinstance(error, ReportForbidden):
        return problem(request, 403, str(error), link=("/reports", _("Reports")))
    link = f"/reports/{request.path_params['name']}", _("Run the report with default values")
    return problem(request, 400, str(error), link=link)


async def _store_error(request: Request, error: StoreError) -> Response:
    return problem(request, 503, store_failure(error), RETRY_SOON)


async def _cost_exceeded(request: Request, error: CostBudgetExceeded) -> Response:
    return refusal(request, 429, "TOO_COSTLY", error.message, {"Retry-After": str(error.wait)})


async def _client_disconnect(request: Request, _error: ClientDisconnect) -> Response:
    """Log that the client disconnected. The returned response is never read."""
    log.warning("%s %r was cut off before all of it had arrived.", request.method, request.url.path)
    return Response(status_code=408)


def _unexpected(request: Request, error: Exception) -> Response:
    sentence = _("An error occurred. The server log records it under the number {number}.")
    return problem(request, 500, sentence.format(number=log_incident(error, f"{request.method} {request.url.path}")))


def _status_sentence(status: int) -> str:
    if status == 404:
        return _("There is nothing at this address.")
    if status == 405:
        return _("This address does not accept this kind of request.")
    if status == 413:
        return _("This request is too large. Send less at once.")
    return _("This request is not valid.")


def refusal(request: Request, status: int, code: str, sentence: str, headers: Any = None) -> Response:
    """Return an error response: a GraphQL error with this code at a GraphQL endpoint, elsewhere a page or JSON."""
    if request.url.path in (GRAPHIQL, GRAPHIQL_OF_REPORTS):
        return refused(request, status, code, sentence, headers)
    return problem(request, status, sentence, headers, code=code)


def problem(
    request: Request,
    status: int,
    sentence: str,
    headers: Any = None,
    *,
    link: tuple[str, str] | None = None,
    code: str | None = None,
) -> Response:
    """Return an error response: a page for browsers, JSON for other clients."""
    if "text/html" in request.headers.get("accept", ""):
        response: Response = page(request, "problem.html", status, sentence=sentence, link=link)
    else:
        coded = {"code": code} if code else {}
        response = JSONResponse({"message": sentence, **coded}, status, VARY)
    response.headers.update(headers or {})
    return response
