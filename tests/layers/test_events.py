"""What is told of a change: which layers and where, whoever made it, and where plots may be drawn another way since."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.crs import transform
from layers.assessment import Networks
from layers.census import assess
from layers.events import MOST, MOST_BOXES, Moment, assessed, edited
from layers.refresh import refresh
from layers.store.base import Edit
from tests.layers.store.samples import delivery
from tests.layers.test_refresh import ME, STANDARDS, WORLD, ask, frame, line, pipe, square, world


@pytest.fixture
def store():
    made = world()
    assess(made, ask(), STANDARDS)
    return made


def put(store, layer, row):
    store.edit(layer, ME, put=frame(layer, [row]))


def plot(id, shape):
    return {
        "id": id,
        "status": "ready",
        "ownership": "state",
        "code_system": "planning_2023",
        "use_code": "100101",
        "geometry": shape,
    }


def covers(places, shape):
    """Tell whether boxes in degrees hold an outline of the base."""
    land = shapely.union_all(shapely.box(*np.array(places).T))
    return land.buffer(1e-9).covers(transform(np.array([shape], object), "EPSG:4548", "EPSG:4326")[0])


def since(store, then):
    now = Moment.of(store)
    with store.snapshot():
        return assessed(store, then, now, STANDARDS, Networks())


def test_a_moved_feature_is_told_by_both_its_outlines(store):
    then = Moment.of(store)
    old = store.read("parcels", ids=["P7"]).geometry.iloc[0]
    put(store, "parcels", plot("P7", square(8, 8)))
    told = edited(store, then.version)
    assert list(told) == ["parcels"]
    assert len(told["parcels"]) == 2
    assert all(covers(told["parcels"], shape) for shape in (old, square(8, 8)))
    put(store, "parcels", plot("N", square(12, 1)))
    store.edit("parcels", ME, delete=["P1"])
    assert len(edited(store, then.version)["parcels"]) == 4


def test_what_cannot_be_told_by_a_few_boxes_is_told_by_fewer(store):
    then = Moment.of(store).version
    store.edit("control_lines", ME, put=frame("control_lines", [
        {"id": f"L{n}", "kind": "forest", "geometry": square(n % 10, n // 10, 0.1, 0.1)} for n in range(MOST_BOXES + 1)
    ]))  # fmt: skip
    assert [covers(edited(store, then)["control_lines"], square(x, y, 0.1, 0.1)) for x, y in ((0, 0), (4, 6))] == [True, True]
    assert len(edited(store, then)["control_lines"]) == 1
    store.edit("control_lines", ME, put=frame("control_lines", [
        {"id": f"M{n}", "kind": "forest", "geometry": square(0, 0, 0.1, 0.1)} for n in range(MOST)
    ]))  # fmt: skip
    assert edited(store, then) == {"control_lines": None}


def test_a_delivery_may_be_anywhere_for_it_says_what_was_surveyed(store):
    then = Moment.of(store)
    store.add(delivery("land_use", coverage=WORLD), gpd.GeoDataFrame({"id": []}, geometry=[], crs="EPSG:4548"), ME)
    assert edited(store, then.version) == {"land_use": None}
    assert since(store, then) is None


@pytest.mark.parametrize(
    ("layer", "row"),
    [
        ("parcels", plot("P7", square(1, 1, 0.9, 0.9))),
        ("control_lines", {"id": "N", "kind": "ecological_redline", "geometry": square(2, 2, 0.5, 0.5)}),
        ("utilities", pipe("W3", (5, -0.1), (3.1, 3), status="retired")),
        ("roads", {"id": "B", "class": "local", "red_line_width": 30.0, "status": "in_service", "geometry": line((2.5, -0.3), (2.5, 7))}),
    ],
)  # fmt: skip
def test_every_plot_whose_finding_differs_is_told(store, layer, row):
    then, before = Moment.of(store), store.findings()[0]
    put(store, layer, row)
    assert Moment.of(store).stale
    early = since(store, then)
    assert refresh(store, STANDARDS) is not None
    assert not Moment.of(store).stale
    told = since(store, then)
    assert told == early
    after = store.findings()[0]
    plots = store.read("parcels").set_index("id")
    differ = [id for id in plots.index if not before.loc[id].equals(after.loc[id])]
    assert differ
    for id in differ:
        middle = transform(np.array([plots.geometry[id].envelope], object), "EPSG:4548", "EPSG:4326")[0]
        assert shapely.intersects(shapely.box(*np.array(told).T), middle).any(), id
    assert len(told) < len(plots)


def test_findings_of_another_day_may_differ_anywhere_and_the_same_do_nowhere(store):
    then = Moment.of(store)
    assert since(store, then) == ()
    store.save_findings(store.findings()[0], {**then.inputs, "on": "2027-01-01"})
    assert since(store, then) is None
    assert Moment.of(store).stamp != then.stamp


def test_where_nothing_was_assessed_plots_alone_are_drawn_another_way():
    store = world()
    then = Moment.of(store)
    put(store, "control_lines", {"id": "N", "kind": "forest", "geometry": square(2, 2)})
    assert since(store, then) == ()
    store.batch([Edit("parcels", frame("parcels", [plot("P0", square(0, 0, 0.5, 0.5))]))], ME)
    assert covers(since(store, then), square(0, 0))


def test_the_ledger_is_told_of_and_draws_no_plot_another_way(store):
    then = Moment.of(store)
    store.edit("projects", ME, put=frame("projects", [{"id": "J1", "geometry": None}]))
    now = Moment.of(store)
    assert (now.version > then.version, now.stale, now == then) == (True, False, True)
    assert edited(store, then.version) == {"projects": ()}
