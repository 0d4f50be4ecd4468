"""Generate docs/model.md from the model: `python -m registry.model.docs`."""

from collections.abc import Iterator

from registry.model.kinds import End, Kind, Link, Model, Property


def describe(model: Model) -> str:
    """Return the content of docs/model.md."""
    lines = [
        "# The model",
        "",
        "`make docs` generates this page from `registry/model/definitions.py`. Everybody can view the *summary* of a record whose",
        "access is restricted; only its steward and the agencies and groups with a grant can view the details.",
        "",
    ]
    for kind in model:
        lines += [*_kind(kind), ""]
    return "\n".join(lines)


def _kind(kind: type[Kind]) -> Iterator[str]:
    yield f"## {kind.__name__}"
    yield ""
    yield str(kind.__doc__)
    yield ""
    yield "| property | type | description | rules |"
    yield "|---|---|---|---|"
    for declared in kind.properties.values():
        yield f"| `{declared.name}` | {declared.value.__name__} | {declared.doc} | {', '.join(_rules(declared))} |"
    if kind.ends:
        yield ""
        yield "| link | to | description | relation |"
        yield "|---|---|---|---|"
        for end in kind.ends.values():
            yield f"| `{end.name}` | {'one' if end.single else 'many'} {end.target} | {end.doc} | {_relation(end)} |"


def _rules(declared: Property) -> Iterator[str]:
    if declared.required:
        yield "required"
    if declared.summary:
        yield "summary"
    if declared.codes:
        yield f"code list `{declared.codes}`"
    if declared.refers_to:
        yield f"id of {declared.refers_to}"
    if declared.at_least is not None:
        yield f"at least {declared.at_least:g}"
    if declared.above is not None:
        yield f"more than {declared.above:g}"
    if declared.not_before:
        yield f"not before `{declared.not_before}`"
    if declared.not_above:
        yield f"at most `{declared.not_above}`"
    if declared.agreement_term:
        yield "term of the agreement"
    if declared.read_only:
        yield "set by the registry"
    if declared.by_action:
        yield "set by a record action"


def _relation(end: End) -> str:
    properties = f" ({', '.join(end.link.properties)})" if end.link.properties else ""
    return ", ".join([f"`{end.link.relation}`{properties}", *_link_rules(end.link)])


def _link_rules(link: Link) -> Iterator[str]:
    if link.summary:
        yield "summary"
    if link.acyclic:
        yield "no cycles"
    if link.at_least:
        yield f"at least {link.at_least}"
    if link.agreement_term:
        yield "term of the agreement"


if __name__ == "__main__":
    from registry.model.definitions import MODEL

    print(describe(MODEL), end="")
