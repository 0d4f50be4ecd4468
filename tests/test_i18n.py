"""Every text that people read is there in Indonesian, in the words of docs/glossary.md."""

import csv
import re
from collections.abc import Iterator, Sequence

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from registry.analysis.gap_summary import CHECKS
from registry.analysis.gaps import NEXT_STEPS
from registry.analysis.matches import UNMET
from registry.analysis.report import CONFIDENCE
from registry.cli.evaluate import HEADINGS, VERDICTS
from registry.cli.evaluate import HEADINGS_CALIBRATING as CALIBRATION
from registry.evaluation.backtests import BACKTEST
from registry.evaluation.calibration import WHAT
from registry.explore.paths import PHRASES
from registry.i18n import _, pgettext, use_language
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.reports.catalogue import DEFINITIONS
from registry.reports.series import STEPS
from registry.web.templating import english_label
from tests.support.paths import ROOT

METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]


def texts() -> set[str]:
    """Return every message of the code, the templates, and the reports' definitions."""
    found = set(CONFIDENCE.values()) | {phrase for both in PHRASES.values() for phrase in both}
    for kind in MODEL:
        found |= {kind.__name__, kind.plural, *map(english_label, (*kind.properties, *kind.ends))}
        found |= set() if kind.read_only else _helps(kind)
    for folder in ("registry", "schema", "loaders"):
        found |= {text for text, context in _extracted(folder) if context is None}
    found |= {
        *NEXT_STEPS.values(),
        *(sentence for check in CHECKS.values() for sentence in check),
        *HEADINGS.values(),
        *(singular for singular, _plural in UNMET.values()),
        *WHAT.values(),
        *VERDICTS.values(),
        *CALIBRATION,
        *STEPS.values(),
    }
    for question in (*DEFINITIONS.values(), BACKTEST):
        found |= {question.title, question.text, question.method, question.counts, question.concern}
        found |= {text for one in question.all_parameters for text in (one.label, one.description)}
        for column in question.columns:
            found |= {column.label, column.description, column.unit, column.empty, *column.words.values()}
    return found - {""}


def _extracted(folder: str) -> Iterator[tuple[str, str | None]]:
    """Yield each message of a folder, of a plural the singular, and its context."""
    keywords = {"_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
    for _file, _line, message, _comments, context in extract_from_dir(
        ROOT / folder, METHODS, keywords=keywords, callback=None
    ):
        yield message if isinstance(message, str) else message[0], context


def _helps(kind: type[Kind]) -> set[str]:
    """Return what forms say of the fields of a kind."""
    ends = [end for end in kind.ends.values() if end.declared]
    of_links = [one.doc for end in ends for one in (end, *end.link.properties.values())]
    return {*(one.doc for one in kind.properties.values() if not one.read_only), *of_links}


def test_every_text_is_there_in_indonesian() -> None:
    with use_language("id"):
        missing = sorted(one for one in texts() if _(one) == one and one not in SAME)
    assert not missing


def test_every_message_with_a_context_is_there_in_indonesian() -> None:
    with use_language("id"):
        found = [one for folder in ("registry", "schema", "loaders") for one in _extracted(folder) if one[1]]
        missing = [(text, context) for text, context in found if context and pgettext(context, text) == text]
    assert not missing


def test_every_relation_reads_as_words_both_ways() -> None:
    assert set(PHRASES) == {link.relation for link in MODEL.links()}


SAME = {"%", "Status", "administrator", "data", "target"}

GLOSSARY = ROOT / "docs" / "glossary.md"
LISTED_IN_HELP = {"access"}  # code lists whose entries a help text explains


def refused_words() -> list[str]:
    """Return the words and phrases that the glossary refuses in every Indonesian text."""
    _before, found, rest = GLOSSARY.read_text(encoding="utf-8").partition("## Words that the tests refuse")
    assert found
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", rest, re.MULTILINE)
    return [word for word in rows if word != "Refused"]


REFUSED = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, refused_words()))})(?:nya)?(?!\w)", re.IGNORECASE)


def _forms(text: str | Sequence[str]) -> Sequence[str]:
    return [text] if isinstance(text, str) else text


def indonesian_texts() -> Iterator[tuple[str, str]]:
    """Yield where each Indonesian text of the registry stands, and the text."""
    with (ROOT / "registry/locale/id/LC_MESSAGES/messages.po").open("rb") as catalogue:
        yield from ((str(one.id), text) for one in read_po(catalogue) if one.id for text in _forms(one.string))
    for file in (ROOT / "registry" / "codelists").glob("*.csv"):
        if file.stem in ("abbreviations", "synonyms"):
            continue  # words that users type, which the registry never writes
        with file.open(encoding="utf-8", newline="") as rows:
            yield from ((f"{file.name}: {row['code']}", row["label_id"]) for row in csv.DictReader(rows))
    for file in (ROOT / "registry").rglob("templates/**/*.html"):
        yield file.name, file.read_text(encoding="utf-8")
    for file in (*(ROOT / "reports").glob("*.cypher"), ROOT / "docs" / "reports.md"):
        found = re.findall(r'\bid = "([^"]*)"', file.read_text(encoding="utf-8"))
        yield from ((file.name, text) for text in found)


def test_indonesian_texts_use_the_words_of_the_glossary() -> None:
    found = [(where, match[0], text) for where, text in indonesian_texts() if (match := REFUSED.search(text))]
    assert not found


@pytest.mark.parametrize(
    "text", ["Hanya muka data ini", "bagian mukanya", "Ikatan", "0 ikatan,", "Umpan balik", "Engsel"]
)
def test_a_word_that_the_glossary_refuses_is_found(text: str) -> None:
    assert REFUSED.search(text)


@pytest.mark.parametrize("text", ["permukaan", "dibagipakaikan", "bagi pakai", "pengelolaan", "mitra", "sumber daya"])
def test_words_that_only_contain_a_refused_one_are_kept(text: str) -> None:
    assert not REFUSED.search(text)


def test_help_names_the_choices_of_its_list() -> None:
    described = [
        (one.codes, one.doc)
        for kind in MODEL
        for one in (
            *kind.properties.values(),
            *(one for end in kind.ends.values() if end.declared for one in end.link.properties.values()),
        )
        if one.codes in LISTED_IN_HELP
    ]
    assert {codes for codes, _doc in described} == LISTED_IN_HELP
    for language in ("en", "id"):
        with use_language(language):
            missing = [
                (codes, entry.label, _(doc))
                for codes, doc in described
                for entry in code_list(codes).values()
                if entry.label.lower() not in _(doc).lower()
            ]
        assert not missing


def test_no_help_lists_some_choices_of_a_list_only() -> None:
    """A help that enumerates entries becomes wrong when its code list changes."""
    for kind in MODEL:
        of_links = (one for end in kind.ends.values() for one in end.link.properties.values())
        for one in (*kind.properties.values(), *of_links):
            if one.codes and one.codes not in LISTED_IN_HELP:
                named = [
                    entry.code for entry in code_list(one.codes).values() if entry.label_en.lower() in one.doc.lower()
                ]
                assert len(named) < 2, (kind.__name__, one.name, named)
