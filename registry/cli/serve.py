"""Commands `registry demo` and `registry serve`: start the web server."""

import socket
from collections.abc import Callable
from importlib import import_module
from threading import Thread
from typing import Any

import typer

from loaders.run import run
from loaders.source import find_source
from registry.auth import credentials
from registry.cli.output import err, info, out, warn
from registry.config import Settings, load_settings
from registry.database.compiler import compile_query
from registry.database.connect import open_connection
from registry.database.driver import ConnectionSettings, Store
from registry.database.migrate import apply
from registry.database.query import NO_CONDITION, Total
from registry.database.write import is_empty
from registry.model.definitions import MAIN, MODEL
from registry.permissions import ADMIN
from registry.progress import showing

REFUSED, EVERYWHERE = 2, ("0.0.0.0", "::")  # nosec B104 # only compared with, not bound to
PLAIN: Any = {"markup": False, "soft_wrap": True}  # keeps a link on one line
SAMPLE = "depok"
WEB = "registry.web.app"  # the import takes seconds, so other commands do not do it
HOST = typer.Option("127.0.0.1", help="The address to listen on.")
PORT = typer.Option(8000, min=1, max=65535, help="The port to listen on.")
WORKERS = typer.Option(1, min=1, max=64, help="The number of worker processes.")


def demo(host: str = HOST, port: int = PORT) -> None:
    """Load the sample data if the database is empty, print the number of records, and serve pages until Ctrl-C."""
    _serve(host, port, 1, _load_if_empty, lasting=False)


def serve(host: str = HOST, port: int = PORT, workers: int = WORKERS) -> None:
    """Bring the database up to date (constraints, indexes, data version), and serve pages until Ctrl-C."""
    _serve(host, port, workers, lambda store, settings: None, lasting=True)


def _serve(host: str, port: int, workers: int, prepare: Callable[[Store, Settings], None], *, lasting: bool) -> None:
    _check_free(host, port)
    settings = load_settings().served_at(host)
    Thread(target=import_module, args=(WEB,), daemon=True).start()  # the import runs while the engine starts
    with open_connection(settings, info, lasting=lasting) as connection:
        with Store(connection) as store:
            apply(store, MODEL, info)
            prepare(store, settings)
            invitation = None if settings.oidc_client_id else credentials.invite(store)
        out.print(f"Serving on http://{_url_host(host)}:{port} until Ctrl-C.", markup=False)
        if invitation:
            from registry.web.base import INVITATION

            here = "localhost" if host in EVERYWHERE else _url_host(host)
            link = f"http://{here}:{port}{INVITATION}?code={invitation}"
            out.print(f"There is no administrator yet. To become one, open this link within an hour: {link}", **PLAIN)
        _run(connection, settings, host, port, workers)


def _run(connection: ConnectionSettings, settings: Settings, host: str, port: int, workers: int) -> None:
    from registry.web.workers import run_alone, run_workers

    if workers == 1:
        run_alone(connection, settings, host, port)
    else:
        run_workers(settings, host, port, workers)


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _load_if_empty(store: Store, settings: Settings) -> None:
    if store.read(is_empty())[0][0]:
        _load_sample(store, settings)
    _print_counts(store)


def _check_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        warn(f"Cannot listen on port {port} of {host}: {error.strerror}. Choose another port with --port.")
        raise typer.Exit(REFUSED) from None


def _load_sample(store: Store, settings: Settings) -> None:
    with showing(err) as progress:
        outcome = run(store, find_source(SAMPLE, settings), progress=progress)
    if outcome.refused:
        warn(f"The sample was not loaded: {outcome.refused}")
        raise typer.Exit(REFUSED)


def _print_counts(store: Store) -> None:
    for kind in MAIN:
        total = compile_query(Total(kind, NO_CONDITION), MODEL).ask({}, ADMIN.parameter())
        out.print(f"{store.read(total)[0][0]:>6,} {MODEL[kind].plural}", markup=False)
