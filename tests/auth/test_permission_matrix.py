"""Every cell of docs/access.md, over GraphQL and on pages: who sees what, and who does what with it."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping

import httpx
import pytest

from registry.auth.permission_matrix import CLASSES, NOBODY, stored
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.permissions import Action, can
from registry.web.app import build_app
from tests.support.actors import acting, by
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.entry_points import CHANGES, FORMS, TABLE, Cell, Trial, sent_to_table
from tests.support.permission_cases import (
    READ,
    ROLES,
    SIGHTS,
    cells,
    check_read,
    held,
    how_much,
    operation,
    ours,
    promised,
    those,
)
from tests.support.server import serving

__all__ = ["held"]
pytestmark = SLOW_ON_NEO4J
HEADERS = {"Accept": "text/html", "Accept-Language": "en"}
REFUSALS = {"NOT_ALLOWED", "NOT_FOUND", "TAKEN"}  # an id that they may not know of is taken
SAYS_NO = re.compile(
    "You need the [a-z ]+ role for |[Oo]nly an approver can change this|This identifier cannot be used"
)
SUMMARY_ONLY = "Summary only: you need access to see the rest"


@pytest.fixture(scope="module")
def client(place: ConnectionSettings, held: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server, asked by somebody of each role who acts for one of the agencies."""
    known = {name: actor for name, actor in ROLES.items() if name != NOBODY}
    data = tmp_path_factory.mktemp("data")
    settings = Settings(_env_file=None, lang="en", data=data, requests_a_minute=100_000)
    with serving(acting(build_app(place, settings), known)) as client:
        yield client


def as_one(client: httpx.Client, who: str) -> httpx.Client:
    """Return the client, asking as one of them."""
    client.headers = httpx.Headers({**HEADERS, "Origin": str(client.base_url).rstrip("/")})
    client.headers.update({} if who == NOBODY else by(who))
    return client


@pytest.mark.parametrize("who", ROLES)
def test_everybody_sees_over_graphql_what_the_page_says(client: httpx.Client, who: str) -> None:
    check_read(as_one(client, who).post("/graphql", json={"query": READ}).json()["data"], promised(who))


@pytest.mark.parametrize("who", ROLES)
def test_everybody_sees_on_pages_what_the_page_says(client: httpx.Client, who: str) -> None:
    seen, asked = promised(who), as_one(client, who)
    pages = {one: asked.get(f"/resources/{one}") for one in SIGHTS}
    assert {one: _page(answer) for one, answer in pages.items()} == seen
    assert {one for one, answer in pages.items() if "Rahasia." in answer.text} == those(seen, "all")
    editable = {one for one, known in SIGHTS.items() if can(ROLES[who], Action.EDIT, stored(*known))}
    assert {one for one, answer in pages.items() if f'href="/resources/{one}/edit"' in answer.text} == editable
    files = {one: asked.get(f"/resources/{one}.json") for one in SIGHTS}
    assert {
        one: "nothing" if answer.status_code == 404 else how_much(answer.json()["resource"])
        for one, answer in files.items()
    } == seen
    assert {one for one in SIGHTS if asked.get(f"/records/{one}").status_code == 307} == those(seen, "all", "summary")
    listed, found = asked.get("/resources?q=aula"), asked.get("/search?q=rahasia")
    assert ours(re.findall(r'href="/resources/([^"/?]+)"', listed.text)) == those(seen, "all", "summary")
    assert ours(re.findall(r'href="/resources/([^"/?]+)"', found.text)) == those(seen, "all")
    rows = csv.DictReader(io.StringIO(asked.get("/resources.csv?q=aula").text.lstrip("\ufeff")))
    assert ours(row["id"] for row in rows) == those(seen, "all", "summary")


@pytest.mark.parametrize("who", ROLES)
def test_a_refusal_names_the_missing_role_and_hides_what_is_hidden(client: httpx.Client, who: str) -> None:
    for one, much in promised(who).items():
        answer = as_one(client, who).get(f"/resources/{one}/edit")
        may = can(ROLES[who], Action.EDIT, stored(*SIGHTS[one]))
        assert answer.status_code == (404 if much == "nothing" else 200 if may else 403), one
        needed = "You need the coordinator or approver role for "
        assert (needed in answer.text) is (answer.status_code == 403), one


def _page(answer: httpx.Response) -> str:
    return "nothing" if answer.status_code == 404 else "summary" if SUMMARY_ONLY in answer.text else "all"


def check_done(store: Store, action: Action, trial: Trial, done: Mapping[str, Mapping[Cell, bool]]) -> None:
    """Check that what was done is what may be done, and that what was refused changed nothing."""
    versions = {one[0]: one[1] for one in store.read(Cypher("MATCH (n) WHERE n.version > 0 RETURN n.id, n.version"))}
    for who, tried in done.items():
        for cell, was_done in tried.items():
            may = can(ROLES[who], action, {"steward": cell.steward})
            assert was_done is may, (who, cell)
            assert not trial.changes or (versions[cell.id] > 1) is may, (who, cell)


@pytest.mark.parametrize(("action", "way"), [*CHANGES, *FORMS])
def test_everybody_does_what_the_page_says_and_nothing_else(
    client: httpx.Client, held: Store, place: ConnectionSettings, action: Action, way: str
) -> None:
    """Forms are sent for records of every class on Neo4j, and of one class for each role on the embedded engine."""
    by_form, embedded = (action, way) in FORMS, place.reader_username != place.username
    trial = (FORMS if by_form else CHANGES)[action, way]
    tried = cells(held, action, way, trial)
    if by_form and embedded:
        classes = dict(zip(ROLES, itertools.cycle(CLASSES), strict=False))
        tried = {who: [one for one in each if one.access == classes[who]] for who, each in tried.items()}
    send = _by_form if by_form else _over_graphql
    check_done(held, action, trial, {who: send(as_one(client, who), way, trial, tried[who]) for who in ROLES})


def _over_graphql(client: httpx.Client, _change: str, trial: Trial, tried: list[Cell]) -> dict[Cell, bool]:
    asked = operation({f"c{place}": trial.sent(cell) for place, cell in enumerate(tried)})
    answer = client.post("/graphql", json={"query": asked}).json()
    if "errors" in answer:
        assert [one["extensions"]["code"] for one in answer["errors"]] == ["NOT_ALLOWED"], answer
        return dict.fromkeys(tried, False)
    told = [{one["code"] for one in answer["data"][f"c{place}"]["problems"]} for place in range(len(tried))]
    assert all(codes <= REFUSALS for codes in told), told
    return {cell: not codes for cell, codes in zip(tried, told, strict=True)}


def _by_form(client: httpx.Client, form: str, trial: Trial, tried: list[Cell]) -> dict[Cell, bool]:
    return {cell: _sent(client, form, trial, cell) for cell in tried}


def _sent(client: httpx.Client, form: str, trial: Trial, cell: Cell) -> bool:
    path, sent = form.replace("KINDS", "resources").replace("{id}", cell.id), trial.sent(cell)
    answer = sent_to_table(client, path, sent) if form == TABLE else client.post(path, data=sent)
    said = answer.status_code == 422 and SAYS_NO.search(answer.text)
    assert said or answer.status_code in (303, 401, 403, 404), (cell, answer.status_code, answer.text)
    return answer.status_code == 303
