"""The only list of layers."""

from __future__ import annotations

from collections.abc import Mapping

from layers import control_lines, corridors, development_areas, land_use, parcels, roads, sites, terrain, utilities, zoning
from layers.base import Layer

LAYERS: Mapping[str, Layer] = {
    module.LAYER.name: module.LAYER
    for module in (parcels, zoning, control_lines, corridors, development_areas, land_use, roads, utilities, terrain, sites)
}
