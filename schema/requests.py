"""A GraphQL request as it comes over HTTP, and the documents that alone are answered where that is set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from cross_web import HTTPException
from strawberry.http import GraphQLRequestData

_FIELDS: dict[str, tuple[type, str]] = {
    "query": (str, "a text"),
    "documentId": (str, "a text"),
    "operationName": (str, "a text"),
    "variables": (dict, "a JSON object"),
    "extensions": (dict, "a JSON object"),
}


class TrustedDocuments:
    """The documents of a folder, `*.graphql`, each known by the SHA-256 of its file, and those of our own pages."""

    def __init__(self, folder: Path, ours: Iterable[str]) -> None:
        files = (path.read_bytes() for path in sorted(folder.glob("*.graphql")))
        known = (*files, *(text.encode() for text in ours))
        self._texts = {hashlib.sha256(content).hexdigest(): content.decode() for content in known}

    def text(self, asked: Mapping[str, Any]) -> str:
        """Return the document that a request names by its id or sends itself. Raises HTTPException for any other."""
        sent = hashlib.sha256((asked.get("query") or "").encode()).hexdigest()
        found = self._texts.get(_document_id(asked) or sent)
        if found is None:
            raise HTTPException(403, "Only the documents that are kept here are answered; send the documentId of one.")
        return found


def read_query(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the parameters of an address ask. Raises HTTPException."""
    encoded = {name: _json(parameters[name]) for name in ("variables", "extensions") if parameters.get(name)}
    return _checked({**parameters, "variables": None, "extensions": None, **encoded})


def read_body(body: bytes) -> dict[str, Any]:
    """Return what a body asks. Raises HTTPException."""
    return _checked(_json(body))


def request_data(asked: Mapping[str, Any], trusted: TrustedDocuments | None) -> GraphQLRequestData:
    """Return what is asked as Strawberry takes it. Raises HTTPException."""
    query = trusted.text(asked) if trusted else asked.get("query")
    if not query:
        kept = " No documents are kept here." if _document_id(asked) else ""
        raise HTTPException(400, f"The request holds no query.{kept}")
    return GraphQLRequestData(query, asked.get("variables"), asked.get("operationName"), asked.get("extensions"))


def _checked(asked: Any) -> dict[str, Any]:
    if isinstance(asked, list):
        raise HTTPException(400, "Send one operation at a time; a list of them is not answered.")
    if not isinstance(asked, dict):
        raise HTTPException(400, "A request is a JSON object.")
    for name, (kind, called) in _FIELDS.items():
        if not isinstance(asked.get(name), kind | None):
            raise HTTPException(400, f"{name} is {called}, or null.")
    return asked


def _document_id(asked: Mapping[str, Any]) -> str | None:
    """Return the id of a document, also where Apollo's clients put it."""
    persisted = (asked.get("extensions") or {}).get("persistedQuery")
    named = asked.get("documentId") or (persisted.get("sha256Hash") if isinstance(persisted, dict) else None)
    return named.removeprefix("sha256:") if isinstance(named, str) else None


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "This is no JSON.") from None
