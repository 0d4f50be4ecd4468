"""The GraphQL API: schema, planning and execution of operations, and the HTTP endpoint."""
