"""The ties that count where a missing one would be a finding: those in force, and those that may be."""

import numpy as np

from registry.analysis.basis import basis
from registry.analysis.world import Ints, Matrix, World, pattern
from registry.figures import number
from registry.words import _


def standing(world: World) -> Ints:
    """Return the ties (m x 2) in force, and those whose agreement's dates are withheld: they hide a finding, never make one."""
    return np.concatenate([world.ties, world.perhaps])


def between_sectors(world: World) -> tuple[Ints, Ints]:
    """Return the sectors of the agencies that have one, and the standing ties between these, as places among them."""
    known, ties = np.flatnonzero(world.sector >= 0), standing(world)
    place = np.full(len(world.agencies), -1)
    place[known] = np.arange(len(known))
    within = place[ties]
    return world.sector[known], within[(within >= 0).all(axis=1)]


def tied_alone(ties: Ints) -> tuple[Ints, Ints]:
    """Return the agencies that have any tie (places), and the ties as places among these."""
    tied, ends = np.unique(ties, return_inverse=True)
    return tied, ends.reshape(-1, 2)


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
