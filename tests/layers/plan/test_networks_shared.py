"""Networks of real places: what a source feeds, and why the rest is not connected."""

from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from layers.base import Ask, Edition, Survey
from layers.catalogue import LAYERS
from layers.formats import vector
from layers.formats.deliver import prepare
from layers.formats.mapping import load
from layers.plan.networks import faults, serving
from layers.standards import Standards

TESTS = Path(__file__).resolve().parents[2]
DATA = TESTS.parent / "../shared/data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no shared data")
TODAY = date(2026, 6, 30)
ASK = Ask(TODAY, Standards.load().on(TODAY), TODAY)


def lines(name, file, crs):
    mapping = load(TESTS / "mappings" / f"{name}.toml")
    found = vector.read(DATA / file, mapping.crs, mapping.encoding, mapping.sublayer)
    return prepare(found, LAYERS["utilities"], mapping, crs, True).features


def survey(features):
    kinds = tuple(LAYERS["utilities"].field("kind").codes)
    return Survey(features, (Edition("e", "utilities", "t", TODAY, None, kinds),))


def test_in_newport_what_is_proposed_or_abandoned_does_not_serve_and_the_works_feeds_a_third_of_the_sewers():
    features = lines("newport_utilities", "newport_vt/NewportCity_utility_lines.geojson", "EPSG:32145")
    works = gpd.read_file(DATA / "newport_vt/orig_NewportCityWWTF.geojson").to_crs("EPSG:32145")
    source = features.iloc[:1].assign(id="WWTF", kind="sewage", role="source", status="in_service")
    source = source.set_geometry(works.geometry.iloc[:1].to_numpy())
    land = survey(pd.concat([features, source], ignore_index=True))
    state = serving(land, ASK)["reach_state"]
    status = land.features["status"]
    assert set(state[status == "retired"]) == {"retired"}
    assert "serving" not in set(state[(status == "planned") | status.isna()])
    report = faults(land, ASK).summary
    assert report.loc["sewage", "connected"] == pytest.approx(0.371, abs=0.002)
    assert report.loc["sewage", "source_apart"] == 1, "the works is drawn as a point 11 m beside its sewer"
    assert report.loc["sewage", ["near_miss", "crossing"]].tolist() == [14, 9]
    assert pd.isna(report.loc["water", "connected"]), "no source of water is known"


def test_the_heat_of_schutterwald_has_its_duplicates_and_answers_by_record_without_a_source():
    land = survey(lines("schutterwald_heat", "schutterwald_de/schutterwald_networks.gpkg", "EPSG:25832"))
    found = serving(land, ASK)
    assert set(found["reach_state"]) == {"serving"}
    assert found["source"].isna().all()
    assert faults(land, ASK).summary.loc["heat", ["duplicate", "without_extent"]].tolist() == [206, 2]
