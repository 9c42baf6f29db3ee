"""The supply of serviced land."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.deps import AStore, TheStandards
from api.models import Moment, Problem
from api.supply import SupplyBody, SupplyPlots
from layers.assessment import supplied, supply
from layers.plan.supply_table import Row, supply_plots

MOST = 20_000
"""So many plots may be assessed anew by one request: some seconds of work."""
Level = Literal["3", "5", "7"]
Period = Literal["day", "quarter", "year"]
router = APIRouter(tags=["supply"])


@router.get("/supply", responses={409: {"model": Problem}})
def the_supply(
    store: AStore,
    standards: TheStandards,
    by: Period = "quarter",
    take_up: Annotated[float | None, Query(gt=0, allow_inf_nan=False, description="ha a year")] = None,
    level: Level | None = None,
    on: date | None = None,
    as_of: Moment | None = None,
) -> SupplyBody:
    """Table when free land becomes serviced, from the stored findings, or anew for another day; 409 where they are stale."""
    services = int(level) if level else None
    table, day = supply(store, standards, by, services, on, as_of, MOST)
    return SupplyBody.of(table, standards.on(day), by, services, take_up, "generated" in store.title)


@router.get("/supply/plots", responses={409: {"model": Problem}})
def the_plots(
    store: AStore,
    standards: TheStandards,
    state: Literal["ready", "dated", "undated", "never", "unknown", "blocked"],
    begins: date | None = None,
    split: Literal["all", "use", "size"] = "all",
    group: Annotated[str, Query(max_length=8)] = "",
    by: Period = "quarter",
    level: Level | None = None,
    on: date | None = None,
    as_of: Moment | None = None,
) -> SupplyPlots:
    """List all plots that a row of `/supply` counts; 409 where findings are stale."""
    services = int(level) if level else None
    found, plots, day = supplied(store, standards, services, on, as_of, MOST)
    row = Row(split, group, state, begins)
    return SupplyPlots.of(supply_plots(found, plots, standards.on(day), row, by, services))
