"""What every store promises, held against each of them; the plain one in memory is the others' oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from geo.raster import Grid
from layers.base import empty
from layers.catalogue import LAYERS
from layers.store.base import Change, DuplicateError, StaleError, Store, StoreError
from layers.store.gpkg import GpkgStore
from layers.store.memory import MemoryStore
from layers.store.postgis import PostgisStore
from tests.layers.store.samples import LIN, WU, Clock, X, Y, delivery, ids, plots, square
from tests.postgres import Cluster


def test_a_new_base_has_every_layer_and_nothing_in_it(store: Store) -> None:
    assert (store.crs, store.title) == ("EPSG:4548", "Test park")
    assert store.editions() == ()
    assert store.versions() == dict.fromkeys(LAYERS, 0)
    for name, layer in LAYERS.items():
        if layer.geometry != "raster":
            assert_geodataframe_equal(store.read(name), empty(layer, "EPSG:4548"))
    assert len(store.read("terrain")) == 0


def test_what_is_stored_comes_back_with_the_types_of_the_schema(store: Store) -> None:
    given = plots("P1", "P2", "P3", status=["ready", None, "built"], area_recorded=[0.1 + 0.2, np.nan, 1e-300])
    given["valid_from"] = pd.to_datetime(pd.Series(["2026-02-28", None, "0999-01-01"]), format="ISO8601")
    edition = store.add(delivery(), given, LIN)
    found = store.read("parcels")
    assert list(found.columns) == [*(f.name for f in LAYERS["parcels"].columns), "geometry"]
    expected = empty(LAYERS["parcels"], "EPSG:4548")
    assert (found.dtypes == expected.dtypes).all()
    assert found["area_recorded"].tolist()[::2] == [0.1 + 0.2, 1e-300]
    assert found["status"].isna().tolist() == [False, True, False]
    assert found["valid_from"].tolist() == [pd.Timestamp("2026-02-28"), pd.NaT, pd.Timestamp("0999-01-01")]
    assert found["edition"].tolist() == [edition.id] * 3
    assert found.geometry.tolist() == given.geometry.tolist()
    assert found.crs == "EPSG:4548"


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(X, Y),
        shapely.Point(X, Y, 12.5),
        shapely.LineString([(X, Y, 1.0), (X + 1, Y, 2.0)]),
        shapely.MultiLineString([[(X, Y), (X + 1, Y)]]),
        shapely.MultiPoint([(X, Y), (X, Y + 1)]),
        shapely.GeometryCollection([shapely.Point(X, Y)]),
        shapely.Polygon(),
        None,
    ],
)
def test_a_layer_of_any_geometry_keeps_it_as_it_is(store: Store, shape: Any) -> None:
    store.add(
        delivery("utilities", kinds=("water",)), gpd.GeoDataFrame({"id": ["U"], "kind": "water"}, geometry=[shape], crs=4548), LIN
    )
    found = store.read("utilities").geometry.iloc[0]
    assert found is None if shape is None else shapely.equals_identical(found, shape)
    assert len(store.read("utilities", (X - 1, Y - 1, X + 1, Y + 1))) == (shape is not None and not shape.is_empty)


def test_polygons_come_flat_and_lone_parts_as_parts(store: Store) -> None:
    hole = square(0).difference(square(0).buffer(-2))
    both = shapely.MultiPolygon([square(3), square(4)])
    given = gpd.GeoDataFrame(
        {"id": list("abc")}, geometry=[shapely.force_3d(square(1)), shapely.MultiPolygon([hole]), both], crs=4548
    )
    store.add(delivery(), given, LIN)
    assert store.read("parcels").geometry.tolist() == [square(1), hole, both]
    assert not store.read("parcels").geometry.has_z.any()


def test_a_box_finds_what_its_envelope_meets_and_no_more(store: Store) -> None:
    store.add(delivery(), plots(*(f"P{k}" for k in range(100))), LIN)
    assert ids(store.read("parcels", (X + 25, Y + 2, X + 85, Y + 3))) == ["P1", "P2", "P3", "P4"]
    assert ids(store.read("parcels", (X + 30, Y + 10, X + 40, Y + 20))) == ["P1", "P2"]  # touching corners
    assert ids(store.read("parcels", (X + 30.01, Y, X + 39.99, Y + 5))) == []  # finer than single precision
    assert ids(store.read("parcels", ids=["P7", "nobody", "P3"], columns=["id"])) == ["P3", "P7"]
    assert list(store.read("parcels", columns=["status", "id"]).columns) == ["status", "id", "geometry"]


def test_an_extent_is_exact(store: Store) -> None:
    assert store.extent("parcels") == (0, (0.0, 0.0, 0.0, 0.0))
    store.add(delivery(), plots("P1", "P2", "P9"), LIN)
    shifted = plots("P3").translate(0.03125 + 1e-7, 0.01 + 1e-7)
    store.edit("parcels", LIN, put=plots("P3").set_geometry(shifted))
    assert store.extent("parcels") == (4, (X + 20, Y, X + 190, shifted.total_bounds[3]))
    store.edit("parcels", LIN, delete=["P9"])
    assert store.extent("parcels") == (3, (X + 20, Y, shifted.total_bounds[2], shifted.total_bounds[3]))


def test_unknown_layers_and_columns_are_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no layer 'lakes'.*parcels"):
        store.read("lakes")
    with pytest.raises(StoreError, match=r"no column 'colour'.*status"):
        store.read("parcels", columns=["colour"])
    with pytest.raises(StoreError, match="no column 'colour'"):
        store.add(delivery(), plots("P1", colour=["red"]), LIN)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.to_crs(4326), "EPSG:4326"),
        (lambda f: f.set_crs(None, allow_override=True), "no CRS"),
        (lambda f: f.assign(id=["P1", None]), "row 1 has no id"),
        (lambda f: f.assign(id=["P1", "P1"]), "P1 occur twice"),
        (lambda f: f.set_geometry([square(1), shapely.Point(X, Y)], crs=4548), "P2 are no polygons"),
        (lambda f: f.set_geometry([square(1), shapely.box(0, 0, np.inf, 1)], crs=4548), "P2 have coordinates"),
        (lambda f: f.assign(area_recorded=["12", "twelve"]), "area_recorded is no real"),
        (lambda f: f.assign(valid_from=["2026-01-01", "soon"]), "valid_from is no date"),
    ],
)
def test_a_delivery_that_does_not_fit_is_refused_whole(store: Store, change: Callable[[Any], Any], told: str) -> None:
    with pytest.raises(StoreError, match=told):
        store.add(delivery(), [plots("P7"), change(plots("P1", "P2"))], LIN)
    assert len(store.read("parcels")) == 0
    assert store.editions() == ()
    assert store.versions()["parcels"] == 0
    assert store.history("parcels", "P7") == ()


def test_a_stream_is_stored_like_a_frame_and_tells_its_progress(store: Store) -> None:
    told: list[tuple[int, int]] = []
    store.add(delivery(), (plots(f"P{k}", f"P{k + 1}") for k in (1, 3, 5)), LIN, progress=lambda *p: told.append(p))
    assert ids(store.read("parcels")) == [f"P{k}" for k in range(1, 7)]
    assert told == [(2, 0), (4, 0), (6, 0)]
    store.add(delivery(), plots("P7"), LIN, progress=lambda *p: told.append(p))
    assert told[-1] == (1, 1)


def test_numbers_already_stored_are_named_and_nothing_is_stored(store: Store) -> None:
    store.add(delivery(), plots(*(f"P{k}" for k in range(8))), LIN)
    before = store.versions()
    with pytest.raises(DuplicateError, match=r"P1, P2, P3, P4, P5 and 2 more"):
        store.add(delivery(), plots("P9", *(f"P{k}" for k in range(1, 8))), LIN)
    with pytest.raises(DuplicateError, match="P20"):
        store.add(delivery(), [plots("P20"), plots("P20")], LIN)
    assert len(store.read("parcels")) == 8
    assert store.versions() == before
    store.edit("parcels", LIN, put=plots("P0", "P30"))
    assert len(store.history("parcels", "P0")) == 2


def test_editions_get_ids_and_keep_their_coverage(store: Store) -> None:
    area = square(0, 500)
    first = store.add(delivery(coverage=area), plots("P1"), LIN)
    named = store.add(delivery("roads", id="roads 2026"), gpd.GeoDataFrame({"id": []}, geometry=[], crs=4548), LIN)
    assert (first.id, named.id) == ("parcels-1", "roads 2026")
    assert store.editions() == (first, named)
    assert store.editions("parcels")[0].coverage == area
    assert store.editions("roads") == (named,)
    with pytest.raises(DuplicateError, match="roads 2026"):
        store.add(delivery("zoning", id="roads 2026"), plots("P1"), LIN)
    with pytest.raises(StoreError, match="no kinds"):
        store.add(delivery(kinds=("water",)), plots("P2"), LIN)


def test_replacing_retires_the_features_and_the_coverage_of_their_kinds(store: Store) -> None:
    area = square(0, 500)
    lines = gpd.GeoDataFrame(
        {"id": list("wsg"), "kind": ["water", "sewage", "gas"]}, geometry=[square(k).exterior for k in range(3)], crs=4548
    )
    old = store.add(delivery("utilities", kinds=("water", "sewage", "gas"), coverage=area), lines, LIN)
    new = store.add(delivery("utilities", kinds=("water", "gas")), lines[:1].assign(id="W"), WU, replace=True)
    assert ids(store.read("utilities")) == ["s", "W"]
    assert [(e.id, e.kinds) for e in store.editions()] == [(old.id, ("sewage",)), (new.id, ("water", "gas"))]
    last = store.add(delivery("utilities", kinds=()), lines[:0], WU, replace=True)
    assert len(store.read("utilities")) == 0
    assert store.editions() == (last,)


def test_an_edit_is_whole_or_nothing(store: Store) -> None:
    store.add(delivery(), plots("P1", "P2", "P3"), LIN)
    store.edit("parcels", WU, put=plots("P4", "P2", status=["ready", "built"]), delete=["P1"])
    assert ids(store.read("parcels")) == ["P2", "P3", "P4"]
    assert store.read("parcels", ids=["P2"])["status"].item() == "built"
    before = store.versions()
    with pytest.raises(StaleError, match="P2, nobody"):
        store.edit("parcels", WU, put=plots("P9"), delete=["P2", "nobody"])
    with pytest.raises(DuplicateError):
        store.edit("parcels", WU, put=plots("P9", "P9"), delete=["P2"])
    assert ids(store.read("parcels")) == ["P2", "P3", "P4"]
    assert store.versions() == before


def test_history_tells_who_when_why_before_and_after(store: Store, clock: Clock) -> None:
    store.add(delivery(), plots("P1", area_recorded=[0.1], valid_from=[date(2026, 1, 1)]), LIN)
    store.edit("parcels", WU, put=plots("P1", status=["ready"]))
    store.edit("parcels", LIN, delete=["P1"])
    born, changed, gone = store.history("parcels", "P1")
    assert [(r.layer, r.id, r.actor, r.reason) for r in (born, changed)] == [
        ("parcels", "P1", "Lin", "Doc 12"),
        ("parcels", "P1", "Wu", "Doc 13"),
    ]
    assert [r.at for r in (born, changed, gone)] == [datetime(2026, 1, 1, 0, 0, k, tzinfo=UTC) for k in (1, 2, 3)]
    assert born.before is None
    assert gone.after is None
    assert (born.after, changed.after) == (changed.before, gone.before)
    assert born.after is not None
    assert (born.after["area_recorded"], born.after["valid_from"], born.after["status"]) == (0.1, date(2026, 1, 1), None)
    assert shapely.from_wkt(born.after["geometry"]) == square(1)
    assert changed.after is not None
    assert (changed.after["status"], changed.after["area_recorded"]) == ("ready", None)
    assert born.seq < changed.seq < gone.seq
    assert store.history("parcels", "nobody") == ()


def test_versions_grow_with_the_layer_that_changed_and_no_other(store: Store) -> None:
    seen = [store.versions()]
    store.add(delivery(), plots("P1"), LIN)
    seen.append(store.versions())
    store.edit("parcels", LIN, put=plots("P1"))
    seen.append(store.versions())
    store.edit("parcels", LIN, delete=["P1"])
    seen.append(store.versions())
    store.add(delivery(), plots()[:0], LIN)
    seen.append(store.versions())
    numbers = [v["parcels"] for v in seen]
    assert numbers == sorted(set(numbers))
    assert {v["roads"] for v in seen} == {0}


def test_as_of_reads_the_base_as_it_was_known(store: Store, clock: Clock) -> None:
    first = store.add(delivery(), plots("P1", "P2"), LIN)
    delivered = clock.at
    store.edit("parcels", LIN, put=plots("P1", "P3", status=["built", "ready"]), delete=["P2"])
    edited = clock.at
    store.add(delivery(), plots("P2"), LIN, replace=True)
    assert ids(store.read("parcels", as_of=delivered)) == ["P1", "P2"]
    assert store.read("parcels", as_of=delivered)["status"].isna().all()
    assert ids(store.read("parcels", as_of=edited)) == ["P1", "P3"]
    assert ids(store.read("parcels", (X + 20, Y, X + 25, Y + 5), as_of=edited)) == ["P1"]
    assert ids(store.read("parcels", ids=["P2"], as_of=edited)) == []
    assert ids(store.read("parcels", as_of=clock.at)) == ["P2"]
    assert store.editions(as_of=edited) == (first,)
    assert store.editions(as_of=delivered - timedelta(days=1)) == ()
    assert len(store.read("parcels", as_of=delivered - timedelta(days=1))) == 0
    china = delivered.astimezone(ZoneInfo("Asia/Shanghai"))
    assert ids(store.read("parcels", as_of=china)) == ["P1", "P2"]
    with pytest.raises(StoreError, match="no time zone"):
        store.read("parcels", as_of=datetime(2026, 1, 1))


def test_a_clock_set_back_does_not_change_the_order(store: Store, clock: Clock) -> None:
    store.add(delivery(), plots("P1", status=["planned"]), LIN)
    clock.at -= timedelta(days=1)
    store.edit("parcels", WU, put=plots("P1", status=["ready"]))
    assert [r.actor for r in store.history("parcels", "P1")] == ["Lin", "Wu"]
    assert store.read("parcels")["status"].item() == "ready"
    assert store.read("parcels", as_of=clock.at)["status"].item() == "ready"


def test_a_snapshot_sees_one_moment_and_refuses_writes(store: Store) -> None:
    store.add(delivery(), plots("P1"), LIN)
    with store.snapshot():
        before = store.versions()
        other = Thread(target=store.edit, args=("parcels", WU), kwargs={"put": plots("P2")})
        other.start()
        other.join()
        with store.snapshot():
            assert ids(store.read("parcels")) == ["P1"]
        assert store.versions() == before
        with pytest.raises(StoreError, match="snapshot"):
            store.edit("parcels", WU, delete=["P1"])
    assert ids(store.read("parcels")) == ["P1", "P2"]
    assert store.versions() != before


def test_findings_come_back_by_parcel_with_their_inputs(store: Store) -> None:
    found, inputs = store.findings()
    assert (len(found), found.index.name, inputs) == (0, "id", {})
    frame = pd.DataFrame(
        {
            "verdict": ["free", None, "blocked"],
            "free_area": [1.5, np.nan, 0.1],
            "claims": pd.array([1, None, 3], dtype="Int64"),
            "access": pd.array([True, None, False], dtype="boolean"),
            "ready_from": pd.to_datetime(["2026-01-01", None, "2027-06-30"]).astype("datetime64[s]"),
        },
        index=pd.Index(["P1", "P2", "P3"], dtype="str", name="id"),
    ).astype({"verdict": "str"})
    told: list[tuple[int, int]] = []
    store.save_findings(frame, {"versions": {"parcels": 7}, "名": "济南"}, progress=lambda *p: told.append(p))
    found, inputs = store.findings()
    assert_frame_equal(found, frame)
    assert inputs == {"versions": {"parcels": 7}, "名": "济南"}
    assert told == [(3, 3)]
    assert_frame_equal(store.findings(["P3", "nobody"])[0], frame[2:])
    assert_frame_equal(store.findings(any_of={"verdict": ["free", "'none"]})[0], frame[:1])
    store.save_findings(frame[["verdict"]][:1], {})
    assert list(store.findings()[0].columns) == ["verdict"]
    with pytest.raises(DuplicateError, match="P1"):
        store.save_findings(pd.concat([frame, frame]), {})
    assert len(store.findings()[0]) == 1


def test_a_stream_of_findings_is_stored_whole_or_not_at_all(store: Store) -> None:
    def part(ids: list[str], state: str | None) -> pd.DataFrame:
        index = pd.Index(ids, dtype="str", name="id")
        return pd.DataFrame({"verdict": pd.array([state] * len(ids), "str"), "area": 1.5}, index=index)

    store.save_findings(part(["P0"], "blocked"), {"on": "then"})

    def broken() -> Iterator[pd.DataFrame]:
        yield part(["P1", "P2"], "free")
        store.add(delivery(), plots("P1"), LIN)  # the base is free for writers meanwhile
        assert list(store.findings()[0].index) == ["P0"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.save_findings(broken(), {"on": "now"})
    assert (list(store.findings()[0].index), store.findings()[1]) == (["P0"], {"on": "then"})
    parts = [part(["P1", "P2"], "free"), part(["P3"], None)]
    store.save_findings(iter(parts), {"on": "now"})
    assert_frame_equal(store.findings()[0], pd.concat(parts))
    with pytest.raises(StoreError, match=r"P1|UNIQUE"):
        store.save_findings(iter([*parts, parts[0]]), {})
    assert store.findings()[1] == {"on": "now"}


def hills(rows: int = 300, columns: int = 520) -> Grid:
    values = (np.arange(rows * columns, dtype=np.float32) / 7).reshape(rows, columns)
    values[5:9, 250:270] = np.nan
    return Grid(values, Affine(2.0, 0, X, 0, -2.0, Y), "EPSG:4548")


def rasters(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "grid": [hills() for _ in ids]})


def test_terrain_is_cut_to_the_box_cell_by_cell(store: Store) -> None:
    edition = store.add(delivery("terrain"), rasters("dem"), LIN)
    whole = store.read("terrain")
    assert (whole["id"].item(), whole["edition"].item()) == ("dem", edition.id)
    np.testing.assert_array_equal(whole["grid"].item().values, hills().values)
    assert whole.total_bounds.tolist() == [X, Y - 600, X + 1040, Y]
    part = store.read("terrain", (X + 501, Y - 21, X + 530, Y - 9))["grid"].item()
    np.testing.assert_array_equal(part.values, hills().values[4:11, 250:265])
    assert (part.transform.c, part.transform.f, part.crs) == (X + 500, Y - 8, "EPSG:4548")
    assert len(store.read("terrain", (X + 2000, Y, X + 2001, Y + 1))) == 0
    point = store.read("terrain", (X + 1, Y - 1, X + 1, Y - 1))["grid"].item()
    assert point.values.tolist() == [[0.0]]


def test_terrain_has_its_history_too(store: Store, clock: Clock) -> None:
    store.add(delivery("terrain"), rasters("dem"), LIN)
    then, version = clock.at, store.versions()["terrain"]
    with pytest.raises(DuplicateError, match="dem"):
        store.add(delivery("terrain"), rasters("dem"), LIN)
    store.add(delivery("terrain"), rasters("dem", "hill"), WU, replace=True)
    assert store.versions()["terrain"] > version
    held = store.stamps("terrain", ["dem", "hill"])
    assert set(held) == {"dem", "hill"}
    store.edit("terrain", LIN, delete=["dem"])
    assert store.changed("terrain", max(held.values())) == ("dem",)
    assert set(store.changed("terrain", 0)) == {"dem", "hill"}
    with pytest.raises(StaleError):
        store.edit("terrain", LIN, delete=["dem"])
    assert ids(store.read("terrain")) == ["hill"]
    assert ids(store.read("terrain", as_of=then)) == ["dem"]
    told = [(r.actor, r.before is None, r.after is None) for r in store.history("terrain", "dem")]
    assert told == [("Lin", True, False), ("Wu", False, True), ("Wu", True, False), ("Lin", False, True)]
    with pytest.raises(StoreError, match="EPSG:4326"):
        store.add(delivery("terrain"), rasters("x").assign(grid=[Grid(hills().values, hills().transform, "EPSG:4326")]), LIN)


NAMES = st.sampled_from(["P1", "P2", "P3", "P4"])
STATES = st.dictionaries(NAMES, st.sampled_from(["planned", "ready", "built"]), max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), STATES),
        st.tuples(st.just("delete"), st.sets(NAMES, min_size=1, max_size=2)),
        st.tuples(st.just("add"), STATES),
        st.tuples(st.just("replace"), STATES),
    ),
    min_size=1,
    max_size=8,
)


def act(store: Store, verb: str, what: Any) -> str:
    """Take a step; gives the name of the error that it ended in."""
    try:
        if verb == "delete":
            store.edit("parcels", LIN, delete=sorted(what))
        elif verb == "put":
            store.edit("parcels", WU, put=plots(*what, status=list(what.values())))
        else:
            store.add(delivery(), plots(*what, status=list(what.values())), Change(verb), replace=verb == "replace")
    except StoreError as error:
        return type(error).__name__
    return ""


def told(store: Store, name: str) -> list[tuple[Any, ...]]:
    return [tuple(r)[1:] for r in store.history("parcels", name)]


def remember_alike(other: Store, memory: Store, ticks: tuple[Clock, Clock], steps: list[tuple[str, Any]]) -> None:
    """Take steps in both bases and hold all that they know, now and as of every step, against each other."""
    moments = [ticks[0].at]
    for verb, what in steps:
        assert act(memory, verb, what) == act(other, verb, what)
        ticks[0].at = ticks[1].at = max(t.at for t in ticks)
        moments.append(ticks[0].at)
    for at in (None, *moments):
        assert_geodataframe_equal(memory.read("parcels", as_of=at), other.read("parcels", as_of=at))
        box = (X + 20, Y, X + 45, Y + 5)
        assert_geodataframe_equal(memory.read("parcels", box, as_of=at), other.read("parcels", box, as_of=at))
        assert memory.editions(as_of=at) == other.editions(as_of=at)
    for name in ("P1", "P2", "P3", "P4"):
        assert told(memory, name) == told(other, name)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_file_remembers_what_memory_remembers(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]) -> None:
    ticks = Clock(), Clock()
    path = tmp_path_factory.mktemp("base") / "land.gpkg"
    with closing(GpkgStore.create(path, clock=ticks[1])) as file:
        remember_alike(file, MemoryStore(clock=ticks[0]), ticks, steps)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_database_remembers_what_memory_remembers(postgres: Cluster, steps: list[tuple[str, Any]]) -> None:
    ticks = Clock(), Clock()
    with postgres.database("template_park") as url, closing(PostgisStore.open(url, clock=ticks[1])) as database:
        remember_alike(database, MemoryStore(clock=ticks[0]), ticks, steps)
