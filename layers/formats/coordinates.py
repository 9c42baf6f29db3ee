"""Tables of boundary points as surveyors hand them over: 点号, X, Y, and where given 圈号 and 地块."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import Text
from layers.formats.boundary import polygons, turned
from layers.formats.gdal import Table

POINT = ("点号", "界址点号", "界址点", "点名", "序号", "point", "point_no", "pointno", "no", "no.", "pt")
RING = ("圈号", "环号", "ring", "ring_no")
PARCEL = ("地块", "地块编号", "地块号", "宗地", "宗地号", "宗地编号", "宗地代码", "parcel", "parcel_no", "lot", "plot")
AXES = (
    ("x", "y"), ("x(m)", "y(m)"), ("x坐标", "y坐标"), ("纵坐标", "横坐标"), ("纵坐标x", "横坐标y"), ("北坐标", "东坐标"),
    ("北", "东"), ("n", "e"), ("north", "east"), ("northing", "easting"), ("lat", "lon"), ("latitude", "longitude"),
    ("纬度", "经度"), ("b", "l"), ("纬度b", "经度l"),
)  # fmt: skip
"""North before east, as surveyors write; X points north."""
ANGLE = (
    r"""^\s*(\d{1,3})\s*[°度dD:]\s*(\d{1,2})\s*[′'’分mM:]\s*(\d{1,2}(?:\.\d+)?)\s*(?:[″"”秒sS]|''|′′)?\s*[NESWnesw北东]?\s*$"""
)


def columns(frame: pd.DataFrame) -> tuple[str, str, str, str | None, str | None] | None:
    """Find the columns of point number, north, east, ring and parcel; None where the table is none of boundary points."""
    named = {
        "".join(str(c).split()).casefold().translate(str.maketrans("\uff08\uff09", "()")): str(c) for c in reversed(frame.columns)
    }

    def first(names: tuple[str, ...]) -> str | None:
        return next((named[n] for n in names if n in named), None)

    point = first(POINT)
    axes = next(((named[a], named[b]) for a, b in AXES if a in named and b in named), None)
    return (point, *axes, first(RING), first(PARCEL)) if point and axes else None


def degrees(column: pd.Series) -> NDArray[np.float64]:
    """Read decimal numbers, and degrees, minutes and seconds, shape (n,); NaN where there is neither."""
    text = column.str.strip()
    parts = text.str.extract(ANGLE).astype("float64")
    angle = parts[0] + parts[1] / 60 + parts[2] / 3600
    plain = pd.to_numeric(text.str.replace(",", "", regex=False), errors="coerce")
    return np.asarray(plain.astype("float64").fillna(angle), np.float64)


def read(frame: pd.DataFrame, found: tuple[str, str, str, str | None, str | None], notes: list[Text]) -> Table:
    """Build one polygon a parcel of a table of points, in the order of their first rows; rows without coordinates end a ring.

    The table has text only. A parcel with a point whose coordinate is no number is damaged. Memory grows with the rows.
    """
    _, north, east, ring, parcel = found
    blank = frame[[north, east]].isna().all(axis=1).to_numpy(bool)
    name = frame[parcel].ffill() if parcel else pd.Series("", frame.index)
    rings = (
        (frame[ring].ffill().fillna("1") if ring else pd.Series("1", frame.index))
        + "/"
        + pd.Series(np.cumsum(blank), frame.index).astype("str")
    )
    xy = np.stack([degrees(frame[north]), degrees(frame[east])], axis=1)
    names, of = np.unique(name.fillna("").to_numpy(object)[~blank], return_inverse=True)
    order = np.argsort(np.unique(of, return_index=True)[1])
    rank = np.empty(len(names), np.intp)
    rank[order] = np.arange(len(names))
    owner, label, there = rank[of], rings.to_numpy(object)[~blank], xy[~blank]
    broken = np.unique(owner[~np.isfinite(there).all(axis=1)])
    rows = np.argsort(owner, kind="stable")
    rows = rows[np.isfinite(there[rows]).all(axis=1)]
    shapes = polygons(owner[rows], label[rows], turned(owner[rows], there[rows], notes), len(names))
    shapes[broken] = None
    attributes = pd.DataFrame({parcel or "地块": pd.Series(names[order], dtype="str").replace("", None)}, dtype="str")
    attributes["界址点数"] = np.bincount(owner, minlength=len(names))
    return Table(attributes, shapes, shapely.is_missing(shapes), None)
