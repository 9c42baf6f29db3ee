"""Parcels split and merged."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from api.models import Problem
from api.routes.edits import By, unfit
from layers.drawn import site_from
from layers.edits import Done
from layers.mosaic import MosaicError
from layers.refresh import refresh
from layers.store.base import Change
from layers.subdivision import merge, split

router = APIRouter(tags=["edits"], prefix="/parcels", responses={404: {"model": Problem}, 422: {"model": Problem}})
Name = Annotated[str, Field(max_length=200)]


class Cut(BaseModel):
    """A line across a parcel, GeoJSON in `crs` (east before north), and the numbers of the new parcels from west to east."""

    line: dict[str, Any]
    crs: str = Field("EPSG:4326", max_length=2000)
    ids: list[Name] = Field([], max_length=100)


class Union(BaseModel):
    """Neighbouring parcels, the number of the new one, and the attributes in which they differ."""

    ids: list[Name] = Field(min_length=2, max_length=100)
    into: Name
    values: dict[str, str | float | None] = {}


class DoneBody(BaseModel):
    """The numbers of the parcels that were made and that are no more."""

    created: list[str]
    deleted: list[str]

    @classmethod
    def of(cls, done: Done) -> DoneBody:
        """Name what an edit did."""
        return cls(created=[id for _, id in done.created], deleted=[id for _, id in done.deleted])


@router.post("/merge", response_model=DoneBody)
def unite(body: Union, by: By) -> DoneBody | Response:
    """Merge neighbouring parcels into one; what they have alike it inherits."""
    book = by.standards.on(date.today())
    try:
        done = merge(by.writer, body.ids, body.into, Change(by.person.name, by.reason), book, body.values, by.accept)
    except MosaicError as error:
        return unfit(by, error)
    refresh(by.writer, by.standards, by.networks)
    return DoneBody.of(done)


@router.post("/{id}/split", response_model=DoneBody)
def part(id: Annotated[str, Path(max_length=200)], body: Cut, by: By) -> DoneBody | Response:
    """Split a parcel along a line into parcels with its attributes."""
    line = site_from(body.line, body.crs, by.store.crs)
    try:
        done = split(by.writer, id, line, Change(by.person.name, by.reason), by.standards.on(date.today()), body.ids, by.accept)
    except MosaicError as error:
        return unfit(by, error)
    refresh(by.writer, by.standards, by.networks)
    return DoneBody.of(done)
