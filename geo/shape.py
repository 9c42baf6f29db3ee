"""The outlines of polygons: boundary points as surveyors number them, widths, shared edges, and parts of a stated area."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.runs import following, starts, turns

Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]


class Points(NamedTuple):
    """The boundary points of polygons, one row each, in the order in which they are walked; a ring's last row is not repeated.

    shape: number of the polygon. part: its part, from 0. ring: ring of the part, 0 is the shell. number: from 1 within the
    polygon. xy: coordinates, shape (n, 2). side: length from the point to the next of its ring [CRS unit]. following: the row of
    that next point.
    """

    shape: Indices
    part: Indices
    ring: Indices
    number: Indices
    xy: Numbers
    side: Numbers
    following: Indices


def boundary_points(shapes: NDArray[np.object_]) -> Points:
    """Number the boundary points of polygons: from the north-west corner clockwise, each shell before its holes.

    The north-west corner of a ring is the point farthest to the north-west, the northern one of two. Parts follow each other
    from the north-west too. Time and memory grow with the points.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    west, _, _, north = shapely.bounds(parts).T
    order = np.lexsort((west - north, owner))
    parts, owner = parts[order], owner[order]
    rings, of = shapely.get_rings(parts, return_index=True)
    rings = np.where(shapely.is_ccw(rings), shapely.reverse(rings), rings)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    closing = np.r_[ring[1:] != ring[:-1], True][: len(ring)]
    xy, ring = xy[~closing], ring[~closing]
    xy = xy[_from_north_west(xy, ring)]
    after = following(ring)
    side = np.hypot(*(xy[after] - xy).T)
    shape = owner[of[ring]]
    return Points(shape, turns(owner)[of[ring]], turns(of)[ring], turns(shape) + 1, xy, side, after)


def _from_north_west(xy: Numbers, ring: Indices) -> Indices:
    """Order the points of each ring as they are, but begun at its north-west corner."""
    start = starts(ring)
    count = np.diff(np.r_[start, len(ring)])
    first = np.lexsort((-xy[:, 1], xy[:, 0] - xy[:, 1], ring))[start]
    order: Indices = np.repeat(start, count) + (turns(ring) + np.repeat(first - start, count)) % np.repeat(count, count)
    return order


def noded(shape: BaseGeometry, xy: Numbers, within: float) -> BaseGeometry:
    """Put points, shape (n, 2), into the outline of a polygon or multipolygon where they lie on it.

    Those within `within` [CRS unit] of the outline, and not of one of its own points, become points of the outline, at the foot on
    its edge: its own points, its course and its area stay.
    """
    polygons = [
        shapely.Polygon(_noded(part.exterior, xy, within), [_noded(hole, xy, within) for hole in part.interiors])
        for part in shapely.get_parts(shape)
    ]
    return polygons[0] if shape.geom_type == "Polygon" else shapely.MultiPolygon(polygons)


def noded_together(shapes: NDArray[np.object_], within: float, beside: NDArray[np.object_] | None = None) -> NDArray[np.object_]:
    """Put the points of each polygon, and of those `beside`, into the outlines of the others on which they lie, as `noded`.

    Time grows with the points, and with the polygons that get some.
    """
    xy, of = shapely.get_coordinates(shapes, return_index=True)
    whole = np.concatenate([xy, np.zeros((0, 2)) if beside is None else shapely.get_coordinates(beside)])
    points, which = np.unique(whole @ np.array([1, 1j]), return_inverse=True)
    places = np.column_stack([points.real, points.imag])
    at, on = shapely.STRtree(shapely.boundary(shapes)).query(shapely.points(places), predicate="dwithin", distance=within)
    new = ~np.isin(at * len(shapes) + on, which[: len(xy)] * len(shapes) + of)
    at, on = at[new], on[new]
    found = shapes.copy()
    for n in np.unique(on).tolist():
        found[n] = noded(shapes[n], places[at[on == n]], within)
    return found


def _noded(ring: shapely.LinearRing, xy: Numbers, within: float) -> Numbers:
    """List the points of a ring, with those of others that lie on it."""
    own, others = shapely.get_coordinates(ring), np.asarray(shapely.points(xy), object)
    near = others[shapely.dwithin(others, ring, within)]
    near = near[~shapely.dwithin(near, shapely.MultiPoint(own), within)]
    along = np.sort(shapely.line_locate_point(ring, near))
    along = along[np.diff(along, prepend=-np.inf) > within]
    new = shapely.get_coordinates(shapely.line_interpolate_point(ring, along))
    way = np.r_[0.0, np.cumsum(np.hypot(*np.diff(own, axis=0).T))]
    found: Numbers = np.r_[own, new][np.argsort(np.r_[way, along], kind="stable")]
    return found


def inner_width(shapes: NDArray[np.object_]) -> Numbers:
    """Measure the diameter of the largest circle in each polygon, shape (n,) [CRS unit], to a thousandth of its envelope."""
    found = np.zeros(len(shapes))
    for n, shape in enumerate(shapes):
        found[n] = 2 * shapely.maximum_inscribed_circle(shape).length
    return found


def shared_edges(shapes: NDArray[np.object_], apart: float, least: float) -> tuple[Indices, Indices, Numbers]:
    """Find the pairs i < j of polygons that share an edge, and its length [CRS unit]; a corner is no edge.

    Edges up to `apart` from each other count as one; edges shorter than `least` do not count. Time grows with the pairs whose
    envelopes meet.
    """
    grown = shapely.buffer(shapes, apart, join_style="mitre")
    i, j = shapely.STRtree(shapes).query(grown)
    i, j = i[i < j], j[i < j]
    strip = shapely.area(shapely.intersection(grown[i], shapely.difference(shapes[j], shapes[i])))
    length = strip / apart
    edge = length >= least
    return i[edge], j[edge], length[edge]


def cut_to_area(shape: BaseGeometry, area: float, direction: float) -> tuple[BaseGeometry, BaseGeometry]:
    """Cut a polygon by a straight line across `direction` [radians] so that the part behind it has an area.

    Gives the part and the remainder, either may have several parts; the whole where it has no more. The area is met to 1e-6 of the
    square of a CRS unit for lines up to 1,000 units long.
    """
    c, s = np.cos(direction), np.sin(direction)
    centre = shapely.get_coordinates(shapely.centroid(shape))[0]
    xy = shapely.get_coordinates(shape) - centre
    along, reach = xy @ (c, s), 2 * float(np.hypot(*xy.T).max())
    low, high = float(along.min()), float(along.max())

    def behind(at: float) -> BaseGeometry:
        corners = np.array([(-reach, -reach), (at, -reach), (at, reach), (-reach, reach)])
        return shape.intersection(shapely.Polygon(corners @ np.array([[c, s], [-s, c]]) + centre))

    if shape.area <= area:
        return shape, shapely.Polygon()
    from scipy.optimize import brentq  # a fifth of what a service takes to start, and seldom asked for

    part = behind(brentq(lambda at: behind(at).area - area, low, high + 1.0, xtol=1e-10))
    return part, shape.difference(part)
