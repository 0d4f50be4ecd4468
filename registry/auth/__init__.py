"""Authentication: access tokens, sessions and OpenID Connect."""
