"""What an admin looks after: the numbers of law, what deliveries cover."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.deps import AStore, TheStandards
from api.models import Problem, Words
from layers.about import coverage

router = APIRouter(tags=["admin"])
CRS = Annotated[str, Query(max_length=2000, description="CRS of the answer, east before north")]


class StandardBody(BaseModel):
    """A line of the standards in force: value, unit, source, and whether anybody read the original."""

    name: str
    since: date
    value: Any
    unit: str
    source: str
    verified: bool
    rule: Words


@router.get("/coverage", responses={404: {"model": Problem}})
def the_coverage(edition: Annotated[str, Query(max_length=200)], store: AStore, crs: CRS = "EPSG:4326") -> dict[str, Any] | None:
    """Give the area that a delivery covers, as GeoJSON; null where it claims none, so that nothing is known to be absent."""
    return coverage(store, edition, crs)


@router.get("/standards")
def the_standards(standards: TheStandards, on: date | None = None) -> list[StandardBody]:
    """List the numbers of law and practice that are in force on a day."""
    lines = standards.on(on or date.today()).lines.values()
    return [
        StandardBody(
            name=line.name, since=line.since, value=line.value, unit=line.unit, source=line.source, verified=line.verified,
            rule=Words(en=line.en, zh=line.zh),
        )
        for line in sorted(lines, key=lambda line: line.name)
    ]  # fmt: skip
