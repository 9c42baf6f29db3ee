"""What polygons share: areas of pairs, unions, and the exact partition of plots among many polygons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Areas = NDArray[np.float64]

SPLIT_TOLERANCE = 1e-8
"""What the areas of the two sides of a cut may differ from the whole [CRS unit squared]."""
GRIDS = (0.0, 1e-9, 1e-8)
"""Grids [CRS unit] on which a cut is done again that did not add up; 0: none, as what is known inside was cut elsewhere."""


class Pairs(NamedTuple):
    """Overlaps of polygons `a[i]` and `b[j]`, ordered by i then j, shape (k,).

    `area` is what they share [CRS unit squared], `shared` its geometry, and `whole` says that b[j] covers a[i].
    """

    i: Indices
    j: Indices
    area: Areas
    whole: NDArray[np.bool_]
    shared: Shapes

    def pick(self, keep: NDArray[np.bool_]) -> Pairs:
        """Keep some of the pairs."""
        return Pairs(self.i[keep], self.j[keep], self.area[keep], self.whole[keep], self.shared[keep])


class Pieces(NamedTuple):
    """A partition of plots into pieces, ordered by plot.

    Piece p is a part of plot `plot[p]`; it lies in polygon `polygon[q]` for every q with `piece[q] == p`.
    """

    plot: Indices
    geometry: Shapes
    area: Areas
    piece: Indices
    polygon: Indices


def polygonal(shapes: Shapes) -> Shapes:
    """Keep of each shape the polygons, dropping the points and lines at which things only touched; nothing left: empty."""
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (3, 6)))
    if len(mixed):
        shapes = shapes.copy()
        parts, of = shapely.get_parts(shapes[mixed], return_index=True)
        keep = shapely.get_type_id(parts) == 3
        shapes[mixed] = shapely.MultiPolygon()
        if keep.any():
            some, which = np.unique(of[keep], return_inverse=True)
            shapes[mixed[some]] = shapely.multipolygons(parts[keep], indices=which)
    return shapes


def overlaps(a: Shapes, b: Shapes, noise: float = 0.0) -> Pairs:
    """Find the pairs of polygons that overlap and measure what they share; pairs that only touch are left out.

    `noise` [CRS unit] is how far a drawn outline may be off: an overlap nowhere deeper is none, and a polygon that `b` covers
    but for a rim nowhere wider is whole. Time grows with the pairs that neither cover nor merely touch.
    """
    shapely.prepare(b)
    j, i = shapely.STRtree(a).query(b, predicate="intersects")
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    whole = shapely.covers(b[j], a[i])
    apart = np.zeros(len(i), bool)
    apart[~whole] = shapely.touches(b[j[~whole]], a[i[~whole]])
    if noise:
        open_ = np.flatnonzero(~whole & ~apart)
        some, at = np.unique(j[open_], return_inverse=True)
        grown, shrunk = (shapely.buffer(b[some], d, join_style="mitre") for d in (noise, -noise))
        shapely.prepare(grown)
        shapely.prepare(shrunk)
        apart[open_] = ~shapely.intersects(shrunk[at], a[i[open_]])
        whole[open_] = shapely.covers(grown[at], a[i[open_]]) & ~apart[open_]
    i, j, whole = i[~apart], j[~apart], whole[~apart]
    shared = a[i]
    shared[~whole] = polygonal(shapely.intersection(shared[~whole], b[j[~whole]]))
    area = shapely.area(shared)
    return Pairs(i, j, area, whole, shared).pick(area > 0)


def _turns(i: Indices) -> Indices:
    """Number the entries of each run of equal values in the sorted `i` from 0."""
    start = np.flatnonzero(np.r_[True, np.diff(i) != 0]) if len(i) else np.zeros(0, np.intp)
    return np.arange(len(i)) - np.repeat(start, np.diff(np.r_[start, len(i)]))


def area_inside(a: Shapes, b: Shapes) -> Areas:
    """Measure how much of each polygon of `a` lies inside any of `b`, shape (len(a),); overlaps within `b` count once."""
    return covered_area(a, overlaps(a, b))


def covered_area(a: Shapes, pairs: Pairs) -> Areas:
    """Measure how much of each polygon of `a` the polygons of its pairs cover, shape (len(a),); overlaps among them once."""
    full = np.zeros(len(a), bool)
    full[pairs.i[pairs.whole]] = True
    inside = np.where(full, shapely.area(a), 0.0)
    cut, at = np.unique(pairs.i[~full[pairs.i]], return_inverse=True)
    some = pairs.pick(~full[pairs.i])._replace(i=at)
    pieces = partition(a[cut], some)
    member = np.zeros(len(pieces.plot), bool)
    member[pieces.piece] = True
    inside[cut] = np.bincount(pieces.plot[member], pieces.area[member], len(cut))
    return inside


def largest_share(a: Shapes, b: Shapes) -> tuple[Indices, Areas]:
    """Name for each polygon of `a` the polygon of `b` that holds most of it (-1: none), and the share from 0 to 1."""
    best, share = np.full(len(a), -1, np.intp), np.zeros(len(a))
    pairs = overlaps(a, b)
    order = np.lexsort((pairs.j, -pairs.area, pairs.i))
    first = order[_turns(pairs.i[order]) == 0]
    best[pairs.i[first]] = pairs.j[first]
    share[pairs.i[first]] = pairs.area[first] / shapely.area(a)[pairs.i[first]]
    return best, share


def _moved(shapes: Shapes, by: NDArray[np.float64]) -> Shapes:
    """Move each shape by its own vector, shape (n, 2)."""
    coordinates, of = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(shapely.set_coordinates(shapes.copy(), coordinates + by[of]))


def split(a: Shapes, b: Shapes, inside: Shapes | None = None) -> tuple[Shapes, Shapes]:
    """Split each polygon of `a` into what lies inside the polygon `b` beside it (where known: `inside`) and what outside.

    Overlay in floating point can lose a part at needle-thin corners. Where the two areas do not add up it is done again on
    a grid of 1 nm, so coordinates should be near the origin.
    """
    inside = polygonal(shapely.intersection(a, b)) if inside is None else inside.copy()
    outside = polygonal(shapely.difference(a, b))
    off = np.abs(shapely.area(inside) + shapely.area(outside) - shapely.area(a)) > SPLIT_TOLERANCE
    for grid in GRIDS:
        again = np.flatnonzero(off)
        inside[again] = polygonal(shapely.intersection(a[again], b[again], grid_size=grid))
        outside[again] = polygonal(shapely.difference(a[again], b[again], grid_size=grid))
        off[again] = np.abs(shapely.area(inside[again]) + shapely.area(outside[again]) - shapely.area(a[again])) > SPLIT_TOLERANCE
    return inside, outside


def partition(a: Shapes, pairs: Pairs, outlines: float = np.inf) -> Pieces:
    """Split each polygon of `a` by the outlines of the polygons that overlap it.

    `pairs` are overlaps of `a`. Each piece lies wholly inside or wholly outside of every polygon, the pieces of a plot do
    not overlap, and their areas add up to its area. A plot without partial overlaps is one piece. Plots are cut near the
    origin, where coordinates are precise to 1e-12.

    Where nobody draws the pieces, `outlines` [CRS unit squared] saves half of the time: what the last cut of a plot leaves
    outside is measured by subtraction, and its outline is None unless it is at most that large.

    Time grows with the pieces of the plots that are cut, memory with pieces times the most cuts of one plot.
    """
    cuts = pairs.pick(~pairs.whole)
    cut_plots, of = np.unique(cuts.i, return_inverse=True)
    origin = np.floor(shapely.bounds(a[cut_plots])[:, :2])
    shared = _moved(cuts.shared, -origin[of])
    turn = _turns(cuts.i)
    turns = int(turn.max(initial=-1)) + 1
    cut_of = np.full((len(cut_plots), turns), -1, np.intp)
    cut_of[of, turn] = np.arange(len(cuts.i))
    count = np.bincount(of, minlength=len(cut_plots))
    plot, shapes = np.arange(len(cut_plots)), _moved(a[cut_plots], -origin)
    area, inside = shapely.area(shapes), np.zeros((len(cut_plots), turns), bool)
    for n in range(turns):
        cut = cut_of[plot, n]
        hit = np.flatnonzero(cut >= 0)
        within, shapes[hit], within_area, area[hit] = _cut(
            shapes[hit], area[hit], shared[cut[hit]], n == 0, count[plot[hit]] == n + 1, outlines
        )
        marked = inside[hit]
        marked[:, n] = True
        plot, shapes, inside = np.r_[plot, plot[hit]], np.r_[shapes, within], np.r_[inside, marked]
        area = np.r_[area, within_area]
        real = area > 0
        plot, shapes, inside, area = plot[real], shapes[real], inside[real], area[real]
    outlined = np.flatnonzero(~shapely.is_missing(shapes))
    shapes[outlined] = _moved(shapes[outlined], origin[plot[outlined]])
    return _gathered(a, pairs, cut_plots, cut_of, Pieces(plot, shapes, area, *np.nonzero(inside)))


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
        np.r_[place[cut.piece], start[owner] + _turns(owner)],
        np.r_[knife, full.j[owner]],
    )
