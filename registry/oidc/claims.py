"""Whom the claims of a token make: a name, a role, agencies and groups."""

from collections.abc import Mapping
from typing import Any

from registry.access import ANYBODY, Actor, Role
from registry.credentials import role_for
from registry.cypher import credentials as texts
from registry.settings import Settings
from registry.store import Reader

NAMES = ("preferred_username", "email", "name", "client_id", "sub")
MOST, LONGEST = 1000, 200
Claims = Mapping[str, Any]


async def actor_of_claims(reader: Reader, claims: Claims, settings: Settings) -> Actor:
    """Return who somebody is: the highest of their roles, the agencies that are known by id or identifier, their groups.

    Who is named only for agencies that are retired is a viewer. Raises StoreError.
    """
    named = _texts(claims, settings.oidc_agencies_claim)
    groups = [one for one in _texts(claims, settings.oidc_groups_claim) if not one.startswith(ANYBODY)]
    found, grouped = await reader.read([texts.acted_for(named), texts.known(groups)])
    ((agencies, retired),), ((misnamed,),) = found, grouped
    if others := sorted(set(named) - {*agencies, *retired}):
        (rows,) = await reader.read([texts.identified(others)])
        agencies = [*agencies, *(agency for _name, agency, ended in rows[0][0] if not ended)]
        retired = [*retired, *(agency for _name, agency, ended in rows[0][0] if ended)]
    name = next((str(claims[one])[:LONGEST] for one in NAMES if claims.get(one)), "")
    # A group that is called as an agency is would be taken for it by what the agency alone was granted.
    role = role_for(_role(claims, settings), len(retired), agencies)
    return Actor(name, role, frozenset(agencies), frozenset(groups) - frozenset(misnamed))


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
