"""Places by what people type into the search box."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.deps import AStore
from layers.places import places

router = APIRouter(tags=["places"])


@router.get("/places")
def find(store: AStore, q: Annotated[str, Query(max_length=200)]) -> list[dict[str, Any]]:
    """List plots, projects, sites, roads, lines and coordinates that a text may mean, with bounds in longitude and latitude."""
    return [asdict(place) for place in places(store, q)]
