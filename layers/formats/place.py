"""Whether coordinates lie where their CRS is used, and the likely mistake when they do not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geo.crs import cgcs2000, operation
from layers.base import Text
from layers.formats.errors import ImplausibleError

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]
MARGIN = 3.0
"""How far beyond the area of use of a CRS coordinates are still believed [degrees]: one zone of three degrees."""
NUMBERED = range(25, 46)
"""Three-degree Gauss-Kruger zones of China, as prefixed to eastings."""


@lru_cache(maxsize=16)
def to_degrees(source: CRS) -> Transformer:
    """Make the transformer from a CRS to longitude and latitude."""
    return Transformer.from_crs(source, "EPSG:4326", always_xy=True)


def plausible(points: Points, source: CRS, target: CRS) -> Mask:
    """Tell which points, given in `source`, lie within the areas of use of both CRSs."""
    with np.errstate(invalid="ignore", over="ignore"):
        lon, lat = to_degrees(source).transform(points[:, 0], points[:, 1])
    fine = np.isfinite(lon) & np.isfinite(lat)
    if source.is_geographic:
        fine &= (np.abs(points[:, 0]) <= 360) & (np.abs(points[:, 1]) <= 90)
    for crs in (source, target):
        area = crs.area_of_use
        if area is None:
            continue
        fine &= (lat >= area.south - MARGIN) & (lat <= area.north + MARGIN)
        if area.west <= area.east:
            fine &= (lon >= area.west - MARGIN) & (lon <= area.east + MARGIN)
    return np.asarray(fine, bool)


def explain(name: str, points: Points, source: CRS, target: CRS) -> None:
    """Raise the ImplausibleError that names the likely mistake of a file with no point in place."""
    x, y = points[0]
    at = Text(f"{name} has its first feature at {x:.10g}, {y:.10g}", f"{name} 的首个要素在 {x:.10g}, {y:.10g}")
    degrees = bool((np.abs(points) <= (180, 90)).all())
    swapped = plausible(points[:, ::-1], source, target).all()
    zone = int(x // 1e6)
    if source.is_geographic and np.abs(points).max() > 360:
        raise ImplausibleError(
            f"{at.en}, which are no degrees: they look like metres, give their projected system by --crs, as EPSG:4548",
            f"{at.zh},不是度:看来是米,请用 --crs 给出其投影坐标系,如 EPSG:4548",
        )
    if source.is_projected and degrees:
        raise ImplausibleError(
            f"{at.en}, degrees that claim to be metres in {source.name}: give --crs EPSG:4326, or EPSG:4490 for CGCS2000",
            f"{at.zh},是度,却自称为 {source.name} 的米:请给出 --crs EPSG:4326,CGCS2000 则为 EPSG:4490",
        )
    if swapped:
        raise ImplausibleError(
            f"{at.en}, in {source.name} with x and y exchanged: write swap_xy = true into the mapping file",
            f"{at.zh},在 {source.name} 中 x、y 颠倒:请在映射文件中写 swap_xy = true",
        )
    if source.is_projected and zone in NUMBERED:
        raise ImplausibleError(
            f"{at.en}, with the zone number {zone} before x: give --crs {cgcs2000(zone, prefix=True)} if the datum is CGCS2000",
            f"{at.zh},x 前带有带号 {zone}:基准若为 CGCS2000,请给出 --crs {cgcs2000(zone, prefix=True)}",
        )
    lon, lat = to_degrees(source).transform(x, y)
    spot = f"{lon:.4f}°, {lat:.4f}°"
    where = Text(spot, spot) if np.isfinite([lon, lat]).all() else Text("nowhere on Earth", "地球之外")
    raise ImplausibleError(
        f"{at.en} in {source.name}, that is {where.en}, outside the area of {target.name}: "
        "check --crs, or use a base made for that place",
        f"{at.zh}({source.name}),即 {where.zh},超出 {target.name} 的适用范围:请检查 --crs,或使用为该地建立的库",
    )


def moved_by(src: CRS, dst: CRS) -> Text:
    """Name the operation that moved the coordinates, and its accuracy."""
    name, accuracy = operation(src, dst)
    known = (
        Text("accuracy unknown", "精度未知") if accuracy is None else Text(f"accuracy {accuracy:g} m", f"精度 {accuracy:g} 米")
    )
    return Text(f"{src.name} to {dst.name}: {name}, {known.en}", f"{src.name} 转 {dst.name}:{name},{known.zh}")
