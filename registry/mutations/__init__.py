"""Mutations change records. Each mutation runs in one transaction together with its audit events."""
