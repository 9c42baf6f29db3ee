"""Land for a project, through the command and the service; it agrees with what the findings say of each plot."""

from contextlib import closing
from datetime import date

import httpx
import pytest
import shapely

from layers.assessment import question
from layers.plan.siting import Brief, Near
from layers.plot_index import Index
from layers.search import search, why
from layers.standards import Standards
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from layers.units import m2
from tests.api.faces import DAY, shudi

MU = 2000 / 3


def found(base, *more):
    answer = shudi("find", "--base", base, "--json", *more)
    assert answer.status == 0, answer.err
    return answer.body


def test_single_plots_are_those_that_the_findings_call_free_and_serviced(park):
    body = found(park, "--area", "8..60mu", "--service", "5", "--kind", "single", "--limit", 200)
    store = GpkgStore.open(park, read_only=True)
    findings = store.findings()[0]
    store.close()
    needs = [c for c in ("road", "power", "water", "sewage", "storm", "telecom")]
    serving = findings[[f"{n}_state" for n in needs]].isin(("connected", "available", "relocating")).all(axis=1)
    fits = findings[(findings["verdict"] == "free") & serving & findings["area"].between(m2(8), m2(60))]
    assert {m["plots"][0] for m in body["matches"]} == set(fits.index)
    assert [m["score"] for m in body["matches"]] == sorted((m["score"] for m in body["matches"]), reverse=True)
    for match in body["matches"]:
        assert sum(t["part"] for t in match["terms"]) == pytest.approx(match["score"], abs=1e-5)


def test_assemblies_touch_and_add_up_and_parts_leave_a_rest_that_can_be_used(park):
    body = found(park, "--area", "24..40mu", "--kind", "assembly", "--service", "road", "--limit", 10)
    assert body["matches"]
    for match in body["matches"]:
        shape = shapely.geometry.shape(match["geometry"])
        assert len(match["plots"]) > 1
        assert shape.buffer(0.1).geom_type == "Polygon"
        assert 24 * MU <= match["area_m2"] <= 40 * MU
        assert shape.area == pytest.approx(match["area_m2"], abs=5)
        assert sum(t["part"] for t in match["terms"]) == pytest.approx(match["score"], abs=1e-5)
    parts = found(park, "--area", "3..6mu", "--kind", "part", "--service", "road", "--limit", 5)["matches"]
    assert parts
    for match in parts:
        assert 3 * MU <= match["area_m2"] <= 6 * MU
        assert match["rest_m2"] > 0
        assert match["rest_width_m"] >= 20
        assert match["rest_front_m"] >= 6
    told = shudi("find", "--base", park, "--area", "3..6mu", "--kind", "part", "--service", "road", "--limit", 1, lang="zh").out
    assert f"宽 {parts[0]['rest_width_m']:.1f} 米,临公共道路 {parts[0]['rest_front_m']:.1f} 米" in told


def test_what_was_not_looked_at_is_bounded_in_what_a_program_and_a_person_read(park):
    brief = ("--area", "3..6mu", "--kind", "part", "--kind", "assembly", "--frontage", 200, "--wish", "frontage")
    body = found(park, *brief)
    assert set(body["gaps"]) == {"part", "assembly"}
    assert {m["kind"] for m in body["matches"]} <= {"part", "assembly"}
    best = max(m["score"] for m in body["matches"] if m["kind"] == "part")
    assert 0 < body["gaps"]["part"] <= 1 - best + 1e-6
    for lang, words in (("en", "not every part of a plot was looked at"), ("zh", "未穷尽宗地的全部切分")):
        said = shudi("find", "--base", park, *brief, lang=lang).out
        assert words in said
        assert f"{body['gaps']['part']:.3f}" in said
    assert found(park, *brief[:2], "--kind", "single")["gaps"] == {}
    assert found(park, *brief[:4])["gaps"] == {"part": 0.0}


def test_a_wish_keeps_plots_and_says_what_would_cure_it(park):
    brief = ("--area", "3..60mu", "--service", "road", "--kind", "single", "--limit", 200)
    must, wish = found(park, *brief), found(park, *brief, "--wish", "road=0.5")
    assert len(wish["matches"]) > len(must["matches"])
    lacking = [t for m in wish["matches"] for t in m["terms"] if t["criterion"] == "road" and t["fit"] != "yes"]
    assert lacking
    assert all(t["cure"]["zh"] and t["cure"]["en"] for t in lacking)
    assert must["left_out"]["road"]["no"] + must["left_out"]["road"]["unknown"] > 0


def test_a_line_has_the_size_that_is_asked_and_one_that_nobody_recorded_is_no_fit(own_park):
    brief = ("--area", "1..100mu", "--kind", "single", "--limit", 200)
    plain = found(own_park, *brief, "--service", "power", "--service", "water")
    same = found(own_park, *brief, "--size", "power=10", "--size", "water=50")
    assert [m["plots"] for m in same["matches"]] == [m["plots"] for m in plain["matches"]] != []
    high = found(own_park, *brief, "--size", "power=35")
    assert (high["matches"], high["left_out"]["size"]["no"] > 0) == ([], True)
    one = found(
        own_park, *brief, "--service", "power", "--size", "power=35", "--wish", "size", "--why", plain["matches"][0]["plots"][0]
    )
    term = next(t for t in one["matches"][0]["terms"] if t["criterion"] == "size")
    assert (term["fit"], term["wanted"]["en"], term["value"]["en"]) == ("no", "power ≥ 35 kV", "29% of what is asked")
    heated = found(own_park, *brief, "--size", "heat=100")["matches"][0]["plots"]
    with closing(GpkgStore.open(own_park)) as store:
        line = store.findings(heated)[0]["heat_line"].iloc[0]
    assert shudi("edit", "utilities", line, "dn=", "--base", own_park, "--reason", "unknown").status == 0
    unsure = found(own_park, *brief, "--size", "heat=100")
    assert heated not in [m["plots"] for m in unsure["matches"]]
    assert unsure["left_out"]["size"]["unknown"] > 0
    assert shudi("find", "--base", own_park, *brief, "--size", "road=10").status == 2


def test_a_part_meets_every_must_itself(park):
    brief = ("--area", "3..6mu", "--kind", "part", "--service", "road", "--limit", 20)
    plain = found(park, *brief)["matches"]
    near = found(park, *brief, "--near", "roads:arterial<=900", "--frontage", 30, "--earthwork", 3)
    parts = [m for m in near["matches"] if m["kind"] == "part"]
    assert 0 < len(parts) <= len(plain)
    with closing(GpkgStore.open(park, read_only=True)) as store:
        roads = store.read("roads")
    arterial = shapely.union_all(roads.geometry[(roads["class"] == "arterial").to_numpy()].to_numpy())
    for match in parts:
        terms = {t["criterion"]: t for t in match["terms"]}
        assert {"area", "distance", "frontage", "earthwork"} <= terms.keys()
        assert all(t["fit"] == "yes" for t in match["terms"])
        assert shapely.geometry.shape(match["geometry"]).distance(arterial) <= 900
        assert sum(t["part"] for t in match["terms"]) == pytest.approx(match["score"], abs=1e-5)
    assert not [m for m in found(park, *brief, "--load", "power=9000000")["matches"] if m["kind"] == "part"]


def test_a_must_counts_as_much_as_its_weight_says(park):
    brief = ("--area", "3..60mu", "--service", "road", "--kind", "single", "--limit", 200)
    plain, heavy = found(park, *brief), found(park, *brief, "--weight", "area=9")
    assert {m["plots"][0] for m in plain["matches"]} == {m["plots"][0] for m in heavy["matches"]}
    for match in heavy["matches"]:
        terms = {t["criterion"]: t for t in match["terms"]}
        assert terms["area"]["part"] == pytest.approx(0.9 * terms["area"]["score"], abs=2e-6)
        assert terms["road"]["part"] == pytest.approx(0.1 * terms["road"]["score"], abs=2e-6)
    assert shudi("find", "--base", park, *brief, "--weight", "luck=2").status == 2
    assert shudi("find", "--base", park, *brief, "--weight", "area=0").status == 2


def test_a_load_asks_for_capacity_and_unknown_capacity_is_no_fit(park):
    brief = ("--area", "1..100mu", "--kind", "single", "--limit", 200)
    small, large = found(park, *brief, "--load", "power=10"), found(park, *brief, "--load", "power=9000000")
    assert large["matches"] == []
    assert len(small["matches"]) <= len(found(park, *brief, "--service", "power")["matches"])


def test_distance_width_slope_and_earthwork_hold_for_each_match(park):
    body = found(
        park, "--area", "5..60mu", "--kind", "single", "--width", 40, "--slope", 8, "--earthwork", 2, "--near", "roads:arterial<=900", "--limit", 5
    )  # fmt: skip
    store = GpkgStore.open(park, read_only=True)
    roads = store.read("roads")
    store.close()
    arterial = shapely.union_all(roads.geometry[(roads["class"] == "arterial").to_numpy()].to_numpy())
    assert body["matches"]
    for match in body["matches"]:
        assert {t["criterion"] for t in match["terms"]} >= {"width", "slope", "earthwork", "distance"}
        assert all(t["fit"] == "yes" for t in match["terms"])
        assert shapely.geometry.shape(match["geometry"]).distance(arterial) <= 900


def test_a_wish_for_capacity_that_nobody_knows_is_worth_nothing(park):
    body = found(park, "--area", "1..100mu", "--kind", "single", "--limit", 200, "--load", "gas=10", "--wish", "load")
    unknown = [t for m in body["matches"] for t in m["terms"] if t["criterion"] == "load" and t["fit"] == "unknown"]
    assert unknown
    assert {t["score"] for t in unknown} == {0.0}


def test_a_distance_to_features_of_one_code_is_read(park):
    all_, far = (
        found(park, "--area", "3..60mu", "--limit", 200),
        found(park, "--area", "3..60mu", "--limit", 200, "--near", "zoning:0701>=300"),
    )
    assert {m["plots"][0] for m in far["matches"]} < {m["plots"][0] for m in all_["matches"]}


def test_the_service_answers_as_the_command_does_and_moves_outlines(server, park):
    brief = {
        "area_m2": [8 * MU, 60 * MU],
        "services": ["power", "water"],
        "kinds": ["single"],
        "limit": 5,
        "answer_crs": "EPSG:4326",
    }
    body = httpx.post(f"{server.url}/sitings", json=brief, timeout=60).json()
    same = found(park, "--area", "8..60mu", "--service", "power", "--service", "water", "--kind", "single", "--limit", 5)
    assert [(m["plots"], m["score"]) for m in body["matches"]] == [(m["plots"], m["score"]) for m in same["matches"]]
    assert 110 < body["matches"][0]["geometry"]["coordinates"][0][0][0] < 125


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--area", "much"), "is no area"), (("--area", "9..2mu"), "least and a most"), (("--area", "5mu", "--service", "sun"), "sun is no service"),
        (("--area", "5mu", "--near", "roads~5"), "is no distance"), (("--area", "5mu", "--near", "moon<=5"), "moon is no layer"),
        (("--area", "5mu", "--load", "power=x"), "NAME=NUMBER"), (("--area", "5mu", "--wish", "luck"), "luck is no criterion"),
        (("--area", "5mu", "--near", "roads<=1.2.3"), "is no distance"), (("--area", "5mu", "--near", "roads<=0"), "--near: write more than 0"),
        (("--area", "5mu", "--frontage=-5"), "--frontage: write more than 0"), (("--area", "5mu", "--slope", "0"), "--slope: write more than 0"),
        (("--area", "5mu", "--slope", "2000"), "--slope: write at most 1000"),
        (("--area", "5mu", "--use", "123456789"), "--use: write at most 8 characters"),
    ],
)  # fmt: skip
def test_a_brief_that_makes_no_sense_is_refused(park, more, said):
    answer = shudi("find", "--base", park, *more)
    assert answer.status == 2
    assert said in answer.err


def test_an_option_out_of_its_bounds_is_told_in_the_readers_language(park):
    said = shudi("find", "--base", park, "--area", "5mu", "--frontage=-5", "--use", "123456789", lang="zh").err
    assert "--use:应不超过 8 个字符;--frontage:应大于 0" in said, said


def test_nothing_is_found_in_land_that_is_not_assessed(own_park, empty_base):
    assert "run shudi assess" in shudi("find", "--base", empty_base, "--area", "5mu").err


def test_the_budget_holds_against_the_price_that_a_listing_states_and_no_price_is_unknown(own_park):
    priced = "D001-B03-P02"
    brief = ("--area", "8..60mu", "--service", "5", "--kind", "single", "--limit", 200)
    assert shudi("listing", "draft", priced, "start_price=1540万元", "use_code=100102", "--base", own_park).status == 0
    assert [m["plots"] for m in found(own_park, *brief, "--budget", "1600万元")["matches"]] == [[priced]]
    dear = found(own_park, *brief, "--budget", "15000000")
    assert (dear["matches"], dear["left_out"]["budget"]["no"]) == ([], 1)
    assert dear["left_out"]["budget"]["unknown"] > 3
    wished = found(own_park, *brief, "--budget", "1600万元", "--wish", "budget")["matches"]
    assert len(wished) == 1 + dear["left_out"]["budget"]["unknown"]
    assert wished[0]["plots"] == [priced]
    price = {m["plots"][0]: t["value"] for m in wished for t in m["terms"] if t["criterion"] == "budget"}
    assert price.pop(priced) == {"en": "15,400,000 CNY, as drafted, not published", "zh": "15,400,000 CNY,为草拟价,尚未公布"}
    assert not [value for value in price.values() if "drafted" in value["en"]]
    assert shudi("find", "--area", "8..60mu", "--budget", "much", "--base", own_park).status == 2
    with closing(GpkgStore.open(own_park)) as store:
        offer = store.read("listings").assign(state="published")
        store.edit("listings", Change("test"), put=offer)
    (match,) = found(own_park, *brief, "--budget", "1600万元")["matches"]
    assert next(t["value"]["en"] for t in match["terms"] if t["criterion"] == "budget") == "15,400,000 CNY"


def test_a_plot_fits_the_brief_that_gives_way_as_it_is_told(park):
    standards = Standards.load()
    ask = question(standards, date.fromisoformat(DAY), None, None)
    near = (Near("roads", "arterial", 0.0, 40.0), Near("roads", "arterial", 25.0))
    brief = Brief((m2(12.5), m2(13)), "1001", ("water", "gas", "heat"), frontage=95.0, slope=0.002, near=near)
    with closing(GpkgStore.open(park, read_only=True)) as store:
        findings, index = store.findings()[0], Index()
        turned = moved = 0
        for plot in findings.index[findings["verdict"] == "free"][:40]:
            told = why(store, brief, ask, standards, plot, index)
            if told.brief is None:
                assert any(c.effort is None for c in told.changes)
                continue
            assert told.fits == (not told.changes)
            assert [c.effort for c in told.changes] == sorted(c.effort for c in told.changes)
            fits = search(store, told.brief, ask, standards, 400, ("single",), index=index)
            assert plot in {m.plots[0] for m in fits.matches}, (plot, told)
            turned += len(told.changes) > 0
            apart = [c.instead for c in told.changes if c.criterion == "distance"]
            moved += len(apart)
            assert all(t is not None and " m · Roads: arterial road; " in t.en and " m · 道路:主干路;" in t.zh for t in apart), (
                apart[:1]
            )
    assert turned > 5
    assert moved > 5


def test_a_person_reads_what_would_cure_a_plot(park, server):
    brief = {"area_m2": [8000, 9000], "frontage_m": 500, "why": "D001-B03-P02", "kinds": ["single"]}
    body = server.client.post("/sitings", json=brief).json()["why"]
    (change,) = body["changes"]
    assert (body["fits"], body["asking_less"], change["criterion"]) == (False, True, "frontage")
    assert 0 < change["effort"] < 1
    zh = shudi("find", "--area", "8000..9000m2", "--frontage", 500, "--why", "D001-B03-P02", "--base", park, lang="zh").out
    assert "D001-B03-P02 不符合" in zh
    assert "改为要求" in zh
    assert shudi("find", "--area", "8000..9000m2", "--why", "nobody", "--base", park).status == 2
    blocked = shudi("find", "--area", "1..90mu", "--why", "D001-B01-P01", "--base", park, "--json").body["why"]
    assert all(c["cure"] or c["instead"] for c in blocked["changes"])
