"""Plots and deliveries to store, and a clock that tells the same each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import geopandas as gpd
import shapely

from layers.base import Edition
from layers.store.base import Change

X, Y = 500_000.0, 4_060_000.0
LIN = Change("Lin", "Doc 12")
WU = Change("Wu", "Doc 13")


class Clock:
    """A clock that goes on by a second whenever it is asked, and can be set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def square(k: int, size: float = 10.0) -> shapely.Polygon:
    return shapely.box(X + 20 * k, Y, X + 20 * k + size, Y + size)


def plots(*ids: str, **columns: Any) -> gpd.GeoDataFrame:
    places = [square(int(i.strip("PQ") or 0)) for i in ids]
    return gpd.GeoDataFrame({"id": list(ids), **columns}, geometry=places, crs="EPSG:4548")


def delivery(layer: str = "parcels", id: str = "", kinds: tuple[str, ...] = (), coverage: Any = None) -> Edition:
    return Edition(id, layer, "survey", date(2026, 1, 1), coverage, kinds)


def ids(frame: gpd.GeoDataFrame) -> list[str]:
    return frame["id"].tolist()


def road(id: str, name: str = "") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"id": [id], "name": [name]}, geometry=[shapely.LineString([(X, Y), (X + 9, Y)])], crs="EPSG:4548")
