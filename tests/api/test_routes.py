"""The way of each connection, as a program and as a person read it."""

import json

import pytest
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, shudi

SITE = "S-77"


@pytest.fixture(scope="module")
def said(park):
    return shudi("check", SITE, "--base", park, "--on", DAY, "--json").body


def test_every_line_that_serves_has_a_way_whose_parts_add_up(said):
    near = {s["kind"]: s for s in said["services"] if s["line"] is not None}
    assert {"road", "water"} <= set(near)
    for service in near.values():
        way = service["route"]
        assert way["length_m"] == service["distance_m"]
        assert way["road_m"] + way["own_m"] + way["open_m"] == pytest.approx(way["length_m"], abs=0.02)
        assert shapely.from_geojson(json.dumps(way["geometry"])).length == pytest.approx(way["length_m"], abs=0.01)
        assert (way["between"], way["bent"]) == (None, False)
    assert all(s["route"] is None for s in said["services"] if s["line"] is None)


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ("way: frontage ", "red line ", "m of road land")), ("zh", ("路由: 临路", "红线宽", "道路用地"))]
)
def test_a_person_reads_the_frontage_and_what_the_way_crosses(park, lang, words):
    found = shudi("check", SITE, "--base", park, "--on", DAY, lang=lang)
    assert all(word in found.out for word in words), found.out


def test_the_findings_of_a_plot_are_those_of_its_sheet(park):
    plot = "D001-B08-P01"
    sheet = shudi("explain", plot, "--base", park, "--on", DAY, "--json").body
    store = GpkgStore.open(park, read_only=True)
    found = store.findings([plot])[0].iloc[0]
    store.close()
    for service in sheet["services"]:
        assert service["state"] == found[f"{service['kind']}_state"]
        if service["distance_m"] is not None:
            assert service["distance_m"] == pytest.approx(found[f"{service['kind']}_distance"], abs=0.006)
    assert f"frontage {found['road_frontage']:.1f} m" in sheet["services"][0]["route"]["says"]["en"]
