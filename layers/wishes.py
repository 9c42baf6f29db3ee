"""What somebody wants changed, feature by feature, and how a file says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shapely.geometry.base import BaseGeometry

from layers.catalogue import LAYERS
from layers.drawn import site_from
from layers.errors import Refusal

Action = Literal["create", "replace", "update", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "replace", "update", "delete")


BY_STATES = ("listings", "notices")
"""Layers that go through states of their own: what is written past those would be public, or count as sent, unseen."""


class BadEditError(Refusal):
    """An edit cannot be made as it was written."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of one feature.

    `action` None updates what is stored and creates what is not. `values` by field: of an update those that change, None makes
    one missing; `geometry` in the base's CRS, None leaves it as it is. `version` is the one that he read: another one stored is
    a conflict; None takes any.
    """

    layer: str
    id: str
    action: Action | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    geometry: BaseGeometry | None = None
    version: int | None = None


def read_json(text: str) -> object:
    """Read JSON; BadEditError says where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadEditError(f"the changes are no JSON: {error}", f"更改内容不是 JSON:{error}") from None


def wishes_of(body: object, layer: str | None, crs: str | None, to: str, north_first: bool = False) -> tuple[Wish, ...]:
    """Read a change file: a GeoJSON feature or collection whose features may say `action`, `layer` and `version` beside `id`.

    `layer` is that of features that name none; coordinates are in `crs`, else in the CRS that the file names, else in
    EPSG:4326; east comes before north unless `north_first`. BadEditError names the feature that cannot be read.
    """
    features = body.get("features", [body]) if isinstance(body, Mapping) else None
    if not isinstance(features, list) or not features or not all(isinstance(f, Mapping) for f in features):
        raise BadEditError(
            "the changes are no GeoJSON: give a Feature or a FeatureCollection with features",
            "更改内容不是 GeoJSON,请给出 Feature 或含要素的 FeatureCollection",
        )
    named_crs = body.get("crs") if isinstance(body, Mapping) else None
    stated = named_crs.get("properties", {}).get("name") if isinstance(named_crs, Mapping) else None
    return tuple(_wish(f, n, layer, crs or stated or "EPSG:4326", to, north_first) for n, f in enumerate(features, 1))


def _wish(feature: Mapping[str, Any], number: int, layer: str | None, crs: str, to: str, north_first: bool) -> Wish:
    """Read one feature of a change file."""
    given = feature.get("properties") or {}
    if not isinstance(given, Mapping) or any(isinstance(v, list | dict) for v in given.values()):
        raise BadEditError(
            f"feature {number} of the changes has properties that are no plain values; write field: value",
            f"更改中的第 {number} 个要素的属性不是简单值,请写成 字段: 值",
        )
    values = dict(given)
    own = values.pop("id", None)
    id, name = feature.get("id", own), feature.get("layer", layer)
    action, version, geometry = feature.get("action"), feature.get("version"), feature.get("geometry")
    values.pop("edition", None)
    if id is None or name not in LAYERS:
        raise BadEditError(
            f"feature {number} of the changes says no {'id' if id is None else 'layer'}; give it ({', '.join(LAYERS)})",
            f"更改中的第 {number} 个要素没有{'编号' if id is None else '图层'},请给出({'、'.join(LAYERS)})",
        )
    if action is not None and action not in ACTIONS:
        raise BadEditError(
            f"{name} {id}: action {action!r} is none of {', '.join(ACTIONS)}",
            f"{name} {id}:操作 {action!r} 不是 {'、'.join(ACTIONS)} 之一",
        )
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise BadEditError(f"{name} {id}: version {version!r} is no number", f"{name} {id}:版本 {version!r} 不是数字")
    return Wish(name, str(id), action, values, None if geometry is None else site_from(geometry, crs, to, north_first), version)
