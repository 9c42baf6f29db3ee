"""Editions as deliveries: which are in force, and what they are called."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import shapely

from layers.base import Edition
from layers.store.base import DuplicateError, StoreError
from layers.store.frames import layer_of


def now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """Write a moment as the history does: UTC, microseconds, comparable as text. StoreError without time zone."""
    if at.tzinfo is None:
        raise StoreError(
            f"{at.isoformat()} has no time zone. Give a moment with its zone, as 2026-03-01T12:00+08:00.",
            f"{at.isoformat()} 没有时区,请给出带时区的时刻,如 2026-03-01T12:00+08:00",
        )
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def in_force(deliveries: Iterable[tuple[Edition, bool]]) -> tuple[Edition, ...]:
    """List the editions that still speak, of all in the order of arrival, each with whether it replaced those before it.

    A replaced edition no longer covers any land: its features are gone, and land that only it covered is unsurveyed again.
    One replaced for some of its kinds speaks for the others.
    """
    standing: list[Edition] = []
    for edition, replaces in deliveries:
        if replaces:
            standing = [kept for old in standing if (kept := _after(old, edition)) is not None]
        standing.append(edition)
    return tuple(standing)


def _after(old: Edition, new: Edition) -> Edition | None:
    """Tell what is left of an edition once a newer one replaced it."""
    if old.layer != new.layer:
        return old
    if not new.kinds:
        return None
    kinds = tuple(k for k in old.kinds if k not in new.kinds)
    return replace(old, kinds=kinds) if kinds or not old.kinds else None


def admitted(edition: Edition, taken: Collection[str]) -> Edition:
    """Check an edition and give it an id where it has none. DuplicateError where its id is taken."""
    layer = layer_of(edition.layer)
    if edition.kinds and layer.kind is None:
        raise StoreError(
            f"{layer.name} has no kinds, but the edition from {edition.source} names {', '.join(edition.kinds)}.",
            f"{layer.name} 不分类型,而 {edition.source} 的版本写明了 {'、'.join(edition.kinds)}",
        )
    if edition.coverage is not None and not isinstance(edition.coverage, shapely.Polygon | shapely.MultiPolygon):
        raise StoreError(
            f"The coverage of the edition from {edition.source} is no polygon. Give polygons, or None.",
            f"{edition.source} 的版本的覆盖范围不是面,请给出面,或不给",
        )
    if edition.id in taken:
        raise DuplicateError(
            f"There is an edition {edition.id} already. Give this delivery another id, or none.",
            f"已有版本 {edition.id},请给此次交付另一编号,或不给",
        )
    if edition.id:
        return edition
    count = 1
    while f"{layer.name}-{count}" in taken:
        count += 1
    return replace(edition, id=f"{layer.name}-{count}")
