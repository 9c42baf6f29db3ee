"""Pages and simple conditions: what a database pushes down is what the frame would have said."""

from collections.abc import Iterator
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from layers.base import Edition
from layers.store import history
from layers.store.base import Compare, Store, StoreError
from layers.store.gpkg import GpkgStore
from layers.store.memory import MemoryStore
from layers.store.postgis import PostgisStore
from tests.layers.store.samples import WU, Clock, X, Y
from tests.postgres import Cluster

COUNT = 400
WHERES = [
    (),
    (Compare("status", "=", "ready"),),
    (Compare("status", "<>", "ready"),),
    (Compare("status", "missing"), Compare("block", "known")),
    (Compare("status", "in", ("ready", "内", "gone")),),
    (Compare("block", ">", "甲"), Compare("block", "<=", "𠀀")),
    (Compare("area_recorded", ">=", 0.3), Compare("area_recorded", "<", 250)),
    (Compare("area_recorded", "in", (0.1 + 0.2, 7)),),
    (Compare("valid_from", "<=", date(2026, 3, 1)), Compare("valid_to", "missing")),
    (Compare("valid_from", "in", (date(2026, 2, 28), date(2026, 3, 2))),),
]
BOXES = [None, (X + 100, Y, X + 260, Y + 45), (X - 1, Y - 1, X + 1e4, Y + 1e4)]


def land() -> gpd.GeoDataFrame:
    """Plots on a lattice, their ids in no order of place, every fifth value missing."""
    rng = np.random.default_rng(4)
    k = np.arange(COUNT)
    missing = rng.random((4, COUNT)) < 0.2
    names = np.array(["甲", "乙", "Z", "a", "𠀀", "é", ""], object)
    return gpd.GeoDataFrame(
        {
            "id": [f"{'Pp宗'[n % 3]}-{(n * 7919) % 1009}" for n in k],
            "block": np.where(missing[0], None, names[k % 7]),
            "status": np.where(missing[1], None, np.array(["ready", "built", "内"], object)[k % 3]),
            "area_recorded": np.where(missing[2], np.nan, rng.choice([0.1 + 0.2, 7, 249.99, 250, 1e9], COUNT)),
            "valid_from": pd.Series(np.where(missing[3], np.datetime64("NaT"), np.datetime64("2026-02-27") + k % 5)),
            "valid_to": pd.Series(np.where(k % 4, np.datetime64("NaT"), np.datetime64("2027-01-01"))),
        },
        geometry=shapely.box(X + k % 40 * 20, Y + k // 40 * 20, X + k % 40 * 20 + 9.7, Y + k // 40 * 20 + 9.7),
        crs="EPSG:4548",
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[tuple[Store, ...]]:
    """The same land in memory, in a file and in PostGIS."""
    path = tmp_path_factory.mktemp("pages") / "land.gpkg"
    clock = Clock()
    with postgres.database() as url:
        made = (
            MemoryStore("EPSG:4548"), GpkgStore.create(path, "EPSG:4548", clock=clock), PostgisStore.create(url, "EPSG:4548", clock=clock)
        )  # fmt: skip
        for store in made:
            store.add(Edition("", "parcels", "survey", date(2026, 1, 1)), land(), WU)
        yield made
        for store in made[1:]:
            store.close()


@pytest.mark.parametrize("box", BOXES, ids=["anywhere", "corner", "all"])
@pytest.mark.parametrize("where", WHERES, ids=lambda w: " & ".join(f"{c.column} {c.op}" for c in w) or "all")
@pytest.mark.parametrize("many", [5, 10_000], ids=["along the ids", "from the tree"])
def test_pages_put_together_are_the_whole_in_the_order_of_ids(stores, box, where, many, monkeypatch) -> None:
    monkeypatch.setattr(history, "MANY", many)
    memory, *bases = stores
    whole = memory.read("parcels", box, where=where)
    pages, after = [], None
    while pages == [] or len(pages[-1]) == 90:
        pages.append(memory.read("parcels", box, where=where, after=after, limit=90))
        for base in bases:
            assert_geodataframe_equal(base.read("parcels", box, where=where, after=after, limit=90), pages[-1])
        after = pages[-1]["id"].iloc[-1] if len(pages[-1]) else None
    assert [i for page in pages for i in page["id"]] == sorted(whole["id"])
    for base in bases:
        assert_geodataframe_equal(base.read("parcels", box, where=where), whole)
        if box != BOXES[1]:
            assert base.count("parcels", box, where) == memory.count("parcels", box, where) == len(whole)
        assert base.count("parcels", box, where, most=9) == min(9, len(whole))


def test_a_page_as_of_before_is_that_of_then(stores) -> None:
    for store in stores:
        before = store.read("parcels", where=WHERES[1], limit=50)
        version, first = store.versions()["parcels"], store.read("parcels", ids=[before["id"].iloc[0]])
        store.edit("parcels", WU, put=first.assign(status="built"))
        assert before["id"].iloc[0] not in store.read("parcels", where=WHERES[1], limit=50)["id"].tolist()
        assert_geodataframe_equal(store.read("parcels", as_of=version, where=WHERES[1], limit=50), before)
        store.edit("parcels", WU, put=first)


def test_a_condition_on_what_it_cannot_compare_is_refused(stores) -> None:
    for store in stores:
        with pytest.raises(StoreError, match="no column 'colour'"):
            store.read("parcels", where=[Compare("colour", "=", "red")])
        with pytest.raises(StoreError, match="is a flag"):
            store.read("corridors", where=[Compare("built_up", "=", True)])
