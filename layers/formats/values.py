"""The values of a delivery in the types and codes of a layer; what does not fit is told, never bent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import PANDAS, Codes, Field

Mask = NDArray[np.bool_]
DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%a, %d %b %Y %H:%M:%S GMT",
)  # fmt: skip
"""Ways to write a day that are read without being told; day/month and month/day are not among them."""
FLAGS = {
    "true": True,
    "false": False,
    "t": True,
    "f": False,
    "yes": True,
    "no": False,
    "y": True,
    "n": False,
    "1": True,
    "0": False,
    "是": True,
    "否": False,
}


def text(column: pd.Series) -> pd.Series:
    """Write any column as text, trimmed; whole numbers without a point, days as 2020-05-01, empty text missing."""
    if pd.api.types.is_bool_dtype(column.dtype):
        written = column.astype("boolean").map({True: "true", False: "false"})
    elif pd.api.types.is_float_dtype(column.dtype):
        whole = (column % 1 == 0) & (column.abs() < 2**53)
        written = column.astype("str")
        written = written.mask(whole, column.where(whole).astype("Int64").astype("str"))
    elif pd.api.types.is_datetime64_any_dtype(column.dtype):
        written = column.dt.strftime("%Y-%m-%d").where(column.notna())
    else:
        written = column.astype("str")
    trimmed = written.astype("str").where(column.notna()).str.strip()
    return trimmed.mask(trimmed == "").astype("str")


def convert(column: pd.Series, field: Field, scale: float = 1.0, format: str = "") -> tuple[pd.Series, Mask]:
    """Turn a column into the type of a field; the second answer marks values that are there and do not read.

    Numbers are plain, with a point; integers are whole; infinity is no number, and one below 0 only where the field is signed. Days are read from timestamps, from 20200501 or
    from text in one of DATES or in `format`; a time of day is dropped.
    """
    there = text(column)
    if field.dtype == "text":
        return there, np.zeros(len(column), bool)
    if field.dtype == "date":
        result = days(column, there, format)
    elif field.dtype == "flag":
        result = there.str.lower().map(FLAGS).astype("boolean")
    else:
        number = column if pd.api.types.is_numeric_dtype(column.dtype) else pd.to_numeric(there, errors="coerce")
        real = number.astype("float64") * scale
        real = real.where(np.isfinite(real) & (field.signed | (real >= 0)))
        result = real if field.dtype == "real" else (number if scale == 1.0 else real).where(real % 1 == 0).astype("Int64")
    typed: pd.Series = result.astype(str(PANDAS[field.dtype]))  # type: ignore[call-overload]
    return typed, (there.notna() & result.isna()).to_numpy(bool)


def days(column: pd.Series, there: pd.Series, format: str) -> pd.Series:
    """Read days from timestamps, numbers or text; missing where none is read."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        known: pd.Series = column.dt.tz_localize(None).dt.normalize().astype("datetime64[s]")
        return known
    result = pd.Series(pd.NaT, column.index, "datetime64[s]")
    for way in (format,) if format else DATES:
        open_ = (there.notna() & result.isna()).to_numpy(bool)
        if not open_.any():
            break
        read = pd.to_datetime(there[open_], format=way, errors="coerce", utc="%z" in way)
        naive = read.dt.tz_localize(None) if read.dt.tz is not None else read
        result[open_] = naive.dt.normalize().astype("datetime64[s]")
    return result


def translate(column: pd.Series, table: Mapping[str, str]) -> pd.Series:
    """Translate values as written by `text`; "*" stands for any value that is not named, "" makes a value missing."""
    written = text(column)
    named = {k.strip(): v for k, v in table.items() if k != "*"}
    result = written.map(named).astype("str").mask(written.notna() & ~written.isin(list(named)), written)
    if "*" in table:
        result = result.mask(written.notna() & ~written.isin(list(named)), table["*"])
    return result.mask(result == "").astype("str")


def code(column: pd.Series, codes: Codes) -> tuple[pd.Series, Mask]:
    """Turn values or their names in either language, in any case, into codes; the second answer marks values that are none."""
    names = {name.casefold(): c.value for c in reversed(list(codes.values())) for name in (c.name.en, c.name.zh)}
    names |= {c.value.casefold(): c.value for c in codes.values()}
    known = column.str.casefold().map(names).astype("str")
    return known, (column.notna() & known.isna()).to_numpy(bool)
