"""Coordinate reference systems: which one it is, whether coordinates fit it, and areas."""

from __future__ import annotations

from functools import lru_cache

from pyproj import CRS


class CRSMismatchError(ValueError):
    """Two things are in different coordinate reference systems."""


@lru_cache(maxsize=64)
def _crs(text: str) -> CRS:
    return CRS.from_user_input(text)


def is_same(a: object, b: object) -> bool:
    """Tell whether two CRSs, as text or objects, are one, axis order aside; None is the same as nothing."""
    if a is None or b is None:
        return False
    one, other = (c if isinstance(c, CRS) else _crs(str(c)) for c in (a, b))
    return bool(one.equals(other, ignore_axis_order=True))
