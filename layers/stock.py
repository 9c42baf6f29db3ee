"""The land of a base as the figures of the park see it: its parcels without their outlines, read page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pandas as pd
import shapely

from layers.base import valid_on
from layers.collections import made_from
from layers.known import Known
from layers.plan.figures import Figure
from layers.plan.land_rates import Stock, land_rates
from layers.project_land import each_parcel
from layers.steward import RESTS_ON, Steward
from layers.store.base import Store, When

PAGE = 50_000
"""Parcels that are read at once."""
COLUMNS = ("id", "status", "code_system", "use_code")
FOUND = ("ready_state", "ready_from")


def stock_of(store: Store, of: Steward, as_of: When | None = None) -> Stock:
    """Read the land of a base; of what was known once without findings, which are those of now. Memory grows with the parcels, by some words each."""
    with store.snapshot():
        pages = list(_pages(store, as_of))
        plans = store.read("development_areas", as_of=as_of)
        found = store.findings(None, list(FOUND))[0] if as_of is None else pd.DataFrame()
    parcels = pd.concat(pages, ignore_index=True)
    found = found.reindex(index=parcels["id"], columns=list(FOUND)).set_axis(parcels.index)
    parcels = parcels.assign(ready_state=found["ready_state"], ready_from=pd.to_datetime(found["ready_from"]))
    plans = plans[(plans["status"] == "approved").to_numpy(bool, na_value=False) & valid_on(plans, of.ledger.on.astype(date))]
    plans = plans.assign(area=shapely.area(plans.geometry.to_numpy()))
    return Stock(parcels, plans, each_parcel(of.tables.cases[["project", "parcels"]]))


def _pages(store: Store, as_of: When | None) -> Iterator[pd.DataFrame]:
    """Read the parcels without their outlines."""
    after = ""
    while True:
        page = store.read("parcels", columns=list(COLUMNS), as_of=as_of, after=after, limit=PAGE)
        yield pd.DataFrame({**{name: page[name] for name in COLUMNS}, "area": shapely.area(page.geometry.to_numpy())})
        if len(page) < PAGE:
            return
        after = page["id"].iloc[-1]


def all_figures(
    store: Store, of: Steward, since: date, until: date, as_of: When | None = None, known: Known | None = None
) -> tuple[Figure, ...]:  # fmt: skip
    """Tell all figures: those of the ledger over a period, and those of the land on the day of the ledger.

    known: where those of the land are remembered, so that the parcels are read again only when they or what is beside them changed.
    """

    def rates() -> tuple[Figure, ...]:
        return tuple(land_rates(stock_of(store, of, as_of), of.tables, of.ledger.on, of.ledger.book))

    if known is None:
        return (*of.figures(since, until), *rates())
    with store.snapshot():
        versions = store.versions()
        key = (
            "land_rates",
            of.ledger.on,
            as_of,
            *(versions[name] for name in (*RESTS_ON, "development_areas")),
            made_from(store),
        )
        land: tuple[Figure, ...] = known.get(key, rates)
    return (*of.figures(since, until), *land)
