"""The streets and the seven utility networks of the demo park, staged from west to east."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers.demo.frame import dates, frame
from layers.demo.park import CLASSES, EASTWARD, NORTHWARD, ROWS, Coordinates, District


class Stage(NamedTuple):
    """What is known of the service of a line: its status and its first day, "" where there is none."""

    status: str
    since: str


def done(since: str) -> Stage:
    """Stage a line that serves since a day."""
    return Stage("in_service", since)


def building(since: str) -> Stage:
    """Stage a line that is under construction until a day."""
    return Stage("under_construction", since)


def planned(since: str = "") -> Stage:
    """Stage a planned line; without a day nobody can say when."""
    return Stage("planned", since)


STREETS_NORTHWARD = (
    done("2015-06-01"), done("2018-09-01"), done("2020-05-01"), done("2022-06-30"), building("2026-12-31"), planned("2028-12-31"),
)  # fmt: skip
STREETS_EASTWARD = (done("2015-09-30"), done("2018-10-31"), done("2022-05-31"), building("2027-06-30"), planned("2028-06-30"))
STREET_UNDATED = (4, 3)
SURFACE = {"in_service": "沥青 asphalt"}

SPLIT = 3
"""A line along a street runs from the west to lattice column 3, the next one from there: the park's two phases."""


class Network(NamedTuple):
    """How the lines of one kind are laid and operated.

    offset: from the streets' axes, m east and north, the same at every intersection so that lines still meet there.
    reach: lattice columns that it reaches. lag: years after the first network. later: stage of the second phase by street,
    from the south. dn of main and branch [mm]. source: lattice row, name, capacity, committed, unit. rated: capacity and committed
    load of mains, then of branches; none where the operator told of its source only.
    """

    letter: str
    offset: tuple[float, float]
    reach: int
    lag: int
    later: tuple[Stage, ...]
    dn: tuple[float, float]
    voltage: float
    pressure: str
    material: str
    source: tuple[int, str, float, float, str]
    gravity: bool = False
    rated: tuple[tuple[float, float], ...] = ()


SOON = (building("2026-12-31"), building("2027-06-30"), planned("2028-06-30"), planned("2028-12-31"), planned("2029-06-30"))
LATE = (building("2027-06-30"), planned("2028-03-31"), planned("2028-12-31"), planned(), planned("2029-12-31"))
NA = float("nan")
NETWORKS = {
    "water": Network("W", (8, 7), 5, 0, SOON, (400, 200), NA, "0.30 MPa", "球墨铸铁 ductile iron",
                     (1, "水厂 waterworks", 30000, 18500, "m3/d"), rated=((28000, 17000), (5000, 1500))),
    "sewage": Network("S", (-4, -3), 5, 0, SOON, (800, 400), NA, "", "钢筋混凝土 reinforced concrete",
                      (0, "污水处理厂 sewage treatment works", 24000, 15200, "m3/d"), True, ((22000, 13000), (4000, 1200))),
    "storm": Network("R", (4, 3), 5, 0, SOON, (1200, 600), NA, "", "钢筋混凝土 reinforced concrete",
                     (0, "雨水泵站 storm-water pumping station", 90000, 52000, "m3/d"), True),
    "power": Network("P", (-8, -7), 5, 1, SOON, (NA, NA), 10, "", "YJV22 电缆 cable",
                     (1, "110 kV变电站 substation", 100000, 41000, "kW"), rated=((95000, 40000), (24000, 4000))),
    "gas": Network("G", (-12, -9), 5, 1, LATE, (300, 160), NA, "medium", "PE100",
                   (1, "燃气调压站 gas regulator station", 12000, 6400, "m3/h")),
    "heat": Network("H", (12, 9), 5, 2, LATE, (500, 250), NA, "1.6 MPa", "预制保温钢管 pre-insulated steel",
                    (1, "供热站 heating plant", 180, 96, "t/h")),
    "telecom": Network("T", (16, 5), 4, 2, LATE, (110, 110), NA, "", "光缆 fibre in ducts",
                       (1, "通信机房 exchange", 20000, 7600, "ports")),
}  # fmt: skip
SCARCE = {("power", 0): (24000.0, 23900.0), ("power", 3): (24000.0, 21000.0)}
"""Capacity and committed load of lines of the first phase, by network and eastward street: the one has not enough for any industrial
plot, the other not for all that ask for it."""
WIDE = tuple(kind for kind in NETWORKS if kind != "telecom")
OPERATOR = {
    "water": "示例水务 Demo Water", "sewage": "示例排水 Demo Drainage", "storm": "示例排水 Demo Drainage",
    "power": "示例供电 Demo Power", "gas": "示例燃气 Demo Gas", "heat": "示例热力 Demo Heat", "telecom": "示例通信 Demo Telecom",
}  # fmt: skip
INVERT, FALL = 18.0, 0.001
"""Invert at a treatment works [m] and fall towards it [m/m]."""


def streets(district: District) -> gpd.GeoDataFrame:
    """Draw the roads: one line along the axis from intersection to intersection, under id R-D001-V2-3 or R-D001-H1-4."""
    northward, eastward = district.owned()
    i, r = np.argwhere(northward).T.tolist()
    c, j = np.argwhere(eastward).T.tolist()
    north = np.stack([district.nodes[:, :-1], district.nodes[:, 1:]], axis=2)[northward]
    east = np.stack([district.nodes[:-1], district.nodes[1:]], axis=2)[eastward]
    kind = [NORTHWARD[k] for k in i] + [EASTWARD[k] for k in j]
    stages = [STREETS_NORTHWARD[k] for k in i]
    stages += [planned() if (a, b) == STREET_UNDATED else STREETS_EASTWARD[a] for a, b in zip(c, j, strict=True)]
    names = [" ".join(district.northward(k)) for k in i] + [" ".join(district.eastward(k)) for k in j]
    columns = {
        "id": [f"R-{district.name}-V{a}-{b + 1}" for a, b in zip(i, r, strict=True)]
        + [f"R-{district.name}-H{b}-{a + 1}" for a, b in zip(c, j, strict=True)],
        "name": names,
        "class": kind,
        "red_line_width": [CLASSES[k] for k in kind],
        "surface": [SURFACE.get(s.status, "") for s in stages],
        "status": [s.status for s in stages],
        "in_service_from": dates([s.since for s in stages]),
    }
    return frame("roads", np.asarray(shapely.linestrings(np.r_[north, east])), columns)


class Line(NamedTuple):
    """One utility line or source to be: its lattice nodes, its end on a plot if any, and its stage."""

    role: str
    nodes: tuple[tuple[int, int], ...]
    stage: Stage
    place: str
    plot: tuple[int, int] | None = None
    retired: str = ""
    rated: tuple[float, float] = (NA, NA)


def spans(segments: list[int]) -> list[tuple[int, int]]:
    """Join neighbouring street segments to lines, (first, last) lattice column, split between the two phases."""
    if not segments:
        return []
    first, last = segments[0], segments[-1] + 1
    return list(pairwise([first, *([SPLIT] if first < SPLIT < last else []), last]))


def lay(district: District, kind: str) -> Iterator[Line]:
    """List the source and lines of a network: a trunk up the western street, a line in every eastward street, service lines."""
    network = NETWORKS[kind]
    main, branch = network.rated or ((NA, NA), (NA, NA))
    _, eastward = district.owned()
    yield Line("source", ((0, network.source[0]),), done("2014-12-31"), network.source[1], rated=network.source[2:4])
    for r in range(ROWS):
        if district.own[0, r]:
            yield Line(
                "main", ((0, r), (0, r + 1)), done(f"{2015 + network.lag}-03-31"), " ".join(district.northward(0)), rated=main
            )
    for j in range(ROWS + 1):
        for first, last in spans(np.flatnonzero(eastward[: network.reach, j]).tolist()):
            stage = network.later[j] if first >= SPLIT else done(f"{2016 + network.lag + j}-09-30")
            role = "main" if EASTWARD[j] == "arterial" else "branch"
            rated = SCARCE.get((kind, j), branch) if first < SPLIT else branch
            yield Line(role, tuple((i, j) for i in range(first, last + 1)), stage, " ".join(district.eastward(j)), rated=rated)
    for r in (1, 2):
        if district.own[0, r]:
            yield Line("service", ((0, r),), done(f"{2019 + network.lag}-05-31"), f"{district.label(0, r)}-P01", plot=(0, r))
    if kind == "water" and district.own[SPLIT - 1, 0]:
        old = done("1998-10-31")._replace(status="retired")
        yield Line("branch", ((SPLIT, 0), (SPLIT, 1)), old, "旧给水管 old water pipe", retired="2021-06-30")


def path(district: District, network: Network, line: Line) -> Coordinates:
    """Trace a line over its nodes, shifted off the axes, to its plot's corner if it serves one; shape (n, 2)."""
    at = np.array([district.nodes[node] for node in line.nodes]) + network.offset
    return at if line.plot is None else np.vstack([at, district.corners[line.plot][0]])


def inverts(district: District, network: Network, lines: list[Line], paths: list[Coordinates]) -> Coordinates:
    """Level the two ends of every line, upstream end first, shape (n, 2); NaN for networks without gravity and for sources."""
    level = np.full((len(lines), 2), NA)
    if network.gravity:
        works = district.nodes[0, 0] + network.offset
        for k, (line, points) in enumerate(zip(lines, paths, strict=True)):
            if line.role != "source":
                level[k] = INVERT + FALL * np.abs(points[[-1, 0]] - works).sum(axis=1)
            if line.plot is not None:
                # a connection falls to its sewer on whichever side of it the works lies
                level[k, 0] = level[k, 1] + FALL * np.hypot(*(points[-1] - points[0]))
    return level.round(3)


def network_frames(district: District, kinds: tuple[str, ...]) -> gpd.GeoDataFrame:
    """Draw the networks of several kinds."""
    return pd.concat([network_frame(district, kind) for kind in kinds], ignore_index=True)


def network_frame(district: District, kind: str) -> gpd.GeoDataFrame:
    """Draw one network; lines of sewage and storm water run downstream, all others away from the source."""
    network, lines = NETWORKS[kind], list(lay(district, kind))
    paths = [path(district, network, line) for line in lines]
    shapes = [shapely.points(p[0]) if len(p) == 1 else shapely.linestrings(p[::-1] if network.gravity else p) for p in paths]
    level = inverts(district, network, lines, paths)
    source = np.array([line.role == "source" for line in lines])
    main = np.array([line.role == "main" for line in lines])
    prefix = f"{network.letter}-{district.name}"
    rated = np.array([line.rated for line in lines])
    columns = {
        "id": [f"{prefix}-SRC" if line.role == "source" else f"{prefix}-{k:03d}" for k, line in enumerate(lines)],
        "kind": kind,
        "role": [line.role for line in lines],
        "name": [f"示例 demo · {line.place}" for line in lines],
        "dn": np.select([source, main], [NA, network.dn[0]], network.dn[1]),
        "voltage": np.where(source, NA, network.voltage),
        "pressure": np.where(source, "", network.pressure),
        "material": np.where(source, "", network.material),
        "capacity": rated[:, 0],
        "committed": rated[:, 1],
        "capacity_unit": np.where(np.isnan(rated[:, 0]), "", network.source[4]),
        "serves": [line.place if line.role == "service" else "" for line in lines],
        "invert_start": level[:, 0],
        "invert_end": level[:, 1],
        "owner": OPERATOR[kind],
        "status": [line.stage.status for line in lines],
        "in_service_from": dates([line.stage.since for line in lines]),
        "retired_on": dates([line.retired for line in lines]),
    }
    return frame("utilities", np.array(shapes, object), columns)
