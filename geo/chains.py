"""Lines as segments, and rows of one array for things of another: what ways are measured on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]


class Chains(NamedTuple):
    """Lines as segments: of line k the rows start[k] to start[k + 1] of `segment`, x, y, x, y."""

    segment: Numbers
    start: Indices


class Near(NamedTuple):
    """Rows of another array for each of n things: of thing k `row[start[k]:start[k + 1]]`."""

    start: Indices
    row: Indices


def chains(lines: Shapes) -> Chains:
    """List the segments of lines, which may have parts; what has no finite coordinates is left out."""
    parts, owner = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    finite = np.asarray(np.isfinite(xy).all(axis=1))
    begin = np.flatnonzero((part[1:] == part[:-1]) & finite[1:] & finite[:-1])
    return Chains(np.hstack([xy[begin], xy[begin + 1]]), np.searchsorted(owner[part[begin]], np.arange(len(lines) + 1)))
