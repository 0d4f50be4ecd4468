"""The way out: GraphQL."""
