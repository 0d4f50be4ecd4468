"""Generate the JSON Schema of reports: `python -m registry.reports.json_schema`."""

import json
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from registry.analysis.report import CONFIDENCE, Column, ReportDefinition, ReportParameter, TextParameter
from registry.reports.render import SHOWN_BY
from registry.reports.series import COUNT as COUNT_OF
from registry.reports.series import MEASURE
from registry.reports.series import NAME as SERIES

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_LEFT_OUT: Schema = {"type": ["integer", "null"], "minimum": 0}
DAY: Schema = {"type": "string", "format": "date"}
URI: Schema = {"type": "string", "format": "uri"}
TEXTS: Schema = {"type": "array", "items": TEXT}
CELLS: Mapping[str, Schema] = {
    "text": {"type": ["string", "null"]},
    "texts": TEXTS,
    "code": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
}


def json_schema(questions: Mapping[str, ReportDefinition]) -> Schema:
    """Return the JSON Schema of the output of `as_json` for these reports, with descriptions in the current language.

    The schema of saved runs is `#/$defs/savedRun`.
    """
    whole = {
        "name": {"enum": [*questions, SERIES]},
        "title": TEXT,
        "question": TEXT,
        "as_of": DAY,
        "parameters": {"type": "object"},
        "found": COUNT,
        "of": COUNT_OR_LEFT_OUT,
        **dict.fromkeys(("unknown", "withheld"), COUNT_OR_LEFT_OUT),
        "parts": {"type": "array", "items": _PART},
        "columns": {"type": "array", "items": _COLUMN},
        "rows": {"type": "array"},
        "method": TEXT,
        "notes": TEXTS,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A report of the shared-services registry",
        **_object(whole, {"summary": {"type": "object"}}),
        "allOf": [_for_report(name) for name in (*questions, SERIES)],
        "$defs": {
            "savedRun": _SAVED_RUN,
            "evidence": {
                "type": "array",
                "items": _object(dict.fromkeys(("id", "name", "kind"), TEXT), {"address": URI}),
            },
            **{name: _report_schema(one.shown()) for name, one in questions.items()},
            SERIES: _SERIES,
        },
    }


def _for_report(name: str) -> Schema:
    return {"if": {"properties": {"name": {"const": name}}}, "then": {"$ref": f"#/$defs/{name}"}}


def _report_schema(question: ReportDefinition) -> Schema:
    """Return the schema of one report: its parameters and its rows."""
    row = {
        **{one.name: _cell(one) for one in question.columns},
        "confidence": {"enum": list(CONFIDENCE)},
        "evidence": {"$ref": "#/$defs/evidence"},
        "key": TEXTS,
    }
    parameters = _object({one.name: _parameter(one) for one in question.all_parameters})
    rows = {"items": _object(row, {SHOWN_BY: URI})}
    schema: Schema = {
        "title": question.title,
        "description": question.text,
        "properties": {"parameters": parameters, "rows": rows},
    }
    if question.summarised:
        schema["properties"]["summary"] = _object({**_SUMMARY, "findings": {"type": "array", **rows}})
        schema["required"] = ["summary"]
    return schema


def _cell(column: Column) -> Schema:
    counted = f" ({column.unit})" if column.unit else ""
    return {"title": column.label + counted, "description": column.description, **CELLS[column.type]}


def _parameter(one: ReportParameter | TextParameter) -> Schema:
    texts = {"title": one.label, "description": one.description}
    if isinstance(one, TextParameter):
        return {**texts, "type": "string", "maxLength": one.longest, "default": one.default}
    limits = {"minimum": one.least, "maximum": one.most, "default": one.default}
    return {**texts, "type": one.type, **limits}


def _object(properties: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of an object that must have `properties`, may have `optional`, and has no other properties."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


_COLUMN = _object(
    {
        "name": TEXT,
        "label": TEXT,
        "type": {"enum": list(get_args(get_type_hints(Column)["type"]))},
        "unit": TEXT,
        "description": TEXT,
        "words": {"type": "object", "additionalProperties": TEXT},
    }
)
_SAVED_RUN = _object(
    {
        **dict.fromkeys(("label", "saved", "language", "fingerprint"), TEXT),
        "sight": TEXTS,
        "report": {"$ref": "#"},
    },
    {"concerns": {"type": "array", "items": {"type": ["array", "null"], "items": TEXT}}},
)

_ASSESSMENT = _object({"report": TEXT, "check": TEXT, "assessed": {"type": "boolean"}, "text": TEXT})
_SINCE = _object({"compared": {"type": "boolean"}, "text": TEXT, "new": TEXTS, "gone": TEXTS})
_SUMMARY: Schema = {
    "assessed": {"type": "array", "items": _ASSESSMENT},
    "missing": TEXTS,
    **dict.fromkeys(("scope", "hidden", "order"), TEXT),
    "since": {"anyOf": [_SINCE, {"type": "null"}]},
}

_DATE: Schema = {
    "type": "object",
    "properties": {
        "day": DAY,
        **dict.fromkeys(("found", "of"), COUNT),
        "unknown": COUNT_OR_LEFT_OUT,
        "remark": CELLS["text"],
        "confidence": {"enum": list(CONFIDENCE)},
        "evidence": {"$ref": "#/$defs/evidence"},
        "key": TEXTS,
    },
    "patternProperties": {f"^{COUNT_OF}": COUNT, f"^{MEASURE}": CELLS["number"]},
    "required": ["day", "found", "confidence", "evidence", "key"],
    "additionalProperties": False,
}
_SERIES: Schema = {
    "title": "A report over time",
    "description": "The counts of a report on each date, the number of rows of each type, and the values of measures.",
    "properties": {"rows": {"items": _DATE}},
}
_PART = _object({"name": TEXT, "title": TEXT, "found": COUNT, "of": COUNT, "unknown": COUNT_OR_LEFT_OUT})


if __name__ == "__main__":
    from registry.reports.catalogue import DEFINITIONS

    print(json.dumps(json_schema(DEFINITIONS), indent=2, ensure_ascii=False))
