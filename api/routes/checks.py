"""Checks of sites."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import AStore, TheNetworks, TheStandards
from api.models import CheckRequest, Problem, SheetBody
from api.processes import checked

router = APIRouter(tags=["checks"])


@router.post("/checks", responses={422: {"model": Problem}})
def make_check(request: CheckRequest, store: AStore, standards: TheStandards, networks: TheNetworks) -> SheetBody:
    """Check a site: every rule, the partition of its area, the services and the verdict."""
    return checked(store, standards, networks, request)
