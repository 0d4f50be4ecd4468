"""GraphiQL, the page on which people write GraphQL operations, with its example queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry.clock import today
from registry.database.driver import StoreError
from registry.i18n import _
from registry.permissions import Actor
from registry.web.base import actor_of, graphiql_path
from registry.web.queries import PageQueries, operation
from registry.web.templating import page

PACKAGE = "graphene_django_graphiql_static"
EXAMPLES = ("provides", "users", "impact", "shared", "ending", "paths", "search", "needs")
OPERATIONS = tuple(f"examples/{name}" for name in EXAMPLES)
ENDING = 90  # days
SEARCHED = "data"
EXAMPLE_REPORT_QUERY = """{
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
Data = Mapping[str, Any]


@dataclass(frozen=True)
class ExampleQuery:
    """A query in the menu of GraphiQL: the question that it answers, its operation and its variables."""

    title: str
    operation: str
    variables: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The path that opens the query in GraphiQL."""
        return graphiql_path(self.operation, self.variables)


class GraphiQLPages:
    """The pages `/graphql` and `/reports/graphql` of a browser."""

    def __init__(self, graph: PageQueries) -> None:
        self._graph = graph

    async def records(self, request: Request) -> Response:
        """Show GraphiQL for records, with the example queries.

        GraphiQL opens the operation and variables in the URL. If the URL has no operation, GraphiQL opens the first example.
        """
        examples = example_queries(await self._known(actor_of(request)))
        return _page(request, examples[0].operation, examples)

    async def reports(self, request: Request) -> Response:
        """Show GraphiQL for reports."""
        return _page(request, EXAMPLE_REPORT_QUERY, ())

    async def _known(self, me: Actor) -> Data:
        """Return records that the user can see, for the variables of the examples. Without the database, return no records."""
        try:
            return await self._graph.ask(operation("example_records"), {"today": today()}, me)
        except StoreError:
            return {}


def example_queries(known: Data) -> list[ExampleQuery]:
    """Return the example queries. Examples that need a record are left out if there is no such record."""
    pair, stopping = _agencies(known), _nodes(known, "resources") or _nodes(known, "agencies")
    names = {"a": pair[0]["name"], "b": pair[1]["name"]} if pair else {}
    ids = [one["id"] for one in pair]
    until = (date.fromisoformat(today()) + timedelta(ENDING)).isoformat()
    found = [_example("provides", _("Which services do agencies provide?"))]
    found.append(_example("users", _("Which agencies use which resources?")))
    if stopping:
        title = _("What is affected if “{name}” stops?").format(name=stopping[0]["name"])
        found.append(_example("impact", title, of=stopping[0]["id"]))
    if pair:
        title = _("What do {a} and {b} share, and until when?").format(**names)
        found.append(_example("shared", title, agencies=ids))
    title = _("Which agreements end within {days} days?").format(days=ENDING)
    found.append(_example("ending", title, **{"from": today(), "to": until}))
    if pair:
        title = _("How are {a} and {b} connected?").format(**names)
        found.append(_example("paths", title, **{"from": ids[0], "to": ids[1]}))
    found.append(_example("search", _("Which records contain the word “{text}”?").format(text=SEARCHED), text=SEARCHED))
    found.append(_example("needs", _("Which needs are not met by a resource yet?")))
    return found


def _example(name: str, title: str, **variables: Any) -> ExampleQuery:
    return ExampleQuery(title, operation(f"examples/{name}"), variables)


def _agencies(known: Data) -> Sequence[Data]:
    """Return two agencies with an agreement in force, or any two agencies. If the user sees fewer than two, return none."""
    parties = ([party["agency"] for party in one["parties"]] for one in _nodes(known, "partnerships"))
    pairs = (pair for pair in (*parties, _nodes(known, "agencies")) if len(pair) == 2)
    return next(pairs, ())


def _nodes(known: Data, name: str) -> Sequence[Data]:
    return known[name]["nodes"] if known else ()


def _page(request: Request, first: str, examples: Sequence[ExampleQuery]) -> Response:
    opened, variables = (request.query_params.get(name, "") for name in ("operation", "variables"))
    return page(request, "graphiql.html", operation=opened, variables=variables, first=first, examples=examples)


def graphiql_folder() -> str:
    """Return the folder of GraphiQL's static files."""
    return str(files(PACKAGE).joinpath("static", PACKAGE))
