"""The service of the demo park: what it documents is what it does, and its page works in a real browser."""

import math
import re
import subprocess
import sys

import mapbox_vector_tile
import pytest
import shapely

from api.main import create_app, warm
from api.settings import Settings
from layers.catalogue import LAYERS
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, shudi

PLOT = "D001-B08-P01"
FIRST = """
import sys
from pathlib import Path
from pyproj import Transformer
from starlette.testclient import TestClient
from api.main import create_service
from api.settings import Settings

with TestClient(create_service(Settings(base=Path(sys.argv[1]))), "http://127.0.0.1") as client:
    Transformer.from_crs = None
    for path in ("/about.json", *sys.argv[2:]):
        print(client.get(path).status_code)
"""
"""Asks a fresh service when no way between CRSs can be found any more."""


def place(base, id=PLOT):
    """Find a plot's middle in longitude and latitude."""
    store = GpkgStore.open(base, read_only=True)
    shape = store.read("parcels", ids=[id]).to_crs("EPSG:4326").geometry.iloc[0]
    store.close()
    point = shapely.point_on_surface(shape)
    return point.x, point.y


def tile_at(lon, lat, z):
    n = 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return f"{z}/{int((lon + 180) / 360 * n)}/{int(y * n)}"


def test_it_is_well_and_says_from_which_base(server):
    body = server.client.get("/healthz").json()
    assert (body["status"], body["crs"]) == ("ok", "EPSG:4548")
    assert set(body["layers"]) >= set(LAYERS)


def test_its_description_is_valid_and_names_every_route(server):
    answer = server.client.get("/openapi.json")
    body = answer.json()
    assert body["openapi"].startswith("3.")
    assert {"/healthz", "/plots/{id}", "/checks", "/tiles/{layer}/{z}/{x}/{y}.mvt"} <= set(body["paths"])
    names = set(body["components"]["schemas"])
    used = set(re.findall(r"#/components/schemas/([^\"]+)", answer.text))
    assert used <= names
    for path, methods in body["paths"].items():
        for operation in methods.values():
            assert operation["responses"], path
            assert operation.get("description") or operation.get("summary"), path
    assert "application/problem+json" in answer.text or "Problem" in names
    assert server.client.get("/docs").status_code == 404  # its page would load from elsewhere


def without_stored(told):
    """Leave out what only the command tells: how the stored finding stands."""
    return {name: value for name, value in told.items() if name != "stored"}


def test_a_plot_is_the_same_sheet_as_explained(server, park):
    heard = server.client.get(f"/plots/{PLOT}", params={"on": DAY}).json()
    said = shudi("explain", PLOT, "--base", park, "--on", DAY, "--json").body
    assert heard == without_stored(said)


@pytest.mark.parametrize("day", [{}, {"on": "2027-10-01"}], ids=["of the stored findings", "another"])
def test_a_verdict_in_short_says_what_the_sheet_says(server, day):
    short = server.client.get(f"/plots/{PLOT}/verdict", params=day).json()
    sheet = server.client.get(f"/plots/{PLOT}", params=day or {"on": DAY}).json()
    assert (short["stored"], short["on"]) == (not day, sheet["on"])
    same = ("id", "generated", "verdict", "ready_state", "ready_from", "deciding", "missing", "serviced_level")
    assert {name: short[name] for name in same} == {name: sheet[name] for name in same}
    assert short["inputs"]["layers"] == sheet["inputs"]["layers"]
    assert short["area_m2"] == pytest.approx(sheet["area_m2"], abs=1e-6)
    parts = ("free_m2", "warn_m2", "unknown_m2", "blocked_m2")
    assert sum(short[name] for name in parts) == pytest.approx(short["area_m2"], abs=1e-6)
    for service, told in zip(short["services"], sheet["services"], strict=True):
        assert all(service[name] == told[name] for name in ("kind", "title", "state", "from", "line"))
    assert server.client.get("/plots/nowhere/verdict").status_code == 404


def test_a_moment_is_read_alike_by_both_faces(server, park):
    for moment in ("2026-01-01", "2099-01-01", "2099-01-01T08:00:00", "2099-01-01T08:00:00+08:00"):
        heard = server.client.get(f"/plots/{PLOT}", params={"on": DAY, "as_of": moment})
        said = shudi("explain", PLOT, "--base", park, "--on", DAY, "--as-of", moment, "--json")
        assert (heard.status_code == 200) == (said.status != 2)
        if said.status != 2:
            assert heard.json() == without_stored(said.body)


def test_a_sheet_names_the_versions_that_it_was_made_from(server, park):
    site = {
        "type": "Polygon",
        "coordinates": [[[500_200, 4_077_200], [500_300, 4_077_200], [500_300, 4_077_300], [500_200, 4_077_200]]],
    }
    checked = server.client.post("/checks", json={"geometry": site, "crs": "EPSG:4548", "on": DAY}).json()
    plot = server.client.get(f"/plots/{PLOT}", params={"on": DAY}).json()
    layers = server.client.get("/healthz").json()["layers"]
    assert checked["inputs"] == plot["inputs"] == shudi("check", "S-77", "--base", park, "--on", DAY, "--json").body["inputs"]
    assert {name: layers[name] for name in plot["inputs"]["layers"]} == plot["inputs"]["layers"]
    early = shudi("explain", PLOT, "--base", park, "--on", DAY, "--as-of", "2099-01-01", "--json").body
    assert early["inputs"]["layers"] == plot["inputs"]["layers"]


@pytest.mark.parametrize("layer", ["readiness", *(n for n, y in LAYERS.items() if y.drawn)])
def test_a_tile_decodes_and_is_asked_for_once(server, park, layer):
    where = f"/tiles/{layer}/{tile_at(*place(park), 14)}.mvt"
    answer = server.client.get(where)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    again = server.client.get(where, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    found = mapbox_vector_tile.decode(answer.content) if answer.content else {}
    if layer in ("readiness", "parcels", "zoning", "roads", "utilities"):
        assert len(found[layer]["features"]) > 0


def test_a_tile_is_kept_packed_and_unpacked_for_who_takes_it_plain(server, park):
    where = f"/tiles/parcels/{tile_at(*place(park), 14)}.mvt"
    packed = server.client.get(where, headers={"Accept-Encoding": "gzip"})
    plain = server.client.get(where, headers={"Accept-Encoding": "identity"})
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert all("Accept-Encoding" in answer.headers["vary"] for answer in (packed, plain))


def test_a_tile_shows_the_verdict_that_the_sheet_gives(server, park):
    found = mapbox_vector_tile.decode(server.client.get(f"/tiles/readiness/{tile_at(*place(park), 15)}.mvt").content)
    drawn = {f["properties"]["id"]: f["properties"]["verdict"] for f in found["readiness"]["features"]}
    assert drawn[PLOT] == server.client.get(f"/plots/{PLOT}", params={"on": DAY}).json()["verdict"]


def test_a_tile_of_elsewhere_is_empty(server):
    assert server.client.get("/tiles/readiness/14/0/0.mvt").content == b""


@pytest.mark.parametrize("path", ["/", "/web/map/main.js", "/healthz", "/nowhere", "/about.json"])
def test_every_answer_has_the_headers_that_keep_a_page_at_home(server, path):
    headers = server.client.get(path, headers={"Accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    if path == "/":
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_nobody_else_is_served(park, host):
    found = shudi("serve", "--base", park, "--host", host)
    assert (found.status, "127.0.0.1" in found.err) == (2, True)


def test_a_port_that_is_taken_is_told(park, server):
    found = shudi("serve", "--base", park, "--port", server.client.base_url.port)
    assert found.status == 2
    assert "port" in found.err


@pytest.mark.browser
def test_the_page_shows_the_park_tells_a_plot_and_speaks_both_languages(server, park, watch, tmp_path):
    lon, lat = place(park)
    page = watch.page
    page.goto(f"{server.url}/?lang=zh#map=16/{lat}/{lon}")
    page.wait_for_selector("body[data-drawn]")
    assert page.locator("#banner").is_visible()
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("#card h2", has_text=PLOT).wait_for()
    page.locator("#card .figures").wait_for()
    assert "亩" in page.locator("#card").inner_text()
    page.screenshot(path=tmp_path / "zh.png")
    page.locator("#language").click()
    page.wait_for_selector("html[lang=en]")
    page.locator("#card h2", has_text=f"Plot {PLOT}").wait_for()
    page.locator("#card .figures").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "en.png")
    page.keyboard.press("Escape")
    page.goto(f"{server.url}/?lang=en")
    page.wait_for_selector("body[data-drawn]")
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / "home.png")
    assert watch.said == [], watch.said
    assert all(url.startswith((server.url, "data:", f"blob:{server.url}")) for url in watch.asked), watch.asked


def test_what_the_first_map_needs_is_found_before_anybody_asks(park):
    tiles = [f"/tiles/{layer}/{tile_at(*place(park), 14)}.mvt" for layer in ("readiness", "roads")]
    done = subprocess.run([sys.executable, "-c", FIRST, str(park), *tiles], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["200", "200", "200"], done.stderr


def test_a_service_without_its_base_begins_and_says_so_to_who_asks(tmp_path):
    app = create_app(Settings(base=tmp_path / "none.gpkg"))
    warm(app)
    assert app.state.land.opened is None
