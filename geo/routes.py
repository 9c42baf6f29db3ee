"""Compiled ways from polygons to lines: the nearest points, and the shortest way around obstacles.

All functions that a kernel calls stand in its file: numba's cache on disk notices no change elsewhere.
"""

from __future__ import annotations

import numpy as np

from geo.bends import SLACK, TURN, Found
from geo.chains import Indices, Near, Numbers, Shapes, chains
from geo.jit import inlined, kernel
from geo.outlines import Outlines

Search = tuple[Numbers, Indices, Numbers, Numbers, Indices]


def links(polygons: Outlines, lines: Shapes, i: Indices, j: Indices) -> Numbers:
    """Find the shortest straight way from polygon i[k] to line j[k], which it does not meet: x, y there and here, shape (k, 4)."""
    chain = chains(lines)
    return np.asarray(_links(polygons.edge, polygons.start, chain.segment, chain.start, i, j))


def detours(
    polygons: Outlines, i: Indices, obstacles: Outlines, near: Near, lines: Shapes, to: Near, reach: float, radius: float
) -> Numbers:
    """Measure ways as `geo.bends.detours` does.

    The time of a polygon grows with the square of its obstacles' corners within reach times their edges: 0.1 to 2 ms for a dozen
    neighbours.
    """
    chain, found = chains(lines), np.full(len(to.row), np.inf)
    _all(polygons.edge, polygons.start, i, obstacles.edge, obstacles.start, near.start, near.row, chain.segment, chain.start,
         to.start, to.row, reach, radius, found)  # fmt: skip
    return found


def detour(polygon: Outlines, obstacles: Outlines, near: Indices, line: object, reach: float, radius: float) -> Numbers:
    """Draw the way that `detours` measures for the first polygon: its points, shape (m, 2); none where there is no way."""
    chain, own = chains(np.array([line])), polygon.edge[: polygon.start[1]]
    x0, y0 = own[0, 0], own[0, 1]
    origin, which = np.array([x0, y0, x0, y0]), np.zeros(len(chain.segment), np.int64)
    walls = _walls(obstacles.edge, obstacles.start, near, x0, y0)
    found = Found(*_search(own - origin, *walls, chain.segment - origin, which, 1, reach, radius))
    return np.asarray(found.points() + origin[:2])


@inlined
def _along(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Find the point of the segment a b that is nearest to a point, as its share of the way from a to b."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    return min(max(((x - ax) * dx + (y - ay) * dy) / square, 0.0), 1.0) if square > 0 else 0.0


@inlined
def _turned(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    """Measure on which side of the line a b a point lies."""
    return (bx - ax) * (y - ay) - (by - ay) * (x - ax)


@kernel
def _between(a: Numbers, b: Numbers, out: Numbers) -> float:
    """Measure the square of the distance of two segments; `out` gets the nearest points, that of a and that of b."""
    best = np.inf
    one, other = _turned(a[0], a[1], a[2], a[3], b[0], b[1]), _turned(a[0], a[1], a[2], a[3], b[2], b[3])
    if (one > 0) != (other > 0):
        begin, end = _turned(b[0], b[1], b[2], b[3], a[0], a[1]), _turned(b[0], b[1], b[2], b[3], a[2], a[3])
        if (begin > 0) != (end > 0):
            t = begin / (begin - end)
            out[0] = out[2] = a[0] + t * (a[2] - a[0])
            out[1] = out[3] = a[1] + t * (a[3] - a[1])
            return 0.0
    for k in range(4):
        p, s = (a, b) if k < 2 else (b, a)
        x, y = p[2 * (k % 2)], p[2 * (k % 2) + 1]
        t = _along(x, y, s[0], s[1], s[2], s[3])
        fx, fy = s[0] + t * (s[2] - s[0]), s[1] + t * (s[3] - s[1])
        d = (x - fx) * (x - fx) + (y - fy) * (y - fy)
        if d < best:
            best = d
            if k < 2:
                out[0], out[1], out[2], out[3] = x, y, fx, fy
            else:
                out[0], out[1], out[2], out[3] = fx, fy, x, y
    return float(best)


@inlined
def _apart(a: Numbers, b: Numbers) -> float:
    """Measure the square of the distance of the boxes of two segments."""
    dx = max(0.0, max(min(a[0], a[2]) - max(b[0], b[2]), min(b[0], b[2]) - max(a[0], a[2])))
    dy = max(0.0, max(min(a[1], a[3]) - max(b[1], b[3]), min(b[1], b[3]) - max(a[1], a[3])))
    return float(dx * dx + dy * dy)


@kernel
def _links(edge: Numbers, start: Indices, segment: Numbers, first: Indices, i: Indices, j: Indices) -> Numbers:
    """Find the nearest points of pairs of outlines and lines."""
    found, pair, box = np.zeros((len(i), 4)), np.empty(4), np.empty(4)
    for k in range(len(i)):
        best, begin, end = np.inf, start[i[k]], start[i[k] + 1]
        box[0], box[1], box[2], box[3] = np.inf, np.inf, -np.inf, -np.inf
        for e in range(begin, end):
            box[0], box[1] = min(box[0], edge[e, 0]), min(box[1], edge[e, 1])
            box[2], box[3] = max(box[2], edge[e, 0]), max(box[3], edge[e, 1])
        for s in range(first[j[k]], first[j[k] + 1]):
            if _apart(box, segment[s]) >= best:
                continue
            for e in range(begin, end):
                if _apart(edge[e], segment[s]) >= best:
                    continue
                d = _between(edge[e], segment[s], pair)
                if d < best:
                    best = d
                    found[k] = pair
    return found


@kernel
def _walls(edge: Numbers, start: Indices, which: Indices, x0: float, y0: float) -> tuple[Numbers, Indices]:
    """Copy the edges of some obstacles that have a length, from an origin near them; of obstacle m the rows from first[m]."""
    total = 0
    for o in which:
        total += start[o + 1] - start[o]
    wall, first, n = np.empty((total, 4)), np.zeros(len(which) + 1, np.int64), 0
    for m in range(len(which)):
        for e in range(start[which[m]], start[which[m] + 1]):
            if edge[e, 0] != edge[e, 2] or edge[e, 1] != edge[e, 3]:
                wall[n, 0], wall[n, 1], wall[n, 2], wall[n, 3] = (
                    edge[e, 0] - x0,
                    edge[e, 1] - y0,
                    edge[e, 2] - x0,
                    edge[e, 3] - y0,
                )
                n += 1
        first[m + 1] = n
    return wall[:n], first


@kernel
def _within(x: float, y: float, wall: Numbers, first: Indices) -> bool:
    """Tell whether a point lies inside an obstacle."""
    for m in range(len(first) - 1):
        inside = False
        for e in range(first[m], first[m + 1]):
            if (wall[e, 1] > y) != (wall[e, 3] > y):
                side = _turned(wall[e, 0], wall[e, 1], wall[e, 2], wall[e, 3], x, y)
                if (side > 0) == (wall[e, 3] > wall[e, 1]):
                    inside = not inside
        if inside:
            return True
    return False


@kernel
def _clear(leg: Numbers, wall: Numbers, radius: float, pair: Numbers) -> bool:
    """Tell whether a leg keeps `radius` away from all walls."""
    square = radius * radius
    for e in range(len(wall)):
        if _apart(leg, wall[e]) < square and _between(leg, wall[e], pair) < square:
            return False
    return True


@kernel
def _corners(wall: Numbers, first: Indices, box: Numbers, reach: float, radius: float) -> Numbers:
    """Place the points at which a way may turn around the obstacles' corners, as far as they are clear; shape (m, 2)."""
    node, total, pair, spot = np.empty((64, 2)), 0, np.empty(4), np.empty(4)
    for m in range(len(first) - 1):
        ring = first[m]
        for e in range(first[m], first[m + 1]):
            if e > ring and (wall[e, 0] != wall[e - 1, 2] or wall[e, 1] != wall[e - 1, 3]):
                ring = e
            follow = e + 1
            if follow == first[m + 1] or wall[follow, 0] != wall[e, 2] or wall[follow, 1] != wall[e, 3]:
                follow = ring
            x, y = wall[e, 2], wall[e, 3]
            if wall[follow, 0] != x or wall[follow, 1] != y:
                continue
            if max(box[0] - x, x - box[2], box[1] - y, y - box[3]) > reach + 2 * radius:
                continue
            dx, dy, ex, ey = x - wall[e, 0], y - wall[e, 1], wall[follow, 2] - x, wall[follow, 3] - y
            theta = np.arctan2(dx * ey - dy * ex, dx * ex + dy * ey)
            if abs(theta) < 1e-9:
                continue
            # the outward normal of the first edge is its direction turned away from the bend
            normal = np.arctan2(dy, dx) - np.sign(theta) * np.pi / 2
            steps = int(np.ceil(abs(theta) / TURN))
            far = radius / np.cos(theta / (2 * steps))
            for k in range(steps):
                phi = normal + theta * (2 * k + 1) / (2 * steps)
                spot[0] = spot[2] = x + far * np.cos(phi)
                spot[1] = spot[3] = y + far * np.sin(phi)
                if _clear(spot, wall, radius - SLACK, pair) and not _within(spot[0], spot[1], wall, first):
                    if total == len(node):
                        node = np.append(node, node).reshape(-1, 2)
                    node[total, 0], node[total, 1] = spot[0], spot[1]
                    total += 1
    return node[:total]


@kernel
def _apart_from(edges: Numbers, wall: Numbers, first: Indices, radius: float) -> tuple[Numbers, Indices]:
    """Cut out of edges what is at least `radius` away from the walls: the pieces, shape (m, 4), and the edge of each."""
    piece, edge, total = np.empty((2 * len(edges) + 16, 4)), np.empty(2 * len(edges) + 16, np.int64), 0
    low, high = np.empty(3 * len(wall) + 1), np.empty(3 * len(wall) + 1)
    for e in range(len(edges)):
        ax, ay, ux, uy = edges[e, 0], edges[e, 1], edges[e, 2] - edges[e, 0], edges[e, 3] - edges[e, 1]
        length = np.hypot(ux, uy)
        if length == 0:
            continue
        ux, uy, n = ux / length, uy / length, 0
        for w in range(len(wall)):
            if _apart(edges[e], wall[w]) >= radius * radius:
                continue
            cx, cy, dx, dy = wall[w, 0] - ax, wall[w, 1] - ay, wall[w, 2] - ax, wall[w, 3] - ay
            for shape in range(3):
                begin, end = -np.inf, np.inf
                if shape < 2:
                    px, py = (cx, cy) if shape == 0 else (dx, dy)
                    middle, off = px * ux + py * uy, py * ux - px * uy
                    half = np.sqrt(max(radius * radius - off * off, 0.0))
                    begin, end = middle - half, middle + half
                else:
                    # where the outline's line runs between the two sides and the two ends of the wall's band
                    long = np.hypot(dx - cx, dy - cy)
                    vx, vy = (dx - cx) / long, (dy - cy) / long
                    for across in range(2):
                        slope = ux * vx + uy * vy if across == 0 else uy * vx - ux * vy
                        value = -(cx * vx + cy * vy) if across == 0 else -(cy * vx - cx * vy)
                        least, greatest = (0.0, long) if across == 0 else (-radius, radius)
                        if abs(slope) < 1e-12:
                            if value <= least or value >= greatest:
                                end = -np.inf
                        else:
                            one, other = (least - value) / slope, (greatest - value) / slope
                            begin, end = max(begin, min(one, other)), min(end, max(one, other))
                begin, end = max(begin, 0.0), min(end, length)
                if end <= begin:
                    continue
                k = n
                while k and low[k - 1] > begin:
                    low[k], high[k] = low[k - 1], high[k - 1]
                    k -= 1
                low[k], high[k] = begin, end
                n += 1
        low[n], high[n] = length, length
        reached = 0.0
        for k in range(n + 1):
            if low[k] - reached > SLACK:
                middle = (reached + low[k]) / 2
                if not _within(ax + middle * ux, ay + middle * uy, wall, first):
                    if total == len(piece):
                        piece, edge = np.append(piece, piece).reshape(-1, 4), np.append(edge, edge)
                    edge[total] = e
                    piece[total, 0], piece[total, 1] = ax + reached * ux, ay + reached * uy
                    piece[total, 2], piece[total, 3] = ax + low[k] * ux, ay + low[k] * uy
                    total += 1
            reached = max(reached, high[k])
    return piece[:total], edge[:total]


@kernel
def _search(
    own: Numbers, wall: Numbers, first: Indices, segment: Numbers, which: Indices, lines: int, reach: float, radius: float
) -> Search:
    """Search the shortest ways from an outline to lines; coordinates from one origin.

    Of line c the segments are those with which[s] == c. The answer: the fields of `geo.bends.Found`.
    """
    best, last, end = np.full(lines, np.inf), np.full(lines, -1), np.zeros((lines, 4))
    box, leg, pair, tight = np.empty(4), np.empty(4), np.empty(4), radius - SLACK
    box[0], box[1], box[2], box[3] = own[:, 0].min(), own[:, 1].min(), own[:, 0].max(), own[:, 1].max()
    near, count = np.empty(len(segment), np.int64), 0
    for s in range(len(segment)):
        if _apart(box, segment[s]) <= reach * reach:
            near[count] = s
            count += 1
    begin, _ = _apart_from(own, wall, first, radius)
    goal, of = _apart_from(segment[near[:count]], wall, first, radius)
    if len(begin) == 0 or len(goal) == 0:
        return best, last, end, np.zeros((0, 4)), np.zeros(0, np.int64)
    corner = _corners(wall, first, box, reach, radius)
    n = len(corner)
    node, before, far, done = np.zeros((n, 4)), np.full(n, -1), np.full(n, np.inf), np.zeros(n, np.bool_)
    node[:, :2] = corner
    for b in range(len(begin)):
        for g in range(len(goal)):
            c = which[near[of[g]]]
            long = np.sqrt(_between(begin[b], goal[g], leg))
            if long < best[c] and long <= reach and _clear(leg, wall, tight, pair):
                best[c] = long
                end[c] = leg
        for v in range(n):
            t = _along(node[v, 0], node[v, 1], begin[b, 0], begin[b, 1], begin[b, 2], begin[b, 3])
            leg[0] = begin[b, 0] + t * (begin[b, 2] - begin[b, 0])
            leg[1] = begin[b, 1] + t * (begin[b, 3] - begin[b, 1])
            leg[2], leg[3] = node[v, 0], node[v, 1]
            long = np.hypot(leg[2] - leg[0], leg[3] - leg[1])
            if long < far[v] and long <= reach and _clear(leg, wall, tight, pair):
                far[v], node[v, 2], node[v, 3] = long, leg[0], leg[1]
    while True:
        u = -1
        for v in range(n):
            if not done[v] and far[v] <= reach and (u < 0 or far[v] < far[u]):
                u = v
        if u < 0 or far[u] >= best.max():
            return best, last, end, node, before
        done[u] = True
        leg[0], leg[1] = node[u, 0], node[u, 1]
        for g in range(len(goal)):
            c, t = which[near[of[g]]], _along(leg[0], leg[1], goal[g, 0], goal[g, 1], goal[g, 2], goal[g, 3])
            leg[2], leg[3] = goal[g, 0] + t * (goal[g, 2] - goal[g, 0]), goal[g, 1] + t * (goal[g, 3] - goal[g, 1])
            long = far[u] + np.hypot(leg[2] - leg[0], leg[3] - leg[1])
            if long < best[c] and long <= reach and _clear(leg, wall, tight, pair):
                best[c], last[c] = long, u
                end[c] = leg
        for v in range(n):
            leg[2], leg[3] = node[v, 0], node[v, 1]
            long = far[u] + np.hypot(leg[2] - leg[0], leg[3] - leg[1])
            if not done[v] and long < far[v] and long <= reach and _clear(leg, wall, tight, pair):
                far[v], before[v] = long, u


@kernel
def _all(
    edge: Numbers, start: Indices, i: Indices, wall: Numbers, wall_start: Indices, near: Indices, obstacle: Indices, segment: Numbers,
    segment_start: Indices, to: Indices, line: Indices, reach: float, radius: float, found: Numbers,
) -> None:  # fmt: skip
    """Search the ways of some polygons, one after the other."""
    for p in range(len(i)):
        begin, end = start[i[p]], start[i[p] + 1]
        if begin == end or to[p] == to[p + 1]:
            continue
        x0, y0 = edge[begin, 0], edge[begin, 1]
        own, (walls, first) = edge[begin:end].copy(), _walls(wall, wall_start, obstacle[near[p] : near[p + 1]], x0, y0)
        total = 0
        for c in range(to[p], to[p + 1]):
            total += segment_start[line[c] + 1] - segment_start[line[c]]
        some, which, n = np.empty((total, 4)), np.empty(total, np.int64), 0
        for c in range(to[p], to[p + 1]):
            for s in range(segment_start[line[c]], segment_start[line[c] + 1]):
                some[n] = segment[s]
                which[n] = c - to[p]
                n += 1
        for k in range(2):
            own[:, 2 * k], own[:, 2 * k + 1] = own[:, 2 * k] - x0, own[:, 2 * k + 1] - y0
            some[:, 2 * k], some[:, 2 * k + 1] = some[:, 2 * k] - x0, some[:, 2 * k + 1] - y0
        best, _, _, _, _ = _search(own, walls, first, some, which, to[p + 1] - to[p], reach, radius)
        found[to[p] : to[p + 1]] = best
