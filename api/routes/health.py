"""Is the service well?"""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import AStore
from api.models import Health

router = APIRouter(tags=["service"])


@router.get("/healthz")
def healthz(store: AStore) -> Health:
    """Answer from the base itself: its title, CRS and the version of each layer."""
    return Health(status="ok", title=store.title, crs=store.crs, layers=dict(store.versions()))
