"""What a party says: of an agreement, whether it is so; and how closely the parties work together."""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from registry.access import Action, can
from registry.changing.saving import not_allowed, not_theirs
from registry.changing.state import State, nothing
from registry.changing.steps import STANDING, found, whole
from registry.changing.turn import Asking, Outcome, Refused, Turn, change, cleaned
from registry.clock import today
from registry.codes import code_list
from registry.cypher.states import known
from registry.model import Partnership, Statement
from registry.records import Problem, make_record, show
from registry.store import Store
from registry.values import Text
from registry.words import _


def confirm(store: Store, asking: Asking, partnership: str, agency: str, standing: str, remark: str = "") -> Outcome:
    """Say for a party whether an agreement is so: `confirmed`, `corrected` or `disputed`. Raises StoreError."""

    def work(turn: Turn) -> State:
        before, why = _of_party(turn, partnership, agency), cleaned(Text, remark, "remark")
        if standing not in code_list("party-standing"):
            rule = _("a code of {codes}").format(codes="party-standing")
            raise Refused(Problem("UNFIT", "standing", show(standing), rule, _("There is no such code.")))
        if standing != "confirmed" and not why:
            message = _("Say what is not so, so that it can be mended.")
            raise Refused(Problem("REQUIRED", "remark", "", _("a few words"), message))
        said = {"standing": standing, "standing_on": today(), "remark": why or None}
        parties = before.ties["parties"]
        ties = {**before.ties, "parties": {**parties, agency: known({**parties[agency], **said})}}
        return turn.keep(before, replace(before, ties=ties), "stated")

    return change(store, asking, Partnership, work)


def state_level(store: Store, asking: Asking, partnership: str, agency: str, said: Mapping[str, object]) -> Outcome:
    """Say for a party how closely it works with the others: `scale`, `level`, `on` (today if absent) and `description`.

    Returns what came of it, with the statement as the record. Raises StoreError.
    """

    def work(turn: Turn) -> State:
        about = _of_party(turn, partnership, agency)
        shared = {name: about.properties.get(name) for name in ("access", "grants")}
        name = f"statement:{secrets.token_hex(6)}"
        given = {"id": name, "steward": agency, "on": today(), **shared, **known(said), "status": "published"}
        record, problems = make_record(Statement, given)
        if record is None:
            raise Refused(*problems)
        _check_level(str(record.values["scale"]), str(record.values["level"]))
        ties: dict[str, dict[str, dict[str, object]]] = {"agency": {agency: {}}, "partnership": {partnership: {}}}
        return turn.keep(None, replace(nothing(Statement), properties=record.values, ties=ties), "stated")

    return change(store, asking, Statement, work)


def withdraw(store: Store, asking: Asking, statement: str) -> Outcome:
    """Take back what was said of a level. Raises StoreError."""

    def work(turn: Turn) -> State:
        before = found(turn, Statement, statement)
        if not can(turn.actor, Action.EDIT, before.properties):
            raise Refused(not_allowed(_("You do not act for this agency.")))
        return turn.keep(before, replace(before, properties={**before.properties, "status": "retired"}), "retired")

    return change(store, asking, Statement, work)


def _of_party(turn: Turn, partnership: str, agency: str) -> State:
    """Return an agreement whose party the actor speaks for. Raises Refused."""
    state = whole(turn, Partnership, partnership, STANDING)
    if agency not in state.ties["parties"]:
        message = _("This agency is no party to the agreement.")
        raise Refused(Problem("UNFIT", "agency", show(agency), _("a party to the agreement"), message))
    if not can(turn.actor, Action.EDIT, {"steward": agency}):
        raise Refused(not_theirs("agency", agency))
    return state


def _check_level(scale: str, level: str) -> None:
    levels = code_list(f"level-{scale}")
    if level not in levels:
        rule = _("a level of {scale}: {levels}").format(scale=scale, levels=", ".join(levels))
        raise Refused(Problem("UNFIT", "level", show(level), rule, _("This scale has no such level.")))
