"""What the model's names and values are called: labels, codes, numbers, days, in the language of the moment."""

from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from registry.clock import day_of, time_of
from registry.codes import code_list
from registry.figures import day, exact
from registry.model import MODEL
from registry.modelling import Property
from registry.values import Date, Flag, Instant
from registry.words import _, language

LONGEST_GLANCE = 160
CLEARER = {
    "on": "Said on",
    "label_id": "Name in Indonesian",
    "label_en": "Name in English",
    "feedback": "Feedback received",
    "source": "Where it comes from",
    "access": "Who may see it",
    "level": "Level of working together",
    "target_level": "Level aimed at",
    "target_scale": "Scale of the level aimed at",
    "answers_within": "Answers within (hours)",
    "two_way": "Two-way",
    "digital_maturity": "Digital maturity (1 to 5)",
}


def label(name: str) -> str:
    """Return what a property or a link of the model is called: `level_of_government` as "Level of government"."""
    return _(in_english(name))


def in_english(name: str) -> str:
    """Return the same in English, as the catalogue of translations has it."""
    return CLEARER.get(name, name.replace("_", " ").capitalize())


def how_many(kind: str, count: int) -> str:
    """Return what so many records of a kind are called."""
    return _(kind).lower() if count == 1 else _(MODEL[kind].plural)


def code_label(codes: str | None, code: str) -> str:
    """Return a code in words; the code itself where no list has it."""
    entry = code_list(codes).get(code.lower()) if codes else None
    return str(getattr(entry, f"label_{language()}")) if entry else code


def level_label(scale: str, level: int) -> str:
    """Return a level of working together in words, its number on the scale first."""
    names = code_list(f"level-{scale}") if scale in code_list("level-scale") else {}
    entry = names.get(str(level))
    return f"{level} {getattr(entry, f'label_{language()}')}" if entry else str(level)


def said(declared: Property, value: Any) -> str:
    """Return a value of a property as people read it; nothing as an empty text."""
    if value is None or value == []:
        return ""
    if declared.value is Flag:
        return _("yes") if value else _("no")
    if declared.value is Date:
        return day(value)
    if declared.value is Instant:
        return moment(value)
    if isinstance(value, int | float):
        return exact(value)
    return ", ".join(value) if isinstance(value, list) else code_label(declared.codes, str(value))


def term_label(record: Mapping[str, Any]) -> str:
    """Return what a record is called: a term by its label in this language, where it has one."""
    return str(record.get({"id": "labelId", "en": "labelEn"}[language()]) or record["name"])


def beginning(text: str) -> str:
    """Return the beginning of a text, as a glance takes it in."""
    return shorten(text, LONGEST_GLANCE, placeholder="…")


def moment(text: str) -> str:
    """Return a moment, given as an Instant's text, in words: its day and time in the registry's time zone."""
    return f"{day(day_of(text))}, {time_of(text)}"
