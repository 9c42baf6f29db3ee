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
from layers.plan.networks import WHY, faults, serving
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
    assert report.loc["sewage", "gap"] == pytest.approx(467, abs=1)
    assert report.loc["sewage", "island"] == pytest.approx(30177, abs=1), "the rest is drawn apart from it"


def nodes(file, sublayer, where, kind, crs):
    """Nodes of a network's model as its sources."""
    found = gpd.read_file(DATA / file, layer=sublayer, where=where).to_crs(crs)
    rows = [{"id": f"{kind}-source-{k}", "kind": kind, "role": "source", "status": "in_service"} for k in range(len(found))]
    return gpd.GeoDataFrame(rows, geometry=found.geometry, crs=crs)


def told(land):
    """What is reported of a network of one kind."""
    row = faults(land, ASK).summary.iloc[0]
    lost = row[list(WHY)].sum()
    assert lost == pytest.approx(row["in_service"] * (1 - row["connected"]), abs=1e-6), (
        "every metre that is not connected has its reason"
    )
    return row


def fed(name, file, sublayer, where, kind, crs):
    features = lines(name, file, crs)
    source = nodes(file, sublayer, where, kind, crs)
    return survey(
        pd.concat([features, source.reindex(columns=features.columns)], ignore_index=True).astype(
            features.dtypes.drop("geometry")
        )
    )


def test_the_water_of_sant_boi_is_joined_to_its_tanks_but_for_what_is_planned_or_retired():
    land = fed(
        "santboi_ws_arc",
        "santboi_es/santboi_giswater.gpkg",
        "ws_node",
        "epa_type IN ('RESERVOIR', 'INLET')",
        "water",
        "EPSG:25831",
    )
    state, status = serving(land, ASK)["reach_state"], land.features["status"]
    assert set(state[status == "retired"]) == {"retired"}
    assert "serving" not in set(state[status == "planned"])
    assert told(land)["connected"] == 1


def test_the_sewers_of_sant_boi_run_down_to_their_outfalls_or_are_pumped():
    land = fed("santboi_ud_arc", "santboi_es/santboi_giswater.gpkg", "ud_node", "epa_type = 'OUTFALL'", "sewage", "EPSG:25831")
    row = told(land)
    assert row["connected"] == pytest.approx(1.0)
    assert row["step_up"] == 4, "water stands in some pipes, and runs on over the next one's invert"
    silent = told(Survey(land.features.assign(pressure=pd.array([None] * len(land.features), "str")), land.editions))
    assert silent["connected"] == pytest.approx(0.290, abs=0.001)
    assert silent["unrecorded"] == pytest.approx(5637, abs=1), "without a word of pumps and siphons nobody knows how water rises"


def test_the_power_of_schutterwald_comes_from_its_substations():
    row = told(
        fed(
            "schutterwald_power",
            "schutterwald_de/schutterwald_networks.gpkg",
            "power_mv_buses",
            "type = 'b'",
            "power",
            "EPSG:25832",
        )
    )
    assert (row["connected"], row["lines"], row["crossing"]) == (1, 181, 2)


def test_the_gas_of_schutterwald_has_no_source_that_anybody_recorded_so_nobody_says_what_is_connected():
    land = survey(lines("schutterwald_gas", "schutterwald_de/schutterwald_networks.gpkg", "EPSG:25832"))
    row = faults(land, ASK).summary.loc["gas"]
    assert pd.isna(row["connected"])
    assert row[["without_extent", "duplicate", "near_miss"]].tolist() == [0, 0, 78]


def test_the_heat_of_schutterwald_has_its_duplicates_and_answers_by_record_without_a_source():
    land = survey(lines("schutterwald_heat", "schutterwald_de/schutterwald_networks.gpkg", "EPSG:25832"))
    found = serving(land, ASK)
    assert set(found["reach_state"]) == {"serving"}
    assert found["source"].isna().all()
    assert faults(land, ASK).summary.loc["heat", ["duplicate", "without_extent"]].tolist() == [206, 2]
