"""What happened to the base: its last writes, what was done to a feature, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from api.auth import ThePerson
from api.deps import AStore, AWriter, Sees, TheNetworks, TheStandards
from api.models import Moment, Problem
from api.routes.edits import Accept, Reason, editable
from api.routes.features import Id, Number
from layers.assessment import NotFoundError
from layers.edits import diff
from layers.edits import undo as undo_of
from layers.paging import MOST
from layers.refresh import refresh
from layers.store.base import Change


class DifferenceBody(BaseModel):
    """A feature that differs between two moments: its columns by name, geometry as WKT; null where it was not there."""

    layer: str
    id: str
    columns: list[str]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class DiffBody(BaseModel):
    """The first features that differ, and whether there are more."""

    differences: list[DifferenceBody]
    more: bool


router = APIRouter(tags=["history"], responses={404: {"model": Problem}})
Entry = Annotated[int, Path(ge=1, lt=2**63, description="number of any entry of the write")]


@router.get("/history")
def writes(
    store: AStore, limit: Annotated[int, Query(ge=1, le=1000)] = 20, since: Moment | None = None, until: Moment | None = None
) -> list[dict[str, Any]]:
    """List the last writes of the base, or those between two moments, the newest last: first and last entry, when, who and why."""
    return [write._asdict() for write in store.writes(since or 0, until, limit)]


@router.get("/diff", responses={422: {"model": Problem}})
def difference(
    store: AStore, sees: Sees, since: Moment, until: Moment | None = None, layer: Annotated[list[str] | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 1000,
) -> DiffBody:  # fmt: skip
    """Tell how features differ between two moments (`until`: now), the first `limit` by layer and number."""
    layers = [editable(sees, name).layer for name in layer or [c.name for c in sees.values() if not c.computed]]
    with store.snapshot():
        found = list(islice(diff(store, since, until, layers), limit + 1))
    told = [
        DifferenceBody(layer=d.layer, id=d.id, columns=list(d.columns), before=d.before, after=d.after) for d in found[:limit]
    ]
    return DiffBody(differences=told, more=len(found) > limit)


@router.get("/collections/{collectionId}/items/{featureId}/history")
def history(name: Id, number: Number, store: AStore, sees: Sees) -> list[dict[str, Any]]:
    """Tell what happened to a feature, oldest first: who, when, why, before and after."""
    layer = editable(sees, name).layer
    if not (records := store.history(layer, number)):
        raise NotFoundError(f"{layer} never had a feature {number}", f"{layer} 中从未有编号 {number}")
    return [record._asdict() for record in records]


@router.post("/history/{entry}/undo", status_code=204, responses={409: {"model": Problem}, 422: {"model": Problem}})
def undo(
    entry: Entry, person: ThePerson, writer: AWriter, standards: TheStandards, networks: TheNetworks, reason: Reason = "",
    accept: Accept = "",
) -> Response:  # fmt: skip
    """Undo the write that an entry of the history belongs to, as a new change; the findings that it concerns are made fresh."""
    undo_of(writer, entry, Change(person.name, reason), standards.on(date.today()), accept)
    refresh(writer, standards, networks)
    return Response(status_code=204)
