"""Frames that keep to a layer's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import PANDAS
from layers.catalogue import LAYERS

CRS = "EPSG:4548"
"""CGCS2000 / 3-degree Gauss-Krüger, central meridian 117 E, without zone prefix; x is east and y is north."""

Shapes = NDArray[np.object_]


def frame(layer: str, geometry: Shapes, columns: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """Make a frame of features with exactly the columns and types of a layer; a column that is not given is missing.

    geometry: shape (n,), in CRS. columns: by name n values each, or one text for all; empty texts are missing values.
    """
    n = len(geometry)
    data: dict[str, pd.Series] = {}
    for field in LAYERS[layer].columns:
        given = columns.get(field.name)
        values = [given] * n if given is None or isinstance(given, str) else given
        if field.dtype == "text":
            values = [value or None for value in values]
        data[field.name] = pd.Series(values, dtype=PANDAS[field.dtype])
    return gpd.GeoDataFrame(data, geometry=geometry, crs=CRS)


def dates(days: Sequence[str]) -> NDArray[np.datetime64]:
    """Read ISO days; "" is no date."""
    return np.array([day or "NaT" for day in days], "datetime64[s]")
