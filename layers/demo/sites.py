"""The sites of the demo park's projects, in its first district, with the areas that domain.md section 1 gives."""

from __future__ import annotations

from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from scipy.optimize import brentq
from shapely.ops import substring

from layers.demo.frame import dates, frame
from layers.demo.park import Coordinates, District, Shapes, place

MU = 2000 / 3
"""Square metres of a mu."""


class Project(NamedTuple):
    """A project's wish for land: `mu` of a block (column, row), from its western or eastern side."""

    mu: int
    block: tuple[int, int]
    side: Literal["west", "east"]
    name: str
    status: str
    use: str
    needed_by: str


PROJECTS = (
    Project(77, (2, 1), "west", "新材料项目一期 new materials, first phase", "review_passed", "100102", "2026-03-31"),
    Project(120, (3, 1), "east", "装备制造项目 equipment works", "review_passed", "100102", "2028-09-30"),
    Project(104, (4, 1), "east", "储能电池项目 battery works", "under_review", "100102", "2029-03-31"),
    Project(96, (4, 2), "east", "医药中间体项目 pharmaceuticals", "under_review", "100102", "2029-06-30"),
    Project(85, (3, 2), "west", "精密铸造项目 precision castings", "prospect", "100102", "2028-12-31"),
    Project(73, (2, 2), "west", "电子材料项目 electronic materials", "under_review", "100102", "2027-06-30"),
    Project(61, (3, 0), "west", "智能物流装备项目 handling equipment", "under_review", "100102", "2027-12-31"),
    Project(189, (1, 2), "west", "住宅项目 housing", "review_passed", "070102", "2026-09-30"),
)
"""What their land shows: 77 free and serviced; 120 free, services to come; 104 not wholly surveyed; 96 beyond the urban
development boundary; 85 in acquisition, not converted; 73 reserved by the plan; 61 cut by permanent basic farmland;
189 free, another use. The first seven are 616 mu together."""

ROAD_LENGTH, ROAD_WIDTH, ROAD_STREET, ROAD_START = 1500.0, 20.0, 2, 1


def lot(corners: Coordinates, area: float, side: Literal["west", "east"]) -> shapely.Polygon:
    """Cut `area` [m2] off a side of a block by moving the opposite edge; the block must be larger."""

    def cut(share: float) -> shapely.Polygon:
        west, east = (0.0, share) if side == "west" else (1 - share, 1.0)
        return shapely.Polygon(place(corners, np.array([west, east, east, west]), np.array([0.0, 0.0, 1.0, 1.0])))

    return cut(brentq(lambda share: shapely.area(cut(share)) - area, 1e-6, 1.0, xtol=1e-15))


def strip(axis: shapely.Geometry, width: float) -> shapely.Polygon:
    """Draw the land of a street with mitred bends, so that its area is its length by its width exactly."""
    return shapely.buffer(axis, width / 2, cap_style="flat", join_style="mitre")


def sites(district: District) -> gpd.GeoDataFrame | None:
    """Draw the sites of the projects whose blocks exist; None outside the first district or where there are none."""
    projects = [p for p in PROJECTS if district.number == 0 and district.own[p.block]]
    if not projects:
        return None
    shapes: list[shapely.Polygon] = [lot(district.corners[p.block], p.mu * MU, p.side) for p in projects]
    rows = [(f"S-{p.mu}", f"示例 demo · {p.name}({p.mu}亩)", p.mu * MU, p.status, p.use, p.needed_by) for p in projects]
    _, eastward = district.owned()
    if eastward[ROAD_START:, ROAD_STREET].all():
        axis = shapely.LineString(district.nodes[ROAD_START:, ROAD_STREET])
        shapes.append(strip(substring(axis, 0.0, ROAD_LENGTH), ROAD_WIDTH))
        name = f"示例 demo · {' '.join(district.eastward(ROAD_STREET))} 道路工程 street works (1500 m)"
        rows.append(("S-road", name, ROAD_LENGTH * ROAD_WIDTH, "under_review", "1207", "2028-12-31"))
    ids, names, areas, statuses, uses, days = zip(*rows, strict=True)
    columns = {
        "id": ids,
        "name": names,
        "project": [f"P-{id_.removeprefix('S-')}(示例)" for id_ in ids],
        "status": statuses,
        "use_code": uses,
        "required_area": areas,
        "needed_by": dates(days),
    }
    geometry: Shapes = np.array(shapes, object)
    return frame("sites", geometry, columns)
