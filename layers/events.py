"""What open maps are told of a change of the base: which layers, where, and to which moment it leads.

Everything is read from the base itself, so it is the same in every process and whoever made the change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import transform
from layers.assessment import Networks
from layers.catalogue import LAYERS
from layers.inputs import land_versions
from layers.refresh import Boxes, concerned
from layers.standards import Standards
from layers.store.base import Box, Inputs, Store

MOST = 500
"""So many changed features are told by their places; of more it is said that they may be anywhere."""
MOST_BOXES = 64
"""So many boxes a layer; more of them are told as the one that bounds them all."""
BITS = 8
"""Pieces of a box's side between its corners: a straight line of one CRS is a curve of the other."""
DIGITS = 7
"""Digits of a degree: a centimetre."""

Places = tuple[Box, ...] | None
"""Boxes in longitude and latitude; None is anywhere."""


@dataclass(frozen=True)
class Moment:
    """What plots are drawn from at a moment: the versions of the land, and what its findings were made from.

    `version` is the number of the last entry of the history, about whatever it is.
    """

    land: Mapping[str, int]
    inputs: Inputs
    version: int = field(compare=False)

    @classmethod
    def of(cls, store: Store) -> Moment:
        """Read it, all of one moment."""
        with store.snapshot():
            return cls(land_versions(store), store.findings([], [])[1], max(store.versions().values()))

    @property
    def stale(self) -> bool:
        """Whether land changed since the findings were made."""
        return bool(self.inputs) and self.inputs["layers"] != self.land

    @cached_property
    def stamp(self) -> str:
        """What names it."""
        made = hashlib.sha256(json.dumps(self.inputs, sort_keys=True, default=str).encode()).hexdigest()
        return f"{max(self.land.values())}-{made[:8]}"


def edited(store: Store, since: int) -> dict[str, Places]:
    """Tell which layers changed after an entry of the history, and where: both outlines of each feature that did.

    Read it in a snapshot. Memory grows with the features, MOST of them at most.
    """
    return {name: _where(store, name, since) for name, version in store.versions().items() if version > since}


def _where(store: Store, layer: str, since: int) -> Places:
    """Bound what changed in a layer; None for rasters, deliveries and other large changes."""
    ids = store.changed(layer, since)
    delivered = store.editions(layer, since) != store.editions(layer)
    if LAYERS[layer].geometry == "raster" or delivered or len(ids) > MOST:
        return None
    both = [store.read(layer, ids=ids, columns=["id"], as_of=at).geometry.to_numpy() for at in (since, None)]
    return _placed(shapely.bounds(np.concatenate(both)), store.crs)


def assessed(store: Store, then: Moment, now: Moment, standards: Standards, networks: Networks) -> Places:
    """Tell where plots may be drawn another way than `then`; call it in the snapshot of `now`.

    That is where edits since the older findings reach, and anywhere where those are of another day, engine or standards.
    """
    if not then.inputs and not now.inputs:
        return edited(store, then.version).get("parcels", ())
    if {**then.inputs, "layers": None} != {**now.inputs, "layers": None}:
        return None
    reached = concerned(store, standards, then.inputs, networks)
    return None if reached is None else _placed(reached, store.crs)


def _placed(boxes: Boxes, crs: str) -> Places:
    """Carry boxes to longitude and latitude, rounded outwards."""
    boxes = np.unique(boxes[~np.isnan(boxes[:, 0])], axis=0)
    if len(boxes) > MOST_BOXES:
        boxes = np.r_[boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)][None]
    if not len(boxes):
        return ()
    longest = max(float((boxes[:, 2:] - boxes[:, :2]).max()), 1.0)
    sides = np.asarray(shapely.segmentize(shapely.box(*boxes.T), longest / BITS), object)
    found: NDArray[np.float64] = shapely.bounds(transform(sides, crs, "OGC:CRS84"))
    scale = 10.0**DIGITS
    out = np.column_stack([np.floor(found[:, :2] * scale), np.ceil(found[:, 2:] * scale)]) / scale
    return tuple(map(tuple, out.tolist()))
