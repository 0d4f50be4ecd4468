"""The bipartite configuration model: how likely each agency does each thing, given how many things it does and how common they are."""

import numpy as np

from registry.analysis.world import Bools, Floats, Ints

TRIES, CLOSE = 5000, 1e-9


def bicm(rows: Ints, many: Ints, columns: Ints) -> Floats:
    """Return the probabilities (D x C) of ones in a random matrix whose expected row and column sums are these.

    `rows` are the D distinct row sums, and `many` says how many rows have each: rows of one sum have the same probabilities.
    `columns` are the C column sums of the same matrix of zeros and ones. The maximum-entropy model
    p_it = x_i y_t / (1 + x_i y_t) of Saracco et al. 2017, solved by fixed point over the classes of equal sums. Rows and columns
    that are full or empty are certain and are taken out first.
    """
    p, once = np.zeros((len(rows), len(columns))), np.ones(len(columns), np.int64)
    left, right = np.ones(len(rows), np.bool_), np.ones(len(columns), np.bool_)
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    while _take_certain(p, rows, columns, left, right, many, once) or _take_certain(
        p.T, columns, rows, right, left, once, many
    ):
        pass
    if left.any() and right.any():
        p[np.ix_(left, right)] = _solve(rows[left], many[left], columns[right])
    return p


def _take_certain(
    p: Floats, rows: Ints, columns: Ints, left: Bools, right: Bools, many_rows: Ints, many_columns: Ints
) -> bool:
    """Settle the rows that are full or empty in what is left; tell whether there were any."""
    width = many_columns[right].sum()
    full, empty = left & (rows == width) & (width > 0), left & (rows == 0)
    p[np.ix_(full, right)] = 1
    columns[right] -= many_rows[full].sum()
    rows[full] = 0
    left &= ~(full | empty)
    return bool(full.any() or empty.any())


def _solve(rows: Ints, many: Ints, columns: Ints) -> Floats:
    k, column_class, many_columns = np.unique(columns, return_inverse=True, return_counts=True)
    total = np.sqrt(columns.sum())
    x, y = rows / total, k / total
    for _ in range(TRIES):
        x = rows / (many_columns * y / (1 + np.outer(x, y))).sum(axis=1)
        shared = 1 / (1 + np.outer(x, y))
        y = k / (many[:, None] * x[:, None] * shared).sum(axis=0)
        p = np.outer(x, y) / (1 + np.outer(x, y))
        if np.abs(p @ many_columns - rows).max() < CLOSE * rows.max():
            break
    return np.asarray(p[:, column_class])
