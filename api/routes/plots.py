"""Plots and their sheets."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import AStore, TheNetworks, TheStandards
from api.models import Moment, Problem, SheetBody
from layers.assessment import explain, question

router = APIRouter(tags=["plots"])


@router.get("/plots/{id}", responses={404: {"model": Problem}})
def plot(
    id: Annotated[str, Path(max_length=200)],
    store: AStore,
    standards: TheStandards,
    networks: TheNetworks,
    on: date | None = None,
    as_of: Moment | None = None,
) -> SheetBody:
    """Write the sheet of a stored plot, computed from the land as it is now (or was known at `as_of`)."""
    sheet = explain(store, id, question(standards, on, as_of, None), as_of, networks)
    return SheetBody.of(sheet, store.crs, "generated" in store.title, as_of)
