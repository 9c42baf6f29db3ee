"""What a verdict was made from, held against what is there now."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.evidence import differing, digest

LAYER = {
    "sha256": "a",
    "features": 1,
    "editions": [{"id": "z-1", "source": "s", "date": "2026-01-01", "kinds": [], "coverage": "c"}],
}


def told(**layers):
    return {"engine": 1, "standards": {"lines": {}}, "layers": layers}


def renewed(**more):
    return told(zoning={**LAYER, "editions": [{**LAYER["editions"][0], **more}]})


def test_what_is_the_same_differs_in_nothing():
    assert differing(told(zoning=LAYER), told(zoning=LAYER)) == []


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (told(zoning=LAYER), renewed(coverage="d")),
        (told(zoning=LAYER), renewed(coverage=None)),
        (renewed(coverage=None), told(zoning=LAYER)),
        (told(zoning=LAYER), renewed(kinds=["r"])),
        (told(zoning=LAYER), told(zoning={**LAYER, "editions": []})),
        (told(), told(zoning=LAYER)),
        (told(zoning=LAYER), told()),
    ],
)
def test_another_coverage_or_a_layer_that_only_one_side_has_is_told(then, now):
    found = differing(then, now)
    assert found
    assert all("zoning" in text.en and "zoning" in text.zh for text in found)


def test_a_pack_from_before_coverage_was_told_is_held_against_the_rest():
    old = {key: value for key, value in LAYER["editions"][0].items() if key != "coverage"}
    assert differing(told(zoning={**LAYER, "editions": [old]}), told(zoning=LAYER)) == []
    assert differing(told(zoning={**LAYER, "editions": [{**old, "source": "t"}]}), told(zoning=LAYER))


def test_what_is_missing_is_not_a_text_of_no_letters():
    def one(*owners):
        shapes = [shapely.Point(k, k) for k in range(len(owners))]
        frame = pd.DataFrame({"id": list("ab")[: len(owners)], "owner": pd.array(owners, "string"), "area": 1.0})
        return digest(gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4548"))

    assert len({one(None, None), one("", None), one(None, ""), one("", "")}) == 4
    assert one("", None) == one("", None)
