"""Charts of reports, as Vega-Lite specifications (chart descriptions in JSON)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from babel.numbers import get_decimal_symbol, get_group_symbol

from registry.analysis.report import Cell, Column, Report, ReportRow, UnknownReport, cell_text
from registry.i18n import _, day, language, number
from registry.reports.series import COUNT, MEASURE
from registry.reports.series import NAME as SERIES

Spec = dict[str, Any]
MOST_SECTORS, MOST_LISTED, STEP = 24, 40, 34
HATCH = "M-1,0L0,-1M-1,1L1,-1M0,1L1,0"


def sector_matrix(report: Report) -> Spec | None:
    """Draw the sector pairs as a matrix; each pair appears in two cells, so that every sector has a complete row."""
    every = _by_ties(report)
    names = sorted(every[:MOST_SECTORS])
    pairs = [row for row in report.rows if row["sector_a"] in names and row["sector_b"] in names]
    if not pairs:
        return None
    description = _(
        "Each cell shows the number of ties of a pair of sectors. Orange: fewer than expected under "
        "the null model; blue: more."
    )
    marks = _("Outlined: a gap. Hatched: too few ties to test.")
    left_out = _("Only the {n} sectors with the most expected ties are shown.").format(n=number(MOST_SECTORS))
    side = {"type": "nominal", "sort": names, "axis": {"title": None, "labelAngle": -40}}
    cells = [*(_cell(report, row, "sector_a", "sector_b") for row in pairs)]
    cells += [_cell(report, row, "sector_b", "sector_a") for row in pairs]
    ratio = {
        "field": "ratio",
        "type": "quantitative",
        "title": _label(report, "ratio"),
        "scale": {"domain": [0, 2], "domainMid": 1, "clamp": True, "interpolate": "rgb"},
    }
    return {
        "description": " ".join([description, marks, *([left_out] if len(every) > MOST_SECTORS else [])]),
        "width": {"step": STEP},
        "height": {"step": STEP},
        "data": {"values": cells},
        "encoding": {
            "x": {"field": "across", **side},
            "y": {"field": "down", **side, "axis": {"title": None}},
            "tooltip": _tooltip(report, "finding", "observed", "expected"),
        },
        "layer": [
            {
                "mark": {"type": "rect", "invalid": "filter"},
                "encoding": {"color": ratio | {"legend": {"orient": "bottom"}}},
            },
            {
                "transform": [_filter("too-few")],
                "mark": {"type": "point", "shape": HATCH, "size": STEP**2, "style": "hatch"},
            },
            {"transform": [_filter("gap")], "mark": {"type": "rect", "style": "outline"}},
            {"mark": {"type": "text", "style": "figure"}, "encoding": {"text": {"field": "observed"}}},
        ],
    }


def _by_ties(report: Report) -> list[str]:
    """Return the names of the sectors, in descending order of their expected ties."""
    expected: defaultdict[str, float] = defaultdict(float)
    for row in report.rows:
        for side in ("sector_a", "sector_b"):
            expected[str(row[side])] += _figure(row["expected"])
    return sorted(expected, key=lambda name: -expected[name])


def _cell(report: Report, row: ReportRow, down: str, across: str) -> Spec:
    return {
        "down": row[down],
        "across": row[across],
        "code": row["finding"],
        "ratio": row["ratio"],
        **_texts(report, row, "finding", "observed", "expected"),
    }


def ranked_bars(report: Report) -> Spec | None:
    """Draw the betweenness of each broker as a bar with the range of the simulated values; the longest bar comes first."""
    if not report.rows:
        return None
    description = _(
        "The line on each bar is the range of nine of ten simulations with a tenth of the ties removed. Pale bars "
        "are brokers that are not robust."
    )
    bars = [
        {
            "agency": row["agency"],
            "sure": row.confidence == "likely",
            **{name: row[name] for name in ("betweenness", "low", "high")},
            "said": _text(report, row, "betweenness"),
            **_texts(report, row, "support", "ties"),
        }
        for row in report.rows[:MOST_LISTED]
    ]
    share = {"type": "quantitative", "title": f"{_label(report, 'betweenness')} %"}
    pale = {"condition": {"test": {"field": "sure", "equal": True}, "value": 1}, "value": 0.45}
    between = {"field": "said", "title": _label(report, "betweenness")}
    return {
        "description": " ".join([report.question, description]),
        "width": "container",
        "data": {"values": bars},
        "encoding": {
            "y": {"field": "agency", "type": "nominal", "sort": None, "title": None},
            "tooltip": [between, *_tooltip(report, "support", "ties")],
        },
        "layer": [
            {"mark": "bar", "encoding": {"x": {"field": "betweenness", **share}, "opacity": pale}},
            {
                "mark": {"type": "rule", "style": "interval", "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **share}, "x2": {"field": "high"}},
            },
        ],
    }


def timeline(report: Report) -> Spec | None:
    """Draw a bar for each agreement from its first to its last day, in the order of the rows, and mark the day of the report."""
    dated: dict[Cell, ReportRow] = {}
    for row in report.rows:
        if row["agreement"] and row["until"]:
            dated.setdefault(row["agreement"], row)
    listed = list(dated.values())[:MOST_LISTED]
    if not listed:
        return None
    description = _("Agreements from the first to the last day. The line marks {day}.").format(day=day(report.as_of))
    left_out = _("Only the first {n} agreements of the list are shown.").format(n=number(MOST_LISTED))
    finding = next(one for one in report.columns if one.name == "finding")
    codes = list(dict.fromkeys(str(row["finding"]) for row in listed))
    sort = {"domain": [finding.words[one] for one in codes]}
    legend = {"orient": "top", "title": None, "labelLimit": 0}
    by_finding = {"field": "finding", "type": "nominal", "legend": legend}
    along = {
        "type": "temporal",
        "scale": {"type": "utc"},
        "title": None,
        "axis": {"format": "%Y-%m", "labelOverlap": True, "labelSeparation": 16},
    }
    lines = [
        {
            "agreement": row["agreement"],
            "since": row["since"],
            "until": row["until"],
            "last": _text(report, row, "until"),
            **_texts(report, row, "finding", "agencies"),
        }
        for row in listed
    ]
    last = {"field": "last", "title": _label(report, "until")}
    return {
        "description": " ".join([description, *([left_out] if len(dated) > MOST_LISTED else [])]),
        "width": "container",
        "data": {"values": lines},
        "layer": [
            {
                "encoding": {
                    "y": {"field": "agreement", "type": "nominal", "sort": None, "title": None},
                    "color": {**by_finding, "scale": sort},
                    "tooltip": [
                        {"field": "agreement", "title": _label(report, "agreement")},
                        last,
                        *_tooltip(report, "finding", "agencies"),
                    ],
                },
                "layer": [
                    {
                        "mark": {"type": "bar", "height": {"band": 0.35}},
                        "encoding": {"x": {"field": "since", **along}, "x2": {"field": "until"}},
                    },
                    {
                        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                        "encoding": {"x": {"field": "until", **along}, "shape": {**by_finding, "scale": sort}},
                    },
                ],
            },
            {
                "data": {"values": [{"day": report.as_of}]},
                "mark": {"type": "rule", "style": "today", "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "day", **along}},
            },
        ],
    }


def curves(report: Report) -> Spec | None:
    """Draw the numbers of a series over its dates: the findings and the most frequent types, or each measure on its own scale."""
    rows = [row for row in report.rows if not row.values.get("remark")]
    measures = [one for one in report.columns if one.name.startswith(MEASURE)]
    if len(rows) < 2:
        return None
    return _measures_apart(report, rows, measures) if measures else _types_together(report, rows)


def _measures_apart(report: Report, rows: Sequence[ReportRow], measures: Sequence[Column]) -> Spec:
    colour = {"color": COLOURS[0]}
    names = [one.label for one in measures]
    return {
        "description": _("Each measure on the dates of the series. Every measure has its own scale."),
        "data": {"values": _points(report, rows, measures)},
        "facet": {"field": "curve", "type": "nominal", "sort": names, "title": None},
        "columns": 2,
        "spec": {
            "width": 280,
            "height": 110,
            "mark": {"type": "line", "point": colour, **colour},
            "encoding": _over_time(report, {"scale": {"zero": False}}),
        },
        "resolve": {"scale": {"y": "independent"}},
    }


def _types_together(report: Report, rows: Sequence[ReportRow]) -> Spec:
    """Draw the findings and the most frequent types, as many as there are colours."""
    counts = [one for one in report.columns if one.name == "found" or one.name.startswith(COUNT)]
    counts.sort(key=lambda one: (one.name != "found", -max(_figure(row[one.name]) for row in rows)))
    drawn = counts[: len(COLOURS)]
    described = _("The number of findings on the dates of the series, and of rows of each type.")
    left_out = _("Only the {n} most frequent types are shown.").format(n=number(len(drawn) - 1))
    coloured = {
        "field": "curve",
        "type": "nominal",
        "scale": {"domain": [one.label for one in drawn]},
        "legend": {"orient": "top", "title": None, "labelLimit": 0},
    }
    return {
        "description": " ".join([described, *([left_out] if len(counts) > len(drawn) else [])]),
        "width": "container",
        "data": {"values": _points(report, rows, drawn)},
        "mark": {"type": "line", "point": True},
        "encoding": {**_over_time(report, {"axis": {"tickMinStep": 1}}), "color": coloured, "shape": coloured},
    }


def _points(report: Report, rows: Sequence[ReportRow], columns: Sequence[Column]) -> list[Spec]:
    """Return a point for each date and column with a value."""
    return [
        {
            "day": row["day"],
            "curve": one.label,
            "value": row[one.name],
            "said": _text(report, row, one.name),
            "on": _text(report, row, "day"),
        }
        for row in rows
        for one in columns
        if row[one.name] is not None
    ]


def _over_time(report: Report, vertical: Spec) -> Spec:
    """Return the axes and the tooltip of points; `vertical` has the settings of the y axis."""
    return {
        "x": {
            "field": "day",
            "type": "temporal",
            "scale": {"type": "utc"},
            "title": None,
            "axis": {"format": "%Y-%m", "labelOverlap": True},
        },
        "y": {"field": "value", "type": "quantitative", "title": None, **vertical},
        "tooltip": [
            {"field": "curve", "title": " "},
            {"field": "on", "title": _label(report, "day")},
            {"field": "said", "title": _("Value")},
        ],
    }


def _texts(report: Report, row: ReportRow, *columns: str) -> dict[str, str]:
    return {name: _text(report, row, name) for name in columns}


def _text(report: Report, row: ReportRow, name: str) -> str:
    column = next(one for one in report.columns if one.name == name)
    text = cell_text(column, row[name])
    return f"{text} %" if column.unit == "%" and text else text


def _tooltip(report: Report, *columns: str) -> list[Spec]:
    return [{"field": name, "title": _label(report, name)} for name in columns]


def _label(report: Report, name: str) -> str:
    return next(one.label for one in report.columns if one.name == name)


def _figure(cell: Cell) -> float:
    return cell if isinstance(cell, int | float) else 0.0


def _filter(code: str) -> Spec:
    return {"filter": {"field": "code", "equal": code}}


SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# The colour-blind safe palette of Okabe & Ito; readable on light and dark backgrounds.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BELOW_EVEN_ABOVE = ("#f1a340", "#f4f4f4", "#8fc1e3")
# Styles that a page overrides with its own colours: https://vega.github.io/vega-lite/docs/config.html#style
STYLES: Mapping[str, Spec] = {
    "hatch": {"color": "#51606e", "filled": False, "strokeWidth": 1},
    "outline": {"color": "#17212b", "filled": False, "strokeWidth": 2.5},
    "figure": {"color": "#17212b"},
    "interval": {"color": "#17212b"},
    "today": {"color": "#17212b"},
}


def chart(report: Report) -> Spec | None:
    """Return the Vega-Lite specification (version 6) of a report's chart; None if the report has no chart or no data.

    The specification contains the data, and all texts in the current language. The field `description` of the specification
    describes the chart.
    """
    draw = _CHARTS.get(report.name)
    drawn = draw(report) if draw else None
    return drawn and {"$schema": SCHEMA, **drawn, "config": _config()}


def as_chart(report: Report) -> str:
    """Return the Vega-Lite specification of a report's chart as JSON. Raises NoReport if the report has no chart."""
    drawn = chart(report)
    if drawn is None:
        raise UnknownReport(_("“{report}” has no chart, or no data for one.").format(report=report.title))
    return orjson.dumps(drawn, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()


def _config() -> Spec:
    """Return the settings that all charts share: the colours, and the number format of the current language."""
    signs = {"decimal": get_decimal_symbol(language()), "thousands": get_group_symbol(language())}
    return {
        "locale": {"number": {**signs, "grouping": [3], "currency": ["", ""]}},
        "range": {"category": list(COLOURS), "diverging": list(BELOW_EVEN_ABOVE)},
        "axis": {"labelLimit": 220},
        "legend": {"columns": 2},
        "view": {"stroke": None},
        "style": {name: dict(style) for name, style in STYLES.items()},
    }


_CHARTS: Mapping[str, Callable[[Report], Spec | None]] = {
    "sector-gaps": sector_matrix,
    "brokers": ranked_bars,
    "agreements": timeline,
    SERIES: curves,
}
