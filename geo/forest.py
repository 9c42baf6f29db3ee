"""Trees of ways: each thing hangs on the one before it; the least along a way, the sum of all that hangs on a thing, and where that lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]


def least(parent: Indices, value: Numbers) -> tuple[Numbers, Indices]:
    """Find the least value on the way from each thing to its root, itself included, and where it is first met.

    parent: what each thing hangs on, -1 for a root, no circles, shape (n,). Time grows with n and the logarithm of the longest
    way: the way is doubled in each step.
    """
    count = len(parent)
    low, at = np.append(value, np.inf), np.arange(count + 1)
    above = np.append(np.where(parent < 0, count, parent), count)
    while (above < count).any():
        better = low[above] < low
        low, at = np.where(better, low[above], low), np.where(better, at[above], at)
        above = above[above]
    return low[:count], at[:count]


def total(parent: Indices, value: Numbers) -> Numbers:
    """Sum the values of each thing and of all that hangs on it; exact, in any order, for whole numbers below 2**53."""
    count = len(parent)
    sums = np.append(value, 0.0)
    above = np.append(np.where(parent < 0, count, parent), count)
    while (above < count).any():
        more = np.bincount(above, sums, count + 1)
        more[count] = 0.0
        sums, above = sums + more, above[above]
    answer: Numbers = sums[:count]
    return answer


def spans(parent: Indices) -> tuple[Indices, Indices]:
    """Place things so that all that hangs on one follows it: the place of each, and that behind the last that hangs on it."""
    count = len(parent)
    size = total(parent, np.ones(count)).astype(np.intp)
    order = np.argsort(parent, kind="stable")
    before = np.cumsum(size[order]) - size[order]
    family = np.flatnonzero(np.diff(parent[order], prepend=-2))
    step = np.zeros(count + 1, np.intp)
    step[order] = before - np.repeat(before[family], np.diff(family, append=count)) + (parent[order] >= 0)
    above = np.append(np.where(parent < 0, count, parent), count)
    while (above < count).any():
        step, above = step + step[above], above[above]
    return step[:count], step[:count] + size


def root(parent: Indices) -> Indices:
    """Name the root of each thing; a root is its own."""
    above = np.where(parent < 0, np.arange(len(parent)), parent)
    while ((higher := above[above]) != above).any():
        above = higher
    return above


def way(parent: Indices, start: int) -> list[int]:
    """List the things from `start` to its root, both included."""
    found = [start]
    while (above := int(parent[found[-1]])) >= 0:
        found.append(above)
    return found
