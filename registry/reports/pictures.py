"""A chart as a picture (SVG) for paper: the specification that browsers draw, drawn here, without scripts."""

from markupsafe import Markup

from registry.reports.drawings import Spec

VEGA_LITE = "6.4"
AS_WIDE_AS_A4: Spec = {"width": 1_000, "autosize": {"type": "fit-x", "contains": "padding"}}
# Fonts as wide as the one that it is laid out with, where the reader has one.
ON_PAPER: Spec = {
    "aria": False,
    "background": None,
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "legend": {"columnPadding": 32},
}


def picture(spec: Spec) -> Markup | None:
    """Return the drawing of a Vega-Lite specification as an SVG element; None where what draws it is not installed.

    It holds no scripts, no style elements and no addresses, and nothing is fetched for it.
    """
    try:
        import vl_convert  # an extra; and 80 MB that only who prints should carry
    except ImportError:
        return None
    width = AS_WIDE_AS_A4 if spec.get("width") == "container" else {}
    drawn = vl_convert.vegalite_to_svg({**spec, **width}, vl_version=VEGA_LITE, config=ON_PAPER, allowed_base_urls=[])
    return Markup(drawn)  # nosec B704 # texts of records in it are escaped by the drawing
