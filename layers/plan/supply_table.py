"""When free land becomes serviced, by quarter, use and plot size; and what is not, so that the areas add up."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Codes, Text, codes
from layers.codes import PLANNING_2023
from layers.plan.readiness import SERVICES, UNKNOWN_READINESS, combine
from layers.standards import Rulebook
from layers.units import M2_PER_HA, m2

STATES: Codes = codes(
    ("ready", "free and serviced", "可供且已配套"),
    ("dated", "free, serviced from", "可供,配套时间"),
    ("undated", "free, services without a date", "可供,配套无日期"),
    ("never", "free, services not planned", "可供,未规划配套"),
    ("unknown", "unknown", "未知"),
    ("blocked", "blocked", "受限"),
)
SPANS = {"day": 0, "quarter": 3, "year": 12}
"""Months of the periods that a table can be split into."""
SPLITS = ("all", "use", "size")
UNKNOWN_USE = Text("use not recorded in the 2023 classification", "未按2023年分类记录用途")


class Row(NamedTuple):
    """What names a row of a table; `begins`: the period's first day, None where it has none."""

    split: str
    group: str
    state: str
    begins: date | None


def summed(level: int | None) -> list[str]:
    """Name the columns of findings that a table is made from: a tenth of them, or those of the services where a level is asked for."""
    ready = ["ready_state", "ready_from"] if level is None else [f"{s}_{of}" for s in SERVICES for of in ("state", "from")]
    return ["verdict", "reason", "area", "contested", *ready]


def supply_table(
    findings: pd.DataFrame, parcels: pd.DataFrame, book: Rulebook, by: str = "quarter", level: int | None = None
) -> pd.DataFrame:
    """Table the plots by the period in which they become serviced: all of them, by use and by size.

    findings: as `layers.assessment.findings` makes them, indexed by parcel id, areas in m2; parcels: the columns `id`,
    `code_system` and `use_code`; by: a key of `SPANS`; level: the services asked for (3, 5 or 7; None: each plot's own).

    One row for each split (all, use, size), group and state, and for each period where the state is dated, by day where it is ready
    too, so that what was serviced on any day can be summed up; periods in which nothing becomes serviced have no row. Columns: `split`; `group`, "" for all, the top class of the planned use ("" where none
    is recorded), the number of the band of `supply.size_bands`; `state`, a key of `STATES`; `begins`, the period's first day;
    `plots`; `area` [m2]; `contested` [m2], the area of those plots of which some service surely is not enough for all who ask (as far as
    findings tell); `cumulative` [m2], what is serviced by the end of the period, NaN where the state is neither ready
    nor dated. A plot counts whole, under one state only, so that the areas of a split add up to those of all plots; one that is
    blocked or unknown in part is blocked or unknown.
    """
    plots = _placed(findings, parcels, book, by, level)
    return pd.concat([_split(plots, name) for name in SPLITS], ignore_index=True)


def supply_plots(
    findings: pd.DataFrame, parcels: pd.DataFrame, book: Rulebook, row: Row, by: str = "quarter", level: int | None = None
) -> pd.DataFrame:
    """Find the plots that a row of `supply_table` counts, indexed by id: `area` [m2] and `ready_from`, NaT where no day is known."""
    plots = _placed(findings, parcels, book, by, level)
    begins = np.datetime64(row.begins or "NaT", "s")
    ranks = plots["begins"].to_numpy("datetime64[s]")
    here = (ranks == begins) | (np.isnat(ranks) & np.isnat(begins))
    here &= (plots["rank"] == list(STATES).index(row.state)).to_numpy(bool) & (
        plots[row.split].astype("str") == row.group
    ).to_numpy(bool)
    return pd.DataFrame(plots[["area", "ready_from"]][here])


def _placed(findings: pd.DataFrame, parcels: pd.DataFrame, book: Rulebook, by: str, level: int | None) -> pd.DataFrame:
    """Tell of each plot under which row of each split it counts: rank of its state, begins, and the splits' groups."""
    own = level is None and "ready_state" in findings
    ready = findings if own else combine(findings, list(book[f"readiness.services_{level or book['readiness.required']}"]))
    free = (findings["verdict"] == "free") | (findings["reason"] == UNKNOWN_READINESS)
    state = ready["ready_state"].where(free, findings["verdict"])
    days = ready["ready_from"].to_numpy("datetime64[s]")
    dated = state.isin(["dated", "ready"] if by == "day" else ["dated"]).to_numpy(bool)
    area = findings["area"].to_numpy()
    rivals = (findings["contested"].fillna("") != "").to_numpy(bool) if "contested" in findings else np.zeros(len(area), bool)
    return pd.DataFrame(
        {
            "rank": pd.Categorical(state, list(STATES)).codes,
            "begins": np.where(dated, _first_day(days, by), np.datetime64("NaT", "s")),
            "ready_from": days,
            "area": area,
            "contested": np.where(rivals, area, 0.0),
            "all": "",
            "use": top_class(parcels).reindex(findings.index).to_numpy(object),
            "size": np.digitize(area, [m2(band) for band in book["supply.size_bands"]]),
        },
        index=findings.index,
    )


def _first_day(days: NDArray[np.datetime64], by: str) -> NDArray[np.datetime64]:
    """Find the first day of the period of each day."""
    if by == "day":
        return days.astype("datetime64[D]").astype("datetime64[s]")
    months, span = days.astype("datetime64[M]"), SPANS[by]
    whole = np.datetime64("1970-01", "M") + (months.astype(np.int64) // span) * span
    return np.where(np.isnat(days), np.datetime64("NaT", "s"), whole.astype("datetime64[s]"))


def top_class(parcels: pd.DataFrame) -> pd.Series[str]:
    """Find the top class of the planned use of each plot, indexed by id; "" where the 2023 classification has none."""
    code = parcels["use_code"].where(parcels["code_system"] == "planning_2023").str.slice(0, 2)
    top: pd.Series[str] = code.where(code.isin(list(PLANNING_2023)), "").set_axis(parcels["id"])
    return top


def _split(plots: pd.DataFrame, name: str) -> pd.DataFrame:
    """Sum up the plots of each group, state and period; `cumulative` grows within the group."""
    sums = plots.groupby([name, "rank", "begins"], dropna=False, sort=True)
    rows = sums.agg(plots=("area", "size"), area=("area", "sum"), contested=("contested", "sum")).reset_index(
        names=["group", "rank", "begins"]
    )
    rows.insert(0, "split", name)
    rows["state"] = np.array(list(STATES), object)[rows["rank"]]
    rows["cumulative"] = rows.groupby("group")["area"].cumsum().where(rows["state"].isin(["ready", "dated"]))
    rows["group"] = rows["group"].astype("str")
    return rows.drop(columns="rank")


def title(split: str, group: str, book: Rulebook) -> Text:
    """Name a group of a table."""
    if split == "all":
        return Text("All plots", "全部宗地")
    if split == "use":
        return PLANNING_2023[group].name if group else UNKNOWN_USE
    bands, n = book["supply.size_bands"], int(group)

    def size(k: int) -> Text:
        ha = m2(bands[k]) / M2_PER_HA
        return Text(f"{bands[k]:g} mu ({ha:.2f} ha)", f"{bands[k]:g}亩({ha:.2f}公顷)")

    if n == 0:
        return Text(f"under {size(0).en}", f"{size(0).zh}以下")
    if n == len(bands):
        return Text(f"{size(n - 1).en} and more", f"{size(n - 1).zh}及以上")
    return Text(f"{size(n - 1).en} to {size(n).en}", f"{size(n - 1).zh}至{size(n).zh}")


def band(split: str, group: str, book: Rulebook) -> tuple[float, float | None] | None:
    """Tell the least area of a group of sizes and the first that is too large (None: none is) [m2]; None for groups of another split."""
    if split != "size":
        return None
    bands, n = book["supply.size_bands"], int(group)
    return m2(bands[n - 1]) if n else 0.0, m2(bands[n]) if n < len(bands) else None


class Group(NamedTuple):
    """The rows of one group of a table, and their sums; area in m2."""

    split: str
    group: str
    plots: int
    area: float
    rows: list[dict[str, Any]]


def groups(table: pd.DataFrame) -> list[Group]:
    """Split a table into its groups, each with the sum of its raw areas."""
    return [
        Group(str(split), str(group), int(part["plots"].sum()), float(part["area"].sum()), part.to_dict("records"))  # type: ignore[arg-type]
        for (split, group), part in table.groupby(["split", "group"], sort=False)
    ]


def period(begins: pd.Timestamp, by: str) -> str:
    """Name a period by its first day: 2027, 2027Q2 or 2027-04-01."""
    if by == "day":
        return str(begins.date())
    return f"{begins.year}" if by == "year" else f"{begins.year}Q{(begins.month + 2) // 3}"


def years(table: pd.DataFrame, take_up: float) -> tuple[float, float]:
    """Tell how many years free land lasts at `take_up` [ha a year]: what is serviced, and with what has a date."""
    whole = table[table["split"] == "all"]
    now, dated = (float(whole["area"][whole["state"] == s].sum()) for s in ("ready", "dated"))
    return now / M2_PER_HA / take_up, (now + dated) / M2_PER_HA / take_up
