"""The evidence of a verdict: what it was made from, so that it can be made again years later, and what has changed since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers.around import MARGIN, wider
from layers.assessment import Networks, check, stored
from layers.base import Ask, Edition, Text
from layers.catalogue import LAND
from layers.inputs import ENGINE
from layers.plan.exactness import tolerance
from layers.plan.sheet import Sheet
from layers.standards import Standards
from layers.store.base import Box, Store


@dataclass(frozen=True, slots=True)
class Moment:
    """When a verdict was made: of which day it speaks, what was known on which day, and the last entry of the history then."""

    on: date
    known: date
    entry: int

    @classmethod
    def now(cls, store: Store, on: date | None = None) -> Moment:
        """Name the present of a base."""
        day = on or date.today()
        return cls(day, day, max(store.versions().values()))

    def ask(self, standards: Standards) -> Ask:
        """Make the question of that moment."""
        return Ask(self.on, standards.on(self.on), self.known)


def verdict(store: Store, plot: str, moment: Moment, level: int, standards: Standards, networks: Networks | None = None) -> Sheet:
    """Write the sheet of a plot as it was at a moment."""
    shape = stored(store, "parcels", plot, moment.entry).geometry
    return check(store, shape, moment.ask(standards), plot, "parcels", level=level, as_of=moment.entry, networks=networks)


def inputs(store: Store, plot: str, moment: Moment, standards: Standards) -> dict[str, Any]:
    """Name all that the verdict on a plot is made from.

    The engine, each standard in force, and of each layer the last entry, the deliveries and the SHA-256 of what lies around.
    """
    ask = moment.ask(standards)
    box = around(store, plot, moment, ask)
    return {
        "engine": ENGINE,
        "standards": {
            "digest": standards.digest,
            "lines": {name: f"{line.since} {line.value}" for name, line in sorted(ask.standards.lines.items())},
        },
        "layers": {name: _layer(store, name, wider(box, MARGIN.get(name, 0.0)), moment) for name in LAND},
    }


def around(store: Store, plot: str, moment: Moment, ask: Ask) -> Box:
    """Bound the land that is read about a plot, before each layer's own margin."""
    shape = stored(store, "parcels", plot, moment.entry).geometry
    box: Box = shape.buffer(tolerance(ask), join_style="mitre").bounds
    return box


def _layer(store: Store, name: str, box: Box, moment: Moment) -> dict[str, Any]:
    """Name what a layer gave to a verdict."""
    found = store.read(name, box, as_of=moment.entry)
    editions = store.editions(name, moment.entry)
    return {
        "entry": min(store.versions()[name], moment.entry),
        "editions": [
            {"id": e.id, "source": e.source, "date": str(e.date), "kinds": list(e.kinds), "coverage": _area(e)} for e in editions
        ],
        "features": len(found),
        "sha256": digest(found),
    }


def _area(edition: Edition) -> str | None:
    """Hash the area that a delivery covers; None where it does not say."""
    return None if edition.coverage is None else hashlib.sha256(shapely.to_wkb(shapely.normalize(edition.coverage))).hexdigest()


def digest(features: gpd.GeoDataFrame) -> str:
    """Hash features by number: their columns as CSV, their geometry as WKB, of rasters the cells.

    CSV writes what is missing and a text of no letters alike: where there are such texts, their places are hashed too.
    """
    ordered = features.sort_values("id", ignore_index=True)
    plain = pd.DataFrame(ordered.drop(columns="geometry"))
    grids = list(plain.pop("grid")) if "grid" in plain else []
    plain = plain[sorted(plain.columns)]
    made = hashlib.sha256(plain.to_csv(index=False).encode())
    blank = np.argwhere(((plain == "") & plain.notna()).to_numpy(bool, na_value=False))
    if len(blank):
        made.update(repr(blank.tolist()).encode())
    for shape in shapely.to_wkb(ordered.geometry.to_numpy()):
        made.update(shape or b"")
    for grid in grids:
        made.update(repr(grid.transform).encode() + grid.values.tobytes())
    return made.hexdigest()


def differing(told: Mapping[str, Any], now: Mapping[str, Any]) -> list[Text]:
    """Tell which inputs of a verdict are not what they were: engine, standards, the land that was read."""
    found = []
    if told["engine"] != now["engine"]:
        a, b = told["engine"], now["engine"]
        found.append(Text(f"engine {a} is now {b}", f"引擎版本由 {a} 变为 {b}"))
    old, new = told["standards"]["lines"], now["standards"]["lines"]
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            a, b = old.get(name, "-"), new.get(name, "-")
            found.append(Text(f"standard {name}: {a} is now {b}", f"标准 {name}:{a} 变为 {b}"))
    none: Mapping[str, Any] = {"sha256": None, "features": 0, "editions": []}
    for name in dict.fromkeys([*told["layers"], *now["layers"]]):
        then, today = told["layers"].get(name, none), now["layers"].get(name, none)
        if not _same_deliveries(then["editions"], today["editions"]):
            found.append(
                Text(
                    f"layer {name}: its deliveries, or the areas that they cover, are not what they were",
                    f"图层 {name}:交付批次或其覆盖范围与当时不同",
                )
            )
        if then["sha256"] != today["sha256"]:
            a, b = then["features"], today["features"]
            found.append(
                Text(
                    f"layer {name}: what lies around the plot is not what it was ({a} features then, {b} now)",
                    f"图层 {name}:周边要素与当时不同(当时 {a} 个,现 {b} 个)",
                )
            )
    return found


def _same_deliveries(told: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether deliveries are those that were told, as far as that was told: old packs name no areas."""
    return len(told) == len(now) and all(
        all(b.get(key) == value for key, value in a.items())
        for a, b in zip(sorted(told, key=_id), sorted(now, key=_id), strict=True)
    )


def _id(edition: Mapping[str, Any]) -> str:
    return str(edition["id"])


def since(store: Store, told: Mapping[str, Any], moment: Moment) -> list[Text]:
    """Tell which layers were changed after a moment, and how many of their features."""
    found = []
    for name in LAND:
        if n := len(store.changed(name, moment.entry)):
            version = store.versions()[name]
            found.append(
                Text(
                    f"layer {name}: {n} features changed after entry {moment.entry}, last in entry {version}",
                    f"图层 {name}:历史条目 {moment.entry} 之后有 {n} 个要素变更,最近为条目 {version}",
                )
            )
        later = {e.id for e in store.editions(name)} ^ {e["id"] for e in told["layers"][name]["editions"]}
        if later:
            n = len(later)
            found.append(Text(f"layer {name}: {n} deliveries came or were replaced", f"图层 {name}:有 {n} 次交付新增或被替换"))
    return found


def differences(told: Any, now: Any, path: str = "") -> list[str]:
    """List where two JSON values differ, by path, as `path: then -> now`."""
    if isinstance(told, Mapping) and isinstance(now, Mapping):
        return [
            d for key in {**told, **now} for d in differences(told.get(key), now.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(told, list) and isinstance(now, list) and len(told) == len(now):
        return [d for n, (a, b) in enumerate(zip(told, now, strict=True)) for d in differences(a, b, f"{path}[{n}]")]
    return [] if told == now else [f"{path}: {str(told)[:60]} -> {str(now)[:60]}"]
