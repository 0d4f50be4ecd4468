"""Credentials: access tokens, sessions and invitations. Credentials are looked up by the hash of their secret."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from registry.clock import current_time, instant, now
from registry.database import credential_queries as texts
from registry.database.driver import Reader, Rows, Store
from registry.permissions import ANYBODY, RIGHTS, Action, Actor, Role

PREFIX = "ssr_"  # lets secret scanners recognise a token in repositories and logs
TOKEN_DAYS, MOST_DAYS = 90, 3650
SESSION, INVITATION, PROVIDER_SESSION = timedelta(hours=12), timedelta(hours=1), timedelta(hours=1)


class CredentialError(Exception):
    """A token could not be issued or revoked. The message is for the user."""


@dataclass(frozen=True)
class Credential:
    """A stored credential, without its hash. `kind` is `token` or `session`. Times are ISO 8601 texts."""

    id: str
    kind: str
    name: str
    role: str
    agencies: Sequence[str]
    groups: Sequence[str]
    created: str
    expires: str
    revoked: str | None = None

    @property
    def state(self) -> str:
        """The state of the credential: valid, expired or revoked."""
        return "revoked" if self.revoked else "expired" if self.expires <= now() else "valid"

    def as_json(self) -> dict[str, object]:
        """Return all fields of the credential as JSON values, together with the information whether it is valid."""
        return {**asdict(self), "state": self.state}


def issue(
    store: Store, name: str, role: Role, agencies: Sequence[str], groups: Sequence[str], days: int = TOKEN_DAYS
) -> tuple[str, Credential]:
    """Create an access token.

    Return the secret of the new credential, which is not stored, and the stored credential. Raises CredentialError.
    """
    if not name.strip():
        raise CredentialError("A token must have the name of the person or program that holds it.")
    if not agencies and role is not Role.ADMIN and Action.PROPOSE in RIGHTS[role]:
        raise CredentialError(f"The role {role} requires an agency. Name it with --agency.")
    _check_agencies(store, agencies)
    _check_groups(store, groups)
    actor = Actor(name.strip(), role, frozenset(agencies), frozenset(groups))
    return _store(store, "token", actor, timedelta(days=days))


def list_credentials(store: Store) -> list[Credential]:
    """Return the tokens and sessions, oldest first."""
    return [Credential(*row) for row in store.read(texts.list_credentials())]


def revoke(store: Store, credential: str) -> None:
    """Revoke a session, or a token with its sessions. Raises CredentialError if there is no such credential."""
    if not store.write(texts.revoke(credential, now=now()))[0][0][0]:
        raise CredentialError(f"There is no token {credential}. `registry token list` lists the tokens.")


async def actor_of_token(reader: Reader, secret: str) -> Actor | None:
    """Return the user of an access token. If the token is unknown, expired or revoked, return None. Raises StoreError."""
    return await _actor_with(reader, secret, "token")


async def with_units(reader: Reader, actor: Actor) -> Actor:
    """Return a copy of the user that also acts for all units of the user's agencies. Raises StoreError."""
    (rows,) = await reader.read([texts.units_of(sorted(actor.agencies))])
    return replace(actor, agencies=actor.agencies | frozenset(rows[0][0]), home=actor.default_agency)


async def actor_of_session(reader: Reader, secret: str) -> Actor | None:
    """Return the user of a session. If the session is unknown or has ended, return None. Raises StoreError."""
    return await _actor_with(reader, secret, "session")


async def is_invitation(reader: Reader, secret: str) -> bool:
    """Return whether an invitation is still valid. Raises StoreError."""
    return await _actor_with(reader, secret, "invitation") is not None


def session_by_token(store: Store, secret: str) -> str | None:
    """Start a session for the holder of a token. Return the secret of the session, or None if the token is not valid."""
    return _begin_session(store, secret, "token")


def session_by_invitation(store: Store, secret: str) -> str | None:
    """Start an administrator's session by means of an invitation, which can be used only once.

    Return the secret of the session, or None if the invitation is not valid.
    """
    return _begin_session(store, secret, "invitation")


def start_session(store: Store, actor: Actor) -> str:
    """Start a session for a user whom an identity provider has authenticated. Return the secret of the session.

    The session is short, because the provider should soon authenticate the user again.
    """
    return _store(store, "session", actor, PROVIDER_SESSION)[0]


def end_session(store: Store, secret: str) -> None:
    """End the session with this secret."""
    store.write(texts.end_session(_digest(secret), now=now()))


def invite(store: Store) -> str | None:
    """Return the secret of an invitation to become administrator. If there is an administrator already, return None.

    The invitation is valid for an hour. Earlier invitations are revoked.
    """
    if store.read(texts.has_administrator(now=now()))[0][0]:
        return None
    store.write(texts.revoke_invitations(now=now()))
    return _store(store, "invitation", Actor("admin", Role.ADMIN), INVITATION)[0]


async def _actor_with(reader: Reader, secret: str, kind: str) -> Actor | None:
    (rows,) = await reader.read([texts.valid_credential(_digest(secret), kind=kind, now=now())])
    return _actor(rows)


def _actor(rows: Rows) -> Actor | None:
    if not rows:
        return None
    ((name, role, groups, count, agencies, units),) = rows[0]
    actor = Actor(name, role_for(Role(role), count, agencies), frozenset(agencies), frozenset(groups))
    return replace(actor, agencies=frozenset({*agencies, *units}), home=actor.default_agency)


def role_for(role: Role, named: int, agencies: Collection[str]) -> Role:
    """Return the effective role of a user.

    If all agencies of a user are retired, the role is `viewer`; administrators keep their role.

    `named` is the number of agencies named in the account. `agencies` lists those of the named agencies that are not retired.
    """
    return Role.VIEWER if named and not agencies and role is not Role.ADMIN else role


def _begin_session(store: Store, secret: str, kind: str) -> str | None:
    session, stored = _secret("session", SESSION)
    began = texts.begin_session(_digest(secret), stored, kind=kind, now=now())
    return session if store.write(texts.delete_expired(now=now()), began)[1][0][0] else None


def _store(store: Store, kind: str, actor: Actor, lasts: timedelta) -> tuple[str, Credential]:
    secret, stored = _secret(kind, lasts)
    whose: dict[str, Any] = {
        "name": actor.name,
        "role": str(actor.role),
        "agencies": sorted(actor.agencies),
        "groups": sorted(actor.groups),
    }
    store.write(texts.delete_expired(now=now()), texts.add(stored | whose))
    return secret, Credential(**{name: value for name, value in (stored | whose).items() if name != "hash"})


def _secret(kind: str, lasts: timedelta) -> tuple[str, dict[str, Any]]:
    """Return a new secret and the credential properties to store: the secret's hash, a public id and the expiry time."""
    secret = PREFIX + secrets.token_urlsafe(32)
    expires = instant(current_time() + lasts)
    return secret, {
        "id": f"{kind}:{secrets.token_hex(4)}",
        "hash": _digest(secret),
        "kind": kind,
        "created": now(),
        "expires": expires,
    }


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_agencies(store: Store, ids: Sequence[str]) -> None:
    ((live, retired),) = store.read(texts.acted_for(ids))
    for one in sorted(retired):
        raise CredentialError(f"{one} is retired, so nobody can act for it. Name its successor.")
    for one in sorted(set(ids) - set(live)):
        near = get_close_matches(one, store.read(texts.agencies())[0][0], 1, cutoff=0.0)
        raise CredentialError(f"There is no agency {one}." + (f" Did you mean {near[0]}?" if near else ""))


def _check_groups(store: Store, groups: Sequence[str]) -> None:
    """Reject a group name that is the id of an agency or that is reserved for a role.

    A user in such a group would get the rights of that agency or role.
    """
    agencies = set(store.read(texts.known(groups))[0][0])
    for one in groups:
        if one in agencies:
            raise CredentialError(f"{one} is an agency, not a group. Name it with --agency.")
        if not one.strip() or one.startswith(ANYBODY):
            raise CredentialError(f"{one!r} is not a valid name of a group.")
