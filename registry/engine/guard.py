"""The engine's only parent: a small process that ends the engine when the process that asked for it is gone.

Run as a file with ``STATE BOLT HTTP COMMAND…``. It holds the reading end of a pipe whose writing end its owner keeps
open: the pipe ends with the owner, however that dies, on every platform. An owner that wants the engine to stay writes
``stay`` before it closes. The state file names the engine while it runs; it is removed after a clean stop only, so a
state file without a process means that the engine was cut off. Standard library only, to stay small.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

STAY = b"stay"
GRACE_SECONDS = 20
CLEAN = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def main(state: Path, bolt: int, http: int, command: list[str]) -> int:
    """Run ``command`` in the folder of ``state`` until it ends or the owner is gone; return its exit code."""
    os.umask(0o077)
    engine = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=state.parent)
    _write(state, {"pid": engine.pid, "guard": os.getpid(), "bolt": bolt, "http": http})
    signal.signal(signal.SIGTERM, lambda *_: engine.terminate())
    threading.Thread(target=_end_with_owner, args=(engine,), daemon=True).start()
    code = engine.wait()
    if code in CLEAN:
        state.unlink(missing_ok=True)
    return code


def _end_with_owner(engine: "subprocess.Popen[bytes]") -> None:
    if sys.stdin.buffer.read() == STAY:
        return
    engine.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        engine.wait(GRACE_SECONDS)
    engine.kill()


def _write(state: Path, content: dict[str, int]) -> None:
    draft = state.with_suffix(".new")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(state)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
