"""Coordinate reference systems by their URIs (OGC API - Features, Part 2)."""

from __future__ import annotations

import re

from pyproj import CRS

from geo.crs import cgcs2000, north_first
from layers.filter.errors import FilterError
from layers.filter.tree import Places

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
WORLD = ("EPSG:4326", "EPSG:4490", "EPSG:3857")
CHINA = 4490
ZONES = range(25, 46)


def uri(code: str) -> str:
    """Write the URI of "EPSG:n"."""
    return EPSG + code.removeprefix("EPSG:")


def offered(base: str) -> list[str]:
    """List the CRSs in which a base in the CRS `base` is served: its own, the world's, and China's zones where it is in one."""
    own = CRS.from_user_input(base).geodetic_crs
    zones = [cgcs2000(n, prefix) for prefix in (False, True) for n in ZONES] if own and own.to_epsg() == CHINA else []
    return [CRS84, *dict.fromkeys(uri(code) for code in (base, *WORLD, *zones))]


def places(name: str | None, base: str) -> Places:
    """Find a CRS by its URI, or by EPSG:n; FilterError where the base is not served in it."""
    if name is None:
        return Places(to=base)
    wanted = uri(name) if re.fullmatch(r"EPSG:\d{1,9}", name) else name.strip("[]<>")
    if wanted not in offered(base):
        raise FilterError(
            f"{name[:100]!r} is no CRS of this collection; its `crs` lists them, such as {uri(base)}",
            f"{name[:100]!r} 不是本集合的坐标系;见集合的 crs 列表,例如 {uri(base)}",
        )
    code = "OGC:CRS84" if wanted == CRS84 else f"EPSG:{wanted.removeprefix(EPSG)}"
    return Places(code, north_first(code), base)
