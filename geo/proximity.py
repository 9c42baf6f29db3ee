"""Which things lie near which, and how far."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.compiled import pays
from geo.kinds import areal, lineal

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]

MANY = 200
"""From so many polygons on a compiled search pays for being loaded: half a second, and seconds when it is first compiled."""
TOUCHING = 1e-9
"""Shapes nearer than this [CRS unit] touch: coordinates of some millions are no more precise."""


def within(a: Shapes, b: Shapes, reach: float) -> tuple[Indices, Indices, NDArray[np.float64]]:
    """Find the pairs of `a` and `b` that lie within `reach` of each other, and their distance.

    i, j, distance: shape (k,), ordered by i then j; distance in the CRS unit, 0 where they touch. Empty shapes have no pairs.
    Where `a` is MANY polygons or more `geo.segments` measures the lines of `b`, GEOS what else is there.
    """
    polygon, line = areal(a), lineal(b)
    if not pays(len(a), MANY) or not np.isfinite(reach) or not polygon.all() or not line.any():
        i, j, distance = _within(a, b, reach)
    else:
        from geo.segments import near

        of_lines, others = near(a, b[line], reach), _within(a, b[~line], reach)
        i = np.r_[of_lines[0], others[0]]
        j = np.r_[np.flatnonzero(line)[of_lines[1]], np.flatnonzero(~line)[others[1]]]
        distance = np.r_[of_lines[2], others[2]]
    order = np.lexsort((j, i))
    i, j, distance = i[order], j[order], distance[order]
    return i, j, np.where(distance <= TOUCHING, 0.0, distance)


def _within(a: Shapes, b: Shapes, reach: float) -> tuple[Indices, Indices, NDArray[np.float64]]:
    """Find the pairs by GEOS, in no order."""
    if not len(b):  # spares the tree
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    j, i = shapely.STRtree(a).query(b, predicate="dwithin", distance=reach)
    return i, j, shapely.distance(a[i], b[j])
