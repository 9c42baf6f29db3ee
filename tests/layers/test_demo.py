from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import date
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.overlay import overlaps
from layers.base import PANDAS, Ask, Edition, Survey, ask_layer, names
from layers.catalogue import LAYERS
from layers.demo import CRS, SOURCE, TITLE, NoSuchPark, deliveries
from layers.standards import Standards
from layers.utilities import KINDS

TODAY = date(2026, 6, 30)
SIZES = (1, 37, 400, 900)


@lru_cache
def park(plots: int = 400, seed: int = 1) -> dict[str, Survey]:
    """Gather all deliveries by layer."""
    frames, editions = defaultdict(list), defaultdict(list)
    for k, (edition, chunks) in enumerate(deliveries(plots, seed)):
        frames[edition.layer] += list(chunks)
        editions[edition.layer].append(replace(edition, id=str(k)))
    return {name: Survey(pd.concat(frames[name], ignore_index=True), tuple(editions[name])) for name in frames}


def digest(plots: int, seed: int) -> str:
    hashed = hashlib.sha256()
    for survey in park.__wrapped__(plots, seed).values():
        frame = survey.features
        hashed.update(b"".join(shape or b"" for shape in frame.geometry.to_wkb()))
        hashed.update(frame.drop(columns=["geometry", "grid"], errors="ignore").to_csv().encode())
        for grid in frame.get("grid", ()):
            hashed.update(grid.values.tobytes())
        hashed.update(str(survey.editions).encode())
    return hashed.hexdigest()


def red_lines(roads: gpd.GeoDataFrame) -> np.ndarray:
    return shapely.buffer(roads.geometry.to_numpy(), roads["red_line_width"].to_numpy() / 2, cap_style="flat")


def parts(lines: gpd.GeoDataFrame) -> np.ndarray:
    """Number the components of features that share end points exactly."""
    shapes = lines.geometry.to_numpy()
    point = shapely.get_type_id(shapes) == 0
    first, last = (np.where(point, shapes, shapely.get_point(shapes, k)) for k in (0, -1))
    ends = np.concatenate([shapely.get_coordinates(first), shapely.get_coordinates(last)])
    node = np.unique(ends, axis=0, return_inverse=True)[1].ravel()
    n, k = len(lines), node.max() + 1
    graph = coo_array((np.ones(2 * n), (np.tile(np.arange(n), 2), n + node)), shape=(n + k, n + k))
    return connected_components(graph, directed=False)[1][:n]


def findings(site: str) -> dict[str, set[str]]:
    """Tell for each check of a stored site which outcomes its land gets, over more than a sliver."""
    land, standards = park(), Standards.load().on(TODAY)
    sites = land["sites"].features
    row = sites[sites["id"] == site].iloc[0]
    ask = Ask(TODAY, standards, TODAY, row["use_code"])
    found: dict[str, set[str]] = defaultdict(set)
    for name, survey in land.items():
        features = survey.features[survey.features["id"] != site] if name == "sites" else survey.features
        for rule in LAYERS[name].rules:
            claims, rest = rule.claims(features, ask), row.geometry
            for outcome in ("breach", "unknown", "pass"):
                claimed = shapely.union_all(claims.shapes[claims.outcomes == outcome])
                if shapely.area(shapely.intersection(claimed, rest)) > 1:
                    found[outcome].add(rule.id)
                rest = shapely.difference(rest, claimed)
            if shapely.area(rest) > 1:
                surveyed = shapely.covers(survey.coverage(rule.kind), rest) or name == "sites"
                found[rule.elsewhere if surveyed else "unknown"].add(rule.id)
    return found


@pytest.mark.parametrize("plots", SIZES)
def test_the_number_of_plots_is_exact(plots):
    parcels = park(plots)["parcels"].features
    assert len(parcels) == plots
    assert parcels["id"].is_unique
    assert parcels.geometry.is_valid.all()


def test_same_seed_gives_the_same_content_and_another_seed_another():
    assert digest(37, 5) == digest(37, 5)
    assert digest(37, 5) != digest(37, 6)


def test_another_process_generates_the_same_content():
    code = "from layers.demo import deliveries; print(next(deliveries(21, 3))[1].__next__().to_json())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == park(21, 3)["parcels"].features.to_json()


@pytest.mark.parametrize("plots", SIZES)
def test_every_frame_keeps_to_its_schema(plots):
    for name, survey in park(plots).items():
        layer, frame = LAYERS[name], survey.features
        grid = ["grid"] if name == "terrain" else []
        assert list(frame.columns) == [*names(layer.columns), "geometry", *grid]
        assert frame.crs == CRS
        assert frame["id"].is_unique
        for field in layer.columns:
            column = frame[field.name]
            assert str(column.dtype) == PANDAS[field.dtype], (name, field.name)
            if field.required:
                assert column.notna().all(), (name, field.name)
            if field.codes and field.name != "code":
                assert set(column.dropna()) <= set(field.codes), (name, field.name)
        if layer.geometry == "none":
            assert frame.geometry.isna().all()
            continue
        assert shapely.is_valid(frame.geometry.to_numpy()).all()
        assert not shapely.is_empty(frame.geometry.to_numpy()).any()


def test_codes_belong_to_their_code_system():
    from layers.codes import PLANNING_2023, SURVEY_GTDC

    assert set(park()["zoning"].features["code"]) <= set(PLANNING_2023)
    assert set(park()["land_use"].features["code"]) <= set(SURVEY_GTDC)


@pytest.mark.parametrize("layer", ["parcels", "zoning", "land_use"])
@pytest.mark.parametrize("plots", SIZES)
def test_polygons_tile_the_ground(plots, layer):
    shapes = park(plots)[layer].features.geometry.to_numpy()
    if layer == "parcels":
        assert shapely.coverage_is_valid(shapes)
    assert overlaps(shapes, shapes).area.sum() - shapely.area(shapes).sum() < 1e-3
    if plots == 400:
        assert shapely.coverage_is_valid(shapes)


def test_plots_have_eight_to_twenty_corners():
    corners = shapely.get_num_coordinates(park()["parcels"].features.geometry.to_numpy()) - 1
    assert corners.min() >= 8
    assert corners.max() <= 20


@pytest.mark.parametrize("plots", SIZES)
def test_no_plot_lies_on_a_red_line(plots):
    land = park(plots)
    parcels, lines = land["parcels"].features.geometry.to_numpy(), red_lines(land["roads"].features)
    assert overlaps(parcels, lines).area.sum() < 1e-3
    assert shapely.dwithin(parcels[:, None], lines, 1e-6).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("plots", SIZES)
def test_streets_are_one_network_and_drawn_once(plots):
    roads = park(plots)["roads"].features
    assert len(np.unique(parts(roads))) == 1
    assert not roads.geometry.normalize().duplicated().any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plots", SIZES)
def test_every_line_is_connected_to_a_source(plots, kind):
    features = park(plots)["utilities"].features
    features = features[features["kind"] == kind].reset_index(drop=True)
    part = parts(features)
    source = (features["role"] == "source").to_numpy()
    assert source.any()
    assert set(part) == set(part[source])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "telecom"])
def test_every_plot_has_a_line_near(kind):
    land = park(900)
    features = land["utilities"].features
    lines = features.geometry[(features["kind"] == kind) & (features["role"] != "source")].to_numpy()
    assert shapely.dwithin(land["parcels"].features.geometry.to_numpy(), shapely.union_all(lines), 50).all()


def test_sewage_and_storm_water_run_downhill_below_the_ground():
    lines = park()["utilities"].features
    lines = lines[lines["kind"].isin(["sewage", "storm"]) & (lines["role"] != "source")]
    assert (lines["invert_start"] >= lines["invert_end"]).all()
    assert lines["invert_start"].max() < park()["terrain"].features["grid"][0].values.min()


def test_service_lines_touch_built_plots():
    land = park()
    lines = land["utilities"].features
    plots = land["parcels"].features
    i, j = shapely.STRtree(plots.geometry.to_numpy()).query(lines.geometry[lines["role"] == "service"].to_numpy(), "touches")
    assert set(i) == set(range(14))
    assert set(plots["status"].iloc[j]) == {"built"}


def test_services_are_staged():
    for name in ("roads", "utilities"):
        lines = park()[name].features
        assert {"in_service", "under_construction", "planned"} <= set(lines["status"])
        assert lines["in_service_from"][lines["status"] == "planned"].isna().any()
    assert (park()["utilities"].features["status"] == "retired").sum() == 1


def test_project_sites_have_the_areas_of_the_documents():
    sites = park()["sites"].features.set_index("id")
    area = sites.geometry.area
    assert area.to_numpy() == pytest.approx(sites["required_area"].to_numpy(), abs=0.01)
    assert area["S-77"] == pytest.approx(77 * 2000 / 3, abs=0.01)
    assert area["S-189"] == pytest.approx(189 * 2000 / 3, abs=0.01)
    assert area["S-road"] == pytest.approx(1500 * 20, abs=0.01)
    seven = [k for k in sites.index if k not in ("S-189", "S-road")]
    assert len(seven) == 7
    assert area[seven].sum() == pytest.approx(616 * 2000 / 3, abs=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sites_do_not_overlap(seed):
    shapes = park(400, seed)["sites"].features.geometry.to_numpy()
    pairs = overlaps(shapes, shapes)
    assert pairs.area[pairs.i != pairs.j].sum() < 1e-6


def test_a_city_has_sites_in_its_first_district_only():
    assert park(900)["sites"].features["id"].tolist() == park(400)["sites"].features["id"].tolist()
    assert "sites" not in park(1)


def test_the_first_phase_is_free_and_serviced():
    assert set(findings("S-77")) == {"pass"}
    state = services("S-77").filter(like="_state")
    assert set(state) == {"available"}


def test_services_of_the_next_phase_come_later():
    assert set(findings("S-120")) == {"pass"}
    answers = services("S-120")
    assert set(answers.filter(like="_state")) == {"planned"}
    assert (answers.filter(like="_from").astype("datetime64[s]") > pd.Timestamp(TODAY)).all()


def test_a_relocation_frees_the_plots_under_the_power_line():
    land, plots = park(), park()["parcels"].features

    def barred(day):
        area = ask_layer(LAYERS["corridors"], plots, land["corridors"], Ask(day, Standards.load().on(day), TODAY))
        return (area["overhead_line_area"] > 0).sum(), (area["oil_gas_pipeline_area"] > 0).sum()

    before, after = barred(TODAY), barred(date(2027, 10, 1))
    assert before[0] > after[0] == 0
    assert before[1] == after[1] > 0


@pytest.mark.parametrize(
    ("site", "outcome", "check"),
    [
        ("S-61", "breach", "C01"),
        ("S-96", "breach", "C03"),
        ("S-85", "breach", "C06"),
        ("S-73", "unknown", "C09"),
        ("S-104", "unknown", "C05"),
        ("S-road", "breach", "C12"),
    ],
)
def test_the_other_sites_show_other_verdicts(site, outcome, check):
    assert check in findings(site)[outcome]


def test_the_battery_works_are_unknown_and_not_blocked():
    assert not findings("S-104")["breach"]


def services(site: str) -> pd.Series:
    land, ask = park(), Ask(TODAY, Standards.load().on(TODAY), TODAY)
    sites = land["sites"].features
    row = sites[sites["id"] == site]
    return pd.concat([ask_layer(LAYERS[name], row, land[name], ask) for name in ("roads", "utilities")], axis=1).iloc[0]


def test_land_use_and_telecom_leave_plots_unknown():
    land, ask = park(), Ask(TODAY, Standards.load().on(TODAY), TODAY)
    parcels = land["parcels"].features
    use = ask_layer(LAYERS["land_use"], parcels, land["land_use"], ask)["arable_area"]
    telecom = ask_layer(LAYERS["utilities"], parcels, land["utilities"], ask)["telecom_state"]
    for answer in (use, telecom):
        assert 0 < answer.isna().sum() < 100


@pytest.mark.parametrize("plots", SIZES)
def test_surveys_cover_what_they_found(plots):
    for name, survey in park(plots).items():
        for edition in survey.editions:
            if edition.coverage is not None:
                kept = survey.features["kind"].isin(edition.kinds) if edition.kinds else slice(None)
                assert shapely.covers(edition.coverage, survey.features.geometry[kept].to_numpy()).all(), name


def test_it_says_everywhere_that_it_is_generated():
    assert "generated" in TITLE.en
    assert "示例" in TITLE.zh
    assert {edition.source for survey in park().values() for edition in survey.editions} == {SOURCE}
    for name in ("zoning", "control_lines", "corridors", "development_areas", "utilities", "sites"):
        assert park()[name].features["name"].str.contains("示例").all()


def test_chunks_stream_one_district_at_a_time():
    edition, chunks = next(deliveries(1_000_000))
    assert isinstance(edition, Edition)
    assert edition.id == ""
    assert [len(next(chunks)) for _ in range(3)] == [400, 400, 400]


def test_deliveries_may_be_read_in_any_order():
    late = [(edition.layer, chunks) for edition, chunks in deliveries(37)]
    for name, chunks in reversed(late):
        assert list(next(chunks).columns[:1]) == ["id"], name
    assert dict(late).keys() == park(37).keys()


def test_terrain_covers_the_park_in_float32():
    terrain = park()["terrain"].features
    grid = terrain["grid"][0]
    assert grid.values.dtype == np.float32
    assert grid.transform.a == 10
    assert terrain.geometry[0].bounds == grid.bounds
    assert terrain.geometry[0].equals(park()["terrain"].editions[0].coverage)


@pytest.mark.parametrize(("plots", "seed"), [(0, 1), (-5, 1), (400, -1)])
def test_an_impossible_park_is_refused(plots, seed):
    with pytest.raises(NoSuchPark, match="--"):
        next(deliveries(plots, seed))
