"""The differences between the database engines: versions, error codes, full-text indexes, and what each engine can do."""

import re
from dataclasses import dataclass
from typing import Literal

from registry.model.kinds import Kind

OLDEST = (5, 26)
_TESTED = ((5, 26), (2026, 1))
TESTED = "5.26 and 2026.01"


@dataclass(frozen=True)
class Dialect:
    """The differences between the database engines. `embedded` is true for ArcadeDB and false for Neo4j."""

    embedded: bool

    @property
    def caches_plans(self) -> bool:
        """Whether the database caches the plan of a query; making the plan may take seconds."""
        return not self.embedded

    @property
    def types_properties(self) -> bool:
        """Whether the indexed properties need a declared type. Without the type, this engine does not keep the index sorted."""
        return self.embedded

    @property
    def groups_schema_changes(self) -> bool:
        """Whether one transaction can make several schema changes."""
        return not self.embedded

    @property
    def seeks(self) -> bool:
        """Whether a query on this engine may look up a few linked records in an index and start from them."""
        return not self.embedded

    @property
    def seeks_in_writes(self) -> bool:
        """Whether removing outdated records uses an index. The embedded engine scans all records, so an index would only cost time."""
        return not self.embedded

    @property
    def words_index(self) -> str:
        """The command that creates a full-text index without stemming: in SQL for the embedded engine, in Cypher for Neo4j."""
        return _SQL_WORDS_INDEX if self.embedded else _WORDS_INDEX

    def time_limit(self, seconds: float) -> float | None:
        """Return the time limit to send with a query. Return None for the embedded engine: its time limit is set at startup."""
        return None if self.embedded else seconds

    @property
    def gathers(self) -> bool:
        """Whether the engine can read a sorted page in index order even if the query collects the rows into a list."""
        return not self.embedded

    def retries(self, code: str, *, retryable: bool) -> bool:
        """Return whether a retry may succeed after an error with this code. `retryable` is whether the driver would retry."""
        if code == "Neo.TransientError.General.MemoryPoolOutOfMemoryError":
            return False
        return retryable or self.conflicts(code)

    def conflicts(self, code: str) -> bool:
        """Return whether this error code means a conflict with another transaction."""
        if self.embedded and code == "Neo.ClientError.Schema.ConstraintValidationFailed":
            return True
        return code.startswith("Neo.TransientError.Transaction.")

    def meaning(self, code: str, *, retryable: bool) -> str:
        """Return the registry's error code for an engine's error code. `retryable` is whether the driver would retry."""
        if self.embedded and code == "Neo.DatabaseError.General.UnknownError":
            return "TOO_COSTLY"
        if code in _CODES:
            return _CODES[code]
        if retryable or code.startswith("Neo.TransientError."):
            return "UNAVAILABLE"
        return "BAD_TEXT" if code.startswith("Neo.ClientError.Statement.") else "INTERNAL"


Support = Literal["tested", "untested", "none"]


def support_of(agent: str) -> Support:
    """Return the level of support for a server, given the agent string that names its product and version.

    Neo4j before 5.26 lacks Cypher features that the queries need. Unknown versions, such as a new calendar version, are treated as
    untested, since Neo4j continues to support Cypher 5.
    """
    version = re.match(r"Neo4j/v?(\d+)\.(\d+)", agent)
    if version is None:
        return "untested"
    number = int(version[1]), int(version[2])
    if number < OLDEST:
        return "none"
    return "tested" if number in _TESTED else "untested"


def dialect_of(agent: str) -> Dialect:
    """Return the dialect for a server's agent string, such as `Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)`."""
    return Dialect(embedded="ArcadeDB" in agent)


def words_index(kind: type[Kind]) -> str:
    """Return the name of the full-text index for a kind."""
    return f"registry_{kind.__name__.lower()}_words"


_WORDS_INDEX = (
    "CREATE FULLTEXT INDEX {name} IF NOT EXISTS FOR (n:{label}) ON EACH [n.words]"
    " OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'standard-no-stop-words'}}}}"
)
_SQL_WORDS_INDEX = (
    "CREATE INDEX {name} IF NOT EXISTS ON {label} (words) FULL_TEXT"
    ' METADATA {{"analyzer": "org.apache.lucene.analysis.standard.StandardAnalyzer"}}'
)
_CODES = {
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration": "TIMEOUT",
    "Neo.ClientError.Transaction.TransactionTimedOut": "TIMEOUT",
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError": "TOO_COSTLY",
    "Neo.ClientError.Security.Unauthorized": "WRONG_PASSWORD",
    "Neo.ClientError.Security.AuthenticationRateLimit": "WRONG_PASSWORD",
    "Neo.ClientError.Security.Forbidden": "NOT_ALLOWED",
    "Neo.ClientError.Statement.AccessMode": "NOT_ALLOWED",
    "Neo.ClientError.Database.DatabaseNotFound": "NO_DATABASE",
    "Neo.ClientError.Transaction.Terminated": "UNAVAILABLE",  # sent while the server shuts down
    "Neo.ClientError.Transaction.LockClientStopped": "UNAVAILABLE",
}
