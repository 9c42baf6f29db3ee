"""Straight ways from polygons to lines, what they cross, and how much of an outline lies beside a line."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.compiled import pays

if TYPE_CHECKING:
    from geo.outlines import Outlines

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

MANY = 200
"""From so many pairs on compiled kernels pay for being loaded, as in `geo.proximity`."""
ARC = 32
"""Segments of a quarter circle: outside a bend a strip of 30 m is drawn at most 1 cm too narrow."""
STRAIGHT = 1e-6
"""A bend by less [rad] is none."""


class Polygons:
    """Polygons that several questions are asked about; their edges are listed once, when a kernel asks first."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes

    @cached_property
    def edges(self) -> Outlines:
        """List their edges."""
        # Loading numba costs a quarter of a second, which a question about a single site should not pay.
        from geo.outlines import outlines

        return outlines(self.shapes)


def links(polygons: Polygons, lines: Shapes, i: Indices, j: Indices, slack: Numbers) -> Numbers:
    """Find the shortest straight way from polygon i[k] to line j[k], which it does not meet: x, y there and here, shape (k, 4).

    The way ends slack[k] [CRS unit] before the line, at the polygon where that is farther.
    """
    if not pays(len(i), MANY):
        way = shapely.get_coordinates(shapely.shortest_line(polygons.shapes[i], lines[j])).reshape(-1, 4)
    else:
        from geo import routes

        way = routes.links(polygons.edges, lines, i, j)
    run = way[:, 2:] - way[:, :2]
    long = np.hypot(run[:, 0], run[:, 1])
    share = np.maximum(long - slack, 0.0) / np.where(long > 0, long, 1.0)
    return np.hstack([way[:, :2], way[:, :2] + share[:, None] * run])


def crossed(link: Numbers, obstacles: Polygons, beside: float) -> tuple[Indices, Indices, Numbers]:
    """Find how far ways run inside polygons, each way once `beside` [CRS unit] to its left and once to its right.

    k, o, length: pairs of a way and a polygon, ordered by k then o, with the longer of the two lengths, > 0. A way along an
    outline that two polygons share is inside both.
    """
    run = link[:, 2:] - link[:, :2]
    long = np.hypot(run[:, 0], run[:, 1])
    if pays(int((long > 0).sum()), MANY):
        from geo import segments

        return segments.crossed(link, obstacles.edges, shapely.bounds(obstacles.shapes), beside)
    some = np.flatnonzero(long > 0)
    off = beside * np.stack([-run[some, 1], run[some, 0]], axis=1) / long[some, None]
    sides = np.concatenate([link[some] + np.tile(off, 2), link[some] - np.tile(off, 2)])
    drawn = np.asarray(shapely.linestrings(sides.reshape(-1, 2, 2)))
    k, o = shapely.STRtree(obstacles.shapes).query(drawn)
    pair, at = np.unique(some[k % max(len(some), 1)] * len(obstacles.shapes) + o, return_inverse=True)
    length = np.zeros(len(pair))
    np.maximum.at(length, at, shapely.length(shapely.intersection(drawn[k], obstacles.shapes[o])))
    inside = length > 0
    return *np.divmod(pair[inside], max(len(obstacles.shapes), 1)), length[inside]


def facing(polygons: Polygons, lines: Shapes, half: Numbers, i: Indices, j: Indices, counted: Flags) -> tuple[Numbers, Numbers]:
    """Measure how much of polygon i[k]'s outline lies within half[k] of line j[k] beside it, (k,), and of each polygon in all.

    `i` is sorted; the second answer, (number of polygons,), unites the pairs that are `counted`. Beside a line is what lies between
    the square ends of its segments and in the round wedge outside each bend. All in the CRS unit.
    """
    if pays(len(i), MANY):
        from geo import segments

        return segments.facing(polygons.edges, lines, half, i, j, counted)
    strip = beside(lines[j], half)
    outline, n = shapely.boundary(polygons.shapes), len(polygons.shapes)
    total = shapely.length(shapely.intersection(outline, _united(strip[counted], i[counted], n)))
    return shapely.length(shapely.intersection(outline[i], strip)), total


def _united(shapes: Shapes, of: Indices, count: int) -> Shapes:
    """Unite the shapes of each of `count` owners; empty where one has none."""
    united, order = np.full(count, shapely.Polygon(), object), np.argsort(of, kind="stable")
    if len(of):
        which, at = np.unique(of[order], return_inverse=True)
        together = np.asarray(shapely.geometrycollections(shapes[order], indices=at))
        united[which] = shapely.union_all(together[:, None], axis=1)
    return united


def beside(lines: Shapes, half: Numbers) -> Shapes:
    """Draw what lies beside lines: a rectangle along each segment and a wedge outside each bend.

    Not by a buffer of the whole line: that of GEOS leaves out what is beside an end segment shorter than `half`.
    """
    parts, owner = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    at = np.flatnonzero((part[1:] == part[:-1]) & (xy[1:] != xy[:-1]).any(axis=1))
    begin, end, part = xy[at], xy[at + 1], part[at]
    of = owner[part]
    along = (end - begin) / np.hypot(*(end - begin).T)[:, None]
    rectangles = shapely.buffer(shapely.linestrings(np.stack([begin, end], axis=1)), half[of], cap_style="flat")
    # after each segment comes the next of its part, after the last of a ring the first
    last = np.append(part[1:] != part[:-1], True)
    follow = np.where(last, np.searchsorted(part, part), np.arange(len(part)) + 1)
    bends = np.flatnonzero((begin[follow] == end).all(axis=1))
    one, two = along[bends], along[follow[bends]]
    theta = np.arctan2(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0], (one * two).sum(axis=1))
    bent = np.abs(theta) > STRAIGHT
    bends, one, theta = bends[bent], one[bent], theta[bent]
    turn = np.arctan2(one[:, 1], one[:, 0]) - np.sign(theta) * np.pi / 2
    turns = turn[:, None] + theta[:, None] * np.linspace(0, 1, 2 * ARC + 1)
    corner = end[bends][:, None]
    arc = corner + half[of[bends]][:, None, None] * np.stack([np.cos(turns), np.sin(turns)], axis=2)
    wedges = np.asarray(shapely.polygons(np.concatenate([corner, arc], axis=1)), object)
    return _united(np.r_[rectangles, wedges], np.r_[of, of[bends]], len(lines))
