"""Coordinate reference systems: which one it is, whether coordinates fit it, transformations and areas."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from geo.errors import GeoError
from geo.once import once

Shapes = NDArray[np.object_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]

LEGACY = ("xian1980", "beijing1954", "newbeijing")
"""Datums whose shift to others is known only locally."""
CHUNK = 1 << 16
"""Shapes that are measured at a time, so that a million plots need no more memory than these."""


class CRSMismatchError(GeoError):
    """Two things are in different coordinate reference systems."""


class NotProjectedError(GeoError):
    """A planar measure is asked in a CRS of degrees."""


class DatumShiftError(GeoError):
    """Two CRSs differ by a datum shift whose parameters are not given."""


class ImplausibleCoordinatesError(GeoError):
    """Coordinates cannot be in the CRS that is claimed for them; `at` is the position of the first that is not."""

    def __init__(self, en: str, zh: str, at: int = 0) -> None:
        super().__init__(en, zh)
        self.at = at


@lru_cache(maxsize=64)
def _parse(text: str) -> CRS:
    return CRS.from_user_input(text)


def parsed(crs: object) -> CRS:
    """Read a CRS from any text that pyproj reads, once for each text; CRSError where it reads none."""
    return crs if isinstance(crs, CRS) else _parse(str(crs))


def _transformer(src: CRS, dst: CRS) -> Transformer:
    return transformer(src.srs, dst.srs)  # a CRS is compared and hashed by its whole text, which takes longer than a small plot


@once
def transformer(src: str, dst: str) -> Transformer:
    """Find the way between two CRSs, east first, as PROJ chooses it: a datum shift without parameters is left out.

    Finding it takes longer than a small tile, so it is remembered. pyproj finds it anew in each thread (50 ms), so where PROJ knows one
    way only that way is kept by its own text, which a thread reads in 0.2 ms; it knows no CRSs and no accuracy.
    """
    way = _chosen(src, dst)
    several = way.definition.startswith("unavailable")  # PROJ chooses by place, or not before the first point
    return way if several else Transformer.from_pipeline(way.definition)


@once
def _chosen(src: str, dst: str) -> Transformer:
    return Transformer.from_crs(_parse(src), _parse(dst), always_xy=True)


def box_in(box: tuple[float, float, float, float], src: str, dst: str) -> tuple[float, float, float, float] | None:
    """Bound a box of one CRS in another, its border followed by 21 points a side; None where none of it has an image.

    West, south, east, north of straight sides, east first. A box of degrees across the antimeridian is not known as one.
    """
    west, south, east, north = box
    step = np.linspace(0.0, 1.0, 23)
    x, y = west + (east - west) * step, south + (north - south) * step
    side = np.ones_like(step)
    across, up = transformer(src, dst).transform(
        np.concatenate([x, x, west * side, east * side]), np.concatenate([south * side, north * side, y, y])
    )
    there = np.isfinite(across) & np.isfinite(up)
    if not there.any():
        return None
    found = across[there].min(), up[there].min(), across[there].max(), up[there].max()
    return float(found[0]), float(found[1]), float(found[2]), float(found[3])


def _label(crs: CRS) -> str:
    return ":".join(crs.to_authority() or (crs.name,))


def is_same(a: object, b: object) -> bool:
    """Tell whether two CRSs, as text or objects, are one, axis order aside; None is the same as nothing."""
    return a is not None and b is not None and _alike(parsed(a).srs, parsed(b).srs)


@lru_cache(maxsize=256)
def _alike(a: str, b: str) -> bool:
    return bool(_parse(a).equals(_parse(b), ignore_axis_order=True))


def metres_per_unit(crs: object) -> float:
    """Tell the length of a projected CRS's unit [m]; NotProjectedError where its unit is an angle or it has none."""
    c = parsed(crs)
    axes = c.axis_info[:2]
    if c.is_geographic or len(axes) < 2 or "degree" in axes[0].unit_name:
        raise NotProjectedError(
            f"{_label(c)} is in degrees: transform to the project's CRS first, for example EPSG:4548",
            f"{_label(c)} 以度为单位:请先转换到项目坐标系,例如 EPSG:4548",
        )
    return float(axes[0].unit_conversion_factor)


def zone(longitude: ArrayLike) -> Indices:
    """Find the numbers of the 3-degree Gauss-Kruger zones of longitudes [degrees], 39 for 115.5 to 118.5; any shape."""
    return np.floor((np.asarray(longitude, np.float64) + 1.5) / 3).astype(np.intp)


def cgcs2000(number: int, prefix: bool = False) -> str:
    """Name the CGCS2000 3-degree CRS of a zone, eastings with (39500000) or without (500000) the zone's number.

    EPSG: 4488 + zone with, 4509 + zone without, for zones 25 to 45 (central meridian 3 * zone). ImplausibleCoordinatesError
    for others.
    """
    if not 25 <= number <= 45:
        raise ImplausibleCoordinatesError(
            f"zone {number} is not one of China's zones 25 to 45: is the longitude right?",
            f"{number} 带不在中国的 25 至 45 带之内:请检查经度",
        )
    return f"EPSG:{(4488 if prefix else 4509) + int(number)}"


@lru_cache(maxsize=64)
def _home(crs: CRS) -> tuple[float, float, float, float] | None:
    """Bounds of a CRS's area of use in its own coordinates, grown by its width and height; None where it states none."""
    use = crs.area_of_use
    base = crs.geodetic_crs
    if use is None or base is None:
        return None
    if crs.is_geographic:
        left, bottom, right, top = use.bounds
        right += 360.0 if right < left else 0.0
        return left - 5, max(bottom - 5, -90.0), right + 5, min(top + 5, 90.0)
    left, bottom, right, top = _chosen(base.srs, crs.srs).transform_bounds(*use.bounds)
    if not np.isfinite((left, bottom, right, top)).all():
        return None
    wide, high = right - left, top - bottom
    return left - wide, bottom - high, right + wide, top + high


def _fits(bounds: Numbers, home: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    left, bottom, right, top = home
    x0, y0, x1, y1 = bounds.T
    fits: NDArray[np.bool_] = (x0 >= left) & (y0 >= bottom) & (x1 <= right) & (y1 <= top)
    return fits


def check_plausible(bounds: ArrayLike, crs: object) -> None:
    """Refuse bounds that cannot be in the CRS that is claimed: not finite, swapped, in degrees, in metres, in another zone.

    bounds: left, bottom, right, top, east before north, shape (4,) or (n, 4). They are held against the CRS's area of use
    grown by its own size (degrees: by 5), so that land beyond a zone's edge passes. Where latitudes and longitudes are both
    small, as in Europe, a swap in a worldwide CRS of degrees cannot be seen. ImplausibleCoordinatesError with the remedy,
    and with the position of the first bad row.
    """
    b, c = np.atleast_2d(np.asarray(bounds, np.float64)), parsed(crs)
    finite = np.isfinite(b).all(axis=1)
    home = _home(c) or ((-180.0, -90.0, 180.0, 90.0) if c.is_geographic else None)
    bad = ~finite | (~_fits(b, home) if home else _fits(b, (-180.0, -90.0, 180.0, 90.0)))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        en, zh = _remedy(b[at], c, home)
        where, name = _numbers(b[at]), _label(c)
        raise ImplausibleCoordinatesError(f"{where} cannot be in {name}: {en}", f"{where} 不可能在 {name} 中:{zh}", at)


def _numbers(bounds: Numbers) -> str:
    return "(" + ", ".join(f"{k:.10g}" for k in bounds) + ")"


def _remedy(bounds: Numbers, crs: CRS, home: tuple[float, float, float, float] | None) -> tuple[str, str]:
    """Say what is wrong with bounds that do not fit, and what to do, in English and Chinese."""
    if not np.isfinite(bounds).all():
        return "not finite; repair or leave out the feature", "不是有限数,请修复或去掉该要素"
    if home and _fits(bounds[None, [1, 0, 3, 2]], home)[0]:
        return (
            "x and y are swapped; give east before north (survey tables give X = north, Y = east)",
            "x、y 颠倒,请先东后北(测量成果表的 X 为北、Y 为东)",
        )
    size = np.abs(bounds).reshape(2, 2).max(axis=0)
    degrees = size.max() <= 180 and size.min() <= 90
    if crs.is_geographic and not degrees:
        return "these are metres, not degrees; state their projected CRS", "这是米而不是度,请说明其投影坐标系"
    if degrees and not crs.is_geographic:
        return (
            "these are degrees, not metres; state the geographic CRS they are in, for example EPSG:4490",
            "这是度而不是米,请说明其地理坐标系,例如 EPSG:4490",
        )
    number = int(bounds[0] // 1e6)
    if 25 <= number <= 45 and bounds[2] // 1e6 == number:
        name = cgcs2000(number, prefix=True)
        return (
            f"the eastings bear the prefix of zone {number}; if they are CGCS2000 they are in {name}",
            f"东坐标带有 {number} 带的带号,若为 CGCS2000 则坐标系为 {name}",
        )
    if home and 25e6 < home[0] < 46e6 and 0 < bounds[0] < 1e6:
        return (
            "the eastings lack the zone's prefix; state the CRS without prefix",
            "东坐标缺少带号,请说明不带带号的坐标系",
        )
    return "outside the CRS's area of use; state the CRS they are in", "超出该坐标系的适用范围,请说明其真正的坐标系"


def check_shapes(shapes: Shapes, crs: object) -> None:
    """Refuse shapes whose coordinates cannot be in the CRS, as `check_plausible`; None and empty shapes pass.

    Unlike bounds this finds single coordinates that are not finite. ImplausibleCoordinatesError with the position in `shapes`.
    """
    xy, shape = shapely.get_coordinates(shapes, return_index=True)
    broken = shape[~np.isfinite(xy).all(axis=1)]
    if len(broken):
        raise ImplausibleCoordinatesError(
            "a coordinate is not finite: repair or leave out the feature", "有坐标不是有限数:请修复或去掉该要素", int(broken[0])
        )
    there = np.flatnonzero(~(shapely.is_empty(shapes) | shapely.is_missing(shapes)))
    try:
        check_plausible(shapely.bounds(shapes[there]), crs)
    except ImplausibleCoordinatesError as error:
        raise ImplausibleCoordinatesError(error.en, error.zh, int(there[error.at])) from None


@lru_cache(maxsize=64)
def _legacy(text: str) -> str | None:
    """Name the CRS's datum where shifts from it need local parameters; None for others and where the CRS brings them."""
    crs = _parse(text)
    datum = crs.geodetic_crs.datum if crs.geodetic_crs else None
    if datum is None or crs.is_bound:
        return None
    plain = "".join(filter(str.isalnum, datum.name)).lower()
    return datum.name if any(name in plain for name in LEGACY) else None


REACH = 3.0
"""Degrees around a CRS's area of use in which it is still trusted."""


def in_reach(shape: BaseGeometry, src: object, dst: object) -> BaseGeometry:
    """Cut a shape in degrees to where a projected CRS reaches: its area of use and 3 degrees around; others pass.

    The world is no box in a projected CRS. What comes back may be empty.
    """
    land = _reached(parsed(src).srs, parsed(dst).srs)
    return shape if land is None or shapely.covers(land, shape) else shape.intersection(land)


@lru_cache(maxsize=64)
def _reached(src: str, dst: str) -> BaseGeometry | None:
    """Bound in degrees where a projected CRS reaches; None where nothing needs cutting."""
    one, other = _parse(src), _parse(dst)
    use = other.area_of_use
    if not one.is_geographic or other.is_geographic or use is None or use.west > use.east:
        return None
    land = shapely.box(use.west - REACH, max(use.south - REACH, -90), use.east + REACH, min(use.north + REACH, 90))
    shapely.prepare(land)
    return land


def transform(shapes: Shapes, src: object, dst: object) -> Shapes:
    """Transform shapes from one CRS to another, coordinates east before north on both sides; heights are kept as they are.

    Shapes of the same CRS come back as they are; EPSG:4490 and 4326 differ by nothing here (decimetres, by epoch).
    DatumShiftError between Xi'an 1980 or Beijing 1954 and another datum, unless the CRS brings its parameters (a bound
    CRS, +towgs84): a silent shift is wrong by tens of metres. ImplausibleCoordinatesError where a coordinate has no image.
    """
    one, other = parsed(src), parsed(dst)
    if is_same(one, other):
        return shapes
    old, new = _legacy(one.srs), _legacy(other.srs)
    if old != new:
        raise DatumShiftError(
            f"{_label(one)} to {_label(other)} shifts the datum {old or new}, whose parameters are local: "
            "give them as a bound CRS (+towgs84=...) or have the data transformed by the survey office",
            f"{_label(one)} 到 {_label(other)} 要转换基准 {old or new},其参数因地而异:请用带参数的坐标系(+towgs84=...)给出,或请测绘部门转换数据",
        )
    transformer = _transformer(one, other)

    def move(xy: Numbers) -> Numbers:
        moved = np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)
        lost = np.flatnonzero(~np.isfinite(moved).all(axis=1))
        if len(lost):
            raise ImplausibleCoordinatesError(
                f"{_numbers(xy[lost[0]])} in {_label(one)} has no place in {_label(other)}: check the CRS",
                f"{_label(one)} 中的 {_numbers(xy[lost[0]])} 在 {_label(other)} 中没有对应位置:请检查坐标系",
            )
        return moved

    height = shapely.has_z(shapes)
    moved = shapely.transform(shapes, move)
    if height.any():

        def keep_height(xyz: Numbers) -> Numbers:
            return np.column_stack([move(xyz[:, :2]), xyz[:, 2]])

        moved = np.array(moved, object)
        moved[height] = shapely.transform(shapes[height], keep_height, include_z=True)
    out: Shapes = moved
    return out


def operation(src: object, dst: object) -> tuple[str, float | None]:
    """Name the operation that `transform` does between two CRSs, and its accuracy [m]; None where it is not known."""
    way = _chosen(parsed(src).srs, parsed(dst).srs)
    return way.description, way.accuracy if way.accuracy >= 0 else None


def north_first(crs: object) -> bool:
    """Tell whether the authority of a CRS puts north before east, as EPSG does for 4326, 4490 and CGCS2000's zones."""
    axes = parsed(crs).axis_info
    return len(axes) > 1 and axes[0].direction.lower() == "north"


def turned(shapes: Shapes) -> Shapes:
    """Swap the first two coordinates; heights are kept."""
    found: Shapes = np.array(shapely.transform(shapes, lambda xy: xy[:, ::-1]), object)
    height = shapely.has_z(shapes)
    if height.any():
        found[height] = shapely.transform(shapes[height], lambda xyz: xyz[:, [1, 0, 2]], include_z=True)
    return found


def planar_area(shapes: Shapes, crs: object) -> Numbers:
    """Measure polygons on the plane of their CRS [m2], shape (n,); NotProjectedError for a CRS of degrees."""
    return np.asarray(shapely.area(shapes) * metres_per_unit(crs) ** 2, np.float64)


class _Rings:
    """Vertices of the rings of polygons, the last one of each ring being its first."""

    def __init__(self, shapes: Shapes) -> None:
        parts, part_of = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
        rings, ring_of = shapely.get_rings(parts, return_index=True)
        self.xy, self.ring = shapely.get_coordinates(rings, return_index=True)
        self.shape = part_of[ring_of]
        self.edge = np.flatnonzero(self.ring[1:] == self.ring[:-1])
        self.first = np.searchsorted(self.ring, np.arange(len(self.shape)))

    def add(self, per_edge: Numbers, count: int) -> Numbers:
        """Add up a number of each edge by shape, shape (count,)."""
        return np.bincount(self.shape[self.ring[self.edge]], per_edge, count).astype(np.float64)


def ellipsoidal_area(shapes: Shapes, crs: object, straight: bool = True) -> Numbers:
    """Measure polygons on the ellipsoid of their CRS [m2], shape (n,), by the formula of China's land surveys.

    Each edge bounds a strip from a meridian to the edge, between two parallels, whose area is a series in e2 to the fourth
    power (second and third national land surveys, TD/T 1014-2007, trapezoids on the ellipsoid). `straight`: edges are straight
    in the CRS, by a third point in the middle of each; on a projected grid that equals geodesic areas within 1e-4 m2 on 5 ha
    (of the boundary with points each 20 m: one long geodesic is not straight on the grid away from its central meridian).
    Otherwise the bare formula, as offices compute it: an edge takes its mean longitude, which bows it by millimetres; errors
    cancel on a rectangle, a triangle of 5 ha and 300 m edges is 0.9 m2 off. Interiors count negative; 0 for None, empty and
    non-areal shapes. No datum is shifted. Memory grows with the vertices of `CHUNK` shapes, some 300 bytes each.
    """
    c = parsed(crs)
    ellipsoid, base = c.ellipsoid, c.geodetic_crs
    if ellipsoid is None or base is None:
        raise NotProjectedError(
            f"{_label(c)} has no ellipsoid: state the CRS of the data", f"{_label(c)} 没有椭球:请说明数据的坐标系"
        )
    axes = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    parts = [_on_ellipsoid(shapes[k : k + CHUNK], c, base, axes, straight) for k in range(0, len(shapes), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _on_ellipsoid(shapes: Shapes, c: CRS, base: CRS, axes: tuple[float, float], straight: bool) -> Numbers:
    """Measure a chunk of polygons for `ellipsoidal_area`."""
    rings = _Rings(shapes)
    xy, here = rings.xy, rings.edge
    origin = rings.first[rings.ring]
    middle = (xy[here] + xy[here + 1]) / 2

    def angles(points: Numbers) -> tuple[Numbers, Numbers]:
        east, north = points.T if c.is_geographic else _transformer(c, base).transform(*points.T)
        return np.radians(east), np.radians(north)

    # measured from the ring's own meridian, else small areas drown in the rounding of strips thousands of kilometres wide
    east, north = angles(xy)
    start = east[origin]
    first, last = (east - start)[here], (east - start)[here + 1]
    whole = _strip(north[here], north[here + 1], *axes)
    if not straight:
        return rings.add((first + last) / 2 * whole, len(shapes))
    half_east, half_north = angles(middle)
    half = _strip(north[here], half_north, *axes)
    # the integral of longitude over strip area where both are parabolas along the edge through its three points
    area = first * (4 * half - whole) + 4 * (half_east - start[here]) * whole + last * (3 * whole - 4 * half)
    return rings.add(area / 6, len(shapes))


def _strip(south: Numbers, north: Numbers, a: float, b: float) -> Numbers:
    """Measure the strip between two latitudes [rad] on an ellipsoid [m], one radian of longitude wide [m2], signed."""
    rise, mean = north - south, (north + south) / 2
    terms = (
        (-1) ** k * factor * np.sin((2 * k + 1) * rise / 2) * np.cos((2 * k + 1) * mean)
        for k, factor in enumerate(_survey_series(1 - (b / a) ** 2))
    )
    return np.asarray(2 * b * b * sum(terms), np.float64)


def _survey_series(e2: float) -> tuple[float, float, float, float, float]:
    """Coefficients A to E of the survey formula, of the first eccentricity squared."""
    return (
        1 + 3 / 6 * e2 + 30 / 80 * e2**2 + 35 / 112 * e2**3 + 630 / 2304 * e2**4,
        1 / 6 * e2 + 15 / 80 * e2**2 + 21 / 112 * e2**3 + 420 / 2304 * e2**4,
        3 / 80 * e2**2 + 7 / 112 * e2**3 + 180 / 2304 * e2**4,
        1 / 112 * e2**3 + 45 / 2304 * e2**4,
        5 / 2304 * e2**4,
    )


def area_sigma(shapes: Shapes, m: ArrayLike) -> Numbers:
    """Estimate the standard deviation of polygons' areas [CRS unit squared] from that of their boundary points, shape (n,).

    m: mean error of a point, both axes together (root 2 times that of one) [CRS unit], one or one for each shape; 0.05,
    0.075 and 0.10 m for classes I, II and III.
    sigma = m * sqrt(sum of D2 / 8), D from the point before to the point after each point; holes add to it.
    """
    rings = _Rings(shapes)
    last = np.r_[rings.first[1:], len(rings.ring)] - 1
    here = rings.edge
    # the point before a ring's first is the one before its closing point
    before = np.where(here == rings.first[rings.ring[here]], last[rings.ring[here]] - 1, here - 1)
    chord = rings.xy[here + 1] - rings.xy[before]
    out: Any = np.asarray(m, np.float64) * np.sqrt(rings.add((chord**2).sum(axis=1), len(shapes)) / 8)
    return np.asarray(out, np.float64)
