"""Whether a token is the provider's, for us, and of now (RFC 7519; OpenID Connect Core 1.0, 3.1.3.7; RFC 8725)."""

from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from registry.oidc.provider import Provider

# Signatures by a private key only: with a shared secret, whoever can check a token could make one (RFC 8725, 3.1).
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
LEEWAY, LONGEST = 30, 16_384


class Untrusted(Exception):
    """A token that proves nothing."""


async def claims_of(provider: Provider, token: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token for this audience. Raises Untrusted and ProviderAway."""
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
    except (JoseError, ValueError, TypeError, LookupError, RecursionError):  # JSON in JSON in JSON
        raise Untrusted from None
    return claims


async def identity(provider: Provider, token: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token that was made for a sign-in of ours. Raises Untrusted and ProviderAway."""
    claims = await claims_of(provider, token, provider.client_id or "")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("nonce") != nonce or claims.get("azp", None if several else provider.client_id) != provider.client_id:
        raise Untrusted
    return claims


def _key_id(token: str) -> str | None:
    """Return the id of the key that a token says to be signed with; nothing is fetched for one that we would not take."""
    if len(token) > LONGEST:
        raise Untrusted
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Untrusted from None
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS or not isinstance(kid, str | None):
        raise Untrusted
    return kid
