"""What is planned, protected, held and on the ground in the demo park."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from geo.raster import Grid
from layers.demo.frame import CRS, dates, frame
from layers.demo.park import (
    COLUMNS,
    HALF_EASTWARD,
    MARGIN,
    ORIGIN,
    PITCH,
    ROWS,
    SIZE,
    UNSURVEYED,
    City,
    Coordinates,
    District,
    Mask,
    Shapes,
    bends,
    subdivide,
)
from layers.parcels import TAKEN

FINE, COARSE, FINE_DISTRICTS = 10.0, 30.0, 100
"""Cells of the terrain [m]: fine up to this many districts, coarse beyond, which keeps a park below 16 million fine cells."""

MIXES = {
    "built": (("built", 1.0),),
    "old": (("built", 0.8), ("under_construction", 0.15), ("idle", 0.05)),
    "young": (("built", 0.5), ("under_construction", 0.3), ("supplied_unused", 0.2)),
    "offered": (("ready", 0.5), ("listed", 0.1), ("approved_unsupplied", 0.3), ("supplied_unused", 0.1)),
    "ready": (("ready", 1.0),),
    "approved": (("approved_unsupplied", 1.0),),
    "coming": (("acquired", 0.4), ("approved_unsupplied", 0.4), ("ready", 0.2)),
    "acquiring": (("in_acquisition", 1.0),),
    "future": (("planned", 0.5), ("in_acquisition", 0.3), ("acquired", 0.2)),
}
STATUS = (
    ("old", "old", "offered", "ready", "future"),
    ("built", "young", "ready", "ready", "ready"),
    ("built", "ready", "approved", "acquiring", "future"),
    ("future", "offered", "coming", "future", "future"),
)
"""The mix of parcel statuses of each block, rows from the south."""

SURVEYED_USES = {
    "works": (("0601", False),),
    "mixed": (("0102", True), ("0601", False)),
    "converted": (("0102", True), ("1202", True), ("0102", True)),
    "fields": (("0102", False), ("1104", False), ("0102", False)),
    "farmed": (("0102", False), ("0103", False)),
    "riverside": (("0301", False), ("0404", False), ("0102", False)),
}
"""Strips of a block from west to east: the survey's code, and whether its conversion was approved."""

LAND_USE = (
    ("works", "works", "mixed", "converted", "fields"),
    ("works", "mixed", "mixed", "converted", "converted"),
    ("works", "converted", "converted", "farmed", "fields"),
    ("riverside", "riverside", "fields", "farmed", "fields"),
)
USE_NAMES = {
    "0102": "水浇地 irrigated land", "0103": "旱地 dry land", "0301": "乔木林地 forest", "0404": "其他草地 other grassland",
    "0601": "工业用地 industrial", "1004": "城镇村道路用地 streets", "1104": "坑塘水面 pond",
    "1202": "设施农用地 farm facilities",
}  # fmt: skip


class Zone(NamedTuple):
    """A run of blocks of one lattice row that is planned for one use; indices NaN where the plan sets none."""

    row: int
    first: int
    last: int
    code: str
    name: str
    far: tuple[float, float]
    coefficient: float
    green: float
    height: float


NA = float("nan")
INDUSTRY = ((1.0, 2.5), 0.40, 0.20, 24.0)
ZONES = (
    Zone(0, 0, 5, "100102", "二类工业 industry", *INDUSTRY),
    Zone(1, 0, 5, "100102", "二类工业 industry", (1.2, 3.0), 0.40, 0.20, 30.0),
    Zone(2, 0, 1, "0901", "商业 commerce", (1.0, 3.0), NA, NA, 60.0),
    Zone(2, 1, 2, "070102", "二类住宅 housing", (1.0, 2.2), NA, NA, 54.0),
    Zone(2, 2, 3, "16", "留白 reserved", (NA, NA), NA, NA, NA),
    Zone(2, 3, 5, "100102", "二类工业 industry", *INDUSTRY),
    Zone(3, 0, 3, "1401", "滨河公园 riverside park", (NA, NA), NA, NA, NA),
    Zone(3, 3, 5, "110102", "物流仓储 logistics", (0.8, 2.0), 0.40, 0.20, 24.0),
)
PLAN = "示例控规(生成数据) demo detailed plan (generated)"
BEYOND = np.array([2250.0, 800.0])
"""East and north of here [m from the district's origin] the city may not grow."""
DOCUMENT = "示例文号(生成数据) demo document"
FIRMS = tuple(
    f"示例{name}{trade}有限公司"
    for name in ("恒源", "瑞达", "安和", "盛隆", "景明", "嘉润")
    for trade in ("新材料", "装备", "医药", "电子", "物流")
)


def parcels(district: District) -> gpd.GeoDataFrame:
    """Cut the blocks into plots under ids D001-B05-P12, with a state that ripens from west to east."""
    rng = district.rng()
    blocks: list[tuple[int, int]] = [(c, r) for r, c in np.argwhere(district.own.T).tolist()]
    count = [int(district.plots[block]) for block in blocks]
    shapes = np.concatenate([subdivide(district.corners[at], n, rng) for at, n in zip(blocks, count, strict=True)])
    block = np.repeat([district.label(c, r) for c, r in blocks], count)
    place = np.repeat([address(district, c, r) for c, r in blocks], count)
    code = np.repeat([zone_code(c, r) for c, r in blocks], count)
    status = np.concatenate([draw(STATUS[r][c], n, rng) for (c, r), n in zip(blocks, count, strict=True)])
    collective = np.isin(status, ("planned", "in_acquisition"))
    taken = np.isin(status, TAKEN) & (status != "listed")
    n = len(shapes)
    owner = np.select([taken, collective], [rng.choice(FIRMS, n), f"示例{district.name}村集体"], "")
    area = shapely.area(shapes)
    plot = np.concatenate([np.arange(1, k + 1) for k in count])
    columns = {
        "id": [f"{b}-P{k:02d}" for b, k in zip(block, plot, strict=True)],
        "block": block,
        "code_system": "planning_2023",
        "use_code": code,
        "status": status,
        "ownership": np.where(collective, "collective", "state"),
        "owner": owner,
        "area_recorded": (area * rng.normal(1, 2e-4, n)).round(2),
        "address": place,
        "approval_no": np.where(collective, "", f"示例征字〔2021〕{district.name}号"),
    }
    return frame("parcels", shapes, columns)


def address(district: District, c: int, r: int) -> str:
    """Word the four bounds of a block, 四至."""
    west, south = district.northward(c)[0], district.eastward(r)[0]
    return f"{west}以东、{south}以北、{district.northward(c + 1)[0]}以西、{district.eastward(r + 1)[0]}以南(示例)"


def draw(mix: str, n: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Draw n statuses of a mix."""
    statuses, shares = zip(*MIXES[mix], strict=True)
    return rng.choice(np.array(statuses, "U24"), n, p=shares)


def zone_code(c: int, r: int) -> str:
    """Find the planned use of a block."""
    return next(z.code for z in ZONES if z.row == r and z.first <= c < z.last)


def merged(district: District, blocks: Mask) -> shapely.Geometry:
    """Unite the quads of blocks, street axis to street axis; blocks: shape (5, 4)."""
    return shapely.coverage_union_all(district.quads()[blocks])


def run(district: District, row: int, first: int, last: int) -> Coordinates:
    """Trace neighbouring blocks and the side streets between them along the red lines, shape (n, 2)."""
    corners = district.corners[first:last, row]
    south = bends(district.nodes[first : last + 1, row], HALF_EASTWARD[row])
    north = bends(district.nodes[first : last + 1, row + 1], -HALF_EASTWARD[row + 1])
    south = np.concatenate([corners[:, :2], np.r_[south, corners[-1:, 1]][:, None]], axis=1).reshape(-1, 2)
    north = np.concatenate([corners[:, [3, 2]], np.r_[north, corners[-1:, 2]][:, None]], axis=1).reshape(-1, 2)
    return np.vstack([south[:-1], north[-2::-1]])


def zoning(district: District) -> gpd.GeoDataFrame:
    """Draw the zones: runs of blocks and, between the red lines, the streets; a partition of the district."""
    zones, rings = [], []
    for zone in ZONES:
        last = min(zone.last, int(district.own[:, zone.row].sum()))
        if last > zone.first:
            rings.append(run(district, zone.row, zone.first, last))
            zones.append(zone)
    shapes = np.array([shapely.Polygon(ring) for ring in rings], object)
    streets = shapely.difference(merged(district, district.own), shapely.multipolygons(shapes))
    zones.append(Zone(0, 0, 0, "1207", "城镇道路 streets", (NA, NA), NA, NA, NA))
    columns = {
        "id": [f"Z-{district.name}-{k + 1:02d}" for k in range(len(zones))],
        "code_system": "planning_2023",
        "code": [z.code for z in zones],
        "name": [f"示例 demo · {z.name}" for z in zones],
        "plan": PLAN,
        "far_min": [z.far[0] for z in zones],
        "far_max": [z.far[1] for z in zones],
        "building_coefficient_min": [z.coefficient for z in zones],
        "green_ratio_max": [z.green for z in zones],
        "height_max": [z.height for z in zones],
        "valid_from": dates(["2023-11-01"] * len(zones)),
    }
    return frame("zoning", np.r_[shapes, streets], columns)


def river(district: District, half: float) -> shapely.Polygon:
    """Draw a strip along the river that flows through the northern blocks, `half` m wide to each side."""
    x = np.linspace(0, SIZE[0], 49) + district.origin[0]
    phase = np.random.default_rng([district.city.seed, district.row, 2]).uniform(0, 2 * np.pi)
    y = district.origin[1] + PITCH[1] * 3.55 + 45 * np.sin(2 * np.pi * (x - ORIGIN[0]) / 1900 + phase)
    return shapely.Polygon(np.vstack([np.c_[x, y - half], np.c_[x, y + half][::-1]]))


def patch(district: District, west: float, south: float, east: float, north: float, rough: float, stream: int) -> shapely.Polygon:
    """Draw a rough rectangle, its sides in m from the district's origin."""
    share = np.linspace(0, 1, 6)[:-1]
    box = np.array([[west, south], [east, south], [east, north], [west, north]])
    ring = np.concatenate([a + share[:, None] * (b - a) for a, b in zip(box, np.roll(box, -1, axis=0), strict=True)])
    return shapely.Polygon(district.origin + ring + district.rng(stream).uniform(-rough, rough, ring.shape))


def control_lines(district: District) -> gpd.GeoDataFrame:
    """Draw every kind of control line: farmland at the edges, the river's banks, the boundary of the city with land beyond."""
    every = np.ones((COLUMNS, ROWS), bool)
    industry = every.copy()
    industry[:3, 2] = industry[:, 3] = False
    east = shapely.box(*(district.origin + BEYOND), *(district.origin + SIZE + MARGIN))
    boundary = shapely.difference(merged(district, every), east)
    rows = [
        ("permanent_basic_farmland", "南部基本农田 southern fields", patch(district, 1500, -120, 2150, 55, 12, 3)),
        ("permanent_basic_farmland", "东北基本农田 north-eastern fields", patch(district, 2170, 1290, 2500, 1580, 12, 4)),
        ("ecological_redline", "河道生态红线 river banks", river(district, 28)),
        ("urban_development_boundary", "城镇开发边界 urban development boundary", boundary),
        ("farmland_protection_target", "耕地保护目标 farmland target", patch(district, 1440, -200, 2210, 95, 12, 5)),
        ("forest", "西北林地 north-western wood", patch(district, -90, 1330, 240, 1560, 15, 6)),
        ("industrial_control_line", "工业控制线 industrial control line", merged(district, industry)),
        ("flood_plain", "洪泛区 flood plain", river(district, 75)),
    ]
    columns = {
        "id": [f"C-{district.name}-{k + 1:02d}" for k in range(len(rows))],
        "kind": [row[0] for row in rows],
        "name": [f"示例 demo · {row[1]}" for row in rows],
        "document": DOCUMENT,
        "valid_from": dates(["2022-10-14"] * len(rows)),
    }
    return frame("control_lines", np.array([row[2] for row in rows], object), columns)


def development_areas(district: District) -> gpd.GeoDataFrame:
    """Draw the area-development plans: an approved one and the draft of the next phase."""
    approved = np.ones((COLUMNS, ROWS), bool)
    approved[3:, 2] = approved[:, 3] = False
    columns = {
        "id": [f"A-{district.name}-1", f"A-{district.name}-2"],
        "name": ["示例成片开发方案一期 demo plan, phase 1", "示例成片开发方案二期 demo plan, phase 2"],
        "status": ["approved", "draft"],
        "approval_no": [f"示例成片〔2021〕{district.name}号", ""],
        "public_interest_ratio": [0.41, 0.40],
        "valid_from": dates(["2021-11-30", ""]),
    }
    return frame("development_areas", np.array([merged(district, approved), merged(district, ~approved)], object), columns)


def land_use(district: District) -> gpd.GeoDataFrame:
    """Draw the current use: strips of the blocks and the streets between; a partition of what was surveyed."""
    rng = district.rng(7)
    shapes: list[Shapes] = []
    rings: list[shapely.Polygon] = []
    uses: list[tuple[str, bool]] = []
    for r, c in np.argwhere(district.own.T).tolist():
        mix = SURVEYED_USES[LAND_USE[r][c]]
        corners, k = district.corners[c, r], len(mix)
        cut = (np.arange(k + 1)[:, None] + np.pad(rng.uniform(-0.3, 0.3, (k - 1, 2)), ((1, 1), (0, 0)))) / k
        south = (1 - cut[:, :1]) * corners[0] + cut[:, :1] * corners[1]
        north = (1 - cut[:, 1:]) * corners[3] + cut[:, 1:] * corners[2]
        shapes.append(np.asarray(shapely.polygons(np.stack([south[:-1], south[1:], north[1:], north[:-1]], axis=1))))
        rings.append(shapely.Polygon(np.vstack([south, north[::-1]])))
        uses += mix
    between = shapely.difference(merged(district, district.own), shapely.multipolygons(rings))
    low, high = district.origin - MARGIN, district.origin + SIZE + MARGIN
    seen = shapely.box(low[0], low[1], district.origin[0] + SIZE[0] - UNSURVEYED, high[1])
    drawn: Shapes = shapely.intersection(np.r_[np.concatenate(shapes), between], seen)
    uses.append(("1004", False))
    there = ~shapely.is_empty(drawn)
    code = np.array([use for use, _ in uses])[there]
    converted = np.array([approved for _, approved in uses])[there]
    columns = {
        "id": [f"L-{district.name}-{k + 1:03d}" for k in range(len(code))],
        "code_system": "survey_gtdc",
        "code": code,
        "name": [USE_NAMES[use] for use in code],
        "conversion_no": np.where(converted, f"示例农转〔2021〕{district.name}号", ""),
    }
    return frame("land_use", drawn[there], columns)


def elevation(city: City, x: Coordinates, y: Coordinates) -> NDArray[np.float32]:
    """Shape the ground at points: smooth hills of some metres over a plain of 27 m; [m], x's shape."""
    phase = np.random.default_rng([city.seed, 8]).uniform(0, 2 * np.pi, 6)
    east, north = x - ORIGIN[0], y - ORIGIN[1]
    hills = 1.6 * np.sin(east / 690 + phase[0]) * np.cos(north / 540 + phase[1]) + 1.1 * np.sin((east + north) / 390 + phase[2])
    return np.asarray(27.0 + hills + 0.3 * np.sin(east / 83 + phase[3]) * np.sin(north / 71 + phase[4]), np.float32)


def terrain(district: District) -> gpd.GeoDataFrame:
    """Sample the ground over the district, and 300 m beyond it at the park's edge, as one raster.

    Where rasters of districts meet or overlap they agree.
    """
    city = district.city
    cell = FINE if city.districts <= FINE_DISTRICTS else COARSE
    at, last = np.array([district.column, district.row]), np.array(city.shape) - 1
    alone = np.array([not city.blocks(district.column + 1, district.row), not city.blocks(district.column, district.row + 1)])
    low = district.origin - MARGIN * (at == 0)
    high = district.origin + SIZE + MARGIN * ((at == last) | alone)
    width, height = np.rint((high - low) / cell).astype(int)
    x = low[0] + cell * (np.arange(width) + 0.5)
    y = high[1] - cell * (np.arange(height) + 0.5)
    grid = Grid(elevation(city, x[None, :], y[:, None]), Affine(cell, 0, float(low[0]), 0, -cell, float(high[1])), CRS)
    rows = frame("terrain", np.array([shapely.box(*low, *high)], object), {"id": [f"DEM-{district.name}"]})
    cells = np.empty(1, object)
    cells[0] = grid
    return rows.assign(grid=cells)
