"""The changes that are steps of their own: what parties say, requests for resources and their answers, feedback."""

from collections.abc import Mapping
from typing import Any

import strawberry

from registry.changing import hearing, requesting, stating
from registry.changing.hearing import Heard
from registry.changing.requesting import Wish
from registry.model import Feedback, Partnership, Request, Statement
from registry.values import Prose
from schema.building import DAY, clean_text, codes, enumeration, maybe
from schema.changes import Asked, Change, Work

ID, TEXT = (strawberry.ID, ...), (str, ...)
KEY = {"key": maybe(strawberry.ID)}
STANDING = enumeration("Standing", codes("party-standing"), "What a party says of an agreement.")
DECISION = enumeration("Decision", codes("decision"), "What is decided of a request, or that a use has ended.")


def procedures() -> dict[str, Change]:
    """Return the fields of the mutation type that are steps of their own, by name."""
    of_party = {"partnership": ID, "agency": ID}
    level = {"scale": TEXT, "level": (int, ...), "on": maybe(DAY), "note": maybe(str)}
    wish = {"quantity": maybe(float), "since": maybe(DAY), "until": maybe(DAY), "purpose": maybe(str)}
    said = {"text": TEXT, "channel": maybe(strawberry.ID), "private": (bool, False), "contact": maybe(str)}
    answered = {"id": ID, "text": TEXT, **KEY}
    return {
        "confirm": Change(
            "Say for a party whether an agreement is so.",
            {**of_party, "standing": (STANDING, ...), "remark": maybe(str), **KEY},
            _confirm,
            Partnership,
        ),
        "stateLevel": Change(
            "Say for a party how closely it works with the others.", {**of_party, **level, **KEY}, _state, Statement
        ),
        "withdrawStatement": Change("Take back what was said of a level.", {"id": ID, **KEY}, _withdraw, Statement),
        "requestResource": Change(
            "Ask to use a resource.",
            {"agency": ID, "resource": ID, "need": maybe(strawberry.ID), **wish, **KEY},
            _request,
            Request,
        ),
        "decideRequest": Change(
            "Accept or decline a request, or end the use that came of it.",
            {"id": ID, "decision": (DECISION, ...), "answer": maybe(str), **KEY},
            _decide,
            Request,
        ),
        "giveFeedback": Change(
            "Say something about a service; anybody may.", {"service": ID, **said, **KEY}, _give, Feedback, anybody=True
        ),
        "answerFeedback": Change("Answer feedback.", answered, _answer, Feedback),
    }


def _confirm(asked: Asked) -> Work:
    remark = _text(asked, "remark")
    return lambda store, asking, _kind: stating.confirm(
        store, asking, asked["partnership"], asked["agency"], asked["standing"].value, remark
    )


def _state(asked: Asked) -> Work:
    said: Mapping[str, Any] = {name: asked.get(name) for name in ("scale", "level", "on")}
    said = {**said, "description": _text(asked, "note") or None}
    return lambda store, asking, _kind: stating.state_level(store, asking, asked["partnership"], asked["agency"], said)


def _withdraw(asked: Asked) -> Work:
    return lambda store, asking, _kind: stating.withdraw(store, asking, asked["id"])


def _request(asked: Asked) -> Work:
    properties = {name: asked.get(name) for name in ("quantity", "since", "until")}
    properties["description"] = _text(asked, "purpose") or None
    wish = Wish(asked["agency"], asked["resource"], asked.get("need"), properties)
    return lambda store, asking, _kind: requesting.request(store, asking, wish)


def _decide(asked: Asked) -> Work:
    answer = _text(asked, "answer")
    return lambda store, asking, _kind: requesting.decide(store, asking, asked["id"], asked["decision"].value, answer)


def _give(asked: Asked) -> Work:
    heard = Heard(
        asked["service"], _text(asked, "text"), asked.get("channel"), asked["private"], asked.get("contact") or ""
    )
    return lambda store, asking, _kind: hearing.give_feedback(store, asking, heard)


def _answer(asked: Asked) -> Work:
    answer = _text(asked, "text")
    return lambda store, asking, _kind: hearing.answer_feedback(store, asking, asked["id"], answer)


def _text(asked: Asked, name: str) -> str:
    return clean_text(Prose, asked.get(name))
