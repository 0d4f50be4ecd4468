"""What can be put into a registry to see whether it is found: a gap between sectors, agencies that do much the same."""

from dataclasses import replace

import numpy as np

from registry.analysis.alike import Compared
from registry.analysis.world import World, pattern

Random = np.random.Generator


def thinned(world: World, random: Random, share: float) -> World:
    """Return the world without a share of the ties between its two largest sectors."""
    largest = np.argsort(-np.bincount(world.sector[world.sector >= 0], minlength=2), kind="stable")[:2]
    ends = np.sort(world.sector[world.ties], axis=1)
    between = np.flatnonzero((ends == np.sort(largest)).all(axis=1))
    dropped = random.choice(between, round(share * len(between)), replace=False) if len(between) else between
    return replace(world, ties=np.delete(world.ties, dropped, axis=0))


def duplicated(compared: Compared, random: Random, number: int, share: float) -> tuple[Compared, set[tuple[int, int]]]:
    """Give at most so many agencies a share of what another in a common area does, in place of as much of their own.

    Returns also the pairs (places, smaller first). Those that are close are no pairs, and nobody is in two.
    """
    does = [compared.functions[[n]].indices for n in range(len(compared.places))]
    made: set[tuple[int, int]] = set()
    taken: set[int] = set()
    for one in random.permutation(len(does)).tolist():
        partners = np.setdiff1d((compared.areas @ compared.areas[[one]].T).nonzero()[0], compared.close[[one]].indices)
        open_ = [other for other in partners.tolist() if other != one and other not in taken]
        if len(made) == number or one in taken or not open_:
            continue
        other = open_[int(random.integers(len(open_)))]
        copied = random.choice(does[one], min(round(share * len(does[one])), len(does[other])), replace=False)
        kept = random.permutation(np.setdiff1d(does[other], copied))[: len(does[other]) - len(copied)]
        does[other] = np.concatenate([copied, kept])
        made.add((min(one, other), max(one, other)))
        taken |= {one, other}
    cells = np.array([(agency, one) for agency, functions in enumerate(does) for one in functions], np.int64).reshape(
        -1, 2
    )
    return compared._replace(functions=pattern(cells, *compared.functions.shape)), made
