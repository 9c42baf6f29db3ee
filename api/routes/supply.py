"""The supply of serviced land."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.deps import AStore, TheStandards
from api.models import Moment, Problem
from api.supply import SupplyBody
from layers.assessment import supply

MOST = 20_000
"""So many plots may be assessed anew by one request: some seconds of work."""
router = APIRouter(tags=["supply"])


@router.get("/supply", responses={409: {"model": Problem}})
def the_supply(
    store: AStore,
    standards: TheStandards,
    by: Literal["quarter", "year"] = "quarter",
    take_up: Annotated[float | None, Query(gt=0, allow_inf_nan=False, description="ha a year")] = None,
    level: Literal["3", "5", "7"] | None = None,
    on: date | None = None,
    as_of: Moment | None = None,
) -> SupplyBody:
    """Table when free land becomes serviced, from the stored findings, or anew for another day; 409 where they are stale."""
    services = int(level) if level else None
    table, day = supply(store, standards, by, services, on, as_of, MOST)
    return SupplyBody.of(table, standards.on(day), by, services, take_up, "generated" in store.title)
