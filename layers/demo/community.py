"""The people of the demo park: its divisions, eleven resettlement sites, and amenities at the corners of its streets (F42, F45)."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from layers.demo.frame import dates, frame
from layers.demo.land import parcels
from layers.demo.park import District
from layers.ledger.community import AMENITY_KINDS

RESETTLED = 11
"""Resettlement sites of the founding document."""
SURVEYED = tuple(kind for kind in AMENITY_KINDS if kind != "market")
"""Kinds of amenities that were surveyed: of markets nobody knows."""
OFF = 16.0
"""How far an amenity lies from the crossing of two streets, each way [m]."""


def divisions(district: District) -> gpd.GeoDataFrame | None:
    """Draw the district, its two streets, a village in each, and the two clusters of the founding document; all of the first district."""
    if district.number:
        return None
    west, south, east, north = shapely.total_bounds(shapely.polygons(district.corners[district.own])).tolist()
    x, y = (west + east) / 2, (south + north) / 2
    rows = (
        ("V-1", "示例区 demo district", "district", None, (west, south, east, north)),
        ("V-11", "示例西街道 demo west street", "street", "V-1", (west, south, x, north)),
        ("V-12", "示例东街道 demo east street", "street", "V-1", (x, south, east, north)),
        ("V-111", "示例村 demo village", "village", "V-11", (west, south, x, y)),
        ("V-121", "示例社区 demo neighbourhood", "village", "V-12", (x, y, east, north)),
        ("V-C1", "大桥组团 Daqiao cluster (示例 demo)", "cluster", "V-1", (west, south, east, y)),
        ("V-C2", "崔寨组团 Cuizhai cluster (示例 demo)", "cluster", "V-1", (west, y, east, north)),
    )
    ids, names, kinds, parents, boxes = zip(*rows, strict=True)
    return frame(
        "divisions",
        shapely.box(*np.array(boxes).T),
        {"id": list(ids), "name": list(names), "kind": list(kinds), "parent": list(parents)},
    )


def resettlements(district: District) -> gpd.GeoDataFrame | None:
    """Draw the resettlement sites: every ninth parcel of the first district, as far as they go."""
    if district.number:
        return None
    land = parcels(district).iloc[4::9].iloc[:RESETTLED]
    if not len(land):
        return None
    count = np.arange(len(land))
    columns = {
        "id": [f"RS-{k + 1}" for k in count], "name": [f"示例安置区{k + 1} demo resettlement {k + 1}" for k in count], "households": (180 + 20 * count).tolist(),
        "persons": (560 + 60 * count).tolist(), "floor_area": (21_000.0 + 2_400.0 * count).tolist(),
        "progress": np.where(count % 3 == 0, "accepted", np.where(count % 3 == 1, "topped_out", "planned")).tolist(),
        "planned_on": dates(["2026-12-31"] * len(land)),
    }  # fmt: skip
    return frame("resettlements", land.geometry.to_numpy(), columns)


def amenities(district: District) -> gpd.GeoDataFrame | None:
    """Draw amenities of the surveyed kinds beside the crossings of streets; the middle school opens in September 2026."""
    if district.number:
        return None
    corners = district.nodes[district.there].reshape(-1, 2)
    kinds = [SURVEYED[k % len(SURVEYED)] for k in range(len(corners))]
    opens = ["2026-09-01" if kind == "middle_school" else "2024-09-01" for kind in kinds]
    columns = {
        "id": [f"AM-{k + 1}" for k in range(len(corners))], "name": [f"示例{AMENITY_KINDS[kind].name.zh} demo {AMENITY_KINDS[kind].name.en}" for kind in kinds],
        "kind": kinds, "status": ["planned" if kind == "middle_school" else "in_service" for kind in kinds], "in_service_from": dates(opens),
    }  # fmt: skip
    return frame("amenities", np.asarray(shapely.points(corners + OFF), object), columns)
