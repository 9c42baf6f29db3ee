"""Collections of features to be listed, filtered and paged: every vector layer, and what was found out about the plots."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import transform
from layers.base import KEY, DType, Field, Geometry, Text, arrays_of, framed, names, objects, places
from layers.catalogue import LAND, LAYERS
from layers.filter.push import pushed
from layers.filter.tree import Call, Constant, Kind, Node, Property, moment
from layers.known import Known
from layers.overview import CELL
from layers.plan.access import FIELDS as ACCESS
from layers.plan.asked import CONTESTED
from layers.plan.capacity import FIELDS as LOADED
from layers.plan.readiness import SERVICED_LEVEL, SERVICES, STATES
from layers.plan.supply import VERDICTS
from layers.store.base import Box, Compare, Store
from layers.store.findings import kind_of

GEOMETRY = "geometry"
KINDS: Mapping[DType, Kind] = {"text": "text", "integer": "number", "real": "number", "date": "date", "flag": "flag"}

AREAS = {
    "area": Text("Area", "面积"),
    "free_area": Text("Free area", "可供面积"),
    "warn_area": Text("Area with warnings", "有提示面积"),
    "unknown_area": Text("Unknown area", "未知面积"),
    "blocked_area": Text("Blocked area", "受限面积"),
    "residual": Text("Residual", "残差"),
}
READINESS = (
    Field("verdict", "text", Text("Verdict", "结论"), codes=VERDICTS),
    Field("reason", "text", Text("Reason", "原因"), meaning="check and rule that decide the verdict"),
    Field("ready_state", "text", Text("Readiness", "配套状态"), codes=STATES),
    Field("ready_from", "date", Text("Ready from", "具备条件日期"), meaning="missing: since ever, or nobody can say"),
    Field("deciding", "text", Text("Deciding service", "决定性配套"), meaning="the service that comes last or is missing"),
    Field("missing", "text", Text("Missing services", "缺少的配套"), meaning=f"of {', '.join(SERVICES)}, with commas"),
    CONTESTED,
)
OFFERS = "offers"
NAMED = (*(name for name, layer in LAYERS.items() if layer.geometry != "raster"), "readiness", "findings", OFFERS)
"""The names of all collections."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What is listed under one name: the features of a layer, or the plots with what was found out about them.

    `within`: the columns of the first day and of the day after the last, if features have any. `only`: a condition that its
    reader may not see beyond: what lies there changes neither stamp nor extent. `plot`: the column of records without a place that
    names the plot whose outline is theirs.
    """

    name: str
    title: Text
    about: Text
    layer: str
    geometry: Geometry
    fields: tuple[Field, ...]
    assessed: bool = False
    within: tuple[str, str] | None = None
    only: Node | None = None
    plot: str | None = None

    @property
    def computed(self) -> bool:
        """Tell whether its features are stored otherwise, and so are changed there."""
        return self.assessed or self.plot is not None

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of what can be asked about."""
        return {**{f.name: KINDS[f.dtype] for f in self.fields}, GEOMETRY: "geometry"}

    @property
    def stored(self) -> tuple[str, ...]:
        """The columns on which the store can filter."""
        return (KEY.name,) if self.assessed else tuple(f.name for f in self.fields if f.dtype != "flag")

    def stamp(self, store: Store) -> str:
        """Stamp what it holds: the stamp changes with every change of it."""
        if self.only is not None:
            return state(records(store, self, pushed(self.only, self.stored)[0]))
        versions = store.versions()
        if not self.assessed:
            return f"{self.layer}={versions[self.layer]}"
        rest = hashlib.sha256(json.dumps({name: versions[name] for name in LAND}, sort_keys=True).encode()).hexdigest()[:16]
        return f"{self.layer}={versions[self.layer]},{rest},{made_from(store)}"


def made_from(store: Store) -> str:
    """Stamp what the stored findings were made from, and so what they are."""
    inputs = json.dumps(store.findings([], [])[1], sort_keys=True, default=str)
    return hashlib.sha256(inputs.encode()).hexdigest()[:16]


def catalogue(store: Store, known: Known) -> Mapping[str, Collection]:
    """List the collections of a base by name, as they are remembered: nobody may change the list."""
    listed: dict[str, Collection] = known.get(("catalogue", made_from(store)), lambda: _catalogue(store))
    return listed


def _catalogue(store: Store) -> dict[str, Collection]:
    """List the collections of a base by name."""
    fields = tuple(found_fields(store))
    found = {name: of_layer(name) for name, layer in LAYERS.items() if layer.geometry != "raster"}
    plots = LAYERS["parcels"]
    ready = Text("Readiness of plots", "宗地配套状态"), Text("From which day are plots serviced?", "各宗地从哪天起配套齐全?")
    told = Text("Findings of plots", "宗地评估结论"), Text("All that was found out about plots", "对各宗地评估的全部结论")
    found["readiness"] = Collection("readiness", *ready, "parcels", plots.geometry, (KEY, *READINESS), True)
    found["findings"] = Collection("findings", *told, "parcels", plots.geometry, (KEY, *fields), True)
    found[OFFERS] = offers()
    return found


def offers() -> Collection:
    """Make the collection of the published listings, which everybody may see."""
    offer = (
        Text("Land on offer", "在供地块"),
        Text("Which plots are offered now, on which terms?", "当前有哪些地块在供,条件如何?"),
    )
    published = Call("=", (Property("state", "text"), Constant("published", "text")))
    columns = (KEY, *(f for f in LAYERS["listings"].fields if f.name != "entry"))
    return Collection(OFFERS, *offer, "listings", LAYERS["parcels"].geometry, columns, only=published, plot="plot")


def records(
    store: Store, of: Collection, where: Sequence[Compare], after: str | None = None, size: int | None = None,
    columns: Sequence[str] | None = None,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Read records of a collection at the outlines of their plots; memory grows with them."""
    assert of.plot is not None
    wanted = None if columns is None else list(dict.fromkeys([*columns, of.plot]))
    found = store.read(of.layer, columns=wanted, where=where, after=after, limit=size)
    plots = store.read("parcels", ids=sorted(set(objects(found[of.plot])) - {None}), columns=[KEY.name])
    at = places(plots[KEY.name].to_numpy(object), objects(found[of.plot]))
    shapes = np.append(plots.geometry.to_numpy(), [None])[at]
    arrays = {f.name: array for f in of.fields for name, array in arrays_of(found).items() if name == f.name}
    return framed(arrays, shapes, store.crs)


def of_layer(name: str) -> Collection:
    """Make the collection of a layer."""
    layer = LAYERS[name]
    columns = names(layer.columns)
    within = ("valid_from", "valid_to") if "valid_from" in columns else None
    return Collection(name, layer.title, layer.question, name, layer.geometry, layer.columns, within=within)


def found_fields(store: Store) -> Iterator[Field]:
    """Describe the columns of the findings as they are stored."""
    known = {a.field.name: a.field for layer in LAYERS.values() for a in layer.answers} | {
        f.name: f for f in (*READINESS, *ACCESS, *LOADED)
    }
    known |= {name: Field(name, "real", title, unit="m2") for name, title in AREAS.items()}
    known |= {f.name: f for f in (CELL, SERVICED_LEVEL, LAYERS["parcels"].field("status"))}
    stored, _ = store.findings([])
    for name in stored.columns:
        kind = kind_of(stored[name])
        yield replace(known[name], dtype=kind) if name in known else Field(name, kind, Text(name, name))


def extent(store: Store, of: Collection, known: Known) -> Box | None:
    """Bound a collection in longitude and latitude; None where it is empty, or where only a part of it may be seen."""

    def measure() -> Box | None:
        features, (west, south, east, north) = store.extent(of.layer)
        if not features:
            return None
        inside = np.meshgrid(np.linspace(west, east, 17), np.linspace(south, north, 17))
        land = shapely.multipoints(np.column_stack([axis.ravel() for axis in inside]))
        bounds: Box = transform(np.array([land], object), store.crs, "OGC:CRS84")[0].bounds
        return bounds

    if of.geometry == "none":
        return None
    if of.only is not None:
        seen = records(store, of, pushed(of.only, of.stored)[0])
        drawn = seen.geometry.notna().any()
        return (
            tuple(transform(np.array([shapely.box(*seen.total_bounds)], object), store.crs, "OGC:CRS84")[0].bounds)
            if drawn
            else None
        )
    found: Box | None = known.get(("extent", of.layer, store.versions()[of.layer]), measure)
    return found


def state(frame: gpd.GeoDataFrame) -> str:
    """Stamp what features are; whoever changes one changes the stamp. For few: time grows with the rows."""
    rows = zip(*(array for name, array in arrays_of(frame).items() if name != GEOMETRY), strict=True)
    told = hashlib.sha256()
    for row, shape in zip(rows, shapely.to_wkb(frame.geometry.to_numpy()), strict=True):
        told.update(repr([None if pd.isna(v) else str(v) for v in row]).encode() + (shape or b""))
    return told.hexdigest()[:24]


def written(store: Store, version: int, known: Known) -> datetime | None:
    """Tell when an entry of the history was made; None where there is none, and in the second in which another may still come."""
    made = known.get(("written", version), lambda: store.writes(version - 1, version)) if version else ()
    at: datetime | None = made[0].at.replace(microsecond=0) if made else None
    return at if at is not None and at + timedelta(seconds=1) <= datetime.now(UTC) else None


def during(of: Collection, begin: date | None, end: date | None) -> Node | None:
    """Make the condition that a feature is valid on a day between two, both inside, None being open; none without such days."""
    if of.within is None:
        return None
    first_day, last_day = (Property(name, "date") for name in of.within)
    days = [(first_day, "<=", end), (last_day, ">", begin)]
    parts = [Call("or", (Call("isnull", (column,)), Call(op, (column, moment(str(day)))))) for column, op, day in days if day]
    return Call("and", tuple(parts)) if parts else None
