"""The boundary-coordinate text of land approvals (报批坐标): parcels as rows of numbered points."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.shape import boundary_points
from layers.base import Text
from layers.formats.encoding import decode
from layers.formats.errors import BadCRSError, UnreadableError
from layers.formats.gdal import Table

ATTRIBUTES = ("界址点数", "面积", "地块编号", "地块名称", "图形属性", "图幅号", "地块用途", "地类编码")
"""What stands before the @ of a parcel's row, in this order; more are called 属性9 and so on."""
AREA = "地块面积"
"""The stated area in m2, whichever unit the file has."""
WIDE = str.maketrans("\uff0c\uff20\uff1d\uff3b\uff3d", ",@=[]")
"""Full-width signs that stand for plain ones."""
END = re.compile(rb"(@|\xa3\xc0|\xef\xbc\xa0)[ \t]*(\r|\n|$)")
DATUMS = {"2000": (4513, 4534, 4491, 4502), "80": (2349, 2370, 2327, 2338), "54": (2401, 2422, 21413, 21453)}
"""EPSG of the first zone of each datum: 3 degrees with and without the zone in the easting, 6 degrees with and without."""
FIRST = {3: (25, 45), 6: (13, 23)}
"""The zones of China by their width [degrees]."""
UNITS = {"ha": 10_000.0, "m2": 1.0, "mu": 2000 / 3}
AGREES = 0.02
"""Share by which the stated area may differ from the outline's, in whichever unit fits."""
NORTH = (1e6, 1e7)
"""Northings in China lie between these [m]; eastings are smaller, or with their zone larger."""


def is_one(path: Path) -> bool:
    """Tell whether a text file is of this kind: a row ends in @."""
    return END.search(path.read_bytes()) is not None


def read(path: Path, encoding: str | None, notes: list[Text]) -> Table:
    """Read the parcels of a boundary text, in their order.

    A row that ends in @ opens a parcel; a row of a point has number, ring, northing and easting, or no ring. Rings end where
    their number changes or where they close, and what lies in a shell is a hole, whatever their numbers say. A parcel with a
    row that is no point, or without a ring, is damaged. Swapped columns, wrong counts and areas are noted. The CRS comes from
    the header and the zone in the eastings; without a datum there is none. Memory grows with the text, about thirty times.
    """
    text = decode(path, path.read_bytes(), encoding).lstrip("\ufeff").translate(WIDE)
    rows = pd.Series(re.split(r"\r\n?|\n", text), dtype="str").str.strip()
    opens = rows.str.endswith("@").to_numpy(bool)
    if not opens.any():
        raise UnreadableError(
            f"{path.name} has no row of a parcel, which ends in @: export it again",
            f"{path.name} 没有以 @ 结尾的地块行:请重新导出",
        )
    parcel = np.cumsum(opens) - 1
    header = _header(rows[parcel < 0])
    attributes = _attributes(rows[opens])
    points, broken = _points(rows, parcel, opens)
    xy = turned(points["parcel"].to_numpy(np.intp), points[["first", "second"]].to_numpy(), notes)
    crs, xy = _placed(xy, header, notes)
    shapes = polygons(points["parcel"].to_numpy(np.intp), points["ring"].to_numpy(object), xy, int(opens.sum()))
    shapes[broken] = None
    attributes[AREA] = _areas(attributes, shapes, notes)
    _counted(attributes, points, notes)
    attributes, shapes = _joined(attributes, shapes, notes)
    return Table(attributes, shapes, shapely.is_missing(shapes), crs)


def _header(rows: pd.Series) -> Mapping[str, str]:
    """Read what the head says, key=value; what it says twice holds as said last."""
    pairs = rows[rows.str.contains("=", regex=False)].str.partition("=")
    return dict(zip(pairs[0].str.strip(), pairs[2].str.strip(), strict=True)) if len(pairs) else {}


def _attributes(rows: pd.Series) -> pd.DataFrame:
    """Split what stands before the @ into columns of text; empty cells are missing."""
    cells = rows.str.removesuffix("@").str.rstrip().str.removesuffix(",").str.split(",", expand=True)
    names = [*ATTRIBUTES, *(f"属性{n}" for n in range(len(ATTRIBUTES) + 1, cells.shape[1] + 1))][: cells.shape[1]]
    trimmed = pd.DataFrame({name: cells[n].str.strip() for n, name in enumerate(names)}).reindex(
        columns=[*names, *(n for n in ATTRIBUTES if n not in names)]
    )
    plain: pd.DataFrame = trimmed.mask(trimmed == "").astype("str").reset_index(drop=True)
    return plain


def _points(rows: pd.Series, parcel: NDArray[np.intp], opens: NDArray[np.bool_]) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Read the rows of points: parcel, ring, first and second coordinate; and which parcels have a row that is none."""
    said = (rows != "").to_numpy(bool) & ~opens & (parcel >= 0) & ~rows.str.startswith("[").to_numpy(bool)
    cells = rows[said].str.removesuffix(",").str.split(",", expand=True).reindex(columns=range(4)).astype("str")
    short = cells[3].isna() & cells[2].notna()
    ring = cells[1].str.strip().mask(short, "1").fillna("1")
    first, second = cells[2].mask(short, cells[1]), cells[3].mask(short, cells[2])
    frame = pd.DataFrame(
        {"parcel": parcel[said], "ring": ring, "first": _numbers(first), "second": _numbers(second)}, index=cells.index
    )
    good = np.isfinite(frame[["first", "second"]].to_numpy()).all(axis=1)
    return frame[good].reset_index(drop=True), np.unique(frame["parcel"].to_numpy(np.intp)[~good])


def _numbers(column: pd.Series) -> pd.Series:
    """Read plain numbers; NaN where there is none."""
    read: pd.Series = pd.to_numeric(column.str.strip(), errors="coerce").astype("float64")
    return read


def turned(parcel: NDArray[np.intp], xy: NDArray[np.float64], notes: list[Text]) -> NDArray[np.float64]:
    """Turn points given as north, east into east, north, shape (n, 2); parcels that have them swapped are noted."""
    north = (xy >= NORTH[0]) & (xy < NORTH[1])
    swapped = north[:, 1] & ~north[:, 0]
    whole = swapped & pd.Series(swapped).groupby(parcel).transform("all").to_numpy(bool)
    if whole.any():
        n = len(np.unique(parcel[whole]))
        notes.append(Text(f"X and Y of {n} parcels were swapped and turned round", f"{n} 个地块的 X、Y 颠倒,已对调"))
    return np.where(whole[:, None], xy, xy[:, ::-1])


def _placed(xy: NDArray[np.float64], header: Mapping[str, str], notes: list[Text]) -> tuple[str | None, NDArray[np.float64]]:
    """Find the CRS, None where the head and the eastings do not settle it; coordinates with the zone in all or no easting."""
    digits = re.search(r"\d+", header.get("带号", ""))
    stated = int(digits[0]) if digits else None
    zones = np.floor(xy[:, 0] / 1e6).astype(np.int64)
    prefixed = zones >= FIRST[6][0]
    among = set(zones[prefixed].tolist())
    if len(among) > 1:
        raise BadCRSError(
            f"the eastings lie in several zones ({', '.join(map(str, sorted(among)))}): split the file by zone",
            f"横坐标分属多个带({'、'.join(map(str, sorted(among)))}):请按带号拆分文件",
        )
    zone = among.pop() if among else stated
    if zone is not None and prefixed.any() and not prefixed.all():
        xy = np.column_stack([np.where(prefixed, xy[:, 0], xy[:, 0] + zone * 1e6), xy[:, 1]])
        notes.append(Text(f"some eastings lacked the zone {zone}; it was added", f"部分横坐标缺少带号 {zone},已补上"))
    name = re.sub(r"\s", "", header.get("坐标系", ""))
    datum = next((key for key in DATUMS if key in name), "2000" if re.search("(?i)cgcs", name) else None)
    if zone is None or datum is None or (stated is not None and stated != zone):
        return None, xy
    width = 3 if zone >= FIRST[3][0] else 6
    if not FIRST[width][0] <= zone <= FIRST[width][1]:
        return None, xy
    first = DATUMS[datum][(0 if width == 3 else 2) + (0 if prefixed.any() else 1)]
    return f"EPSG:{first + zone - FIRST[width][0]}", xy


def polygons(parcel: NDArray[np.intp], label: NDArray[np.object_], xy: NDArray[np.float64], n: int) -> NDArray[np.object_]:
    """Build the polygon of each parcel, shape (n,), by what lies in what; None where a ring has fewer than three points."""
    shapes: NDArray[np.object_] = np.full(n, None, object)
    if not len(xy):
        return shapes
    start = np.r_[True, (parcel[1:] != parcel[:-1]) | (label[1:] != label[:-1])]
    while True:
        ring = np.cumsum(start) - 1
        first = np.flatnonzero(start)
        last = np.r_[start[1:], True]
        early = np.flatnonzero((xy == xy[first[ring]]).all(axis=1) & ~start & ~last)
        if not len(early):
            break
        start[early[np.r_[True, np.diff(ring[early]) != 0]] + 1] = True
    closed = last & ~start & (xy == xy[first[ring]]).all(axis=1)
    ring, xy, owner = ring[~closed], xy[~closed], parcel[first]
    count = np.bincount(ring, minlength=len(owner))
    poor = np.unique(owner[count < 3])
    good = ~np.isin(owner, poor)
    rings: NDArray[np.object_] = np.asarray(
        shapely.linearrings(xy[good[ring]], indices=(np.cumsum(good) - 1)[ring[good[ring]]]), object
    )
    if not len(rings):
        return shapes
    polygons, of = _nested(rings, owner[good])
    some, count = np.unique(of, return_counts=True)
    shapes[some] = shapely.multipolygons(polygons, indices=np.repeat(np.arange(len(some)), count))
    shapes[some[count == 1]] = polygons[np.isin(of, some[count == 1])]
    return shapes


def _nested(rings: NDArray[np.object_], owner: NDArray[np.intp]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Make shells with holes of the rings of each parcel, ordered by parcel: a ring that lies in an odd number is a hole."""
    filled: NDArray[np.object_] = np.asarray(shapely.polygons(rings), object)
    size: NDArray[np.float64] = shapely.area(filled)
    inner, outer = np.zeros(0, np.intp), np.zeros(0, np.intp)
    many = np.flatnonzero(np.bincount(owner)[owner] > 1)
    if len(many):
        valid = many[shapely.is_valid(filled[many])]
        shapely.prepare(filled[valid])
        i, j = shapely.STRtree(filled[valid]).query(filled[valid], predicate="covered_by")
        inner, outer = valid[i], valid[j]
        inside = (owner[inner] == owner[outer]) & (size[inner] < size[outer])
        inner, outer = inner[inside], outer[inside]
    depth = np.bincount(inner, minlength=len(rings))
    around = np.full(len(rings), -1, np.intp)
    order = np.argsort(-size[outer], kind="stable")
    around[inner[order]] = outer[order]
    hole = depth % 2 == 1
    shell = np.where(hole, around, np.arange(len(rings)))
    order = np.lexsort((np.arange(len(rings)), hole, shell, owner[shell]))
    group = np.cumsum(np.r_[True, np.diff(shell[order]) != 0]) - 1
    polygons: NDArray[np.object_] = np.asarray(shapely.polygons(rings[order], indices=group), object)
    return polygons, owner[shell[order][np.r_[True, np.diff(group) != 0]]]


def _areas(attributes: pd.DataFrame, shapes: NDArray[np.object_], notes: list[Text]) -> pd.Series:
    """Read the stated areas in m2: hectares, square metres or mu, whichever agrees with the outline; missing where none does."""
    stated, drawn = _numbers(attributes["面积"]).to_numpy(), shapely.area(shapes)
    drawn = np.where(drawn > 0, drawn, np.nan)
    found = np.full(len(stated), np.nan)
    for factor in UNITS.values():
        fits = np.isnan(found) & (np.abs(stated * factor - drawn) <= AGREES * drawn)
        found[fits] = stated[fits] * factor
    off = np.flatnonzero(np.isfinite(stated) & np.isnan(found) & np.isfinite(drawn))
    if len(off):
        which = attributes["地块编号"].iloc[off[:5]].fillna("?").tolist()
        notes.append(
            Text(
                f"the stated area of {len(off)} parcels fits their outline in no unit ({', '.join(which)}); it was left out",
                f"{len(off)} 个地块的标注面积与界线不符({'、'.join(which)}),未采用",
            )
        )
    return pd.Series(found, attributes.index)


def _joined(attributes: pd.DataFrame, shapes: NDArray[np.object_], notes: list[Text]) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    """Join neighbouring blocks of one number, name and use: they are the parts of one parcel."""
    said = attributes[["地块编号", "地块名称", "地块用途"]].fillna("").to_numpy(object)
    new: NDArray[np.bool_] = np.r_[True, (said[1:] != said[:-1]).any(axis=1) | (said[1:, 0] == "")].astype(bool)
    if new.all():
        return attributes, shapes
    group = np.cumsum(new) - 1
    lost = np.unique(group[shapely.is_missing(shapes)])
    parts, of = shapely.get_parts(shapes, return_index=True)
    joined = np.full(group[-1] + 1, None, object)
    joined[group[new]] = shapes[new]
    several = np.setdiff1d(np.flatnonzero(np.bincount(group) > 1), lost)
    mine = np.isin(group[of], several)
    joined[several] = shapely.multipolygons(parts[mine], indices=np.searchsorted(several, group[of[mine]]))
    joined[lost] = None
    notes.append(
        Text(f"{len(several)} parcels stand in several blocks; they were joined", f"{len(several)} 个地块分块给出,已合并")
    )
    area = attributes[AREA].groupby(group).agg(lambda column: column.sum(skipna=False))
    return attributes.iloc[np.flatnonzero(new)].reset_index(drop=True).assign(**{AREA: area.to_numpy()}), joined


def _counted(attributes: pd.DataFrame, points: pd.DataFrame, notes: list[Text]) -> None:
    """Note the parcels whose count of points is not the number of their rows."""
    said = _numbers(attributes["界址点数"]).to_numpy()
    rows = np.bincount(points["parcel"], minlength=len(said))
    wrong = np.flatnonzero(np.isfinite(said) & (said != rows))
    if len(wrong):
        which = attributes["地块编号"].iloc[wrong[:5]].fillna("?").tolist()
        notes.append(
            Text(
                f"{len(wrong)} parcels count other points than they have ({', '.join(which)})",
                f"{len(wrong)} 个地块的界址点数与实际不符({'、'.join(which)})",
            )
        )


def write(features: gpd.GeoDataFrame, unit: str = "", on: date | None = None, through: bool = False, zone: bool = True) -> str:
    """Write polygons of a CGCS2000 3-degree zone as boundary text, lines ending in CR LF.

    `features` has columns id, and where known name, use and code. `unit` is who made the data and `on` the day. Points are
    numbered in each parcel from 1, or `through` the file; eastings have the `zone` or not. Each part of a multipolygon is a
    block of its own. BadCRSError where the CRS is no such zone. Memory grows with the points.
    """
    number, prefixed = _zone(features.crs)
    parts = features.explode(ignore_index=True)
    points = boundary_points(parts.geometry.to_numpy())
    shift = (number * 1e6 if zone else 0.0) - (number * 1e6 if prefixed else 0.0)
    frame = pd.DataFrame({"shape": points.shape, "ring": points.ring, "y": points.xy[:, 1], "x": points.xy[:, 0] + shift})
    frame["number"] = np.arange(1, len(frame) + 1) if through else points.number
    closing = frame.groupby(["shape", "ring"], sort=False).head(1)
    rows = pd.concat([frame, closing]).assign(last=np.r_[np.zeros(len(frame)), np.ones(len(closing))])
    rows = rows.sort_values(["shape", "ring", "last"], kind="stable")
    lines = (
        "J" + rows["number"].astype("str") + "," + (rows["ring"] + 1).astype("str")
        + "," + rows["y"].map("{:.3f}".format) + "," + rows["x"].map("{:.3f}".format)
    )  # fmt: skip
    blocks = lines.groupby(rows["shape"]).agg("\r\n".join)
    count = rows.groupby("shape").size()
    known = parts.reindex(columns=["id", "name", "use", "code"]).astype("str").fillna("")
    plain = pd.DataFrame({name: known[name].str.replace("[,\uff0c@\uff20\r\n]", " ", regex=True) for name in known})
    area = (parts.geometry.area / 10_000).map("{:.4f}".format)
    heads = (
        count.astype("str")
        + ","
        + area
        + ","
        + plain["id"]
        + ","
        + plain["name"]
        + ",面,,"
        + plain["use"]
        + ","
        + plain["code"]
        + ",@"
    )
    top = [
        "[属性描述]", "格式版本号=1.01版本", f"数据产生单位={unit}",
        f"数据产生日期={f'{on.year}-{on.month}-{on.day}' if on else ''}", "坐标系=2000国家大地坐标系", "几度分带=3",
        "投影类型=高斯克吕格", "计量单位=米", f"带号={number}", "精度=0.001", "转换参数=,,,,,,", "[地块坐标]",
    ]  # fmt: skip
    return "\r\n".join([*top, *(f"{head}\r\n{block}" for head, block in zip(heads, blocks, strict=True))]) + "\r\n"


def unzoned(shapes: NDArray[np.object_], crs: object, notes: list[Text]) -> NDArray[np.object_]:
    """Take the zone out of eastings whose CRS has none, where it is the CRS's own zone: 39500000 is 500000 in zone 39."""
    code = CRS.from_user_input(crs).to_epsg() or 0
    for without, first in ((group[k], FIRST[width]) for group in DATUMS.values() for k, width in ((1, 3), (3, 6))):
        zone = code - without + first[0]
        if not first[0] <= zone <= first[1]:
            continue
        east = shapely.bounds(shapes)[:, [0, 2]]
        prefixed = (east // 1e6 == zone).all(axis=1)
        if prefixed.any():
            shapes = shapes.copy()
            shift = np.array([zone * 1e6, 0.0])
            shapes[prefixed] = shapely.transform(shapes[prefixed], partial(np.add, -shift))
            notes.append(Text(f"the zone {zone} was taken out of the eastings", f"已从横坐标中去掉带号 {zone}"))
    return shapes


def _zone(crs: object) -> tuple[int, bool]:
    """Tell the zone of a CGCS2000 3-degree CRS and whether its eastings have it."""
    code = CRS.from_user_input(crs).to_epsg() or 0
    for first, prefixed in ((4513, True), (4534, False)):
        if first <= code <= first + 20:
            return code - first + 25, prefixed
    raise BadCRSError(
        "boundary text needs a CGCS2000 3-degree zone: give --crs EPSG:4548 or that of your zone",
        "报批坐标须为2000国家大地坐标系3度带:请用 --crs EPSG:4548 或所在带",
    )
