"""A compiled search of the lines near polygons, on a grid of their segments."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.kernels import inlined, kernel
from geo.outlines import outlines

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Grid = tuple[float, float, float, int, int, Indices, Indices]

MOST_CELLS = 4
"""Cells of the grid a segment: the longest lines make it coarser."""


def near(polygons: Shapes, lines: Shapes, reach: float) -> tuple[Indices, Indices, Numbers]:
    """Find the pairs of polygons and lines that lie within `reach` [CRS unit] of each other, and their distance.

    i, j, distance: shape (k,), ordered by i then j; 0 where a line meets a polygon or lies inside. Lines may have parts;
    what has no finite coordinates is near nothing. Time
    grows with the segments near a polygon times its edges, memory with the pairs and the segments.
    """
    parts, owner = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    finite = np.asarray(np.isfinite(xy).all(axis=1))
    begin = np.flatnonzero((part[1:] == part[:-1]) & finite[1:] & finite[:-1])
    segment = np.hstack([xy[begin], xy[begin + 1]])
    if not len(segment):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    ring = outlines(polygons)
    i, j, distance = _near(ring.edge, ring.start, segment, owner[part[begin]], len(lines), reach, *_grid(segment, reach))
    order = np.lexsort((j, i))
    return i[order], j[order], distance[order]


@kernel
def _grid(segment: Numbers, reach: float) -> Grid:
    """Lay a square grid over segments: least x and y, side, columns, rows, and by cell the segments whose boxes meet it.

    Cells are about as large as the reach or the segments, and so many at most that a segment lies in few.
    """
    m = len(segment)
    x0, y0 = min(segment[:, 0].min(), segment[:, 2].min()), min(segment[:, 1].min(), segment[:, 3].min())
    width = max(segment[:, 0].max(), segment[:, 2].max()) - x0
    height = max(segment[:, 1].max(), segment[:, 3].max()) - y0
    long = (np.abs(segment[:, 2] - segment[:, 0]) + np.abs(segment[:, 3] - segment[:, 1])).mean()
    side = max(reach, long, np.sqrt(width * height / m), max(width, height) / (4.0 * m), 1e-6)
    while True:
        cells = 0
        for s in range(m):
            across = int(abs(segment[s, 2] - segment[s, 0]) / side) + 1
            cells += across * (int(abs(segment[s, 3] - segment[s, 1]) / side) + 1)
        if cells <= MOST_CELLS * m:
            break
        side *= 2
    columns, rows = int(width / side) + 1, int(height / side) + 1
    start = np.zeros(columns * rows + 2, np.int64)
    for s in range(m):
        c0, c1, r0, r1 = _cells(segment[s], 0.0, x0, y0, side, columns, rows)
        for r in range(r0, r1 + 1):
            start[r * columns + c0 + 2 : r * columns + c1 + 3] += 1
    start = np.cumsum(start)
    listed = np.empty(start[-1], np.int64)
    for s in range(m):
        c0, c1, r0, r1 = _cells(segment[s], 0.0, x0, y0, side, columns, rows)
        for r in range(r0, r1 + 1):
            for cell in range(r * columns + c0 + 1, r * columns + c1 + 2):
                listed[start[cell]] = s
                start[cell] += 1
    return x0, y0, side, columns, rows, start[:-1], listed


@inlined
def _cells(box: Numbers, reach: float, x0: float, y0: float, side: float, columns: int, rows: int) -> tuple[int, int, int, int]:
    """Number the first and last column and row of the cells that the box of two points meets, `reach` around it."""
    left, right = min(box[0], box[2]) - reach - x0, max(box[0], box[2]) + reach - x0
    low, high = min(box[1], box[3]) - reach - y0, max(box[1], box[3]) + reach - y0
    return (
        max(0, int(np.floor(left / side))),
        min(columns - 1, int(np.floor(right / side))),
        max(0, int(np.floor(low / side))),
        min(rows - 1, int(np.floor(high / side))),
    )


@inlined
def _apart(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Measure the square of the distance of a point from the segment a b."""
    dx, dy, px, py = bx - ax, by - ay, x - ax, y - ay
    square = dx * dx + dy * dy
    along = min(max((px * dx + py * dy) / square, 0.0), 1.0) if square > 0 else 0.0
    px, py = px - along * dx, py - along * dy
    return px * px + py * py


@inlined
def _side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    """Measure on which side of the line a b a point lies."""
    return (bx - ax) * (y - ay) - (by - ay) * (x - ax)


@inlined
def _distance(edge: Numbers, first: int, last: int, s: Numbers, best: float) -> float:
    """Measure the square of the distance of a polygon from a segment, or give `best` where it is no nearer.

    Coordinates are taken from the segment's begin, where they are exact. Two segments that do not cross are nearest at an end
    of one; a segment that crosses no edge lies inside if its begin does.
    """
    sx, sy, inside = s[2] - s[0], s[3] - s[1], False
    left, right, low, high = min(0.0, sx), max(0.0, sx), min(0.0, sy), max(0.0, sy)
    for e in range(first, last):
        ax, ay, bx, by = edge[e, 0] - s[0], edge[e, 1] - s[1], edge[e, 2] - s[0], edge[e, 3] - s[1]
        if (ay > 0) != (by > 0) and (_side(ax, ay, bx, by, 0.0, 0.0) > 0) == (by > ay):
            inside = not inside
        dx = max(0.0, max(min(ax, bx) - right, left - max(ax, bx)))
        dy = max(0.0, max(min(ay, by) - high, low - max(ay, by)))
        if dx * dx + dy * dy >= best:
            continue
        if dx == 0 and dy == 0:
            one, other = _side(ax, ay, bx, by, 0.0, 0.0), _side(ax, ay, bx, by, sx, sy)
            begin, end = _side(0.0, 0.0, sx, sy, ax, ay), _side(0.0, 0.0, sx, sy, bx, by)
            if (one > 0) != (other > 0) and (begin > 0) != (end > 0):
                return 0.0
        best = min(best, _apart(0.0, 0.0, ax, ay, bx, by), _apart(sx, sy, ax, ay, bx, by))
        best = min(best, _apart(ax, ay, 0.0, 0.0, sx, sy), _apart(bx, by, 0.0, 0.0, sx, sy))
    return 0.0 if inside else best


@kernel
def _near(
    edge: Numbers,
    start: Indices,
    segment: Numbers,
    owner: Indices,
    owners: int,
    reach: float,
    x0: float,
    y0: float,
    side: float,
    columns: int,
    rows: int,
    cell: Indices,
    listed: Indices,
) -> tuple[Indices, Indices, Numbers]:
    """Search the cells around each polygon; the pairs ordered by polygon."""
    room, total = 4 * len(start) + 1024, 0
    i, j, distance = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    seen, at = np.full(len(segment), -1), np.full(owners, -1)
    most, box = np.nextafter(reach * reach, np.inf), np.empty(4)
    for p in range(len(start) - 1):
        first, last, begun = start[p], start[p + 1], total
        if first == last:
            continue
        box[0], box[2] = edge[first:last, 0].min(), edge[first:last, 0].max()
        box[1], box[3] = edge[first:last, 1].min(), edge[first:last, 1].max()
        c0, c1, r0, r1 = _cells(box, reach, x0, y0, side, columns, rows)
        for r in range(r0, r1 + 1 if c0 <= c1 else r0):
            for k in range(cell[r * columns + c0], cell[r * columns + c1 + 1]):
                s = listed[k]
                if seen[s] == p:
                    continue
                seen[s] = p
                t, known = segment[s], at[owner[s]]
                known = known if begun <= known < total and j[known] == owner[s] else -1
                best = distance[known] if known >= 0 else most
                dx = max(0.0, max(min(t[0], t[2]) - box[2], box[0] - max(t[0], t[2])))
                dy = max(0.0, max(min(t[1], t[3]) - box[3], box[1] - max(t[1], t[3])))
                if dx * dx + dy * dy >= best:
                    continue
                d = _distance(edge, first, last, t, best)
                if d >= best:
                    continue
                if known < 0:
                    if total == len(i):
                        i, j = np.append(i, np.empty_like(i)), np.append(j, np.empty_like(j))
                        distance = np.append(distance, np.empty_like(distance))
                    known = total
                    at[owner[s]], i[known], j[known] = known, p, owner[s]
                    total += 1
                distance[known] = d
    return i[:total], j[:total], np.sqrt(distance[:total])
