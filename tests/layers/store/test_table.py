"""A table tells what a frame tells."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
