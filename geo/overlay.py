"""What polygons share: areas of pairs, unions by group, and the exact partition of plots among many claims."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Areas = NDArray[np.float64]


class Pairs(NamedTuple):
    """Overlaps of polygons `a[i]` and `b[j]`, ordered by i then j, shape (k,).

    `area` is shared in the CRS unit squared; `whole` says that b[j] covers a[i]; `shared` is the geometry, None where whole.
    """

    i: Indices
    j: Indices
    area: Areas
    whole: NDArray[np.bool_]
    shared: Shapes


class Pieces(NamedTuple):
    """The partition of plots: piece p is a part of plot `plot[p]`, and lies in polygon `polygon[q]` for each q with `piece[q]` == p."""

    plot: Indices
    geometry: Shapes
    area: Areas
    piece: Indices
    polygon: Indices


def overlaps(a: Shapes, b: Shapes) -> Pairs:
    """Find the pairs of polygons that overlap, with what they share; pairs that only touch are left out."""
    shapely.prepare(b)
    j, i = shapely.STRtree(a).query(b, predicate="intersects")
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    whole = shapely.covers(b[j], a[i])
    shared = np.full(len(i), None, object)
    partial = ~whole
    shared[partial] = shapely.intersection(a[i[partial]], b[j[partial]])
    area = shapely.area(a)[i]
    area[partial] = shapely.area(shared[partial])
    keep = area > 0
    return Pairs(i[keep], j[keep], area[keep], whole[keep], shared[keep])


def area_inside(a: Shapes, b: Shapes) -> Areas:
    """Measure how much of each polygon of `a` lies inside any of `b`, shape (len(a),); overlaps within `b` count once."""
    inside = np.zeros(len(a))
    if not len(a) or not len(b):
        return inside
    pairs = overlaps(a, b)
    full = np.zeros(len(a), bool)
    full[pairs.i[pairs.whole]] = True
    rest = ~pairs.whole & ~full[pairs.i]
    i, area, shared = pairs.i[rest], pairs.area[rest], pairs.shared[rest]
    np.add.at(inside, i, area)
    several = np.bincount(i, minlength=len(a))[i] > 1
    if several.any():
        inside[i[several]] = 0.0
        groups, start = np.unique(i[several], return_index=True)
        united = [shapely.union_all(part) for part in np.split(shared[several], start[1:])]
        inside[groups] = shapely.area(np.array(united, object))
    inside[full] = shapely.area(a)[full]
    return inside


def largest_share(a: Shapes, b: Shapes) -> tuple[Indices, Areas]:
    """Name for each polygon of `a` the polygon of `b` that holds most of it (-1: none), and the share 0 to 1."""
    best, share = np.full(len(a), -1, np.intp), np.zeros(len(a))
    if not len(a) or not len(b):
        return best, share
    pairs = overlaps(a, b)
    order = np.lexsort((pairs.j, -pairs.area, pairs.i))
    first = order[np.r_[True, np.diff(pairs.i[order]) != 0]] if len(order) else order
    best[pairs.i[first]] = pairs.j[first]
    share[pairs.i[first]] = pairs.area[first] / shapely.area(a)[pairs.i[first]]
    return best, share
