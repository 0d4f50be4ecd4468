"""The embedded graph engine: ArcadeDB from a Python wheel, run as a child process that only this machine can reach."""

from registry.engine.backup import backup, check, restore
from registry.engine.http import DATABASE, Engine, EngineError, command, sql
from registry.engine.process import find, start, stop
from registry.engine.supervisor import in_use

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
