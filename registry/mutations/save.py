"""Save one record or many, with links, permission checks and near-duplicate warnings."""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rapidfuzz import fuzz

from registry.database.driver import Store
from registry.database.write import known_states, own_ends
from registry.i18n import _
from registry.model.definitions import Agency
from registry.model.kinds import End, Kind, Property, snake
from registry.model.records import Problem, Record, fold, is_searched, make_record, make_tie, show
from registry.mutations.audit_events import RecordState, Ties, agreed, nothing
from registry.mutations.checks import broken
from registry.mutations.transaction import (
    ANY,
    MutationResult,
    RequestContext,
    Transaction,
    ValidationFailed,
    change,
    in_transaction,
    parts,
)
from registry.permissions import Action, can

THRESHOLD, MOST = 80.0, 3


def alike(one: str, other: str) -> bool:
    """Tell whether two names may well be of one thing: each word has a near twin in the other name, numbers are equal.

    Near is a normalised indel similarity of at least THRESHOLD. `python -m benchmarks.alike` measures how often it is
    wrong on lists of things that are different, and how often it finds a name that was mistyped.
    """
    (numbers, words), (other_numbers, other_words) = parts(one), parts(other)
    if not words or not other_words or numbers != other_numbers:
        return False
    return _covered(words, other_words) and _covered(other_words, words)


def known_already(turn: Transaction, new: RecordState) -> Iterator[Problem]:
    """Yield records of a kind, which the actor may know of, whose names are alike: the nearest, at most MOST.

    What a new agreement renews may well be called the same.
    """
    kind, name, renewed = new.kind, str(new.properties.get("name")), new.ties.get("renews", ())
    if not is_searched(kind) or not kind.named:
        return
    near = sorted(
        (-fuzz.token_sort_ratio(fold(name), fold(other)), record, other)
        for record, other in turn.reading.named_like(kind, name)
        if alike(name, other) and record not in renewed
    )
    for _ratio, record, other in near[:MOST]:
        message = _("“{name}” is here already: use it, or say that this is another one.").format(name=other)
        yield Problem("ALIKE", "name", record, _("a name unlike all others"), message)


def _covered(words: Sequence[str], others: Sequence[str]) -> bool:
    return all(any(fuzz.ratio(word, other) >= THRESHOLD for other in others) for word in words)


GOVERNED = ("steward", "access", "grants")
LONGEST = 60


@dataclass(frozen=True)
class LinkChange:
    """What changes about a link: ties to add, each as the id at the far end and its properties, and ids to remove."""

    add: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saving:
    """What is to be saved: properties, where None clears one, and changes of links by their name.

    `version` is the one that was looked at; when it has moved on, nothing is saved. `another` says that a new record is
    none of those with names alike.
    """

    kind: type[Kind]
    id: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, LinkChange] = field(default_factory=dict)
    version: int | None = None
    another: bool = False


def save(store: Store, asking: RequestContext, saving: Saving) -> MutationResult:
    """Register or change a record. An id that nobody has is a new record's, as is none. Raises StoreError."""
    return change(store, asking, saving.kind, lambda turn: saved(turn, saving))


def saved(turn: Transaction, saving: Saving) -> RecordState:
    """Do what `save` does within a turn. Raises changing.turn.Refused."""
    check_by_hand(turn, saving.kind)
    before = turn.find(saving.kind, saving.id) if saving.id else None
    return turn.keep(before, prepared(turn, before, saving), "changed" if before else "created")


def check_by_hand(turn: Transaction, kind: type[Kind]) -> None:
    """Refuse what somebody says to another, such as feedback: nobody else writes it for them. Raises changing.turn.Refused."""
    if kind.by_step and not turn.actor.everything:
        message = _("This is not saved but said by who may say it.")
        raise ValidationFailed(Problem("NOT_ALLOWED", "id", "", _("a step of its own"), message))


def prepared(turn: Transaction, before: RecordState | None, saving: Saving) -> RecordState:
    """Return a record as it is to be. Raises changing.turn.Refused for all that stands in the way."""
    after = _changed(before, saving) if before else _new(turn, saving)
    if before:
        _check_may_change(turn, before, saving)
    is_new = before is None and not saving.another
    record, unfit = make_record(saving.kind, after.given(), before=before.given() if before else None)
    problems = [
        *unfit,
        *_by_step(saving.kind.properties, saving.properties),
        *_unfit_ties(after, saving),
        *_nowhere(turn, before, after),
        *overreach(turn, before, after, saving.id),
        *(broken(turn, before, replace(after, properties=_stored(after, record))) if record else ()),
        *(known_already(turn, after) if is_new else ()),
    ]
    if record is None or problems:
        raise ValidationFailed(*dict.fromkeys(problems))
    return replace(after, properties=_stored(after, record))


def _stored(state: RecordState, record: Record) -> dict[str, object]:
    """Return the properties of a state, with the values of a record in place of those that were given."""
    return {**state.properties, **record.values}


def _changed(before: RecordState, saving: Saving) -> RecordState:
    properties = {**before.properties, **_own(saving), "id": before.id}
    return RecordState(saving.kind, properties, _retied(before, saving.links))


def _new(turn: Transaction, saving: Saving) -> RecordState:
    if saving.id and turn.is_taken(saving.id.strip()):  # as which it would be kept
        raise ValidationFailed(
            Problem("TAKEN", "id", show(saving.id), _("an id of its own"), _("This id cannot be used."))
        )
    steward = {"steward": turn.actor.usual} if turn.actor.usual else {}
    properties = {**steward, **_own(saving), "status": "draft"}
    properties["id"] = saving.id or _id(saving.kind, str(properties.get("name") or ""))
    if not saving.kind.named and not properties.get("name"):
        properties["name"] = properties["id"]
    properties.setdefault("access", "open")
    return RecordState(saving.kind, properties, _retied(nothing(saving.kind), saving.links))


def _own(saving: Saving) -> dict[str, object]:
    """Return what is given of the properties without those that nobody gives, whoever sent them."""
    kept = {"status", *(name for name, declared in saving.kind.properties.items() if declared.kept_by_us)}
    return {name: value for name, value in saving.properties.items() if name not in kept}


def _retied(before: RecordState, links: Mapping[str, LinkChange]) -> dict[str, Ties]:
    tied = {name: dict(ties) for name, ties in before.ties.items()}
    ends = {end.name: end for end in own_ends(before.kind)}
    for name, asked in links.items():
        if name in ends:
            kept = {} if ends[name].single and asked.add else tied[name]
            kept = {far: values for far, values in kept.items() if far not in asked.remove}
            was = before.ties[name]  # also of what is removed and added again
            added = {far: _tied(ends[name], far, was.get(far, {}), values) for far, values in asked.add.items()}
            tied[name] = {**kept, **added}
    return tied


def _tied(end: End, far: str, before: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """Return the properties of a tie as they are stored; those that do not fit as they are, to be told of later.

    What a step has set stays.
    """
    tie, _problems = make_tie(end, "", far, values)
    by_step = {name: value for name, value in before.items() if end.link.properties[name].by_step}
    return {**known_states(tie.values if tie else values), **by_step}


def _check_may_change(turn: Transaction, before: RecordState, saving: Saving) -> None:
    if not can(turn.actor, Action.EDIT, before.properties):
        raise ValidationFailed(not_allowed(_("You may not change this record; its steward may.")))
    if before.properties.get("status") == "retired":
        message = _("This record is retired; it is not changed any more.")
        raise ValidationFailed(Problem("RETIRED", "status", "retired", _("a record that is not retired"), message))
    if saving.version is not None and saving.version != before.version:
        raise ValidationFailed(stale(saving.version, before.version))


def overreach(
    turn: Transaction, before: RecordState | None, after: RecordState, chosen: str | None = None
) -> Iterator[Problem]:
    """Yield what of a change is not for who asks; `chosen` is the id that they chose for a new record, if they did."""
    yield from _governing(turn, before, after)
    yield from _acting(turn, before, after, chosen)
    yield from _speaking(turn, before, after)
    yield from _silencing(turn, before, after)


def _governing(turn: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield what only some may change: who answers for a record, and, once it is published, who sees it."""
    own = after.properties
    if before is None or before.properties.get("steward") != own.get("steward"):
        action = Action.PROPOSE if before is None else Action.GOVERN
        if not can(turn.actor, action, own):
            yield not_theirs("steward", own["steward"]) if own.get("steward") else _nobodys()
    if before and before.properties.get("status") == "published":
        for name in GOVERNED:
            differs = before.properties.get(name) != own.get(name)
            if differs and not can(turn.actor, Action.GOVERN, before.properties):
                message = _("Of a record that is published, only an approver changes this.")
                yield Problem("NOT_ALLOWED", name, show(own.get(name)), _("a change by an approver"), message)


def _acting(turn: Transaction, before: RecordState | None, after: RecordState, chosen: str | None) -> Iterator[Problem]:
    """Yield what of an agency would make somebody act for it, or be taken for it, who does not act for it yet."""
    if after.kind is not Agency or turn.actor.everything:
        return
    if before is None and chosen:  # grants, groups and the claims of a provider go by names such as this
        message = _("Only an administrator chooses the id of an agency; leave it empty.")
        yield Problem("NOT_ALLOWED", "id", show(chosen), _("no id of one's own"), message)
    moved = before is not None and before.ties["part_of"].keys() != after.ties["part_of"].keys()
    if moved and not can(turn.actor, Action.GOVERN, {"steward": after.id}):  # who acts for the whole acts for its units
        message = _("Only an approver of this agency changes what it is part of.")
        yield Problem("NOT_ALLOWED", "part_of", "", _("a change by an approver"), message)


def _speaking(turn: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield the agencies for which something is said by somebody who does not act for them."""
    for end in own_ends(after.kind):
        was = before.ties[end.name] if before else {}
        for far in after.ties[end.name] if end.link.speaks else ():
            if far not in was and not can(turn.actor, Action.EDIT, {"steward": far}):
                yield not_theirs(end.name, far)


def _silencing(turn: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield the parties that are removed with what they said by somebody who does not act for them."""
    for end in own_ends(after.kind) if before else ():
        ties = before.ties[end.name] if before else {}
        for far in ties if agreed(end.link, ties) != ties else ():
            silenced = far not in after.ties[end.name] and agreed(end.link, {far: ties[far]}) != {far: ties[far]}
            if silenced and not can(turn.actor, Action.EDIT, {"steward": far}):
                message = _("This party has confirmed or disputed it: only the party or an administrator removes it.")
                rule = _("a party that has said nothing, or that you act for")
                yield Problem("NOT_ALLOWED", end.name, show(far), rule, message)


def _by_step(declared: Mapping[str, Property], given: Mapping[str, object], link: str = "") -> Iterator[Problem]:
    """Yield what is not saved but set by a step of its own."""
    for name, value in given.items():
        if name in declared and declared[name].by_step:
            message = _("This is not saved but said by who may say it.")
            yield Problem("NOT_ALLOWED", f"{link}{name}", show(value), _("a step of its own"), message)


def _nowhere(turn: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield the records that are named and that nobody has, or that who names them may not know of."""
    for name, declared in after.kind.properties.items():
        value = after.properties.get(name)
        known = value == after.id or (before and before.properties.get(name) == value)
        if declared.refers_to and not declared.kept_by_us and isinstance(value, str) and not known:
            yield from _unknown(turn, declared.refers_to, name, [value])
    for end in own_ends(after.kind):
        was = before.ties[end.name] if before else {}
        yield from _unknown(turn, end.target, end.name, [far for far in after.ties[end.name] if far not in was])


def _unknown(turn: Transaction, kind: str, name: str, ids: list[str]) -> Iterator[Problem]:
    for one in turn.unknown(kind, ids):
        rule = _("the id of a record of the kind {kind}").format(kind=_(kind))
        yield Problem("UNKNOWN_RECORD", name, show(one), rule, _("There is no such record."))


def _unfit_ties(after: RecordState, saving: Saving) -> Iterator[Problem]:
    ends = {end.name: end for end in own_ends(saving.kind)}
    for name, asked in saving.links.items():
        if name not in ends:
            rule = _("a link that is changed with this record")
            yield Problem("UNKNOWN_FIELD", name, "", rule, _("There is no such link."))
            continue
        if ends[name].single and len(after.ties[name]) > 1:
            yield Problem("SEVERAL", name, "", _("at most one"), _("There can be one only."))
        for far, values in asked.add.items():
            yield from _by_step(ends[name].link.properties, values, f"{name}.")
            for problem in make_tie(ends[name], "", far, values)[1]:
                yield Problem(problem.code, f"{name}.{problem.field}", problem.value, problem.rule, problem.message)


def not_allowed(message: str) -> Problem:
    """Return the problem of who may not do something."""
    return Problem("NOT_ALLOWED", "id", "", _("what your role allows for the agencies you act for"), message)


def not_theirs(name: str, agency: object) -> Problem:
    """Return the problem of who says something for an agency that they do not act for; `name` is the field."""
    rule = _("an agency that you act for")
    return Problem("NOT_ALLOWED", name, show(agency), rule, _("You do not act for this agency."))


def _nobodys() -> Problem:
    rule = _("an agency that you act for")
    return Problem("REQUIRED", "steward", "", rule, _("Say which of your agencies answers for it."))


def stale(looked_at: int, now: int) -> Problem:
    """Return the problem of a record that has changed since it was looked at."""
    message = _("Somebody changed this record meanwhile: look at it again.")
    return Problem("STALE", "version", str(looked_at), _("version {n}, which it has now").format(n=now), message)


def _id(kind: type[Kind], name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:LONGEST].strip("-")
    return f"{snake(kind.__name__)}:{plain or 'new'}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class Done:
    """What came of one of many: `created`, `changed`, `unchanged`, or nothing where there are problems."""

    what: str
    record: str | None = None
    problems: tuple[Problem, ...] = ()


class _NotDone(Exception):
    """Ends a turn without a trace, and tells what came of it."""

    def __init__(self, done: Sequence[Done]) -> None:
        super().__init__()
        self.done = done


def save_all(store: Store, asking: RequestContext, savings: Sequence[Saving], *, dry: bool) -> Sequence[Done]:
    """Save records in this order, where each may name those before it; if one has a problem, none is saved.

    A `dry` run tells the same and saves nothing. What was asked for before under the same key is not done again: nothing
    is told of it. Raises StoreError.
    """

    def work(turn: Transaction) -> Sequence[Done]:
        if turn.earlier():
            return ()
        _foresee(turn, savings)
        done = [_saved(turn, saving) for saving in savings]
        if dry or any(one.problems for one in done):
            raise _NotDone(done)
        return done

    try:
        return in_transaction(store, asking, work)
    except _NotDone as told:
        return told.done
    except ValidationFailed as refused:
        return [Done("", problems=refused.problems)]


def _foresee(turn: Transaction, savings: Sequence[Saving]) -> None:
    """Read at once what saving these one after another asks for; what is not foreseen is read when it is asked for."""
    reading = turn.reading
    for kind, ids in _by_kind((one.kind.__name__, one.id) for one in savings if one.id).items():
        reading.states.all_of(kind, ids)
    new = [one for one in savings if not (one.id and reading.states.of(one.kind.__name__, one.id))]
    reading.taken.all_of(ANY, [one.id.strip() for one in new if one.id])
    for kind, ids in _by_kind(named for one in savings for named in _named(one)).items():
        reading.readers.all_of(kind, ids)
    for compared in dict.fromkeys(one.kind for one in new if not one.another):
        reading.read_names(compared)


def _named(saving: Saving) -> Iterator[tuple[str, str]]:
    """Yield the records that a saving names, as kind and id."""
    for name, declared in saving.kind.properties.items():
        if declared.refers_to and isinstance(one := saving.properties.get(name), str):
            yield declared.refers_to, one
    for end in own_ends(saving.kind):
        if end.name in saving.links:
            yield from ((end.target, far) for far in saving.links[end.name].add)


def _by_kind(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, one in named:
        found.setdefault(kind, []).append(one)
    return found


def _saved(turn: Transaction, saving: Saving) -> Done:
    """Save one of many; what is refused is told of, and the rest is looked at all the same."""
    before = turn.find(saving.kind, saving.id) if saving.id else None
    try:
        check_by_hand(turn, saving.kind)
        after = turn.keep(before, prepared(turn, before, saving), "changed" if before else "created")
    except ValidationFailed as refused:
        return Done("", saving.id, refused.problems)
    what = "created" if before is None else "unchanged" if after.version == before.version else "changed"
    return Done(what, after.id)
