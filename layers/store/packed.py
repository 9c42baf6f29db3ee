"""Many rows handed to SQLite at once: a kernel writes them as pages of a database, of which SQLite copies whole records.

To bind the seventy values of a row takes ten times as long. The format is https://sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.jit import inlined, kernel
from layers.base import DType, arrays_of

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]

PAGE = 65_536
"""The largest page that there is [bytes]: a row must fit into one, and one page must list all others."""
LARGEST = PAGE - 35
"""The most that a row may take; of a larger one SQLite keeps the end elsewhere."""
MOST = 4_000
"""So many pages of rows one page can list, in 15 bytes each."""
NULL, BYTE, INTEGER, REAL, ZERO, ONE, TEXT = 0, 1, 6, 7, 8, 9, 13
"""How a value is stored; a text of n bytes as TEXT + 2 n."""
ROWS, LIST = 13, 5
"""Kinds of pages: one that holds rows, and one that lists pages."""
COUNT = slice(28, 32)
"""Where the first page tells how many there are."""
NOTHING: Bytes = np.empty(0, np.uint8)


class Column(NamedTuple):
    """How each value of a column is stored and its bits, or of a text the place of its first byte in `text`."""

    stored: Whole
    bits: Whole
    text: Bytes = NOTHING


def insert(
    connection: sqlite3.Connection, table: str, columns: str, first: int, rows: pd.DataFrame, types: Mapping[str, DType]
) -> bool:
    """Insert rows into a table of `columns`, in SQL: their numbers from `first` on, the index, and what `types` names.

    `rows` has the types of a store. False, and nothing is inserted, where a row has more than LARGEST bytes. Memory grows with the rows, some 2 kB
    each of seventy columns.
    """
    arrays = arrays_of(rows)
    held = [_column(rows.index.array, "text"), *(_column(arrays[name], kind) for name, kind in types.items())]
    begin = np.cumsum([0, *(len(column.text) for column in held)])
    stored = np.stack([column.stored for column in held])
    bits = np.stack([column.bits + start * bool(len(column.text)) for column, start in zip(held, begin[:-1], strict=True)])
    heads, sizes, page = _planned(stored, first)
    pages = int(page[-1]) + 1
    if sizes.max() > LARGEST or pages > MOST:
        return False
    lists = int(pages > 1)
    image = np.zeros((1 + lists + pages, PAGE), np.uint8)
    image[0] = _about(columns, len(image))
    if lists:
        _list(first + np.flatnonzero(np.diff(page)), image[1])
    _write(stored, bits, np.concatenate([column.text for column in held]), first, heads, sizes, page, image[1 + lists :])
    connection.execute("ATTACH ':memory:' AS packed")
    try:
        connection.deserialize(image.data, name="packed")
        connection.execute(f"INSERT INTO {table} SELECT * FROM packed.rows")
    finally:
        connection.execute("DETACH packed")
    return True


def _about(columns: str, pages: int) -> Bytes:
    """Write the first page of a database of so many, of which the table `rows` begins at the second."""
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.execute(f"PRAGMA page_size = {PAGE}")
        empty.execute(f"CREATE TABLE rows ({columns})")
        about = np.frombuffer(empty.serialize(), np.uint8)[:PAGE].copy()
    about[COUNT] = np.frombuffer(pages.to_bytes(4, "big"), np.uint8)
    return about


def _column(array: Any, kind: DType) -> Column:
    """Take the values of a typed array."""
    if kind == "text":
        text = array.__arrow_array__().combine_chunks()
        _, ends, letters = text.buffers()
        at = np.frombuffer(ends, np.int64)[text.offset : text.offset + len(text) + 1]
        stored = np.where(np.asarray(text.is_valid()), TEXT + 2 * np.diff(at), NULL)
        return Column(stored, at[:-1], np.frombuffer(letters, np.uint8) if letters else NOTHING)
    if kind == "date":
        place, days = pd.factorize(np.asarray(array, "datetime64[s]"))
        written = np.datetime_as_string(days, unit="D").astype("S10").tobytes()
        return Column(
            np.where(place >= 0, TEXT + 2 * len("2000-01-01"), NULL), place * len("2000-01-01"), np.frombuffer(written, np.uint8)
        )
    if kind == "real":
        return Column(np.select([np.isnan(array), array == 0], [NULL, ZERO], REAL), array.view(np.int64))
    values = array.to_numpy(np.int64, na_value=0)
    small = (values >= -128) & (values < 128)
    return Column(np.select([pd.isna(array), values == 0, values == 1, small], [NULL, ZERO, ONE, BYTE], INTEGER), values)


@inlined
def _width(stored: int) -> int:
    """Tell how many bytes a value takes."""
    if stored >= TEXT:
        return (stored - TEXT) // 2
    return 8 if stored in (INTEGER, REAL) else int(stored == BYTE)


@inlined
def _digits(value: int) -> int:
    """Tell how many bytes a number takes that is written seven bits a byte."""
    n = 1
    while value > 127:
        value >>= 7
        n += 1
    return n


@inlined
def _put(page: Bytes, at: int, value: int) -> int:
    """Write a number seven bits a byte, all bytes but the last marked; the place behind it."""
    n = _digits(value)
    for k in range(n):
        page[at + k] = value >> 7 * (n - 1 - k) & 127 | 128 * (k < n - 1)
    return int(at + n)


@inlined
def _put_whole(page: Bytes, at: int, value: int, size: int) -> int:
    """Write a number of `size` bytes, the highest first; the place behind it."""
    for k in range(size):
        page[at + k] = value >> 8 * (size - 1 - k) & 255
    return at + size


@kernel
def _planned(stored: Whole, first: int) -> tuple[Whole, Whole, Whole]:
    """Plan rows: the bytes of the head of each, which says how its values are stored, the bytes of head and values, its page."""
    n = stored.shape[1]
    head, size, page = np.full(n, 2), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for c in range(len(stored)):
        for r in range(n):
            head[r] += _digits(stored[c, r])
            size[r] += _width(stored[c, r])
    at, left = 0, PAGE - 8
    for r in range(n):
        head[r] += head[r] > 127
        size[r] += head[r]
        need = _digits(size[r]) + _digits(first + r) + size[r] + 2
        if need > left:
            at, left = at + 1, PAGE - 8
        page[r], left = at, left - need
    return head, size, page


@kernel
def _write(stored: Whole, bits: Whole, text: Bytes, first: int, heads: Whole, sizes: Whole, pages: Whole, leaves: Bytes) -> None:
    """Write rows on pages, each from the end on."""
    n, count, bottom = stored.shape[1], 0, PAGE
    for r in range(n):
        page = leaves[pages[r]]
        if r == 0 or pages[r] != pages[r - 1]:
            count, bottom = 0, PAGE
        bottom -= _digits(sizes[r]) + _digits(first + r) + sizes[r]
        head = _put(page, _put(page, bottom, sizes[r]), first + r)
        at = head + heads[r]
        head = _put(page, head, heads[r]) + 1  # the number of the row, which is stored beside it, is stored as NULL
        for c in range(len(stored)):
            kind, value = stored[c, r], bits[c, r]
            head = _put(page, head, kind)
            if kind >= TEXT:
                for k in range((kind - TEXT) // 2):
                    page[at + k] = text[value + k]
                at += (kind - TEXT) // 2
            else:
                at = _put_whole(page, at, value, _width(kind))
        _put_whole(page, 8 + 2 * count, bottom, 2)
        count += 1
        page[0] = ROWS
        _put_whole(page, 3, count, 2)
        _put_whole(page, 5, bottom, 2)


@kernel
def _list(last: Whole, page: Bytes) -> None:
    """List pages that begin behind the list, with the last row of each but the last page."""
    bottom = PAGE
    for k in range(len(last)):
        bottom -= 4 + _digits(last[k])
        _put(page, _put_whole(page, bottom, 3 + k, 4), last[k])
        _put_whole(page, 12 + 2 * k, bottom, 2)
    page[0] = LIST
    _put_whole(page, 3, len(last), 2)
    _put_whole(page, 5, bottom, 2)
    _put_whole(page, 8, 3 + len(last), 4)
