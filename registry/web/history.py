"""The changes of a record as text, limited to what the user may see."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from registry.database import audit_log, write
from registry.database.driver import Reader
from registry.i18n import _
from registry.model.kinds import End, Kind, Property
from registry.mutations.audit_events import LINK_CHANGES, Difference, RecordState, read_state
from registry.mutations.revisions import (
    HistoryEvent,
    Revision,
    is_whole,
    may_undo,
    original_event,
    read_event,
    revisions_of,
    state_on,
)
from registry.permissions import Action, Actor, can, shown_to
from registry.web.presenters import edge_texts, titles_of
from registry.web.queries import PageQueries
from registry.web.refusals import EDITABLE
from registry.web.templating import label, level_label, property_text
from schema.types import camel

MAX_TEXT = 300
Titles = Mapping[str, str]


@dataclass(frozen=True)
class ChangeLine:
    """One property or link that a change affected, with its values before and after the change."""

    heading: str
    before: str
    after: str


def ids_in(kind: type[Kind], differences: Iterable[Difference]) -> dict[str, list[str]]:
    """Return the ids, by kind, of the records that changes refer to."""
    found: dict[str, dict[str, None]] = {}
    for one in differences:
        for name, value in one.items():
            declared = kind.properties.get(name)
            if declared and declared.refers_to and value and not declared.read_only:
                found.setdefault(declared.refers_to, {})[str(value)] = None
        for name, links in one.get(LINK_CHANGES, {}).items():
            if name in kind.ends and links:
                found.setdefault(kind.ends[name].target, {}).update(dict.fromkeys(links))
    return {name: list(ids) for name, ids in found.items()}


def change_lines(kind: type[Kind], before: Difference, after: Difference, titles: Titles) -> list[ChangeLine]:
    """Return the changed properties and links as text.

    Links to records without a title are left out, because the user may not know that these records exist.
    """
    named = before.keys() | after.keys()
    names = [name for name in kind.properties if name in named and name not in kind.erasable]
    properties = [
        ChangeLine(label(name), *(_value_text(kind.properties[name], one, titles) for one in (before, after)))
        for name in names
    ]
    links_of = [before.get(LINK_CHANGES, {}), after.get(LINK_CHANGES, {})]
    links = [
        ChangeLine(label(name), *(_links_text(end, one.get(name, {}), titles) for one in links_of))
        for name, end in kind.ends.items()
        if any(name in one for one in links_of)
    ]
    return [one for one in [*properties, *links] if one.before != one.after]


def record_lines(
    kind: type[Kind], properties: Mapping[str, object], ties: Mapping[str, Difference], titles: Titles
) -> list[ChangeLine]:
    """Return every property and link of a record as text."""
    values = {**properties, LINK_CHANGES: {name: tied for name, tied in ties.items() if tied}}
    return [one for one in change_lines(kind, {}, values, titles) if one.after]


def _value_text(one: Property, difference: Difference, titles: Titles) -> str:
    value = difference.get(one.name)
    if one.read_only or value is None:
        return ""
    if one.refers_to:
        return titles.get(str(value), _("a record that you have no access to"))
    scale = difference.get({"target_level": "target_scale", "level": "scale"}.get(one.name, ""))
    text = level_label(str(scale), int(str(value))) if scale else property_text(one, value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _links_text(end: End, tied: Mapping[str, Mapping[str, object]], titles: Titles) -> str:
    return "; ".join(sorted(_link_text(end, values, titles[far]) for far, values in tied.items() if far in titles))


def _link_text(end: End, values: Mapping[str, object], title: str) -> str:
    words = list(edge_texts(end.link.properties.values(), {camel(name): value for name, value in values.items()}))
    return f"{title} ({', '.join(words)})" if words else title


MOST, MOST_ENTRIES = 50, 1_000


@dataclass(frozen=True)
class HistoryEntry:
    """A change of a record: its time, its type, its entry point (page, API or load), and its lines.

    If the user may edit the record, the entry also has the author and the note. If the user may undo the change, `undo` is its
    number; otherwise `undo` is 0.
    """

    at: str
    what: str
    how: str
    who: str
    note: str
    lines: Sequence[ChangeLine]
    undo: int


@dataclass(frozen=True)
class PastRecord:
    """The changes of a record, newest first, and the record as it was on `day`.

    `earlier` is the record on that day; if the user may not see the record, `earlier` is empty. `complete` says whether the audit
    log has all changes of the record. `more` says whether there are changes that are older than all of `entries`.
    """

    entries: Sequence[HistoryEntry]
    day: str | None
    earlier: Sequence[ChangeLine]
    complete: bool
    more: bool


class RecordHistories:
    """Reads the history of a record."""

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    async def of(self, kind: type[Kind], one: str, actor: Actor, day: str | None) -> PastRecord | None:
        """Return the history of a record. Raises StoreError.

        Return None if the record has no audit events, or if the actor may not see its details.
        """
        (entries,) = await self._reader.read([audit_log.of_record(one, size=MOST_ENTRIES)])
        if not entries and day is None:
            return None
        (rows,) = await self._reader.read([write.state(kind, one)])
        state = read_state(kind, rows)
        if state is None or not can(actor, Action.VIEW_DETAILS, state.properties):
            return None
        events = [read_event(row[0]) for row in entries]
        visible = list(islice(_visible_revisions(state, events, actor), MOST + 1))
        more, visible = len(visible) > MOST, visible[:MOST]
        was = state_on(state, events, day) if day else None
        was = was if was and (was is state or _may_see(actor, was)) else None
        complete = is_whole(state, events)
        undoable = _undoable(state, [one.event for one in visible], events, actor)
        return await self._present(state, visible, was, day, actor, complete=complete, undoable=undoable, more=more)

    async def _present(
        self,
        state: RecordState,
        visible: Sequence[Revision],
        was: RecordState | None,
        day: str | None,
        actor: Actor,
        *,
        complete: bool,
        undoable: Collection[int],
        more: bool,
    ) -> PastRecord:
        kind = state.kind
        differences = [part for one in visible for part in (one.event.before, one.event.after)]
        current = [{**was.given(), LINK_CHANGES: was.ties}] if was else []
        ids = ids_in(kind, [*differences, *current])
        titles = await titles_of(self._graph, ids, actor)
        knows = can(actor, Action.EDIT, state.properties)
        history = [
            HistoryEntry(
                one.event.at,
                one.event.what,
                one.event.how,
                one.event.actor if knows else "",
                one.event.note if knows else "",
                change_lines(kind, one.event.before, one.event.after, titles),
                one.event.number if one.event.number in undoable else 0,
            )
            for one in visible
        ]
        return PastRecord(
            history, day, record_lines(kind, was.given(), was.ties, titles) if was else [], complete, more
        )


def _visible_revisions(state: RecordState, events: Sequence[HistoryEvent], actor: Actor) -> Iterator[Revision]:
    """Yield the changes that the actor may see, newest first.

    The changes end at the newest version whose details the actor was not allowed to see.
    """
    for revision in revisions_of(state, events):
        if not _may_see(actor, revision.before or revision.after):
            return
        yield revision


def _undoable(
    state: RecordState, visible: Sequence[HistoryEvent], events: Sequence[HistoryEvent], actor: Actor
) -> set[int]:
    """Return the numbers of the changes that an actor may undo.

    `visible` are the changes that the actor sees; `events` are all audit events of the record.
    """
    if state.kind not in EDITABLE:
        return set()
    by_id = {f"change:{one.number}": one for one in events}
    return {one.number for one in visible if may_undo(actor, state, original_event(one, by_id.get).what)}


def _may_see(actor: Actor, state: RecordState) -> bool:
    return not actor.names().isdisjoint(shown_to(state.given()))
