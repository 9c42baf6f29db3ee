"""Who lies along the works of a project: measured from red lines, sites and parcels; what nobody surveyed is told."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from layers.along import NoWorksError, along
from layers.base import Edition
from layers.edits import edit
from layers.standards import Standards
from layers.store.base import Change, Store
from layers.store.memory import MemoryStore
from layers.wishes import Wish

BOOK, LIN = Standards.load().on(date(2026, 3, 31)), Change("Lin", "doc 1")
X, Y = 500_000.0, 4_077_000.0


def box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    return shapely.box(X + west, Y + south, X + east, Y + north)


@pytest.fixture
def base() -> Store:
    """A road of 20 m along y = 0 that project A builds; parcels at 0, 5, 25 and 60 m from its red line; a site of B."""
    store = MemoryStore("EPSG:4548")
    parcels = {"own": (0, 10, 50, 60), "near": (60, 15, 100, 60), "far": (110, 35, 150, 60), "away": (160, 70, 200, 90)}
    store.add(Edition("e", "parcels", "survey", date(2026, 1, 1), box(0, 0, 300, 100)), store.read("parcels"), LIN)
    made = [
        Wish("projects", "A", "create", {"name": "Street", "kind": "infrastructure"}),
        Wish("projects", "B", "create", {"name": "Plant", "kind": "industrial"}),
        Wish("projects", "C", "create", {"name": "Idea", "kind": "industrial"}),
        Wish("roads", "R", "create", {"class": "local", "red_line_width": 20.0}, shapely.LineString([(X, Y), (X + 300, Y)])),
        Wish("sections", "S1", "create", {"project": "A", "name": "1", "road": "R"}),
        Wish("sections", "S2", "create", {"project": "A", "name": "2", "road": "gone"}),
        *(Wish("parcels", id, "create", {"owner": None if id == "near" else f"owner of {id}"}, box(*b)) for id, b in parcels.items()),
        Wish("sites", "T", "create", {"project": "B", "name": "site"}, box(0, 10, 50, 60)),
        Wish("sites", "U", "create", {"project": "B", "name": "old", "status": "cancelled"}, box(200, 10, 250, 60)),
        Wish("stakeholders", "1", "create", {"project": "A", "name": "shop", "contacted_on": "2026-03-02"}, shapely.Point(X + 70, Y + 20)),
        Wish("stakeholders", "2", "create", {"project": "A", "name": "works", "contacted_on": "2026-03-05", "need": "gate"}, shapely.Point(X + 120, Y + 36)),
        Wish("stakeholders", "3", "create", {"project": "A", "name": "too far", "contacted_on": "2026-03-01"}, shapely.Point(X + 170, Y + 80)),
        Wish("stakeholders", "4", "create", {"project": "A", "name": "also", "contacted_on": "2026-03-09"}, shapely.Point(X + 121, Y + 37)),
        Wish("stakeholders", "5", "create", {"project": "B", "name": "of another", "contacted_on": "2026-01-01"}, shapely.Point(X + 70, Y + 20)),
    ]  # fmt: skip
    edit(store, made, LIN, BOOK)
    return store


def test_parcels_and_stakeholders_are_told_by_their_distance_from_the_red_line(base: Store) -> None:
    found = along(base, "A", 30.0)
    told = found.rows.set_index("id")
    assert found.rows["id"].tolist() == ["own", "near", "1", "far", "2", "4"]
    assert told["distance_m"].to_dict() == pytest.approx({"own": 0, "near": 5, "1": 10, "far": 25, "2": 26, "4": 27})
    assert told.loc["own", "name"] == "owner of own"
    assert pd.isna(told.loc["near", "name"]), "nobody recorded who holds it"
    assert found.absent == ("gone",)


def test_a_parcel_was_spoken_to_when_the_first_stakeholder_on_it_was_and_only_by_this_project(base: Store) -> None:
    days = along(base, "A", 30.0).rows.set_index("id")["contacted_on"].dropna().astype(str).to_dict()
    assert days == {"1": "2026-03-02", "near": "2026-03-02", "2": "2026-03-05", "4": "2026-03-09", "far": "2026-03-05"}
    edit(base, [Wish("stakeholders", id, "delete") for id in ("2", "4")], LIN, BOOK)
    assert pd.isna(along(base, "A", 30.0).rows.set_index("id").loc["far", "contacted_on"])


def test_where_nobody_surveyed_more_may_lie(base: Store) -> None:
    """The strip of 10 m around the 300 x 20 m of the road: two sides, two ends, four quarter circles; the upper side is surveyed."""
    found = along(base, "A", 10.0)
    strip = 2 * 300 * 10 + 2 * 20 * 10 + 3.12 * 10**2
    assert found.unsurveyed_m2 == pytest.approx(strip - 300 * 10, abs=1)
    assert along(base, "A", 0.0).unsurveyed_m2 == 0


def test_land_of_a_project_is_its_works_too_but_not_what_was_cancelled(base: Store) -> None:
    assert set(along(base, "B", 10.0).rows["id"]) == {"own", "near"}
    edit(base, [Wish("land_cases", "L", "create", {"project": "B", "parcels": "away"})], LIN, BOOK)
    assert set(along(base, "B", 15.0).rows["id"]) == {"own", "near", "far"}, "its own parcel does not lie beside it"


def test_a_road_without_a_recorded_width_is_measured_from_its_axis(base: Store) -> None:
    edit(base, [Wish("roads", "R", "update", {"red_line_width": None})], LIN, BOOK)
    told = along(base, "A", 30.0).rows.set_index("id")["distance_m"].to_dict()
    assert told == pytest.approx({"own": 10, "near": 15, "1": 20})


def test_a_project_without_a_place_is_refused_with_the_remedy(base: Store) -> None:
    with pytest.raises(NoWorksError, match="record where its works are") as refused:
        along(base, "C", 50.0)
    assert "请先记录工程位置" in refused.value.text.zh
