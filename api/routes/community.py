"""Divisions of the land, and what is reached on foot."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from api.community import CircleBody, DivisionBody
from api.deps import AStore, TheStandards
from api.models import Moment, Problem
from layers.divisions import division

router = APIRouter(tags=["community"], responses={400: {"model": Problem}, 404: {"model": Problem}})


@router.get("/divisions/{id}")
def the_division(
    id: Annotated[str, Path(max_length=200)], store: AStore, standards: TheStandards, as_of: Moment | None = None
) -> DivisionBody:
    """Tell a division: what it belongs to, its parts, its land by verdict and readiness, resettlement sites and projects in it."""
    return DivisionBody.of(division(store, standards, id, as_of))


@router.get("/living-circle/{layer}/{id}")
def the_living_circle(
    layer: Literal["resettlements", "parcels", "sites"], id: Annotated[str, Path(max_length=200)], store: AStore, standards: TheStandards,
    on: date | None = None, as_of: Moment | None = None,
) -> CircleBody:  # fmt: skip
    """Tell which kinds of amenities lie within 15 minutes on foot of a place: within, beyond or unknown, and the nearest."""
    from layers.living import living_circle  # brings in scipy, which a service need not load before it answers

    return CircleBody.of(layer, id, *living_circle(store, standards, layer, id, on, as_of))
