"""The embedded graph engine: ArcadeDB from its wheel, run as a child process that only this machine can reach."""

from registry.engine.care import backup, check, restore
from registry.engine.contact import DATABASE, Engine, EngineError, command, sql
from registry.engine.keeping import in_use
from registry.engine.lifecycle import find, start, stop

__all__ = [
    "DATABASE",
    "Engine",
    "EngineError",
    "backup",
    "check",
    "command",
    "find",
    "in_use",
    "restore",
    "sql",
    "start",
    "stop",
]
