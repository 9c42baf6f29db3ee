"""Projects beside each other and beside their land: milestones of all, the land of one with its verdicts, the projects of a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
import shapely
from pydantic import BaseModel

from api.ledger import ProjectRow, day, projects
from api.models import CheckLine, Words
from geo.crs import transform
from layers.plan import ledger as planned
from layers.project_land import Claimant, Land
from layers.steward import Steward
from layers.units import mu


class Step(BaseModel):
    """A step that the chart has a sign for."""

    item: str
    title: Words


class Mark(BaseModel):
    """A permit or milestone of a project: `late` is how many days it is behind its plan, below 0 ahead of it."""

    item: str
    phase: int | None
    state: Literal["done", "open", "blocked", "not_applicable"]
    planned: date | None
    forecast: date | None
    actual: date | None
    late: int | None
    critical: bool


class Row(BaseModel):
    """The permits and milestones of one project."""

    project: str
    marks: list[Mark]


class MilestonesBody(BaseModel):
    """Permits and milestones of all projects on a day."""

    on: date
    items: list[Step]
    projects: list[Row]


class GroundBody(BaseModel):
    """A site or parcel of a project: its verdict, and what is in the way; geometry in longitude and latitude."""

    layer: Literal["sites", "parcels"]
    id: str
    name: str | None
    area_m2: float
    mu: float
    verdict: Literal["free", "unknown", "blocked"]
    ready_state: str
    ready_from: date | None
    deciding: str
    missing: list[str]
    found: list[CheckLine]
    geometry: dict[str, Any]


class LandBody(BaseModel):
    """The land of a project; `absent` parcels are named and not stored, `unjudged` ones are too many for one answer."""

    on: date
    project: str
    land: list[GroundBody]
    absent: list[str]
    unjudged: list[str]


class PlotProject(BaseModel):
    """A project that has to do with a plot; `project` is missing where the ledger has none of this number, or it is cancelled."""

    id: str
    sites: list[str]
    cases: list[str]
    project: ProjectRow | None


def milestones(of: Steward) -> MilestonesBody:
    """Tell permits and milestones of all projects, in the order of the standard; a project without any of them has no marks."""
    steps, names = planned.rows(of.ledger), of.ledger.book["ledger.milestones"]
    titles = [of.ledger.book.line(f"ledger.step_{item}") for item in names]
    order = {item: k for k, item in enumerate(names)}
    steps = steps[steps["item"].isin(names).to_numpy(bool)]
    steps = steps.assign(rank=steps["item"].map(order)).sort_values(["project", "phase", "rank"], kind="stable")
    marks: dict[str, list[Mark]] = {p: [] for g in of.ledger.groups for p in g.facts.project.tolist()}
    for r in steps.to_dict("records"):
        days = {name: day(r[name]) for name in ("planned", "forecast", "actual")}
        marks[r["project"]].append(
            Mark(item=r["item"], phase=None if r["phase"] < 0 else r["phase"], state=r["state"], critical=r["critical"],
                 late=None if pd.isna(r["late"]) else r["late"].days, **days)
        )  # fmt: skip
    return MilestonesBody(
        on=day(of.ledger.on) or date.today(),
        items=[Step(item=item, title=Words(en=line.en, zh=line.zh)) for item, line in zip(names, titles, strict=True)],
        projects=[Row(project=id, marks=m) for id, m in marks.items()],
    )


def land_body(id: str, on: date, found: Land, crs: str) -> LandBody:
    """Write the land of a project, its outlines carried to longitude and latitude."""
    shapes = transform(np.array([g.sheet.geometry for g in found.grounds], object), crs, "EPSG:4326")
    return LandBody(
        on=on, project=id, absent=list(found.absent), unjudged=list(found.unjudged),
        land=[
            GroundBody(
                layer=g.layer, id=g.sheet.id, name=g.name, area_m2=g.sheet.area, mu=mu(g.sheet.area), verdict=g.sheet.verdict,  # type: ignore[arg-type]
                ready_state=g.sheet.ready_state, ready_from=g.sheet.ready_from, deciding=g.sheet.deciding,
                missing=list(g.sheet.missing), found=[CheckLine.of(line) for line in g.sheet.lines if line.severity != "pass"],
                geometry=json.loads(shapely.to_geojson(shape)),
            )
            for g, shape in zip(found.grounds, shapes, strict=True)
        ],
    )  # fmt: skip


def plot_projects(claimants: Sequence[Claimant], of: Sequence[Steward]) -> list[PlotProject]:
    """Write the projects of a plot, each with its own ledger."""
    rows = [projects(steward) for steward in of]
    return [
        PlotProject(id=c.project, sites=list(c.sites), cases=list(c.cases), project=row[0] if row else None)
        for c, row in zip(claimants, rows, strict=True)
    ]
