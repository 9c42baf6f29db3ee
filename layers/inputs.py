"""What findings are made from: by which engine, standards and land, and whether these are still the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.base import Ask
from layers.standards import Standards
from layers.store.base import Store

ENGINE = 6
"""Grows when the same land and standards would give other findings."""


def current(store: Store, ask: Ask, standards: Standards) -> dict[str, Any]:
    """Name the versions of all that findings are made from."""
    days = {"on": str(ask.on), "known": str(ask.known)}
    return {**days, "standards": standards.digest, "engine": ENGINE, "layers": dict(store.versions())}


def stale(store: Store, inputs: Mapping[str, Any], standards: Standards) -> list[str]:
    """Name what changed since findings were made: layers, standards or engine; empty where they are fresh."""
    if not inputs:
        return ["all"]
    now, then = store.versions(), inputs["layers"]
    changed = [name for name in now if now[name] != then.get(name)]
    changed += ["standards"] if inputs["standards"] != standards.digest else []
    return changed + (["engine"] if inputs["engine"] != ENGINE else [])
