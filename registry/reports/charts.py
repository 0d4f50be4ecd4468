"""A report as a chart (Vega-Lite), where a picture says more than its table: made from the report alone."""

from collections.abc import Callable, Mapping

import orjson
from babel.numbers import get_decimal_symbol, get_group_symbol

from registry.reports.drawings import Spec, ranked_bars, sector_matrix, timeline
from registry.reports.report import NoReport, Report
from registry.words import _, language

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# Okabe & Ito: told apart also by who sees colours otherwise, on light and on dark.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BELOW_EVEN_ABOVE = ("#f1a340", "#f4f4f4", "#8fc1e3")
# What a page draws in its own colours: https://vega.github.io/vega-lite/docs/config.html#style
STYLES: Mapping[str, Spec] = {
    "hatch": {"color": "#51606e", "filled": False, "strokeWidth": 1},
    "outline": {"color": "#17212b", "filled": False, "strokeWidth": 2.5},
    "figure": {"color": "#17212b"},
    "interval": {"color": "#17212b"},
    "today": {"color": "#17212b"},
}


def chart(report: Report) -> Spec | None:
    """Return the Vega-Lite specification (version 6) of a report's chart, None where it has none or nothing to draw.

    Its data and all that people read are inside, in the language of the moment; `description` says what is drawn.
    """
    draw = _CHARTS.get(report.name)
    drawn = draw(report) if draw else None
    return drawn and {"$schema": SCHEMA, **drawn, "config": _config()}


def as_chart(report: Report) -> str:
    """Return the specification as JSON. Raises NoReport where there is no chart."""
    drawn = chart(report)
    if drawn is None:
        raise NoReport(_("The report {name} has no chart, or nothing to draw.").format(name=report.name))
    return orjson.dumps(drawn, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()


def _config() -> Spec:
    """Return what holds for every chart: colours, and how the language writes numbers."""
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
}
