"""The small graph on the page of a record: the record, and some of what it is linked to by each link, drawn by us."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry.web.record_page import Section

LINKS, OF_EACH = 5, 2  # as many as are read at a glance
ROW, HEADING, MARGIN = 20, 25, 8
LONGEST = 33


@dataclass(frozen=True)
class Line:
    """A line of text in the drawing, this far from its top: the heading of a link, or, with a kind, a record."""

    text: str
    y: int
    kind: str = ""


@dataclass(frozen=True)
class Star:
    """The lines of a drawing from its top, and how high it is; the record itself stands half-way."""

    lines: Sequence[Line]
    height: int


def star(sections: Sequence[Section]) -> Star | None:
    """Return the drawing of what is linked to a record; None where nothing is."""
    if not any(one.records for one in sections):
        return None
    lines = list(_lines(sections))
    return Star(lines, lines[-1].y + ROW // 2 + MARGIN)


def _lines(sections: Sequence[Section]) -> Iterator[Line]:
    y = 0
    for section in [one for one in sections if one.records][:LINKS]:
        y += HEADING
        yield Line(f"{section.heading} ({section.count})", y)
        for one in section.records[:OF_EACH]:
            y += ROW
            yield Line(_short(one.title), y, one.kind)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
