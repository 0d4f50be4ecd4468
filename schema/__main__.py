"""Print the GraphQL schema: `python -m schema`."""

from registry.model.definitions import MODEL
from schema.schema import build_schema

print(build_schema(MODEL).as_str())
