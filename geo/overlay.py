"""What polygons share: which pairs overlap, and how much of each other they hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.compiled import pays
from geo.kinds import areal
from geo.runs import turns

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Areas = NDArray[np.float64]

RIM_GRID = 1e-7
"""Grid [CRS unit] on which a shape is laid to measure its outline: spikes along a line that was drawn twice vanish there."""
CLEAR = 6.0
"""Overlaps this many times deeper than noise are not looked at closely: a mitre goes five times as far as its buffer."""
MANY = 2000
"""From so many pairs on compiled kernels pay for being loaded: half a second, and some seconds when they are first compiled."""
APART, PARTIAL, WHOLE, UNDECIDED = range(4)
"""States of a pair, as `geo.kernels` numbers them."""


class Pairs(NamedTuple):
    """Overlaps of polygons `a[i]` and `b[j]`, ordered by i then j, shape (k,).

    `area` is what they share [CRS unit squared], `shared` its geometry (None: measured, not drawn), and `whole` says that b[j]
    covers a[i]; `knife` is b[j]. `rim` is the length of the outline of what they share and `rest_rim` that of the rest of a[i]
    [CRS unit], both NaN where it was drawn: `rims` measures all.
    """

    i: Indices
    j: Indices
    area: Areas
    whole: NDArray[np.bool_]
    shared: Shapes
    knife: Shapes
    rim: Areas
    rest_rim: Areas

    def pick(self, keep: NDArray[np.bool_]) -> Pairs:
        """Keep some of the pairs."""
        return Pairs(
            self.i[keep],
            self.j[keep],
            self.area[keep],
            self.whole[keep],
            self.shared[keep],
            self.knife[keep],
            self.rim[keep],
            self.rest_rim[keep],
        )


def polygonal(shapes: Shapes) -> Shapes:
    """Keep of each shape the polygons, dropping the points and lines at which things only touched; nothing left: empty."""
    mixed = np.flatnonzero(~areal(shapes))
    if len(mixed):
        shapes = shapes.copy()
        parts, of = shapely.get_parts(shapes[mixed], return_index=True)
        parts, at = shapely.get_parts(parts, return_index=True)  # a collection may hold multipolygons
        keep, of = shapely.get_type_id(parts) == 3, of[at]
        shapes[mixed] = shapely.MultiPolygon()
        if keep.any():
            some, which = np.unique(of[keep], return_inverse=True)
            shapes[mixed[some]] = shapely.multipolygons(parts[keep], indices=which)
    return shapes


def overlaps(a: Shapes, b: Shapes, noise: float = 0.0, outlines: bool = True) -> Pairs:
    """Find the pairs of polygons that overlap and measure what they share; pairs that only touch are left out.

    `noise` [CRS unit] is how far a drawn outline may be off: an overlap nowhere deeper is none, and a polygon that `b` covers
    but for a rim nowhere wider is whole. Without `outlines` nothing is drawn that can be measured.

    From MANY pairs of envelopes on `geo.kernels` decides and measures; what it leaves undecided goes to GEOS. It takes outlines
    nearer than 1e-9 for one, which is what coordinates of some millions are precise to. Time grows with the edges that come
    near another outline, and where shapes are drawn with the pairs that neither cover nor merely touch.

    Both are prepared in place: two threads must not hand in the same geometry.
    """
    j, i = shapely.STRtree(a).query(b)
    order = np.lexsort((j, i))
    i, j, size = i[order], j[order], shapely.area(a)
    state, area = np.full(len(i), UNDECIDED, np.int8), np.zeros(len(i))
    rim, rest_rim = np.full(len(i), np.nan), np.full(len(i), np.nan)
    if pays(len(i), MANY):
        from geo import kernels
        from geo.outlines import outlines as edges

        state, area, rim, rest_rim = kernels.shared(edges(a), edges(b), i, j, size, max(noise, kernels.PRECISION))
        state[~(areal(a)[i] & areal(b)[j])] = UNDECIDED
    undecided = state == UNDECIDED
    state[undecided] = _related(a, b, i[undecided], j[undecided])
    drawn = (state == PARTIAL) & (undecided | outlines)
    shared: Shapes = np.full(len(i), None, object)
    shared[drawn] = polygonal(shapely.intersection(a[i[drawn]], b[j[drawn]]))
    area[drawn] = shapely.area(shared[drawn])
    if noise:
        shallow = np.flatnonzero(drawn & undecided)
        shallow = shallow[_shallow(shared[shallow], area[shallow], a[i[shallow]], noise)]
        state[shallow] = _within_noise(a, b, i[shallow], j[shallow], noise)
    drawn &= state == PARTIAL
    shared[state == WHOLE] = a[i[state == WHOLE]]
    area[state == WHOLE] = size[i[state == WHOLE]]
    measured = (state == PARTIAL) & ~drawn
    rim, rest_rim = np.where(measured, rim, np.nan), np.where(measured, rest_rim, np.nan)
    return Pairs(i, j, area, state == WHOLE, shared, b[j], rim, rest_rim).pick((state != APART) & (area > 0))


def _related(a: Shapes, b: Shapes, i: Indices, j: Indices) -> NDArray[np.int8]:
    """Tell by GEOS how pairs whose envelopes meet are related, shape (k,)."""
    shapely.prepare(b[np.unique(j)])
    met = shapely.intersects(b[j], a[i])
    whole, apart = np.zeros(len(i), bool), ~met
    whole[met] = shapely.covers(b[j[met]], a[i[met]])
    apart[met & ~whole] = shapely.touches(b[j[met & ~whole]], a[i[met & ~whole]])
    return np.select([apart, whole], [APART, WHOLE], PARTIAL).astype(np.int8)


def _shallow(shared: Shapes, area: Areas, a: Shapes, noise: float) -> NDArray[np.bool_]:
    """Tell where what polygons share, or what is left of a, may be nowhere deeper than `noise`, shape (k,).

    Every shape is somewhere as deep as its area by the length of its outline.
    """
    rim, whole = shapely.length(shared), shapely.length(a)
    return np.asarray((area <= CLEAR * noise * rim) | (shapely.area(a) - area <= CLEAR * noise * (rim + whole)), bool)


def _within_noise(a: Shapes, b: Shapes, i: Indices, j: Indices, noise: float) -> NDArray[np.int8]:
    """Tell how pairs that share a part are related where outlines may be off by `noise`, shape (k,)."""
    some, at = np.unique(j, return_inverse=True)
    grown, shrunk = (shapely.buffer(b[some], d, join_style="mitre") for d in (noise, -noise))
    shapely.prepare(grown)
    shapely.prepare(shrunk)
    apart = ~shapely.intersects(shrunk[at], a[i])
    return np.select([apart, shapely.covers(grown[at], a[i])], [APART, WHOLE], PARTIAL).astype(np.int8)


def rims(a: Shapes, pairs: Pairs) -> tuple[Areas, Areas]:
    """Measure the outlines of what overlaps of `a` share, and of what they leave of a[i], shape (k,) [CRS unit]."""
    inside, outside = pairs.rim.copy(), pairs.rest_rim.copy()
    drawn = np.isnan(inside)
    shared = pairs.shared[drawn]
    inside[drawn] = shapely.length(shapely.set_precision(shared, RIM_GRID))
    outside[drawn] = shapely.length(polygonal(shapely.difference(a[pairs.i[drawn]], shared, grid_size=RIM_GRID)))
    return inside, outside


def largest_share(a: Shapes, b: Shapes) -> tuple[Indices, Areas]:
    """Name for each polygon of `a` the polygon of `b` that holds most of it (-1: none), and the share from 0 to 1."""
    best, share = np.full(len(a), -1, np.intp), np.zeros(len(a))
    pairs = overlaps(a, b, outlines=False)
    order = np.lexsort((pairs.j, -pairs.area, pairs.i))
    first = order[turns(pairs.i[order]) == 0]
    best[pairs.i[first]] = pairs.j[first]
    share[pairs.i[first]] = pairs.area[first] / shapely.area(a)[pairs.i[first]]
    return best, share


def united(shapes: Shapes) -> BaseGeometry:
    """Unite polygons that do not overlap, to be drawn: where a sliver's outline crosses itself, mended; else piece by piece.

    Areas are summed from the shapes, never measured of this.
    """
    if len(shapes) == 1:
        return shapes[0]  # type: ignore[no-any-return]
    for mend in (False, True):
        try:
            whole: BaseGeometry = shapely.union_all(polygonal(shapely.make_valid(shapes)) if mend else shapes)
        except shapely.errors.GEOSException:
            continue
        return whole
    return shapely.geometry.MultiPolygon(shapely.get_parts(shapes).tolist())
