"""OpenID Connect: people sign in, and programs are known, by a provider that the site trusts."""
