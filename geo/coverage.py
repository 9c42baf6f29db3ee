"""Polygon mosaics: the overlaps and gaps that a change makes, and cutting and joining of their polygons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from shapely.ops import split

from geo.overlay import polygonal

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]


class Faults(NamedTuple):
    """Where a mosaic fails: the place, and the two polygons that overlap there (-1, -1: a gap)."""

    shapes: Shapes
    i: Indices
    j: Indices


def faults_made(old: Shapes, new: Shapes, around: Shapes, gap: float, noise: float) -> Faults:
    """Find the overlaps and gaps that come where the polygons `new` take the place of `old` among those `around`.

    i, j number `new`, then `around`. A gap is land that `old` covered and nothing covers any more, or a strip between polygons
    narrower than `gap` [CRS unit]. What was there before is not made by the change, and what is nowhere wider than twice `noise`
    [CRS unit] is a line drawn twice. Time grows with the polygons given: hand in those near the change.
    """
    i, j = _pairs(new, np.concatenate([new, around]))
    both = np.concatenate([new, around])
    k, m = _pairs(old, np.concatenate([old, around]))
    before = np.concatenate([old, around])
    known = shapely.union_all(polygonal(shapely.intersection(old[k], before[m])))
    places, at = _wide(shapely.difference(polygonal(shapely.intersection(new[i], both[j])), known), noise)
    was, now = shapely.union_all(before), shapely.union_all(both)
    lost = shapely.difference(shapely.union_all(old), now)
    strips = shapely.difference(_strips(now, gap), shapely.union_all([_strips(was, gap), was]))
    gaps, _ = _wide(np.array([shapely.union_all([lost, strips])], object), noise)
    none = np.full(len(gaps), -1)
    return Faults(np.concatenate([places, gaps]), np.r_[i[at], none], np.r_[j[at], none])


def _pairs(some: Shapes, others: Shapes) -> tuple[Indices, Indices]:
    """List the pairs of which the second comes later and whose envelopes meet."""
    i, j = shapely.STRtree(others).query(some)
    return i[i < j], j[i < j]


def _strips(area: BaseGeometry, width: float) -> BaseGeometry:
    """Find the strips and holes of what an area leaves free that are narrower than `width`."""
    closed = area.buffer(width / 2, join_style="mitre").buffer(-width / 2, join_style="mitre")
    return shapely.difference(closed, area)


def _wide(shapes: Shapes, noise: float) -> tuple[Shapes, Indices]:
    """Take shapes apart into polygons that are somewhere wider than twice the noise; the polygons and the shape of each."""
    parts, of = shapely.get_parts(polygonal(shapes), return_index=True)
    real = ~shapely.is_empty(parts) & ~shapely.is_empty(shapely.buffer(parts, -noise, join_style="mitre"))
    return parts[real], of[real]


def cut(polygon: BaseGeometry, line: BaseGeometry) -> Shapes:
    """Cut a polygon along a line, or the parts of one in turn; the pieces from west to east, then from south to north."""
    pieces = np.array([polygon], object)
    for part in shapely.get_parts(line):
        pieces = np.array([p for piece in pieces for p in split(piece, part).geoms], object)
    centre = shapely.get_coordinates(shapely.centroid(pieces))
    return np.asarray(pieces[np.lexsort((centre[:, 1], centre[:, 0]))], object)


def join(polygons: Shapes, noise: float) -> BaseGeometry:
    """Unite polygons; hairlines up to `noise` [CRS unit] between them close."""
    union: BaseGeometry = shapely.union_all(polygons)
    if union.geom_type == "Polygon" and shapely.get_num_interior_rings(union) <= shapely.get_num_interior_rings(polygons).sum():
        return union
    closed = shapely.union_all(shapely.buffer(polygons, noise, join_style="mitre")).buffer(-noise, join_style="mitre")
    return closed if closed.geom_type == "Polygon" else union
