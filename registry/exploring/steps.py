"""Links as steps from record to record, each of which reads as a sentence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from registry.model import MODEL
from registry.words import _


@dataclass(frozen=True)
class Step:
    """A link walked from one record to another; `away` says that it was walked along its direction."""

    relation: str
    away: bool
    start: str
    start_name: str
    end: str
    end_name: str


def hides(kind: str, relations: Collection[str]) -> bool:
    """Tell whether some of these relations are details of a kind's records, unknown to who sees their summary only."""
    return any(not end.link.face and end.link.relation in relations for end in MODEL[kind].ends.values())


def sentence(steps: Sequence[Step]) -> str:
    """Return a chain of steps as a person reads it: "Dinas A uses Data B, owned by Dinas C"."""
    if not steps:
        return ""
    head, *rest = (f"{phrase(step.relation, away=step.away)} {step.end_name}" for step in steps)
    return ", ".join([f"{steps[0].start_name} {head}", *rest])


def phrase(relation: str, *, away: bool) -> str:
    """Return a relation in words, read along its direction or against it."""
    return _(PHRASES[relation][0 if away else 1])


PHRASES = {
    "BROADER": ("is part of", "includes"),
    "SAME_AS": ("means the same as", "means the same as"),
    "PART_OF": ("belongs to", "has the unit"),
    "IN_SECTOR": ("works in", "is the field of"),
    "IN_AREA": ("is in", "is the place of"),
    "PROVIDES": ("provides", "provided by"),
    "FOR_AUDIENCE": ("is for", "are served by"),
    "HAS_FUNCTION": ("does", "is done by"),
    "REQUIRES": ("requires", "required by"),
    "DEPENDS_ON": ("depends on", "needed by"),
    "OWNS": ("owns", "owned by"),
    "USES": ("uses", "used by"),
    "NEEDED_BY": ("is needed by", "needs"),
    "NEEDED_FOR": ("is needed for", "lacks"),
    "REQUESTED_BY": ("is requested by", "requested"),
    "REQUEST_FOR": ("asks for", "is asked for in"),
    "REQUESTED_TO_MEET": ("is to meet", "is to be met by"),
    "PARTY_TO": ("is party to", "agreed with"),
    "COVERS": ("covers", "covered by"),
    "RENEWS": ("renews", "renewed by"),
    "STATED_BY": ("is said by", "says"),
    "STATED_ABOUT": ("is about", "is spoken of in"),
    "CHANNEL_OF": ("belongs to", "is reached by"),
    "CHANNEL_FOR": ("is for", "is reached by"),
    "SAID_ABOUT": ("is about", "got the feedback"),
    "SAID_THROUGH": ("came by", "brought"),
    "TO_ANSWER": ("is to be answered by", "is to answer"),
}
