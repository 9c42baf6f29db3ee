"""What a parcel map says of a plot: its points, sides and areas, and what lies on its four sides."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.crs import ellipsoidal_area
from geo.shape import Points, boundary_points, noded
from layers.base import Text
from layers.parcels import ON
from layers.roads import road_land

SIDES = (Text("north", "北"), Text("east", "东"), Text("south", "南"), Text("west", "西"))
NOBODY = Text("land that nobody surveyed", "未调查土地")
TOUCH = 0.5
"""How far from an edge [m] the land beside it may begin."""
LEAST = 2.0
"""How much land beside a side makes a neighbour of it [m2]: more than one that only touches its corner."""
CONTEXT = 0.6
"""How much of the land around a plot its map shows, as a share of the plot's longer side."""


@dataclass(frozen=True, slots=True)
class ParcelMap:
    """The content of a parcel map, in the base's CRS; areas in m2.

    `points`: numbered from the north-west corner clockwise, holes after their shell; those of neighbours that lie on an edge are
    among them, for there the line changes its neighbour. `bounds`: what lies north, east, south and
    west. `neighbours` have `id` and outlines, `roads` have `name` and their land.
    """

    id: str
    use: str
    address: str
    owner: str
    crs: str
    shape: BaseGeometry
    area: float
    ellipsoidal: float
    points: Points
    bounds: tuple[Text, Text, Text, Text]
    neighbours: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame


def surroundings(shape: BaseGeometry) -> tuple[float, float, float, float]:
    """Bound what the map of a plot shows around it."""
    west, south, east, north = shape.bounds
    margin = max(CONTEXT * max(east - west, north - south), 30.0)
    return west - margin, south - margin, east + margin, north + margin


def parcel_map(plot: pd.Series, parcels: gpd.GeoDataFrame, roads: gpd.GeoDataFrame, uses: dict[str, str]) -> ParcelMap:
    """Make the content of a plot's map from the parcels and roads around it; `uses` names the codes of uses."""
    others = parcels[(parcels["id"] != plot["id"]).to_numpy(bool)].reset_index(drop=True)
    shape = noded(plot["geometry"], shapely.get_coordinates(others.geometry.to_numpy()), ON)
    land = gpd.GeoDataFrame(
        {"name": roads["name"]},
        geometry=road_land(roads),
        crs=roads.crs,
    )
    code, address, owner = (plot[c] if isinstance(plot[c], str) else "" for c in ("use_code", "address", "owner"))
    return ParcelMap(
        str(plot["id"]),
        f"{uses[code]} ({code})" if code in uses else code,
        address,
        owner,
        str(parcels.crs),
        shape,
        float(shape.area),
        float(ellipsoidal_area(np.array([shape], object), parcels.crs)[0]),
        boundary_points(np.array([shape], object)),
        four_bounds(shape, others, land),
        others,
        land,
    )


def four_bounds(shape: BaseGeometry, others: gpd.GeoDataFrame, roads: gpd.GeoDataFrame) -> tuple[Text, Text, Text, Text]:
    """Say what lies on the north, east, south and west of a plot (四至): along each side the longest neighbour or road.

    An edge belongs to the side to which its outer normal points; what begins within TOUCH of it lies there. A side without a
    neighbour is land that nobody surveyed.
    """
    points = boundary_points(np.array([shape], object))
    shell = points.ring == 0
    xy, on = points.xy[shell], points.xy[points.following[shell]]
    step = on - xy
    length = np.hypot(*step.T)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(length, 1e-9)[:, None]  # clockwise: left is outside
    side = np.select(
        [np.abs(normal[:, 1]) >= np.abs(normal[:, 0])], [np.where(normal[:, 1] > 0, 0, 2)], np.where(normal[:, 0] > 0, 1, 3)
    )
    edges = np.asarray(shapely.linestrings(np.stack([xy + normal * TOUCH, on + normal * TOUCH], axis=1)), object)
    strips = np.asarray(shapely.buffer(edges, TOUCH, cap_style="flat"), object)
    names = [*(_road(n) for n in roads["name"]), *(Text(str(i), str(i)) for i in others["id"])]
    land = np.r_[roads.geometry.to_numpy(), others.geometry.to_numpy()]
    shared = np.zeros((4, len(land)))
    edge, other = (
        shapely.STRtree(land).query(strips, predicate="intersects") if len(land) else (np.zeros(0, int), np.zeros(0, int))
    )
    np.add.at(shared, (side[edge], other), shapely.area(shapely.intersection(strips[edge], land[other])))
    said = [_longest(shared[k], names) for k in range(4)]
    return said[0], said[1], said[2], said[3]


def _road(name: object) -> Text:
    """Name a road; one without a name is still a road."""
    return Text(name, name) if isinstance(name, str) else Text("a road", "道路")


def _longest(shared: NDArray[np.float64], names: list[Text]) -> Text:
    """Pick the name of what is beside most of a side; parts of one road count together."""
    total: dict[Text, float] = {}
    for name, area in zip(names, shared.tolist(), strict=True):
        total[name] = total.get(name, 0.0) + area
    best = max(total, key=lambda name: total[name], default=NOBODY)
    return best if total.get(best, 0.0) > LEAST else NOBODY
