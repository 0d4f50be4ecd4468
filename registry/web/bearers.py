"""Whose a bearer token is: one of ours, or one of the site's provider."""

from registry.access import Actor
from registry.credentials import PREFIX, actor_of_token, with_units
from registry.oidc.claims import actor_of_claims
from registry.oidc.provider import Provider
from registry.oidc.tokens import Untrusted, claims_of
from registry.settings import Settings
from registry.store import Reader


class Bearers:
    """Knows the holders of tokens; those of a provider where it gives them out for us, which an audience says."""

    def __init__(self, reader: Reader, provider: Provider | None, settings: Settings) -> None:
        self._reader, self._provider, self._settings = reader, provider, settings

    async def __call__(self, token: str) -> Actor | None:
        """Return who holds a token; None where it proves nothing. Raises StoreError and ProviderAway."""
        audience = self._settings.oidc_audience
        if token.startswith(PREFIX) or self._provider is None or audience is None:
            return await actor_of_token(self._reader, token)
        try:
            claims = await claims_of(self._provider, token, audience)
        except Untrusted:
            return None
        return await with_units(self._reader, await actor_of_claims(self._reader, claims, self._settings))
