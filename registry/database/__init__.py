"""The graph database: the driver, every Cypher query, and the constraints and indexes."""
