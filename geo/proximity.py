"""Which things lie near which, and how far."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]


def within(a: Shapes, b: Shapes, reach: float) -> tuple[Indices, Indices, NDArray[np.float64]]:
    """Find the pairs of `a` and `b` that lie within `reach` of each other, and their distance.

    i, j, distance: shape (k,), ordered by i; distance in the CRS unit, 0 where they touch. Empty shapes have no pairs.
    """
    j, i = shapely.STRtree(a).query(b, predicate="dwithin", distance=reach)
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    return i, j, shapely.distance(a[i], b[j])
