"""Three real towns from delivery to map: counts in are counts out plus rejects, every square metre is accounted for."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, shudi

TESTS = Path(__file__).resolve().parents[1]
DATA = TESTS.parent / "../shared/data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no shared data")
CITY, SERVED = "cambridge_ma/BOUNDARY_CityBoundary.geojson", "newport_vt/orig_NewportCityServiceArea.geojson"
GISWATER = "santboi_es/santboi_giswater.gpkg"
TOWN = "417500,4576000,421500,4579500"


class Delivery(NamedTuple):
    """A file with its saved mapping and coverage; how many features it has and how many of them are refused."""

    file: str
    mapping: str
    coverage: str
    read: int
    rejected: int = 0
    layer: str = ""


BORDER = "newport_vt/orig_NewportCityBorder.geojson"
TOWNS = {
    "cambridge": (
        "EPSG:26986",
        (
            Delivery("cambridge_ma/ASSESSING_ParcelsFY2014.topojson", "cambridge_parcels", CITY, 13116, 1),
            Delivery("cambridge_ma/CDD_ZoningDistricts.geojson", "cambridge_zoning", CITY, 261),
            Delivery("cambridge_ma/TRANS_Centerlines.geojson", "cambridge_roads", CITY, 2643),
            Delivery("cambridge_ma/FEMA_FloodPlains100Year.geojson", "cambridge_flood", CITY, 21),
        ),
    ),
    "newport": (
        "EPSG:32145",
        (
            Delivery("newport_vt/NewportCity_utility_lines.geojson", "newport_utilities", SERVED, 2500),
            Delivery("newport_vt/zoning_Orleans_NewportCity_rev.geoJSON", "newport_zoning", BORDER, 8),
            Delivery("newport_vt/zoning_Orleans_NewportCity_rev.geoJSON", "newport_districts", BORDER, 8),
        ),
    ),
    "santboi": (
        "EPSG:25831",
        (
            Delivery(GISWATER, "santboi_parcels", TOWN, 258),
            Delivery(GISWATER, "santboi_roads", TOWN, 26),
            Delivery(GISWATER, "santboi_ws_arc", TOWN, 269),
            Delivery(GISWATER, "santboi_ws_link", TOWN, 478),
            Delivery(GISWATER, "santboi_ud_arc", TOWN, 206),
            Delivery(GISWATER, "santboi_ud_link", TOWN, 708),
            Delivery("santboi_es/santboi_dem.tif", "", "", 1, layer="terrain"),
        ),
    ),
}  # fmt: skip


def bring(base, delivery):
    """Import one delivery; gives what the command says to a program."""
    coverage = str(DATA / delivery.coverage) if delivery.coverage.endswith(".geojson") else delivery.coverage
    more = ["--map-file", TESTS / "mappings" / f"{delivery.mapping}.toml"] if delivery.mapping else ["--layer", delivery.layer]
    more += ["--coverage", coverage] if coverage else []
    rejects = base.with_name(f"{delivery.mapping}.rejects.geojson")
    found = shudi(
        "import",
        DATA / delivery.file,
        "--base",
        base,
        "--json",
        "--repair",
        "--skip-rejects",
        "--accept",
        "as surveyed",
        "--rejects",
        rejects,
        *more,
    )
    assert found.status == 0, found.err
    return found.body


@pytest.fixture(scope="module", params=TOWNS)
def town(request, tmp_path_factory):
    """A town's base with all its deliveries, what each import said, and the seconds that they took."""
    crs, deliveries = TOWNS[request.param]
    base = tmp_path_factory.mktemp(request.param) / "land.gpkg"
    assert shudi("init", base, "--crs", crs, "--title", request.param).status == 0
    start = time.perf_counter()
    said = [bring(base, delivery) for delivery in deliveries]
    print(f"\n{request.param}: {sum(d.read for d in deliveries)} features imported in {time.perf_counter() - start:.1f} s")
    return request.param, base, deliveries, said


def test_counts_in_are_counts_out_and_rejects(town):
    _, base, deliveries, said = town
    stored = {row["layer"]: row["features"] for row in shudi("layers", "--base", base, "--json").body}
    for delivery, body in zip(deliveries, said, strict=True):
        assert (body["read"], body["rejected"]) == (delivery.read, delivery.rejected)
        assert body["read"] == body["accepted"] + body["rejected"]
        assert body["stored"] == body["accepted"]
    for layer in {body["layer"] for body in said}:
        assert stored[layer] == sum(body["stored"] for body in said if body["layer"] == layer)


def test_every_plot_is_assessed_and_every_square_metre_accounted_for(town):
    name, base, _, _ = town
    start = time.perf_counter()
    found = shudi("assess", "--base", base, "--on", DAY, "--json")
    body = found.body
    print(f"\n{name}: assessed in {time.perf_counter() - start:.1f} s: {body}")
    assert body["plots"] == sum(body["verdict"].values()) == sum(body["ready_state"].values())
    assert body["plots"] == {"cambridge": 13115, "newport": 8, "santboi": 258}[name]
    assert body["residual_m2"] <= 1e-6
    assert body["verdict"].get("free", 0) == 0  # nobody surveyed farmland or redlines there: unknown is never free
    store = GpkgStore.open(base, read_only=True)
    found, _ = store.findings()
    store.close()
    parts = found[["free_area", "warn_area", "unknown_area", "blocked_area"]].sum(axis=1)
    assert (parts - found["area"]).abs().max() <= 1e-6


def test_the_map_is_written(town, tmp_path):
    name, base, _, _ = town
    start, more = time.perf_counter(), ()
    if name == "cambridge":  # more plots than a page holds: the surroundings of a site
        refused = shudi("map", "--base", base, "--out", tmp_path / "map.html")
        assert (refused.status, "--site" in refused.err) == (2, True)
        shape = shapely.geometry.mapping(shapely.box(234_000, 900_500, 234_200, 900_700))
        feature = {"type": "Feature", "properties": {"id": "S-1", "name": "a site", "status": "prospect"}, "geometry": shape}
        site = tmp_path / "site.geojson"
        site.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        stored = shudi("import", site, "--base", base, "--layer", "sites", "--crs", "EPSG:26986")
        assert stored.status == 0, stored.err
        more = ("--site", "S-1")
    found = shudi("map", "--base", base, "--out", tmp_path / "map.html", "--on", DAY, "--json", *more)
    print(f"\n{name}: map in {time.perf_counter() - start:.1f} s: {found.out.strip()}")
    assert found.status == 0, found.err
    page = (tmp_path / "map.html").read_text("utf-8")
    assert "<html" in page
    assert found.body["plots"] > 0


@pytest.mark.parametrize("town", ["cambridge"], indirect=True, scope="module")
def test_every_invalid_parcel_of_cambridge_is_named(town):
    _, _, _, said = town
    repairs = said[0]["repairs"]
    assert len(repairs) == 37
    assert all(r["id"] and r["reason"] and r["area_after"] > 0 for r in repairs)


@pytest.mark.parametrize("town", ["newport"], indirect=True, scope="module")
def test_proposed_and_abandoned_lines_of_newport_do_not_serve_today(town, tmp_path):
    _, base, _, _ = town
    store = GpkgStore.open(base, read_only=True)
    lines = store.read("utilities")
    store.close()
    works = lines[lines["status"] == "in_service"]
    for status in ("planned", "retired"):
        some = lines[(lines["status"] == status) & (lines.geometry.length > 5)]
        site = shapely.get_parts(some.geometry.iloc[0])[0].buffer(3)
        kind = some["kind"].iloc[0]
        assert len(works[works["kind"] == kind])
        path = tmp_path / f"{status}.geojson"
        path.write_text(shapely.to_geojson(site))
        service = next(
            s
            for s in shudi("check", path, "--base", base, "--crs", "EPSG:32145", "--on", DAY, "--json").body["services"]
            if s["kind"] == kind
        )
        assert service["line"] not in set(lines["id"][lines["status"] == status]) or service["state"] != "available", service
    proposed = lines[(lines["status"] == "planned") & (lines["kind"] == "storm") & (lines.geometry.length > 5)]
    far = [g for g in proposed.geometry if not works[works["kind"] == "storm"].intersects(g.buffer(200)).any()]
    assert far
    for k, line in enumerate(far[:5]):
        path = tmp_path / f"far{k}.geojson"
        path.write_text(shapely.to_geojson(line.buffer(3)))
        found = shudi("check", path, "--base", base, "--crs", "EPSG:32145", "--on", DAY, "--json")
        assert next(s for s in found.body["services"] if s["kind"] == "storm")["state"] in ("planned", "unknown")
