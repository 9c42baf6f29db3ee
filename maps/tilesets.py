"""What the tiles are, in the words of OGC API - Tiles (20-057) and its tile matrix sets (17-083r4)."""

from __future__ import annotations

from typing import Any

from geo.tiles import HALF_WORLD
from layers.catalogue import LAYERS
from maps.tiles import LABEL_ZOOM, LABELLED, LEAST_ZOOM, LINE_ZOOM, PLOT_ZOOM, PLOTS, READINESS, shown

QUAD = "WebMercatorQuad"
URI = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{QUAD}"
CRS = "http://www.opengis.net/def/crs/EPSG/0/3857"
SIDE = 256
PIXEL = 0.00028
"""The standard's size of a pixel [m], by which it writes scales."""
LAST = 22
DIMENSION = {"polygon": 2, "line": 1}


def matrices() -> dict[str, Any]:
    """Describe the one tile matrix set: WebMercatorQuad, zoom 0 to 22."""
    cells = [2 * HALF_WORLD / SIDE / 2**zoom for zoom in range(LAST + 1)]
    return {
        "id": QUAD,
        "title": "Google Maps Compatible for the World",
        "uri": URI,
        "crs": CRS,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(zoom), "scaleDenominator": cell / PIXEL, "cellSize": cell, "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-HALF_WORLD, HALF_WORLD], "tileWidth": SIDE, "tileHeight": SIDE,
                "matrixWidth": 2**zoom, "matrixHeight": 2**zoom,
            }
            for zoom, cell in enumerate(cells)
        ],
    }  # fmt: skip


def tileset(name: str) -> dict[str, Any]:
    """Describe the tiles of a layer or of the readiness: what is in them, from which zoom on."""
    layer = LAYERS["parcels" if name == READINESS else name]
    inside = {name: (PLOT_ZOOM if name in PLOTS or shown(name, LINE_ZOOM) == "nothing" else LINE_ZOOM, LAST)}
    if name in PLOTS:
        inside[f"{name}_grid"] = LEAST_ZOOM, PLOT_ZOOM - 1
    if name in LABELLED:
        inside[f"{name}_label"] = LABEL_ZOOM, LAST
    layers = [
        {
            "id": part, "dataType": "vector", "minTileMatrix": str(least), "maxTileMatrix": str(most),
            **({} if part.endswith("_label") or layer.geometry == "any" else {"geometryDimension": DIMENSION[layer.geometry]}),
        }
        for part, (least, most) in inside.items()
    ]  # fmt: skip
    return {
        "title": f"{layer.title.en} {layer.title.zh}",
        "dataType": "vector",
        "crs": CRS,
        "tileMatrixSetURI": URI,
        "layers": layers,
    }
