"""Credentials: access tokens, sessions and invitations, each found by the hash of its secret."""

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

PREFIX = "ssr_"  # so that a scanner of repositories and logs knows one when it finds one
TOKEN_DAYS, MOST_DAYS = 90, 3650
SESSION, INVITATION, VOUCHED = timedelta(hours=12), timedelta(hours=1), timedelta(hours=1)


class Unissuable(Exception):
    """A token that is not issued; the message is one sentence for a person."""


@dataclass(frozen=True)
class Credential:
    """What is kept of a credential, but for its hash. `sort` is token or session; times are texts of Instants."""

    id: str
    sort: str
    name: str
    role: str
    agencies: Sequence[str]
    groups: Sequence[str]
    created: str
    expires: str
    revoked: str | None = None

    @property
    def state(self) -> str:
        """Whether it is valid, expired or revoked."""
        return "revoked" if self.revoked else "expired" if self.expires <= now() else "valid"

    def as_json(self) -> dict[str, object]:
        """Return it for a script."""
        return {**asdict(self), "state": self.state}


def issue(
    store: Store, name: str, role: Role, agencies: Sequence[str], groups: Sequence[str], days: int = TOKEN_DAYS
) -> tuple[str, Credential]:
    """Keep a new access token; return its secret, which nobody can be told again. Raises Unissuable."""
    if not name.strip():
        raise Unissuable("A token has a name: who or what holds it.")
    if not agencies and role is not Role.ADMIN and Action.PROPOSE in RIGHTS[role]:
        raise Unissuable(f"The role {role} is for an agency; name it with --agency.")
    _check_agencies(store, agencies)
    _check_groups(store, groups)
    actor = Actor(name.strip(), role, frozenset(agencies), frozenset(groups))
    return _keep(store, "token", actor, timedelta(days=days))


def kept(store: Store) -> list[Credential]:
    """Return the tokens and sessions, oldest first."""
    return [Credential(*row) for row in store.read(texts.kept())]


def revoke(store: Store, credential: str) -> None:
    """Revoke a token or a session, and what a token opened, from now on. Raises Unissuable where there is none."""
    if not store.write(texts.revoke(credential, now=now()))[0][0][0]:
        raise Unissuable(f"There is no token {credential}; `registry token list` lists them.")


async def actor_of_token(reader: Reader, secret: str) -> Actor | None:
    """Return whose token this is; None where it is not known, has expired or was revoked. Raises StoreError."""
    return await _who(reader, secret, "token")


async def with_units(reader: Reader, actor: Actor) -> Actor:
    """Return the actor with all units of their agencies. Raises StoreError."""
    (rows,) = await reader.read([texts.acting(sorted(actor.agencies))])
    return replace(actor, agencies=actor.agencies | frozenset(rows[0][0]), home=actor.usual)


async def actor_of_session(reader: Reader, secret: str) -> Actor | None:
    """Return whose session this is; None where it is not known or is over. Raises StoreError."""
    return await _who(reader, secret, "session")


async def is_invitation(reader: Reader, secret: str) -> bool:
    """Tell whether an invitation is still valid. Raises StoreError."""
    return await _who(reader, secret, "invitation") is not None


def session_by_token(store: Store, secret: str) -> str | None:
    """Begin a session for the holder of a token; return its secret, None where the token is not valid."""
    return _begin(store, secret, "token")


def session_by_invitation(store: Store, secret: str) -> str | None:
    """Begin the administrator's session that an invitation is for, and use it up; None where it is not valid."""
    return _begin(store, secret, "invitation")


def session_of(store: Store, actor: Actor) -> str:
    """Begin a session for somebody whom a provider vouches for; return its secret. It is short, so that they are asked again."""
    return _keep(store, "session", actor, VOUCHED)[0]


def end_session(store: Store, secret: str) -> None:
    """End a session."""
    store.write(texts.end_session(_digest(secret), now=now()))


def invite(store: Store) -> str | None:
    """Return the secret by which one person becomes administrator within the hour; None where there is one already.

    An invitation of before is void then.
    """
    if store.read(texts.has_administrator(now=now()))[0][0]:
        return None
    store.write(texts.revoke_invitations(now=now()))
    return _keep(store, "invitation", Actor("admin", Role.ADMIN), INVITATION)[0]


async def _who(reader: Reader, secret: str, sort: str) -> Actor | None:
    (rows,) = await reader.read([texts.who(_digest(secret), sort=sort, now=now())])
    return _actor(rows)


def _actor(rows: Rows) -> Actor | None:
    if not rows:
        return None
    ((name, role, groups, count, agencies, units),) = rows[0]
    named_for = Actor(name, role_for(Role(role), count, agencies), frozenset(agencies), frozenset(groups))
    return replace(named_for, agencies=frozenset({*agencies, *units}), home=named_for.usual)


def role_for(role: Role, named: int, agencies: Collection[str]) -> Role:
    """Return what somebody is who was named for so many agencies, of which these are left: a viewer, where none is."""
    return Role.VIEWER if named and not agencies and role is not Role.ADMIN else role


def _begin(store: Store, secret: str, sort: str) -> str | None:
    session, kept_of_it = _secret("session", SESSION)
    began = texts.begin_session(_digest(secret), kept_of_it, sort=sort, now=now())
    return session if store.write(texts.sweep(now=now()), began)[1][0][0] else None


def _keep(store: Store, sort: str, actor: Actor, lasts: timedelta) -> tuple[str, Credential]:
    secret, kept_of_it = _secret(sort, lasts)
    whose: dict[str, Any] = {
        "name": actor.name,
        "role": str(actor.role),
        "agencies": sorted(actor.agencies),
        "groups": sorted(actor.groups),
    }
    store.write(texts.sweep(now=now()), texts.add(kept_of_it | whose))
    return secret, Credential(**{name: value for name, value in (kept_of_it | whose).items() if name != "hash"})


def _secret(sort: str, lasts: timedelta) -> tuple[str, dict[str, Any]]:
    """Return a new secret, and what is kept of it: its hash, an id to speak of it, and how long it is valid."""
    secret = PREFIX + secrets.token_urlsafe(32)
    expires = instant(current_time() + lasts)
    return secret, {
        "id": f"{sort}:{secrets.token_hex(4)}",
        "hash": _digest(secret),
        "sort": sort,
        "created": now(),
        "expires": expires,
    }


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_agencies(store: Store, ids: Sequence[str]) -> None:
    ((live, retired),) = store.read(texts.acted_for(ids))
    for one in sorted(retired):
        raise Unissuable(f"{one} is retired, so nobody acts for it; name the agency that took over.")
    for one in sorted(set(ids) - set(live)):
        near = get_close_matches(one, store.read(texts.agencies())[0][0], 1, cutoff=0.0)
        raise Unissuable(f"There is no agency {one}" + (f"; did you mean {near[0]}?" if near else "."))


def _check_groups(store: Store, groups: Sequence[str]) -> None:
    """Refuse names that are no group's: a record would take who bears one for somebody else."""
    agencies = set(store.read(texts.known(groups))[0][0])
    for one in groups:
        if one in agencies:
            raise Unissuable(f"{one} is an agency, not a group; name it with --agency.")
        if not one.strip() or one.startswith(ANYBODY):
            raise Unissuable(f"{one!r} is no name of a group.")
