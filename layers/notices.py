"""Who was told of which warning: claimed before it is sent, so that of several processes only one sends it, and kept in the base."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.plan.warnings import key
from layers.store.base import Change, ConflictError, Edit, Store

LEASE = timedelta(minutes=30)
"""How long a claim holds of which nobody knows how it ended, for its process was killed: longer than any delivery takes."""
TRIES = 5


def named(found: pd.DataFrame, to: str) -> pd.Series:
    """Name the notices of warnings to a recipient."""
    return key(found) + ("|" + to if to else "")


def unsent(store: Store, found: pd.DataFrame, to: str = "", now: datetime | None = None) -> pd.DataFrame:
    """Keep the warnings that a recipient was not told yet, each once, and of which nobody is telling him just now."""
    names = named(found, to)
    known = store.read("notices", ids=names.tolist(), columns=["id", "state", "claimed_at"])
    held = known["id"][_held(known, now or datetime.now(UTC))]
    return found[~(names.isin(held) | names.duplicated())].reset_index(drop=True)


def _held(known: pd.DataFrame, now: datetime) -> NDArray[np.bool_]:
    """Tell which notices were sent, or are being sent; a missing state is that of a base that knew no others."""
    state, at = (known[name].to_numpy(object) for name in ("state", "claimed_at"))
    since = (now - LEASE).isoformat()
    fresh = np.array([not pd.isna(a) and a > since for a in at], bool)
    return np.asarray((state != "failed") & ((state != "sending") | fresh), bool)


def claim(
    store: Store, found: pd.DataFrame, to: str, on: date, change: Change, now: datetime | None = None
) -> pd.DataFrame:  # fmt: skip
    """Take on to tell a recipient what he was not told yet; gives the warnings that are now this process's to send.

    What another process took on meanwhile is left to it. `settle` says how it ended.
    """
    now = now or datetime.now(UTC)
    for attempt in range(TRIES):
        with store.snapshot():
            mine = unsent(store, found, to, now)
            stamps = store.stamps("notices", named(mine, to).tolist())
        if not len(mine):
            return mine
        put = _rows(store, mine, to, on, "sending", now)
        try:
            store.batch([Edit("notices", put, expect={id: stamps.get(id, 0) for id in put["id"]})], change)
        except ConflictError:
            if attempt == TRIES - 1:
                raise
        else:
            return mine
    raise AssertionError("the last attempt answers or raises")


def settle(store: Store, mine: pd.DataFrame, to: str, on: date, sent: bool, change: Change, now: datetime | None = None) -> None:
    """Note how the telling of claimed warnings ended; what failed is told again."""
    if len(mine):
        state = "sent" if sent else "failed"
        store.edit("notices", change, put=_rows(store, mine, to, on, state, now or datetime.now(UTC)))


def _rows(store: Store, mine: pd.DataFrame, to: str, on: date, state: str, now: datetime) -> gpd.GeoDataFrame:
    """Make the records of notices."""
    columns = {"id": named(mine, to), **{name: mine[name] for name in ("project", "item", "rule", "level")}}
    told = {"recipient": to or None, "state": state, "claimed_at": now.isoformat(), "sent_on": pd.Timestamp(on)}
    rows = pd.DataFrame(columns).assign(**told)
    return gpd.GeoDataFrame(rows, geometry=[None] * len(rows), crs=store.crs)
