"""What sort of shapes there are: polygons, lines, with parts or without."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

_AREAL, _LINEAL = (np.isin(np.arange(9), types) for types in ((3, 6), (1, 2, 5)))
"""By shapely's number of a type; the last, which -1 names too, is none."""


def areal(shapes: Any) -> NDArray[np.bool_]:
    """Tell which shapes are polygons or multipolygons."""
    return np.asarray(_AREAL[shapely.get_type_id(shapes)])


def lineal(shapes: Any) -> NDArray[np.bool_]:
    """Tell which shapes are lines, rings or multilines."""
    return np.asarray(_LINEAL[shapely.get_type_id(shapes)])
