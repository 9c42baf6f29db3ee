"""Verdicts on the demo park through both faces: the command and the service say the same, and the parts add up."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import geopandas as gpd
import pyogrio
import pytest
import shapely

from layers.catalogue import LAND
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, ENVIRONMENT, ROOT, content, shudi

VERDICTS = {
    "S-77": ("free", "ready"),
    "S-120": ("free", "dated"),
    "S-189": ("free", "ready"),
    "S-61": ("blocked", "ready"),
    "S-85": ("blocked", "ready"),
    "S-96": ("blocked", "unknown"),
    "S-road": ("blocked", "ready"),
    "S-104": ("unknown", "unknown"),
    "S-73": ("unknown", "ready"),
}
STATUS = {"free": 0, "blocked": 1, "unknown": 3}


def check(base, site, *more, json=True, lang="en"):
    return shudi("check", site, "--base", base, "--on", DAY, *(["--json"] if json else []), *more, lang=lang)


@pytest.fixture(scope="module")
def site(park):
    """The outline of a plot that is free, in the base's CRS."""
    store = GpkgStore.open(park, read_only=True)
    found, _ = store.findings()
    free = found.index[(found["verdict"] == "free") & (found["ready_state"] == "ready")]
    shape = store.read("parcels", ids=[free[0]]).geometry.iloc[0]
    store.close()
    return shape


@pytest.mark.parametrize("id", VERDICTS)
def test_a_site_gets_its_verdict_status_and_a_partition_that_adds_up(park, id):
    found = check(park, id)
    verdict, ready = VERDICTS[id]
    body = found.body
    assert (body["verdict"], body["ready_state"], found.status) == (verdict, ready, STATUS[verdict])
    assert abs(sum(p["area_m2"] for p in body["parts"]) - body["area_m2"]) <= 1e-6
    assert abs(body["residual_m2"]) <= 1e-6
    worst = {line["severity"] for line in body["checks"]}
    assert ("block" in worst, "unknown" in worst and "block" not in worst) == (verdict == "blocked", verdict == "unknown")
    assert body["generated"] is True


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ("GENERATED", "BLOCKED", "mu", "total")), ("zh", ("示例", "受限", "亩", "合计"))]
)
def test_a_person_reads_checks_partition_and_verdict(park, lang, words):
    found = check(park, "S-61", json=False, lang=lang)
    assert found.status == 1
    assert all(word in found.out for word in words)
    assert all(f"C{n:02}" in found.out for n in range(1, 17))


def test_a_rounding_error_is_no_sign(park):
    assert all("-0.00%" not in check(park, id, json=False).out for id in ("S-77", "S-104", "S-120"))


def test_the_same_question_gets_the_same_answer_to_the_last_digit(park):
    assert check(park, "S-61").out == check(park, "S-61").out


def test_the_command_and_the_service_say_the_same(park, server, site, write):
    said = check(park, write(shapely.geometry.mapping(site), "EPSG:4548"), "--use", "100102", "--required-mu", 77).body
    body = {"geometry": shapely.geometry.mapping(site), "crs": "EPSG:4548", "on": DAY, "use": "100102", "required_mu": 77}
    heard = server.client.post("/checks", json=body).json()
    assert said == heard
    assert list(said) == list(heard)


def test_a_stored_site_is_not_in_its_own_way_but_a_copy_of_it_is_told(park, write):
    def others(body):
        return next(line for line in body["checks"] if line["title"]["en"].startswith("Other projects"))

    store = GpkgStore.open(park, read_only=True)
    shape = store.read("sites", ids=["S-77"]).geometry.iloc[0]
    store.close()
    assert others(check(park, "S-77").body)["severity"] == "pass"
    copy = others(check(park, write(shapely.geometry.mapping(shape), "EPSG:4548")).body)
    assert (copy["severity"], copy["objects"]) == ("block", ["S-77"])


@pytest.mark.parametrize(
    ("suffix", "crs"),
    [(".geojson", "EPSG:4326"), (".geojson", "EPSG:4527"), (".gpkg", "EPSG:4548"), (".gpkg", "EPSG:32650"), (".shp.zip", "EPSG:4490"),
     (".shp.zip", "EPSG:4527"), (".fgb", "EPSG:4490")],
)  # fmt: skip
def test_a_site_in_a_file_of_any_kind_and_crs_lies_at_one_place(park, site, tmp_path, crs, suffix):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[site], crs="EPSG:4548").to_crs(crs)
    path = tmp_path / f"site{suffix}"
    if suffix == ".geojson":
        pyogrio.write_dataframe(frame, path, RFC7946="NO", COORDINATE_PRECISION=15)
    else:
        pyogrio.write_dataframe(frame, path, driver="ESRI Shapefile" if suffix == ".shp.zip" else None)
    found = check(park, path)
    assert found.status == 0, found
    assert found.body["area_m2"] == pytest.approx(site.area, rel=1e-6)
    assert found.body["verdict"] == "free"


def test_a_plot_number_is_a_site_too(park):
    assert check(park, "D001-B08-P01").status in (0, 1, 3)


def test_the_day_of_the_question_decides_what_is_in_service(park):
    ready = {day: shudi("check", "S-120", "--base", park, "--json", "--on", day).body for day in ("2026-11-22", "2035-01-01")}
    assert ready["2026-11-22"]["ready_state"] == "dated"
    assert ready["2026-11-22"]["missing"]
    assert ready["2035-01-01"]["ready_state"] == "ready"
    assert ready["2026-11-22"]["ready_from"] == ready["2035-01-01"]["ready_from"]


def test_an_edit_later_does_not_change_what_was_known(own_park):
    before = datetime.now(UTC).isoformat()
    was = check(own_park, "S-77", "--as-of", before).body
    store = GpkgStore.open(own_park)
    farmland = store.read("control_lines", ids=["C-D001-01"])
    assert farmland["kind"].iloc[0] == "permanent_basic_farmland"
    over = farmland.set_geometry(store.read("sites", ids=["S-77"]).geometry.buffer(5).to_list(), crs=store.crs)
    store.edit("control_lines", Change("tester", "文号 1"), put=over)
    store.close()
    now = check(own_park, "S-77")
    then = check(own_park, "S-77", "--as-of", before)
    assert (now.status, then.status) == (1, 0)
    assert then.body == was
    told = shudi("history", "control_lines", "C-D001-01", "--base", own_park, "--json").body
    assert [r["reason"] for r in told][-1] == "文号 1"


def test_before_anything_was_known_nothing_is_free(park):
    found = check(park, "S-77", "--as-of", "2001-01-01T00:00:00Z")
    assert found.status == 2
    assert "S-77" in found.err


@pytest.mark.parametrize(
    "more",
    [
        ("--required-mu", "0"),
        ("--required-mu", "-3"),
        ("--required-mu", "nan"),
        ("--required-mu", "inf"),
        ("--required-mu", "1e400"),
        ("--required-mu", "much"),
        ("--use", "999999"),
        ("--use", ""),
        ("--use", "'; DROP TABLE parcels; --"),
        ("--level", "4"),
        ("--on", "soon"),
        ("--on", "2026-02-30"),
        ("--on", "0001-01-01"),
        ("--as-of", "yesterday"),
        ("--crs", "EPSG:nothing"),
        ("--nonsense",),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(park, write, site, more):
    base = content(park)
    path = write(shapely.geometry.mapping(site), "EPSG:4548")
    found = shudi("check", path, "--base", park, "--json", *more)
    assert found.status == 2, found
    assert len(found.err.strip().splitlines()) <= 4
    assert content(park) == base


def test_the_area_that_a_project_needs_is_held_against_the_site(park):
    def fit(mu):
        lines = check(park, "S-77", "--required-mu", mu).body["checks"]
        return next(line for line in lines if line["id"] == "C16")

    assert fit(77)["severity"] == "pass"
    assert fit(120)["severity"] == "warn"
    assert "-35.83%" in fit(120)["detail"]["en"]


def test_a_use_that_the_plan_does_not_foresee_is_told(park):
    lines = check(park, "S-77", "--use", "070102").body["checks"]
    assert next(line for line in lines if line["id"] == "C09")["severity"] != "pass"


def test_findings_are_fresh_until_the_land_changes(own_park):
    assert "fresh" in shudi("explain", "D001-B08-P01", "--base", own_park, "--on", DAY).out
    store = GpkgStore.open(own_park)
    store.edit("roads", Change("tester"), put=store.read("roads").head(1).assign(name="改名路"))
    store.close()
    stale = shudi("explain", "D001-B08-P01", "--base", own_park, "--on", DAY)
    assert "STALE" in stale.out
    assert "roads" in stale.out
    assert "过期" in shudi("explain", "D001-B08-P01", "--base", own_park, "--on", DAY, lang="zh").out
    assert shudi("assess", "--base", own_park, "--on", DAY).status == 0
    assert "fresh" in shudi("explain", "D001-B08-P01", "--base", own_park, "--on", DAY).out


def test_a_plot_nobody_assessed_says_so(empty_base, tmp_path):
    plot = tmp_path / "p.geojson"
    shape = shapely.geometry.mapping(shapely.box(500_100, 4_070_100, 500_200, 4_070_200))
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}
    feature = {"type": "Feature", "properties": {"id": "P-1"}, "geometry": shape}
    plot.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    area = "500000,4070000,501000,4071000"
    assert shudi("import", plot, "--layer", "parcels", "--coverage", area, "--base", empty_base).status == 0
    found = shudi("explain", "P-1", "--base", empty_base)
    assert (found.status, "not assessed" in found.out) == (3, True)


def test_a_plot_that_is_not_there_is_refused(park, server):
    found = shudi("explain", "nobody", "--base", park)
    assert (found.status, "nobody" in found.err) == (2, True)
    assert server.client.get("/plots/nobody").status_code == 404


def test_assess_twice_finds_the_same_and_names_the_versions(own_park):
    counts = [shudi("assess", "--base", own_park, "--on", DAY, "--json").body for _ in range(2)]
    assert counts[0] == counts[1]
    assert counts[0]["plots"] == sum(counts[0]["verdict"].values()) == sum(counts[0]["ready_state"].values()) == 400
    assert counts[0]["residual_m2"] <= 1e-6
    store = GpkgStore.open(own_park, read_only=True)
    found, inputs = store.findings()
    versions = dict(store.versions())
    store.close()
    assert len(found) == 400
    assert inputs["layers"] == {name: version for name, version in versions.items() if name in LAND}
    assert inputs["on"] == DAY
    assert {"standards", "engine"} <= inputs.keys()


def test_assess_and_explain_agree_on_every_verdict(park):
    store = GpkgStore.open(park, read_only=True)
    found, _ = store.findings()
    store.close()
    some = found.groupby(["verdict", "ready_state"]).head(2)
    assert len(some) > 6
    for id, row in some.iterrows():
        body = shudi("explain", id, "--base", park, "--on", DAY, "--json").body
        assert (body["verdict"], body["ready_state"]) == (row["verdict"], row["ready_state"]), id
        assert body["area_m2"] == pytest.approx(row["area"], abs=1e-6)


def test_assess_of_a_base_without_plots_is_refused(empty_base):
    found = shudi("assess", "--base", empty_base)
    assert (found.status, "import" in found.err) == (2, True)


def power(body):
    return next(s for s in body["services"] if s["kind"] == "power")


def test_the_demo_shows_who_has_enough_who_is_short_and_who_competes(park, server):
    store = GpkgStore.open(park, read_only=True)
    found, _ = store.findings()
    store.close()
    one = found.index[(found["power_line"] == "P-D001-011") & (found["power_capacity"] == "enough")][0]
    body = server.client.get(f"/plots/{one}", params={"on": DAY}).json()
    told = shudi("explain", one, "--base", park, "--on", DAY, "--json").body
    assert body == {name: value for name, value in told.items() if name != "stored"}
    told = power(body)["capacity"]
    assert (told["state"], told["place"], told["bottleneck"]) == ("competing", "P-D001-011", "P-D001-011")
    assert told["demand_max"] <= told["spare"] == told["spare_sure"] == 3000
    assert told["others"] + told["demand_min"] > told["spare"]
    rival = next(who for who in told["rivals"] if who.startswith("D001-"))
    theirs = power(check(park, rival).body)["capacity"]
    assert (theirs["state"], theirs["place"]) == ("competing", "P-D001-011")
    assert theirs["others"] + theirs["demand_min"] == pytest.approx(told["others"] + told["demand_min"], abs=0.2)
    c15 = next(line for line in body["checks"] if line["id"] == "C15")
    assert c15["severity"] == "warn"
    assert power(check(park, "S-77").body)["capacity"]["state"] == "enough"


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", ("capacity is taken", "asks for", "spare 100 kW at P-D001-005")), ("zh", ("容量不足", "需求", "余量 100 kW"))],
)
def test_a_plot_that_its_line_cannot_take_is_not_serviced(park, lang, words):
    body = check(park, "D001-B04-P05").body
    assert (power(body)["state"], power(body)["capacity"]["state"], body["ready_state"]) == ("short", "short", "never")
    assert "power" in body["missing"]
    assert all(word in check(park, "D001-B04-P05", json=False, lang=lang).out for word in words)


def test_a_command_does_not_load_the_libraries_of_others(park):
    code = "import sys\nfrom api.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    asked = [sys.executable, "-c", code, "--base", park, "check", "S-77", "--on", DAY]
    done = subprocess.run(list(map(str, asked)), capture_output=True, text=True, cwd=ROOT, env=ENVIRONMENT, check=False)
    assert done.returncode in (0, 1, 3), done.stderr
    loaded = set(done.stderr.split())
    assert {"shapely", "geopandas"} <= loaded
    assert loaded & {"scipy.sparse", "fastapi", "pyogrio", "ezdxf", "openpyxl", "folium", "fpdf", "distributed"} == set()
