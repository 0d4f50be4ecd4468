"""Analyses: arrays and a networkx graph in, a Report out; one module a question. Nothing here speaks to the store."""
