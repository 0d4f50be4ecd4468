"""What differs between Neo4j and the embedded engine; every other text is one for both."""

import re
from dataclasses import dataclass
from enum import Enum, auto

OLDEST = (5, 26)
_TESTED = ((5, 26), (2026, 1))
TESTED = "5.26 and 2026.01"


@dataclass(frozen=True)
class Dialect:
    """One engine's ways. `embedded` is the ArcadeDB that we start; everything else is Neo4j."""

    embedded: bool

    @property
    def types_properties(self) -> bool:
        """Whether an index is ordered only after the type of its property was declared."""
        return self.embedded

    @property
    def seeks(self) -> bool:
        """Whether a question may begin at linked records that an index leads to, where those are few."""
        return not self.embedded

    @property
    def seeks_in_writes(self) -> bool:
        """Whether a sweep finds its records by an index; the embedded engine scans, and only pays for keeping one."""
        return not self.embedded

    @property
    def words_index(self) -> str:
        """The text that makes a full-text index of plain words; on the embedded engine it is SQL."""
        return _SQL_WORDS_INDEX if self.embedded else _WORDS_INDEX

    @property
    def times_out_each(self) -> bool:
        """Whether a time limit can be given with each query; otherwise it is fixed when the engine starts."""
        return not self.embedded

    @property
    def gathers(self) -> bool:
        """Whether a sorted page that is gathered in a list is still read in the order of its index."""
        return not self.embedded

    def retries(self, code: str, *, retryable: bool) -> bool:
        """Tell whether a failure goes away when the transaction is tried again; `retryable` is what the driver says of it."""
        if code == "Neo.TransientError.General.MemoryPoolOutOfMemoryError":
            return False
        return retryable or self.conflicts(code)

    def conflicts(self, code: str) -> bool:
        """Tell whether a failure with this code means that another transaction stood in the way."""
        if self.embedded and code == "Neo.ClientError.Schema.ConstraintValidationFailed":
            return True
        return code.startswith("Neo.TransientError.Transaction.")

    def meaning(self, code: str, *, retryable: bool) -> str:
        """Return our own code for an engine's error code; `retryable` is what the driver says of the error."""
        if self.embedded and code == "Neo.DatabaseError.General.UnknownError":
            return "TOO_COSTLY"
        if code in _MEANING:
            return _MEANING[code]
        if retryable or code.startswith("Neo.TransientError."):
            return "UNAVAILABLE"
        return "BAD_TEXT" if code.startswith("Neo.ClientError.Statement.") else "INTERNAL"


class Support(Enum):
    """Whether the registry works on a server."""

    TESTED = auto()
    UNTESTED = auto()
    NONE = auto()


def support_of(agent: str) -> Support:
    """Tell whether the registry works on the server that names itself so.

    Neo4j before 5.26 lacks Cypher that the texts are written in. What nobody knows yet, such as a new calendar version,
    is taken as untested, since Neo4j keeps Cypher 5 working.
    """
    version = re.match(r"Neo4j/v?(\d+)\.(\d+)", agent)
    if version is None:
        return Support.UNTESTED
    number = int(version[1]), int(version[2])
    if number < OLDEST:
        return Support.NONE
    return Support.TESTED if number in _TESTED else Support.UNTESTED


def dialect_of(agent: str) -> Dialect:
    """Return the dialect of the engine that names itself so, such as `Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)`."""
    return Dialect(embedded="ArcadeDB" in agent)


_WORDS_INDEX = (
    "CREATE FULLTEXT INDEX {name} IF NOT EXISTS FOR (n:{label}) ON EACH [n.words]"
    " OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'standard-no-stop-words'}}}}"
)
_SQL_WORDS_INDEX = (
    "CREATE INDEX {name} IF NOT EXISTS ON {label} (words) FULL_TEXT"
    ' METADATA {{"analyzer": "org.apache.lucene.analysis.standard.StandardAnalyzer"}}'
)
_MEANING = {
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration": "TIMEOUT",
    "Neo.ClientError.Transaction.TransactionTimedOut": "TIMEOUT",
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError": "TOO_COSTLY",
    "Neo.ClientError.Security.Unauthorized": "WRONG_PASSWORD",
    "Neo.ClientError.Security.AuthenticationRateLimit": "WRONG_PASSWORD",
    "Neo.ClientError.Security.Forbidden": "NOT_ALLOWED",
    "Neo.ClientError.Statement.AccessMode": "NOT_ALLOWED",
    "Neo.ClientError.Database.DatabaseNotFound": "NO_DATABASE",
    "Neo.ClientError.Transaction.Terminated": "UNAVAILABLE",  # of a server that stops
    "Neo.ClientError.Transaction.LockClientStopped": "UNAVAILABLE",
}
