"""Suitability through the command, and its file read back by GDAL."""

import subprocess

import pytest

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
