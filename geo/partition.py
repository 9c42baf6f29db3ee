"""The exact partition of plots among many polygons: pieces whose areas add up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.overlay import RIM_GRID, Areas, Indices, Pairs, Shapes, overlaps, polygonal
from geo.runs import turns

SPLIT_TOLERANCE = 1e-8
"""What the areas of the two sides of a cut may differ from the whole [CRS unit squared]."""
ROUNDING = 5e-14
"""What more they may differ, of the whole: an outline of 20,000 points is not measured better than that."""
GRIDS = (0.0, 1e-9, 1e-8)
"""Grids [CRS unit] on which a cut is done again that did not add up; 0: none, as what is known inside was cut elsewhere."""
GRAIN = 1e-7
"""Faces up to this are no land but the rounding of coordinates of some millions along lines drawn twice [CRS unit squared]."""
FEW = 8
"""Up to so many plots are drawn one by one, all their pieces at once: of more, each cut is made through all at once."""


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


def _moved(shapes: Shapes, by: NDArray[np.float64]) -> Shapes:
    """Move each shape by its own vector, shape (n, 2)."""
    coordinates, of = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(shapely.set_coordinates(shapes.copy(), coordinates + by[of]))


def _back(shapes: Shapes, to: NDArray[np.float64]) -> Shapes:
    """Move pieces back to where they came from; what crosses itself there, where coordinates are coarser, is mended."""
    moved = _moved(shapes, to)
    crossed = np.flatnonzero(~shapely.is_valid(moved))
    moved[crossed] = polygonal(np.array([_mended(shape) for shape in moved[crossed]], object))
    return moved


def _mended(shape: BaseGeometry) -> BaseGeometry:
    """Mend a piece by its structure, or where GEOS finds none by its lines."""
    try:
        return shapely.make_valid(shape, method="structure", keep_collapsed=False)
    except shapely.errors.GEOSException:
        return shapely.make_valid(shape)


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
    the faces add up to it and to each of its overlaps; where an outline is too wild for that, it is cut. Faces up to
    GRAIN, more than half of all, are left to the largest of the plot.
    """
    done, origin, found = np.zeros(len(a), bool), np.floor(shapely.bounds(a)[:, :2]), NO_PIECES
    for n in range(len(a)):
        whole, shared = (_moved(shapes, -origin[np.full(len(shapes), n)]) for shapes in (a[n : n + 1], cuts.shared[of == n]))
        shapes, inside, left = _faces(whole, shared)
        area, size = shapely.area(shapes), shapely.area(np.r_[whole, shared])
        off = np.abs(area @ np.c_[np.ones(len(area)), inside] - size)
        if len(area) and (off <= SPLIT_TOLERANCE + ROUNDING * size + left).all():
            done[n] = True
            area[area.argmax()] += size.item(0) - area.sum()
            rim, plot = _rims(shapes, area, thin), np.full(len(shapes), n)
            found = _joined(found, Pieces(plot, _back(shapes, origin[plot]), area, rim, *np.nonzero(inside)))
    return done, found


def _faces(whole: Shapes, shared: Shapes) -> tuple[Shapes, NDArray[np.bool_], float]:
    """Draw the faces of the outlines of one polygon and of parts of it, those within the same parts as one; shape (k,), (k, parts).

    The third answer is what the faces up to GRAIN, which are left out, have together.
    """
    lines = shapely.union_all(shapely.boundary(np.r_[whole, shared]))
    faces = shapely.get_parts(shapely.polygonize([lines]))
    area = np.asarray(shapely.area(faces), np.float64)
    real = area > GRAIN
    left, faces = float(area[~real].sum()), faces[real]
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
    return shapes, inside[first], left


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
