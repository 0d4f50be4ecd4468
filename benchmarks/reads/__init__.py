"""Reads over GraphQL on a real Neo4j: the registry beside the raw driver and beside other ways to serve the same graph."""
