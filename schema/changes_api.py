"""The mutation type: a field for each change, and the types of what they answer."""

from collections.abc import Mapping
from typing import Any

import strawberry

from schema.building import answered_field, listing, made_class, maybe, plain
from schema.changes import Change

DOC = "What can be changed, one thing after the other, by who may; what a person can mend is answered, not an error."
RECORD = "The record as it is now, for who may see it."
PROBLEMS = "What stands in the way; nothing was changed then."


def mutation_type(known: Mapping[str, Change], kinds: Mapping[str, Any], record: Any) -> Any:
    """Return the mutation type; `kinds` and `record` are the types of what is read."""
    problem = plain(
        "Problem",
        "Why something was not changed.",
        {
            "code": (str, "Which rule, for programs, such as UNFIT, REQUIRED, STALE, NOT_ALLOWED or NOT_FOUND."),
            "field": (str, "What does not fit: a field of the input, of a link after a dot."),
            "value": (str, "What was given."),
            "rule": (str, "What it should be."),
            "message": (str, "What is wrong, in the language of the request."),
        },
    )
    about = dict.fromkeys(change.about for change in known.values())
    results = {name: _result(name, kinds.get(name, record), problem) for name in about}
    mutation = made_class("Mutation", DOC)
    for name, change in known.items():
        setattr(mutation, name, answered_field(results[change.about], change.doc, **change.asked))
    return strawberry.type(mutation, description=DOC)


def _result(name: str, record: Any, problem: Any) -> Any:
    fields = {"record": (maybe(record), RECORD), "problems": (listing(problem), PROBLEMS)}
    return plain(f"{name}Result", "What came of a change.", fields)
