"""Living circles (生活圈): which amenities are reached on foot along roads from a place, and what nobody knows (domain.md F42)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry.base import BaseGeometry

from geo.kinds import lineal
from geo.network import graph
from layers.base import Ask
from layers.service import by_record

State = Literal["within", "beyond", "unknown"]
ON_FOOT = ("arterial", "secondary", "local")
"""Classes of roads on which anybody walks; on others but expressways perhaps."""
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


class Reach(NamedTuple):
    """One kind of amenity: is one within the way on foot, the nearest that is known to serve, and how far it is [m]; NaN: none is known."""

    kind: str
    state: State
    amenity: str | None
    walk: float


def circle(
    place: BaseGeometry, roads: gpd.GeoDataFrame, amenities: gpd.GeoDataFrame, ask: Ask, roads_surveyed: bool, surveyed: Sequence[str]
) -> list[Reach]:  # fmt: skip
    """Tell for each kind of `living_circle.kinds` whether one lies within `living_circle.reach` on foot of the middle of a place.

    One walks straight to a road within `living_circle.approach`, along roads in service, and straight to the amenity, which must be in
    service too, whatever road is the shortest. It is `within` where roads and an amenity that surely serve lead there, `beyond` where neither unrecorded ones, nor what unsurveyed land
    may hold (`roads_surveyed`, `surveyed`: the kinds whose survey covers the reach) could, else unknown. A way on foot is never shorter than
    the straight line, and nobody knows whether one can walk that where it is no farther than to a road. Time and memory grow with the roads within the reach.
    """
    reach, approach, snap = (
        float(ask.standards[name]) for name in ("living_circle.reach", "living_circle.approach", "network.snap")
    )
    start, goals, lines = middle(place), shapely.point_on_surface(amenities.geometry.to_numpy()), roads.geometry.to_numpy()
    sort = roads["class"].to_numpy(object)
    (on_road, may_road), (opened, may_open) = _serving(roads, ask), _serving(amenities, ask)
    drawn = lineal(lines)
    sure = _walks(start, goals, lines[drawn & on_road & np.isin(sort, ON_FOOT)], approach, snap)
    perhaps = _walks(start, goals, lines[drawn & may_road & (sort != "expressway")], approach, snap)
    straight = shapely.distance(start, goals)
    least = np.where(roads_surveyed & np.isfinite(perhaps) & (straight > approach), perhaps, straight)
    kinds, unsaid = amenities["kind"].to_numpy(object), amenities["kind"].isna().to_numpy(bool)
    found = []
    for kind in ask.standards["living_circle.kinds"]:
        mine = kinds == kind
        walks = np.where(mine & opened, sure, np.inf)
        walk = float(walks.min(initial=np.inf))
        may = bool((least[(mine | unsaid) & may_open] <= reach).any()) or kind not in surveyed
        state: State = "within" if walk <= reach else "unknown" if may else "beyond"
        there = np.isfinite(walk)
        found.append(
            Reach(kind, state, str(amenities["id"].iloc[int(walks.argmin())]) if there else None, walk if there else np.nan)
        )
    return found


def middle(place: BaseGeometry) -> BaseGeometry:
    """Find the middle of a place from which ways are measured: its centre of gravity, or a point on it where that lies outside."""
    centre = shapely.centroid(place)
    return centre if shapely.covers(place, centre) else shapely.point_on_surface(place)


def _serving(features: gpd.GeoDataFrame, ask: Ask) -> tuple[Flags, Flags]:
    """Tell which features are surely in service on the day, and which may be: what nobody recorded may."""
    life, day = by_record(features, ask), np.datetime64(ask.on, "s")
    ended = life.ends <= day
    return np.asarray((life.begins <= day) & ~ended, bool), np.asarray(
        (np.isnat(life.begins) | (life.begins <= day)) & ~ended, bool
    )


def _walks(start: BaseGeometry, goals: NDArray[np.object_], lines: NDArray[np.object_], approach: float, snap: float) -> Numbers:
    """Measure the ways from a point to others: straight to any line within `approach`, along lines, and straight off them; inf: none."""
    away = np.full(len(goals), np.inf)
    if not len(lines) or not len(goals):
        return away
    ends = np.concatenate([[start], goals])
    of, line = shapely.STRtree(lines).query(ends, predicate="dwithin", distance=approach)
    if not (of == 0).any():
        return away
    foot = shapely.line_interpolate_point(lines[line], shapely.line_locate_point(lines[line], ends[of]))
    g = graph(lines, snap, foot, split_at_ends=True)
    own, off = len(g.nodes) + of, shapely.distance(ends[of], foot)  # places are nodes of their own: none is a way to another
    leaves = of == 0
    begins = np.concatenate([g.start, g.end, own[leaves], g.point[~leaves]])
    ceases = np.concatenate([g.end, g.start, g.point[leaves], own[~leaves]])
    length = np.concatenate([g.length, g.length, off[leaves], off[~leaves]])
    order = np.lexsort((length, ceases, begins))
    first = np.r_[True, (np.diff(begins[order]) != 0) | (np.diff(ceases[order]) != 0)]
    way = order[first]  # of several ways between two nodes the shortest
    count = len(g.nodes) + len(ends)
    ways = coo_array((np.maximum(length[way], 1e-9), (begins[way], ceases[way])), shape=(count, count)).tocsr()
    return np.asarray(dijkstra(ways, indices=len(g.nodes))[len(g.nodes) + 1 :])
