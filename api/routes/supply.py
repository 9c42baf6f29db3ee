"""The supply of serviced land."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.deps import AStore, TheStandards
from api.models import Problem
from api.supply import SupplyBody
from layers.assessment import supply

router = APIRouter(tags=["supply"])


@router.get("/supply", responses={409: {"model": Problem}})
def the_supply(
    store: AStore,
    standards: TheStandards,
    by: Literal["quarter", "year"] = "quarter",
    take_up: Annotated[float | None, Query(gt=0, allow_inf_nan=False, description="ha a year")] = None,
    level: Literal["3", "5", "7"] | None = None,
) -> SupplyBody:
    """Table when free land becomes serviced, from the stored findings; 409 where they are stale."""
    services = int(level) if level else None
    table, day = supply(store, standards, by, services)
    return SupplyBody.of(table, standards.on(day), by, services, take_up, "generated" in store.title)
