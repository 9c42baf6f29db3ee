"""The shortest ways from polygons to lines around obstacles: of few pairs by numpy, of many by kernels (`geo.routes`).

Both search alike: a way begins on the polygon's outline and ends on the line where these are far enough from the obstacles, crosses
the polygon itself freely, and turns at the obstacles' corners, drawn as far away as the way keeps, by TURN at most.
"""

from __future__ import annotations

import sys
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.chains import Indices, Near, Numbers, Shapes, chains
from geo.compiled import pays
from geo.links import Polygons
from geo.rings import rings

Flags = NDArray[np.bool_]

MANY = 20
"""From so many pairs, or searches one after the other, on kernels pay for being loaded: a pair takes numpy some 20 ms."""
_SEARCHES = count()
SLACK = 1e-6
"""What a leg may come nearer to an obstacle than the corners that it turns at [CRS unit]: more than rounding."""
TURN = np.pi / 4
"""A way turns at a corner by so much at once at most: around a right angle it is a ninth longer than a rounded one."""


class Found(NamedTuple):
    """The shortest ways to some lines: of each its length (inf: none), the corner before the last leg (-1: none) and that leg.

    node: of each corner its place and the point at which a way that comes from the outline leaves it, shape (n, 4); before: the
    corner before it (-1: the outline).
    """

    best: Numbers
    last: Indices
    leg: Numbers
    node: Numbers
    before: Indices

    def points(self) -> Numbers:
        """List the points of the way to the first line, shape (m, 2); none where there is no way."""
        if not np.isfinite(self.best[0]):
            return np.zeros((0, 2))
        points, here, begin = [self.leg[0, 2:]], int(self.last[0]), self.leg[0, :2]
        while here >= 0:
            points.append(self.node[here, :2])
            begin, here = self.node[here, 2:], int(self.before[here])
        points.append(begin)
        return np.array(points[::-1])


class Walls(NamedTuple):
    """The edges of some obstacles that have a length: of obstacle m the rows first[m] to first[m + 1] of `edge`."""

    edge: Numbers
    first: Indices


def detours(
    polygons: Polygons, i: Indices, obstacles: Polygons, near: Near, lines: Shapes, to: Near, reach: float, radius: float
) -> Numbers:
    """Measure the shortest way from polygon i[k] to each of the lines `to` it that keeps `radius` away from the obstacles `near` it.

    The answer has the shape of `to.row`; inf where no way is as short as `reach`. All in the CRS unit.
    """
    if _kernels(len(to.row)):
        from geo import routes

        return routes.detours(polygons.edges, i, obstacles.edges, near, lines, to, reach, radius)
    chain, found = chains(lines), np.full(len(to.row), np.inf)
    for k, p in enumerate(i.tolist()):
        mine = slice(to.start[k], to.start[k + 1])
        parts = [chain.segment[chain.start[line] : chain.start[line + 1]] for line in to.row[mine].tolist()]
        own, origin = _own(polygons.shapes[p : p + 1])
        if parts and len(own):
            which = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
            walls = _walls(obstacles.shapes[near.row[near.start[k] : near.start[k + 1]]], origin)
            found[mine] = search(own, walls, np.concatenate(parts) - np.tile(origin, 2), which, len(parts), reach, radius).best
    return found


def detour(polygons: Polygons, obstacles: Polygons, near: Indices, line: object, reach: float, radius: float) -> Numbers:
    """Draw the way that `detours` measures for the first polygon: its points, shape (m, 2); none where there is no way."""
    if _kernels(1):
        from geo import routes

        return routes.detour(polygons.edges, obstacles.edges, near, line, reach, radius)
    segment, (own, origin) = chains(np.array([line])).segment, _own(polygons.shapes[:1])
    walls, which = _walls(obstacles.shapes[near], origin), np.zeros(len(segment), np.intp)
    return search(own, walls, segment - np.tile(origin, 2), which, 1, reach, radius).points() + origin


def _kernels(pairs: int) -> bool:
    """Tell whether kernels search so many ways: where they pay, and where they are loaded."""
    return "geo.routes" in sys.modules or pays(max(pairs, next(_SEARCHES)), MANY)


def _own(shapes: Shapes) -> tuple[Numbers, Numbers]:
    """List the edges of a polygon from an origin on it, shape (n, 4) and (2,)."""
    edge, _ = _edges(shapes)
    origin = edge[0, :2].copy() if len(edge) else np.zeros(2)
    return edge - np.tile(origin, 2), origin


def _edges(shapes: Shapes) -> tuple[Numbers, Indices]:
    """List the edges of polygons, shape (n, 4), and of which polygon each is."""
    of = rings(shapes)
    edge = np.hstack([of.xy[:-1], of.xy[1:]])[of.on]
    finite = np.isfinite(edge).all(axis=1)
    return edge[finite], of.shape[:-1][of.on][finite]


def _walls(shapes: Shapes, origin: Numbers) -> Walls:
    """List the edges of obstacles that have a length, from an origin near them."""
    edge, of = _edges(shapes)
    long = (edge[:, :2] != edge[:, 2:]).any(axis=1)
    return Walls(edge[long] - np.tile(origin, 2), np.searchsorted(of[long], np.arange(len(shapes) + 1)))


def search(own: Numbers, walls: Walls, segment: Numbers, which: Indices, lines: int, reach: float, radius: float) -> Found:
    """Search the shortest ways from an outline to lines; coordinates from one origin.

    Of line c the segments are those with which[s] == c.
    """
    best, last, end = np.full(lines, np.inf), np.full(lines, -1), np.zeros((lines, 4))
    box = np.r_[own.reshape(-1, 2).min(axis=0), own.reshape(-1, 2).max(axis=0)]
    near = np.flatnonzero(_apart(box, segment) <= reach * reach)
    begin, _ = _apart_from(own, walls, radius)
    goal, of = _apart_from(segment[near], walls, radius)
    line = which[near[of]]

    def take(legs: Numbers, long: Numbers, line: Indices, before: int) -> None:
        """Keep of clear legs to lines the shortest that make a way shorter."""
        some = np.flatnonzero((long < best[line]) & (long <= reach))
        some = some[_clear(legs[some], walls.edge, radius - SLACK)]
        for k in some[np.argsort(long[some], kind="stable")].tolist():
            if long[k] < best[line[k]]:
                best[line[k]], last[line[k]], end[line[k]] = long[k], before, legs[k]

    spot = _corners(walls, box, reach, radius) if len(begin) and len(goal) else np.zeros((0, 2))
    node, before = np.hstack([spot, np.zeros_like(spot)]), np.full(len(spot), -1)
    far, done = np.full(len(spot), np.inf), np.zeros(len(spot), bool)
    if len(begin) and len(goal):
        b, g = (pair.ravel() for pair in np.indices((len(begin), len(goal))))
        square, legs = _between(begin[b], goal[g])
        take(legs, np.sqrt(square), line[g], -1)
        b, v = (pair.ravel() for pair in np.indices((len(begin), len(spot))))
        legs = np.hstack([_onto(spot[v], begin[b]), spot[v]])
        long = np.hypot(*(legs[:, 2:] - legs[:, :2]).T)
        some = np.flatnonzero(long <= reach)
        some = some[_clear(legs[some], walls.edge, radius - SLACK)]
        some = some[np.argsort(-long[some], kind="stable")]  # the last that is written is the shortest
        far[v[some]], node[v[some], 2:] = long[some], legs[some, :2]
    while len(spot):
        u = int(np.argmin(np.where(done, np.inf, far)))
        if done[u] or far[u] > reach or far[u] >= best.max():
            break
        done[u] = True
        legs = np.hstack([np.broadcast_to(spot[u], (len(goal), 2)), _onto(np.broadcast_to(spot[u], (len(goal), 2)), goal)])
        take(legs, far[u] + np.hypot(*(legs[:, 2:] - legs[:, :2]).T), line, u)
        long = far[u] + np.hypot(*(spot - spot[u]).T)
        some = np.flatnonzero(~done & (long < far) & (long <= reach))
        some = some[_clear(np.hstack([np.broadcast_to(spot[u], (len(some), 2)), spot[some]]), walls.edge, radius - SLACK)]
        far[some], before[some] = long[some], u
    return Found(best, last, end, node, before)


def _turned(line: Numbers, point: Numbers) -> Numbers:
    """Measure on which side of lines points lie."""
    run, off = line[..., 2:] - line[..., :2], point - line[..., :2]
    return np.asarray(run[..., 0] * off[..., 1] - run[..., 1] * off[..., 0])


def _onto(point: Numbers, segment: Numbers) -> Numbers:
    """Find the points of segments that are nearest to points."""
    run, off = segment[:, 2:] - segment[:, :2], point - segment[:, :2]
    square = (run * run).sum(axis=1)
    share = np.clip(np.divide((off * run).sum(axis=1), square, out=np.zeros(len(run)), where=square > 0), 0.0, 1.0)
    return np.asarray(segment[:, :2] + share[:, None] * run)


def _between(a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
    """Measure the squares of the distances of pairs of segments; and their nearest points, that of a and that of b, shape (k, 4)."""
    ends = ((a[:, :2], b, 0), (a[:, 2:], b, 0), (b[:, :2], a, 1), (b[:, 2:], a, 1))
    tried = [np.hstack([p, _onto(p, s)] if side == 0 else [_onto(p, s), p]) for p, s, side in ends]
    square = np.array([((pair[:, 2:] - pair[:, :2]) ** 2).sum(axis=1) for pair in tried])
    least, row = square.argmin(axis=0), np.arange(len(a))
    square, found = square[least, row], np.array(tried)[least, row]
    begin, end = _turned(b, a[:, :2]), _turned(b, a[:, 2:])
    met = ((_turned(a, b[:, :2]) > 0) != (_turned(a, b[:, 2:]) > 0)) & ((begin > 0) != (end > 0))
    share = (begin[met] / (begin[met] - end[met]))[:, None]
    square[met], found[met] = 0.0, np.tile(a[met, :2] + share * (a[met, 2:] - a[met, :2]), 2)
    return square, found


def _apart(a: Numbers, b: Numbers) -> Numbers:
    """Measure the squares of the distances of the boxes of segments."""
    low, high = np.minimum(a[..., :2], a[..., 2:]), np.maximum(a[..., :2], a[..., 2:])
    gap = np.maximum(low - np.maximum(b[..., :2], b[..., 2:]), np.minimum(b[..., :2], b[..., 2:]) - high)
    return np.asarray((np.maximum(gap, 0.0) ** 2).sum(axis=-1))


def _clear(legs: Numbers, wall: Numbers, radius: float) -> Flags:
    """Tell which legs keep `radius` away from all walls."""
    leg, w = np.nonzero(_apart(legs[:, None], wall[None]) < radius * radius)
    clear = np.ones(len(legs), bool)
    clear[leg[_between(legs[leg], wall[w])[0] < radius * radius]] = False
    return clear


def _within(spot: Numbers, walls: Walls) -> Flags:
    """Tell which points lie inside an obstacle."""
    edge, begin = walls.edge, walls.first[:-1][np.diff(walls.first) > 0]
    if not len(begin) or not len(spot):
        return np.zeros(len(spot), bool)
    up = edge[:, 3] > edge[:, 1]
    level = (edge[:, 1] > spot[:, None, 1]) != (edge[:, 3] > spot[:, None, 1])
    right = level & ((_turned(edge[None], spot[:, None]) > 0) == up)
    return np.asarray(np.logical_xor.reduceat(right, begin, axis=1).any(axis=1))


def _corners(walls: Walls, box: Numbers, reach: float, radius: float) -> Numbers:
    """Place the points at which a way may turn around the obstacles' corners, as far as they are clear; shape (m, 2)."""
    edge, n = walls.edge, np.arange(len(walls.edge))
    begins = np.r_[True, (edge[1:, :2] != edge[:-1, 2:]).any(axis=1)][: len(edge)]
    begins[walls.first[:-1][walls.first[:-1] < len(edge)]] = True
    follow = np.where(np.r_[begins[1:], True][: len(edge)], np.maximum.accumulate(np.where(begins, n, 0)), n + 1)
    corner = edge[:, 2:]
    off = np.maximum(box[:2] - corner, corner - box[2:]).max(axis=1, initial=-np.inf)
    one, two = edge[:, 2:] - edge[:, :2], edge[follow, 2:] - corner
    theta = np.arctan2(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0], (one * two).sum(axis=1))
    some = np.flatnonzero((edge[follow, :2] == corner).all(axis=1) & (off <= reach + 2 * radius) & (np.abs(theta) >= 1e-9))
    steps = np.ceil(np.abs(theta[some]) / TURN).astype(np.intp)
    at = np.repeat(some, steps)
    nth = np.arange(len(at)) - np.repeat(np.cumsum(steps) - steps, steps)
    half = theta[at] / (2 * np.repeat(steps, steps))
    # the outward normal of the first edge is its direction turned away from the bend
    phi = np.arctan2(one[at, 1], one[at, 0]) - np.sign(theta[at]) * np.pi / 2 + half * (2 * nth + 1)
    spot = corner[at] + (radius / np.cos(half))[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=1)
    spot = spot[_clear(np.tile(spot, 2), edge, radius - SLACK)]
    return np.asarray(spot[~_within(spot, walls)])


def _apart_from(edges: Numbers, walls: Walls, radius: float) -> tuple[Numbers, Indices]:
    """Cut out of edges what is at least `radius` away from the walls: the pieces, shape (m, 4), and the edge of each."""
    run = edges[:, 2:] - edges[:, :2]
    long = np.hypot(*run.T)
    e, w = np.nonzero((_apart(edges[:, None], walls.edge[None]) < radius * radius) & (long[:, None] > 0))
    along = run[e] / long[e, None]
    begin, end = _covered(walls.edge[w] - np.tile(edges[e, :2], 2), along, radius)
    begin, end = np.maximum(begin, 0.0), np.minimum(end, long[e])
    pieces = [np.zeros((0, 2))]
    of = [np.zeros(0, np.intp)]
    for k in np.flatnonzero(long > 0).tolist():
        mine = ((e == k) & (end > begin)).nonzero()
        order = np.argsort(begin[mine], kind="stable")
        low, high = np.append(begin[mine][order], long[k]), np.append(0.0, end[mine][order])
        reached = np.maximum.accumulate(high)
        gap = low - reached > SLACK
        pieces.append(np.stack([reached[gap], low[gap]], axis=1))
        of.append(np.full(int(gap.sum()), k))
    share, edge = np.concatenate(pieces), np.concatenate(of)
    unit = run[edge] / long[edge, None]
    free = ~_within(edges[edge, :2] + share.mean(axis=1)[:, None] * unit, walls)
    share, edge, unit = share[free], edge[free], unit[free]
    return np.hstack([edges[edge, :2] + share[:, :1] * unit, edges[edge, :2] + share[:, 1:] * unit]), edge


def _covered(wall: Numbers, along: Numbers, radius: float) -> tuple[Numbers, Numbers]:
    """Find the stretches of directed lines through the origin that come nearer than `radius` to walls: their begins and ends.

    A band around a wall is convex: two discs and the strip between them, of which a line meets one stretch.
    """
    lows, highs = [], []
    for point in (wall[:, :2], wall[:, 2:]):
        middle = (point * along).sum(axis=1)
        off = point[:, 1] * along[:, 0] - point[:, 0] * along[:, 1]
        half = np.sqrt(np.maximum(radius * radius - off * off, 0.0))
        lows.append(np.where(half > 0, middle - half, np.inf))
        highs.append(np.where(half > 0, middle + half, -np.inf))
    run = wall[:, 2:] - wall[:, :2]
    size = np.hypot(*run.T)
    run = run / size[:, None]
    low, high = np.full(len(wall), -np.inf), np.full(len(wall), np.inf)
    # where the line runs between the two sides and the two ends of the strip
    for slope, value, least, most in (
        ((along * run).sum(axis=1), -(wall[:, :2] * run).sum(axis=1), np.zeros(len(wall)), size),
        (
            along[:, 1] * run[:, 0] - along[:, 0] * run[:, 1],
            wall[:, 0] * run[:, 1] - wall[:, 1] * run[:, 0],
            np.full(len(wall), -radius),
            np.full(len(wall), radius),
        ),
    ):
        level = np.abs(slope) < 1e-12
        steep = np.where(level, 1.0, slope)
        one, other = (least - value) / steep, (most - value) / steep
        inside = (value > least) & (value < most)
        low = np.maximum(low, np.where(level, -np.inf, np.minimum(one, other)))
        high = np.minimum(high, np.where(level, np.where(inside, np.inf, -np.inf), np.maximum(one, other)))
    met = high > low
    lows.append(np.where(met, low, np.inf))
    highs.append(np.where(met, high, -np.inf))
    return np.min(lows, axis=0), np.max(highs, axis=0)
