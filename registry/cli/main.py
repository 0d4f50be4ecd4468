"""The command line `registry`. Errors are printed on stderr.

Exit codes: 0 success, 1 the command found errors in what it checked, 2 the command was refused, 130 interrupted by Ctrl-C.
"""

import signal
import sys

import typer

from registry import __version__
from registry.cli import audit, engine, evaluate, load, query, reports, serve, tokens

REFUSED, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command that is given in the arguments of the process."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        # Closing the database takes a moment; ignore Ctrl-C so that it completes.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("Interrupted. It is safe to run this command again.", file=sys.stderr)
    sys.exit(code)


def _run() -> int | str | None:
    from registry.cli.output import Unwritable, warn
    from registry.config import SettingsError
    from registry.database.driver import StoreError
    from registry.engine import EngineError

    try:
        app()
    except (SettingsError, StoreError, EngineError, Unwritable) as error:
        warn(str(error))
        return REFUSED
    except SystemExit as end:
        return end.code
    return 0


app = typer.Typer(
    name="registry",
    help="A registry of shared government services: load data, serve pages and the GraphQL API, and run reports.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve.demo)
app.command()(serve.serve)
app.command()(load.load)
app.command()(load.sources)
app.command()(load.template)
app.command()(reports.reports)
app.command()(reports.report)
app.command()(evaluate.calibrate)
app.command()(query.query)
app.command()(audit.erase)
app.add_typer(audit.audit_app, name="audit")
app.add_typer(evaluate.backtest_app, name="backtest")
app.add_typer(tokens.token_app, name="token")
app.add_typer(reports.saved_app, name="saved")
app.add_typer(engine.schema_app, name="schema")
app.add_typer(engine.engine_app, name="engine")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"registry {__version__}")
        raise typer.Exit


@app.callback()
def _registry(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass
