"""The GraphQL API: its schema, the planning and execution of operations, and the HTTP endpoint."""
