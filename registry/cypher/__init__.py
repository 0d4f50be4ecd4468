"""The only place where Cypher is written."""
