"""Every text that people read is there in Indonesian."""

from babel.messages.extract import extract_from_dir

from registry.analysis.gaps import NEXT_STEPS
from registry.analysis.matches import UNMET
from registry.analysis.report import CONFIDENCE
from registry.cli.evaluate import HEADINGS, VERDICTS
from registry.cli.evaluate import HEADINGS_CALIBRATING as CALIBRATION
from registry.evaluation.backtests import BACKTEST
from registry.evaluation.calibration import WHAT
from registry.explore.paths import PHRASES
from registry.i18n import _, speaking
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.reports.catalogue import QUESTIONS
from registry.web.templating import in_english
from tests.support.paths import ROOT

METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]


def texts() -> set[str]:
    """Return every message of the code, the templates, and the reports' definitions."""
    found = set(CONFIDENCE.values()) | {phrase for both in PHRASES.values() for phrase in both}
    for kind in MODEL:
        found |= {kind.__name__, kind.plural, *map(in_english, (*kind.properties, *kind.ends))}
        found |= set() if kind.kept_by_us else _helps(kind)
    for folder in ("registry", "schema", "loaders"):
        extracted = extract_from_dir(ROOT / folder, METHODS, keywords={"_": None}, callback=None)
        found |= {message for _file, _line, message, _comments, _context in extracted if isinstance(message, str)}
    found |= {
        *NEXT_STEPS.values(),
        *HEADINGS.values(),
        *UNMET.values(),
        *WHAT.values(),
        *VERDICTS.values(),
        *CALIBRATION,
    }
    for question in (*QUESTIONS.values(), BACKTEST):
        found |= {question.text, question.method, *(one.description for one in question.parameters)}
        for column in question.columns:
            found |= {column.label, column.description, column.unit, *column.words.values()}
    return found - {""}


def _helps(kind: type[Kind]) -> set[str]:
    """Return what forms say of the fields of a kind."""
    ends = [end for end in kind.ends.values() if end.declared]
    of_links = [one.doc for end in ends for one in (end, *end.link.properties.values())]
    return {*(one.doc for one in kind.properties.values() if not one.kept_by_us), *of_links}


def test_every_text_is_there_in_indonesian() -> None:
    with speaking("id"):
        missing = sorted(one for one in texts() if _(one) == one and one not in SAME)
    assert not missing


def test_every_relation_reads_as_words_both_ways() -> None:
    assert set(PHRASES) == {link.relation for link in MODEL.links()}


SAME = {"%", "Status", "administrator", "p", "z"}
