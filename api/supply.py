"""The table of serviced land: as JSON and as a person reads it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, Field

from api.models import Words
from layers.base import Text
from layers.plan.supply_table import STATES, Group, band, groups, period, title, years
from layers.standards import Rulebook
from layers.units import M2_PER_HA, mu


class SupplyRow(BaseModel):
    """The plots of one state, and of one period where the state is dated; `cumulative` is what is serviced by its end.

    `contested`: the part whose lines surely have not enough for all who ask.
    """

    state: Literal["ready", "dated", "undated", "never", "unknown", "blocked"]
    period: str | None
    begins: date | None
    plots: int
    area_m2: float
    ha: float
    mu: float
    contested_ha: float
    contested_mu: float
    cumulative_ha: float | None
    cumulative_mu: float | None

    @classmethod
    def of(cls, row: dict[str, Any], by: str) -> SupplyRow:
        """Write a row of a table."""
        begins, area, total = row["begins"], row["area"], row["cumulative"]
        known = not pd.isna(total)
        return cls(
            state=row["state"],
            period=None if pd.isna(begins) else period(begins, by),
            begins=None if pd.isna(begins) else begins.date(),
            plots=row["plots"],
            area_m2=round(area, 2),
            ha=round(area / M2_PER_HA, 4),
            mu=round(mu(area), 4),
            contested_ha=round(row["contested"] / M2_PER_HA, 4),
            contested_mu=round(mu(row["contested"]), 4),
            cumulative_ha=round(total / M2_PER_HA, 4) if known else None,
            cumulative_mu=round(mu(total), 4) if known else None,
        )


class SupplyGroup(BaseModel):
    """The rows of one group: of all plots, of a use or of a size (from `least_m2` to below `below_m2`); totals are of the raw areas, then rounded."""

    split: Literal["all", "use", "size"]
    group: str
    title: Words
    least_m2: float | None = Field(None, description="of a size: the least area")
    below_m2: float | None = Field(None, description="of a size: the first area that is too large; null where none is")
    plots: int
    area_m2: float
    ha: float
    mu: float
    rows: list[SupplyRow]

    @classmethod
    def of(cls, found: Group, book: Rulebook, by: str) -> SupplyGroup:
        """Write a group of a table."""
        least, below = band(found.split, found.group, book) or (None, None)
        return cls(
            least_m2=least,
            below_m2=below,
            split=found.split,  # type: ignore[arg-type]
            group=found.group,
            title=Words.of(title(found.split, found.group, book)),
            plots=found.plots,
            area_m2=round(found.area, 2),
            ha=round(found.area / M2_PER_HA, 4),
            mu=round(mu(found.area), 4),
            rows=[SupplyRow.of(row, by) for row in found.rows],
        )


class SupplyBody(BaseModel):
    """When free land becomes serviced; the rows of each split add up to all plots."""

    on: date
    by: str
    level: int
    generated: bool
    take_up_ha_per_year: float | None
    years_serviced: float | None
    years_with_dated: float | None
    groups: list[SupplyGroup]

    @classmethod
    def of(
        cls, table: pd.DataFrame, book: Rulebook, by: str, level: int | None, take_up: float | None, generated: bool
    ) -> SupplyBody:
        """Write a table."""
        lasts = years(table, take_up) if take_up else None
        return cls(
            on=book.day,
            by=by,
            level=level or book["readiness.required"],
            generated=generated,
            take_up_ha_per_year=take_up,
            years_serviced=round(lasts[0], 2) if lasts else None,
            years_with_dated=round(lasts[1], 2) if lasts else None,
            groups=[SupplyGroup.of(found, book, by) for found in groups(table)],
        )


class SupplyPlots(BaseModel):
    """The plots behind a row of a table, as columns of equal length; `ready_from` is null where no day is known."""

    id: list[str]
    area_m2: list[float]
    ready_from: list[date | None]

    @classmethod
    def of(cls, plots: pd.DataFrame) -> SupplyPlots:
        """Write plots."""
        days = plots["ready_from"].dt.date.astype(object)
        return cls(
            id=plots.index.tolist(), area_m2=plots["area"].round(2).tolist(), ready_from=days.where(days.notna(), None).tolist()
        )


def render(body: SupplyBody, language: str) -> str:
    """Print a table: for each group a line a state and period, and the sum."""

    def say(en: str, zh: str) -> str:
        return zh if language == "zh" else en

    def name(row: SupplyRow) -> str:
        text = STATES[row.state].name
        return say(text.en, text.zh) + (f" {row.period}" if row.period else "")

    def size(ha: float, mu: float) -> str:
        return f"{ha:>12,.4f} {say('ha', '公顷')} {mu:>14,.2f} {say('mu', '亩')}"

    rows = [say("*** GENERATED DEMO DATA, not real land ***", "*** 示例数据,非真实地块 ***")] if body.generated else []
    rows.append(say(f"Serviced land on {body.on}, level {body.level}", f"熟地供应,{body.on},{body.level}通"))
    for group in body.groups:
        rows += ["", f"{say(group.title.en, group.title.zh)} · {group.plots} {say('plots', '宗')}"]
        for row in group.rows:
            total = (
                "" if row.cumulative_ha is None or row.cumulative_mu is None
                else f" · {say('cumulative', '累计')}{size(row.cumulative_ha, row.cumulative_mu)}"
            )  # fmt: skip
            rivals = f" · {say('not enough for all who ask', '容量不足以满足全部需求')}{size(row.contested_ha, row.contested_mu)}"
            rivals = rivals if row.contested_ha else ""
            rows.append(f"{size(row.ha, row.mu)} · {row.plots:>5} · {name(row)}{total}{rivals}")
        rows.append(f"{size(group.ha, group.mu)} · {group.plots:>5} · {say('total', '合计')}")
    if body.take_up_ha_per_year:
        rows += ["", said(body, language)]
    return "\n".join(rows)


def said(body: SupplyBody, language: str) -> str:
    """Say how long the land lasts."""
    rate, now, dated = body.take_up_ha_per_year, body.years_serviced, body.years_with_dated
    text = Text(
        f"At {rate:g} ha a year the serviced land lasts {now:.1f} years, with what has a date {dated:.1f} years",
        f"按每年{rate:g}公顷计,已配套的可供土地可用{now:.1f}年,加上有日期的可用{dated:.1f}年",
    )
    return text.zh if language == "zh" else text.en
