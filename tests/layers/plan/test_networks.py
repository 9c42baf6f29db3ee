"""Which lines serve truly: joined to a source of their kind through lines in service."""

from datetime import date
from functools import lru_cache

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.base import PANDAS, Ask, Edition, Survey
from layers.catalogue import LAYERS
from layers.demo import deliveries
from layers.plan.networks import EDGE, faults, serving
from layers.plan.readiness import readiness
from layers.service import REACH
from layers.standards import Standards
from tests.layers.sizes import SIZED

CRS, TODAY = "EPSG:4548", date(2026, 6, 30)
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 1000, Y - 1000, X + 1000, Y + 1000)
STANDARDS = Standards.load()
KINDS = tuple(LAYERS["utilities"].field("kind").codes)


def ask(on=TODAY):
    return Ask(on, STANDARDS.on(on), TODAY)


def features(layer, rows):
    data = {}
    for field in LAYERS[layer].columns:
        values = [row.get(field.name) for row in rows]
        data[field.name] = pd.Series(
            [pd.Timestamp(v) if v else pd.NaT for v in values] if field.dtype == "date" else values, dtype=PANDAS[field.dtype]
        )
    return gpd.GeoDataFrame(data, geometry=[row["geometry"] for row in rows], crs=CRS)


NO_PARCELS = Survey(features("parcels", []), (Edition("p", "parcels", "t", TODAY, WORLD),))
"""A survey of all parcels that found none: nothing is in anybody's way."""


def survey(*rows, layer="utilities", coverage=WORLD, index=None):
    frame = features(layer, rows)
    kinds = KINDS if layer == "utilities" else ()
    return Survey(frame if index is None else frame.set_axis(index), (Edition("e", layer, "t", TODAY, coverage, kinds),))


def pipe(id, *xy, kind="water", role="main", status="in_service", **facts):
    course = shapely.LineString([(X + x, Y + y) for x, y in xy])
    return {"id": id, "kind": kind, "role": role, "status": status, "geometry": course, **SIZED[kind], **facts}


def works(id, x, y, kind="water", status="in_service", **facts):
    return {"id": id, "kind": kind, "role": "source", "status": status, "geometry": shapely.Point(X + x, Y + y), **facts}


def road(id, *xy, status="in_service", **facts):
    return {"id": id, "status": status, "geometry": shapely.LineString([(X + x, Y + y) for x, y in xy]), **facts}


def states(found, rows):
    return dict(zip((row["id"] for row in rows), found["reach_state"], strict=True))


def day(value):
    return None if pd.isna(value) else pd.Timestamp(value).date()


def test_a_line_in_service_that_no_source_feeds_is_cut_off():
    rows = [works("W", 0, 0), pipe("a", (0, 0), (100, 0)), pipe("b", (100, 0), (200, 0)), pipe("far", (500, 0), (600, 0))]
    found = serving(survey(*rows, index=[7, 5, 3, 1]), ask())
    assert list(found.index) == [7, 5, 3, 1]
    assert found["reach_state"].tolist() == ["serving", "serving", "serving", "cut_off"]
    assert found["source"].tolist()[:3] == ["W", "W", "W"]
    assert pd.isna(found["source"].tolist()[3])


def test_a_line_serves_from_the_day_on_which_the_last_line_before_it_does():
    rows = [
        works("W", 0, 0),
        pipe("a", (0, 0), (100, 0), status="planned", in_service_from="2028-03-01"),
        pipe("b", (100, 0), (200, 0), status="under_construction", in_service_from="2027-01-01"),
    ]
    found = serving(survey(*rows), ask())
    assert found["reach_state"].tolist() == ["serving", "dated", "dated"]
    assert [day(d) for d in found["serves_from"]][1:] == [date(2028, 3, 1), date(2028, 3, 1)]


def test_a_line_behind_a_planned_one_without_a_date_is_undated_and_behind_an_unrecorded_one_unknown():
    rows = [
        works("W", 0, 0),
        pipe("plan", (0, 0), (100, 0), status="planned"),
        pipe("behind", (100, 0), (200, 0)),
        pipe("?", (0, 0), (0, 100), status=None),
        pipe("behind ?", (0, 100), (0, 200)),
        pipe("behind both", (200, 0), (0, 200)),
    ]
    assert states(serving(survey(*rows), ask()), rows) == {
        "W": "serving", "plan": "undated", "behind": "undated", "?": "unknown", "behind ?": "undated", "behind both": "undated",
    }  # fmt: skip
    found = serving(survey(*rows[:-1]), ask())
    assert states(found, rows[:-1])["behind ?"] == "unknown"
    assert found["serves_from"].isna().tolist() == [False, True, True, True, True]


def test_a_retired_line_ends_the_service_of_what_hangs_on_it():
    rows = [
        works("W", 0, 0),
        pipe("a", (0, 0), (100, 0), retired_on="2027-05-01"),
        pipe("b", (100, 0), (200, 0)),
        pipe("old", (0, 0), (0, 100), status="retired"),
        pipe("c", (0, 100), (0, 200)),
    ]
    found = serving(survey(*rows), ask())
    assert states(found, rows) == {"W": "serving", "a": "serving", "b": "serving", "old": "retired", "c": "cut_off"}
    assert [day(d) for d in found["serves_until"]] == [None, date(2027, 5, 1), date(2027, 5, 1), None, None]
    later = serving(survey(*rows), ask(date(2027, 5, 1)))
    assert states(later, rows) == {"W": "serving", "a": "retired", "b": "cut_off", "old": "retired", "c": "cut_off"}


def test_a_source_still_to_be_built_dates_its_network():
    rows = [works("W", 0, 0, status="planned", in_service_from="2029-01-01"), pipe("a", (0, 0), (100, 0))]
    found = serving(survey(*rows), ask())
    assert found["reach_state"].tolist() == ["dated", "dated"]
    assert day(found["serves_from"][1]) == date(2029, 1, 1)


def test_without_any_source_lines_answer_by_their_own_record_and_name_none():
    rows = [
        pipe("a", (0, 0), (100, 0)), pipe("b", (9, 9), (100, 9), status="planned"),
        pipe("c", (9, 5), (100, 5), status=None), pipe("d", (9, 4), (100, 4), status="planned", in_service_from="2028-01-01"),
    ]  # fmt: skip
    found = serving(survey(*rows), ask())
    assert found["reach_state"].tolist() == ["serving", "undated", "unknown", "dated"]
    assert found["source"].isna().all()


def test_one_kinds_source_is_no_source_of_another():
    gas = [works("G", 900, 0, kind="gas"), pipe("g", (900, 0), (900, 90), kind="gas"), pipe("h", (0, 0), (9, 9), kind="gas")]
    rows = [works("W", 0, 0), pipe("a", (0, 0), (100, 0)), *gas]
    found = states(serving(survey(*rows), ask()), rows)
    assert (found["a"], found["g"], found["h"]) == ("serving", "serving", "cut_off")


def test_lines_that_come_over_the_edge_of_the_survey_are_fed_from_there():
    rows = [pipe("in", (-1000, 0), (100, 0)), pipe("b", (100, 0), (200, 0)), pipe("c", (300, 0), (400, 0))]
    found = serving(survey(*rows), ask())
    assert found["reach_state"].tolist() == ["serving", "serving", "cut_off"]
    assert found["source"].tolist()[:2] == [EDGE, EDGE]


def test_a_works_drawn_as_an_area_feeds_the_lines_that_end_at_it():
    area = {**works("W", 0, 0), "geometry": shapely.box(X - 20, Y - 20, X, Y + 20)}
    rows = [area, pipe("a", (0, 5), (100, 0)), pipe("b", (-10, 0), (-10, 300)), pipe("c", (5, 0), (50, -50))]
    assert states(serving(survey(*rows), ask()), rows) == {"W": "serving", "a": "serving", "b": "serving", "c": "cut_off"}


def test_a_works_beside_its_pipes_feeds_the_nearest_end_and_is_reported():
    rows = [works("W", -12, 0), pipe("a", (0, 0), (100, 0)), pipe("b", (0, 25), (100, 25))]
    assert states(serving(survey(*rows), ask()), rows) == {"W": "serving", "a": "serving", "b": "cut_off"}
    assert faults(survey(*rows), ask()).summary.loc["water", "source_apart"] == 1


def test_a_works_far_from_every_pipe_traces_nothing():
    rows = [works("W", -500, 0), pipe("a", (0, 0), (100, 0))]
    found = serving(survey(*rows), ask())
    assert found["reach_state"].tolist() == ["serving", "serving"]
    assert found["source"].isna().all()


def test_sewage_runs_down_to_the_works_and_not_up():
    works_ = works("S", 0, 0, kind="sewage")
    down = pipe("down", (100, 0), (0, 0), kind="sewage", invert_start=20.0, invert_end=19.0)
    up = pipe("up", (0, 0), (0, 100), kind="sewage", invert_start=19.0, invert_end=18.0)
    nobody = pipe("nobody knows", (0, 0), (-100, 0), kind="sewage", invert_start=19.0)
    pumped = pipe("pumped", (-100, -100), (0, 0), kind="sewage", invert_start=17.0, invert_end=18.0, pressure="0.4 MPa")
    rows = [works_, down, up, nobody, pumped]
    assert states(serving(survey(*rows), ask()), rows) == {
        "S": "serving", "down": "serving", "up": "cut_off", "nobody knows": "serving", "pumped": "serving",
    }  # fmt: skip


def test_whether_water_gets_up_a_step_nobody_knows_and_the_step_is_reported():
    def sewer(id, *xy, start, end, **facts):
        return pipe(id, *xy, kind="sewage", invert_start=start, invert_end=end, **facts)

    rows = [
        works("S", 0, 0, kind="sewage"),
        {**works("manhole", 100, 0, kind="sewage"), "role": "branch"},
        sewer("trunk", (100, 0), (0, 0), start=20.0, end=19.0),
        sewer("drop", (200, 0), (100, 0), start=23.0, end=22.0),
        sewer("measured", (100, 90), (100, 0), start=21.0, end=19.96),
        sewer("stands", (170, 70), (100, 0), start=20.5, end=19.7),
        sewer("below", (100, -90), (100, 0), start=19.9, end=17.7),
        sewer("behind", (100, -180), (100, -90), start=21.5, end=20.5),
    ]

    def unknown(rows):
        return {id for id, state in states(serving(survey(*rows), ask()), rows).items() if state != "serving"}

    found = states(serving(survey(*rows), ask()), rows)
    assert unknown(rows) == {"below", "behind"}
    assert (found["below"], found["behind"]) == ("unknown", "unknown"), "a pump or a siphon may be there"
    report = faults(survey(*rows), ask())
    assert report.summary.loc["sewage", ["step_up", "unrecorded", "near_miss"]].tolist() == [2, 180.0, 0]
    told = report.found[report.found["fault"] == "step_up"]
    assert set(zip(told["id"], told["other"], strict=True)) == {("stands", "trunk"), ("below", "trunk")}
    assert set(told.geometry) == {shapely.Point(X + 100, Y)}
    assert not unknown([{**row, "pressure": "0.4 MPa"} if row["id"] == "below" else row for row in rows]), "what is pumped rises"
    assert not unknown([{**row, "invert_start": None} if row["id"] == "trunk" else row for row in rows]), "nobody measured it"
    plot = gpd.GeoDataFrame({"id": ["P"]}, geometry=[shapely.box(X + 101, Y - 150, X + 150, Y - 110)], crs=CRS)
    land = survey(*rows)
    traced = Survey(land.features.join(serving(land, ask()).drop(columns=["via", "gate", "gate_on"])), land.editions)
    assert readiness(plot, {"utilities": traced, "parcels": NO_PARCELS}, ask())["sewage_state"].tolist() == ["unknown"]


def test_crossing_without_a_node_is_no_connection_but_ending_on_a_line_is():
    rows = [
        works("W", 0, 0), pipe("a", (0, 0), (100, 0)), pipe("across", (50, -50), (50, 50)), pipe("branch", (70, 0.05), (70, 60)),
    ]  # fmt: skip
    assert states(serving(survey(*rows), ask()), rows) == {
        "W": "serving", "a": "serving", "across": "cut_off", "branch": "serving",
    }  # fmt: skip


def test_a_point_of_a_network_is_served_where_it_lies_on_a_line():
    valve = {**works("valve", 50, 0), "role": "branch"}
    lone = {**works("lone", 50, 90), "role": "branch"}
    rows = [works("W", 0, 0), pipe("a", (0, 0), (100, 0)), valve, lone]
    assert states(serving(survey(*rows), ask()), rows) == {"W": "serving", "a": "serving", "valve": "serving", "lone": "cut_off"}


def test_roads_are_reached_from_the_outer_network():
    rows = [
        road("ring", (0, 0), (500, 0), **{"class": "arterial"}),
        road("street", (250, 0), (250, 200), **{"class": "local"}),
        road("later", (250, 200), (400, 200), status="planned", in_service_from="2028-01-01", **{"class": "local"}),
        road("end", (400, 200), (500, 200), **{"class": "local"}),
        road("island", (-500, 0), (-400, 0), **{"class": "local"}),
        road("yard", (300, 20), (310, 90), **{"class": "private"}),
        road("in", (-1000, 500), (-900, 500), **{"class": "secondary"}),
    ]
    found = serving(survey(*rows, layer="roads"), ask())
    assert states(found, rows) == {
        "ring": "serving", "street": "serving", "later": "dated", "end": "dated", "island": "cut_off", "yard": "serving",
        "in": "serving",
    }  # fmt: skip
    assert found["source"].tolist()[:4] == ["ring"] * 4
    assert pd.isna(found["source"].tolist()[5])
    assert found["source"].tolist()[6] == EDGE


def test_a_plot_beside_a_line_that_is_cut_off_has_no_service():
    plot = gpd.GeoDataFrame({"id": ["P"]}, geometry=[shapely.box(X + 500, Y + 5, X + 550, Y + 55)], crs=CRS)
    fed = [works("W", 0, 0), pipe("stub", (0, 0), (0, -50))]
    rows = [*fed, pipe("near", (500, 0), (600, 0)), pipe("later", (0, 0), (500, 0), status="planned")]

    def state(*some):
        land = survey(*some)
        traced = land.features.join(serving(land, ask()))
        answer = readiness(plot, {"utilities": Survey(traced, land.editions), "parcels": NO_PARCELS}, ask(), 3).iloc[0]
        by_record = readiness(plot, {"utilities": land, "parcels": NO_PARCELS}, ask(), 3).iloc[0]
        assert by_record["water_state"] == "available"
        return answer["water_state"]

    assert state(*rows[:3]) == "none"
    assert state(*rows) == "planned"
    assert state(*rows[:3], pipe("?", (0, 0), (500, 0), status=None)) == "unknown"
    assert state(*rows[:3], pipe("now", (0, 0), (500, 0))) == "available"


def test_what_is_wrong_with_a_drawing_is_reported_with_its_place():
    rows = [
        works("W", 0, 0), pipe("a", (0, 0), (100, 0)), pipe("twin", (100, 0), (0, 0)), pipe("gap", (101, 0), (200, 0)),
        pipe("dot", (50, 50), (50, 50)), pipe("over", (20, -20), (20, 20)),
    ]  # fmt: skip
    report = faults(survey(*rows), ask())
    row = report.summary.loc["water"]
    assert row["lines"] == 5
    assert row["connected"] == pytest.approx(200 / 339)
    assert row["duplicate"] == 1
    assert row["without_extent"] == 1
    found = report.found.set_index("fault")
    assert found.loc["duplicate", "id"] == "twin"
    assert found.loc["duplicate", "other"] == "a"
    assert found.loc["without_extent", "id"] == "dot"
    assert "gap" in {*report.found["id"][report.found["fault"] == "near_miss"], *report.found["other"].dropna()}
    assert report.found.crs == CRS


def test_an_empty_layer_has_no_reach_and_no_faults():
    for layer in ("utilities", "roads"):
        assert serving(survey(layer=layer), ask()).empty
        assert faults(survey(layer=layer), ask()).summary.empty


@lru_cache
def park(layer):
    frames, editions = [], []
    for edition, chunks in deliveries(2000):
        if edition.layer == layer:
            frames += list(chunks)
            editions.append(edition)
    return Survey(pd.concat(frames, ignore_index=True), tuple(editions))


@pytest.mark.parametrize("layer", ["utilities", "roads"])
def test_in_the_demo_park_all_that_is_in_service_is_connected(layer):
    land = park(layer)
    found = serving(land, ask())
    status = land.features["status"]
    assert set(found["reach_state"][(status == "in_service").to_numpy()]) == {"serving"}
    assert found["source"][(status == "in_service").to_numpy()].notna().all()
    assert "cut_off" not in set(found["reach_state"])
    assert faults(land, ask()).summary["connected"].to_numpy() == pytest.approx(1)


LIFE = st.sampled_from(
    [
        ("in_service", None, None), ("in_service", "2020-01-01", None), ("in_service", None, "2028-01-01"), (None, None, None),
        ("planned", "2027-01-01", None), ("planned", "2029-01-01", "2031-01-01"), ("planned", None, None), ("retired", None, None),
    ]
)  # fmt: skip
EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), LIFE).filter(lambda e: e[0] != e[1]), max_size=9)
PLACES = [(0, 0), (100, 7), (211, 90), (35, 180), (160, 260), (300, 33)]


def walked(pipes, sources, day, possible):
    """Tell which lines serve on a day, where what is `possible` may be in service as well."""

    def alive(life):
        status, begin, end = life
        if (end and pd.Timestamp(end) <= day) or status == "retired":
            return False
        if begin is None:
            return status == "in_service" or (status in possible)
        return pd.Timestamp(begin) <= day

    seen = {place for place, life in sources if alive(life)}
    for _ in pipes:
        for a, b, life in pipes:
            if alive(life) and {a, b} & seen:
                seen |= {a, b}
    return [alive(life) and bool({a, b} & seen) for a, b, life in pipes]


@settings(max_examples=60, deadline=None)
@given(EDGES, st.lists(st.tuples(st.integers(0, 5), LIFE), min_size=1, max_size=2, unique_by=lambda s: s[0]))
def test_states_and_days_are_those_of_walking_the_network_on_every_day(pipes, sources):
    def facts(life):
        return {"status": life[0], "in_service_from": life[1], "retired_on": life[2]}

    rows = [works(f"W{k}", *PLACES[place], **facts(life)) for k, (place, life) in enumerate(sources)]
    # a stub each, for a source that no line meets does not count
    rows += [pipe(f"stub {k}", PLACES[place], (PLACES[place][0] - 1, -30 - k)) for k, (place, _) in enumerate(sources)]
    rows += [pipe(f"{k}", PLACES[a], PLACES[b], **facts(life)) for k, (a, b, life) in enumerate(pipes)]
    found = serving(survey(*rows), ask()).iloc[2 * len(sources) :]
    today = pd.Timestamp(TODAY)
    days = [today, *pd.to_datetime(["2027-01-01", "2028-01-01", "2029-01-01", "2031-01-01"])]
    sure = [walked(pipes, sources, d, ()) for d in days]
    undated = [walked(pipes, sources, d, ("planned",)) for d in days]
    unknown = [walked(pipes, sources, d, ("planned", None)) for d in days]
    assert set(found["reach_state"]) <= set(REACH)
    for k, (_, _, life) in enumerate(pipes):
        row = found.iloc[k]
        first = next((n for n in range(len(days)) if sure[n][k]), None)
        if life[0] == "retired":
            expected = "retired"
        elif first is not None:
            expected = "serving" if first == 0 else "dated"
        else:
            expected = next((s for s, seen in (("undated", undated), ("unknown", unknown)) if any(u[k] for u in seen)), "cut_off")
        assert row["reach_state"] == expected
        if first:
            assert row["serves_from"] == days[first]
        if first is not None:
            lost = next((days[n] for n in range(first, len(days)) if not sure[n][k]), pd.NaT)
            assert row["serves_until"] is lost or row["serves_until"] == lost
