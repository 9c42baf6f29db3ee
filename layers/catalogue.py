"""The only list of layers: those of the land, and the records of the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from layers import control_lines, corridors, development_areas, land_use, parcels, roads, sites, terrain, utilities, zoning
from layers.base import Field, Layer
from layers.ledger import community, land, listings, permits, projects, service_log, works

LAND: Mapping[str, Layer] = {
    module.LAYER.name: module.LAYER
    for module in (parcels, zoning, control_lines, corridors, development_areas, land_use, roads, utilities, terrain, sites)
}
"""What the verdict and the readiness of land rest on."""
LEDGER: Mapping[str, Layer] = {
    table.name: table for module in (projects, permits, land, works, service_log, community, listings) for table in module.TABLES
}
"""What is recorded of projects; most of it has no place of its own. No finding rests on it."""
LAYERS: dict[str, Layer] = {**LAND, **LEDGER}


def coded(layer: str) -> Field | None:
    """Find the column by which features of a layer are told apart: its kind, class, code or status; None where it has none."""
    return next((f for f in LAYERS[layer].columns if f.name in ("kind", "class", "code", "status")), None)
