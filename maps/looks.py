"""The signs by which plots are told apart on every map: a colour that colour-blind people can part, and a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.parcels import TAKEN

Pattern = Literal["", "hatch", "cross", "dots"]


class Look(NamedTuple):
    """How one class is drawn: its stored value, its name, an #rrggbb colour and a pattern ("" is plain)."""

    value: str
    name: Text
    colour: str
    pattern: Pattern = ""


STATUS = (
    Look("serviced", Text("serviced", "熟地(已配套)"), "#0072B2"),
    Look("pending", Text("pending", "待配套"), "#E69F00", "hatch"),
    Look("unknown", Text("unknown", "未知"), "#BBBBBB", "dots"),
    Look("blocked", Text("blocked", "受限"), "#882255", "cross"),
    Look("supplied", Text("supplied or listed", "已供或已挂牌"), "#555555"),
)
VERDICT = (
    Look("free", Text("free", "可用"), "#0072B2"),
    Look("warn", Text("free with warnings", "可用,有提示"), "#E69F00", "hatch"),
    Look("blocked", Text("blocked", "受限"), "#882255", "cross"),
    Look("unknown", Text("unknown", "未知"), "#BBBBBB", "dots"),
)
READINESS = (
    Look("ready", Text("all services there", "配套齐全"), "#0072B2"),
    Look("dated", Text("pending, with a date", "待配套,有日期"), "#E69F00", "hatch"),
    Look("undated", Text("pending, without a date", "待配套,无日期"), "#CC79A7", "hatch"),
    Look("never", Text("a service is not planned", "有配套未规划"), "#882255", "cross"),
    Look("unknown", Text("unknown", "未知"), "#BBBBBB", "dots"),
)
PLOTS: Mapping[str, tuple[Look, ...]] = {"status": STATUS, "verdict": VERDICT, "ready_state": READINESS}


def known(answers: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """Read one column of classes as an array of str; what is missing, or no class of PLOTS, is unknown."""
    values = {look.value for look in PLOTS[name]}
    column = answers[name] if name in answers else pd.Series(pd.NA, answers.index)
    return column.where(column.isin(list(values)), "unknown").to_numpy(object)


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
    return np.select([taken, verdict == "blocked", pending, unsure], ["supplied", "blocked", "pending", "unknown"], "serviced").astype(object)
