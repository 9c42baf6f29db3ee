"""Rows that belong together and follow each other: where each run begins, and the row after each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


def starts(group: Indices) -> Indices:
    """Find the first row of each run of equal values."""
    return np.flatnonzero(np.r_[True, group[1:] != group[:-1]][: len(group)])


def turns(group: Indices) -> Indices:
    """Number the rows of each run of equal values from 0."""
    start = starts(group)
    found: Indices = np.arange(len(group)) - np.repeat(start, np.diff(np.r_[start, len(group)]))
    return found


def following(group: Indices) -> Indices:
    """Find the row after each in its run of equal values; after the last comes the first."""
    start = starts(group)
    found: Indices = np.arange(1, len(group) + 1)
    found[np.r_[start[1:], len(group)][: len(start)] - 1] = start
    return found
