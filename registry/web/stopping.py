"""What stops, or works less well, when a record stops: in a sentence, and the chains that explain it."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.figures import number
from registry.web.addresses import record_path
from registry.web.showing import Data
from registry.web.wording import how_many
from registry.words import _

KINDS = {"services": "Service", "resources": "Resource", "agencies": "Agency", "areas": "Area"}
HIT = ("services", "resources", "agencies")


@dataclass(frozen=True)
class Hit:
    """A record that is hit: lost, or only degraded; and why, in words."""

    name: str
    path: str
    lost: bool
    text: str


@dataclass(frozen=True)
class Stopping:
    """All that is hit: how much of what, in words, and each with its chain, what is lost first.

    `withheld` tells that more may be hit, by links that the visitor does not see.
    """

    summary: Sequence[str]
    hits: Sequence[Hit]
    withheld: bool


def stopping(impact: Data | None) -> Stopping | None:
    """Return what an answer of `impact` says; nothing where nothing is hit, nor may be."""
    if not impact or not any(impact.values()):
        return None
    hits = [_hit(KINDS[group], one) for group in HIT for one in impact[group]]
    return Stopping(_summary(impact), sorted(hits, key=lambda hit: not hit.lost), impact["withheld"])


def _summary(impact: Data) -> list[str]:
    lost, degraded = (_counted(impact, lost=lost) for lost in (True, False))
    return [
        *([_("stops: {what}").format(what=", ".join(lost))] if lost else []),
        *([_("works less well: {what}").format(what=", ".join(degraded))] if degraded else []),
        *([_("in {n} areas").format(n=number(len(impact["areas"])))] if len(impact["areas"]) > 1 else []),
    ]


def _counted(impact: Data, *, lost: bool) -> list[str]:
    counts = {group: sum(1 for one in impact[group] if one["lost"] is lost) for group in HIT}
    return [f"{number(count)} {how_many(KINDS[group], count)}" for group, count in counts.items() if count]


def _hit(kind: str, one: Data) -> Hit:
    record = one["record"]
    return Hit(record["name"], record_path(kind, record["id"]), one["lost"], one["text"])
