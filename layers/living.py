"""Which amenities are reached on foot from a stored place: the roads and amenities around it, and how far they were surveyed."""

from __future__ import annotations

from datetime import date, datetime

import shapely

from layers.assessment import question, stored
from layers.base import surveyed_for
from layers.catalogue import LAYERS
from layers.plan.circle import Reach, circle, middle
from layers.standards import Standards
from layers.store.base import Store

PLACES = ("resettlements", "parcels", "sites")
"""Layers from whose features people walk."""


def living_circle(
    store: Store, standards: Standards, layer: str, id: str, on: date | None = None, as_of: datetime | None = None
) -> tuple[date, float, list[Reach]]:  # fmt: skip
    """Tell the day, the reach on foot [m] and which kinds of amenities lie within it; NotFoundError where there is no such place."""
    with store.snapshot():
        place = stored(store, layer, id, as_of).geometry
        ask = question(standards, on, as_of, None)
        reach = float(ask.standards["living_circle.reach"])
        around = shapely.buffer(middle(place), reach)
        west, south, east, north = around.bounds
        roads, amenities = (store.read(name, (west, south, east, north), as_of=as_of) for name in ("roads", "amenities"))
        editions = store.editions(as_of=as_of)

    def known(name: str, *kinds: str) -> bool:
        """Tell whether somebody surveyed a layer as far as one walks."""
        return bool(shapely.covers(surveyed_for(LAYERS[name], [e for e in editions if e.layer == name], kinds), around))

    kinds = [kind for kind in ask.standards["living_circle.kinds"] if known("amenities", kind)]
    return ask.on, reach, circle(place, roads, amenities, ask, known("roads"), kinds)
