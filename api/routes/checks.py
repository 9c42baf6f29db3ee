"""Checks of sites."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import AStore, TheNetworks, TheStandards
from api.models import CheckRequest, Problem, SheetBody
from layers.assessment import carried, check, question
from layers.drawn import site_from
from layers.units import m2

router = APIRouter(tags=["checks"])


@router.post("/checks", responses={422: {"model": Problem}})
def make_check(request: CheckRequest, store: AStore, standards: TheStandards, networks: TheNetworks) -> SheetBody:
    """Check a site: every rule, the partition of its area, the services and the verdict."""
    shape = site_from(request.geometry, request.crs, store.crs)
    ask = question(standards, request.on, request.as_of, request.use)
    needed = m2(request.required_mu) if request.required_mu else None
    sheet = check(store, shape, ask, required_area=needed, level=request.level, as_of=request.as_of, networks=networks)
    shown = carried(sheet, store.crs, request.answer_crs) if request.answer_crs else sheet
    return SheetBody.of(shown, request.answer_crs or store.crs, "generated" in store.title, request.as_of)
