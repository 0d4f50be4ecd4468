"""What a form of ours sends."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

FORM, LONGEST = "application/x-www-form-urlencoded", 16_384


async def posted(request: Request, *, longest: int = LONGEST, fields: int = 100) -> dict[str, str]:
    """Return the fields of a form by name, of several of one name the last; lines end as ours do. Raises HTTPException.

    `longest` is the most bytes that are read, `fields` how many there may be.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    try:
        pairs = parse_qsl((await body(request, longest)).decode(), keep_blank_values=True, max_num_fields=fields)
    except ValueError:
        raise HTTPException(400) from None
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def body(request: Request, longest: int) -> bytes:
    """Return what a request brings, if it is no longer than so many bytes. Raises HTTPException."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > longest:
            raise HTTPException(413)
    return bytes(parts)
