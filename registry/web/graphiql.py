"""GraphiQL: its files, all served by us, and the operation that it begins with.

The files are those of the npm releases graphiql 2.4.7, react and react-dom 17.0.2 and @graphiql/plugin-explorer 0.1.15
(all MIT), as the package graphene-django-graphiql-static carries them; `tests/test_web.py` holds their digests.
"""

from importlib.resources import files

PACKAGE = "graphene_django_graphiql_static"
FIRST = """{
  agencies(first: 5) {
    totalCount
    nodes {
      name
      kind
      provides(first: 3) { role service { name } }
    }
  }
}
"""
FIRST_REPORT = """{
  sectorGaps {
    question
    found
    of
    rows(first: 10) {
      sectorA
      sectorB
      finding
      evidence(first: 3) { id name kind }
    }
  }
}
"""


def folder() -> str:
    """Return the folder of GraphiQL's files."""
    return str(files(PACKAGE).joinpath("static", PACKAGE))
