"""The fields of a form. The labels, help texts and rules of the fields come from the data model."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from registry.database.write import own_ends
from registry.i18n import _
from registry.model.codelists import code_list
from registry.model.kinds import End, Kind, Property, snake
from registry.model.records import Problem
from registry.model.values import Date, Flag, Identifiers, Integer, Number, Prose, Texts
from registry.web.forms.values import MOST_ROWS, FormData, Options, editable, link_properties, row_field, row_fields
from registry.web.templating import label

MANAGEMENT = ("id", "steward", "access", "grants")
INPUT_TYPES = {Prose: "prose", Date: "date", Number: "number", Integer: "number", Texts: "lines", Identifiers: "lines"}
ProblemTexts = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Field:
    """A form field: its input type (line, prose, lines, date, number, choice, record, hidden), value, help text and problems."""

    name: str
    label: str
    help: str
    input_type: str
    value: str
    required: bool = False
    options: Options = ()
    kind: str = ""
    problems: Sequence[str] = ()
    suggestions: Options = ()


@dataclass(frozen=True)
class LinkRow:
    """A row of a link field: the linked record and the properties of the link."""

    record: Field
    properties: Sequence[Field]


@dataclass(frozen=True)
class LinkField:
    """The form field for a link: a row for each linked record, and an empty row to add another record."""

    name: str
    label: str
    help: str
    single: bool
    rows: Sequence[LinkRow]
    problems: Sequence[str]


@dataclass(frozen=True)
class FieldGroup:
    """A group of form fields under a heading."""

    name: str
    heading: str
    fields: Sequence[Field] = ()
    links: Sequence[LinkField] = ()


@dataclass(frozen=True)
class FormState:
    """The state of a form: the values that the user entered, the options of its fields, and the problems."""

    kind: type[Kind]
    form: FormData
    choices: Mapping[str, Options]
    new: bool
    fixed: Sequence[str] = ()  # the properties that the user may not change
    problems: ProblemTexts = field(default_factory=dict)
    unclear: Mapping[str, Options] = field(default_factory=dict)
    longer: str = ""  # the link for which the user asked for one more row

    def groups(self) -> list[FieldGroup]:
        """Return the groups of fields. The group of required fields comes first."""
        properties = [one for one in editable(self.kind, new=self.new) if one.name not in self.fixed]
        own = [one for one in properties if one.name not in MANAGEMENT]
        every = [
            FieldGroup("required", _("Required"), [self._property_field(one) for one in own if one.required]),
            FieldGroup("more", _("Optional"), [self._property_field(one) for one in own if not one.required]),
            FieldGroup("links", _("Linked records"), links=[self._link_field(end) for end in own_ends(self.kind)]),
            FieldGroup(
                "governing",
                _("Steward and access"),
                [
                    self._property_field(one)
                    for one in sorted(properties, key=_management_order)
                    if one.name in MANAGEMENT
                ],
            ),
        ]
        return [one for one in every if one.fields or one.links]

    def _property_field(self, one: Property) -> Field:
        name = f"p-{one.name}"
        required = one.required and one.name != "id"
        if one.refers_to:
            return self._record_field(name, label(one.name), _(one.doc), one.refers_to, self.choices.get(one.name, ()))
        plain = self._value_field(name, one, required=required)
        return (
            replace(plain, help=f"{plain.help} {_('Leave it empty to create one automatically.')}")
            if one.name == "id"
            else plain
        )

    def _value_field(self, name: str, one: Property, *, required: bool) -> Field:
        value, problems = self.form.get(name, ""), self.problems.get(name, ())
        input_type = "choice" if one.codes or one.value is Flag else INPUT_TYPES.get(one.value, "line")
        if input_type == "date" and problems:
            input_type = "line"  # a date input would discard a value that is not a date
        return Field(name, label(one.name), _(one.doc), input_type, value, required, _options(one), problems=problems)

    def _record_field(self, name: str, called: str, doc: str, kind: str, options: Options) -> Field:
        value, problems = self.form.get(name, ""), self.problems.get(name, ())
        known = not value or not options or any(value == one for one, _title in options)
        return Field(
            name,
            called,
            doc,
            "choice" if options and known else "record",
            value,
            options=options,
            kind=snake(kind),
            problems=problems,
            suggestions=self.unclear.get(name, ()),
        )

    def _link_field(self, end: End) -> LinkField:
        names = list(row_fields(self.form, end))
        blank = 1 if end.name == self.longer or not names or self.form[names[-1]] else 0
        more = range(len(names), len(names) + blank * (not end.single or not names))
        names += [row_field(end, place) for place in more if place < MOST_ROWS]
        return LinkField(
            end.name,
            label(end.name),
            _(end.doc),
            end.single,
            [self._link_row(end, name, place) for place, name in enumerate(names, start=1)],
            self.problems.get(f"l-{end.name}", ()),
        )

    def _link_row(self, end: End, name: str, place: int) -> LinkRow:
        called = label(end.name) if end.single else f"{label(end.name)} {place}"
        record = self._record_field(name, called, "", end.target, self.choices.get(end.name, ()))
        properties = [
            self._value_field(f"{name}-{key}", one, required=one.required) for key, one in link_properties(end).items()
        ]
        return LinkRow(record, properties)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield the field name, the label and the sentence of every problem."""
        for group in self.groups():
            for one in [*group.fields, *(part for link in group.links for part in _row_fields(link))]:
                yield from ((one.name, one.label, problem) for problem in one.problems)
            for link in group.links:
                yield from ((first_row_name(link), link.label, problem) for problem in link.problems)


def first_row_name(link: LinkField) -> str:
    """Return the field name of the first row of a link field."""
    return link.rows[0].record.name


def _row_fields(link: LinkField) -> Iterator[Field]:
    for one in link.rows:
        yield one.record
        yield from one.properties


def _options(one: Property) -> Options:
    if one.value is Flag:
        return [("yes", _("yes")), ("no", _("no"))]
    return [(entry.code, entry.label) for entry in code_list(one.codes).values()] if one.codes else ()


def _management_order(one: Property) -> int:
    return MANAGEMENT.index(one.name) if one.name in MANAGEMENT[1:] else len(MANAGEMENT)


WHOLE = ""  # problems that belong to no single field have this key


def problem_sentence(problem: Problem) -> str:
    """Return a problem as a sentence for the user."""
    if problem.code == "REQUIRED":
        return _("This field is required.")
    text = problem.message[:1].upper() + problem.message[1:]
    if text.endswith((".", "?")):
        return text
    return _("{what}. Required: {rule}.").format(what=text, rule=problem.rule)


def problems_by_field(
    kind: type[Kind],
    problems: Sequence[Problem],
    form: FormData,
    picked: Mapping[str, str],
    *,
    new: bool,
    fixed: Collection[str],
) -> dict[str, list[str]]:
    """Return the problem sentences by field name. Problems that belong to no field of the form have the key WHOLE.

    `fixed` are properties that the user may not change, so the form has no fields for them.
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
            filled = [one for one in row_fields(form, ends[name]) if form[one]]
            where = [f"{one}{suffix}" for one in filled if _is_about(problem, form, picked, one, suffix)]
            where = where or [f"l-{name}"]
        else:
            where = [WHOLE]
        for one in where:
            found.setdefault(one, [])
            if (text := problem_sentence(problem)) not in found[one]:
                found[one].append(text)
    return found


def _is_about(problem: Problem, form: FormData, picked: Mapping[str, str], row: str, suffix: str) -> bool:
    return form.get(f"{row}{suffix}", "") == problem.value if suffix else picked.get(row) == problem.value
