"""What a land base is: for the page, before anything is asked about the land."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from geo.chart import chart
from geo.crs import box_in, north_first, transform
from layers.assessment import NotFoundError
from layers.base import Field, Text
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
        "north_first": north_first(store.crs),
        "plots": count,
        "center": [(west + east) / 2, (south + north) / 2],
        "bounds": [west, south, east, north],
        "layers": [
            {
                "name": name,
                "title": layer.title._asdict(),
                "editions": [
                    {"id": e.id, "source": e.source, "date": str(e.date), "kinds": e.kinds, "covers": e.coverage is not None}
                    for e in store.editions(name)
                ],
            }
            for name, layer in LAYERS.items()
        ],
    }


NODES = 12
"""Nodes a side of the charts by which a page reckons: at 100 km they are exact to far below a micrometre."""


def plane(store: Store, box: tuple[float, float, float, float]) -> dict[str, Any]:
    """Tell how a box of longitude and latitude lies in the base's CRS, and its image in degrees, so that a page can reckon between them.

    Each way is a box and what its Chebyshev nodes become, as `geo.chart.chart`; x before y. GeoError where the box has no image.
    """
    there = box_in(box, "EPSG:4326", store.crs) or box
    forth, back = chart(box, "EPSG:4326", store.crs, NODES), chart(there, store.crs, "EPSG:4326", NODES)
    ways = {"forth": (box, forth), "back": (there, back)}
    return {
        "crs": store.crs,
        **{way: {"box": list(sides), "x": x.tolist(), "y": y.tolist()} for way, (sides, (x, y)) in ways.items()},
    }


def coverage(store: Store, edition: str, crs: str) -> dict[str, Any] | None:
    """Give the area that a delivery covers as GeoJSON in `crs`; None where it claims none. NotFoundError where there is no such delivery."""
    found = next((e for e in store.editions() if e.id == edition), None)
    if found is None:
        raise NotFoundError(
            f"there is no delivery {edition[:100]}; /about.json lists them", f"没有交付 {edition[:100]};见 /about.json"
        )
    if found.coverage is None:
        return None
    return dict(mapping(transform(np.array([found.coverage], object), store.crs, crs)[0]))


def columns(language: str) -> dict[str, Any]:
    """Describe the columns of every layer in one language, for forms and cards: titles, types, units and codes."""

    def say(text: Text) -> str:
        return text.zh if language == "zh" else text.en

    def described(field: Field) -> dict[str, Any]:
        codes = [[code.value, say(code.name)] for code in (field.codes or {}).values()]
        return {
            "name": field.name,
            "title": say(field.title),
            "type": field.dtype,
            "unit": field.unit,
            "required": field.required,
            "codes": codes,
        }

    return {
        name: {"title": say(layer.title), "geometry": layer.geometry, "fields": [described(field) for field in layer.columns]}
        for name, layer in LAYERS.items()
    }
