"""The table of plots that briefs are answered from, kept in memory and carried through edits."""

from __future__ import annotations

import threading
from datetime import date

import numpy as np
import pandas as pd

from layers.assessment import Networks, fresh
from layers.inputs import stale
from layers.plan.siting import NEEDED, Plots, plots_of
from layers.refresh import differing
from layers.standards import Standards
from layers.store.base import Inputs, Store

COLUMNS = ["id", "use_code", "owner"]


class Index:
    """The table of plots, kept from brief to brief: about 150 B a plot. Safe to share between threads.

    After edits only the plots that they can concern are read again, as `layers.refresh` knows them; after an assessment for
    another day, a delivery or many edits the whole table is.
    """

    def __init__(self) -> None:
        self._inputs: Inputs = {}
        self._kept: tuple[Plots, date] | None = None
        self._lock = threading.Lock()

    def plots(self, store: Store, standards: Standards, networks: Networks) -> tuple[Plots, date]:
        """Give the table and the day of the findings; StaleFindingsError where they are older than the land."""
        with self._lock, store.snapshot():
            inputs = store.findings([], [])[1]
            if self._kept is None or stale(store, inputs, standards):
                self._kept = _read(store, standards)
            elif inputs != self._inputs:
                self._kept = _again(store, standards, networks, self._inputs, self._kept[0]) or _read(store, standards)
            self._inputs = inputs
            return self._kept


def _read(store: Store, standards: Standards) -> tuple[Plots, date]:
    """Read the whole table."""
    found, on = fresh(store, standards, NEEDED)
    parcels = pd.DataFrame(store.read("parcels", columns=COLUMNS).drop(columns="geometry")).set_index("id")
    return plots_of(found, parcels.reindex(found.index)), on


def _again(store: Store, standards: Standards, networks: Networks, inputs: Inputs, plots: Plots) -> tuple[Plots, date] | None:
    """Read again what may differ from the table that was made from `inputs`; None where that may be anything."""
    known = differing(store, standards, inputs, networks)
    if known is None:
        return None
    ids, gone = known
    found = store.findings(ids, NEEDED)[0]
    parcels = pd.DataFrame(store.read("parcels", ids=ids, columns=COLUMNS).drop(columns="geometry")).set_index("id")
    some = plots_of(found, parcels.reindex(found.index))
    return plots.after(some, np.array([*ids, *gone], object)), date.fromisoformat(inputs["on"])
