"""What the explorer's scripts are given: words, kinds, links and codes in the language of the moment, and operations."""

from collections.abc import Iterator, Mapping
from typing import Any

from registry.codes import code_list
from registry.exploring.impact import STOPPABLE
from registry.exploring.steps import PHRASES, phrase
from registry.model import MAIN, MODEL
from registry.modelling import Kind
from registry.values import Date
from registry.web.operations import operation
from registry.words import _, language
from schema.names import camel

MOST_DRAWN = 2_000
OPERATIONS = ("neighbourhood", "paths", "impact", "ties", "record")
EVERYWHERE = frozenset({"access", "status"})


def given(known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the scripts need; `known` is an answer that the page has already, with the record it is about."""
    return {
        "language": language(),
        "most": MOST_DRAWN,
        "known": known,
        "operations": {name: operation(name) for name in OPERATIONS},
        "kinds": {kind.__name__: _kind(kind) for kind in MODEL},
        "links": {link: [phrase(link, away=True), phrase(link, away=False)] for link in PHRASES},
        "codes": {name: _labels(name) for name in sorted(_lists())},
        "words": words(),
    }


def _kind(kind: type[Kind]) -> dict[str, Any]:
    return {
        "one": kind_names()[kind.__name__],
        "path": kind.plural,
        "first": kind.__name__ in MAIN,
        "stops": kind.__name__ in STOPPABLE,
        "codes": {camel(name): codes for name, codes in _codes(kind)},
        "days": [camel(one.name) for one in kind.properties.values() if issubclass(one.value, Date)],
    }


def _codes(kind: type[Kind]) -> Iterator[tuple[str, str]]:
    """Yield the properties that hold a code of a short list, and that list; ours are listed by `registry.codes`."""
    for one in kind.properties.values():
        if one.codes and one.name not in EVERYWHERE:
            yield one.name, one.codes


def _lists() -> set[str]:
    return {codes for kind in MODEL for _name, codes in _codes(kind)}


def _labels(name: str) -> dict[str, str]:
    return {code: getattr(entry, f"label_{language()}") for code, entry in code_list(name).items()}


def kind_names() -> dict[str, str]:
    """Return what one record of each kind is called."""
    return {kind.__name__: _(kind.__name__) for kind in MODEL}


def words() -> dict[str, str]:
    """Return the sentences of the scripts by the name that they use for them."""
    return {
        "shown": _("{records} records and {links} links are shown."),
        "groups_shown": _("{records} groups and {links} ties between them are shown."),
        "clustered": _("{n} records and links are too many to read, so they are grouped; open a group, or filter."),
        "left_out": _("{n} links lead to records beyond those that fit here; expand one of those shown to go on."),
        "not_current": _("{n} links have ended or not begun on that day and are not shown."),
        "loading": _("Reading…"),
        "selected": _("{name} is selected."),
        "expanded": _("{name} is expanded: {n} records more."),
        "collapsed": _("{name} is collapsed."),
        "copied": _("The link to this view is copied."),
        "not_copied": _("The browser does not let this page copy; the link to this view is selected, please copy it."),
        "UNAVAILABLE": _("The registry does not answer just now; what is shown stays, please try again soon."),
        "TOO_COSTLY": _("That is more than the registry gives to one question; what is shown stays, please ask for less."),
        "REFUSED": _("The registry could not answer that; what is shown stays."),
        "NOT_ALLOWED": _("Your session has ended; what is shown stays."),
        "sign_in": _("Sign in again"),
        "NOT_FOUND": _("There is no such record, or it is not open to you."),
        "expand": _("Expand"),
        "collapse": _("Collapse"),
        "more": _("{n} more"),
        "open_record": _("Open the record"),
        "open_group": _("Open the group"),
        "impact": _("What stops if this stops?"),
        "way_from": _("Path from here"),
        "way_to": _("Path from {name} to here"),
        "back": _("Back to the neighbourhood"),
        "lost": _("stops"),
        "degraded": _("works less well"),
        "stops_first": _("is assumed to stop"),
        "impact_of": _("If {name} stops"),
        "impact_sum": _("{lost} stop and {degraded} work less well."),
        "impact_none": _("Nothing that you have access to depends on it."),
        "paths_of": _("From {from} to {to}"),
        "paths_none": _("No path of at most six links leads there, among the records that you have access to."),
        "hidden": _("not shown"),
        "links_withheld": _("Not everything is shown: you have access only to the summary of some of these records."),
        "choose_other": _("Now select the record that the path shall lead to."),
        "all": _("all"),
        "no_sector": _("no sector on record"),
        "withheld": _("Only its face is open; ask its steward for more."),
        "steward": _("Steward"),
        "linked_to": _("Linked to, of what is shown"),
        "validFrom": _("from {day}"),
        "validUntil": _("until {day}"),
        "records_in": _("{n} records"),
        "tie": _("{agencies} pairs of agencies; agreements: {partnerships}, services: {services}, uses: {uses}"),
        "within": _("within itself"),
        "graph": _("Graph of {n} records. Arrow keys walk them, Enter expands, Escape clears. The table has the same."),
        "file": _("graph"),
        "byWhen": _("needed by {day}"),
        "received": _("received on {day}"),
        "answered": _("answered on {day}"),
        "on": _("said on {day}"),
    }  # fmt: skip
