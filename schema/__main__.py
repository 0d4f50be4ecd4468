"""Print the GraphQL schema: `python -m schema`."""

from registry.model import MODEL
from schema.graph_api import build_schema

print(build_schema(MODEL).as_str())
