"""The inbox: what waits for who is signed in. Each of PARTS is a function that finds one sort of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry import figures
from registry.access import Action, Actor, can
from registry.clock import today
from registry.cypher import inbox
from registry.model import MAIN, MODEL
from registry.store import Reader, Rows
from registry.web.actors import LOGIN, NO_STORE, signed_in
from registry.web.addresses import address, record_path
from registry.web.allowed import EDITED, may_register
from registry.web.forms.renewing import horizon, renewal_path
from registry.web.graph import Graph
from registry.web.markup import page
from registry.web.names import names
from registry.web.standing import SOON, Standing, standing
from registry.web.wording import beginning, code_label, moment
from registry.words import _

MOST, MOST_CHANGES = 50, 10


@dataclass(frozen=True)
class Item:
    """A record that waits: what it is called and where its page is, what is told of it, what was noted on it.

    `renewal` is where its reader renews it, if it is an agreement that ends.
    """

    kind: str
    title: str
    path: str
    told: str = ""
    note: str = ""
    standing: Standing | None = None
    renewal: str = ""


@dataclass(frozen=True)
class Part:
    """One sort of what waits, and how much of it somebody has to do something about."""

    name: str
    heading: str
    nothing: str
    items: Sequence[Item]
    waiting: int = 0

    @property
    def full(self) -> int:
        """How many are shown at most, where there may be more; otherwise 0."""
        return MOST if len(self.items) >= MOST else 0


@dataclass(frozen=True)
class Desk:
    """Whose inbox it is, and what is asked to fill it."""

    graph: Graph
    reader: Reader
    me: Actor

    async def standing_at(self, status: str, action: Action) -> list[tuple[str, str, str]]:
        """Return kind, id and time of the records at a status with which I may do something, newest first."""
        if not self.me.everything and not self.me.for_whom(action):
            return []
        me = self.me.doing(action)
        answers = await self.reader.read([inbox.standing_at(kind, status, me=me, size=MOST) for kind in EDITED])
        found = [(kind.__name__, *row) for kind, rows in zip(EDITED, answers, strict=True) for row in rows]
        return sorted(found, key=lambda one: str(one[2]), reverse=True)[:MOST]

    async def titles(self, records: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return the titles of records, given as kind and id."""
        ids: dict[str, list[str]] = {}
        for kind, one in records:
            if kind in MODEL.kinds:
                ids.setdefault(kind, []).append(one)
        return await names(self.graph, ids, self.me)

    async def items(self, kind: str, rows: Rows, told: str) -> list[Item]:
        """Return the items of records, given as id and time; `told` says what was when."""
        titles = await self.titles([(kind, one) for one, _at in rows])
        return [
            Item(
                kind,
                titles[one],
                record_path(kind, one),
                told.format(when=moment(at) if "T" in at else figures.day(at)),
            )
            for one, at in rows
            if one in titles
        ]


async def to_approve(desk: Desk) -> Part:
    """Find what was handed in and waits for my approval."""
    found = await desk.standing_at("proposed", Action.APPROVE)
    titles = await desk.titles([(kind, one) for kind, one, _at in found])
    items = [
        Item(kind, titles[one], record_path(kind, one), _("handed in on {when}").format(when=moment(at)))
        for kind, one, at in found
        if one in titles
    ]
    return Part("approve", _("To approve"), _("Nothing waits for your approval."), items, len(items))


async def drafts(desk: Desk) -> Part:
    """Find the drafts of my agencies; those that were sent back come first, with what was noted."""
    found = await desk.standing_at("draft", Action.PROPOSE)
    titles, (entries,) = await asyncio.gather(
        desk.titles([(kind, one) for kind, one, _at in found]),
        desk.reader.read([inbox.last_entries([one for _kind, one, _at in found])]),
    )
    last = {record: (what, note or "") for record, _number, what, note in _steps(entries)}
    back, rest = [], []
    for kind, one, at in found:
        if one in titles:
            path, (what, note) = record_path(kind, one), last.get(one, ("", ""))
            if what == "sent-back":
                back.append(Item(kind, titles[one], path, _("sent back"), note))
            else:
                rest.append(Item(kind, titles[one], path, _("changed on {when}").format(when=moment(at))))
    return Part("drafts", _("Drafts, and what was sent back"), _("There are no drafts."), [*back, *rest], len(back))


async def endings(desk: Desk) -> Part:
    """Find the agreements of my agencies that have expired or will soon, and that no other follows."""
    day = today()
    found = inbox.ending(sorted(desk.me.agencies), until=horizon(day), me=desk.me.parameter(), size=MOST)
    (rows,) = await desk.reader.read([found]) if desk.me.agencies else ([],)
    titles = await desk.titles([("Partnership", one) for one, _until, _steward in rows])
    items = [
        Item(
            "Partnership",
            titles[one],
            record_path("Partnership", one),
            standing=standing(None, last, withheld=False, today=day),
            renewal=renewal_path(one) if can(desk.me, Action.PROPOSE, {"steward": steward}) else "",
        )
        for one, last, steward in rows
        if one in titles
    ]
    ahead = sum(last >= day for _one, last, _steward in rows)
    heading = _("Agreements that end within {n} days, or have ended").format(n=SOON)
    return Part("endings", heading, _("No agreement of your agencies ends soon."), items, ahead)


async def last_changes(desk: Desk) -> Part:
    """Find what I changed last."""
    (rows,) = await desk.reader.read([inbox.changes_by(desk.me.name, size=MOST_CHANGES)])
    titles = await desk.titles([(kind, one) for one, kind, _at, _what in rows])
    items = [
        Item(kind, titles[one], record_path(kind, one), f"{code_label('change-kind', what)} · {moment(at)}")
        for one, kind, at, what in rows
        if one in titles
    ]
    return Part("changes", _("Your last changes"), _("You have changed nothing yet."), items)


async def to_confirm(desk: Desk) -> Part:
    """Find the agreements on which my agencies have yet to speak."""
    agencies = sorted(desk.me.for_whom(Action.EDIT))
    text = inbox.unconfirmed(agencies, me=desk.me.parameter(), size=MOST)
    (rows,) = await desk.reader.read([text]) if agencies else ([],)
    items = await desk.items("Partnership", rows, _("changed on {when}"))
    return Part("confirm", _("To confirm or dispute"), _("No agreement waits for your word."), items, len(items))


async def requests(desk: Desk) -> Part:
    """Find the requests for what my agencies answer for."""
    (rows,) = await desk.reader.read([inbox.undecided(me=desk.me.doing(Action.ANSWER), size=MOST)])
    items = await desk.items("Request", rows, _("asked on {when}"))
    return Part("requests", _("Requests to decide"), _("Nobody waits for your decision."), items, len(items))


async def feedback(desk: Desk) -> Part:
    """Find the feedback that my agencies have to answer."""
    (rows,) = await desk.reader.read([inbox.unanswered(me=desk.me.doing(Action.ANSWER), size=MOST)])
    items = [
        Item(
            "Feedback",
            _("Received {day}").format(day=figures.day(at)),
            record_path("Feedback", one),
            note=beginning(what or ""),
        )
        for one, at, what in rows
    ]
    return Part("feedback", _("Feedback to answer"), _("No feedback waits for your answer."), items, len(items))


PARTS: tuple[Callable[[Desk], Awaitable[Part]], ...] = (
    to_approve, to_confirm, requests, feedback, drafts, endings, last_changes,
)  # fmt: skip


class Inbox:
    """The inbox of whoever is signed in."""

    def __init__(self, graph: Graph, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [Route("/inbox", self._page)]

    async def parts(self, me: Actor) -> list[Part]:
        """Return all that waits for somebody. Raises StoreError."""
        desk = Desk(self._graph, self._reader, me)
        return list(await asyncio.gather(*(part(desk) for part in PARTS)))

    async def _page(self, request: Request) -> Response:
        me = signed_in(request)
        if me is None:
            return RedirectResponse(address(LOGIN, [("next", "/inbox")]), 303)
        parts = sorted(await self.parts(me), key=lambda part: (not part.waiting, not part.items))
        registered = MAIN if may_register(me) else ()
        response = page(request, "inbox.html", parts=parts, registered=registered)
        response.headers.update(NO_STORE)
        return response


def _steps(entries: Rows) -> Rows:
    """Return the entries, in order, that moved a record from one status to another: changes of a draft are none."""
    return [one for one in entries if one[2] != "changed"]
