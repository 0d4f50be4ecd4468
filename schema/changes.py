"""The changes that can be asked for: what each is about, what it is asked with, and the work that it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import strawberry

from registry.changing import steps
from registry.changing.saving import save
from registry.changing.steps import Step
from registry.changing.turn import Asking, Outcome
from registry.modelling import Kind, Model
from registry.store import Store
from registry.values import Prose
from schema.building import clean_text, maybe
from schema.change_inputs import ChangeInputs, read_saving
from schema.operations import ANY

Asked = Mapping[str, Any]
Work = Callable[[Store, Asking, type[Kind]], Outcome]
AGAIN = {"ifVersion": maybe(int), "key": maybe(strawberry.ID)}
ID = (strawberry.ID, ...)


@dataclass(frozen=True)
class Change:
    """A field of the mutation type. Without a kind it is about a record of any kind, by its id.

    `read` makes work of what it is asked with. It raises Refused. `anybody` may ask for it, signed in or not.
    """

    doc: str
    asked: Mapping[str, Any]
    read: Callable[[Asked], Work]
    kind: type[Kind] | None = None
    anybody: bool = False

    @property
    def about(self) -> str:
        """The type of the record in its answer."""
        return self.kind.__name__ if self.kind else ANY


def changes(model: Model) -> dict[str, Change]:
    """Return the fields of the mutation type by name: for every kind that people keep, by one rule."""
    inputs, found = ChangeInputs(model), {}
    for kind in model:
        if not kind.kept_by_us:
            name = kind.__name__
            asked = {"input": (inputs.kinds[name], ...), "isAnother": (bool, False), **AGAIN}
            found[f"save{name}"] = Change(f"Make or change a record: {kind.__doc__}", asked, partial(_save, kind), kind)
            asked = {"id": ID, "reason": maybe(str), **AGAIN}
            found[f"retire{name}"] = Change(f"Retire one of the {kind.plural}.", asked, _step(steps.RETIRE), kind)
    noted = {"id": ID, "note": maybe(str), **AGAIN}
    return found | {
        "propose": Change("Hand in a draft.", {"id": ID, **AGAIN}, _step(steps.PROPOSE)),
        "approve": Change("Publish what was handed in.", noted, _step(steps.APPROVE)),
        "sendBack": Change("Make what was handed in a draft again.", noted, _step(steps.SEND_BACK)),
    }


def _save(kind: type[Kind], asked: Asked) -> Work:
    saving = replace(read_saving(kind, asked["input"], asked.get("ifVersion")), another=asked["isAnother"])
    return lambda store, asking, kind: save(store, asking, saving)


def _step(step: Step) -> Callable[[Asked], Work]:
    return partial(_take, step)


def _take(step: Step, asked: Asked) -> Work:
    said, version = clean_text(Prose, asked.get("note") or asked.get("reason")), asked.get("ifVersion")
    return lambda store, asking, kind: steps.take(store, asking, kind, asked["id"], step, said, version)
