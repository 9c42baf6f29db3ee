"""The month and the week of all projects, for a meeting: what was done in it, what is due, what is late already."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from layers.base import Text
from layers.plan.ledger import Ledger, rows
from layers.plan.warnings import RANK

SECTIONS = {
    "late": Text("late: planned before, not done", "滞后:计划日期已过而未完成"),
    "due": Text("due in it, by the plan or so that the target holds", "期内应完成(按计划或倒排工期)"),
    "done": Text("done in it", "期内已完成"),
}
SAID = ("cause", "owner", "action", "action_due_on", "verified_by", "closed_on")
"""What people write beside a step."""


class Period(NamedTuple):
    """A span of days, both inside."""

    first: np.datetime64
    last: np.datetime64


def month(on: np.datetime64) -> Period:
    """Find the month of a day."""
    first = on.astype("datetime64[M]")
    return Period(first.astype("datetime64[D]"), (first + 1).astype("datetime64[D]") - 1)


def week(on: np.datetime64) -> Period:
    """Find the ISO week of a day, Monday to Sunday."""
    monday = on - (on.astype(np.int64) + 3) % 7
    return Period(monday, monday + 6)


def period(of: Ledger, span: Period, warned: pd.DataFrame) -> pd.DataFrame:
    """List the steps that belong to a span: section, project, phase, item, planned, forecast, actual, latest, level and SAID.

    A step that is not done is late where it was planned before the span or is planned before the ledger's day, else due where its
    plan, or its latest day for the target, lies in it. Sections in the order of SECTIONS, then by project and day.
    """
    steps = rows(of)
    planned, latest, actual = (steps[name].to_numpy("datetime64[D]") for name in ("planned", "latest", "actual"))
    waits = steps["state"].isin(["open", "blocked"]).to_numpy(bool)
    late = waits & (planned < min(span.first, of.on))
    due = waits & ~late & (_in(planned, span) | _in(latest, span))
    told = steps.assign(section=np.select([late, due, _in(actual, span)], list(SECTIONS), ""))
    told = told[(told["section"] != "").to_numpy(bool)]
    records = pd.concat([g.permits[["id", *SAID]] for g in of.groups]) if of.groups else pd.DataFrame(columns=["id", *SAID])
    told = told.merge(records.rename(columns={"id": "record"}), on="record", how="left")
    worst = (
        warned.assign(rank=warned["level"].map(RANK))
        .sort_values("rank")
        .drop_duplicates(["project", "phase", "item"], keep="last")
    )
    told = told.merge(worst[["project", "phase", "item", "level"]], on=["project", "phase", "item"], how="left")
    place = {name: k for k, name in enumerate(SECTIONS)}
    told["place"], told["when"] = told["section"].map(place), told["planned"].fillna(told["latest"])
    order = told.sort_values(["place", "project", "phase", "when", "item"], kind="stable")
    columns = ["section", "project", "phase", "item", "planned", "forecast", "actual", "latest", "level", *SAID]
    return order[columns].reset_index(drop=True)


def _in(days: np.ndarray, span: Period) -> np.ndarray:
    """Tell which days lie in a span."""
    return np.asarray((days >= span.first) & (days <= span.last))
