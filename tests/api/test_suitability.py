"""Suitability through the command, and its file read back by GDAL."""

import subprocess
from contextlib import closing

import numpy as np
import pytest
import rasterio
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.faces import shudi

MODEL = """
[[factors]]
column = "slope_max"
scores = [[0, 10], [15, 0]]
[[factors]]
column = "road_frontage"
scores = [[0, 0], [100, 10]]
[[factors]]
column = "area"
scores = [[0, 0], [20000, 10]]
[compare]
"slope_max/road_frontage" = 3
"slope_max/area" = 5
"road_frontage/area" = 3
"""


def test_each_score_opens_into_parts_and_the_file_holds_them(park, tmp_path):
    body = shudi("suitability", "--base", park, "--out", tmp_path / "suit.gpkg", "--json").body
    assert body["consistency"] is None
    for one in body["best"]:
        assert one["verdict"] != "blocked"
        if one["score"] is not None:
            assert sum(p["part"] for p in one["parts"]) == pytest.approx(one["score"])
            assert 0 <= one["score"] <= 10
    said = subprocess.run(["ogrinfo", "-al", "-so", tmp_path / "suit.gpkg"], capture_output=True, check=True, text=True).stdout
    assert f"Feature Count: {body['plots']}" in said
    assert "slope_max_part: Real" in said
    assert shudi("suitability", "--base", park, "--all", "--json").body["plots"] == 400


def test_comparisons_weigh_and_a_contradiction_is_told(park, tmp_path):
    model = tmp_path / "model.toml"
    model.write_text(MODEL, "utf-8")
    body = shudi("suitability", "--base", park, "--model", model, "--json").body
    assert body["consistency"]["weights"]["slope_max"] == pytest.approx(0.637, abs=5e-4)
    assert body["consistency"]["holds"]
    model.write_text(MODEL.replace('"road_frontage/area" = 3', '"area/road_frontage" = 9'), "utf-8")
    assert "不一致" in shudi("suitability", "--base", park, "--model", model, lang="zh").out
    for wrong in ("factors = 3", "[[factors]]\ncolumn = 'verdict'\nscores = [[0, 1]]", "x ="):
        model.write_text(wrong, "utf-8")
        assert shudi("suitability", "--base", park, "--model", model).status == 2


GRID = """
[[factors]]
column = "slope"
weight = 2
scores = [[0, 10], [25, 0]]
[[factors]]
column = "distance:roads"
scores = [[0, 10], [300, 0]]
[[factors]]
column = "area"
scores = [[0, 0], [20000, 10]]
"""


@pytest.fixture(scope="module")
def grid(park, tmp_path_factory):
    """A surface of the park: what the command said, its file, and the model."""
    folder = tmp_path_factory.mktemp("grid")
    (folder / "model.toml").write_text(GRID, "utf-8")
    more = ("--model", folder / "model.toml", "--grid", 25, "--at", "500400,4077400", "--limit", 3, "--out", folder / "suit.tif")
    return shudi("suitability", "--base", park, *more, "--json").body, folder / "suit.tif"


def test_a_surface_is_a_raster_whose_bands_are_the_parts_of_each_score(park, grid):
    body, path = grid
    with rasterio.open(path) as read:
        bands = dict(zip(read.descriptions, read.read(), strict=True))
        t, crs = read.transform, read.crs.to_epsg()
    assert (crs, t.a, t.c % 25, bands["score"].shape) == (4548, 25, 0, (body["grid"]["rows"], body["grid"]["columns"]))
    known = ~np.isnan(bands["score"])
    assert known.sum() == body["grid"]["known"] > 1000
    parts = sum(bands[f"{c}_part"] for c in ("slope", "distance:roads", "area"))
    assert np.allclose(parts[known], bands["score"][known], atol=1e-4)
    assert np.all(bands["score_min"] <= bands["score_max"] + 1e-4)
    assert np.isnan(bands["area_value"]).any()
    with closing(GpkgStore.open(park, read_only=True)) as store:
        roads = store.read("roads").geometry.to_numpy()
        plots = store.read("parcels")
    rng = np.random.default_rng(1)
    for row, column in zip(*(rng.permutation(axis)[:200] for axis in np.nonzero(known)), strict=True):
        centre = shapely.Point(t @ (column + 0.5, row + 0.5))
        far = shapely.distance(roads, centre).min()
        if not np.isnan(bands["distance:roads_value"][row, column]):
            assert bands["distance:roads_value"][row, column] == pytest.approx(min(far, 300), abs=1e-2)
        under = plots[shapely.covers(plots.geometry.to_numpy(), centre)]
        if len(under) == 1:
            assert bands["area_value"][row, column] == pytest.approx(under.geometry.area.iloc[0], rel=1e-4)
        else:
            assert len(under) > 1 or np.isnan(bands["area_value"][row, column])
    assert [s["score_min"] for s in body["best"]] == pytest.approx(np.sort(bands["score_min"].ravel())[::-1][:3], abs=1e-5)
    said = subprocess.run(
        ["gdallocationinfo", "-valonly", "-geoloc", path, "500400", "4077400"], capture_output=True, check=True, text=True
    )
    assert float(said.stdout.split()[1]) == pytest.approx(body["grid"]["at"]["score_min"], abs=1e-4)


def test_what_nobody_surveyed_is_unknown_in_a_surface_and_never_far(park, tmp_path):
    (tmp_path / "m.toml").write_text(GRID, "utf-8")
    with closing(GpkgStore.open(park, read_only=True)) as store:
        _, south, east, _ = shapely.union_all([e.coverage for e in store.editions("roads")]).bounds
    box = f"{east - 200},{south + 500},{east + 600},{south + 700}"
    out = tmp_path / "edge.tif"
    assert (
        shudi("suitability", "--base", park, "--model", tmp_path / "m.toml", "--grid", 20, "--box", box, "--out", out).status == 0
    )
    with rasterio.open(out) as read:
        values = read.read(read.descriptions.index("distance:roads_value") + 1)
        x = read.transform.c + 20 * (np.arange(read.width) + 0.5)
    assert np.isnan(values[:, x > east]).all()
    assert not np.isnan(values[:, x < east]).all()


def test_plots_and_grids_are_scored_over_http_and_the_file_is_fetched(server, park, grid):
    factors = [
        {"column": "slope", "weight": 2, "scores": [[0, 10], [25, 0]]}, {"column": "distance:roads", "scores": [[0, 10], [300, 0]]},
        {"column": "area", "scores": [[0, 0], [20000, 10]]},
    ]  # fmt: skip
    run = "/processes/suitability/execution"
    made = server.client.post(run, json={"inputs": {"factors": factors, "cell": 25, "at": [500400, 4077400], "limit": 3}}).json()
    assert made["grid"]["at"] == grid[0]["grid"]["at"]
    assert server.client.get(f"/results/{made['grid']['file']}").content == grid[1].read_bytes()
    plots = server.client.post(run, json={"inputs": {"compare": {}, "limit": 5}}).json()
    assert plots["best"] == shudi("suitability", "--base", park, "--limit", 5, "--json").body["best"]
    pairs = {"slope/distance:roads": 3, "slope/area": 5, "distance:roads/area": 3}
    weighed = server.client.post(run, json={"inputs": {"factors": factors, "compare": pairs, "cell": 100}}).json()
    assert weighed["consistency"]["weights"]["slope"] == pytest.approx(0.637, abs=5e-4)
    for wrong in (
        {"cell": 0.01},
        {"cell": -1},
        {"factors": [{**factors[0], "column": "distance:moon"}], "cell": 25},
        {"box": [0, 0, 1]},
    ):
        assert server.client.post(run, json={"inputs": wrong}).status_code in (400, 422), wrong


def test_what_a_map_draws_is_every_score_and_a_plot_opens_by_its_number(server, park):
    run = "/processes/suitability/execution"
    drawn = server.client.post(run, json={"inputs": {"drawn": True, "every": True, "limit": 1000}}).json()
    assert len(drawn["drawn"]["plots"]) == drawn["plots"] == 400
    told = {one["plot"]: one["score"] for one in drawn["best"]}
    assert all(
        told[id] is None if score is None else abs(told[id] - score) <= 0.05 for id, score in drawn["drawn"]["plots"].items()
    )
    assert {"name": "area", "title": {"en": "Area", "zh": "面积"}, "unit": "m2"} in drawn["drawn"]["columns"]
    last = drawn["best"][-1]
    assert server.client.post(run, json={"inputs": {"plot": last["plot"], "factors": drawn["factors"]}}).json()["opened"] == last
    assert server.client.post(run, json={"inputs": {"plot": "none"}}).status_code == 404
    factors = [{"column": "slope", "scores": [[0, 10], [25, 0]]}]
    bounds = server.client.get("/about.json").json()["bounds"]
    box = {"box": bounds, "box_crs": "EPSG:4326"}
    grid = server.client.post(run, json={"inputs": {"factors": factors, "cell": 50, "drawn": True, **box}}).json()
    cells = grid["drawn"]["cells"]
    assert (len(cells), len(cells[0])) == (grid["grid"]["rows"], grid["grid"]["columns"])
    assert sum(score is not None for row in cells for score in row) == grid["grid"]["known"]
    west, south, east, north = bounds
    (left, top), (right, bottom) = grid["drawn"]["corners"][0], grid["drawn"]["corners"][2]
    assert left <= west + 1e-4 < east - 1e-4 <= right
    assert bottom <= south + 1e-4 < north - 1e-4 <= top
