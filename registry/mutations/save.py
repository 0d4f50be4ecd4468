"""Save one record or many with their links; check permissions and warn about near-duplicates."""

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
from registry.model.records import Problem, Record, fold, is_searched, make_record, make_relationship, show
from registry.mutations.audit_events import RecordState, Relationships, empty_state, without_confirmations
from registry.mutations.checks import broken_rules
from registry.mutations.similar_names import alike, expanded
from registry.mutations.transaction import (
    ANY,
    MutationResult,
    RequestContext,
    Transaction,
    ValidationFailed,
    change,
    in_transaction,
)
from registry.permissions import Action, can, role_needed

MOST_LISTED = 3


def near_duplicates(transaction: Transaction, new: RecordState) -> Iterator[Problem]:
    """Among the records that the actor may see, yield a problem for each record whose name is similar to the new name.

    At most MOST_LISTED problems are yielded, most similar name first. An agreement may have the same name as the agreement that it
    renews.
    """
    kind, name, renewed = new.kind, str(new.properties.get("name")), new.ties.get("renews", ())
    if not is_searched(kind) or not kind.named:
        return
    near = sorted(
        (-fuzz.token_sort_ratio(expanded(name), expanded(other)), record, other)
        for record, other in transaction.reading.named_like(kind, name)
        if alike(name, other) and record not in renewed
    )
    for _ratio, record, other in near[:MOST_LISTED]:
        message = _(
            "A record with a similar name exists: “{name}”. Use that record, or confirm that this is a different one."
        ).format(name=other)
        yield Problem(
            "ALIKE", "name", record, _("a name that differs clearly from the names of other records"), message
        )


PERMISSION_FIELDS = ("steward", "access", "grants")
LONGEST_ID = 60


@dataclass(frozen=True)
class LinkChange:
    """Changes of a record's links of one type: the relationships to add, by the id of the linked record, and the ids to remove."""

    add: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class SaveInput:
    """Input for saving a record: its properties, and the changes of its links by link name. The value None clears a property.

    `version` is the version that the user saw. Saving fails if the record has changed since. `another` confirms that a new record
    differs from the existing records with similar names.
    """

    kind: type[Kind]
    id: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, LinkChange] = field(default_factory=dict)
    version: int | None = None
    another: bool = False


def save(store: Store, context: RequestContext, saving: SaveInput) -> MutationResult:
    """Create or update a record. If the input has no id, or an id that no record has, a record is created. Raises StoreError."""
    return change(store, context, saving.kind, lambda transaction: save_in(transaction, saving))


def save_in(transaction: Transaction, saving: SaveInput) -> RecordState:
    """Save a record within a transaction, as `save` does. Raises ValidationFailed."""
    check_by_hand(transaction, saving.kind)
    before = transaction.find(saving.kind, saving.id) if saving.id else None
    return transaction.write(before, new_state(transaction, before, saving), "changed" if before else "created")


def check_by_hand(transaction: Transaction, kind: type[Kind]) -> None:
    """Reject kinds that only a record action writes, such as feedback. Raises ValidationFailed.

    Administrators may save records of all kinds, including those written by record actions.
    """
    if kind.by_action and not transaction.actor.is_admin:
        message = _(
            "Records of this kind cannot be saved directly. Use the action that creates or changes these records."
        )
        raise ValidationFailed(Problem("NOT_ALLOWED", "id", "", _("a change through an action of the record"), message))


def new_state(transaction: Transaction, before: RecordState | None, saving: SaveInput) -> RecordState:
    """Return the record with the changes applied. Raises ValidationFailed with all problems found."""
    after = _changed(before, saving) if before else _new(transaction, saving)
    if before:
        _check_may_change(transaction, before, saving)
    is_new = before is None and not saving.another
    record, invalid = make_record(saving.kind, after.given(), before=before.given() if before else None)
    problems = [
        *invalid,
        *_by_action(saving.kind.properties, saving.properties),
        *_link_problems(after, saving),
        *_missing_references(transaction, before, after),
        *forbidden_changes(transaction, before, after, saving.id),
        *(broken_rules(transaction, before, replace(after, properties=_stored(after, record))) if record else ()),
        *(near_duplicates(transaction, after) if is_new else ()),
    ]
    if record is None or problems:
        raise ValidationFailed(*dict.fromkeys(problems))
    return replace(after, properties=_stored(after, record))


def _stored(state: RecordState, record: Record) -> dict[str, object]:
    """Return the stored properties of a record, updated with the cleaned values."""
    return {**state.properties, **record.values}


def _changed(before: RecordState, saving: SaveInput) -> RecordState:
    properties = {**before.properties, **_given(saving), "id": before.id}
    return RecordState(saving.kind, properties, _changed_links(before, saving.links))


def _new(transaction: Transaction, saving: SaveInput) -> RecordState:
    if saving.id and transaction.is_taken(saving.id.strip()):  # stripped, because it is stored without spaces
        raise ValidationFailed(
            Problem(
                "TAKEN",
                "id",
                show(saving.id),
                _("an unused identifier"),
                _("This identifier cannot be used. Choose another identifier, or leave the field empty."),
            )
        )
    steward = {"steward": transaction.actor.default_agency} if transaction.actor.default_agency else {}
    properties = {**steward, **_given(saving), "status": "draft"}
    properties["id"] = saving.id or _id(saving.kind, str(properties.get("name") or ""))
    if not saving.kind.named and not properties.get("name"):
        properties["name"] = properties["id"]
    properties.setdefault("access", "open")
    return RecordState(saving.kind, properties, _changed_links(empty_state(saving.kind), saving.links))


def _given(saving: SaveInput) -> dict[str, object]:
    """Return the properties that the user gave, without those that only the registry may set."""
    internal = {"status", *(name for name, declared in saving.kind.properties.items() if declared.read_only)}
    return {name: value for name, value in saving.properties.items() if name not in internal}


def _changed_links(before: RecordState, links: Mapping[str, LinkChange]) -> dict[str, Relationships]:
    changed = {name: dict(ties) for name, ties in before.ties.items()}
    ends = {end.name: end for end in own_ends(before.kind)}
    for name, wanted in links.items():
        if name in ends:
            rest = {} if ends[name].single and wanted.add else changed[name]
            rest = {far: values for far, values in rest.items() if far not in wanted.remove}
            old = before.ties[name]  # the old values are also needed for an id that is removed and added again
            added = {far: _link_values(ends[name], far, old.get(far, {}), values) for far, values in wanted.add.items()}
            changed[name] = {**rest, **added}
    return changed


def _link_values(end: End, far: str, before: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """Return the properties of a relationship in their stored form. Properties set by a record action are preserved.

    Invalid values are returned unchanged, because they are reported later.
    """
    tie, _problems = make_relationship(end, "", far, values)
    by_action = {name: value for name, value in before.items() if end.link.properties[name].by_action}
    return {**known_states(tie.values if tie else values), **by_action}


def _check_may_change(transaction: Transaction, before: RecordState, saving: SaveInput) -> None:
    if not can(transaction.actor, Action.EDIT, before.properties):
        raise ValidationFailed(not_allowed(role_needed(Action.EDIT)))
    if before.properties.get("status") == "retired":
        message = _("This record is retired and cannot be changed.")
        raise ValidationFailed(Problem("RETIRED", "status", "retired", _("an active record"), message))
    if saving.version is not None and saving.version != before.version:
        raise ValidationFailed(stale(saving.version, before.version))


def forbidden_changes(
    transaction: Transaction, before: RecordState | None, after: RecordState, chosen: str | None = None
) -> Iterator[Problem]:
    """Yield a problem for each changed property or link that the actor may not change.

    `chosen` is the id that the user chose for a new record, or None.
    """
    yield from _permission_changes(transaction, before, after)
    yield from _agency_changes(transaction, before, after, chosen)
    yield from _unauthorised_statements(transaction, before, after)
    yield from _removed_confirmations(transaction, before, after)


def _permission_changes(transaction: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield a problem for each forbidden change of the steward. If the record is published, also check its access and grants."""
    own = after.properties
    if before is None or before.properties.get("steward") != own.get("steward"):
        action = Action.PROPOSE if before is None else Action.MANAGE
        if not can(transaction.actor, action, own):
            yield not_acting_for("steward", own["steward"], action) if own.get("steward") else _no_steward()
    if before and before.properties.get("status") == "published":
        for name in PERMISSION_FIELDS:
            differs = before.properties.get(name) != own.get(name)
            if differs and not can(transaction.actor, Action.MANAGE, before.properties):
                message = _("Only an approver can change this field of a published record.")
                yield Problem("NOT_ALLOWED", name, show(own.get(name)), _("a change that an approver makes"), message)


def _agency_changes(
    transaction: Transaction, before: RecordState | None, after: RecordState, chosen: str | None
) -> Iterator[Problem]:
    """Yield a problem for each change of an agency that would let a user act, or seem to act, for the agency without permission."""
    if after.kind is not Agency or transaction.actor.is_admin:
        return
    if before is None and chosen:  # access grants, groups and identity-provider claims refer to agencies by id
        message = _("Only an administrator can choose the identifier of an agency. Leave it empty.")
        yield Problem("NOT_ALLOWED", "id", show(chosen), _("an empty field"), message)
    moved = before is not None and before.ties["part_of"].keys() != after.ties["part_of"].keys()
    if moved and not can(
        transaction.actor, Action.MANAGE, {"steward": after.id}
    ):  # users who act for an agency also act for its units
        message = _("Only an approver of this agency can change its parent bodies.")
        yield Problem("NOT_ALLOWED", "part_of", "", _("a change that an approver makes"), message)


def _unauthorised_statements(
    transaction: Transaction, before: RecordState | None, after: RecordState
) -> Iterator[Problem]:
    """Yield a problem for each added link to an agency if the actor would have to act for that agency to add the link."""
    for end in own_ends(after.kind):
        was = before.ties[end.name] if before else {}
        for far in after.ties[end.name] if end.link.on_behalf else ():
            if far not in was and not can(transaction.actor, Action.EDIT, {"steward": far}):
                yield not_acting_for(end.name, far)


def _removed_confirmations(
    transaction: Transaction, before: RecordState | None, after: RecordState
) -> Iterator[Problem]:
    """Yield a problem for each removed party that has confirmed the agreement, if the actor may not act for that party."""
    for end in own_ends(after.kind) if before else ():
        ties = before.ties[end.name] if before else {}
        for far in ties if without_confirmations(end.link, ties) != ties else ():
            silenced = far not in after.ties[end.name] and without_confirmations(end.link, {far: ties[far]}) != {
                far: ties[far]
            }
            if silenced and not can(transaction.actor, Action.EDIT, {"steward": far}):
                message = _(
                    "This party has confirmed or disputed the agreement. Only the party itself or an administrator can "
                    "remove this party."
                )
                rule = _("a party without a confirmation, or one that you act for")
                yield Problem("NOT_ALLOWED", end.name, show(far), rule, message)


def _by_action(declared: Mapping[str, Property], given: Mapping[str, object], link: str = "") -> Iterator[Problem]:
    """Yield a problem for each given property that only a record action may set."""
    for name, value in given.items():
        if name in declared and declared[name].by_action:
            message = _("This field cannot be saved directly. Use the action that changes this field.")
            yield Problem(
                "NOT_ALLOWED", f"{link}{name}", show(value), _("a change through an action of the record"), message
            )


def _missing_references(transaction: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield a problem for each reference to a record that does not exist or that the actor cannot see."""
    for name, declared in after.kind.properties.items():
        value = after.properties.get(name)
        known = value == after.id or (before and before.properties.get(name) == value)
        if declared.refers_to and not declared.read_only and isinstance(value, str) and not known:
            yield from _unknown(transaction, declared.refers_to, name, [value])
    for end in own_ends(after.kind):
        was = before.ties[end.name] if before else {}
        yield from _unknown(transaction, end.target, end.name, [far for far in after.ties[end.name] if far not in was])


def _unknown(transaction: Transaction, kind: str, name: str, ids: list[str]) -> Iterator[Problem]:
    for one in transaction.unknown(kind, ids):
        rule = _("the id of a record of the kind {kind}").format(kind=_(kind))
        yield Problem("UNKNOWN_RECORD", name, show(one), rule, _("There is no such record."))


def _link_problems(after: RecordState, saving: SaveInput) -> Iterator[Problem]:
    ends = {end.name: end for end in own_ends(saving.kind)}
    for name, wanted in saving.links.items():
        if name not in ends:
            rule = _("a link that belongs to this record")
            yield Problem("UNKNOWN_FIELD", name, "", rule, _("This record has no link of this name."))
            continue
        if ends[name].single and len(after.ties[name]) > 1:
            yield Problem(
                "SEVERAL",
                name,
                "",
                _("at most one linked record"),
                _("This link can lead to one record only. Remove the other records."),
            )
        for far, values in wanted.add.items():
            yield from _by_action(ends[name].link.properties, values, f"{name}.")
            for problem in make_relationship(ends[name], "", far, values)[1]:
                yield Problem(problem.code, f"{name}.{problem.field}", problem.value, problem.rule, problem.message)


def not_allowed(message: str) -> Problem:
    """Return the problem that the actor lacks a permission."""
    return Problem("NOT_ALLOWED", "id", "", _("a role that allows this for an agency that you act for"), message)


def not_acting_for(name: str, agency: object, action: Action = Action.EDIT) -> Problem:
    """Return the problem that the actor may not perform an action for an agency; `name` is the form field."""
    rule = _("an agency that you act for")
    return Problem("NOT_ALLOWED", name, show(agency), rule, role_needed(action, _("this agency")))


def _no_steward() -> Problem:
    rule = _("an agency that you act for")
    return Problem("REQUIRED", "steward", "", rule, _("Choose which of your agencies is the steward."))


def stale(seen: int, current: int) -> Problem:
    """Return the problem that a record has changed since the user loaded it."""
    message = _("This record was changed after you opened it. Reload the record, then make your change again.")
    return Problem("STALE", "version", str(seen), _("version {n}, the current one").format(n=current), message)


def _id(kind: type[Kind], name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:LONGEST_ID].strip("-")
    return f"{snake(kind.__name__)}:{plain or 'new'}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class SaveResult:
    """The result for one record of a batch: `created`, `changed` or `unchanged`. For a record with problems, the result is ""."""

    what: str
    record: str | None = None
    problems: tuple[Problem, ...] = ()


class _RolledBack(Exception):
    """Rolls the transaction back and carries the results to the caller."""

    def __init__(self, done: Sequence[SaveResult]) -> None:
        super().__init__()
        self.done = done


def save_all(store: Store, context: RequestContext, savings: Sequence[SaveInput], *, dry: bool) -> Sequence[SaveResult]:
    """Save records in the given order. If any record has a problem, no record is saved. Raises StoreError.

    A record may refer to records that come before it. If `dry` is set, the results are the same but nothing is saved. A batch that
    was already saved under the same idempotency key is not saved again; the result is then empty.
    """

    def work(transaction: Transaction) -> Sequence[SaveResult]:
        if transaction.earlier_result():
            return ()
        _prefetch(transaction, savings)
        done = [_save_one(transaction, saving) for saving in savings]
        if dry or any(one.problems for one in done):
            raise _RolledBack(done)
        return done

    try:
        return in_transaction(store, context, work)
    except _RolledBack as rollback:
        return rollback.done
    except ValidationFailed as failure:
        return [SaveResult("", problems=failure.problems)]


def _prefetch(transaction: Transaction, savings: Sequence[SaveInput]) -> None:
    """Read in bulk the values that saving the given records needs. A value that is missed here is read later."""
    reading = transaction.reading
    for kind, ids in _by_kind((one.kind.__name__, one.id) for one in savings if one.id).items():
        reading.states.all_of(kind, ids)
    new = [one for one in savings if not (one.id and reading.states.of(one.kind.__name__, one.id))]
    reading.taken.all_of(ANY, [one.id.strip() for one in new if one.id])
    for kind, ids in _by_kind(named for one in savings for named in _references(one)).items():
        reading.readers.all_of(kind, ids)
    for compared in dict.fromkeys(one.kind for one in new if not one.another):
        reading.read_names(compared)


def _references(saving: SaveInput) -> Iterator[tuple[str, str]]:
    """Yield the kind and id of each record to which the input refers."""
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


def _save_one(transaction: Transaction, saving: SaveInput) -> SaveResult:
    """Save one record of a batch.

    The problems of the record go into its result, so that the other records of the batch are checked too.
    """
    before = transaction.find(saving.kind, saving.id) if saving.id else None
    try:
        check_by_hand(transaction, saving.kind)
        after = transaction.write(before, new_state(transaction, before, saving), "changed" if before else "created")
    except ValidationFailed as failure:
        return SaveResult("", saving.id, failure.problems)
    what = "created" if before is None else "unchanged" if after.version == before.version else "changed"
    return SaveResult(what, after.id)
