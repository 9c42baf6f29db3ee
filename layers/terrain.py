"""Terrain: how high and how steep is the land?"""

from __future__ import annotations

from layers.base import Layer, Text

LAYER = Layer(
    name="terrain",
    title=Text("Terrain", "地形"),
    geometry="raster",
    question=Text("How high and how steep is this land?", "这块地的高程和坡度如何?"),
)
