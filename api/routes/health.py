"""Is the service well?"""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import ThePerson
from api.deps import AStore
from api.models import Health

router = APIRouter(tags=["service"])


@router.get("/healthz", response_model_exclude_none=True)
def healthz(store: AStore, person: ThePerson) -> Health:
    """Answer from the base itself: its title, CRS and the version of each layer; whether it is well, to who may see no more."""
    versions = dict(store.versions())
    return Health(status="ok", title=store.title, crs=store.crs, layers=versions) if person.may("viewer") else Health(status="ok")
