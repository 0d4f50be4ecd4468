"""The scope of a report: the agencies that the parameters `agency`, `sector` and `area` select, and the rows that concern them.

The scope never changes the network. Measures, tests and probabilities use all agencies; the scope selects what is listed and counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

from registry.analysis.report import (
    AGENCY,
    AREA,
    SCOPE,
    SECTOR,
    Report,
    ReportDefinition,
    ReportError,
    ReportRow,
    TextParameter,
    Value,
)
from registry.analysis.snapshot import AgencyRow, NamesById, Snapshot, TermRow, term_names
from registry.i18n import _, ngettext, number

SUGGESTED = 3
READS = {AGENCY.name: "agencies", SECTOR.name: "sectors", AREA.name: "areas"}


class Scope(NamedTuple):
    """The selected agencies: their ids, a text that names them, and the name of the record that each parameter gives."""

    agencies: frozenset[str]
    text: str
    names: Mapping[str, str]


def scope_reads(values: Mapping[str, Value]) -> Sequence[str]:
    """Return the types of the records that `read_scope` needs for these parameters."""
    given = [READS[one.name] for one in SCOPE if values.get(one.name)]
    return list(dict.fromkeys([READS[AGENCY.name], *given])) if given else []


def read_scope(snapshot: Snapshot, values: Mapping[str, Value]) -> Scope | None:
    """Return the agencies that fit all given parameters of the scope, or None if none of these parameters is given.

    An agency includes its units, a sector its narrower sectors, and an area the areas within it. Raises ReportError for an unknown
    identifier or code; records that the reader may not see are unknown.
    """
    agency, sector, area = (str(values.get(one.name, "")) for one in SCOPE)
    if not (agency or sector or area):
        return None
    selected = {one.id for one in snapshot.agencies}
    texts, names = [], {}
    if agency:
        units, names[AGENCY.name] = _agency_and_units(snapshot.agencies, agency)
        selected &= units
        texts.append(_with_units(names[AGENCY.name], len(units) - 1))
    if sector:
        terms, names[SECTOR.name] = _term_and_narrower(SECTOR, "Sector", snapshot.sectors, sector)
        selected &= {one.id for one in snapshot.agencies if not terms.isdisjoint(one.sectors)}
        texts.append(_("agencies of the sector {name}").format(name=names[SECTOR.name]))
    if area:
        terms, names[AREA.name] = _term_and_narrower(AREA, "Area", snapshot.areas, area)
        selected &= {one.id for one in snapshot.agencies if not terms.isdisjoint(one.areas)}
        texts.append(_("agencies in the area {name}").format(name=names[AREA.name]))
    text, *others = texts
    text += f" ({'; '.join(_('only {agencies}').format(agencies=one) for one in others)})" if others else ""
    return Scope(frozenset(selected), text, names)


def _agency_and_units(agencies: Sequence[AgencyRow], given: str) -> tuple[set[str], str]:
    """Return the ids of an agency and of all its units, and the name of the agency."""
    names = {one.id: one.name for one in agencies}
    if given not in names:
        sentence = _("“{name}”: there is no agency with the identifier {id} that you may see.")
        raise _unknown(AGENCY, sentence, given, names, {})
    units = _descendants(given, {one.id: one.part_of for one in agencies})
    return units, names[given]


def _with_units(name: str, units: int) -> str:
    if not units:
        return name
    return ngettext("{name} with its unit", "{name} with its {n} units", units).format(name=name, n=number(units))


def _term_and_narrower(
    parameter: TextParameter, kind: str, terms: Sequence[TermRow], given: str
) -> tuple[set[str], str]:
    """Return the ids of a term and of all narrower terms, and the name of the term. A term is given by its id or its code."""
    listed: NamesById = term_names(kind, terms)
    names = dict(zip(listed.ids, listed.names, strict=True))
    codes = Counter(one.code for one in terms if one.code)
    by_code = {one.code: one.id for one in terms if one.code and codes[one.code] == 1}
    chosen = given if given in names else by_code.get(given)
    if chosen is None:
        sentence = _("“{name}”: there is no sector with the identifier or code {id}.")
        if parameter is AREA:
            sentence = _("“{name}”: there is no area with the identifier or code {id}.")
        raise _unknown(parameter, sentence, given, names, {code: one for code, one in by_code.items() if code})
    return _descendants(chosen, {one.id: one.broader for one in terms}), names[chosen]


def _descendants(top: str, above: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the id and all ids below it; `above` lists the ids directly above each id. Cycles are allowed."""
    below: dict[str, list[str]] = {}
    for one, ups in above.items():
        for up in ups:
            below.setdefault(up, []).append(one)
    found, waiting = {top}, [top]
    while waiting:
        new = [one for one in below.get(waiting.pop(), ()) if one not in found]
        found.update(new)
        waiting += new
    return found


def _unknown(
    parameter: TextParameter, sentence: str, given: str, names: Mapping[str, str], codes: Mapping[str, str]
) -> ReportError:
    """Return an error that suggests the records with the most similar ids, codes or names."""
    spelled = {name.casefold(): one for one, name in names.items()}
    spelled |= {code.casefold(): one for code, one in codes.items()} | {one.casefold(): one for one in names}
    near = get_close_matches(given.casefold(), spelled, SUGGESTED, 0.5)
    text = sentence.format(name=_(parameter.label), id=given)
    if near:
        suggested = dict.fromkeys(spelled[one] for one in near)
        text += " " + _("Did you mean {name}?").format(name=", ".join(f"{one} ({names[one]})" for one in suggested))
    return ReportError(text)


def limited_to(scope: Scope, report: Report, definitions: Mapping[str, ReportDefinition]) -> Report:
    """Return the report with only the rows that concern the scope, and its counts for these rows.

    The report was made with the selection of the scope, so its counts `of` and `unknown` are already limited, unless every examined
    case has a row.
    """
    definition = definitions[report.name]
    rows = tuple(row for row in report.rows if row.concerns is None or not scope.agencies.isdisjoint(row.concerns))
    parts = tuple(limited_to(scope, one, definitions) for one in report.parts)
    if definition.selects:
        note = _("This report is limited to {scope}.").format(scope=scope.text) + " " + _(definition.concern)
        return replace(
            report, rows=rows, parts=parts, scope=scope.text, scope_names=scope.names, notes=(note, *report.notes)
        )
    found, in_all = (_findings(definition, some) for some in (rows, report.rows))
    note = _("Findings that concern {scope}: {n} of {m}.").format(n=number(found), m=number(in_all), scope=scope.text)
    note += f" {_(definition.concern)} " + _(
        "Measures and tests use all agencies, and the other notes are about all agencies."
    )
    of, unknown = report.of, report.unknown
    if definition.lists_all:
        of, unknown = len(rows), sum(row.confidence == "unclear" for row in rows)
    return replace(
        report, rows=rows, parts=parts, found=found, of=of, unknown=unknown, scope=scope.text, scope_names=scope.names,
        counts_by_type=_counts_by_type(report, rows), notes=(note, *report.notes),
    )  # fmt: skip


def _findings(definition: ReportDefinition, rows: Sequence[ReportRow]) -> int:
    return len({definition.finding(row) for row in rows} - {None})


def _counts_by_type(report: Report, rows: Sequence[ReportRow]) -> dict[str, int]:
    """Return the number of findings of each type in these rows, in the order of the report."""
    words = next((one.words for one in report.columns if one.name == "finding"), {})
    counts = Counter(words.get(str(row.values.get("finding")), "") for row in rows)
    return {label: counts[label] for label in report.counts_by_type if counts[label]}
