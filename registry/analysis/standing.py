"""The ties that count where a missing one would be a finding: those in force, and those that may be."""

import numpy as np

from registry.analysis.basis import basis
from registry.analysis.world import Ints, Matrix, World, pattern
from registry.figures import number
from registry.words import _


def standing(world: World) -> Ints:
    """Return the ties (m x 2) in force, and those whose agreement's dates are withheld: they hide a finding, never make one."""
    return np.concatenate([world.ties, world.perhaps])


def adjacency(ties: Ints, size: int) -> Matrix:
    """Return the symmetric matrix of ones of these ties (m x 2)."""
    return pattern(np.concatenate([ties, ties[:, ::-1]]), size, size)


def grounds(world: World) -> list[str]:
    """Say what an analysis of the standing ties rests on."""
    notes = [basis(world)]
    if len(world.perhaps):
        told = _("{n} ties rest on agreements whose dates are withheld; they count as in force.")
        notes.append(told.format(n=number(len(world.perhaps))))
    return notes
