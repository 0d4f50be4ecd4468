"""What an operation is refused with: a code that programs act on and a sentence that people read."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from graphql import GraphQLError

MESSAGE = 300  # characters: it may repeat what was sent
log = logging.getLogger(__name__)


class Refused(GraphQLError):
    """An operation that is not carried out; `extensions.code` is one of the documented codes."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        nodes, path = details.pop("nodes", None), details.pop("path", None)
        super().__init__(message, nodes=nodes, path=path, extensions={"code": code, **details})

    def at(self, key: str) -> Refused:
        """Return the refusal as one of the field with this response name, or of what it selects."""
        return Refused(message=self.message, path=[key, *(self.path or ())], **(self.extensions or {}))


def internal(cause: BaseException, path: list[str | int] | None = None) -> Refused:
    """Return the refusal of an operation that failed by our fault; the log has the cause under the number it gives."""
    incident = noted(cause, "an operation")
    return Refused("INTERNAL", f"Something went wrong; the log has it as {incident}.", incident=incident, path=path)


def noted(cause: BaseException, what: str) -> str:
    """Log why something failed by our fault; return the number to find it by, all that is told outside."""
    number = secrets.token_hex(4)
    log.error("%s failed, noted as %s", what, number, exc_info=cause)
    return number


def presented(error: GraphQLError) -> dict[str, Any]:
    """Return an error as it is answered, with its code; what is neither ours nor the document's fault is internal."""
    if not (error.extensions or {}).get("code"):
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            error = internal(error.original_error, error.path)
        else:
            error.extensions = {**(error.extensions or {}), "code": "BAD_REQUEST"}
    message = error.message if len(error.message) <= MESSAGE else f"{error.message[:MESSAGE]} …"
    return {**error.formatted, "message": message}
