"""The verdict of one plot in short, as it is sent."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel

from api.models import InputsBody, ServiceState, Words
from layers.plan.readiness import SERVICES
from layers.plan.sheet import day
from layers.verdict import Verdict


class ServiceBody(ServiceState):
    """The state of one service in short."""

    distance_m: float | None
    capacity: str | None


class VerdictBody(BaseModel):
    """What is found of a plot, without its parts, evidence and ways. `stored`: read from findings that surely hold, else found now.

    `contested` is null where nobody knows, as between an edit of a plot and the refresh of the findings.
    """

    id: str
    on: date
    stored: bool
    generated: bool
    verdict: Literal["free", "unknown", "blocked"]
    reason: str | None
    ready_state: str
    ready_from: date | None
    deciding: str | None
    missing: list[str]
    contested: list[str] | None
    serviced_level: int | None
    area_m2: float
    free_m2: float
    warn_m2: float
    unknown_m2: float
    blocked_m2: float
    residual_m2: float
    services: list[ServiceBody]
    inputs: InputsBody

    @classmethod
    def of(cls, id: str, told: Verdict, generated: bool) -> VerdictBody:
        """Write a verdict."""
        found, inputs = told.found, InputsBody(**told.inputs)
        services = [
            ServiceBody(
                kind=kind, title=Words.of(title), state=found[f"{kind}_state"], since=day(found[f"{kind}_from"]),
                line=found[f"{kind}_line"], distance_m=found[f"{kind}_distance"], capacity=found.get(f"{kind}_capacity"),
            )
            for kind, title in SERVICES.items()
        ]  # fmt: skip
        areas = {f"{name}_m2": found[f"{name}_area"] for name in ("free", "warn", "unknown", "blocked")}
        return cls(
            id=id, on=inputs.on, stored=told.stored, generated=generated, verdict=found["verdict"], reason=found["reason"],
            ready_state=found["ready_state"], ready_from=day(found["ready_from"]), deciding=found["deciding"],
            missing=[name for name in found["missing"].split(",") if name],
            contested=None if found["contested"] is None else [name for name in found["contested"].split(",") if name],
            serviced_level=found["serviced_level"], area_m2=found["area"], residual_m2=found["residual"], services=services,
            inputs=inputs, **areas,
        )  # fmt: skip
