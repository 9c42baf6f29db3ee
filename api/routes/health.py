"""Is the service well?"""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import ThePerson
from api.deps import AStore, TheLand
from api.models import Health, Problem

router = APIRouter(tags=["service"])


@router.get("/healthz", response_model_exclude_none=True, responses={503: {"model": Problem}})
def healthz(store: AStore, person: ThePerson, land: TheLand) -> Health:
    """Answer from the base itself: its title, CRS and the version of each layer; whether it is well, to who may see no more.

    DamagedError where any of its pages was found damaged: by a request, or when all of it was read.
    """
    if land.damage is not None:
        raise land.damage
    versions = dict(store.versions())
    return Health(status="ok", title=store.title, crs=store.crs, layers=versions) if person.may("viewer") else Health(status="ok")
