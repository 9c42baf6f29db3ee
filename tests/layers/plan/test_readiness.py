"""Serviced or pending: a function of the day, unknown where nobody surveyed."""

from datetime import date

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from layers.base import Ask, Edition, Survey, empty
from layers.catalogue import LAYERS
from layers.plan.readiness import readiness
from layers.standards import Standards
from tests.layers.sizes import SIZED

CRS = "EPSG:4548"
TODAY = date(2026, 11, 22)
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 1000, Y - 1000, X + 1000, Y + 1000)
KINDS = ("water", "sewage", "storm", "power", "gas", "heat", "telecom")


def frame(layer, rows):
    blank = empty(LAYERS[layer], CRS)
    whole = gpd.GeoDataFrame(rows, crs=CRS).reindex(columns=blank.columns)
    return gpd.GeoDataFrame(
        whole.astype({c: t for c, t in blank.dtypes.items() if c != "geometry"}), geometry="geometry", crs=CRS
    )


def line(id, y=-10.0, **facts):
    return {
        "id": id,
        "geometry": shapely.LineString([(X - 50, Y + y), (X + 150, Y + y)]),
        "role": "main",
        "status": "in_service",
        **SIZED.get(facts.get("kind", ""), {}),
        **facts,
    }


def land(*lines, coverage=WORLD, kinds=KINDS):
    full = [line(f"{k}-0", kind=k) for k in KINDS] if not lines else list(lines)
    road = [line("R", class_="x")]
    road[0] = {k: v for k, v in road[0].items() if k not in ("role", "class_")} | {"class": "local", "red_line_width": 10.0}
    return {
        "parcels": Survey(empty(LAYERS["parcels"], CRS), (Edition("p", "parcels", "t", TODAY, WORLD),)),
        "roads": Survey(frame("roads", road), (Edition("r", "roads", "t", TODAY, WORLD),)),
        "utilities": Survey(frame("utilities", full), (Edition("u", "utilities", "t", TODAY, coverage, kinds),)),
    }


def ask(on=TODAY, known=TODAY):
    return Ask(on, Standards.load().on(on), known)


def ready(land_, on=TODAY, known=TODAY, level=None):
    plot = gpd.GeoDataFrame({"id": ["P"]}, geometry=[shapely.box(X, Y, X + 100, Y + 100)], crs=CRS)
    return readiness(plot, land_, ask(on, known), level).iloc[0]


def with_water(**facts):
    return land(*[line(f"{k}-0", kind=k) for k in KINDS if k != "water"], line("W", kind="water", **facts))


def test_a_plot_with_every_service_is_ready():
    assert ready(land())["ready_state"] == "ready"


def test_a_service_that_comes_later_gives_the_day_and_decides_it():
    row = ready(with_water(status="planned", in_service_from="2027-06-01"))
    assert (row["ready_state"], row["ready_from"], row["deciding"], row["missing"]) == (
        "dated", pd.Timestamp("2027-06-01"), "water", "water",
    )  # fmt: skip
    assert ready(with_water(status="planned", in_service_from="2027-06-01"), on=date(2027, 6, 1))["ready_state"] == "ready"


def test_a_planned_line_whose_day_has_passed_unfulfilled_has_no_date():
    assert ready(with_water(status="planned", in_service_from="2026-01-01"))["ready_state"] == "undated"


def test_a_retired_line_does_not_serve():
    row = ready(with_water(status="retired"))
    assert (row["ready_state"], row["water_state"]) == ("never", "none")
    assert ready(with_water(retired_on="2026-11-22"))["ready_state"] == "never"
    assert ready(with_water(retired_on="2026-11-23"))["ready_state"] == "ready"


def test_of_a_line_retired_later_nobody_knows_whether_it_serves_before_unless_its_first_day_is_recorded():
    assert ready(with_water(status="retired", retired_on="2027-06-01"))["water_state"] == "unknown"
    assert (
        ready(with_water(status="retired", retired_on="2027-06-01", in_service_from="1990-01-01"))["water_state"] == "available"
    )


def test_a_line_without_any_state_is_unknown():
    assert ready(with_water(status=None))["water_state"] == "unknown"


def test_no_line_is_unknown_where_nobody_surveyed_the_kind():
    rest = [line(f"{k}-0", kind=k) for k in KINDS if k != "water"]
    assert ready(land(*rest))["ready_state"] == "never"
    assert ready(land(*rest, kinds=KINDS[1:]))["ready_state"] == "unknown"


def test_no_line_is_unknown_where_the_survey_ends_within_reach():
    rest = [line(f"{k}-0", kind=k) for k in KINDS if k != "water"]
    near = shapely.box(X - 1000, Y - 1000, X + 120, Y + 1000)
    assert ready(land(*rest, coverage=near))["water_state"] == "unknown"


def test_a_line_that_serves_is_a_fact_even_outside_the_survey():
    assert ready(land(coverage=None))["ready_state"] == "ready"


def test_a_line_beyond_reach_does_not_serve():
    row = ready(land(*[line(f"{k}-0", kind=k) for k in KINDS if k != "water"], line("W", y=-51.0, kind="water")))
    assert row["water_state"] == "none"


def test_a_service_line_at_the_plot_connects_it():
    row = ready(with_water(role="service"))
    assert row["water_state"] == "available"
    touching = land(*[line(f"{k}-0", kind=k) for k in KINDS if k != "water"], line("W", y=0.0, kind="water", role="service"))
    assert ready(touching)["water_state"] == "connected"


@pytest.mark.parametrize(("level", "state"), [(3, "ready"), (7, "never")])
def test_the_level_says_what_is_required(level, state):
    no_gas = land(*[line(f"{k}-0", kind=k) for k in KINDS if k != "gas"])
    assert ready(no_gas, level=level)["ready_state"] == state


def test_what_never_comes_outweighs_what_is_unknown():
    some = land(*[line(f"{k}-0", kind=k) for k in KINDS if k not in ("water", "telecom")], kinds=KINDS[:-1])
    assert ready(some)["ready_state"] == "never"
    assert pd.isna(ready(some)["ready_from"])


def test_a_line_that_is_to_be_relocated_serves_until_then_and_only_if_nothing_else_does():
    assert ready(with_water(relocated_on="2027-03-01"))["water_state"] == "relocating"
    assert ready(with_water(relocated_on="2027-03-01"))["ready_state"] == "ready"
    assert ready(with_water(relocated_on="2027-03-01"), on=date(2027, 3, 1))["water_state"] == "none"
    rest = [line(f"{k}-0", kind=k) for k in KINDS if k != "water"]
    both = land(*rest, line("old", kind="water", relocated_on="2027-03-01"), line("new", y=-20.0, kind="water"))
    assert ready(both)[["water_state", "water_line"]].tolist() == ["available", "new"]
    moved = land(
        *rest,
        line("old", kind="water", relocated_on="2027-03-01"),
        line("new", y=-20.0, kind="water", status="planned", in_service_from="2027-03-01"),
    )
    assert ready(moved)["water_state"] == "relocating"
    assert ready(moved, on=date(2027, 3, 1))[["water_state", "water_line"]].tolist() == ["available", "new"]


def test_a_recorded_connection_connects_its_plot_wherever_it_ends_and_nobody_else():
    assert ready(with_water(role="service", serves="P"))["water_state"] == "connected"
    assert ready(with_water(role="service", serves="Q"))["water_state"] == "none"


def test_a_listing_or_a_use_asks_for_its_own_level_and_the_level_reached_is_told():
    no_gas = land(*[line(f"{k}-0", kind=k) for k in KINDS if k != "gas"])
    only_three = land(line("p", kind="power"), line("w", kind="water"))
    shape = [shapely.box(X, Y, X + 100, Y + 100)]

    def asked(land_, level=None, **facts):
        plot = gpd.GeoDataFrame(
            {"id": ["P"], "code_system": ["planning_2023"], **{k: [v] for k, v in facts.items()}}, geometry=shape, crs=CRS
        )
        return readiness(plot, land_, ask(), level).iloc[0][["ready_state", "serviced_level"]].tolist()

    assert asked(no_gas, use_code="100102") == ["ready", 5]
    assert asked(no_gas, use_code="100102", required_level=7) == ["never", 5]
    assert asked(only_three, use_code="1401") == ["ready", 3]
    assert asked(only_three, use_code="1401", required_level=5) == ["never", 3]
    assert asked(only_three, 5, use_code="1401") == ["never", 3]
    assert asked(land(line("p", kind="power")), use_code="1401") == ["never", 0]
