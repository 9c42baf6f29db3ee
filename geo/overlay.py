"""What polygons share: areas of pairs, unions, and the exact partition of plots among many polygons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.compiled import pays
from geo.runs import turns

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Areas = NDArray[np.float64]

SPLIT_TOLERANCE = 1e-8
"""What the areas of the two sides of a cut may differ from the whole [CRS unit squared]."""
ROUNDING = 5e-14
"""What more they may differ, of the whole: an outline of 20,000 points is not measured better than that."""
GRIDS = (0.0, 1e-9, 1e-8)
"""Grids [CRS unit] on which a cut is done again that did not add up; 0: none, as what is known inside was cut elsewhere."""
RIM_GRID = 1e-7
"""Grid [CRS unit] on which a shape is laid to measure its outline: spikes along a line that was drawn twice vanish there."""
FEW = 8
"""Up to so many plots are drawn one by one, all their pieces at once: of more, each cut is made through all at once."""
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


class Pieces(NamedTuple):
    """A partition of plots into pieces, ordered by plot.

    Piece p is a part of plot `plot[p]`; it lies in polygon `polygon[q]` for every q with `piece[q] == p`. `rim` is the length of
    its outline [CRS unit], NaN where nobody measured or drew it.
    """

    plot: Indices
    geometry: Shapes
    area: Areas
    rim: Areas
    piece: Indices
    polygon: Indices


NO_PIECES = Pieces(*(np.zeros(0, kind) for kind in (np.intp, object, float, float, np.intp, np.intp)))


def polygonal(shapes: Shapes) -> Shapes:
    """Keep of each shape the polygons, dropping the points and lines at which things only touched; nothing left: empty."""
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (3, 6)))
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
        state[~(np.isin(shapely.get_type_id(a), (3, 6))[i] & np.isin(shapely.get_type_id(b), (3, 6))[j])] = UNDECIDED
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


def area_inside(a: Shapes, b: Shapes) -> Areas:
    """Measure how much of each polygon of `a` lies inside any of `b`, shape (len(a),); overlaps within `b` count once."""
    return covered_area(a, overlaps(a, b, outlines=False))


def covered_area(a: Shapes, pairs: Pairs) -> Areas:
    """Measure how much of each polygon of `a` the polygons of its pairs cover, shape (len(a),); overlaps among them once."""
    full = np.zeros(len(a), bool)
    full[pairs.i[pairs.whole]] = True
    inside = np.where(full, shapely.area(a), 0.0)
    cut, at = np.unique(pairs.i[~full[pairs.i]], return_inverse=True)
    some = pairs.pick(~full[pairs.i])._replace(i=at)
    pieces = partition(a[cut], some, 0.0, draw=False)
    member = np.zeros(len(pieces.plot), bool)
    member[pieces.piece] = True
    inside[cut] = np.bincount(pieces.plot[member], pieces.area[member], len(cut))
    return inside


def largest_share(a: Shapes, b: Shapes) -> tuple[Indices, Areas]:
    """Name for each polygon of `a` the polygon of `b` that holds most of it (-1: none), and the share from 0 to 1."""
    best, share = np.full(len(a), -1, np.intp), np.zeros(len(a))
    pairs = overlaps(a, b, outlines=False)
    order = np.lexsort((pairs.j, -pairs.area, pairs.i))
    first = order[turns(pairs.i[order]) == 0]
    best[pairs.i[first]] = pairs.j[first]
    share[pairs.i[first]] = pairs.area[first] / shapely.area(a)[pairs.i[first]]
    return best, share


def _moved(shapes: Shapes, by: NDArray[np.float64]) -> Shapes:
    """Move each shape by its own vector, shape (n, 2)."""
    coordinates, of = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(shapely.set_coordinates(shapes.copy(), coordinates + by[of]))


def _back(shapes: Shapes, to: NDArray[np.float64]) -> Shapes:
    """Move pieces back to where they came from; what crosses itself there, where coordinates are coarser, is mended."""
    moved = _moved(shapes, to)
    crossed = ~shapely.is_valid(moved)
    moved[crossed] = polygonal(shapely.make_valid(moved[crossed], method="structure", keep_collapsed=False))
    return moved


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


def split(a: Shapes, b: Shapes, inside: Shapes | None = None) -> tuple[Shapes, Shapes]:
    """Split each polygon of `a` into what lies inside the polygon `b` beside it (where known: `inside`) and what outside.

    Overlay in floating point can lose a part at needle-thin corners. Where the two areas do not add up it is done again on
    a grid of 1 nm, so coordinates should be near the origin; of all tries the best is kept.
    """
    inside = polygonal(shapely.intersection(a, b)) if inside is None else inside.copy()
    outside = polygonal(shapely.difference(a, b))
    size = shapely.area(a)
    off = np.abs(shapely.area(inside) + shapely.area(outside) - size)
    for grid in GRIDS:
        again = np.flatnonzero(off > SPLIT_TOLERANCE + ROUNDING * size)
        if not len(again):
            break
        within = polygonal(shapely.intersection(a[again], b[again], grid_size=grid))
        without = polygonal(shapely.difference(a[again], b[again], grid_size=grid))
        error = np.abs(shapely.area(within) + shapely.area(without) - size[again])
        better = error < off[again]
        done = again[better]
        inside[done], outside[done], off[done] = within[better], without[better], error[better]
    return inside, outside


def partition(a: Shapes, pairs: Pairs, thin: float = np.inf, draw: bool = True) -> Pieces:
    """Split each polygon of `a` by the outlines of the polygons that overlap it.

    `pairs` are overlaps of `a`. Each piece lies wholly inside or wholly outside of every polygon, the pieces of a plot do
    not overlap, and their areas add up to its area. A plot without partial overlaps is one piece. Plots are cut near the
    origin, where coordinates are precise to 1e-12.

    Pieces up to `thin` [CRS unit squared] have their `rim` measured without spikes; that of others is as it is drawn, or unknown.
    Without `draw` time is saved: pairs that were measured are not drawn here either, and of the others what the last cut of a plot
    leaves outside is measured by subtraction, its outline None unless it is thin.

    Time grows with the pieces of the plots that are cut, memory with pieces times the most cuts of one plot.
    """
    cuts = pairs.pick(~pairs.whole)
    cut_plots, of = np.unique(cuts.i, return_inverse=True)
    turn = turns(cuts.i)
    cut_of = np.full((len(cut_plots), int(turn.max(initial=-1)) + 1), -1, np.intp)
    cut_of[of, turn] = np.arange(len(cuts.i))
    done, measured = np.zeros(len(cut_plots), bool), None
    if draw and len(cut_plots) <= FEW:
        done, measured = _noded(a[cut_plots], cuts, of, thin)
    elif not draw and not np.isnan(cuts.rim).all():
        done, measured = _measured(a[cut_plots], cuts, np.bincount(of))
    found = measured or NO_PIECES
    if not done.all():
        found = _joined(found, _drawn(a[cut_plots], cuts, cut_of, np.flatnonzero(~done), thin, draw))
    return _gathered(a, pairs, cut_plots, cut_of, found)


def _measured(a: Shapes, cuts: Pairs, count: Indices) -> tuple[NDArray[np.bool_], Pieces]:
    """Measure the pieces of plots of which each has the next `count` cuts; which plots are done, and their pieces.

    Pieces up to SPLIT_TOLERANCE are rounding: the largest piece of the plot takes them.
    """
    from geo import kernels  # as in `overlaps`, which has loaded it already
    from geo.outlines import outlines

    _, first, knife = np.unique(cuts.j, return_index=True, return_inverse=True)
    start, size = np.r_[0, np.cumsum(count)], shapely.area(a)
    done, plot, mask, area, rim = kernels.cells(outlines(a), outlines(cuts.knife[first]), start, knife, size)
    real = area > SPLIT_TOLERANCE
    plot, mask, area, rim = plot[real], mask[real], area[real], rim[real]
    order = np.lexsort((area, plot))
    largest = order[np.r_[np.diff(plot[order]) != 0, True][: len(order)]]
    area[largest] += size[plot[largest]] - np.bincount(plot, area, len(a))[plot[largest]]
    piece, n = np.nonzero(mask[:, None] >> np.arange(min(count.max(), kernels.MOST_POLYGONS)) & 1)
    return done, Pieces(plot, np.full(len(plot), None, object), area, rim, piece, n)


def _noded(a: Shapes, cuts: Pairs, of: Indices, thin: float) -> tuple[NDArray[np.bool_], Pieces]:
    """Draw the faces of the outlines of a few plots and of what they share with others; which plots are done, and their pieces.

    All outlines of a plot are noded at once, which takes a sixth of the time of cuts one after the other. A plot is done where
    the faces add up to it and to each of its overlaps; where an outline is too wild for that, it is cut.
    """
    done, origin, found = np.zeros(len(a), bool), np.floor(shapely.bounds(a)[:, :2]), NO_PIECES
    for n in range(len(a)):
        whole, shared = (_moved(shapes, -origin[np.full(len(shapes), n)]) for shapes in (a[n : n + 1], cuts.shared[of == n]))
        shapes, inside = _faces(whole, shared)
        area, size = shapely.area(shapes), shapely.area(np.r_[whole, shared])
        off = np.abs(area @ np.c_[np.ones(len(area)), inside] - size)
        if (off <= SPLIT_TOLERANCE + ROUNDING * size).all():
            done[n] = True
            rim, plot = _rims(shapes, area, thin), np.full(len(shapes), n)
            found = _joined(found, Pieces(plot, _back(shapes, origin[plot]), area, rim, *np.nonzero(inside)))
    return done, found


def _faces(whole: Shapes, shared: Shapes) -> tuple[Shapes, NDArray[np.bool_]]:
    """Draw the faces of the outlines of one polygon and of parts of it, those within the same parts as one; shape (k,), (k, parts)."""
    lines = shapely.union_all(shapely.boundary(np.r_[whole, shared]))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    points = shapely.point_on_surface(faces)
    x, y = shapely.get_x(points)[:, None], shapely.get_y(points)[:, None]
    shapely.prepare(whole)
    shapely.prepare(shared)
    mine = shapely.contains_xy(whole, x, y)[:, 0]
    faces, inside = faces[mine], shapely.contains_xy(shared, x[mine], y[mine])
    alike: dict[bytes, list[int]] = {}
    for n, parts in enumerate(inside):
        alike.setdefault(parts.tobytes(), []).append(n)
    first = [same[0] for same in alike.values()]
    shapes = faces[first]
    for n, same in enumerate(alike.values()):
        if len(same) > 1:
            shapes[n] = shapely.multipolygons(faces[same])
    return shapes, inside[first]


def _rims(shapes: Shapes, area: Areas, thin: float) -> Areas:
    """Measure outlines, of pieces up to `thin` on a grid, where spikes have no length."""
    rim, small = shapely.length(shapes), area <= thin
    rim[small] = shapely.length(shapely.set_precision(shapes[small], RIM_GRID))
    return np.asarray(rim, np.float64)


def _joined(one: Pieces, other: Pieces) -> Pieces:
    """Put pieces of different plots together."""
    return Pieces(
        np.r_[one.plot, other.plot],
        np.r_[one.geometry, other.geometry],
        np.r_[one.area, other.area],
        np.r_[one.rim, other.rim],
        np.r_[one.piece, other.piece + len(one.plot)],
        np.r_[one.polygon, other.polygon],
    )


def _drawn(a: Shapes, cuts: Pairs, cut_of: Indices, plot: Indices, thin: float, draw: bool) -> Pieces:
    """Cut some polygons of `a` one cut after the other; `polygon` is the number of the cut, in the order of `cut_of`."""
    origin = np.floor(shapely.bounds(a)[:, :2])
    shared = np.full(len(cuts.i), None, object)
    some = cut_of[plot]
    some, owner = some[some >= 0], np.repeat(plot, (some >= 0).sum(axis=1))
    shared[some] = cuts.shared[some]
    missing = shapely.is_missing(shared[some])
    shared[some[missing]] = polygonal(shapely.intersection(a[owner[missing]], cuts.knife[some[missing]]))
    shared[some] = _moved(shared[some], -origin[owner])
    count = (cut_of >= 0).sum(axis=1)
    shapes = _moved(a[plot], -origin[plot])
    area, inside = shapely.area(shapes), np.zeros((len(plot), cut_of.shape[1]), bool)
    for n in range(cut_of.shape[1]):
        cut = cut_of[plot, n]
        hit = np.flatnonzero(cut >= 0)
        hit = hit[_meet(shapely.bounds(shapes[hit]), shapely.bounds(shared[cut[hit]]))]
        if not len(hit):
            continue
        within, shapes[hit], within_area, area[hit] = _cut(
            shapes[hit], area[hit], shared[cut[hit]], n == 0, count[plot[hit]] == n + 1, np.inf if draw else thin
        )
        marked = inside[hit]
        marked[:, n] = True
        pieces = ((plot, plot[hit]), (shapes, within), (inside, marked), (area, within_area))
        plot, shapes, inside, area = map(np.concatenate, pieces)
        if not (real := area > 0).all():
            plot, shapes, inside, area = plot[real], shapes[real], inside[real], area[real]
    rim = _rims(shapes, area, thin)
    outlined = np.flatnonzero(~shapely.is_missing(shapes))
    shapes[outlined] = _back(shapes[outlined], origin[plot[outlined]])
    return Pieces(plot, shapes, area, rim, *np.nonzero(inside))


def _meet(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which envelopes meet, shape (n, 4) each: of thousands of pieces a cut concerns few."""
    return np.asarray(((one[:, :2] <= other[:, 2:]) & (one[:, 2:] >= other[:, :2])).all(axis=1), bool)


def _cut(
    shapes: Shapes, area: Areas, knife: Shapes, first: bool, last: NDArray[np.bool_], outlines: float
) -> tuple[Shapes, Shapes, Areas, Areas]:
    """Cut shapes by the polygons beside them; inside, outside, and the areas of both.

    In the `first` turn the knife is the inside. Of the shapes cut for the `last` time only small rests are drawn.
    """
    if np.isinf(outlines):
        inside, outside = split(shapes, knife, knife if first else None)
        return inside, outside, shapely.area(inside), shapely.area(outside)
    inside = knife.copy() if first else polygonal(shapely.intersection(shapes, knife))
    inside_area = shapely.area(inside)
    outside, outside_area = np.full(len(shapes), None, object), np.maximum(area - inside_area, 0.0)
    outside_area[outside_area <= SPLIT_TOLERANCE] = 0.0
    draw = np.flatnonzero(~last | ((outside_area > 0) & (outside_area <= outlines)))
    inside[draw], outside[draw] = split(shapes[draw], knife[draw], inside[draw])
    inside_area[draw], outside_area[draw] = shapely.area(inside[draw]), shapely.area(outside[draw])
    return inside, outside, inside_area, outside_area


def _gathered(a: Shapes, pairs: Pairs, cut_plots: Indices, cut_of: Indices, cut: Pieces) -> Pieces:
    """Put the pieces of cut plots and the plots that are one piece together, ordered by plot, with the polygons on each."""
    uncut = np.setdiff1d(np.arange(len(a)), cut_plots, assume_unique=True)
    plot = np.r_[cut_plots[cut.plot], uncut]
    order = np.argsort(plot, kind="stable")
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    plot = plot[order]
    knife = pairs.pick(~pairs.whole).j[cut_of[cut.plot[cut.piece], cut.polygon]]
    full = pairs.pick(pairs.whole)
    start, stop = np.searchsorted(plot, full.i), np.searchsorted(plot, full.i, "right")
    owner = np.repeat(np.arange(len(full.i)), stop - start)
    return Pieces(
        plot,
        np.r_[cut.geometry, a[uncut]][order],
        np.r_[cut.area, shapely.area(a[uncut])][order],
        np.r_[cut.rim, shapely.length(a[uncut])][order],
        np.r_[place[cut.piece], start[owner] + turns(owner)],
        np.r_[knife, full.j[owner]],
    )
