"""Plots summed up by cells of a tile, as squares that tell what most of their land is and on which days that turns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.tiles import Box, Column, TileLayer
from layers.overview import CELLS, SQUARE

TURNS = 3
"""So many times a cell of the grid may change its dominant state: pending, what has no day, unknown, serviced."""
Integers = NDArray[np.int64]


class Stages(NamedTuple):
    """Which state has most of the area of a cell, at first and after each turn; shape (n,), by cell and turn."""

    cell: Integers
    turn: Integers
    """0 at first."""
    day: Integers
    """On which it turned, in days since 1970-01-01."""
    dominant: NDArray[np.object_]
    share: NDArray[np.float64]
    """Of the area, the least while the state dominates."""


def grid(parts: pd.DataFrame, shown: str, box: Box) -> TileLayer:
    """Draw sums by cells, one square a cell, as the column `shown` tells them apart.

    Attributes: `plots`, `area` [m2, in the base's CRS], `dominant` (the state with most area; the first of the alphabet
    where equal; "" for plots without one), `share` of the area that is dominant; and where another state dominates from a
    day on, `day1`, `dominant1`, `share1`, and so on up to `TURNS` times. A share is the least while its state dominates.
    """
    cell, of = np.unique(parts["cell"].to_numpy(np.int64), return_inverse=True)
    plots, area = np.zeros((2, len(cell)), np.int64)
    np.add.at(plots, of, parts["plots"].to_numpy(np.int64))
    np.add.at(area, of, parts["area"].to_numpy(np.int64))
    size = (box[2] - box[0]) / CELLS
    left, top = box[0] + (cell % CELLS) * size, box[3] - (cell // CELLS) * size
    columns = {"plots": Column(plots), "area": Column((area / SQUARE).round())}
    told = stages(of, parts[shown].to_numpy(object), parts["area"].to_numpy(np.int64))
    for n in range(told.turn.max(initial=0) + 1):
        turned, behind = told.turn == n, str(n or "")
        values = {"dominant": told.dominant, "share": told.share.round(2)} | ({"day": told.day} if n else {})
        at, none = told.cell[turned], np.ones(len(cell), bool)
        none[at] = False
        for name, value in values.items():
            known: NDArray[Any] = np.full(len(cell), "" if name == "dominant" else 0, value.dtype)
            known[at] = value[turned]
            columns[f"{name}{behind}"] = Column(known, none)
    return TileLayer(shapely.box(left, top - size, left + size, top), columns=columns)


def stages(cell: Integers, state: NDArray[np.object_], area: Integers) -> Stages:
    """Tell which state has most of the area of each cell, from the beginning and after each turn.

    `state` is as `layers.overview.drawn_state` writes it. What turns more than `TURNS` times is unknown from the last of them on.
    """
    names, of = np.unique(state.astype(str), return_inverse=True)
    begin = np.array([np.datetime64(n.partition(" ")[2] or "NaT", "D") for n in names])
    then, dated = np.array([n.partition(" ")[0] for n in names]), ~np.isnat(begin)
    states = np.unique([*then, "dated"])
    to, coming, pending = np.searchsorted(states, then)[of], dated[of], int(np.searchsorted(states, "dated"))
    days = begin.astype(np.int64)[of[coming]]
    area = np.maximum(area, 1)  # a plot without land tells its state where it is alone
    # each part counts from the beginning on; one with a day as pending, and from its day on as what it is then
    place, day = np.r_[cell, cell[coming], cell[coming]], np.r_[np.full(len(cell), np.iinfo(np.int64).min), days, days]
    kind = np.r_[np.where(coming, pending, to), np.full(len(days), pending), to[coming]]
    land = np.r_[area, -area[coming], area[coming]]
    order = np.lexsort((day, place))
    place, day = place[order], day[order]
    step = _begins(place, day)
    held = np.zeros((step.sum(), len(states)), np.int64)
    np.add.at(held, (np.cumsum(step) - 1, kind[order]), land[order])
    place, day = place[step], day[step]
    held = _running(held, _begins(place))
    most, share = held.argmax(axis=1), held.max(axis=1) / held.sum(axis=1)
    turn = np.minimum(_running(_begins(place, most).astype(np.int64), _begins(place)) - 1, TURNS)
    first = np.flatnonzero(_begins(place, turn))
    steady = np.minimum.reduceat(most, first) == np.maximum.reduceat(most, first)
    dominant = np.where(steady, states[most[first]], "unknown").astype(object)
    return Stages(place[first], turn[first], day[first], dominant, np.minimum.reduceat(share, first))


def _begins(*keys: Integers) -> NDArray[np.bool_]:
    """Tell of each row whether one of some columns is not as in the row before."""
    begins = np.ones(len(keys[0]), bool)
    begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return begins


def _running(amounts: Integers, begins: NDArray[np.bool_]) -> Integers:
    """Add each row to those before it, from where each run of them begins."""
    total, first = np.cumsum(amounts, axis=0), np.flatnonzero(begins)
    behind = total[first] - amounts[first]
    run: Integers = total - behind[np.cumsum(begins) - 1]
    return run
