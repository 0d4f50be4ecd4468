"""A form that brings a file (RFC 7578), read as the MIME message that it is."""

from email.message import Message
from email.parser import BytesParser

from starlette.exceptions import HTTPException
from starlette.requests import Request

from registry.web.posted import body

FORM = "multipart/form-data"


async def sent(request: Request, *, longest: int) -> dict[str, tuple[str, bytes]]:
    """Return the parts of a form by name, each as the name of its file, if it is one, and its bytes. Raises HTTPException.

    `longest` is the most bytes that are read of all of it.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    text = b"Content-Type: " + kind.encode("ascii", "ignore") + b"\r\n\r\n" + await body(request, longest)
    try:
        message = BytesParser().parsebytes(text)
    except RecursionError:  # parts in parts in parts
        raise HTTPException(400) from None
    if not message.is_multipart():
        raise HTTPException(400)
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    return {str(part.get_param("name", header="content-disposition")): _part(part) for part in parts}


def _part(part: Message) -> tuple[str, bytes]:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise HTTPException(400)
    return part.get_filename() or "", content
