"""Neighbouring plots put together, and large plots cut, to the area that a project needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.shape import cut_to_area, inner_width, shared_edges

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
APART, EDGE = 0.1, 1.0
"""How far the edges of neighbours may be drawn apart, and the shortest edge that they must share [m]."""
EXACT = 14
"""Up to so many plots that hang together every assembly is looked at; beyond, the best of each size are grown on."""
BEAM = 48
EDGES, ALIKE = 4, 0.05
"""So many directions of edges a plot is cut along, and how far two must turn from each other to count twice [radians]."""
MOST = 8
"""The most plots of an assembly."""


class Neighbours(NamedTuple):
    """Plots that may be put together: area [m2], perimeter [m], owner, and who shares an edge of what length with whom [m]."""

    area: Numbers
    perimeter: Numbers
    owner: NDArray[np.int32]
    edges: tuple[dict[int, float], ...]


class Assembly(NamedTuple):
    """Plots that hang together: their rows, area [m2], compactness (1 a circle) and number of owners."""

    rows: tuple[int, ...]
    area: float
    compactness: float
    owners: int


def neighbours(shapes: NDArray[np.object_], owner: NDArray[np.int32], roads: NDArray[np.object_] | None = None) -> Neighbours:
    """Find which plots share an edge, or, where `roads` (their land) are given, face each other across one of them."""
    i, j, length = shared_edges(shapes, APART, EDGE)
    edges: tuple[dict[int, float], ...] = tuple({} for _ in shapes)
    for one, other, shared in zip(i.tolist(), j.tolist(), length.tolist(), strict=True):
        edges[one][other] = edges[other][one] = shared
    for one, other in _across(shapes, roads) if roads is not None and len(roads) else ():
        edges[one].setdefault(other, 0.0)
        edges[other].setdefault(one, 0.0)
    return Neighbours(shapely.area(shapes), shapely.length(shapes), owner, edges)


def _across(shapes: NDArray[np.object_], roads: NDArray[np.object_]) -> Iterator[tuple[int, int]]:
    """Find pairs of plots that front the same road on its two sides, opposite each other."""
    road, plot = shapely.STRtree(shapes).query(roads, predicate="dwithin", distance=APART)
    for r in np.unique(road):
        mine = np.sort(plot[road == r])
        one, other = (mine[k] for k in np.triu_indices(len(mine), 1))
        link = shapely.shortest_line(shapes[one], shapes[other])
        length, wide = shapely.length(link), 2 * roads[r].area / roads[r].length
        inside = shapely.length(shapely.intersection(link, roads[r]))
        opposite = (length > APART) & (length < 1.5 * wide) & (inside > 0.9 * length)
        yield from zip(one[opposite].tolist(), other[opposite].tolist(), strict=True)


def measure(land: Neighbours, rows: frozenset[int]) -> Assembly:
    """Measure an assembly; an edge that its plots share is no part of its outline."""
    area, perimeter = float(sum(land.area[r] for r in rows)), float(sum(land.perimeter[r] for r in rows))
    perimeter -= sum(length for r in rows for other, length in land.edges[r].items() if other in rows)
    return Assembly(tuple(sorted(rows)), area, float(4 * np.pi * area / perimeter**2), len({int(land.owner[r]) for r in rows}))


def assemblies(
    land: Neighbours, area: tuple[float, float], seeds: Rows, rim: NDArray[np.bool_] | None = None
) -> tuple[list[Assembly], bool]:
    """Put neighbours together to an area [m2]; whether all that contain a seed were looked at.

    `rim`: plots that may have neighbours beyond what is known. Assemblies of two to MOST plots. Where at most EXACT plots hang together with a seed each connected set is looked at; else
    those with the best outline of each size, BEAM of them, are grown by one plot.
    """
    found: set[frozenset[int]] = set()
    exact = True
    for seed in seeds.tolist():
        component = _component(land, seed)
        exact &= rim is None or not rim[list(component)].any()
        if len(component) <= EXACT:
            found.update(s for s in _connected(land, seed, area[1]) if len(s) > 1 and sum(land.area[r] for r in s) >= area[0])
        else:
            exact = False
            found.update(_grown(land, seed, area))
    return [measure(land, rows) for rows in sorted(found, key=sorted)], exact


def _component(land: Neighbours, seed: int) -> set[int]:
    """Collect the plots that hang together with a seed."""
    seen, open_ = {seed}, [seed]
    while open_:
        new = [n for n in land.edges[open_.pop()] if n not in seen]
        seen.update(new)
        open_ += new
    return seen


def _connected(land: Neighbours, seed: int, most: float) -> Iterator[frozenset[int]]:
    """Enumerate the connected sets with a seed whose area is at most `most`, each once."""
    stack = [(frozenset((seed,)), frozenset(land.edges[seed]), frozenset((seed,)))]
    while stack:
        rows, border, seen = stack.pop()
        yield rows
        if len(rows) == MOST:
            continue
        total, passed = sum(land.area[r] for r in rows), seen
        for n in sorted(border):
            passed = passed | {n}
            if total + land.area[n] <= most:
                stack.append((rows | {n}, (border | frozenset(land.edges[n])) - passed - rows, passed))


def _grown(land: Neighbours, seed: int, area: tuple[float, float]) -> Iterator[frozenset[int]]:
    """Grow a seed plot by plot, keeping the BEAM most compact of each size."""
    kept = [frozenset((seed,))]
    for _ in range(MOST - 1):
        grown = {rows | {n} for rows in kept for r in rows for n in land.edges[r] if n not in rows}
        fitting = [measure(land, rows) for rows in grown]
        fitting = [a for a in fitting if a.area <= area[1]]
        fitting.sort(key=lambda a: (-a.compactness, a.owners, a.rows))
        kept = [frozenset(a.rows) for a in fitting[:BEAM]]
        yield from (frozenset(a.rows) for a in fitting[:BEAM] if a.area >= area[0])


class Cut(NamedTuple):
    """A part of a plot, of the area that was asked for [m2], and the rest: outlines and widths [m], and the rest's front on roads [m]."""

    part: BaseGeometry
    rest: BaseGeometry
    area: float
    width: float
    rest_width: float
    rest_front: float


def cuts(
    plot: BaseGeometry, area: tuple[float, float], aim: float, roads: NDArray[np.object_], least_width: float, access: float
) -> Iterator[list[Cut]]:
    """Cut parts of an area [m2] off a plot by straight lines so that part and rest can both be used.

    Both are in one piece, nowhere too narrow for a circle of `least_width` [m], and front on `roads` (their land) by at least
    `access` [m]. Tried are lines along and across the plot from both ends, for the area `aim`; then along and across its EDGES
    longest edges; then the least and the most area too. Gives the usable ones of each try, if there are any.
    """
    corners = shapely.get_coordinates(shapely.oriented_envelope(plot))[:3]
    along = float(np.arctan2(*(corners[1] - corners[0])[::-1]))
    edges = [turn for turn in _turns(plot) if abs((turn - along + np.pi / 4) % (np.pi / 2) - np.pi / 4) > ALIKE]
    rest = [a for a in dict.fromkeys(area) if np.isfinite(a) and a != aim]
    for areas, angles in (([aim], [along]), ([aim], edges), (rest, [along, *edges])):
        tried = [
            cut
            for wanted in areas
            for angle in angles
            for turn in range(4)
            if (cut := _cut(plot, wanted, angle + turn * np.pi / 2, roads, least_width, access))
        ]
        if tried:
            yield tried


def _turns(plot: BaseGeometry) -> list[float]:
    """List the directions of the EDGES longest edges of a plot, those that are ALIKE or across each other once."""
    way = (
        np.diff(shapely.get_coordinates(shapely.get_exterior_ring(plot)), axis=0)
        if plot.geom_type == "Polygon"
        else np.zeros((0, 2))
    )
    found: list[float] = []
    for x, y in way[np.argsort(-np.hypot(*way.T), kind="stable")].tolist():
        turn = float(np.arctan2(y, x)) % (np.pi / 2)
        if len(found) < EDGES and all(abs((turn - other + np.pi / 4) % (np.pi / 2) - np.pi / 4) > ALIKE for other in found):
            found.append(turn)
    return found


def _cut(
    plot: BaseGeometry, area: float, angle: float, roads: NDArray[np.object_], least_width: float, access: float
) -> Cut | None:
    """Cut a part off by one line; None where part or rest cannot be used."""
    part, rest = cut_to_area(plot, area, angle)
    if part.geom_type != "Polygon" or rest.geom_type != "Polygon" or rest.is_empty:
        return None
    both = np.array([part, rest], object)
    fronts = front(both, roads)
    if fronts.min() < access:
        return None
    width, rest_width = inner_width(both).tolist()
    return Cut(part, rest, area, width, rest_width, float(fronts[1])) if min(width, rest_width) >= least_width else None


def front(shapes: NDArray[np.object_], roads: NDArray[np.object_]) -> Numbers:
    """Measure how much of each outline lies on the land of roads, within APART [m], shape (n,)."""
    if not len(roads):
        return np.zeros(len(shapes))
    near = shapely.union_all(shapely.buffer(roads, APART))
    return np.asarray(shapely.length(shapely.intersection(shapely.boundary(shapes), near)), np.float64)
