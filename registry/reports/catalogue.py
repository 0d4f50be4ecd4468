"""The reports there are, by name, and the one way to run them."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date

from registry.access import Actor
from registry.analysis.agreements import AGREEMENTS, agreements
from registry.analysis.brokers import BROKERS, brokers
from registry.analysis.channels import CHANNELS, channels
from registry.analysis.communities import COMMUNITIES, communities
from registry.analysis.coverage import COVERAGE, coverage
from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.feedback import FEEDBACK, feedback
from registry.analysis.gaps import GAPS, gaps
from registry.analysis.isolates import ISOLATES, isolates
from registry.analysis.levels import LEVELS, levels
from registry.analysis.likely_partners import LIKELY_PARTNERS, likely_partners
from registry.analysis.lists import Lists, lists
from registry.analysis.matches import MATCHES, matches
from registry.analysis.missing_ties import MISSING_TIES, missing_ties
from registry.analysis.network import NETWORK
from registry.analysis.network import network as whole_network
from registry.analysis.overlaps import OVERLAPS, overlaps
from registry.analysis.reuse import REUSE, reuse
from registry.analysis.sector_gaps import SECTOR_GAPS, sector_gaps
from registry.analysis.what_if import WHAT_IF, what_if
from registry.analysis.world import World
from registry.clock import today
from registry.cypher.network import network
from registry.reports.changes import CHANGES, nothing_saved
from registry.reports.parameters import read_parameters, suggestion
from registry.reports.reading import Readable
from registry.reports.report import NoReport, Question, Report, ReportError
from registry.words import _

_REPORTS: Sequence[tuple[Question, Callable[..., Report]]] = (
    (GAPS, gaps),
    (COVERAGE, coverage),
    (SECTOR_GAPS, sector_gaps),
    (NETWORK, whole_network),
    (COMMUNITIES, communities),
    (BROKERS, brokers),
    (CUT_POINTS, cut_points),
    (ISOLATES, isolates),
    (MISSING_TIES, missing_ties),
    (LIKELY_PARTNERS, likely_partners),
    (AGREEMENTS, agreements),
    (OVERLAPS, overlaps),
    (MATCHES, matches),
    (REUSE, reuse),
    (LEVELS, levels),
    (CHANNELS, channels),
    (FEEDBACK, feedback),
    (CHANGES, nothing_saved),
    (WHAT_IF, what_if),
)
QUESTIONS: Mapping[str, Question] = {question.name: question for question, _answer in _REPORTS}
_ANSWERS: Mapping[str, Callable[..., Report]] = {question.name: answer for question, answer in _REPORTS}


def run_report(
    store: Readable,
    name: str,
    actor: Actor,
    as_of: str | date | None = None,
    params: Mapping[str, object] | None = None,
) -> Report:
    """Run a report on what the actor may see, as of a day (today when None).

    `params` may be numbers or text, as a person types them. Texts are in the language of the moment. Raises ReportError
    with a sentence for a person, and StoreError.
    """
    question, day = find_question(name), read_day(as_of)
    values = read_parameters(question, params or {})
    with _collecting_later():
        ((answer,),) = store.read(network(question.reads, actor))
        return answer_from(lists(question.reads, answer), name, day, values)


def answer_from(
    known: Lists, name: str, as_of: str | date | None = None, params: Mapping[str, object] | None = None
) -> Report:
    """Run a report on lists that were read before. Raises ReportError."""
    return report_on(World.of(known, read_day(as_of)), name, params)


def report_on(world: World, name: str, params: Mapping[str, object] | None = None) -> Report:
    """Run a report on arrays that were made before. Raises ReportError."""
    question = find_question(name)
    with _collecting_later():
        return _ANSWERS[question.name](world, **read_parameters(question, params or {}))


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Leave garbage until the end: the collector would walk through all records again and again, a quarter of the time."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def find_question(name: str, among: Mapping[str, Question] = QUESTIONS) -> Question:
    """Return the question of a report. Raises NoReport that suggests the nearest name."""
    if name in among:
        return among[name]
    raise NoReport(_("There is no report called {name}.").format(name=name) + suggestion(name, list(among)))


def read_day(day: str | date | None) -> str:
    """Return the day as ISO 8601 text, today when None. Raises ReportError."""
    if day is None:
        return today()
    try:
        return (day if isinstance(day, date) else date.fromisoformat(day.strip())).isoformat()[:10]
    except ValueError:
        raise ReportError(_("{day} is no date; write it as {example}.").format(day=day, example="2026-11-25")) from None
