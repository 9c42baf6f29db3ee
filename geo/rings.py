"""The points of many polygons ring by ring, without a copy of each ring."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.kinds import areal

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]


class Rings(NamedTuple):
    """The points of polygons, ring by ring: (n, 2) coordinates and the shape of each, (n,).

    `first` and `hole`: for each ring the number of its first point, and whether it is a hole; `on`, (n - 1,): whether the next
    point belongs to the same ring.
    """

    xy: Numbers
    shape: Indices
    first: Indices
    hole: NDArray[np.bool_]
    on: NDArray[np.bool_]


def rings(shapes: Shapes) -> Rings:
    """List the points of polygons and multipolygons; of other shapes none.

    Only rings of shapes that have several are looked at one by one: GEOS would copy each.
    """
    kind = shapely.get_type_id(shapes)
    other = ~areal(shapes)
    if other.any():
        shapes = shapes.copy()
        shapes[other] = None
    xy, shape = shapely.get_coordinates(shapes, return_index=True)
    begins = np.r_[True, shape[1:] != shape[:-1]][: len(shape)]
    hole = np.zeros(len(shape), bool)
    several = np.flatnonzero((kind == 6) | (shapely.get_num_interior_rings(shapes) > 0))
    if len(several):
        parts, owner = shapely.get_parts(shapes[several], return_index=True)
        ring, part = shapely.get_rings(parts, return_index=True)
        size, own = shapely.get_num_coordinates(ring), owner[part]
        before = np.cumsum(size) - size
        first = np.searchsorted(shape, several)[own] + before - before[np.searchsorted(own, own)]
        begins[first] = True
        hole[first[1:]] = part[1:] == part[:-1]
    return Rings(xy, shape, np.flatnonzero(begins), hole[begins], ~begins[1:])
