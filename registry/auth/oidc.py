"""OpenID Connect: the provider's metadata and keys, the validation of tokens, and the user that their claims describe."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from registry.auth.credentials import PREFIX, actor_of_token, role_for, with_units
from registry.config import Settings
from registry.database import credential_queries as texts
from registry.database.driver import Reader
from registry.permissions import ANYBODY, Actor, Role

NAMES = ("preferred_username", "email", "name", "client_id", "sub")
MAX_VALUES, MAX_NAME_LENGTH = 1000, 200
Claims = Mapping[str, Any]


async def actor_of_claims(reader: Reader, claims: Claims, settings: Settings) -> Actor:
    """Return the user that a token's claims describe, with all claimed agencies and groups, and the highest of the claimed roles.

    Raises StoreError.

    The claims name agencies by id or by identifier. If all agencies of a user are retired, the user gets the role viewer.
    """
    named = _claim_texts(claims, settings.oidc_agencies_claim)
    groups = [one for one in _claim_texts(claims, settings.oidc_groups_claim) if not one.startswith(ANYBODY)]
    found, grouped = await reader.read([texts.acted_for(named), texts.known(groups)])
    ((agencies, retired),), ((misnamed,),) = found, grouped
    if others := sorted(set(named) - {*agencies, *retired}):
        (rows,) = await reader.read([texts.by_identifier(others)])
        agencies = [*agencies, *(agency for _name, agency, ended in rows[0][0] if not ended)]
        retired = [*retired, *(agency for _name, agency, ended in rows[0][0] if ended)]
    name = next((str(claims[one])[:MAX_NAME_LENGTH] for one in NAMES if claims.get(one)), "")
    # A group whose name is the id of an agency would receive the access grants of that agency.
    role = role_for(_role(claims, settings), len(retired), agencies)
    return Actor(name, role, frozenset(agencies), frozenset(groups) - frozenset(misnamed))


def _role(claims: Claims, settings: Settings) -> Role:
    named = _claim_texts(claims, settings.oidc_role_claim)
    return next((role for role in reversed(Role) if role in named), Role.VIEWER)


def _claim_texts(claims: Claims, name: str) -> list[str]:
    """Return the texts of a claim, given by its name or by a dotted path such as `realm_access.roles`."""
    value: Any = claims
    for part in [name] if name in claims else name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one][:MAX_VALUES]


CACHE_SECONDS, TIMEOUT_SECONDS = 3600.0, 5.0
REFETCH_SECONDS = 30.0  # the minimum time between two requests for the keys
MAX_RESPONSE_BYTES = 1_000_000  # the maximum size of a response
log = logging.getLogger(__name__)


class ProviderUnavailable(Exception):
    """The identity provider does not respond, or its response is invalid; the message is for the log."""


class Provider:
    """An OpenID Connect provider, with its metadata and signing keys.

    Metadata and keys are fetched again after an hour. Keys are also fetched again if a token names an unknown key. The old keys
    stay in use until new keys have been fetched. No call takes longer than TIMEOUT_SECONDS.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_issuer is not None
        self.issuer, self.client_id = settings.oidc_issuer, settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._fetching = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None
        self._metadata: dict[str, Any] = {}
        self._metadata_at = self._keys_at = self._keys_requested_at = -CACHE_SECONDS
        self._keys: KeySet | None = None

    async def close(self) -> None:
        """Close all connections to the provider."""
        if self._refresh is not None:
            self._refresh.cancel()
        await self._client.aclose()

    async def sign_in_address(self, **parameters: str) -> str:
        """Return the address of the provider's login page, with the given query parameters. Raises ProviderUnavailable."""
        known = {"response_type": "code", "client_id": self.client_id or "", "scope": "openid profile email"}
        async with self._time_limit():
            endpoint = await self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(known | parameters)}"

    async def id_token(self, code: str, *, verifier: str, redirect_uri: str) -> str | None:
        """Exchange an authorisation code for an ID token. If the provider rejects the code, return None.

        Raises ProviderUnavailable.
        """
        async with self._time_limit():
            endpoint = await self._endpoint("token_endpoint")
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
            basic = self._uses_basic()
            login = httpx.BasicAuth(quote_plus(self.client_id or ""), quote_plus(self._secret)) if basic else None
            named = {} if login else {"client_id": self.client_id, "client_secret": self._secret or None}
            sent = {name: value for name, value in (form | named).items() if value}
            answer = await self._request("POST", endpoint, data=sent, auth=login)
        token = answer.get("id_token")
        return token if isinstance(token, str) else None

    async def keys(self, kid: str | None) -> KeySet:
        """Return the provider's signing keys. Raises ProviderUnavailable.

        If none of the keys has the id `kid`, the keys are fetched again, at most twice a minute.
        """
        if self._knows(kid):
            if (
                time.monotonic() - self._keys_at >= CACHE_SECONDS
                and self._may_request_keys()
                and not self._fetching.locked()
            ):
                self._refresh = asyncio.create_task(self._renew_keys())
        else:
            async with self._time_limit(), self._fetching:
                if not self._knows(kid) and self._may_request_keys():
                    await self._fetch_keys()
        if self._keys is None:
            raise ProviderUnavailable(f"{self.issuer} returned no keys a moment ago.")
        return self._keys

    def _knows(self, kid: str | None) -> bool:
        return self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys.keys))

    def _may_request_keys(self) -> bool:
        return time.monotonic() - self._keys_requested_at >= REFETCH_SECONDS

    async def _renew_keys(self) -> None:
        """Fetch the keys again, so that the registry stops trusting keys that the provider has withdrawn."""
        try:
            async with self._time_limit(), self._fetching:
                if self._may_request_keys():
                    await self._fetch_keys()
        except ProviderUnavailable as error:
            log.warning("The previous keys stay in use: %s", error)

    async def _fetch_keys(self) -> None:
        # Set before the request, so that a failing provider does not get another request at once.
        self._keys_requested_at = time.monotonic()
        self._keys = await self._read_keys()
        self._keys_at = time.monotonic()

    @asynccontextmanager
    async def _time_limit(self) -> AsyncIterator[None]:
        """Limit the total time of the block, even if a response arrives slowly. Raises ProviderUnavailable."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                yield
        except TimeoutError:
            raise ProviderUnavailable(f"{self.issuer} did not respond within {TIMEOUT_SECONDS:.0f} seconds.") from None

    async def _read_keys(self) -> KeySet:
        found = await self._request("GET", await self._endpoint("jwks_uri"))
        try:
            return KeySet.import_key_set({"keys": [one for one in found["keys"] if one.get("kty") != "oct"]})
        except (JoseError, LookupError, TypeError, ValueError, AttributeError):
            raise ProviderUnavailable(f"{self.issuer} returned no readable keys.") from None

    def _uses_basic(self) -> bool:
        """Return true to send the client id and secret by HTTP Basic authentication, false to send them in the form."""
        ways = self._metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return bool(self._secret) and "client_secret_basic" in ways

    async def _endpoint(self, name: str) -> str:
        if time.monotonic() - self._metadata_at >= CACHE_SECONDS:
            metadata = await self._request("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if metadata.get("issuer") != self.issuer:  # OpenID Connect Discovery 1.0, section 4.3
                raise ProviderUnavailable(f"{self.issuer} identifies itself as {metadata.get('issuer')!r}.")
            self._metadata, self._metadata_at = metadata, time.monotonic()
        endpoint = self._metadata.get(name)
        if not isinstance(endpoint, str):
            raise ProviderUnavailable(f"The metadata of {self.issuer} lacks {name}.")
        return endpoint

    async def _request(self, method: str, address: str, **how: Any) -> dict[str, Any]:
        """Return the JSON object in the provider's response, even if the response is a client error (4xx)."""
        content = bytearray()
        try:
            async with self._client.stream(method, address, **how) as answer:
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MAX_RESPONSE_BYTES:
                        raise ProviderUnavailable(
                            f"The response of {address} is longer than {MAX_RESPONSE_BYTES:,} bytes."
                        )
            data = json.loads(content)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise ProviderUnavailable(f"The response of {address} is not JSON: {type(error).__name__}.") from None
        if answer.status_code >= 500 or not isinstance(data, dict):
            raise ProviderUnavailable(f"{address} responded with status {answer.status_code}.")
        return data


# Asymmetric signatures only: with a shared secret, anybody able to verify a token could forge one (RFC 8725, 3.1).
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
LEEWAY, MAX_TOKEN_LENGTH = 30, 16_384


class Untrusted(Exception):
    """A token could not be verified."""


async def claims_of(provider: Provider, token: str, audience: str) -> dict[str, Any]:
    """Return the verified claims of a token that was issued for this audience. Raises Untrusted and ProviderUnavailable."""
    keys = await provider.keys(_key_id(token))
    expected = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        expected.validate(claims)
    except (JoseError, ValueError, TypeError, LookupError, RecursionError):  # RecursionError: deeply nested JSON
        raise Untrusted from None
    return claims


async def identity(provider: Provider, token: str, nonce: str) -> dict[str, Any]:
    """Return the verified claims of an ID token from the login with this nonce. Raises Untrusted and ProviderUnavailable."""
    claims = await claims_of(provider, token, provider.client_id or "")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("nonce") != nonce or claims.get("azp", None if several else provider.client_id) != provider.client_id:
        raise Untrusted
    return claims


def _key_id(token: str) -> str | None:
    """Return the key id in a token's header.

    If the header shows that the token cannot be valid, raise Untrusted. The check needs no request to the provider.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise Untrusted
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Untrusted from None
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS or not isinstance(kid, str | None):
        raise Untrusted
    return kid


class BearerAuthentication:
    """Authenticates bearer tokens: the registry's own tokens, and the provider's tokens if an audience is configured."""

    def __init__(self, reader: Reader, provider: Provider | None, settings: Settings) -> None:
        self._reader, self._provider, self._settings = reader, provider, settings

    async def __call__(self, token: str) -> Actor | None:
        """Return the user of a token. If the token is not valid, return None. Raises StoreError and ProviderUnavailable."""
        audience = self._settings.oidc_audience
        if token.startswith(PREFIX) or self._provider is None or audience is None:
            return await actor_of_token(self._reader, token)
        try:
            claims = await claims_of(self._provider, token, audience)
        except Untrusted:
            return None
        return await with_units(self._reader, await actor_of_claims(self._reader, claims, self._settings))
