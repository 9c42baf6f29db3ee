"""What is recorded beside the projects of the demo park: opinions, works, visits, inspections, points set out, documents.

F13, F18, F20, F21, F39, F49 and F52 to F54 of domain.md; none of it is real.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from layers.demo.frame import dates, frame
from layers.demo.sites import PROJECTS, ROAD_LENGTH, ROAD_START, ROAD_STREET, ROAD_WIDTH

Rows = Sequence[Mapping[str, Any]]
DEPARTMENTS = ("自然资源局 natural resources", "水务局 water", "发展改革局 development and reform")
ROAD = "P-road(示例)"
BRANCH = "P-K08"
"""The project whose gas would come when its street is finished."""
STREET = 750.0
"""Length of a section of the street works [m]."""
PLACES, SET_OUT = 6, 3
"""How many inspections there are, and how many parcels whose corners are set out."""
BESIDE = ("D001-B07-P02", "D001-B07-P04", "D001-B08-P02")
"""Parcels along the street works on which somebody was spoken to or is to be."""
CLEARING = "P-land(示例)"


def table(name: str, rows: Rows, shapes: Sequence[Any] | None = None) -> gpd.GeoDataFrame:
    """Make the frame of a table from rows; `shapes`: where they lie, if anywhere."""
    columns: dict[str, Any] = {}
    for column in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(column) for row in rows]
        day = column == "day" or column.endswith(("_on", "_until", "_from", "_to"))
        columns[column] = dates([v or "" for v in values]) if day else values
    placed = np.full(len(rows), None, object)
    placed[:] = [None] * len(rows) if shapes is None else list(shapes)
    return frame(name, placed, columns)


def records(kept: date, parcels: gpd.GeoDataFrame) -> Iterator[tuple[str, date, gpd.GeoDataFrame]]:
    """Give the tables with the day to which each is kept; inspections lie on the first parcels."""
    yield "opinions", kept, table("opinions", _opinions())
    yield "relocations", kept, table("relocations", _relocations())
    yield "sections", kept, table("sections", _sections())
    yield "service_log", kept, table("service_log", _visits())
    yield "documents", kept, table("documents", _documents())
    beside = parcels[parcels["id"].isin(BESIDE).to_numpy(bool)]
    yield (
        "stakeholders",
        kept,
        table("stakeholders", _stakeholders()[: len(beside)], _frontmost(beside).tolist()),
    )
    yield "landscaping", kept, table("landscaping", _landscaping())
    corners = shapely.extract_unique_points(parcels.geometry.to_numpy()[:SET_OUT])
    yield "set_outs", kept, table("set_outs", _set_outs(parcels["id"].tolist()[:SET_OUT]), corners.tolist())
    places = shapely.point_on_surface(parcels.geometry.to_numpy()[:PLACES])
    yield "inspections", kept, table("inspections", _inspections(len(places)), places.tolist())


def _opinions() -> Rows:
    """Make the opinions of three departments on the land of each reviewed project; one is about to expire."""
    return [
        {
            "id": f"OP-{p.mu}-{k + 1}", "project": f"P-{p.mu}(示例)", "land_case": f"C-{p.mu}", "department": name,
            "opinion": "conditional" if k == 1 and p.mu == 96 else "passed", "number": f"示例函〔2025〕{p.mu}-{k + 1}号",
            "conditions": "雨污分流 separate storm water" if k == 1 and p.mu == 96 else None, "given_on": f"2025-08-{20 + k}",
            "valid_until": "2026-05-15" if k == 1 and p.mu == 104 else "2028-08-20",
        }
        for p in PROJECTS[:7] for k, name in enumerate(DEPARTMENTS)
    ]  # fmt: skip


def _relocations() -> Rows:
    """Make the lines that the street works move out of their way (F18)."""
    told = (("示例10千伏一线 10 kV line 1", "2025-10-31", "2025-10-20"), ("示例10千伏二线 10 kV line 2", "2025-12-31", "2026-01-15"), ("自来水 water main", "2026-04-30", None))  # fmt: skip
    return [
        {"id": f"RL-{k + 1}", "project": ROAD, "name": name, "operator": "示例运营单位 demo operator", "planned_on": planned, "done_on": done}
        for k, (name, planned, done) in enumerate(told)
    ]  # fmt: skip


def _sections() -> Rows:
    """Make the sections of the street works, whose lines were agreed in one round (F52, F53), and a branch that would open one again."""
    works = [
        {
            "id": f"SC-{k + 1}", "project": ROAD, "name": f"{k + 1}标段 section {k + 1}", "road": _road(k), "length": STREET, "width": ROAD_WIDTH,
            "utilities": "water,sewage,storm,gas,telecom", "round": "示例协调会2025-3 coordination round",
            "planned_from": f"2026-{7 + 3 * k:02d}-01", "planned_to": f"2026-{9 + 3 * k:02d}-30",
        }
        for k in range(int(ROAD_LENGTH / STREET))
    ]  # fmt: skip
    branch = {
        "id": "SC-3", "project": BRANCH, "name": "燃气支线 gas branch", "road": _road(1), "utilities": "gas",
        "round": "示例协调会2026-1 coordination round", "planned_from": "2027-02-10", "planned_to": "2027-03-20",
    }  # fmt: skip
    return [*works, branch]


def _landscaping() -> Rows:
    """Make the earth that was filled, shaped and planted in the year, whose sums the founding documents tell (F20)."""
    told = (("fill", "volume", 180_000), ("fill", "volume", 120_000), ("shaping", "area", 60_000), ("planting", "area", 50_000))
    return [
        {"id": f"LS-{k + 1}", "project": CLEARING, "name": f"示例 demo {k + 1}", "kind": kind, column: float(much), "done_on": f"2025-{k + 6:02d}-28"}
        for k, (kind, column, much) in enumerate(told)
    ]  # fmt: skip


def _set_outs(parcels: Sequence[str]) -> Rows:
    """Make requests to set out the corners of parcels (F49): the first in time, the second late, the last not done yet."""
    days = (("2026-01-06", "2026-01-07"), ("2026-02-02", "2026-02-06"), ("2026-03-19", None))
    return [
        {"id": f"SO-{k + 1}", "project": f"P-K{k + 1:02d}", "parcel": parcel, "requested_on": asked, "done_on": done, "surveyor": "示例测绘院 demo survey"}
        for k, (parcel, (asked, done)) in enumerate(zip(parcels, days, strict=False))
    ]  # fmt: skip


def _road(k: int) -> str:
    """Name the piece of the first district's street that a section builds."""
    return f"R-D001-H{ROAD_STREET}-{ROAD_START + 1 + k}"


def _visits() -> Rows:
    """Make visits to the reviewed projects."""
    return [
        {"id": f"V-{p.mu}", "project": f"P-{p.mu}(示例)", "kind": "visit", "day": f"2025-09-{k + 1:02d}", "steward": "李Li", "subject": "走访了解用地需求 land that is needed"}
        for k, p in enumerate(PROJECTS[:7])
    ]  # fmt: skip


def _stakeholders() -> Rows:
    """Make two along the street works who were spoken to, and one who was not yet (F54)."""
    told = (("示例企业 demo company", "enterprise", "2026-02-03", "出入口 an entrance", None), ("示例商铺 demo shop", "shop", "2026-02-05", "施工围挡 hoardings", "2026-03-02"), ("示例商铺二 demo shop 2", "shop", None, None, None))  # fmt: skip
    return [
        {"id": f"ST-{k + 1}", "project": ROAD, "name": name, "kind": kind, "contacted_on": spoken, "need": need, "settled_on": settled}
        for k, (name, kind, spoken, need, settled) in enumerate(told)
    ]  # fmt: skip


def _frontmost(parcels: gpd.GeoDataFrame) -> Any:
    """Find a place of each parcel near its northern street."""
    middle, top = shapely.centroid(parcels.geometry.to_numpy()), shapely.bounds(parcels.geometry.to_numpy())[:, 3]
    return shapely.points(shapely.get_x(middle), 0.2 * shapely.get_y(middle) + 0.8 * top)


def _documents() -> Rows:
    """Make the review opinions as documents with the hash of their file."""
    return [
        {
            "id": f"DOC-{p.mu}", "project": f"P-{p.mu}(示例)", "item": "joint_review", "title": f"联审意见 review opinion 2025-{p.mu}",
            "number": f"联审2025-{p.mu}", "day": "2025-08-29", "sha256": hashlib.sha256(f"demo {p.mu}".encode()).hexdigest(),
        }
        for p in PROJECTS[:7]
    ]  # fmt: skip


def _inspections(count: int) -> Rows:
    """Make inspections of sites (F21)."""
    kinds, results = ("dust", "pollution", "safety"), ("good", "mend", "mended")
    return [
        {
            "id": f"N-{k + 1}", "project": f"P-K{k + 1:02d}", "kind": kinds[k % 3], "day": f"2026-03-{k + 10}", "inspector": "张Zhang",
            "result": results[k % 3], "subject": "六个百分百巡查 inspection of the site",
        }
        for k in range(count)
    ]  # fmt: skip
