"""The situations of tests/cases that speak of one plot, each put to the engine that writes sheets."""

import json
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml
from affine import Affine

from geo.raster import Grid
from layers.around import NETWORKS, told
from layers.assessment import question
from layers.base import PANDAS, Edition, Survey
from layers.catalogue import LAYERS
from layers.plan.capacity import spare
from layers.plan.networks import serving
from layers.plan.sheet import sheet as write
from layers.standards import Standards
from tests.layers.sizes import SIZED

FOLDER = Path(__file__).parents[2] / "cases"
GROUPS = ("control_lines", "land", "parcels", "roads", "services", "levelling")
TOLD = {row: cases for name in GROUPS for row, cases in yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")).items()}
CASES = [case for cases in TOLD.values() for case in cases]
CHECKS = [f"C{n:02}" for n in range(1, 17)]
UTILITIES = tuple(LAYERS["utilities"].field("kind").codes)
ROWS = {*CHECKS, *UTILITIES, "road", "level"}
"""The rows of domain.md section 3 (checks) and section 6 (utilities); the corridors of C13 have a file of their own."""
CRS, TODAY, X, Y = "EPSG:4548", date(2026, 6, 30), 500_000.0, 4_077_000.0
WORLD = [-1000, -1000, 1000, 1000]
STANDARDS = Standards.load()
KEYS = {"case", "plot", "use", "day", "required", "also", "change", "without", "not_surveyed", "ground"}
SAYS = {"finds", "area", "objects", "services", "frontage", "missing", "ready_from", "verdict", "not_asked", "earthwork", "cut"}


def usual() -> dict[str, list[dict[str, Any]]]:
    """Draw land on which the plot P, a hectare north of a street, is free and has every service."""
    mains = [
        {
            "id": kind,
            "kind": kind,
            "role": "main",
            "status": "in_service",
            "line": [[-200, -10], [300, -10]],
            **SIZED[kind],
        }
        for kind in UTILITIES
    ]
    works = [
        {"id": f"{kind} works", "kind": kind, "role": "source", "status": "in_service", "at": [-200, -10]} for kind in UTILITIES
    ]
    outer = {
        "id": "avenue",
        "class": "arterial",
        "red_line_width": 40.0,
        "status": "in_service",
        "line": [[-200, -300], [-200, -10]],
    }
    street = {"id": "street", "class": "local", "red_line_width": 20.0, "status": "in_service", "line": [[-200, -10], [300, -10]]}
    return {
        "parcels": [{"id": "P", "status": "ready", "ownership": "state", "area": [0, 0, 100, 100]}],
        "zoning": [{"id": "zone", "code_system": "planning_2023", "code": "100102", "area": WORLD}],
        "control_lines": [
            {"id": "boundary", "kind": "urban_development_boundary", "area": WORLD},
            {"id": "industry", "kind": "industrial_control_line", "area": WORLD},
        ],
        "corridors": [],
        "development_areas": [{"id": "plan", "status": "approved", "area": WORLD}],
        "land_use": [{"id": "works land", "code_system": "survey_gtdc", "code": "0601", "area": WORLD}],
        "roads": [outer, street],
        "utilities": [*works, *mains],
        "sites": [],
    }


def shape(row: dict[str, Any]) -> shapely.Geometry:
    """Read `area` (west, south, east, north), `outline`, `line` or `at`, in metres from the plot's corner."""
    if "outline" in row:
        drawn = shapely.Polygon(row["outline"])
    elif "area" in row:
        west, south, east, north = row["area"]
        drawn = shapely.box(west, south, east, north)
    else:
        drawn = shapely.LineString(row["line"]) if "line" in row else shapely.Point(row["at"])
    return shapely.transform(drawn, lambda xy: xy + np.array([X, Y]))


def frame(layer: str, rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    known = {"area", "outline", "line", "at", *(f.name for f in LAYERS[layer].columns)}
    assert all(set(row) <= known for row in rows), f"{layer}: {[set(row) - known for row in rows]}"
    data = {}
    for field in LAYERS[layer].columns:
        values = [row.get(field.name) for row in rows]
        days = [pd.Timestamp(v) if v else pd.NaT for v in values] if field.dtype == "date" else values
        data[field.name] = pd.Series(days, dtype=PANDAS[field.dtype])
    return gpd.GeoDataFrame(data, geometry=[shape(row) for row in rows], crs=CRS)


@lru_cache
def survey(layer: str, rows: str, kinds: tuple[str, ...], day: date) -> Survey:
    """Survey the whole world, networks as traced on the day; rows: as JSON, so that what cases share is drawn once."""
    found = Survey(frame(layer, json.loads(rows)), (Edition("e", layer, "test", TODAY, shape({"area": WORLD}), kinds),))
    if layer not in NETWORKS:
        return found
    ask = question(STANDARDS, day, None, None)
    traced = serving(found, ask)
    traced = spare(found.features, traced, ask) if layer == "utilities" else traced
    return Survey(told(found.features, traced.set_axis(pd.Index(found.features["id"], name="id"))), found.editions)


def drawn(case: dict[str, Any]) -> dict[str, Survey]:
    """Draw the usual land with what the case adds, changes, takes away and leaves unsurveyed."""
    land, gone, unsurveyed = usual(), set(case.get("without", ())), case.get("not_surveyed", ())
    for layer, rows in case.get("also", {}).items():
        land[layer] = land[layer] + rows
    found = {}
    for layer, rows in land.items():
        changed = [row | case.get("change", {}).get(row["id"], {}) for row in rows if row["id"] not in gone]
        kinds = tuple(LAYERS[layer].field("kind").codes) if LAYERS[layer].kind else ()
        kinds = tuple(kind for kind in kinds if f"{layer}/{kind}" not in unsurveyed)
        if layer not in unsurveyed:
            found[layer] = survey(layer, json.dumps(changed, default=str), kinds, case.get("day", TODAY))
    if "ground" in case:
        height, slope = case["ground"]["height"], case["ground"].get("slope", 0.0)
        x = np.arange(-50, 150) + 0.5
        grid = Grid(np.tile(height + slope * x, (200, 1)).astype(np.float32), Affine(1, 0, X - 50, 0, -1, Y + 150), CRS)
        area = shapely.box(*grid.bounds)
        data = gpd.GeoDataFrame({"id": ["dem"], "edition": ["e"], "grid": [grid]}, geometry=[area], crs=CRS)
        found["terrain"] = Survey(data, (Edition("e", "terrain", "test", TODAY, area),))
    return found


@pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in CASES])
def test_situation(case: dict[str, Any]) -> None:
    assert set(case) <= KEYS | SAYS
    land, ask = drawn(case), question(STANDARDS, case.get("day", TODAY), None, case.get("use", "100102"))
    site = shape(case["plot"]) if "plot" in case else land["parcels"].features.set_index("id").geometry["P"]
    plot = gpd.GeoDataFrame({"id": ["P"]}, geometry=[site], crs=CRS)
    sheet = write(plot, land, ask, "parcels", case.get("required"))
    order = ["pass", "warn", "unknown", "block"]
    worst: dict[str, str] = {}
    for line in sheet.lines:
        worst[line.id] = max(worst.get(line.id, "pass"), line.severity, key=order.index)
    assert {id: severity for id, severity in worst.items() if severity != "pass"} == case["finds"]
    for id, area in case.get("area", {}).items():
        assert max(line.area for line in sheet.lines if line.id == id and line.severity != "pass") == pytest.approx(
            area, abs=0.01
        )
    for id, objects in case.get("objects", {}).items():
        assert [o for line in sheet.lines if line.id == id and line.severity != "pass" for o in line.objects] == objects
    services = {service.kind: service for service in sheet.services}
    for kind, facts in case.get("services", {}).items():
        service, route = services[kind], sheet.routes.get(kind)
        known = {
            "state": service.state,
            "line": service.line,
            "source": service.source,
            "from": service.since,
            "way": None if route is None or route.length is None else round(route.length, 1),
            "between": route and route.between,
            "says": route and (route.says.en, route.says.zh),
            "capacity": service.capacity and service.capacity.state,
        }
        for fact, value in facts.items():
            if fact == "says":
                assert all(part in words for part, words in zip(value, known["says"], strict=True)), known["says"]
            else:
                assert known[fact] == value, (kind, fact, known)
    if "frontage" in case:
        assert f"frontage {case['frontage']}" in sheet.routes["road"].says.en
    if "missing" in case:
        assert list(sheet.missing) == case["missing"]
    for fact in ("ready_from", "verdict"):
        if fact in case:
            assert getattr(sheet, fact) == case[fact]
    if "not_asked" in case:
        assert list(sheet.not_asked) == case["not_asked"]
    if "earthwork" in case:
        assert sheet.levelling.earthwork is case["earthwork"]
        assert sheet.levelling.cut == (None if case["cut"] is None else pytest.approx(case["cut"], rel=0.01, abs=0.01))


def test_every_row_of_the_domain_has_a_situation() -> None:
    corridors = yaml.safe_load((FOLDER / "corridors.yaml").read_text("utf-8"))
    assert all(corridors.values())
    assert {row.split(",")[0].split(" ")[0] for row in TOLD} == ROWS
    assert all(TOLD.values())


def test_every_file_of_cases_is_read() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} - {"corridors"} >= set(GROUPS)


def test_no_two_situations_are_told_in_the_same_words() -> None:
    assert len({case["case"] for case in CASES}) == len(CASES)
