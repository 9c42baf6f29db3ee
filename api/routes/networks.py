"""The networks of the base."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter

from api.deps import AStore, TheStandards
from api.models import Moment
from api.wiring import WiringBody
from layers.assessment import question

router = APIRouter(tags=["networks"])


@router.get("/networks")
def networks(store: AStore, standards: TheStandards, on: date | None = None, as_of: Moment | None = None) -> WiringBody:
    """Report for roads and utilities how much is connected to a source, why the rest is not, and what is drawn wrong."""
    from layers.wiring import wiring

    ask = question(standards, on, as_of, None)
    return WiringBody.of(wiring(store, ask, as_of), ask.on, as_of, "generated" in store.title)
