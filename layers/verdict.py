"""The verdict of one plot in short: as it is stored where that surely holds, else found now from the land around the plot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import pandas as pd

from layers.around import land_around
from layers.assessment import Networks, NotFoundError, findings, question
from layers.base import row_of
from layers.inputs import current
from layers.plan.readiness import SERVICES
from layers.refresh import standing
from layers.standards import Standards
from layers.store.base import Inputs, Store

SERVICE = ("state", "from", "line", "distance", "capacity")
"""What is told of each service; a road has no capacity."""
COLUMNS = (
    "area", "free_area", "warn_area", "unknown_area", "blocked_area", "residual", "verdict", "reason", "ready_state", "ready_from",
    "deciding", "missing", "serviced_level", "contested", *(f"{kind}_{told}" for kind in SERVICES for told in SERVICE),
)  # fmt: skip


class Verdict(NamedTuple):
    """What is found of a plot by column of the findings (None: missing), whether it was stored, and what it was made from."""

    found: Mapping[str, Any]
    stored: bool
    inputs: Inputs


def verdict(store: Store, standards: Standards, id: str, on: date | None, networks: Networks) -> Verdict:
    """Tell the verdict of a stored plot, on the day of the stored findings unless `on` is another; NotFoundError where there is none.

    Stored findings are told only where no edit since, no delivery and no other rules or engine can have changed them; otherwise
    the plot is assessed now, as an assessment of all plots would (on today unless `on` is given), but for `contested`, which only all
    plots together tell. Nothing is stored.
    """
    with store.snapshot():
        plot = store.read("parcels", ids=[id])
        if not len(plot):
            raise NotFoundError(f"there is no plot {id}; list them in the map or by shudi layers", f"没有宗地 {id}")
        inputs = store.findings([], [])[1]
        if inputs and on in (None, date.fromisoformat(inputs["on"])):
            found = standing(store, plot, COLUMNS)
            if len(found):
                return Verdict(_known(found), True, inputs)
        ask = question(standards, on, None, None)
        land = land_around(store, tuple(plot.total_bounds.tolist()), networks.trace(store, ask), light=True)
        return Verdict(_known(findings(plot, land, ask)), False, current(store, ask, standards))


def _known(found: pd.DataFrame) -> dict[str, Any]:
    """Take the only row, None where missing."""
    return {name: None if pd.isna(value) else value for name, value in row_of(found).items()}
