"""Living circles: ways on foot along roads in service, and what nobody recorded or surveyed stays unknown."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.base import PANDAS, Ask
from layers.catalogue import LAYERS
from layers.plan.circle import Reach, circle
from layers.standards import Standards

STANDARDS, ON = Standards.load(), date(2026, 3, 31)
PLACE = shapely.box(-20, -10, 20, 30)
"""Its middle is (0, 10): 10 m from a road along y = 0."""


def layer(name: str, *rows: dict[str, object]) -> gpd.GeoDataFrame:
    fields = LAYERS[name].columns
    data = {f.name: pd.Series([r.get(f.name) for r in rows], dtype=PANDAS[f.dtype]) for f in fields}
    return gpd.GeoDataFrame(data, geometry=[r["at"] for r in rows], crs="EPSG:4548")


def road(*xy: tuple[float, float], **more: object) -> dict[str, object]:
    return {"id": "R", "class": "local", "status": "in_service", "at": shapely.LineString(xy), **more}


def school(x: float, y: float, **more: object) -> dict[str, object]:
    return {"id": f"{x:g} {y:g}", "kind": "primary_school", "status": "in_service", "at": shapely.Point(x, y), **more}


def told(
    roads: list[dict[str, object]], amenities: list[dict[str, object]], on: date = ON, since: date | None = None, roads_known: bool = True, known: bool = True
) -> Reach:  # fmt: skip
    surveyed = ["primary_school"] if known else []
    found = circle(
        PLACE,
        layer("roads", *roads),
        layer("amenities", *amenities),
        Ask(on, STANDARDS.on(on), since or on),
        roads_known,
        surveyed,
    )
    assert {r.state for r in found if r.kind != "primary_school"} == {"unknown"}, "nobody surveyed the others"
    return next(r for r in found if r.kind == "primary_school")


def test_one_walks_to_the_road_along_it_and_to_the_amenity() -> None:
    way = [road((0, 0), (500, 0)), road((500, 0), (500, 400))]
    near = told(way, [school(520, 300), school(520, 390)])
    assert (near.state, near.amenity) == ("within", "520 300")
    assert near.walk == pytest.approx(10 + 500 + 300 + 20)
    far = told([road((0, 0), (800, 0)), road((800, 0), (800, 300))], [school(800, 300)])
    assert (far.state, far.walk) == ("beyond", pytest.approx(10 + 800 + 300)), "850 m as a bird flies"
    assert told(way, []) == pytest.approx(("primary_school", "beyond", None, np.nan), nan_ok=True)


def test_of_two_roads_between_the_same_crossings_one_takes_the_shorter_and_crossings_without_a_node_do_not_join() -> None:
    both = [road((0, 0), (300, 0)), road((300, 0), (400, 300), (500, 0)), road((300, 0), (500, 0)), road((500, 0), (700, 0))]
    assert told(both, [school(700, 0)]).walk == pytest.approx(710)
    over = [road((-100, 0), (300, 0)), road((250, -300), (250, 300))]
    assert told(over, [school(250, 300)]).state == "unknown", "no way is known, and 380 m is near"


def test_the_nearest_road_is_not_the_only_one_that_one_may_walk_to() -> None:
    """The lane at 10 m leads away before it turns; the street at 50 m leads there. The amenity too lies nearest to a lane that leads nowhere."""
    lane, street = road((0, 0), (0, -1200)), road((50, 100), (50, 700))
    blind = road((0, 600), (0, 650))
    one = told([lane, street, blind], [school(10, 600)])
    assert one.state == "within"
    assert one.walk == pytest.approx(np.hypot(50, 90) + 500 + 40)


def test_other_amenities_are_no_way_and_one_across_the_fence_is_not_beyond() -> None:
    """A school to be that lies between two roads joins none of them; a school 100 m away may be reached although roads lead far round."""
    apart = [road((0, 0), (400, 0)), road((400, 100), (800, 100))]
    found = told(apart, [school(400, 50, status="planned", in_service_from="2030-01-01"), school(800, 100)])
    assert (found.state, found.amenity) == ("unknown", None)
    around = [road((-190, 10), (-190, -900)), road((-190, -900), (290, -900)), road((290, -900), (290, 10))]
    assert told(around, [school(100, 10)]).state == "unknown"


@pytest.mark.parametrize(
    ("roads", "amenity", "state"),
    [
        ({"status": None}, {}, "unknown"), ({"class": None}, {}, "unknown"), ({"class": "private"}, {}, "unknown"), ({"class": "expressway"}, {}, "unknown"),
        ({"status": "planned", "in_service_from": "2026-06-01"}, {}, "unknown"), ({}, {"status": None}, "unknown"), ({}, {"kind": None}, "unknown"),
        ({}, {"status": "planned", "in_service_from": "2026-06-01"}, "beyond"), ({}, {"retired_on": "2026-03-01"}, "beyond"), ({}, {}, "within"),
        ({}, {"status": "planned"}, "unknown"),
    ],
)  # fmt: skip
def test_only_what_surely_serves_is_within_and_what_nobody_recorded_is_unknown(
    roads: dict[str, object], amenity: dict[str, object], state: str
) -> None:
    assert told([road((0, 0), (500, 0), **roads)], [school(500, 0, **amenity)]).state == state


def test_a_planned_school_is_within_from_its_day() -> None:
    opens = school(500, 0, status="planned", in_service_from="2026-09-01")
    way = [road((0, 0), (500, 0))]
    assert [told(way, [opens], on, ON).state for on in (ON, date(2026, 8, 31), date(2026, 9, 1))] == [
        "beyond",
        "beyond",
        "within",
    ]
    assert told(way, [opens], date(2026, 9, 1)).state == "unknown", "its day has come, and nobody recorded that it opened"


def test_where_roads_or_amenities_were_not_surveyed_nothing_is_beyond() -> None:
    long = [road((0, 0), (0, -600)), road((0, -600), (500, -600)), road((500, -600), (500, 0))]
    assert told(long, [school(500, 0)]).state == "beyond"
    assert told(long, [school(500, 0)], roads_known=False).state == "unknown", "a shorter road may be there"
    assert told(long, [school(500, 0)], known=False).state == "unknown", "a nearer school may be there"
    assert told([road((0, 0), (500, 0))], [school(500, 0)], roads_known=False, known=False).state == "within"


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_the_way_is_the_shortest_by_brute_force_on_any_grid(edges: list[tuple[int, int, bool]], gx: int, gy: int) -> None:
    """Edges of a grid of 450 m, wider than one walks to a road, to the east or north; all simple ways by Bellman-Ford over exact lengths."""
    ways = {((x, y), (x + 1, y) if east else (x, y + 1)) for x, y, east in edges}
    roads = [road(*((450.0 * x, 450.0 * y) for x, y in way)) for way in sorted(ways)]
    far = {node: np.inf for way in ways for node in way}
    start = min(far, key=lambda n: (np.hypot(450 * n[0], 450 * n[1] - 10), n))
    place = shapely.Point(450 * start[0], 450 * start[1]).buffer(1)
    far[start] = 0.0
    for _ in far:
        for a, b in ways:
            far[a], far[b] = min(far[a], far[b] + 450), min(far[b], far[a] + 450)
    found = circle(
        place,
        layer("roads", *roads),
        layer("amenities", school(450.0 * gx, 450.0 * gy)),
        Ask(ON, STANDARDS.on(ON), ON),
        True,
        ["primary_school"],
    )
    walk = next(r.walk for r in found if r.kind == "primary_school")
    if (gx, gy) in far:
        assert walk == (pytest.approx(far[gx, gy], abs=1e-6) if np.isfinite(far[gx, gy]) else pytest.approx(np.nan, nan_ok=True))
