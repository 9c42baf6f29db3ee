"""What findings are made from: by which engine, standards and land, and whether these are still the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from layers.base import Ask
from layers.catalogue import LAND
from layers.standards import Standards
from layers.store.base import Store, When

ENGINE = 14
"""Grows when the same land and standards would give other findings, or other sums of them."""


def land_versions(store: Store, as_of: When | None = None) -> dict[str, int]:
    """Tell the versions of the layers on which findings rest; those of the ledger are none of them."""
    versions = store.versions(as_of)
    return {name: versions[name] for name in LAND}


def current(store: Store, ask: Ask, standards: Standards, as_of: When | None = None) -> dict[str, Any]:
    """Name the versions of all that findings are made from, of the land as it is now or was known at a moment."""
    days = {"on": str(ask.on), "known": str(ask.known)}
    return {**days, "standards": standards.digest, "engine": ENGINE, "layers": land_versions(store, as_of)}


def stale(store: Store, inputs: Mapping[str, Any], standards: Standards) -> list[str]:
    """Name what changed since findings were made: layers, standards or engine; empty where they are fresh."""
    if not inputs:
        return ["all"]
    now, then = land_versions(store), inputs["layers"]
    changed = [name for name in now if now[name] != then.get(name)]
    changed += ["standards"] if inputs["standards"] != standards.digest else []
    return changed + (["engine"] if inputs["engine"] != ENGINE else [])


def answered(store: Store, inputs: Mapping[str, Any], ask: Ask, layers: Iterable[str]) -> bool:
    """Tell whether findings made from `inputs` answer a question without a use, as far as the answer rests on some layers."""
    if not inputs or (inputs["engine"], inputs["standards"]) != (ENGINE, ask.standards.digest):
        return False
    now = store.versions()
    same = all(inputs["layers"].get(name) == now[name] for name in layers)
    return same and (inputs["on"], inputs["known"]) == (str(ask.on), str(ask.known))
