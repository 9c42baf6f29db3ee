"""A table tells what a frame tells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from layers.catalogue import LAYERS
from layers.formats.geojson import features
from layers.store.base import Store
from tests.layers.store.samples import LIN, WU, X, Y, delivery, plots


def test_a_table_of_a_box_tells_what_a_frame_of_it_tells(store: Store) -> None:
    facts = {"status": ["ready", None, "idle"], "area_recorded": [99.5, None, 1.0], "valid_from": ["2026-01-01", None, None]}
    change = store.add(delivery(), plots("P1", "P2", "P9", **facts), LIN)
    then = store.writes()[-1].at
    store.edit("parcels", WU, delete=["P1"])
    for as_of in (None, then):
        frame, table = (read("parcels", box=(X, Y, X + 55, Y + 5), as_of=as_of) for read in (store.read, store.table))
        assert (len(table), table.crs, list(table.index)) == (len(frame), frame.crs, list(frame.index))
        assert [*table.columns, "geometry"] == list(frame.columns)
        assert table.geometry.to_numpy().tolist() == frame.geometry.tolist()
        for name in table.columns:
            pd.testing.assert_series_equal(pd.Series(table[name].array, dtype=frame[name].dtype), frame[name], check_names=False)
    assert len(table) == 2
    assert table.assign(status=["built", None])["status"].to_numpy(object).tolist() == ["built", None]
    assert change.id == table["edition"].to_numpy()[0]
    assert "colour" not in table
    assert table.take(np.array([1]))["id"].tolist() == ["P2"]
    pd.testing.assert_frame_equal(table.frame(), frame)
    assert table[[False, True]]["id"].tolist() == table.iloc[1:]["id"].tolist() == ["P2"]
    column, series = table["area_recorded"], table.frame()["area_recorded"]
    assert (column != 1.0).tolist() == (series != 1.0).tolist()
    assert (2 - column).equals(2 - series)
    assert ["-" + status for status in table["status"] if status] == ["-ready"] * int((table["status"] == "ready").sum())


def test_a_table_is_written_as_a_frame_of_it_is(store: Store) -> None:
    facts = {
        "status": ["ready", None, 'of "two" 100 %'], "area_recorded": [99.5, None, 1.0 / 3.0], "owner": ["\u2028", "王", None],
        "valid_from": ["2026-01-01", None, "1999-12-31"], "required_level": [5, None, 3],
    }  # fmt: skip
    store.add(delivery(), plots("P1", "P2", "P9", **facts), LIN)
    box, fields = (X, Y, X + 1000, Y + 5), LAYERS["parcels"].columns
    frame, table = store.read("parcels", box=box), store.table("parcels", box)
    for crs in (frame.crs, "OGC:CRS84", "EPSG:4490"):
        assert features(table, fields, crs) == features(frame, fields, crs)
    turned, kept = table.take(np.array([2, 0])), table.pick(["id", "valid_from", "required_level"])
    assert features(turned, fields, frame.crs) == features(frame.iloc[[2, 0]], fields, frame.crs)
    assert features(kept, fields, frame.crs) == features(
        frame[["id", "valid_from", "required_level", "geometry"]], fields, frame.crs
    )
    assert features(table.take(np.array([], int)), fields, frame.crs) == []
