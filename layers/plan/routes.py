"""The course of the way from a site to each line that serves it, and the land that it crosses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from layers.base import Ask, Land, Text, arrays_of
from layers.catalogue import LAYERS
from layers.plan.access import Course, Ways, connection, is_road_land
from layers.plan.supply import survey_of
from layers.roads import CLASSES, half_width, road_land
from layers.service import FIT, REACH
from layers.utilities import GRAVITY, depth_told, fits, inverts, size_told

PRINTED = 0.05
"""What is shorter is printed as 0.0 m."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way from a site to a line: its length [m] and how much of it crosses road land, the holder's plots and unparcelled land.

    `plots` are the holder's plots on it, `between` the other's plot that bars it, `bent` whether it goes around such plots. Where
    there is no way, or nobody can say, length and course are None, and `says` tells why.
    """

    length: float | None
    road: float
    own: float
    open: float
    plots: tuple[str, ...]
    between: str | None
    bent: bool
    says: Text
    course: BaseGeometry | None


def routes(ways: Ways, ready: Mapping[str, Any], land: Land, services: Iterable[str]) -> dict[str, Route]:
    """Draw the way of each service of a site, the only plot of `ways`, to the line that `ready` names (layers.plan.readiness).

    A service without a line near has none.
    """
    roads, parcels, utilities = (survey_of(land, LAYERS[n], ways.plots.crs).features for n in ("roads", "parcels", "utilities"))
    strips = road_land(roads)
    streets = np.r_[strips, parcels.geometry.to_numpy()[is_road_land(parcels, ways.ask)]]
    named = dict[str, tuple[gpd.GeoDataFrame, int]]()
    for service in services:
        features = roads if service == "road" else utilities
        at = np.flatnonzero(features["id"].to_numpy(object) == ready[f"{service}_line"])[:1].tolist()
        if at:
            named[service] = features, at[0]
    low = float(np.asarray(arrays_of(ways.plots).get("elevation_min", [np.nan]), float)[0])
    there = [service for service in named if ready[f"{service}_state"] not in ("none", "unknown")]
    shapes = np.array([lines.geometry.to_numpy()[at] for lines, at in map(named.__getitem__, there)], object)
    half = np.array([half_width(roads)[named[service][1]] if service == "road" else 0.0 for service in there])
    length = np.array([ready[f"{service}_distance"] for service in there], float)
    courses = dict(zip(there, ways.courses(shapes, half, there, length), strict=True))
    return {
        service: _route(service, ready, courses[service], ways, streets)
        if service in courses
        else _none(service, ready, *line, ways.ask, low)
        for service, line in named.items()
    }


def _none(service: str, ready: Mapping[str, Any], lines: gpd.GeoDataFrame, line: int, ask: Ask, low: float) -> Route:
    """Tell why there is no way to a line, or why nobody can say; `low` is the site's lowest ground [m]."""
    between = ready[f"{service}_between"]
    other = None if pd.isna(between) else str(between)
    reach = str(lines["reach_state"].array[line]) if "reach_state" in lines else ""
    state = str(ready[f"{service}_state"])
    why = _why(service, state, other, reach, ask)
    if service != "road" and reach not in ("retired", "cut_off") and fits(lines, ask)[line] != FIT:
        why = size_told({name: lines[name].array[line] for name in ("kind", "dn", "voltage", "pressure")}, ask)
    elif service in GRAVITY and reach in ("serving", "dated") and state == "unknown":
        start, end = inverts(lines)[:, line].tolist()
        why = depth_told(start, end, low) if low < max(start, end) else why
    known = _known(service, ready)
    return Route(None, 0.0, 0.0, 0.0, (), other, False, Text(known.en + why.en, known.zh + why.zh), None)


def _route(service: str, ready: Mapping[str, Any], course: Course, ways: Ways, streets: NDArray[np.object_]) -> Route:
    """Measure a way to a line."""
    length = float(shapely.length(course.shape))
    own, plots, road = _crossed(course.shape, ways, streets) if length else (0.0, (), 0.0)
    known, said = _known(service, ready), _said(length, road, own, plots, course.bent)
    text = Text(known.en + said.en, known.zh + said.zh)
    return Route(length, road, own, length - own - road, plots, None, course.bent, text, course.shape)


def _known(service: str, ready: Mapping[str, Any]) -> Text:
    """Begin what is said of a way: of a road with the frontage."""
    fronts = _frontage(ready)
    return Text(f"{fronts.en}; ", f"{fronts.zh};") if service == "road" else Text("", "")


def _crossed(course: BaseGeometry, ways: Ways, streets: NDArray[np.object_]) -> tuple[float, tuple[str, ...], float]:
    """Measure how much of a course runs over the holder's plots (and which), and how much of the rest over road land [m]."""
    shapes = ways.others.land.shapes
    at = np.flatnonzero(shapely.intersects(shapes, course))
    at = at[~ways.foreign(np.zeros(len(at), np.intp), at)]
    own = shapely.intersection(course, shapely.union_all(shapes[at]))
    numbers = ways.others.id[at][shapely.length(shapely.intersection(course, shapes[at])) > PRINTED]
    road = shapely.union_all(streets[shapely.intersects(streets, course)])
    return (
        float(shapely.length(own)),
        tuple(map(str, numbers)),
        float(shapely.length(shapely.difference(course.intersection(road), own))),
    )


def _said(length: float, road: float, own: float, plots: tuple[str, ...], bent: bool) -> Text:
    """Tell how long a way is and what it crosses."""
    if length < PRINTED:
        return Text("at the boundary", "位于地块边界")
    parts = [
        (road, Text(f"{road:.1f} m of road land", f"道路用地{road:.1f}米")),
        (
            own,
            Text(
                f"{own:.1f} m of the same holder's plots ({', '.join(plots)})", f"同一权利人宗地{own:.1f}米({'、'.join(plots)})"
            ),
        ),
        (length - road - own, Text(f"{length - road - own:.1f} m without parcels", f"未划宗地{length - road - own:.1f}米")),
    ]
    told = [part for part in parts if part[0] >= PRINTED]
    en, zh = ", ".join(text.en for _, text in told), "、".join(text.zh for _, text in told)
    around = Text(", bent around others' plots", ",绕行他人宗地") if bent else Text("", "")
    return Text(f"{length:.1f} m over {en}{around.en}", f"{length:.1f}米,经{zh}{around.zh}")


def _why(service: str, state: str, between: str | None, reach: str, ask: Ask) -> Text:
    """Tell why there is no way, or why nobody can say."""
    if state == "unknown":
        return Text("nobody can say whether it serves this land", "无法判断能否服务该地块")
    if between is not None:
        return Text(f"only across {between}, another's plot", f"须穿越他人宗地 {between}")
    if reach in ("retired", "cut_off"):
        return REACH[reach].name
    most, width = connection(ask, service)
    return Text(f"no way {width:g} m wide and at most {most:g} m long", f"无宽{width:g}米、长{most:g}米以内的通道")


def _frontage(ready: Mapping[str, Any]) -> Text:
    """Tell what is known of the road that gives access."""
    length, kind, width = ready["road_frontage"], ready["road_class"], ready["road_width"]
    known = (CLASSES[kind].name,) if kind in CLASSES else ()
    wide = (
        Text("red line not recorded", "红线宽度未记录") if pd.isna(width) else Text(f"red line {width:g} m", f"红线宽{width:g}米")
    )
    fronts = (
        Text("frontage unknown", "临路长度未知") if pd.isna(length) else Text(f"frontage {length:.1f} m", f"临路{length:.1f}米")
    )
    told = (fronts, *known, wide) if pd.notna(ready["road_line"]) else (fronts,)
    return Text(", ".join(t.en for t in told), "、".join(t.zh for t in told))
