"""Search: the records that hold every word that a person types, best first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.cypher import exploring
from registry.exploring.asking import Asker
from registry.modelling import Kind
from registry.searching import asked, is_searched

MOST = 200


@dataclass(frozen=True)
class Hit:
    """A record that was found. The lower its tier the better, then the higher its score."""

    kind: str
    record: str
    tier: int
    score: float

    @property
    def keys(self) -> list[object]:
        """Where it stands among the hits, for a cursor."""
        return [self.tier, self.score, self.record]


@dataclass(frozen=True)
class Found:
    """A page of hits, whether there are more, and how many there are, in all and of each kind, counted up to MOST."""

    hits: Sequence[Hit]
    more: bool
    total: int
    of_kinds: Mapping[str, int]


async def search(
    asker: Asker,
    text: str,
    kinds: Sequence[type[Kind]],
    *,
    sector: str | None = None,
    area: str | None = None,
    first: int = 20,
    after: Sequence[object] = (),
) -> Found:
    """Return records of these kinds whose words begin as those of the text, or have the same stem; none for no word.

    `sector` and `area` are ids: the record, or an agency that has it, is in them or in a part of them. `after` holds the
    keys of the last hit seen. Raises StoreError.
    """
    wanted, searched = asked(text), [kind for kind in kinds if is_searched(kind)]
    if not wanted.words or not searched:
        return Found((), more=False, total=0, of_kinds={})
    (rows,) = await asker.ask(exploring.found(wanted, searched, asker.actor, sector=sector, area=area, most=MOST))
    hits = [Hit(*row) for row in rows]
    rest = [hit for hit in hits if _behind(hit, after)] if after else hits
    return Found(rest[:first], len(rest) > first, len(hits), Counter(hit.kind for hit in hits))


def _behind(hit: Hit, after: Sequence[object]) -> bool:
    tier, score, record = after
    return (hit.tier, -hit.score, hit.record) > (tier, -float(str(score)), record)
