"""Parcels split and merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from api.models import Problem
from api.routes.edits import By, agreed, stale, unfit
from api.routes.features import find
from layers.drawn import site_from
from layers.edits import Done
from layers.mosaic import PARCELS, MosaicError
from layers.refresh import refresh
from layers.standards import Rulebook
from layers.store.base import Change, ConflictError
from layers.subdivision import merge, split

router = APIRouter(tags=["edits"], prefix="/parcels", responses={code: {"model": Problem} for code in (404, 412, 422, 428)})
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


def on(by: By, ids: Sequence[str]) -> tuple[dict[str, int | None], Response | None]:
    """Find the versions of parcels that a change rests on: If-Match lists their tags; the refusal where one is stale or missing."""
    found, versions = find(by.desk.sees, PARCELS), {}
    for id in dict.fromkeys(ids):
        versions[id], refused = agreed(by.desk, found, id)
        if refused is not None:
            return {}, refused
    return versions, None


def made(by: By, ids: Sequence[str], change: Callable[[dict[str, int | None], Change, Rulebook], Done]) -> DoneBody | Response:
    """Make of some parcels others, on the versions that the caller read."""
    versions, refused = on(by, ids)
    if refused is not None:
        return refused
    try:
        done = change(versions, Change(by.desk.person.name, by.reason), by.desk.standards.on(date.today()))
    except MosaicError as error:
        return unfit(by, error)
    except ConflictError as error:
        return stale(by.desk, find(by.desk.sees, PARCELS), error.conflicts[0].id or ids[0])
    refresh(by.desk.writer, by.desk.standards, by.desk.networks)
    return DoneBody.of(done)


@router.post("/merge", response_model=DoneBody)
def unite(body: Union, by: By) -> DoneBody | Response:
    """Merge neighbouring parcels into one; what they have alike it inherits. If-Match lists the tags of all."""
    return made(
        by,
        body.ids,
        lambda versions, change, book: merge(by.desk.writer, body.ids, body.into, change, book, body.values, by.accept, versions),
    )


@router.post("/{id}/split", response_model=DoneBody)
def part(id: Annotated[str, Path(max_length=200)], body: Cut, by: By) -> DoneBody | Response:
    """Split a parcel along a line into parcels with its attributes; If-Match is its tag."""
    line = site_from(body.line, body.crs, by.desk.store.crs)
    return made(
        by, [id], lambda versions, change, book: split(by.desk.writer, id, line, change, book, body.ids, by.accept, versions[id])
    )
