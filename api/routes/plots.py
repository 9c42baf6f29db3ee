"""Plots and their sheets."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import AStore, TheNetworks, TheStandards
from api.models import LevelBody, LevellingBody, Moment, Problem, SheetBody
from api.verdicts import VerdictBody
from layers.assessment import carried, explain, question, stored
from layers.assessment import level as level_site
from layers.inputs import current
from layers.verdict import verdict

router = APIRouter(tags=["plots"])
ShownIn = Annotated[
    str | None, Query(max_length=2000, description="CRS of the answer's geometry, east first; default: the base's")
]


@router.get("/plots/{id}", responses={404: {"model": Problem}})
def plot(
    id: Annotated[str, Path(max_length=200)],
    store: AStore,
    standards: TheStandards,
    networks: TheNetworks,
    on: date | None = None,
    as_of: Moment | None = None,
    answer_crs: ShownIn = None,
) -> SheetBody:
    """Write the sheet of a stored plot, computed from the land as it is now (or was known at `as_of`)."""
    ask = question(standards, on, as_of, None)
    with store.snapshot():
        sheet = explain(store, id, ask, as_of, networks)
        made = current(store, ask, standards, as_of)
    shown = carried(sheet, store.crs, answer_crs) if answer_crs else sheet
    return SheetBody.of(shown, answer_crs or store.crs, "generated" in store.title, as_of, made)


@router.get("/plots/{id}/verdict", responses={404: {"model": Problem}})
def the_verdict(
    id: Annotated[str, Path(max_length=200)],
    store: AStore,
    standards: TheStandards,
    networks: TheNetworks,
    on: Annotated[date | None, Query(description="default: the day of the stored findings")] = None,
) -> VerdictBody:
    """Tell the verdict of a stored plot in short: from the stored findings where they surely hold, else found now."""
    return VerdictBody.of(id, verdict(store, standards, id, on, networks), "generated" in store.title)


@router.get("/plots/{id}/levelling", responses={404: {"model": Problem}})
def levelling(
    id: Annotated[str, Path(max_length=200)],
    store: AStore,
    standards: TheStandards,
    level: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    on: date | None = None,
    as_of: Moment | None = None,
) -> LevelBody:
    """Measure what levels a stored plot to `level` [m], by default to the level at which cut and fill balance."""
    plot = stored(store, "parcels", id, as_of)
    found = level_site(store, plot.geometry, question(standards, on, as_of, None), level, id, as_of)
    return LevelBody(id=id, as_of=as_of, generated="generated" in store.title, levelling=LevellingBody.of(found))
