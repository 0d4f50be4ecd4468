"""What stands in the way of a change, in words, each at the field that it is about."""

from collections.abc import Collection, Mapping, Sequence

from registry.cypher.states import own_ends
from registry.modelling import Kind
from registry.records import Problem
from registry.web.forms.typed import Typed, editable, rows
from registry.words import _

WHOLE = ""  # the name under which stands what is about no field


def sentence(problem: Problem) -> str:
    """Return a problem as a sentence."""
    if problem.code == "REQUIRED":
        return _("This has to be filled in.")
    said = problem.message[:1].upper() + problem.message[1:]
    if said.endswith((".", "?")):
        return said
    return _("{what}; it takes {rule}.").format(what=said, rule=problem.rule)


def at_fields(
    kind: type[Kind],
    problems: Sequence[Problem],
    typed: Typed,
    picked: Mapping[str, str],
    *,
    new: bool,
    fixed: Collection[str],
) -> dict[str, list[str]]:
    """Return the sentences by the name of their field; under WHOLE those for which the form has none.

    `fixed` are the properties for which it has none as who fills it in may not change them.
    """
    found: dict[str, list[str]] = {}
    properties = {one.name for one in editable(kind, new=new)}.difference(fixed)
    ends = {end.name: end for end in own_ends(kind)}
    for problem in problems:
        name, _dot, of_link = problem.field.partition(".")
        if name in properties:
            where = [f"p-{name}"]
        elif name in ends:
            suffix = f"-{of_link}" if of_link else ""
            those = [one for one in rows(typed, ends[name]) if typed[one]]
            where = [f"{one}{suffix}" for one in those if _is_meant(problem, typed, picked, one, suffix)]
            where = where or [f"l-{name}"]
        else:
            where = [WHOLE]
        for one in where:
            found.setdefault(one, [])
            if (told := sentence(problem)) not in found[one]:
                found[one].append(told)
    return found


def _is_meant(problem: Problem, typed: Typed, picked: Mapping[str, str], row: str, suffix: str) -> bool:
    return typed.get(f"{row}{suffix}", "") == problem.value if suffix else picked.get(row) == problem.value
