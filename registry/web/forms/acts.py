"""What people do with records beside saving them: each act says who is offered it, what it asks, and what it does."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from registry.access import Action, Actor, can
from registry.changing import hearing, requesting, stating
from registry.changing.hearing import Heard
from registry.changing.requesting import Wish
from registry.changing.turn import Asking, Outcome
from registry.codes import code_list
from registry.figures import exact
from registry.store import Store
from registry.values import Numeral
from registry.web.allowed import may_edit, stewarded
from registry.web.forms.fields import Field
from registry.web.forms.needed import NEED, for_need
from registry.web.forms.picking import Options
from registry.web.forms.typed import NOTATION, notation_of
from registry.web.graph import Graph
from registry.words import _, language

Shown = Mapping[str, Any]  # a record as pages show it
Typed = Mapping[str, str]
Begins = Callable[[Graph, Actor, QueryParams, Sequence[Field]], Awaitable[Sequence[Field]]]


@dataclass(frozen=True)
class Act:
    """An act with a record of a kind, at `/KINDS/ID/NAME`.

    `title`, `asks` and `takes`, which says what it takes to be offered it, are worked out in the language of the moment;
    `asks` returns fields without values, and `begins` those that they have at first, by what the address of the form names.
    """

    kind: str
    name: str
    title: Callable[[], str]
    offered: Callable[[Actor, Shown], bool]
    asks: Callable[[Options, Shown], Sequence[Field]]
    do: Callable[[Store, Asking, str, Typed], Outcome]
    begins: Begins | None = None
    takes: Callable[[], str] = lambda: _(
        "It takes the role of a coordinator or an approver of the agency that it is about."
    )


def speakers(actor: Actor, record: Shown) -> list[str]:
    """Return the parties of an agreement for which an actor may speak."""
    parties = [one["agency"]["id"] for one in record["parties"]] if record["status"] != "RETIRED" else []
    return [one for one in parties if can(actor, Action.EDIT, {"steward": one})]


def _field(
    name: str, label: str, sort: str = "prose", *, required: bool = False, hint: str = "", options: Options = ()
) -> Field:
    return Field(name, label, hint, sort, "", required, options)


def _codes(name: str) -> Options:
    return [(one.code, one.label) for one in code_list(name).values()]


def _confirming(mine: Options, _record: Shown) -> Sequence[Field]:
    return [
        _field("agency", _("For which party"), "choice", required=True, options=mine),
        _field("standing", _("Is it so?"), "choice", required=True, options=_codes("party-standing")),
        _field("remark", _("What is not so"), "line", hint=_("Needed unless you confirm it.")),
    ]


def _confirm(store: Store, asking: Asking, record: str, typed: Typed) -> Outcome:
    return stating.confirm(store, asking, record, typed["agency"], typed["standing"], typed["remark"])


def _levels(mine: Options, _record: Shown) -> Sequence[Field]:
    levels = [
        (f"{scale.code}:{level.code}", f"{scale.label}: {level.code} {level.label}")
        for scale in code_list("level-scale").values()
        for level in code_list(f"level-{scale.code}").values()
    ]
    return [
        _field("agency", _("For which party"), "choice", required=True, options=mine),
        _field("level", _("How closely do you work together?"), "choice", required=True, options=levels),
        _field("on", _("Said on"), "date", hint=_("Today, if you leave it empty.")),
        _field("note", _("Why you say so")),
    ]


def _state_level(store: Store, asking: Asking, record: str, typed: Typed) -> Outcome:
    scale, _colon, level = typed["level"].partition(":")
    said = {
        "scale": scale or None,
        "level": level or None,
        "on": typed["on"] or None,
        "description": typed["note"] or None,
    }
    return stating.state_level(store, asking, record, typed["agency"], said)


def _wishing(mine: Options, record: Shown) -> Sequence[Field]:
    free = _free(record)
    return [
        _field("agency", _("For which agency"), "choice", required=True, options=mine),
        _field("quantity", _("How much"), "number", hint=free),
        _field("since", _("From"), "date"),
        _field("until", _("Until"), "date"),
        _field("purpose", _("What for")),
        Field(NEED, _("To meet"), "", "hidden", "", kind="Need"),
        Field(NOTATION, "", "", "hidden", language()),
    ]


def _free(record: Shown) -> str:
    if record.get("capacity") is None:
        return record.get("unit") or ""
    return free(max(0.0, record["capacity"] - (record["inUse"] or 0)), record["unit"])


def free(amount: float, unit: str | None) -> str:
    """Return how much of something is free, in words."""
    return _("Free: {n} {unit}.").format(n=exact(amount), unit=unit or "").replace(" .", ".")


def _request(store: Store, asking: Asking, record: str, typed: Typed) -> Outcome:
    quantity = Numeral(typed["quantity"], notation_of(typed)) if typed["quantity"] else None
    properties = {"quantity": quantity, **{name: typed[name] or None for name in ("since", "until")}}
    wish = Wish(typed["agency"], record, typed[NEED] or None, {**properties, "description": typed["purpose"] or None})
    return requesting.request(store, asking, wish)


def may_ask(actor: Actor, record: Shown) -> bool:
    """Tell whether an actor may ask for a resource: one that is shared and that is not their own anyway."""
    shared = record["status"] == "PUBLISHED" and record["shareability"] != "not-shared" and record["steward"]
    return bool(shared and actor.for_whom(Action.PROPOSE) and record["steward"]["id"] not in actor.agencies)


def _takes_another() -> str:
    return _(
        "It takes a resource of another agency that is published and shared, and the role of a coordinator or an approver."
    )


def _deciding(decision: str) -> Callable[[Store, Asking, str, Typed], Outcome]:
    return lambda store, asking, record, typed: requesting.decide(store, asking, record, decision, typed["answer"])


def _is_at(decision: str | None) -> Callable[[Actor, Shown], bool]:
    def offered(actor: Actor, record: Shown) -> bool:
        owners = set(record["grants"] or ())  # a request is shown to the steward of what it asks for
        answers = actor.everything or not owners.isdisjoint(actor.for_whom(Action.ANSWER))
        return bool(record["status"] == "PUBLISHED" and record["decision"] == decision and answers)

    return offered


def _answering(_mine: Options, _record: Shown) -> Sequence[Field]:
    return [_field("answer", _("Your answer"))]


def _hearing(_mine: Options, record: Shown) -> Sequence[Field]:
    channels = [(one["id"], one["address"] or one["id"]) for one in record["channels"]]
    about_contact = _("Only if you want to be reached: it is shown to nobody but who answers, and erased when you ask.")
    fields = [
        _field("text", _("What do you want to say?"), required=True),
        Field("private", _("Who may read it"), "", "choice", "no", options=[
            ("no", _("Everybody, once it is answered")), ("yes", _("Only who answers it"))]),
        _field("contact", _("How to reach you"), "line", hint=about_contact),
    ]  # fmt: skip
    through = _field("channel", _("About which channel"), "choice", options=channels)
    return [*fields[:1], through, *fields[1:]] if channels else fields


def _hear(store: Store, asking: Asking, record: str, typed: Typed) -> Outcome:
    private, channel = typed["private"] == "yes", typed.get("channel") or None
    return hearing.give_feedback(store, asking, Heard(record, typed["text"], channel, private, typed["contact"]))


def _answers(actor: Actor, record: Shown) -> bool:
    return record["status"] != "RETIRED" and can(actor, Action.ANSWER, stewarded(record))


ACTS = (
    Act(
        "Partnership",
        "confirm",
        lambda: _("Confirm or dispute"),
        lambda actor, one: bool(speakers(actor, one)),
        _confirming,
        _confirm,
    ),
    Act(
        "Partnership",
        "level",
        lambda: _("State a level"),
        lambda actor, one: bool(speakers(actor, one)),
        _levels,
        _state_level,
    ),
    Act(
        "Statement",
        "withdraw",
        lambda: _("Take this back"),
        may_edit,
        lambda _mine, _record: [],
        lambda store, asking, record, _typed: stating.withdraw(store, asking, record),
    ),
    Act("Resource", "request", lambda: _("Ask to use it"), may_ask, _wishing, _request, for_need, _takes_another),
    Act("Request", "accept", lambda: _("Accept"), _is_at(None), _answering, _deciding("accepted")),
    Act("Request", "decline", lambda: _("Decline"), _is_at(None), _answering, _deciding("declined")),
    Act("Request", "end", lambda: _("The use has ended"), _is_at("accepted"), _answering, _deciding("ended")),
    Act(
        "Service",
        "feedback",
        lambda: _("Give feedback"),
        lambda _actor, one: one["status"] == "PUBLISHED",
        _hearing,
        _hear,
        takes=lambda: _("It takes a service that is published."),
    ),
    Act(
        "Feedback",
        "answer",
        lambda: _("Answer"),
        _answers,
        lambda _mine, _record: [_field("answer", _("Your answer"), required=True)],
        lambda store, asking, record, typed: hearing.answer_feedback(store, asking, record, typed["answer"]),
    ),
)


def offered_acts(actor: Actor, kind: str, record: Shown) -> list[Act]:
    """Return the acts that an actor may do with a record."""
    return [act for act in ACTS if act.kind == kind and not record["withheld"] and act.offered(actor, record)]
