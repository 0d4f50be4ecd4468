"""What differs between Neo4j and the embedded engine; every other text is one for both."""

from dataclasses import dataclass


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

    def retries(self, code: str) -> bool:
        """Tell whether a failure with this code goes away when the transaction is tried again."""
        if code == "Neo.TransientError.General.MemoryPoolOutOfMemoryError":
            return False
        if self.embedded and code == "Neo.ClientError.Schema.ConstraintValidationFailed":
            return True
        return code.startswith("Neo.TransientError.")

    def meaning(self, code: str) -> str:
        """Return our own code for an engine's error code."""
        if self.embedded and code == "Neo.DatabaseError.General.UnknownError":
            return "TOO_COSTLY"
        return _MEANING.get(code, "BAD_TEXT" if code.startswith("Neo.ClientError.Statement.") else "INTERNAL")


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
}
