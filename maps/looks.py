"""What a report tells plots apart by: three sets of classes, each with a colour and a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.parcels import TAKEN
from layers.plan.readiness import STATES
from maps.readiness import DRAWN, PATTERNS, VERDICT


class Look(NamedTuple):
    """How one class is drawn: its stored value, its name, an #rrggbb colour and a pattern ("" is plain)."""

    value: str
    name: Text
    colour: str
    pattern: str = ""


def like(value: str, name: Text, state: str) -> Look:
    """Draw a class with the colour and the pattern that the map gives to a state."""
    return Look(value, name, DRAWN[state].colour, PATTERNS.get(state, ""))


PLOTS: Mapping[str, tuple[Look, ...]] = {
    "status": (
        like("serviced", Text("serviced", "熟地"), "ready"),
        like("pending", Text("pending", "待配套"), "dated"),
        like("unknown", Text("unknown", "未知"), "unknown"),
        like("blocked", DRAWN["blocked"].name, "blocked"),
        like("supplied", DRAWN["supplied"].name, "supplied"),
    ),
    "verdict": tuple(
        like(value, VERDICT[value].name, state)
        for value, state in {"free": "ready", "warn": "dated", "blocked": "blocked", "unknown": "unknown"}.items()
    ),
    "ready_state": tuple(like(value, code.name, value) for value, code in STATES.items()),
}


def known(answers: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Read one column of classes as an array of str; what is missing, or no class of PLOTS, is unknown."""
    column = answers[name] if name in answers else pd.Series(None, answers.index, object)
    listed = column.isin([look.value for look in PLOTS[name]]).to_numpy(bool)
    return np.where(listed, column.to_numpy(object), "unknown")


def status(findings: pd.DataFrame, parcel_status: pd.Series | None = None) -> NDArray[np.object_]:
    """Tell the one class of each plot that a planner asks for first.

    `findings` has `verdict` and `ready_state`, `parcel_status` the codes of the parcels layer in the same order. Land is
    serviced if it may be built on and all its services are there: a Kleene and, so that land without a service is pending
    whatever the rest, and serviced land whose verdict is unknown is unknown.
    """
    verdict, ready = known(findings, "verdict"), known(findings, "ready_state")
    taken = np.zeros(len(findings), bool) if parcel_status is None else parcel_status.isin(TAKEN).to_numpy(bool)
    pending = np.isin(ready, ["dated", "undated", "never"])
    unsure = (ready == "unknown") | (verdict == "unknown")
    cases = {"supplied": taken, "blocked": verdict == "blocked", "pending": pending, "unknown": unsure}
    return np.select(list(cases.values()), list(cases), "serviced").astype(object)
