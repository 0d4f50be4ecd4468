"""`registry demo` and `registry serve`: the registry on the web."""

import os
import socket
import sys

import typer

from registry.access import ADMIN
from registry.commands.console import err, out, tell, warn
from registry.constraints import apply
from registry.cypher.write import is_empty
from registry.model import MODEL
from registry.opening import open_place
from registry.settings import Settings, load_settings
from registry.store import Place, Store

REFUSED = 2
HOST = typer.Option("127.0.0.1", help="The address to listen on.")
PORT = typer.Option(8000, min=1, max=65535, help="The port to listen on.")


def demo(host: str = HOST, port: int = PORT) -> None:
    """Start with the sample: apply the schema, load the sample if the graph is empty, and serve until Ctrl-C."""
    settings = load_settings()
    _check_free(host, port)
    with open_place(settings, tell) as place:
        with Store(place) as store:
            apply(store, MODEL)
            if store.read(is_empty())[0][0]:
                _load_sample(store, settings)
            _say_what_is_there(store, host, port)
        _serve(place, settings, host, port)


def serve(
    host: str = HOST,
    port: int = PORT,
    workers: int = typer.Option(1, min=1, max=64, help="How many processes answer."),
) -> None:
    """Apply the schema and serve until Ctrl-C."""
    settings = load_settings()
    _check_free(host, port)
    with open_place(settings, tell) as place:
        with Store(place) as store:
            apply(store, MODEL)
        _serve(place, settings, host, port, workers)


def _serve(place: Place, settings: Settings, host: str, port: int, workers: int = 1) -> None:
    raise NotImplementedError


def _check_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        warn(f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --port.")
        raise typer.Exit(REFUSED) from None


def _load_sample(store: Store, settings: Settings) -> None:
    raise NotImplementedError


def _say_what_is_there(store: Store, host: str, port: int) -> None:
    raise NotImplementedError


_ = (os, sys, err, out, ADMIN)
