"""The steward's ledger: projects, early warnings, figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from api.along import AlongBody
from api.board import LandBody, MilestonesBody, PlotProject, land_body, milestones, plot_projects
from api.deps import AStore, TheNetworks, TheStandards, TheStewards
from api.ledger import FigureRow, ProjectBody, ProjectRow, ReportBody, Task, WarningRow, WarningsBody, projects, tasks, whole
from api.models import Moment, Problem
from layers.along import FARTHEST, along
from layers.plan.warnings import RANK
from layers.project_land import land_of, projects_on
from layers.steward import steward
from layers.stock import all_figures

router = APIRouter(tags=["ledger"], responses={400: {"model": Problem}})
Id = Annotated[str, Path(max_length=200, description="number of a project")]


@router.get("/projects")
def the_projects(
    store: AStore, standards: TheStandards, stewards: TheStewards, on: date | None = None, as_of: Moment | None = None
) -> list[ProjectRow]:
    """List the projects: how far each is, when it starts and produces, its worst warning."""
    return projects(stewards.get(store, standards, on or date.today(), as_of))


@router.get("/projects/{id}", responses={404: {"model": Problem}})
def the_project(
    id: Id, store: AStore, standards: TheStandards, on: date | None = None, as_of: Moment | None = None
) -> ProjectBody:
    """Tell one project: its steps and lanes, what they wait for, why it starts and produces when it does, its warnings."""
    return whole(steward(store, standards, on or date.today(), as_of, id), id)


@router.get("/projects/{id}/tasks", responses={404: {"model": Problem}})
def the_tasks(
    id: Id, store: AStore, standards: TheStandards, by: Literal["month", "week"] = "month", on: date | None = None
) -> list[Task]:
    """Schedule a project back from its target: what must end in which month or week."""
    return tasks(steward(store, standards, on or date.today(), None, id), id, by)


@router.get("/projects/{id}/land", responses={404: {"model": Problem}})
def the_land(
    id: Id, store: AStore, standards: TheStandards, networks: TheNetworks, on: date | None = None, as_of: Moment | None = None
) -> LandBody:
    """Judge the land of a project as it is now: its sites, and the parcels of its land cases."""
    day = on or date.today()
    steward(store, standards, day, as_of, id).ledger.find(id)
    return land_body(id, day, land_of(store, standards, id, on, as_of, networks), store.crs)


@router.get("/projects/{id}/stakeholders", responses={404: {"model": Problem}})
def the_stakeholders(
    id: Id, store: AStore, standards: TheStandards,
    within: Annotated[float, Query(ge=0, le=FARTHEST, allow_inf_nan=False, description="m from the works")] = 50.0, as_of: Moment | None = None,
) -> AlongBody:  # fmt: skip
    """List who lies along the works of a project: parcels with their right holders, and stakeholders who were spoken to or not."""
    steward(store, standards, date.today(), as_of, id).ledger.find(id)
    return AlongBody.of(id, within, along(store, id, within, as_of))


@router.get("/plots/{id}/projects", responses={404: {"model": Problem}})
def the_projects_of_a_plot(
    id: Annotated[str, Path(max_length=200)],
    store: AStore,
    standards: TheStandards,
    on: date | None = None,
    as_of: Moment | None = None,
) -> list[PlotProject]:
    """Name the projects whose sites share land with a plot or whose land cases name it, with stage and worst warning."""
    found = projects_on(store, id, as_of)
    return plot_projects(found, [steward(store, standards, on or date.today(), as_of, c.project) for c in found])


@router.get("/milestones")
def the_milestones(
    store: AStore, standards: TheStandards, stewards: TheStewards, on: date | None = None, as_of: Moment | None = None
) -> MilestonesBody:
    """Tell permits and milestones of all projects: planned, forecast, done, how late, whether any slack is left."""
    return milestones(stewards.get(store, standards, on or date.today(), as_of))


@router.get("/warnings")
def the_warnings(
    store: AStore, standards: TheStandards, stewards: TheStewards, on: date | None = None, as_of: Moment | None = None,
    project: Annotated[str | None, Query(max_length=200)] = None, level: Literal["notice", "yellow", "orange", "red"] = "notice",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000, offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> WarningsBody:  # fmt: skip
    """List what is late or will be, what expires, what stands idle, the worst first, from a level on; a page of it, and the total."""
    day = on or date.today()
    of = stewards.get(store, standards, day, as_of) if project is None else steward(store, standards, day, as_of, project)
    found = of.warnings[of.warnings["level"].map(RANK).ge(RANK[level]).to_numpy(bool)]
    return WarningsBody(total=len(found), warnings=WarningRow.every(found.iloc[offset : offset + limit], of.ledger.book))


@router.get("/report")
def the_report(
    store: AStore, standards: TheStandards, stewards: TheStewards, year: Annotated[int | None, Query(ge=1990, le=2060)] = None,
    on: date | None = None,
) -> ReportBody:  # fmt: skip
    """Tell the figures of a year, each with its formula and the rows that it rests on."""
    day = on or date.today()
    since, until = date(year or day.year, 1, 1), date(year, 12, 31) if year else day
    with store.snapshot():
        of = stewards.get(store, standards, day)
        found = all_figures(store, of, since, until, known=stewards.land)
    return ReportBody(since=since, until=until, on=day, figures=[FigureRow.of_(f) for f in found])
