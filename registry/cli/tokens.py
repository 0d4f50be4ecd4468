"""Command `registry token`: manage access tokens for people and programs."""

import typer

from registry.auth import credentials
from registry.cli.output import info, out, print_json, print_table, warn
from registry.clock import local_text
from registry.config import load_settings
from registry.database.connect import open_store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.permissions import Role

REFUSED = 2
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
token_app = typer.Typer(help="Access tokens for people and programs.", no_args_is_help=True)


@token_app.command()
def add(
    name: str = typer.Argument(help="The name of the person or program, as shown to others."),
    role: Role = typer.Option(help="The role of the person or program."),
    agency: list[str] = typer.Option(
        [], "--agency", help="The id of an agency that the person or program acts for, including its units."
    ),
    group: list[str] = typer.Option(
        [], "--group", help="A group of the person or program, as records name it in their grants."
    ),
    days: int = typer.Option(
        credentials.TOKEN_DAYS, min=1, max=credentials.MOST_DAYS, help="The number of days until the token expires."
    ),
    as_json: bool = AS_JSON,
) -> None:
    """Create an access token and print its secret once. Only a hash of the secret is stored."""
    with open_store(load_settings(), info) as store:
        apply(store, MODEL)
        try:
            secret, made = credentials.issue(store, name, role, agency, group, days)
        except credentials.CredentialError as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
    if as_json:
        print_json({**made.as_json(), "secret": secret})
    else:
        out.print(secret, markup=False, soft_wrap=True)
        info(f"Token {made.id} of {made.name}, valid until {local_text(made.expires)}. The secret is not shown again.")


@token_app.command("list")
def listed(as_json: bool = AS_JSON) -> None:
    """List the access tokens and sessions, and whether each is valid, expired or revoked."""
    with open_store(load_settings(), info) as store:
        listed_credentials = credentials.list_credentials(store)
    if as_json:
        print_json([one.as_json() for one in listed_credentials])
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
            for one in listed_credentials
        ]
        print_table(["id", "name", "role", "agencies", "groups", "expires", "state"], rows)


@token_app.command()
def revoke(token: str = typer.Argument(help="The id of the token, from `registry token list`.")) -> None:
    """Revoke an access token, and end the sessions that were opened with it."""
    with open_store(load_settings(), info) as store:
        try:
            credentials.revoke(store, token)
        except credentials.CredentialError as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
    out.print(f"{token} was revoked.", markup=False)
