"""Places: by what people type into the search box, and between degrees and the base's CRS."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.deps import AStore
from api.models import Problem
from geo.errors import GeoError
from layers.about import plane
from layers.places import places

router = APIRouter(tags=["places"])
BOX = r"(?:-?\d{1,3}(?:\.\d{1,15})?,){3}-?\d{1,3}(?:\.\d{1,15})?"


class Chart(BaseModel):
    """One way between CRSs: a box (west, south, east, north), and what its Chebyshev nodes become, by east and by north."""

    box: list[float]
    x: list[list[float]]
    y: list[list[float]]


class Plane(BaseModel):
    """How longitude and latitude (`forth` from them, `back` to them) and the base's CRS belong together; x before y."""

    crs: str
    forth: Chart
    back: Chart


@router.get("/places")
def find(store: AStore, q: Annotated[str, Query(max_length=200)]) -> list[dict[str, Any]]:
    """List plots, projects, sites, roads, lines and coordinates that a text may mean, with bounds in longitude and latitude."""
    return [asdict(place) for place in places(store, q)]


@router.get("/plane", responses={422: {"model": Problem}})
def the_plane(
    store: AStore, bbox: Annotated[str, Query(pattern=f"^{BOX}$", description="west,south,east,north in degrees")]
) -> Plane:
    """Tell how a box lies in the base's CRS, by nodes between which a program reckons to the micrometre, without asking again."""
    west, south, east, north = map(float, bbox.split(","))
    if not (-180 <= west < east <= 180 and -90 < south < north < 90):
        raise GeoError(
            f"{bbox} is no box: write west,south,east,north in degrees", f"{bbox} 不是范围:请按 西,南,东,北 写出经纬度"
        )
    return Plane(**plane(store, (west, south, east, north)))
