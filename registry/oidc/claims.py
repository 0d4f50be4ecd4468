"""Whom the claims of a token make: a name, a role, agencies and groups."""

from collections.abc import Mapping
from typing import Any

from registry.access import ANYBODY, Actor, Role
from registry.cypher import credentials as texts
from registry.settings import Settings
from registry.store import Reader

NAMES = ("preferred_username", "email", "name", "client_id", "sub")
MOST, LONGEST = 1000, 200
Claims = Mapping[str, Any]


async def actor_of_claims(reader: Reader, claims: Claims, settings: Settings) -> Actor:
    """Return who somebody is: the highest of their roles, the agencies that are known by id or identifier, their groups.

    Raises StoreError.
    """
    named = _texts(claims, settings.oidc_agencies_claim)
    groups = [one for one in _texts(claims, settings.oidc_groups_claim) if not one.startswith(ANYBODY)]
    agencies, misnamed = (rows[0][0] for rows in await reader.read([texts.known(named), texts.known(groups)]))
    if others := sorted(set(named) - set(agencies)):
        (rows,) = await reader.read([texts.identified(others)])
        agencies = [*agencies, *(agency for _name, agency in rows[0][0])]
    name = next((str(claims[one])[:LONGEST] for one in NAMES if claims.get(one)), "")
    # A group that is called as an agency is would be taken for it by what the agency alone was granted.
    return Actor(name, _role(claims, settings), frozenset(agencies), frozenset(groups) - frozenset(misnamed))


def _role(claims: Claims, settings: Settings) -> Role:
    named = _texts(claims, settings.oidc_role_claim)
    return next((role for role in reversed(Role) if role in named), Role.VIEWER)


def _texts(claims: Claims, name: str) -> list[str]:
    """Return the texts of a claim, which stands under its name, or deeper where the name has dots: `realm_access.roles`."""
    value: Any = claims
    for part in [name] if name in claims else name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one][:MOST]
