"""Places by what people type: plots by number, projects, sites and roads by number or name, coordinates in either order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import cgcs2000, check_plausible, transform
from geo.errors import GeoError
from layers.store.base import Box, Compare, Store

LISTED = ("projects", "sites", "roads", "utilities")
"""Layers whose features are found by parts of their names too; plots by the beginning of their numbers."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
NORTHINGS = (1.5e6, 1e7)
"""Northings of China's zones, with room [m]; eastings are shorter, or longer by the number of the zone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that has a place: `layer` is "" for coordinates; `bounds` in longitude and latitude, None of projects, which have sites."""

    layer: str
    id: str
    name: str
    bounds: Box | None


def places(store: Store, text: str, limit: int = 8) -> list[Place]:
    """List what the text may mean, at most `limit` of each kind, the likeliest first. Names are read whole: time grows with them."""
    point = coordinates(text, store.crs)
    return [] if not text.strip() else [point] if point else list(_named(store, text.strip(), limit))


def coordinates(text: str, crs: str) -> Place | None:
    """Read two numbers as degrees, or as metres of the base's zone or of the CGCS2000 zone that the easting names; None else."""
    if re.search(r"[^\d\s.,;,;°XYxyNEne=:+-]", text):
        return None
    found = [float(n) for n in NUMBER.findall(text)]
    if len(found) != 2:
        return None
    if max(map(abs, found)) <= 180:
        east, north = found if abs(found[1]) <= 90 and not abs(found[0]) < 60 < abs(found[1]) else found[::-1]
        there: object = "EPSG:4326"
    else:
        northerly = [NORTHINGS[0] < n < NORTHINGS[1] for n in found]
        east, north = found[::-1] if northerly == [True, False] else found
        zone = int(east // 1e6)
        there = cgcs2000(zone, prefix=True) if 25 <= zone <= 45 else crs
    point = shapely.Point(east, north)
    try:
        check_plausible(point.bounds, there)
        at = transform(np.array([point], object), there, "EPSG:4326")[0]
    except GeoError:
        return None
    return Place("", f"{at.x:.6f}, {at.y:.6f}", text.strip(), at.bounds)


def _named(store: Store, text: str, limit: int) -> Iterator[Place]:
    """Find plots whose number begins with a text, and other features whose number or name holds it."""
    begins = (Compare("id", ">=", text), Compare("id", "<", text + "\U0010ffff"))
    yield from _listed(store, "parcels", store.read("parcels", columns=["id"], where=begins, after="", limit=limit))
    for layer in LISTED:
        known = store.read(layer, columns=["id", "name"])
        holds = known["id"].str.contains(text, case=False, regex=False).to_numpy(bool)
        named = known["name"].str.contains(text, case=False, regex=False, na=False).to_numpy(bool)
        if layer == "projects":
            yield from (Place(layer, r["id"], r["name"], None) for r in known[holds | named].head(limit).to_dict("records"))
        else:
            yield from _listed(store, layer, known[holds | named].head(limit))


def _listed(store: Store, layer: str, found: gpd.GeoDataFrame) -> Iterator[Place]:
    """Tell features and their bounds."""
    shapes = transform(found.geometry.to_numpy(), store.crs, "EPSG:4326")
    names = found["name"].fillna("") if "name" in found else [""] * len(found)
    for id, name, bounds in zip(found["id"], names, shapely.bounds(shapes).tolist(), strict=True):
        yield Place(layer, id, name, tuple(bounds))
