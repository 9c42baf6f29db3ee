"""Questions put to a base: what is read around a plot, and when a finding is stale."""

from datetime import date

import geopandas as gpd
import pytest
import shapely

from layers.assessment import BadSiteError, Networks, NotFoundError, check, explain, question
from layers.base import Edition, empty
from layers.catalogue import LAYERS
from layers.census import assess
from layers.corridors import KINDS, MEASURES
from layers.inputs import stale
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore

CRS = "EPSG:4548"
X, Y = 500_000.0, 4_077_000.0
WORLD = shapely.box(X - 5000, Y - 5000, X + 5000, Y + 5000)
STANDARDS = Standards.load()
ME = Change("test")


def frame(layer, rows):
    blank = empty(LAYERS[layer], CRS)
    whole = gpd.GeoDataFrame(rows, crs=CRS).reindex(columns=blank.columns)
    return gpd.GeoDataFrame(
        whole.astype({c: t for c, t in blank.dtypes.items() if c != "geometry"}), geometry="geometry", crs=CRS
    )


def base(**layers):
    store = MemoryStore(CRS)
    for name, rows in layers.items():
        kinds = tuple(LAYERS[name].field("kind").codes) if LAYERS[name].kind else ()
        store.add(Edition("", name, "test", date(2026, 1, 1), WORLD, kinds), frame(name, rows), ME)
    return store


def ask():
    return question(STANDARDS, date(2026, 11, 22), None, None)


def square(x, y, side=100.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_protection_zone_that_reaches_the_site_from_far_outside_it_is_found(kind):
    thing = frame("corridors", [{"id": "K", "kind": kind, "geometry": shapely.LineString([(X - 400, Y), (X + 400, Y)])}])
    zone = MEASURES[kind](thing, ask())
    reach = float(zone.possible.max()) + ask().standards["corridors.edge_offset_max"].get(kind, 0.0)
    store = base(corridors=thing.drop(columns="edition").to_dict("records"))
    lines = [line for line in check(store, square(0, reach - 1), ask()).lines if line.id == "C13" and "K" in line.objects]
    assert any(line.severity in ("block", "unknown", "warn") for line in lines)


def test_a_finding_is_stale_as_soon_as_an_input_changes():
    store = base(parcels=[{"id": "P", "geometry": square(0, 0), "status": "ready"}])
    assess(store, ask(), STANDARDS)
    assert stale(store, store.findings()[1], STANDARDS) == []
    store.edit("parcels", ME, put=frame("parcels", [{"id": "P", "geometry": square(0, 0), "status": "built"}]))
    assert stale(store, store.findings()[1], STANDARDS) == ["parcels"]


def test_networks_are_traced_again_only_when_they_change(monkeypatch):
    line = {
        "id": "W",
        "kind": "water",
        "role": "main",
        "status": "in_service",
        "geometry": shapely.LineString([(X, Y), (X + 50, Y)]),
    }
    store = base(utilities=[line], parcels=[{"id": "P", "geometry": square(0, 0)}])
    networks = Networks()
    first = networks.trace(store, ask())
    assert all(networks.trace(store, ask())[name] is first[name] for name in first)
    store.edit("parcels", ME, delete=["P"])
    assert all(networks.trace(store, ask())[name] is first[name] for name in first)
    store.edit("utilities", ME, delete=["W"])
    assert len(networks.trace(store, ask())["utilities"]) == 0


def test_a_pipe_that_no_source_feeds_serves_nobody():
    rows = [
        {"id": "S", "kind": "water", "role": "source", "status": "in_service", "geometry": shapely.Point(X - 900, Y)},
        {
            "id": "M",
            "kind": "water",
            "role": "main",
            "status": "in_service",
            "dn": 400.0,
            "geometry": shapely.LineString([(X - 900, Y), (X - 500, Y)]),
        },
        {
            "id": "W",
            "kind": "water",
            "role": "main",
            "status": "in_service",
            "dn": 400.0,
            "geometry": shapely.LineString([(X, Y - 9), (X + 90, Y - 9)]),
        },
    ]
    plot = [{"id": "P", "geometry": square(0, 0)}]
    water = {s.kind: s for s in explain(base(utilities=rows, parcels=plot), "P", ask()).services}["water"]
    assert water.state == "none"
    rows.append({**rows[1], "id": "J", "geometry": shapely.LineString([(X - 500, Y), (X, Y - 9)])})
    water = {s.kind: s for s in explain(base(utilities=rows, parcels=plot), "P", ask()).services}["water"]
    assert (water.state, water.source) == ("available", "S")


@pytest.mark.parametrize(
    "site",
    [
        shapely.Polygon(),
        shapely.Point(X, Y),
        shapely.Polygon([(X, Y), (X + 9, Y + 9), (X + 9, Y), (X, Y + 9)]),
        shapely.Polygon([(X, Y), (X + 9, Y), (X, Y)]),
        square(90_000, 0),
    ],
    ids=["empty", "point", "crossing itself", "no area", "outside every survey"],
)
def test_a_site_that_cannot_be_checked_is_refused(site):
    with pytest.raises(BadSiteError):
        check(base(parcels=[{"id": "P", "geometry": square(0, 0)}]), site, ask())


def test_an_unknown_plot_is_named():
    with pytest.raises(NotFoundError, match="nope"):
        explain(base(parcels=[{"id": "P", "geometry": square(0, 0)}]), "nope", ask())
