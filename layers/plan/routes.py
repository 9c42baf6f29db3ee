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

from layers.base import Ask, Land, Text
from layers.catalogue import LAYERS
from layers.plan.access import Ways, connection, is_road_land
from layers.plan.supply import survey_of
from layers.roads import CLASSES, half_width
from layers.service import REACH

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
    strips = shapely.buffer(roads.geometry.to_numpy(), half_width(roads), cap_style="flat")
    streets = np.r_[strips, parcels.geometry.to_numpy()[is_road_land(parcels, ways.ask)]]
    found = {}
    for service in services:
        features = roads if service == "road" else utilities
        line = np.flatnonzero(features["id"].to_numpy(object) == ready[f"{service}_line"])[:1]
        if len(line):
            found[service] = _route(service, ready, features, int(line[0]), ways, streets)
    return found


def _route(
    service: str, ready: Mapping[str, Any], lines: gpd.GeoDataFrame, line: int, ways: Ways, streets: NDArray[np.object_]
) -> Route:
    """Draw the way to one line."""
    between, state = ready[f"{service}_between"], str(ready[f"{service}_state"])
    fronts = _frontage(ready)
    known = Text(f"{fronts.en}; ", f"{fronts.zh};") if service == "road" else Text("", "")
    if state in ("none", "unknown"):
        other = None if pd.isna(between) else str(between)
        why = _why(service, state, other, str(lines["reach_state"].array[line]) if "reach_state" in lines else "", ways.ask)
        return Route(None, 0.0, 0.0, 0.0, (), other, False, Text(known.en + why.en, known.zh + why.zh), None)
    half = float(half_width(lines)[line]) if service == "road" else 0.0
    shape = lines.geometry.to_numpy()[line]
    course, bent = ways.course(shape, half, *connection(ways.ask, service), float(ready[f"{service}_distance"]))
    length = float(shapely.length(course))
    own, plots, road = _crossed(course, ways, streets) if length else (0.0, (), 0.0)
    said = _said(length, road, own, plots, bent)
    return Route(length, road, own, length - own - road, plots, None, bent, Text(known.en + said.en, known.zh + said.zh), course)


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
