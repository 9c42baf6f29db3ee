"""Three real towns from delivery to map: counts in are counts out plus rejects, every square metre is accounted for."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest

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
            Delivery("newport_vt/zoning_Orleans_NewportCity_rev.geoJSON", "newport_zoning", "newport_vt/orig_NewportCityBorder.geojson", 8),
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
        "import", DATA / delivery.file, "--base", base, "--json", "--repair", "--skip-rejects", "--rejects", rejects, *more
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
    if name == "newport":
        assert (found.status, "parcels" in found.err) == (2, True)
        return
    body = found.body
    print(f"\n{name}: assessed in {time.perf_counter() - start:.1f} s: {body}")
    assert body["plots"] == sum(body["verdict"].values()) == sum(body["ready_state"].values())
    assert body["plots"] == {"cambridge": 13115, "santboi": 258}[name]
    assert body["residual_m2"] <= 1e-6
    assert body["verdict"].get("free", 0) == 0  # nobody surveyed farmland or redlines there: unknown is never free
    store = GpkgStore.open(base, read_only=True)
    found, _ = store.findings()
    store.close()
    parts = found[["free_area", "warn_area", "unknown_area", "blocked_area"]].sum(axis=1)
    assert (parts - found["area"]).abs().max() <= 1e-6


def test_the_map_is_written(town, tmp_path):
    name, base, _, _ = town
    start = time.perf_counter()
    found = shudi("map", "--base", base, "--out", tmp_path / "map.html", "--on", DAY, "--json")
    print(f"\n{name}: map in {time.perf_counter() - start:.1f} s: {found.out.strip() or found.err.strip()}")
    if found.status == 2:
        assert name in ("newport", "cambridge")  # no plots; more plots than a page can show
        assert "plots" in found.err or "parcels" in found.err
        assert not (tmp_path / "map.html").exists()
        return
    page = (tmp_path / "map.html").read_text("utf-8")
    assert "<html" in page
    assert found.body["plots"] > 0


def test_every_invalid_parcel_of_cambridge_is_named(town):
    name, _, _, said = town
    if name != "cambridge":
        pytest.skip("only Cambridge has invalid parcels")
    repairs = said[0]["repairs"]
    assert len(repairs) == 37
    assert all(r["id"] and r["reason"] and r["area_after"] > 0 for r in repairs)


def test_proposed_and_abandoned_lines_of_newport_do_not_serve_today(town, tmp_path):
    name, base, _, _ = town
    if name != "newport":
        pytest.skip("only Newport tells proposed and abandoned lines")
    store = GpkgStore.open(base, read_only=True)
    lines = store.read("utilities")
    assert lines["status"].value_counts(dropna=False).to_dict() | {} == lines["status"].value_counts(dropna=False).to_dict()
    alive = lines[(lines["status"] == "in_service")]
    for status, states in (("planned", {"planned", "unknown", "none", "missing"}), ("retired", {"unknown", "none", "missing"})):
        some = lines[(lines["status"] == status) & (lines.geometry.length > 5)]
        alone = some[
            [
                not alive[alive["kind"] == kind].intersects(g.buffer(200)).any()
                for kind, g in zip(some["kind"], some.geometry, strict=True)
            ]
        ]
        print(status, len(some), "alone", len(alone))
        for _, line in alone.head(3).iterrows():
            site = tmp_path / "site.gpkg"
            alone.loc[[line.name]].set_geometry(alone.loc[[line.name]].buffer(3))[["geometry"]].to_file(site)
            body = shudi("check", site, "--base", base, "--on", DAY, "--json").body
            service = next(s for s in body["services"] if s["kind"] == line["kind"])
            print(line["id"], service)
            assert service["state"] in states, service
            site.unlink()
    store.close()
