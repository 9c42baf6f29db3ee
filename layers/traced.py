"""Traced networks as the last assessment left them in the base, so that a command need not trace them again for one site."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from io import BytesIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Ask
from layers.catalogue import LAYERS
from layers.inputs import ENGINE
from layers.store.base import Compare, Inputs, Store


def keep(store: Store, traces: Mapping[str, pd.DataFrame], ask: Ask, versions: Mapping[str, int]) -> None:
    """Keep networks as they were traced for a question, by layer and line; time and room grow with the lines (30 bytes each)."""
    for name, traced in traces.items():
        content = BytesIO()
        traced.reset_index().to_feather(content)
        turns = _turns(store, name, min(ask.on, ask.known))
        spans = {"on": _span(turns, ask.on), "known": _span(turns, ask.known)}
        store.keep(_key(name), {**_asked(ask), **spans, "version": versions[name]}, content.getvalue())


def kept(store: Store, name: str, ask: Ask, version: int) -> pd.DataFrame | None:
    """Take a network that was traced at this version of its layer; None where a question would find it otherwise.

    On a later day it stands as it did, as long as nothing recorded begins or ends between.
    """
    found = store.kept(_key(name))
    if found is None or not _holds(found[0], ask, version):
        return None
    return pd.read_feather(BytesIO(found[1])).set_index("id")


def _key(name: str) -> str:
    return f"traced {name}"


def _holds(note: Inputs, ask: Ask, version: int) -> bool:
    """Tell whether what was noted still answers a question: same lines, standards and engine, and no turn of time since."""
    alike = note["version"] == version and all(note[key] == value for key, value in _asked(ask).items())
    return alike and all(note[key][0] <= str(day) < note[key][1] for key, day in (("on", ask.on), ("known", ask.known)))


def _asked(ask: Ask) -> dict[str, object]:
    """Name what a question brings along besides its days."""
    lines = sorted((name, repr(line.value)) for name, line in ask.standards.lines.items())
    return {"engine": ENGINE, "standards": hashlib.sha256(repr(lines).encode()).hexdigest()}


def _turns(store: Store, name: str, since: date) -> NDArray[np.datetime64]:
    """List the days after another on which anything recorded of a layer begins or ends."""
    columns = [field.name for field in LAYERS[name].columns if field.dtype == "date"]
    later = [store.read(name, columns=[column], where=[Compare(column, ">", since)])[column] for column in columns]
    return np.unique(np.concatenate([days.to_numpy("datetime64[D]") for days in later]))


def _span(turns: NDArray[np.datetime64], day: date) -> tuple[str, str]:
    """Give a day and the first after it on which anything turns."""
    after = turns[turns > np.datetime64(day, "D")]
    return str(day), str(after[0]) if len(after) else "9999-12-31"
