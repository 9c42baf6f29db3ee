"""Programs that speak the standards, against a running service: QGIS, OWSLib, MapLibre and schemathesis."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from owslib.ogcapi.features import Features

from layers.store.gpkg import GpkgStore
from maps.readiness import DRAWN
from tests.api.faces import DAY, DIRECT, QGIS_PYTHON, ROOT, qgis_asked, serving, shudi
from tests.api.test_events import PLOT, Listener

VENDOR = ROOT / "maps" / "web" / "vendor"


def has_qgis():
    return (
        Path(QGIS_PYTHON).exists()
        and subprocess.run([QGIS_PYTHON, "-c", "import qgis.core"], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="module")
def qgis(tmp_path_factory):
    """Asks QGIS about a project."""
    if not has_qgis():
        pytest.skip("no QGIS on this machine")
    home = tmp_path_factory.mktemp("qgis")

    def ask(question, project, *args):
        asked = qgis_asked(question, project, home, *args)
        told, said = asked.communicate(timeout=180)
        assert asked.returncode == 0, said
        return json.loads(told.splitlines()[-1])

    return ask


def drawn(park):
    """Count the plots by what the map shows of them, from the base itself."""
    from collections import Counter

    from layers.overview import drawn_state

    store = GpkgStore.open(park, read_only=True)
    findings, plots = store.findings()[0], store.read("parcels")
    told = [str(state).partition(" ") for state in drawn_state(findings)]
    states = [state if day <= DAY else "dated" for state, _, day in told]
    store.close()
    return dict(Counter(states)), plots


def checked(seen, park):
    """Hold what QGIS sees against the base."""
    states, plots = drawn(park)
    assert seen["crs"] == "EPSG:4548"
    assert all(valid for valid, _ in seen["layers"].values()), seen["layers"]
    assert seen["layers"]["shudi_parcels_polygon"] == seen["layers"]["shudi_readiness_polygon"] == [True, len(plots)]
    assert seen["ids"] == sorted(plots["id"])
    assert seen["states"] == states
    assert seen["filtered"] == (plots["status"] == "ready").sum()
    assert 1 <= seen["near"] < 30
    assert seen["alias"] == "状态 Status"
    assert {v: c.upper() for v, c in seen["colours"].items() if v} == {v: c.colour.upper() for v, c in DRAWN.items()}
    assert len(seen["seen"]) >= 4  # the picture shows several states, not one colour


def test_qgis_colours_the_plots_of_a_file_and_saves_an_edit(own_park, qgis, tmp_path):
    project = tmp_path / "own.qgs"
    assert shudi("qgis", "--base", own_park, "--out", project).status == 0
    checked(qgis("look", project), own_park)
    before = drawn(own_park)[1]["id"].iloc[5]
    assert qgis("edit", project, before, "address", "改过 edited in QGIS")["saved"]
    store = GpkgStore.open(own_park, read_only=True)
    last = store.history("parcels", before)[-1]
    store.close()
    assert (last.actor, last.after["address"]) == ("outside", "改过 edited in QGIS")


def test_qgis_edits_the_file_that_is_served_and_open_maps_hear_of_it(own_park, qgis, tmp_path):
    project = tmp_path / "own.qgs"
    assert shudi("qgis", "--base", own_park, "--out", project).status == 0
    with serving(own_park, tmp_path) as running:
        listener = Listener(running.url)
        assert qgis("edit", project, PLOT, "status", "listed")["saved"]
        assert listener.hears("parcels")
        assert listener.hears("readiness")
        seen = [running.client.get(f"/collections/{name}/items/{PLOT}").json()["properties"] for name in ("parcels", "readiness")]
        assert (seen[0]["status"], seen[1]["verdict"]) == ("listed", "blocked")


def test_qgis_reads_counts_filters_and_colours_what_is_served(server, park, qgis, tmp_path):
    project = tmp_path / "served.qgs"
    assert shudi("qgis", "--base", park, "--out", project, "--url", server.url).status == 0
    checked(qgis("look", project), park)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--out", "park.gpkg"], ".qgs"),
        (["--url", "land.example.org"], "is no address"),
        (["--out", "no/where.qgs"], "cannot be written"),
    ],
)
def test_a_project_that_cannot_be_is_refused(park, args, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = shudi("qgis", "--base", park, *args)
    assert (found.status, told in found.err) == (2, True)


def test_owslib_finds_its_way(server, park, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    _, plots = drawn(park)
    client = Features(server.url)
    assert "parcels" in client.feature_collections()
    assert "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter" in client.conformance()["conformsTo"]
    assert client.collection_queryables("parcels")["properties"]["status"]["type"] == "string"
    west, south, east, north = client.collection("parcels")["extent"]["spatial"]["bbox"][0]
    got = client.collection_items("parcels", bbox=[west, south, east, north], limit=7)
    assert (got["numberReturned"], got["numberMatched"]) == (7, len(plots))
    assert client.collection_item("parcels", got["features"][0]["id"])["id"] == got["features"][0]["id"]
    ready = client.collection_items("parcels", filter="status = 'ready'", limit=10_000)
    assert ready["numberMatched"] == (plots["status"] == "ready").sum()
    assert client.api()["openapi"].startswith("3.0")


PAGE = """<!doctype html><html><head><script type="importmap">{"imports": {}}</script></head>
<body><div id="map" style="width:600px;height:400px"></div><script type="module">
import * as maplibregl from "/vendor/maplibre-gl.mjs";
const told = await (await fetch("/collections/parcels/tiles/WebMercatorQuad")).json();
const tiles = told.links.find(link => link.templated).href
  .replace("{tileMatrix}", "{z}").replace("{tileRow}", "{y}").replace("{tileCol}", "{x}");
const map = new maplibregl.Map({container: "map", center: CENTER, zoom: 15, style: {version: 8, sources: {
  tiles: {type: "vector", tiles: [tiles], minzoom: 13, maxzoom: 16},
  items: {type: "geojson", data: "/collections/readiness/items?limit=10000"},
}, layers: [
  {id: "tiles", type: "fill", source: "tiles", "source-layer": "parcels", paint: {"fill-color": "#ff0000"}},
  {id: "items", type: "fill", source: "items", paint: {"fill-color": "#0000ff", "fill-opacity": 0.5}},
]}});
map.once("idle", () => {
  const ids = layer => [...new Set(map.queryRenderedFeatures({layers: [layer]}).map(f => f.properties.id))].sort();
  window.seen = {tiles: ids("tiles"), items: ids("items")};
});
</script></body></html>"""


@pytest.mark.browser
def test_maplibre_draws_tiles_and_items_by_the_standards_addresses(server, park, watch):
    _, plots = drawn(park)
    middle = plots.to_crs(4326).union_all().centroid
    html = PAGE.replace("CENTER", json.dumps([middle.x, middle.y]))
    context = watch.page.context
    context.route("**/try", lambda route: route.fulfill(body=html, content_type="text/html"))
    context.route(
        "**/vendor/*",
        lambda route: route.fulfill(path=VENDOR / "maplibre-gl" / urlsplit(route.request.url).path.rpartition("/")[2]),
    )
    watch.page.goto(f"{server.url}/try")
    watch.page.wait_for_function("window.seen", timeout=180_000)
    seen = watch.page.evaluate("window.seen")
    assert len(seen["tiles"]) > 50
    assert len(set(seen["tiles"]) ^ set(seen["items"])) < 10  # at the rim of the window they differ by their rounding
    assert set(seen["tiles"]) <= set(plots["id"])
    assert [line for line in watch.said if line.startswith("error")] == []


def test_schemathesis_finds_no_5xx(own_park, tmp_path):
    with serving(own_park, tmp_path) as own:
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{own.url}/api", "--checks", "not_a_server_error", "--max-examples", "2",
             "--phases", "coverage,fuzzing", "--generation-deterministic", "--no-color", "--request-timeout", "120",
             "--exclude-path-regex", "^/(login|logout|events)"],
            capture_output=True, text=True, env={**DIRECT, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, timeout=900, check=False,
        )  # fmt: skip
        taken = time.monotonic() - begun
    assert done.returncode == 0, done.stdout[-4000:]
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases is not None, done.stdout[-4000:]
    assert int(cases[1]) == int(cases[2]) > 300, taken
