"""The graph database: the driver, every Cypher statement, constraints and indexes."""
