"""Rows packed as pages are the rows that binding every value stores."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.base import PANDAS, DType
from layers.store import packed
from layers.store.frames import cells

TYPES: dict[str, DType] = {"t": "text", "n": "integer", "x": "real", "d": "date", "f": "flag"}
COLUMNS = "fid INTEGER PRIMARY KEY, id TEXT NOT NULL, t TEXT, n INTEGER, x REAL, d DATE, f BOOLEAN"
ROW = st.tuples(
    st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=90),
    st.none() | st.sampled_from([0, 1, -1, 127, 128, -128, -129]) | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.dates(),
    st.none() | st.booleans(),
)


def frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Type rows as findings are, by the numbers of their plots."""
    columns = dict(zip(TYPES, zip(*rows, strict=True), strict=True))
    found = pd.DataFrame({name: pd.array(columns[name], PANDAS[kind]) for name, kind in TYPES.items() if kind != "date"})
    days = np.array([str(day or "NaT") for day in columns["d"]], "datetime64[s]")
    return found.assign(d=days)[list(TYPES)].set_axis(pd.Index([f"P-{k}" for k in range(len(rows))], dtype="str"))


def bound(rows: pd.DataFrame, first: int) -> list[tuple[Any, ...]]:
    """Store rows value by value, and read them."""
    with closing(sqlite3.connect(":memory:")) as c:
        c.execute(f"CREATE TABLE found ({COLUMNS})")
        data = [cells(rows[name], kind) for name, kind in TYPES.items()]
        numbers = range(first, first + len(rows))
        c.executemany("INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?)", zip(numbers, rows.index, *data, strict=True))
        return c.execute("SELECT *, typeof(n), typeof(x) FROM found").fetchall()


def opened() -> sqlite3.Connection:
    """Make a database whose table already has a row."""
    c = sqlite3.connect(":memory:", isolation_level=None)
    c.execute(f"CREATE TABLE found ({COLUMNS})")
    c.execute("INSERT INTO found (fid, id) VALUES (3, 'before')")
    return c


@settings(deadline=None, max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=30), st.sampled_from([4, 100, 127, 16_383, 2**40]), st.sampled_from([1, 200]))
def test_what_is_packed_is_read_as_what_is_bound(rows: list[tuple[Any, ...]], first: int, times: int) -> None:
    found = frame(rows * times)
    with closing(opened()) as c:
        assert packed.insert(c, "found", COLUMNS, first, found, TYPES)
        assert c.execute("SELECT *, typeof(n), typeof(x) FROM found WHERE fid > 3").fetchall() == bound(found, first)
        assert c.execute("SELECT id FROM found WHERE fid = 3").fetchall() == [("before",)]
        assert c.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(("size", "fits"), [(65_400, True), (65_501, False), (200_000, False)])
def test_a_row_larger_than_a_page_is_left_to_the_caller(size: int, fits: bool) -> None:
    found = frame([("short", 1, 1.5, None, True), ("长" + "x" * size, None, None, None, None)])
    with closing(opened()) as c:
        assert packed.insert(c, "found", COLUMNS, 4, found, TYPES) is fits
        assert c.execute("SELECT count(*) FROM found WHERE fid > 3").fetchone() == (2 * fits,)
        assert c.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_numbers_of_rows_that_are_there_are_refused() -> None:
    with closing(opened()) as c, pytest.raises(sqlite3.IntegrityError):
        packed.insert(c, "found", COLUMNS, 2, frame([("a", 1, 1.0, None, True)] * 3), TYPES)
