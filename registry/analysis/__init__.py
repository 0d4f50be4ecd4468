"""Analyses: each report reads a snapshot (arrays and a networkx graph) and returns a Report. No database access."""
