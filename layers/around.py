"""The land around plots, as it is read to be asked: each layer in a box, as far out as it decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import geopandas as gpd
import pandas as pd

from layers.base import Survey, framed
from layers.catalogue import LAND
from layers.known import Known
from layers.store.base import Box, Store, When
from layers.table import Facts, Table

WIDE, NARROW = 300.0, 60.0
MARGIN = {"roads": WIDE, "utilities": WIDE, "corridors": WIDE, "terrain": WIDE, "parcels": NARROW}
"""How far around plots things are read that decide about what lies beside them [m]: the widest protection zone (100 m) from an edge
up to 200 m beside the axis that is drawn; connections, half red lines and the cells of slopes need less. Parcels can be in the
way as far as `layers.plan.access.farthest` (51 m)."""
WORDS = frozenset({"name", "material", "address", "approval_no", "document", "plan", "edition", "block"})
"""Columns that are there to be read by people: no rule and no answer asks for them, and text is slow to read."""
Traces = Mapping[str, pd.DataFrame]
"""For each network what `layers.plan.networks.serving` tells of each line, by its number."""
NETWORKS = ("roads", "utilities")
FACTS = Known(8)
"""What was traced, made ready for questions about one site: with each its frame, so that no other can bear its number."""


def told(features: gpd.GeoDataFrame, traced: pd.DataFrame) -> gpd.GeoDataFrame:
    """Put what was traced beside lines, by number; a line that was not traced gets NA."""
    if isinstance(features, Table):
        return features.beside(FACTS.get((id(traced),), lambda: (traced, Facts(traced)))[1])
    at = traced.index.get_indexer(features["id"].to_numpy(object))
    told = {str(name): column.array.take(at, allow_fill=True) for name, column in traced.items()}
    own = {name: features[name].array for name in features.columns if name != "geometry"}
    return framed(own | told, features.geometry.to_numpy(), features.crs)


def asked_of(layer: str) -> list[str] | None:
    """List the columns of a layer that questions and rules may ask for; None, all, of rasters."""
    return None if layer == "terrain" else [f.name for f in LAND[layer].columns if f.name not in WORDS]


def land_around(
    store: Store,
    box: Box,
    traces: Traces,
    as_of: When | None = None,
    layers: Iterable[str] = tuple(LAND),
    words: bool = True,
    light: bool = False,
) -> Mapping[str, Survey]:
    """Read layers, by default all, in a box, those that reach beyond their outline with a margin around it; networks as traced.

    Without `words` only the columns of `asked_of`. `light`: read tables, which the questions about a site ask as they ask frames.
    """
    editions = store.editions(as_of=as_of)
    land = {}
    for name in layers:
        delivered = tuple(e for e in editions if e.layer == name)
        if delivered:
            around = wider(box, MARGIN.get(name, 0.0))
            table = cast("gpd.GeoDataFrame", store.table(name, around, as_of)) if light else None
            columns = None if words else asked_of(name)
            features = store.read(name, around, columns=columns, as_of=as_of) if table is None else table
            land[name] = Survey(told(features, traces[name]) if name in traces else features, delivered)
    return land


def wider(box: Box, margin: float) -> Box:
    """Move the sides of a box out."""
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin
