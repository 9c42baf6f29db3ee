"""Contests kept while the land stays: who asks for the capacity of the networks' lines."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

import pandas as pd

from layers import utilities
from layers.around import Traces, land_around
from layers.base import Ask, as_surveyed, tabled
from layers.inputs import answered
from layers.plan.access import Ways
from layers.plan.capacity import KINDS, asked_loads, demand
from layers.plan.contest import Contest, claims
from layers.store.base import Store, When

ASKED = ("parcels", "sites", "utilities")
"""Layers on which it rests what plots ask of networks."""
TOLD = ("load_project", *(f"{kind}_{part}" for kind in KINDS for part in ("line", "state", "capacity", "load")))
"""What findings tell of it."""
CHUNK = 50_000
"""Findings that are read at once."""
LINES = 5_000
"""The most lines on whose sources plots are asked anew for one site: half a second of plots."""
PATIENCE = 8
"""From so many different sources on, asked about while the land stays the same, all findings are read at once."""
KEPT = 256
"""How many contests around sources are remembered, about 0.1 MB each: a city's districts."""


class Contests:
    """The contest of a whole base by its stored findings and, where these are not fresh, those around some sources.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._whole: tuple[tuple[object, ...], Contest | None] = (), None
        self._around: OrderedDict[tuple[object, ...], Contest | None] = OrderedDict()
        self._reading, self._lock = threading.Lock(), threading.Lock()

    def find(self, store: Store, traces: Traces, ask: Ask, sources: frozenset[str], as_of: When | None = None) -> Contest | None:
        """Find who asks for the capacity of the lines that some sources serve.

        Fresh findings of the same day tell it: of the lines of those sources, until after PATIENCE sources they are read of all
        plots, 30 us each, which an edit does not make worth its while. Else the plots around those lines are asked, 50 us each, and
        None is the answer where more than LINES hang on the sources.
        """
        versions, asked = store.versions(), replace(ask, use=None)
        key = (ask.on, ask.known, *(versions[name] for name in ASKED))
        many = sum(known[: len(key)] == key for known in list(self._around)) >= PATIENCE
        if as_of is None and many and (whole := self._of_findings(store, traces["utilities"], asked, key)):
            return whole
        key = (*key, as_of, sources)
        if key not in self._around:
            fresh = as_of is None and answered(store, store.findings([], [])[1], asked, ASKED)
            found = _told(store, traces["utilities"], sources) if fresh else _around(store, traces, asked, sources, as_of)
            with self._lock:
                self._around[key] = found
                while len(self._around) > KEPT:
                    self._around.popitem(last=False)
            return found
        return self._around[key]

    def _of_findings(self, store: Store, traced: pd.DataFrame, ask: Ask, key: tuple[object, ...]) -> Contest | None:
        """Find the contest of all plots, of which one is remembered; None where the findings do not answer the question."""
        with self._reading:
            known, whole = self._whole
            if known != key and answered(store, store.findings([], [])[1], ask, ASKED):
                ids = store.findings(columns=[])[0].index
                read = (store.findings(ids[k : k + CHUNK].tolist(), TOLD)[0] for k in range(0, max(len(ids), 1), CHUNK))
                whole = Contest.of(traced, pd.concat([claims(found) for found in read], ignore_index=True))
                self._whole = key, whole
                return whole
        return whole if known == key else None


def _of(traced: pd.DataFrame, sources: frozenset[str]) -> pd.DataFrame:
    """Pick sources and the lines that they serve."""
    return traced[traced["source"].isin(sources) | traced.index.isin(sources)]


def _told(store: Store, traced: pd.DataFrame, sources: frozenset[str]) -> Contest:
    """Take from stored findings what plots ask of the lines that some sources serve."""
    known = _of(traced, sources)
    lines = known.index.tolist()
    return Contest.of(known, claims(store.findings(None, TOLD, {f"{kind}_line": lines for kind in KINDS})[0]))


def _around(store: Store, traces: Traces, ask: Ask, sources: frozenset[str], as_of: When | None) -> Contest | None:
    """Ask the plots around the lines that some sources serve."""
    traced = traces["utilities"]
    known = _of(traced, sources)
    if len(known) > LINES:
        return None
    lines = store.read("utilities", ids=known.index.tolist(), columns=["id"], as_of=as_of)
    reach = ask.standards["utilities.max_connect"]
    plots = store.read("parcels", box=tuple(lines.geometry.buffer(reach).total_bounds.tolist()), as_of=as_of)
    if not len(plots):
        return None
    land = land_around(store, tuple(plots.total_bounds.tolist()), traces, as_of, ASKED)
    asking = demand(plots, land, ask)
    survey, way = land["utilities"], Ways(asking, land, ask).utilities
    answers = as_surveyed(
        utilities.LAYER, asking.geometry.to_numpy(), survey, ask, utilities.supplied(asking, survey.features, ask, way)
    )
    return Contest.of(known, claims(tabled(answers | asked_loads(asking), pd.Index(asking["id"]))))
