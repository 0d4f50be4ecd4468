"""What is to be imagined: records lost, agreements added and lapsed, as texts name them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from registry.analysis.lists import Agency, Channel, Lists, Partnership, Resource, Service
from registry.reports.report import ReportError, TextParameter
from registry.words import _

LOSE = TextParameter(
    "lose", "Without these: ids of agencies, services, resources or channels, with commas between.", 1000
)
TIE = TextParameter(
    "tie", "With an agreement between two agencies more: two ids with a comma; several such with semicolons.", 1000
)
LAPSE = TextParameter("lapse", "These agreements end the day before: ids, with commas between.", 1000)
Losable = Agency | Service | Resource | Channel


class Alteration(NamedTuple):
    """The records that are lost, the pairs of agencies that agree, and the agreements that lapse."""

    lost: Sequence[Losable]
    ties: Sequence[tuple[Agency, Agency]]
    lapsed: Sequence[Partnership]

    @classmethod
    def read(cls, lists: Lists, as_of: str, *, lose: str, tie: str, lapse: str) -> Self:
        """Read the texts of the parameters. Raises ReportError for an id that no record has that the reader may see."""
        return cls(
            _lost(lists, lose),
            [_pair(lists, one) for one in tie.split(";") if one.strip()],
            [_agreement(lists, one, as_of) for one in _ids(lapse)],
        )


def _ids(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _lost(lists: Lists, text: str) -> list[Losable]:
    known: dict[str, Losable] = {
        one.id: one for records in (lists.channels, lists.resources, lists.services, lists.agencies) for one in records
    }
    sentence = _(
        "{name}: there is no agency, service, resource or channel on record with the id {id} that you may see."
    )
    return [_known(known, one, LOSE, sentence) for one in _ids(text)]


def _pair(lists: Lists, text: str) -> tuple[Agency, Agency]:
    sentence = _("{name}: there is no agency on record with the id {id} that you may see.")
    known = {one.id: one for one in lists.agencies}
    ids = dict.fromkeys(_ids(text))
    if len(ids) != 2:
        raise ReportError(
            _("{name}: {text} is not two different ids with a comma between.").format(name=TIE.name, text=text.strip())
        )
    one, other = (_known(known, each, TIE, sentence) for each in ids)
    return one, other


def _agreement(lists: Lists, agreement: str, as_of: str) -> Partnership:
    sentence = _("{name}: there is no agreement on record with the id {id} that you may see.")
    found: Partnership = _known({one.id: one for one in lists.partnerships}, agreement, LAPSE, sentence)
    if not found.in_force(as_of):
        raise ReportError(
            _("{name}: the agreement {id} is not in force on that day, or you may not see its dates.").format(
                name=LAPSE.name, id=agreement
            )
        )
    return found


def _known(known: dict[str, Any], one: str, parameter: TextParameter, sentence: str) -> Any:
    if one not in known:
        raise ReportError(sentence.format(name=parameter.name, id=one))
    return known[one]
