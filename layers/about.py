"""What a land base is: for the page, before anything is asked about the land."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geo.crs import transform
from layers.catalogue import LAYERS
from layers.store.base import Store


def about(store: Store) -> dict[str, Any]:
    """Tell what a base is: title, CRS, centre and bounds in longitude and latitude, editions by layer."""
    count, box = store.extent("parcels")
    if not count:
        box = next((e.coverage.bounds for e in store.editions() if e.coverage is not None), (0.0, 0.0, 1.0, 1.0))
    west, south, east, north = transform(np.array([shapely.box(*box)], object), store.crs, "EPSG:4326")[0].bounds
    return {
        "title": store.title,
        "generated": "generated" in store.title,
        "crs": store.crs,
        "plots": count,
        "center": [(west + east) / 2, (south + north) / 2],
        "bounds": [west, south, east, north],
        "layers": [
            {
                "name": name,
                "title": layer.title._asdict(),
                "editions": [{"source": e.source, "date": str(e.date), "kinds": e.kinds} for e in store.editions(name)],
            }
            for name, layer in LAYERS.items()
        ],
    }
