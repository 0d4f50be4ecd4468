"""What a report is asked with, as people and programs give it: read, checked, and refused in a sentence."""

from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite

from registry.reports.report import Number, Parameter, Question, ReportError, TextParameter, Value
from registry.values import Number as Numeric
from registry.values import Numeral
from registry.words import _


def read_parameters(question: Question, given: Mapping[str, object]) -> dict[str, Value]:
    """Return a value for every parameter of the question. Raises ReportError."""
    named = {name.replace("-", "_"): value for name, value in given.items()}
    known = [one.name for one in question.parameters]
    for name in named:
        if name not in known:
            raise ReportError(_unknown(question, name, known))
    return {one.name: _value(one, named.get(one.name, one.default)) for one in question.parameters}


def suggestion(name: str, known: list[str]) -> str:
    """Return a sentence that names the one of the known names that is nearest, or all where none is near."""
    near = get_close_matches(name, known, 1, 0.5)
    if near:
        return " " + _("Did you mean {name}?").format(name=near[0])
    return " " + _("There are: {names}.").format(names=", ".join(known))


def _unknown(question: Question, name: str, known: list[str]) -> str:
    if not known:
        return _("The report {report} has no parameters, so it cannot take {name}.").format(
            report=question.name, name=name
        )
    told = _("The report {report} has no parameter {name}.").format(report=question.name, name=name)
    return told + suggestion(name, known)


def _value(parameter: Parameter | TextParameter, value: object) -> Value:
    return _text(parameter, value) if isinstance(parameter, TextParameter) else _number(parameter, value)


def _text(parameter: TextParameter, value: object) -> str:
    """Return the value as a text without white space around it, which holds nothing that cannot be seen."""
    text = str(value).strip()
    if isinstance(value, str) and text.isprintable() and len(text) <= parameter.longest:
        return text
    raise ReportError(
        _("{name} is a text of at most {longest} letters on one line.").format(
            name=parameter.name, longest=parameter.longest
        )
    )


def _number(parameter: Parameter, value: object) -> Number:
    """Return the value as a number of the parameter's type and range."""
    kind = type(parameter.default)
    try:
        text = f"{Numeric.clean(value):.15g}" if isinstance(value, Numeral) else str(value)
        number = kind(text)
        exact = isfinite(number) and not isinstance(value, bool) and number == float(text)
        if exact and parameter.least <= number <= parameter.most:
            return kind(number)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ReportError(
        (
            _("{name} is a whole number from {least} to {most}, not {value}.")
            if parameter.type == "integer"
            else _("{name} is a number from {least} to {most}, not {value}.")
        ).format(name=parameter.name, least=parameter.least, most=parameter.most, value=value)
    )
