"""Deliveries through the command: dry runs, rejects, repairs, replacements, and what nobody surveyed."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.faces import content, shudi

HOSTILE = Path(__file__).resolve().parents[3] / "shared/data/hostile"
AREA = (500_000, 4_070_000, 501_000, 4_071_000)
COVERAGE = ",".join(map(str, AREA))
BOWTIE = shapely.Polygon([(500_500, 4_070_500), (500_600, 4_070_600), (500_600, 4_070_500), (500_500, 4_070_600)])


def plots(count=4):
    return {f"P-{k}": shapely.box(500_100 + 100 * k, 4_070_100, 500_200 + 100 * k, 4_070_200) for k in range(count)}


@pytest.fixture
def deliver(tmp_path, empty_base):
    """Writes a delivery as GeoJSON and imports it."""

    def delivered(shapes, *more, layer="parcels", name="plots.geojson", properties=None):
        features = [
            {"type": "Feature", "properties": {"id": id, **(properties or {})}, "geometry": shapely.geometry.mapping(shape)}
            for id, shape in shapes.items()
        ]
        path = tmp_path / name
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
        path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
        rejects = tmp_path / "rejects.geojson"
        return shudi("import", path, "--base", empty_base, "--layer", layer, "--rejects", rejects, *more)

    return delivered


def stored(base):
    return {row["layer"]: row["features"] for row in shudi("layers", "--base", base, "--json").body if row["features"]}


def test_a_delivery_is_stored_and_told(deliver, empty_base):
    found = deliver(
        plots(), "--coverage", COVERAGE, "--json", "--source", "surveyors", "--date", "2026-03-01", "--reason", "文号 7"
    )
    assert found.status == 0, found.err
    assert (found.body["read"], found.body["stored"], found.body["rejected"]) == (4, 4, 0)
    assert stored(empty_base) == {"parcels": 4}
    edition = next(r for r in shudi("layers", "--base", empty_base, "--json").body if r["layer"] == "parcels")["editions"][0]
    assert (edition["source"], edition["date"], edition["coverage"]) == ("surveyors", "2026-03-01", True)
    assert "文号 7" in shudi("history", "parcels", "P-0", "--base", empty_base).out


def test_a_dry_run_stores_nothing_and_shows_the_mapping(deliver, empty_base):
    before = content(empty_base)
    found = deliver(plots(), "--dry-run")
    assert (found.status, "← id" in found.out, "4 read = 4 accepted" in found.out) == (0, True, True)
    assert deliver(plots(), "--dry-run", "--json").body["stored"] == 0
    assert content(empty_base) == before


def test_a_rejected_feature_stops_the_delivery_and_is_listed_with_its_place(deliver, empty_base, tmp_path):
    before = content(empty_base)
    found = deliver({**plots(), "P-bad": BOWTIE})
    assert found.status == 2
    assert "--repair" in found.err
    assert content(empty_base) == before
    listed = json.loads((tmp_path / "rejects.geojson").read_text())["features"]
    assert [(f["properties"]["id"], f["properties"]["reason"]) for f in listed] == [("P-bad", "invalid_geometry")]
    x, y = shapely.get_coordinates(shapely.from_geojson(json.dumps(listed[0]["geometry"])))[0]
    assert 116 < x < 118
    assert 36 < y < 38


def test_a_repair_is_told_with_the_change_of_area(deliver, empty_base):
    found = deliver({**plots(), "P-bad": BOWTIE}, "--repair", "--coverage", COVERAGE, "--json")
    assert (found.status, found.body["stored"], found.body["repaired"]) == (0, 5, 1)
    assert found.body["repairs"][0]["id"] == "P-bad"
    assert found.body["repairs"][0]["area_after"] == pytest.approx(5000)


def test_where_a_rejected_constraint_lies_nothing_is_free(deliver, empty_base):
    assert deliver(plots(6), "--coverage", COVERAGE).status == 0
    over = shapely.transform(BOWTIE, lambda xy: xy + np.array([-300, -400]))
    assert over.intersects(plots()["P-1"])
    found = deliver(
        {"F-bad": over, "F-1": shapely.box(500_900, 4_070_900, 500_950, 4_070_950)}, "--skip-rejects", "--coverage", COVERAGE,
        "--kinds", "permanent_basic_farmland", layer="control_lines", properties={"kind": "permanent_basic_farmland"},
    )  # fmt: skip
    assert found.status == 0, found.err

    def farmland(plot):
        return next(c for c in shudi("explain", plot, "--base", empty_base, "--json").body["checks"] if c["id"] == "C01")

    assert farmland("P-1")["severity"] == "unknown"
    assert farmland("P-5")["severity"] == "pass"


def test_a_delivery_without_coverage_knows_nothing_beside_its_features(deliver, empty_base):
    assert deliver(plots(), "--coverage", COVERAGE).status == 0
    found = deliver(
        {"F-1": shapely.box(500_900, 4_070_900, 500_950, 4_070_950)}, layer="control_lines", properties={"kind": "forest"}
    )
    assert (found.status, "unknown" in found.out) == (0, True)
    checks = shudi("explain", "P-0", "--base", empty_base, "--json").body["checks"]
    assert next(c for c in checks if "forest" in c["title"]["en"])["severity"] == "unknown"


def test_kinds_that_were_surveyed_but_not_found_are_known_to_be_absent(deliver, empty_base):
    assert deliver(plots(), "--coverage", COVERAGE).status == 0
    found = deliver(
        {"F-1": shapely.box(500_900, 4_070_900, 500_950, 4_070_950)}, "--coverage", COVERAGE, "--kinds", "forest,flood_plain",
        layer="control_lines", properties={"kind": "forest"},
    )  # fmt: skip
    assert found.status == 0, found.err
    checks = {c["title"]["en"]: c["severity"] for c in shudi("explain", "P-0", "--base", empty_base, "--json").body["checks"]}
    assert (checks["forest land"], checks["flood plain"], checks["ecological redline"]) == ("pass", "pass", "unknown")


def test_a_second_delivery_of_the_same_numbers_is_refused_unless_it_replaces(deliver, empty_base):
    assert deliver(plots(), "--coverage", COVERAGE).status == 0
    before = content(empty_base)
    again = deliver(plots(5), "--coverage", COVERAGE)
    assert (again.status, "P-0" in again.err) == (2, True)
    assert content(empty_base) == before
    assert deliver(plots(2), "--coverage", COVERAGE, "--replace").status == 0
    assert stored(empty_base) == {"parcels": 2}
    store = GpkgStore.open(empty_base, read_only=True)
    assert len(store.editions("parcels")) == 1
    store.close()


@pytest.mark.parametrize(
    "more",
    [
        ("--map", "nothing=id"), ("--map", "block=nothing"), ("--map", "nonsense"), ("--map-file", "missing.toml"), ("--crs", "EPSG:0"),
        ("--coverage", "1,2,3"), ("--coverage", "4,3,2,1"), ("--coverage", "nan,nan,nan,nan"), ("--coverage", "missing.geojson"),
        ("--kinds", "nonsense"), ("--sublayer", "nothing"), ("--date", "soon"), ("--rejects", "no/where/r.geojson"),
        ("--map", "status:=nonsense"),
    ],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("bad", [False, True], ids=["", "with a reject"])
def test_a_wrong_option_is_refused_in_a_sentence(deliver, empty_base, more, bad):
    before = content(empty_base)
    listed = bad or more[0] == "--rejects"  # a place for rejects is looked at only where there are some
    found = deliver(
        {**plots(), **({"P-bad": BOWTIE} if listed else {})}, *more, layer="utilities" if more[0] == "--kinds" else "parcels"
    )
    assert found.status == 2, found
    assert content(empty_base) == before


@pytest.mark.parametrize("layer", ["nothing", "", "parcels; DROP TABLE parcels"])
def test_an_unknown_layer_is_refused(deliver, empty_base, layer):
    before = content(empty_base)
    assert deliver(plots(), layer=layer).status == 2
    assert content(empty_base) == before


@pytest.mark.skipif(not HOSTILE.exists(), reason="no shared data")
def test_no_hostile_file_ends_in_a_traceback_or_changes_the_base(empty_base, tmp_path):
    before, taken = content(empty_base), 0
    for path in sorted(p for p in HOSTILE.rglob("*") if p.is_file()):
        found = shudi(
            "import", path, "--base", empty_base, "--layer", "parcels", "--dry-run", "--rejects", tmp_path / "r.geojson"
        )
        assert found.status in (0, 2), (path, found)
        assert found.status == 0 or len(found.err.strip().splitlines()) == 1, (path, found)
        taken += found.status == 0
    assert taken > 5
    assert content(empty_base) == before


def test_divisions_that_belong_to_nothing_are_refused_whole(deliver, empty_base):
    lost = deliver({"D": shapely.box(*AREA)}, layer="divisions", properties={"name": "村", "kind": "village", "parent": "nobody"})
    assert (lost.status, "divisions D belongs to nobody" in lost.err) == (2, True)
    assert "divisions" not in stored(empty_base)
    assert deliver({"D": shapely.box(*AREA)}, layer="divisions", properties={"name": "村", "kind": "village"}).status == 0
    own = deliver({"D": shapely.box(*AREA)}, layer="divisions", properties={"name": "村", "kind": "village", "parent": "D"})
    assert "would belong to itself" in own.err


def test_no_delivery_publishes_a_listing_past_its_states(deliver, empty_base, tmp_path):
    """Whoever may bring in data would else publish, change or withdraw what only an approver may."""
    table = tmp_path / "listings.csv"
    table.write_text("id,plot,state,notice_no\nL-1,P-0,published,evil\n", "utf-8")
    for more in ((), ("--dry-run",), ("--replace",)):
        refused = shudi("import", table, "--base", empty_base, "--layer", "listings", *more)
        assert (refused.status, "shudi listing" in refused.err) == (2, True), more
    assert "listings" not in stored(empty_base)


def test_parcels_that_overlap_are_refused_with_their_place_or_accepted_with_a_reason(deliver, empty_base):
    """A delivery is held like an edit: among its own and against the parcels that stay, which a replacement of all retires."""
    twice = {"A": shapely.box(500_100, 4_070_100, 500_200, 4_070_200), "B": shapely.box(500_190, 4_070_100, 500_290, 4_070_200)}
    told = deliver(twice, "--dry-run")
    assert (told.status, "overlap of A and B of 1000.00 m² at (500195.00" in told.out) == (0, True), told.out
    refused = deliver(twice)
    assert (refused.status, "overlap of A and B of 1000.00 m²" in refused.err) == (2, True), refused.err
    assert "parcels" not in stored(empty_base)
    assert deliver({"A": twice["A"]}).status == 0
    refused = deliver({"B": twice["B"]})
    assert (refused.status, "overlap of B and A" in refused.err) == (2, True), refused.err
    assert stored(empty_base) == {"parcels": 1}
    assert deliver({"A": shapely.box(500_300, 4_070_100, 500_400, 4_070_200)}).status == 2, "the number is stored"
    assert deliver({"B": twice["B"]}, "--replace").status == 0
    assert deliver({"C": twice["A"]}, "--accept", "界址争议 7 号").status == 0
    assert "界址争议 7 号" in shudi("history", "parcels", "C", "--base", empty_base).out
    assert deliver({"D": shapely.box(500_000, 4_070_100, 500_100, 4_070_200)}).status == 0, "neighbours share an outline"
