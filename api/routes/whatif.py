"""What slips when a line comes on another day."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.deps import AStore, TheNetworks, TheStandards
from api.models import Problem
from layers.assessment import question
from layers.plan.sheet import day as day_of
from layers.units import mu
from layers.whatif import whatif

router = APIRouter(tags=["networks"])


class Asked(BaseModel):
    """A road or line, and the day on which it would come into service; null: on no known day, which tells what waits for it."""

    layer: Literal["roads", "utilities"]
    id: str = Field(max_length=200)
    day: date | None


class Slipped(BaseModel):
    """A plot whose readiness would change: before and after."""

    model_config = ConfigDict(extra="ignore")

    id: str
    area_m2: float
    mu: float
    ready_state: str
    ready_from: date | None
    deciding: str
    new_ready_state: str
    new_ready_from: date | None
    new_deciding: str

    @classmethod
    def of(cls, row: dict[str, Any]) -> Slipped:
        """Write a row of `layers.whatif.Slip.plots`."""
        days = {name: day_of(row[name]) for name in ("ready_from", "new_ready_from")}
        return cls(**{**row, **days, "area_m2": row["area"], "mu": mu(row["area"])})


class SlipBody(BaseModel):
    """What would change: the plots, the lines that would serve another way, and how many plots were asked about."""

    layer: str
    id: str
    day: date | None
    plots: list[Slipped]
    lines: list[str]
    concerned: int


@router.post("/whatif", responses={404: {"model": Problem}, 422: {"model": Problem}})
def slip(asked: Asked, store: AStore, standards: TheStandards, networks: TheNetworks) -> SlipBody:
    """Tell which plots would be serviced on another day if a road or line came into service on `day`; nothing is stored."""
    found = whatif(store, asked.layer, asked.id, asked.day, question(standards, None, None, None), networks)
    told = found.plots.rename_axis("id").reset_index().to_dict("records")
    rows = [Slipped.of({str(name): value for name, value in row.items()}) for row in told]
    return SlipBody(layer=asked.layer, id=asked.id, day=asked.day, plots=rows, lines=list(found.lines), concerned=found.concerned)
