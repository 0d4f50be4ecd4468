"""Two people change one record: what the other changed comes into the form, but for what is typed there, too."""

from collections.abc import Sequence

from registry.changing.history import Told, passages
from registry.changing.state import State
from registry.cypher.states import own_ends
from registry.modelling import Kind
from registry.web.forms.typed import Typed


def looked_at(state: State, entries: Sequence[Told], version: int) -> State:
    """Return a record as it was at a version, as far as its entries, newest first, lead back to it."""
    found = state
    for passage in passages(state, entries[: max(state.version - version, 0)]):
        found = passage.before or found
    return found


def merged(kind: type[Kind], typed: Typed, before: Typed, now: Typed) -> dict[str, str]:
    """Return what a form is to hold: what was typed, and where nothing was, what is there now instead of before."""
    found = dict(typed)
    for name in (name for name in now if name.startswith("p-") and name in typed):
        if typed[name] == before.get(name):
            found[name] = now[name]
    for prefix in (f"l-{end.name}-" for end in own_ends(kind)):
        if _rows(typed, prefix) == _rows(before, prefix):
            kept = {name: value for name, value in found.items() if not name.startswith(prefix)}
            found = {**kept, **{name: value for name, value in now.items() if name.startswith(prefix)}}
    return found


def _rows(typed: Typed, prefix: str) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in typed.items() if name.startswith(prefix) and value)
