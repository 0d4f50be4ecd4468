"""Whether something of the same name is there already, before it is registered a second time."""

from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from registry.changing.names import parts
from registry.changing.state import State
from registry.changing.turn import Turn
from registry.records import Problem, fold
from registry.searching import is_searched
from registry.words import _

THRESHOLD, MOST = 80.0, 3


def alike(one: str, other: str) -> bool:
    """Tell whether two names may well be of one thing: each word has a near twin in the other name, numbers are equal.

    Near is a normalised indel similarity of at least THRESHOLD. `python -m benchmarks.alike` measures how often it is
    wrong on lists of things that are different, and how often it finds a name that was mistyped.
    """
    (numbers, words), (other_numbers, other_words) = parts(one), parts(other)
    if not words or not other_words or numbers != other_numbers:
        return False
    return _covered(words, other_words) and _covered(other_words, words)


def known_already(turn: Turn, new: State) -> Iterator[Problem]:
    """Yield records of a kind, which the actor may know of, whose names are alike: the nearest, at most MOST.

    What a new agreement renews may well be called the same.
    """
    kind, name, renewed = new.kind, str(new.properties.get("name")), new.ties.get("renews", ())
    if not is_searched(kind) or not kind.named:
        return
    near = sorted(
        (-fuzz.token_sort_ratio(fold(name), fold(other)), record, other)
        for record, other in turn.reading.named_like(kind, name)
        if alike(name, other) and record not in renewed
    )
    for _ratio, record, other in near[:MOST]:
        message = _("“{name}” is here already: use it, or say that this is another one.").format(name=other)
        yield Problem("ALIKE", "name", record, _("a name unlike all others"), message)


def _covered(words: Sequence[str], others: Sequence[str]) -> bool:
    return all(any(fuzz.ratio(word, other) >= THRESHOLD for other in others) for word in words)
