"""The commands of `registry`, put together; what a command does is in the part it names."""

import typer

from registry import __version__
from registry.commands import (
    auditing,
    backtesting,
    calibrating,
    engines,
    erasing,
    loading,
    questions,
    reporting,
    saving,
    serving,
    tokens,
)

app = typer.Typer(
    name="registry",
    help="Who provides what, who shares what with whom, and where agencies that should work together do not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serving.demo)
app.command()(serving.serve)
app.command()(loading.load)
app.command()(loading.sources)
app.command()(loading.template)
app.command()(reporting.reports)
app.command()(reporting.report)
app.command()(calibrating.calibrate)
app.command()(questions.query)
app.command()(erasing.erase)
app.add_typer(auditing.audit_app, name="audit")
app.add_typer(backtesting.backtest_app, name="backtest")
app.add_typer(tokens.token_app, name="token")
app.add_typer(saving.saved_app, name="saved")
app.add_typer(engines.schema_app, name="schema")
app.add_typer(engines.engine_app, name="engine")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"registry {__version__}")
        raise typer.Exit


@app.callback()
def _registry(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass
