"""The one CRS of a land base."""

from __future__ import annotations

from contextlib import suppress

from pyproj import CRS
from pyproj.exceptions import CRSError

from layers.store.base import StoreError


def project_crs(crs: str) -> tuple[CRS, int]:
    """Resolve a project CRS and its EPSG number; StoreError for one that is unknown, has no number or is in degrees."""
    found = None
    with suppress(CRSError):
        found = CRS.from_user_input(crs)
    number = None if found is None else found.to_epsg()
    if found is None or number is None or not found.is_projected:
        raise StoreError(
            f"{crs} is no projected CRS with an EPSG number. Give one as EPSG:4548.",
            f"{crs} 不是有 EPSG 编号的投影坐标系,请写成 EPSG:4548 等",
        )
    return CRS.from_epsg(number), number
