"""The figures of the ledger over a period, each with its formula and the rows that it rests on (domain.md section 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import Text
from layers.plan.ledger import Ledger, five_ones, saved
from layers.plan.warnings import RANK

KEY = ("provincial", "municipal", "district")
"""Levels of key projects."""
PASSED = ("passed", "conditional")
PIPELINE = {
    "signed": Text("signed", "签约"),
    "under_construction": Text("under construction", "在建"),
    "in_production": Text("in production", "投产"),
}
NAT = np.datetime64("NaT", "D")


class Tables(NamedTuple):
    """What is recorded beside the steps, frames of their tables; `supplied`: the land that was supplied, as shapes."""

    projects: pd.DataFrame
    cases: pd.DataFrame
    connections: pd.DataFrame
    issues: pd.DataFrame
    buildings: pd.DataFrame
    approvals: pd.DataFrame
    supplied: NDArray[np.object_]


class Figure(NamedTuple):
    """One figure: its value (None where it cannot be told), unit and formula, and the rows that it counts, as table:number.

    unit: "" of what is counted, "1" of a share.
    `of`: the rows of the denominator; `before`: the value of the same span a year earlier.
    """

    id: str
    title: Text
    value: float | None
    unit: str
    formula: Text
    rows: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    before: float | None = None

    @property
    def growth(self) -> float | None:
        """Tell by which share it grew on the year before; None where there is nothing to compare."""
        return None if self.value is None or not self.before else self.value / self.before - 1


class Wide(NamedTuple):
    """The days on which each project did each step, done or forecast: frames of projects by steps, and the recorded plans."""

    actual: pd.DataFrame
    forecast: pd.DataFrame
    planned: pd.DataFrame


def figures(
    of: Ledger, tables: Tables, since: np.datetime64, until: np.datetime64, warned: pd.DataFrame | None = None
) -> tuple[Figure, ...]:
    """Tell all figures of the days from `since` to `until`, both inside; those of a period with the year before beside them."""
    wide = _wide(of)
    before = {f.id: f.value for f in _of_period(of, tables, wide, _earlier(since), _earlier(until))}
    found = [f._replace(before=before[f.id]) for f in _of_period(of, tables, wide, since, until)]
    return (*found, *_standing(of, tables, wide, warned))


def _earlier(day: np.datetime64) -> np.datetime64:
    """Go back a year; the 29th of February becomes the 28th."""
    return np.datetime64((pd.Timestamp(day) - pd.DateOffset(years=1)).date(), "D")


def _wide(of: Ledger) -> Wide:
    """Put days of steps into frames by project; of several phases the first counts."""
    frames = []
    for name in ("actual_on", "", "planned_on"):
        parts = []
        for g in of.groups:
            items = [s.id for s in g.plan.steps]
            days = g.plan.finish if name == "" else g.day(name)
            part = pd.DataFrame(days.astype("datetime64[s]"), columns=items)
            parts.append(part.assign(project=g.facts.project).groupby("project").min())
        frames.append(pd.concat(parts) if parts else pd.DataFrame())
    return Wide(*frames)


def _days(frame: pd.DataFrame, item: str) -> pd.Series:
    """Take the days of a step; none where no procedure has it."""
    return frame[item] if item in frame else pd.Series(NAT, frame.index, dtype="datetime64[s]")


def _within(days: pd.Series, since: np.datetime64, until: np.datetime64) -> NDArray[np.bool_]:
    """Tell which days lie in a period."""
    at = days.to_numpy("datetime64[D]")
    return np.asarray((at >= since) & (at <= until), bool)


def _named(table: str, ids: Any) -> tuple[str, ...]:
    """Name rows as table:number."""
    return tuple(f"{table}:{i}" for i in ids)


def _sum(values: pd.Series) -> float | None:
    """Sum what is recorded; None where nothing is."""
    return float(values.dropna().sum()) if values.notna().any() else None


def _share(part: float | None, whole: float | None) -> float | None:
    """Divide; None where there is nothing to divide by."""
    return None if part is None or not whole else part / whole


def _of_period(of: Ledger, t: Tables, wide: Wide, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell the figures that belong to a period."""
    due, started = _days(wide.planned, "start"), _days(wide.actual, "start")
    key = t.projects.set_index("id")["level"].isin(KEY).reindex(due.index, fill_value=False).to_numpy(bool)
    owed = key & _within(due, since, until)
    done = owed & _within(started, np.datetime64("0001-01-01"), until)
    yield Figure(
        "start_rate", Text("Start rate", "开工率"), _share(float(done.sum()), float(owed.sum())), "1",
        Text("key projects started / key projects planned to start in the period", "已开工重点项目 / 期内计划开工重点项目"),
        _named("projects", due.index[done]), _named("projects", due.index[owed]),
    )  # fmt: skip
    yield from _land(t, since, until)
    begun = t.buildings[_within(t.buildings["started_on"], since, until)]
    yield Figure(
        "new_floor_area", Text("New floor area", "新增建筑面积"), _sum(begun["floor_area"]), "m2",
        Text("sum of floor_area of buildings started in the period", "期内开工单体建筑面积之和"), _named("buildings", begun["id"]),
    )  # fmt: skip
    for id, title, first, last in SPANS:
        yield from _span(wide, id, title, first, last, since, until)


SPANS = (
    ("contract_to_start", Text("Contract to start", "拿地到开工"), "grant_contract", "start"),
    ("signing_to_contract", Text("Signing to contract", "签约到拿地"), "signing", "grant_contract"),
    ("contract_to_production", Text("Contract to production", "拿地到投产"), "grant_contract", "in_production"),
    ("signing_to_production", Text("Signing to production", "签约到投产"), "signing", "in_production"),
)


def _span(
    wide: Wide, id: str, title: Text, first: str, last: str, since: np.datetime64, until: np.datetime64
) -> Iterator[Figure]:
    """Tell median, P90 and same-year share of the days between two steps, of projects that did the second in the period."""
    begin, end = _days(wide.actual, first), _days(wide.actual, last)
    both = _within(end, since, until) & begin.notna().to_numpy(bool)
    days = (end - begin)[both].dt.days.to_numpy(float)
    rows = _named("projects", end.index[both])
    same = (end.dt.year == begin.dt.year).to_numpy(bool)[both]
    measures: tuple[tuple[str, str, str, Callable[[], float], str], ...] = (
        ("median", "median", "中位数", lambda: float(np.median(days)), "d"),
        ("p90", "90th percentile", "90分位", lambda: float(np.quantile(days, 0.9)), "d"),
        ("same_year", "share within one year", "当年完成率", lambda: float(same.mean()), "1"),
    )
    for name, en, zh, measure, unit in measures:
        formula = Text(f"{en} of {last} - {first}", f"{title.zh}天数的{zh}")
        yield Figure(f"{id}_{name}", Text(f"{title.en}, {en}", f"{title.zh}{zh}"), measure() if len(days) else None, unit, formula, rows)  # fmt: skip


def _land(t: Tables, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell the figures of land of a period: opinions of the review, first phases, supply."""
    passed = t.cases[_within(t.cases["opinion_on"], since, until) & t.cases["review_status"].isin(PASSED).to_numpy(bool)]
    rows = _named("land_cases", passed["id"])
    yield Figure(
        "reviewed_area", Text("Land with a review opinion", "取得联审意见用地"), _sum(passed["total_area"]), "m2",
        Text("sum of total_area of cases that passed the review in the period", "期内联审通过用地总面积之和"), rows,
    )  # fmt: skip
    yield Figure(
        "reviewed_projects", Text("Projects with a review opinion", "取得联审意见项目"), float(passed["project"].nunique()), "",
        Text("projects of these cases", "上述用地事项的项目数"), rows,
    )  # fmt: skip
    phased = passed[passed["first_phase_area"].notna()]
    yield Figure(
        "first_phase_area", Text("First phases", "一期面积"), _sum(phased["first_phase_area"]), "m2",
        Text("sum of first_phase_area of these cases", "上述用地事项一期面积之和"), _named("land_cases", phased["id"]),
    )  # fmt: skip
    both = phased[phased["total_area"].notna()]
    yield Figure(
        "first_phase_ratio", Text("First-phase ratio", "一期占比"), _share(_sum(both["first_phase_area"]), _sum(both["total_area"])), "1",
        Text("first_phase_area / total_area of cases that record both", "两者均有记录的用地:一期面积 / 总面积"), _named("land_cases", both["id"]),
    )  # fmt: skip
    supplied = t.cases[_within(t.cases["supplied_on"], since, until)]
    rows = _named("land_cases", supplied["id"])
    yield Figure(
        "land_supplied", Text("Land supplied", "供地面积"), _sum(supplied["supplied_area"]), "m2",
        Text("sum of supplied_area of cases supplied in the period", "期内供应面积之和"), rows,
    )  # fmt: skip
    yield Figure(
        "cases_supplied", Text("Supplies of land", "供地宗数"), float(len(supplied)), "",
        Text("cases supplied in the period", "期内供应宗数"), rows,
    )  # fmt: skip


def _standing(of: Ledger, t: Tables, wide: Wide, warned: pd.DataFrame | None) -> Iterator[Figure]:
    """Tell the figures of the day of the ledger."""
    yield from _projects(t, wide)
    yield from _per_mu(t)
    yield from _unused(t, wide)
    spent = saved(of)
    rows = _named("permits", spent["record"])
    used = _share(float(spent["taken"].sum()), float(spent["statutory"].sum())) if len(spent) else None
    yield Figure(
        "time_saved", Text("Permit time saved", "审批压缩率"), None if used is None else 1 - used, "1",
        Text("1 - working days taken / working days of the statute, of steps done", "1 - 实际工作日 / 法定工作日"), rows,
    )  # fmt: skip
    closed, came = t.issues["verified_on"].notna(), t.issues["received_on"].notna()
    same = (t.issues["handled_on"] == t.issues["received_on"]) & came
    for id, title, hit in (("closure", Text("Issues closed", "诉求办结率"), closed), ("same_day", Text("Issues handled the same day", "当日处理率"), same)):  # fmt: skip
        yield Figure(
            f"issue_{id}", title, _share(float(hit.sum()), float(came.sum())), "1", Text("of issues received", "占已受理诉求"),
            _named("issues", t.issues["id"][hit]), _named("issues", t.issues["id"][came]),
        )  # fmt: skip
    for level in [] if warned is None else [name for name in RANK if RANK[name] >= RANK["yellow"]]:
        mine = warned[warned["level"] == level] if warned is not None else pd.DataFrame()
        yield Figure(
            f"warnings_{level}", Text(f"Warnings, {level}", {"yellow": "黄色预警", "orange": "橙色预警", "red": "红色预警"}[level]),
            float(len(mine)), "", Text("warnings of this level on the day", "当日该级别预警数"),
            tuple(mine["row"].dropna()) if len(mine) else (),
        )  # fmt: skip


def _projects(t: Tables, wide: Wide) -> Iterator[Figure]:
    """Count key projects by level and where they stand in the pipeline, and sum their investment."""
    key = t.projects[t.projects["level"].isin(KEY)]
    yield Figure("key_projects", Text("Key projects", "重点项目"), float(len(key)), "", Text("projects of a key level", "重点级别项目数"), _named("projects", key["id"]))  # fmt: skip
    for level, zh in (("provincial", "省级"), ("municipal", "市级")):
        mine = key["id"][key["level"] == level]
        yield Figure(f"key_projects_{level}", Text(f"Key projects, {level}", f"{zh}重点项目"), float(len(mine)), "", Text(f"projects of level {level}", f"{zh}重点项目数"), _named("projects", mine))  # fmt: skip
    actual = _sum(key["investment_actual"])
    told = key["id"][key["investment_actual"].notna()]
    yield Figure("investment", Text("Investment made", "完成投资"), actual, "10^4 CNY", Text("sum of investment_actual of key projects", "重点项目完成投资之和"), _named("projects", told))  # fmt: skip
    both = key[key["investment_actual"].notna() & key["investment_planned"].notna()]
    named = _named("projects", both["id"])
    yield Figure("investment_rate", Text("Investment rate", "投资完成率"), _share(_sum(both["investment_actual"]), _sum(both["investment_planned"])), "1", Text("investment_actual / investment_planned of key projects that record both", "两者均有记录的重点项目完成投资 / 计划投资"), named, named)  # fmt: skip
    signed, started, making = (_days(wide.actual, i).notna() for i in ("signing", "start", "in_production"))
    for name, mask in (("signed", signed & ~started), ("under_construction", started & ~making), ("in_production", making)):
        title = PIPELINE[name]
        yield Figure(f"pipeline_{name}", Text(f"Projects {title.en}", f"{title.zh}项目"), float(mask.sum()), "", Text("by the steps done", "按已完成节点"), _named("projects", mask.index[mask]))  # fmt: skip
    lacking = five_ones(t.projects)
    whole = lacking[lacking == ""].index
    yield Figure("five_ones", Text("Five ones complete", "五个一完备率"), _share(float(len(whole)), float(len(lacking))), "1", Text("projects with all five / projects", "五个一齐备项目 / 项目数"), _named("projects", whole), _named("projects", lacking.index))  # fmt: skip


MU = 2000 / 3


def _per_mu(t: Tables) -> Iterator[Figure]:
    """Tell what supplied land yields: sums over the mu that were supplied, of projects of which both are recorded."""
    area = t.cases.groupby("project")["supplied_area"].sum(min_count=1)
    held = t.projects.assign(mu=area.reindex(t.projects["id"]).to_numpy(float) / MU)
    for name, column, zh in (("investment", "investment_planned", "投资"), ("output", "output_actual", "产值"), ("tax", "tax_actual", "税收"), ("jobs", "jobs_actual", "就业")):  # fmt: skip
        known = held[held[column].notna() & held["mu"].gt(0)]
        unit = "1/mu" if name == "jobs" else "10^4 CNY/mu"
        value = _share(_sum(known[column]), _sum(known["mu"]))
        rows = _named("projects", known["id"])
        yield Figure(f"{name}_per_mu", Text(f"{name.capitalize()} per mu", f"亩均{zh}"), value, unit, Text(f"sum of {column} / mu supplied to these projects", f"{zh}之和 / 供应亩数"), rows, rows)  # fmt: skip


def _unused(t: Tables, wide: Wide) -> Iterator[Figure]:
    """Tell the land that was approved and not supplied (批而未供), and that was supplied and not built on (供而未用)."""
    shapes = t.approvals.loc[t.approvals["kind"] == "acquisition", "geometry"].to_numpy(object)
    left = shapely.difference(shapely.union_all(shapes), shapely.union_all(t.supplied)) if len(shapes) else None
    yield Figure(
        "approved_unsupplied", Text("Approved, not supplied", "批而未供"), None if left is None else float(shapely.area(left)), "m2",
        Text("area of acquisition approvals less that of parcels supplied", "征收批复范围扣除已供宗地的面积"),
        _named("approvals", t.approvals["id"][t.approvals["kind"] == "acquisition"]),
    )  # fmt: skip
    begun = set(_days(wide.actual, "start").dropna().index)
    idle = t.cases[t.cases["supplied_on"].notna() & ~t.cases["project"].isin(begun)]
    yield Figure(
        "supplied_unused", Text("Supplied, not used", "供而未用"), _sum(idle["supplied_area"]) if len(idle) else 0.0, "m2",
        Text("sum of supplied_area of cases whose project has not started", "未开工项目的供应面积之和"), _named("land_cases", idle["id"]),
    )  # fmt: skip
