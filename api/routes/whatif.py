"""What slips when a line comes on another day."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import AStore, TheNetworks, TheStandards
from api.models import Problem
from layers.assessment import question
from layers.plan.sheet import day as day_of
from layers.units import mu
from layers.whatif import whatif

router = APIRouter(tags=["networks"])


class Asked(BaseModel):
    """A road or line, and the day on which it would come into service."""

    layer: Literal["roads", "utilities"]
    id: str = Field(max_length=200)
    day: date


class Slipped(BaseModel):
    """A plot whose readiness would change: before and after."""

    id: str
    area_m2: float
    mu: float
    ready_state: str
    ready_from: date | None
    deciding: str
    new_ready_state: str
    new_ready_from: date | None
    new_deciding: str


class SlipBody(BaseModel):
    """What would change: the plots, the lines that would serve another way, and how many plots were asked about."""

    layer: str
    id: str
    day: date
    plots: list[Slipped]
    lines: list[str]
    concerned: int


@router.post("/whatif", responses={404: {"model": Problem}, 422: {"model": Problem}})
def slip(asked: Asked, store: AStore, standards: TheStandards, networks: TheNetworks) -> SlipBody:
    """Tell which plots would be serviced on another day if a road or line came into service on `day`; nothing is stored."""
    found = whatif(store, asked.layer, asked.id, asked.day, question(standards, None, None, None), networks)
    rows = [
        Slipped(
            id=str(row.Index), area_m2=row.area, mu=mu(row.area), ready_state=row.ready_state, ready_from=day_of(row.ready_from),
            deciding=row.deciding, new_ready_state=row.new_ready_state, new_ready_from=day_of(row.new_ready_from),
            new_deciding=row.new_deciding,
        )
        for row in found.plots.itertuples()
    ]  # fmt: skip
    return SlipBody(layer=asked.layer, id=asked.id, day=asked.day, plots=rows, lines=list(found.lines), concerned=found.concerned)
