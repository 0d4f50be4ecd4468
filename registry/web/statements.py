"""What the parties of an agreement say of it, side by side: the latest word of each, on each scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.figures import day
from registry.web.showing import Data, Shown, shown
from registry.web.wording import code_label, level_label


@dataclass(frozen=True)
class Said:
    """What one party says: its level in words and as a number, and the day."""

    agency: Shown
    text: str
    level: int
    day: str


@dataclass(frozen=True)
class Compared:
    """What the parties say on one scale; `difference` is that of the highest and the lowest level."""

    scale: str
    said: Sequence[Said]

    @property
    def difference(self) -> int:
        """How far apart they are."""
        levels = [one.level for one in self.said]
        return max(levels) - min(levels)


def compared(statements: Sequence[Data]) -> list[Compared]:
    """Return what is said by scale; statements that the visitor may not see, or whose party they may not, are left out."""
    known = [one for one in statements if one["scale"] and one["agency"]]
    latest = {(one["scale"], one["agency"]["id"]): one for one in sorted(known, key=lambda one: str(one["on"]))}
    scales = dict.fromkeys(scale for scale, _agency in latest)
    return [
        Compared(code_label("level-scale", scale), [_said(one) for one in latest.values() if one["scale"] == scale])
        for scale in scales
    ]


def _said(one: Data) -> Said:
    return Said(shown("Agency", one["agency"]), level_label(one["scale"], one["level"]), one["level"], day(one["on"]))
