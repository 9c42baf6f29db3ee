"""Features out of tables of text: CSV with coordinates or WKT. Every cell stays text."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from layers.base import Text
from layers.formats import coordinates
from layers.formats.encoding import decode
from layers.formats.errors import UnreadableError
from layers.formats.gdal import Table

PAIRS = (
    ("x", "y"),
    ("lon", "lat"),
    ("lng", "lat"),
    ("long", "lat"),
    ("longitude", "latitude"),
    ("经度", "纬度"),
    ("easting", "northing"),
)
WKT = ("wkt", "geometry", "geom", "the_geom", "shape")
COLUMNS = 2000


def separator(first: str) -> str:
    """Choose the separator of a table from its first line."""
    return max(",;\t|", key=first.count)


def read(path: Path, encoding: str | None, notes: list[Text]) -> Table:
    """Read a CSV as `located` says; all attributes are text, empty cells missing.

    A comma as decimal sign is read where the separator is not one. UnreadableError names the line or what columns there are.
    Memory: about ten times the file.
    """
    found, sep = frame(path, encoding)
    return located(path, found, sep, notes)


def frame(path: Path, encoding: str | None) -> tuple[pd.DataFrame, str]:
    """Read a CSV as text, and tell its separator."""
    text = decode(path, path.read_bytes(), encoding)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise UnreadableError(
            f"{path.name} holds NUL characters in line {line}: it is no text, export it again as CSV",
            f"{path.name} 第 {line} 行含 NUL 字符:不是文本,请重新导出为 CSV",
        )
    first = text[: text.find("\n") if "\n" in text else None]
    sep = separator(first)
    if first.count(sep) >= COLUMNS:
        raise UnreadableError(
            f"{path.name} has {first.count(sep) + 1} columns, more than {COLUMNS}: export the columns that are needed",
            f"{path.name} 有 {first.count(sep) + 1} 列,多于 {COLUMNS}:请只导出需要的列",
        )
    try:
        found = pd.read_csv(io.StringIO(text), sep=sep, dtype="str", keep_default_na=False, na_values=[""], index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        what = str(error).strip().splitlines()[-1]
        raise UnreadableError(
            f"{path.name} is no table ({what}): export it again as CSV", f"{path.name} 不是表格({what}):请重新导出为 CSV"
        ) from error
    return freed(found), sep


def freed(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the apostrophe off text that it keeps from being a formula."""
    return pd.DataFrame({name: column.str.replace("^'(?=[=+@\\t\\r-])", "", regex=True) for name, column in frame.items()})


@np.errstate(invalid="ignore", over="ignore")
def located(path: Path, frame: pd.DataFrame, sep: str, notes: list[Text]) -> Table:
    """Find the places in a table of text: points of boundaries by number, WKT, or one point a row in x and y, or lon and lat.

    A coordinate that is no number or a broken WKT gives a missing geometry in a `damaged` row.
    """
    if surveyed := coordinates.columns(frame):
        return coordinates.read(frame, surveyed, notes)
    named = {str(c).strip().casefold(): str(c) for c in reversed(frame.columns)}
    found = next(((named[x], named[y]) for x, y in PAIRS if x in named and y in named), None)
    wkt = next((named[w] for w in WKT if w in named), None)
    if wkt is not None:
        there = frame[wkt].notna().to_numpy(bool)
        text_of = frame[wkt].to_numpy(object).copy()
        text_of[~there] = None
        shapes = np.asarray(shapely.from_wkt(text_of, on_invalid="ignore"), object)
        return Table(frame.drop(columns=wkt), shapes, shapely.is_missing(shapes) & there, None)
    if found is None:
        there_are = columns(frame.columns)
        raise UnreadableError(
            f"{path.name} has no columns x and y, lon and lat, or wkt: rename the columns of the coordinates; {there_are.en}",
            f"{path.name} 没有列 x 和 y、lon 和 lat 或 wkt:请为坐标列改名;{there_are.zh}",
        )
    x, y = (numbers(frame[c], sep) for c in found)
    located = np.isfinite(x) & np.isfinite(y)
    shapes = np.full(len(frame), None, object)
    shapes[located] = shapely.points(x[located], y[located])
    return Table(frame, shapes, ~located & frame[list(found)].notna().any(axis=1).to_numpy(), None)


def numbers(column: pd.Series, sep: str) -> np.ndarray:
    """Read coordinates from text; NaN where there is none."""
    text = column.str.strip() if sep == "," else column.str.strip().str.replace(",", ".", regex=False)
    return pd.to_numeric(text, errors="coerce").to_numpy(float, na_value=np.nan)


def columns(names: Iterable[object]) -> Text:
    """List the first columns for a message."""
    listed = [str(n) for n in names]
    first = f"{', '.join(listed[:20])}{' ...' if len(listed) > 20 else ''}"
    return Text(f"there are: {first}", f"现有:{first}")
