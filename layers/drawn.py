"""Sites and features as somebody drew them, brought into the base's CRS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from geo.crs import check_plausible, transform
from layers.assessment import BadSiteError


def moved(site: BaseGeometry | None, crs: object, to: str) -> BaseGeometry:
    """Move a site from `crs` into the base's CRS `to`; refusals where its coordinates cannot be in `crs`."""
    if site is None:
        raise BadSiteError("the site has no geometry; draw one polygon or multipolygon", "选址没有几何,请提供一个面")
    if site.is_empty or not np.isfinite(shapely.get_coordinates(site)).all():
        return site  # `proper` says what is wrong
    check_plausible(site.bounds, crs)
    there: BaseGeometry = transform(np.array([site], object), crs, to)[0]
    return there


def site_from(geometry: Mapping[str, Any], crs: str, to: str, north_first: bool = False) -> BaseGeometry:
    """Read a GeoJSON geometry in `crs` (east before north, or `north_first`) and move it into the base's CRS `to`."""
    try:
        shape = shapely.from_geojson(json.dumps(geometry))
        if north_first:
            shape = shapely.transform(shape, lambda xyz: xyz[:, [1, 0, 2][: xyz.shape[1]]], include_z=bool(shape.has_z))
        known = CRS.from_user_input(crs)
    except (shapely.errors.GEOSException, ValueError) as error:
        raise BadSiteError(f"the geometry is no GeoJSON: {error}", f"几何不是有效的GeoJSON:{error}") from None
    except CRSError:
        raise BadSiteError(f"{crs} is no CRS; write EPSG:4548 or the like", f"{crs} 不是坐标系,请写成 EPSG:4548 等") from None
    return moved(shape, known, to)
