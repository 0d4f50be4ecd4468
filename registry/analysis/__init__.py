"""Analyses: each report reads a snapshot of the records and returns a `Report`. Analyses have no access to the database."""
