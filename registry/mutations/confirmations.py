"""Confirmations and assessments: a party confirms or disputes an agreement, and assesses its level of collaboration."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from registry.clock import today
from registry.database.driver import Store
from registry.database.write import known_states
from registry.i18n import _
from registry.model.codelists import code_list
from registry.model.definitions import Partnership, Statement
from registry.model.records import Problem, make_record, show
from registry.model.values import Text
from registry.mutations.audit_events import RecordState, empty_state
from registry.mutations.lifecycle import ACTIVE, find_or_fail, visible_in_full
from registry.mutations.save import not_acting_for, not_allowed
from registry.mutations.transaction import (
    MutationResult,
    RequestContext,
    Transaction,
    ValidationFailed,
    change,
    clean_input,
)
from registry.permissions import Action, can, role_needed


def confirm(
    store: Store, context: RequestContext, partnership: str, agency: str, standing: str, remark: str = ""
) -> MutationResult:
    """Confirm, correct or dispute an agreement on behalf of a party; `standing` is `confirmed`, `corrected` or `disputed`.

    Raises StoreError.
    """

    def work(transaction: Transaction) -> RecordState:
        before, comment = _of_party(transaction, partnership, agency), clean_input(Text, remark, "remark")
        if standing not in code_list("party-standing"):
            rule = _("one of {choices}").format(choices=", ".join(code_list("party-standing")))
            raise ValidationFailed(Problem("UNFIT", "standing", show(standing), rule, _("This is not a valid choice.")))
        if standing != "confirmed" and not comment:
            message = _("Describe what is wrong, so that it can be corrected.")
            raise ValidationFailed(Problem("REQUIRED", "remark", "", _("a text"), message))
        values = {"standing": standing, "standing_on": today(), "remark": comment or None}
        parties = before.ties["parties"]
        ties = {**before.ties, "parties": {**parties, agency: known_states({**parties[agency], **values})}}
        return transaction.write(before, replace(before, ties=ties), "stated")

    return change(store, context, Partnership, work)


def state_level(
    store: Store, context: RequestContext, partnership: str, agency: str, said: Mapping[str, object]
) -> MutationResult:
    """Record how a party to an agreement assesses the level of collaboration.

    `said` has the keys `scale`, `level`, `on` (the day; today if absent) and `description`. The record in the result is the new
    assessment. Raises StoreError.
    """

    def work(transaction: Transaction) -> RecordState:
        about = _of_party(transaction, partnership, agency)
        shared = {name: about.properties.get(name) for name in ("access", "grants")}
        name = f"statement:{secrets.token_hex(6)}"
        given = {"id": name, "steward": agency, "on": today(), **shared, **known_states(said), "status": "published"}
        record, problems = make_record(Statement, given)
        if record is None:
            raise ValidationFailed(*problems)
        _check_level(str(record.values["scale"]), str(record.values["level"]))
        ties: dict[str, dict[str, dict[str, object]]] = {"agency": {agency: {}}, "partnership": {partnership: {}}}
        return transaction.write(None, replace(empty_state(Statement), properties=record.values, ties=ties), "stated")

    return change(store, context, Statement, work)


def withdraw(store: Store, context: RequestContext, statement: str) -> MutationResult:
    """Withdraw a party's assessment of an agreement. Raises StoreError."""

    def work(transaction: Transaction) -> RecordState:
        before = find_or_fail(transaction, Statement, statement)
        if not can(transaction.actor, Action.EDIT, before.properties):
            raise ValidationFailed(not_allowed(role_needed(Action.EDIT)))
        return transaction.write(
            before, replace(before, properties={**before.properties, "status": "retired"}), "retired"
        )

    return change(store, context, Statement, work)


def _of_party(transaction: Transaction, partnership: str, agency: str) -> RecordState:
    """Return the agreement. Raises ValidationFailed if the actor may not act for this party to the agreement."""
    state = visible_in_full(transaction, Partnership, partnership, ACTIVE)
    if agency not in state.ties["parties"]:
        message = _("This agency is not a party to the agreement.")
        raise ValidationFailed(Problem("UNFIT", "agency", show(agency), _("a party to the agreement"), message))
    if not can(transaction.actor, Action.EDIT, {"steward": agency}):
        raise ValidationFailed(not_acting_for("agency", agency))
    return state


def _check_level(scale: str, level: str) -> None:
    levels = code_list(f"level-{scale}")
    if level not in levels:
        rule = _("a level of {scale}: {levels}").format(scale=scale, levels=", ".join(levels))
        raise ValidationFailed(
            Problem("UNFIT", "level", show(level), rule, _("This level does not exist on the scale."))
        )
