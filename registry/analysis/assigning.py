"""Who gets what: the assignment of greatest value."""

from collections.abc import Mapping

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

NOTHING = 1e-9


def heaviest(values: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of greatest total value in which no row and no column comes twice.

    `values` holds a value above NOTHING for each pair that may be; a row may stay without a column. Sparse Jonker-Volgenant
    (Jonker & Volgenant 1987), each row having a column of its own that stands for nothing.
    """
    if not values:
        return []
    rows, columns = (sorted(set(side)) for side in zip(*values, strict=True))
    place = ({one: n for n, one in enumerate(rows)}, {one: n for n, one in enumerate(columns)})
    here = [place[0][row] for row, _column in values] + list(range(len(rows)))
    there = [place[1][column] for _row, column in values] + [len(columns) + n for n in range(len(rows))]
    weights = np.array([*values.values(), *[NOTHING] * len(rows)])
    matrix = sparse.csr_array((weights, (here, there)), (len(rows), len(columns) + len(rows)))
    chosen = min_weight_full_bipartite_matching(matrix, maximize=True)
    pairs = zip(*(side.tolist() for side in chosen), strict=True)
    return [(rows[row], columns[column]) for row, column in pairs if column < len(columns)]
