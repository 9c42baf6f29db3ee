"""What happened to the base: its last writes, what was done to a feature, and the way back."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from api.auth import ThePerson
from api.deps import AStore, AWriter, Sees, TheNetworks, TheStandards
from api.models import Problem
from api.routes.edits import Accept, Reason, editable
from api.routes.features import Id, Number
from layers.assessment import NotFoundError
from layers.edits import undo as undo_of
from layers.refresh import refresh
from layers.store.base import Change

router = APIRouter(tags=["history"], responses={404: {"model": Problem}})
Entry = Annotated[int, Path(ge=1, lt=2**63, description="number of any entry of the write")]


@router.get("/history")
def writes(store: AStore, limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[dict[str, Any]]:
    """List the last writes of the base, the newest last: first and last entry, when, who and why."""
    return [write._asdict() for write in store.writes(limit=limit)]


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
