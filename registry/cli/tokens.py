"""`registry token`: manage access tokens for people and programs."""

import typer

from registry.auth import credentials
from registry.cli.output import out, print_json, print_table, tell, warn
from registry.clock import local_text
from registry.config import load_settings
from registry.database.connect import open_store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.permissions import Role

REFUSED = 2
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
token_app = typer.Typer(help="Access tokens: who may do what.", no_args_is_help=True)


@token_app.command()
def add(
    name: str = typer.Argument(help="Who or what holds it, as others will read it."),
    role: Role = typer.Option(help="What its holder may do."),
    agency: list[str] = typer.Option(
        [], "--agency", help="The id of an agency that its holder acts for, with all its units."
    ),
    group: list[str] = typer.Option(
        [], "--group", help="A group that its holder belongs to, as grants of records name it."
    ),
    days: int = typer.Option(
        credentials.TOKEN_DAYS, min=1, max=credentials.MOST_DAYS, help="The days until it expires."
    ),
    as_json: bool = AS_JSON,
) -> None:
    """Make an access token and print its secret, once: only a hash of it is kept."""
    with open_store(load_settings(), tell) as store:
        apply(store, MODEL)
        try:
            secret, made = credentials.issue(store, name, role, agency, group, days)
        except credentials.Unissuable as refusal:
            warn(str(refusal))
            raise typer.Exit(REFUSED) from None
    if as_json:
        print_json({**made.as_json(), "secret": secret})
    else:
        out.print(secret, markup=False, soft_wrap=True)
        tell(f"This is {made.id}, the token of {made.name}, until {local_text(made.expires)}. It is not shown again.")


@token_app.command("list")
def listed(as_json: bool = AS_JSON) -> None:
    """List the tokens and sessions, and whether each is valid."""
    with open_store(load_settings(), tell) as store:
        kept = credentials.list_credentials(store)
    if as_json:
        print_json([one.as_json() for one in kept])
    else:
        rows = [
            [
                one.id,
                one.name,
                one.role,
                ", ".join(one.agencies),
                ", ".join(one.groups),
                local_text(one.expires),
                one.state,
            ]
            for one in kept
        ]
        print_table(["id", "name", "role", "agencies", "groups", "expires", "state"], rows)


@token_app.command()
def revoke(token: str = typer.Argument(help="Its id; `registry token list` lists them.")) -> None:
    """Revoke a token, and the sessions that it opened, from now on."""
    with open_store(load_settings(), tell) as store:
        try:
            credentials.revoke(store, token)
        except credentials.Unissuable as refusal:
            warn(str(refusal))
            raise typer.Exit(REFUSED) from None
    out.print(f"{token} is revoked.", markup=False)
