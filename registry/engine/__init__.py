"""The embedded graph engine: ArcadeDB from its wheel, run as a child process that only this machine can reach."""

from registry.engine.care import backup, check, restore
from registry.engine.contact import DATABASE, Engine, EngineError, command, sql
from registry.engine.lifecycle import find, start, stop
from registry.engine.watch import kept_running

__all__ = [
    "DATABASE",
    "Engine",
    "EngineError",
    "backup",
    "check",
    "command",
    "find",
    "kept_running",
    "restore",
    "sql",
    "start",
    "stop",
]
