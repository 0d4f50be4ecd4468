"""The search page, its JSON file, and suggestions while the user types."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry.i18n import _, language
from registry.model.definitions import MODEL
from registry.model.kinds import snake
from registry.model.records import is_searched, parse_search
from registry.model.values import InvalidValue
from registry.permissions import Actor
from registry.web.base import MAX_INPUT, actor_of, address, clean_input, graphiql_path
from registry.web.errors import UserError
from registry.web.form_data import json_file
from registry.web.lists import Choice
from registry.web.presenters import Data, RecordSummary, record_summary
from registry.web.queries import PageQueries, title_selection
from registry.web.templating import page, plural, singular, term_label

PAGE, SUGGESTED, MOST = 20, 8, 200
KINDS = {snake(kind.__name__): kind.__name__ for kind in MODEL if is_searched(kind)}


def _title_selections() -> str:
    """Return the GraphQL selection set of a title, for records of any kind."""
    more = {name: title_selection(MODEL[name]).split()[2:] for name in KINDS.values()}
    return "__typename id name " + " ".join(f"... on {name} {{ {' '.join(own)} }}" for name, own in more.items() if own)


def search_operation(parameters: Mapping[str, str]) -> str:
    """Return the operation for a page of search results.

    The operation also counts the results of every kind, even if the user selected one kind.
    """
    cursor = (", $after: String", ", after: $after") if "after" in parameters else ("", "")
    counts = "countByKind { kind count }"
    others = (
        f"\n  ofAnyKind: search(text: $text, sector: $sector, area: $area) {{ {counts} }}"
        if "kind" in parameters
        else ""
    )
    return f"""query Search($text: String!, $kinds: [Kind!], $sector: ID, $area: ID, $first: Int!{cursor[0]}) {{
  search(text: $text, kinds: $kinds, sector: $sector, area: $area, first: $first{cursor[1]}) {{
    totalCount
    {counts}
    pageInfo {{ hasNextPage endCursor }}
    suggestion
    withheld
    nodes {{ score missingWords record {{ {_title_selections()} description }} }}
  }}{others}
}}
"""


def suggestions_operation() -> str:
    """Return the operation for suggestions while the user types."""
    return f"""query Suggestions($text: String!, $kinds: [Kind!]) {{
  search(text: $text, kinds: $kinds, first: {SUGGESTED}) {{ nodes {{ missingWords record {{ {_title_selections()} }} }} }}
}}
"""


def suggested_records(found: Data) -> list[Data]:
    """Return the suggested records. Records that lack a word are left out: the user is typing the name of one record."""
    return [one["record"] for one in found["search"]["nodes"] if not one["missingWords"]]


def filter_options_operation() -> str:
    """Return the operation for the sectors and areas that the user can filter by."""
    label = {"id": "labelId", "en": "labelEn"}[language()]
    lists = (f"  {name}(first: {MOST}) {{ totalCount nodes {{ id name {label} }} }}" for name in ("sectors", "areas"))
    return "\n".join(["query Places {", *lists, "}", ""])


def kind_variable(kind: str | None) -> dict[str, Any]:
    """Return the variable that limits a search to one kind. If no kind is selected, return no variable."""
    return {"kinds": [kind.upper()]} if kind else {}


def search_variables(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables of a search, from the query parameters q, kind, sector, area and after."""
    values = {
        "text": parameters.get("q", ""),
        **kind_variable(parameters.get("kind")),
        "sector": parameters.get("sector"),
        "area": parameters.get("area"),
        "first": PAGE,
        "after": parameters.get("after"),
    }
    return {name: value for name, value in values.items() if value is not None}


NAMES = ("q", "kind", "sector", "area", "after")
SearchQuery = Mapping[str, str]


class Hit(NamedTuple):
    """A result of a search as the page shows it. `missing` are the search words that the record does not contain."""

    summary: RecordSummary
    description: str
    missing: Sequence[str]


class SearchPages:
    """The search page and its JSON file."""

    def __init__(self, graph: PageQueries) -> None:
        self._graph = graph

    def routes(self) -> list[Route]:
        """Return the routes of the search page."""
        return [Route("/search", self._page), Route("/search.json", self._json)]

    async def _page(self, request: Request) -> Response:
        parameters, me = _parameters(request), actor_of(request)
        filters = await self._graph.ask(filter_options_operation(), {}, me)
        options = {
            name: [(one["id"], term_label(one)) for one in filters[f"{name}s"]["nodes"]] for name in ("sector", "area")
        }
        found = await self._found(parameters, me) if parameters.get("q") else None
        return page(
            request,
            "search.html",
            q=parameters.get("q", ""),
            parameters=parameters,
            options=options,
            left_out={name: filters[f"{name}s"]["totalCount"] - len(every) for name, every in options.items()},
            found=found and found["search"],
            hits=[_hit(one) for one in found["search"]["nodes"]] if found else [],
            kinds=_kinds(parameters, found) if found else [],
            following=_next_path(parameters, found) if found else "",
            suggested=_path(parameters, q=found["search"]["suggestion"] or "") if found else "",
            graphiql=graphiql_path(search_operation(parameters), search_variables(parameters)),
            json=address("/search.json", [*parameters.items(), ("all", "1")]),
        )

    async def _json(self, request: Request) -> Response:
        """Return suggestions as JSON. With the parameter `all`, return a page of search results.

        The last word that the user typed may be incomplete.
        """
        parameters, me = _parameters(request), actor_of(request)
        if request.query_params.get("all"):
            return json_file(await self._found(parameters, me))
        variables = {"text": parameters.get("q", ""), **kind_variable(parameters.get("kind"))}
        found = await self._graph.ask(suggestions_operation(), variables, me)
        return json_file({"suggestions": [_suggestion(one) for one in suggested_records(found)]})

    async def _found(self, parameters: SearchQuery, me: Actor) -> Data:
        operation, variables = search_operation(parameters), search_variables(parameters)
        try:
            return await self._graph.ask(operation, variables, me)
        except HTTPException as error:
            if error.status_code == 404:
                raise _search_error(parameters, _("This sector or area does not exist.")) from None
            if error.status_code != 400 or "after" not in parameters:
                raise
            raise _search_error(parameters, _("This page of results does not exist.")) from None


def _parameters(request: Request) -> dict[str, str]:
    """Return the query parameters of a search. Raises UserError."""
    query = request.query_params
    values = {name: clean_input(query.get(name, ""), None if name in ("q", "after") else MAX_INPUT) for name in NAMES}
    parameters = {name: value for name, value in values.items() if value}
    try:
        parse_search(values["q"])
    except InvalidValue as error:
        raise UserError(str(error), "/search", _("Search again")) from None
    if parameters.get("kind", "agency") not in KINDS:
        raise _search_error(parameters, _("There are no records of the kind {kind}.").format(kind=parameters["kind"]))
    return parameters


def _search_error(parameters: SearchQuery, sentence: str) -> UserError:
    return UserError(sentence, address("/search", [("q", parameters.get("q", ""))]), _("Search again"))


def _hit(node: Data) -> Hit:
    record = node["record"]
    return Hit(record_summary(record["__typename"], record), record["description"] or "", node["missingWords"])


def _suggestion(record: Data) -> dict[str, Any]:
    one = record_summary(record["__typename"], record)
    return {"id": one.id, "kind": one.kind, "name": one.title, "path": one.path, "label": singular(one.kind)}


def _kinds(parameters: SearchQuery, found: Data) -> list[Choice]:
    of_any = found.get("ofAnyKind", found["search"])
    counts = {one["kind"]: one["count"] for one in of_any["countByKind"]}
    some = [
        (key, counts.get(name, 0), plural(name))
        for key, name in KINDS.items()
        if name in counts or key == parameters.get("kind")
    ]
    every = [("", sum(counts.values()), _("all kinds")), *some]
    return [
        Choice(text, count, parameters.get("kind", "") == key, _path(parameters, kind=key))
        for key, count, text in every
    ]


def _next_path(parameters: SearchQuery, found: Data) -> str:
    info = found["search"]["pageInfo"]
    return _path(parameters, after=info["endCursor"]) if info["hasNextPage"] else ""


def _path(parameters: SearchQuery, **changed: str) -> str:
    pairs = {name: value for name, value in parameters.items() if name != "after"} | changed
    return address("/search", [(name, value) for name, value in pairs.items() if value])
