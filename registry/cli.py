"""The command line: `registry`. What goes wrong is one sentence on stderr and an exit code, never a traceback.

Exit codes: 0 done, 1 done and something was found, 2 refused, 130 interrupted.
"""

import signal
import sys

REFUSED, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command that the process was started with."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        # What is left to do takes a moment and leaves nothing behind, unless it is cut, too.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("Interrupted; it is safe to run this again.", file=sys.stderr)
    sys.exit(code)


def _run() -> int | str | None:
    # Imported here, where it can be interrupted in peace: it takes a second.
    from registry.commands.app import app
    from registry.commands.console import Unwritable, warn
    from registry.engine import EngineError
    from registry.settings import SettingsError
    from registry.store import StoreError

    try:
        app()
    except (SettingsError, StoreError, EngineError, Unwritable) as error:
        warn(str(error))
        return REFUSED
    except SystemExit as end:
        return end.code
    return 0
