"""A real provider of OpenID Connect on this machine: the npm package oidc-provider, which its authors have certified."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote_plus

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.cli import free_port
from tests.support.npm import installed

HERE = Path(__file__).parent / "oidc_provider"
CLIENT = ("registry", "a secret of forty characters, or so it seems")
AUDIENCE = "https://registry.example.org"


class IdentityProvider:
    """The provider, whose keys we hold: what it could sign, a test can sign, too."""

    def __init__(self) -> None:
        self.port, self.key = free_port(), new_key()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, redirect_uri: str, accounts: dict[str, Any]) -> None:
        """Serve accounts to one client."""
        keys = {"keys": [self.key.as_dict(private=True)]}
        given = {"port": self.port, "jwks": keys, "redirectUri": redirect_uri, "accounts": accounts}
        script = installed(HERE) / "provider.mjs"
        self._process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(given))
        self._process.stdin.close()
        assert self._process.stdout.readline() == "serving\n"

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout
            self._process.stdout.close()

    def access_token(self, audience: str = AUDIENCE) -> str:
        """Return a token that the provider gives a program."""
        form = {"grant_type": "client_credentials", "resource": audience}
        login = (CLIENT[0], quote_plus(CLIENT[1]))
        return str(httpx.post(f"{self.issuer}/token", data=form, auth=login).json()["access_token"])

    def signed(self, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token like the provider's, with other claims, header or key; a claim that is None is left out."""
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "siti", "exp": int(time.time()) + 300}
        known = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, **(header or {})}, known, key or self.key)


def new_key() -> RSAKey:
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})
    key.ensure_kid()
    return key
