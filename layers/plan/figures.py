"""The figures of the ledger over a period, each with its formula and the rows that it rests on (domain.md section 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import Text
from layers.codes import PLANNING_2023
from layers.plan.ledger import Ledger, five_ones, saved
from layers.plan.warnings import RANK
from layers.plan.workdays import Days

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
    phases: pd.DataFrame | None = None
    landscaping: pd.DataFrame | None = None
    set_outs: pd.DataFrame | None = None


class Figure(NamedTuple):
    """One figure: its value (None where it cannot be told), unit and formula, and the rows that it counts, as table:number.

    unit: "" of what is counted, "1" of a share. `lacks`: the rows that belong to it and do not record what it counts: it would be other,
    were that known; `lacking` counts them, also where they are too many to be named.
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
    lacks: tuple[str, ...] = ()
    lacking: int = 0

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
    found = year_on_year(lambda first, last: _of_period(of, tables, wide, first, last), since, until)
    return (*found, *_standing(of, tables, wide, warned))


def year_on_year(
    told: Callable[[np.datetime64, np.datetime64], Iterator[Figure]], since: np.datetime64, until: np.datetime64
) -> list[Figure]:
    """Tell the figures of a period with the year before beside them."""
    before = {f.id: f.value for f in told(_earlier(since), _earlier(until))}
    return [f._replace(before=before.get(f.id)) for f in told(since, until)]


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


def within(days: pd.Series, since: np.datetime64, until: np.datetime64) -> NDArray[np.bool_]:
    """Tell which days lie in a period."""
    at = days.to_numpy("datetime64[D]")
    return np.asarray((at >= since) & (at <= until), bool)


def named(table: str, ids: Any) -> tuple[str, ...]:
    """Name rows as table:number."""
    return tuple(f"{table}:{i}" for i in ids)


def _sum(values: pd.Series) -> float | None:
    """Sum what is recorded; None where nothing is."""
    return float(values.dropna().sum()) if values.notna().any() else None


def summed(id: str, title: Text, unit: str, table: str, of: pd.DataFrame, column: str, formula: Text) -> Figure:
    """Sum a column of rows, and name those that do not record it; None where none does."""
    there = of[column].notna().to_numpy(bool)
    lacks = named(table, of["id"][~there])
    return Figure(id, title, _sum(of[column]), unit, formula, named(table, of["id"][there]), lacks=lacks, lacking=len(lacks))


def share(part: float | None, whole: float | None) -> float | None:
    """Divide; None where there is nothing to divide by."""
    return None if part is None or not whole else part / whole


def _of_period(of: Ledger, t: Tables, wide: Wide, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell the figures that belong to a period."""
    due, started = _days(wide.planned, "start"), _days(wide.actual, "start")
    key = t.projects.set_index("id")["level"].isin(KEY).reindex(due.index, fill_value=False).to_numpy(bool)
    owed = key & within(due, since, until)
    done = owed & within(started, np.datetime64("0001-01-01"), until)
    yield Figure(
        "start_rate", Text("Start rate", "开工率"), share(float(done.sum()), float(owed.sum())), "1",
        Text("key projects started / key projects planned to start in the period", "已开工重点项目 / 期内计划开工重点项目"),
        named("projects", due.index[done]), named("projects", due.index[owed]),
    )  # fmt: skip
    yield from _land(t, since, until)
    begun = t.buildings[within(t.buildings["started_on"], since, until)]
    yield summed(
        "new_floor_area", Text("New floor area", "新增建筑面积"), "m2", "buildings", begun, "floor_area",
        Text("sum of floor_area of buildings started in the period", "期内开工单体建筑面积之和"),
    )  # fmt: skip
    yield from _taken_on(t, wide, since, until)
    yield from _cleared_in(of, t, since, until)
    for id, title, first, last in SPANS:
        yield from _span(wide, id, title, first, last, since, until)


def _taken_on(t: Tables, wide: Wide, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell the projects that were signed and registered in a period and what they are to invest, signed ones by each of their tags."""
    for id, item, said in (("signed", "signing", Text("signed", "签约")), ("registered", "filing", Text("registered", "立项"))):
        days = _days(wide.actual, item)
        mine = t.projects[t.projects["id"].isin(days.index[within(days, since, until)])]
        when = Text(f"{item} done in the period", f"期内完成{said.zh}")
        yield Figure(f"{id}_projects", Text(f"Projects {said.en}", f"{said.zh}项目"), float(len(mine)), "", Text(f"projects with {when.en}", f"{when.zh}的项目数"), named("projects", mine["id"]))  # fmt: skip
        yield summed(f"{id}_investment", Text(f"Investment {said.en}", f"{said.zh}投资额"), "10^4 CNY", "projects", mine, "investment_planned", Text(f"sum of investment_planned of projects with {when.en}", f"{when.zh}的项目计划投资之和"))  # fmt: skip
        if id != "signed" or not len(mine):
            continue
        tags = mine.assign(tag=mine["tags"].str.split("[,,、]")).explode("tag")
        tags = tags.assign(tag=tags["tag"].str.strip())
        for tag in sorted(tags["tag"].dropna().loc[lambda name: name != ""].unique().tolist()):
            own = tags[(tags["tag"] == tag).to_numpy(bool, na_value=False)].drop_duplicates("id")
            yield summed(f"signed_investment_{tag}", Text(f"Investment signed, {tag}", f"签约投资额:{tag}"), "10^4 CNY", "projects", own, "investment_planned", Text(f"of these, projects that bear the tag {tag}; one with several counts in each", f"其中带标签“{tag}”的项目,多标签项目分别计入"))  # fmt: skip


def _cleared(of: Ledger, cases: pd.DataFrame) -> Days:
    """Tell on which day the land of each case was cleared: of its phase, else of the whole project, when the last of its phases was."""
    parts = [
        pd.DataFrame({"project": g.facts.project, "phase": g.facts.phase, "day": g.day("actual_on")[:, k].astype("datetime64[s]")})
        for g in of.groups for k, step in enumerate(g.plan.steps) if step.id == "land_cleared"
    ]  # fmt: skip
    if not parts:
        return np.full(len(cases), NAT)
    every = pd.concat(parts, ignore_index=True)
    both = every.groupby("project")["day"].agg(["max", "count", "size"])
    whole = both["max"].where(both["count"] == both["size"])
    own = (
        cases[["project"]]
        .assign(phase=cases["phase"].fillna(-1).to_numpy(np.int64))
        .merge(every, on=["project", "phase"], how="left")
    )
    return np.asarray(own["day"].fillna(own["project"].map(whole)).to_numpy("datetime64[D]"))


def _cleared_in(of: Ledger, t: Tables, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell the land that was cleared in a period, and of all that was cleared by its end what had not been supplied by then."""
    cleared, supplied = _cleared(of, t.cases), t.cases["supplied_on"].to_numpy("datetime64[D]")
    yield summed(
        "land_cleared", Text("Land cleared", "清理土地"), "m2", "land_cases", t.cases[(cleared >= since) & (cleared <= until)], "total_area",
        Text("sum of total_area of cases whose land was cleared (step land_cleared) in the period", "期内完成净地(land_cleared)的用地总面积之和"),
    )  # fmt: skip
    kept = t.cases[(cleared <= until) & ~(supplied <= until)]
    yield summed(
        "cleared_unsupplied", Text("Cleared, not supplied", "已清理未供应"), "m2", "land_cases", kept, "total_area",
        Text("sum of total_area of cases cleared by the end of the period and not supplied by then", "期末已完成净地而未供应的用地总面积之和"),
    )  # fmt: skip


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
    both = within(end, since, until) & begin.notna().to_numpy(bool)
    days = (end - begin)[both].dt.days.to_numpy(float)
    rows = named("projects", end.index[both])
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
    passed = t.cases[within(t.cases["opinion_on"], since, until) & t.cases["review_status"].isin(PASSED).to_numpy(bool)]
    rows = named("land_cases", passed["id"])
    yield summed(
        "reviewed_area", Text("Land with a review opinion", "取得联审意见用地"), "m2", "land_cases", passed, "total_area",
        Text("sum of total_area of cases that passed the review in the period", "期内联审通过用地总面积之和"),
    )  # fmt: skip
    yield Figure(
        "reviewed_projects", Text("Projects with a review opinion", "取得联审意见项目"), float(passed["project"].nunique()), "",
        Text("projects of these cases", "上述用地事项的项目数"), rows,
    )  # fmt: skip
    phased = passed[passed["first_phase_area"].notna()]
    yield Figure(
        "first_phase_area", Text("First phases", "一期面积"), _sum(phased["first_phase_area"]), "m2",
        Text("sum of first_phase_area of these cases", "上述用地事项一期面积之和"), named("land_cases", phased["id"]),
    )  # fmt: skip
    both = phased[phased["total_area"].notna()]
    half = phased[phased["total_area"].isna()]
    yield Figure(
        "first_phase_ratio", Text("First-phase ratio", "一期占比"), share(_sum(both["first_phase_area"]), _sum(both["total_area"])), "1",
        Text("first_phase_area / total_area of cases that record both", "两者均有记录的用地:一期面积 / 总面积"), named("land_cases", both["id"]),
        lacks=named("land_cases", half["id"]), lacking=len(half),
    )  # fmt: skip
    supplied = t.cases[within(t.cases["supplied_on"], since, until)]
    rows = named("land_cases", supplied["id"])
    yield summed(
        "land_supplied", Text("Land supplied", "供地面积"), "m2", "land_cases", supplied, "supplied_area",
        Text("sum of supplied_area of cases supplied in the period", "期内供应面积之和"),
    )  # fmt: skip
    yield from _by_use(t.projects, supplied)
    yield Figure(
        "cases_supplied", Text("Supplies of land", "供地宗数"), float(len(supplied)), "",
        Text("cases supplied in the period", "期内供应宗数"), rows,
    )  # fmt: skip


def _by_use(projects: pd.DataFrame, supplied: pd.DataFrame) -> Iterator[Figure]:
    """Part the land supplied by the class of use that its projects ask for; what nobody wrote down by itself."""
    if not len(supplied):
        return
    use = supplied["project"].map(projects.set_index("id")["required_use_code"]).str[:2]
    for code in sorted(use.dropna().unique().tolist()):
        name = PLANNING_2023[code].name if code in PLANNING_2023 else Text(code, code)
        yield summed(
            f"land_supplied_{code}", Text(f"Land supplied, {name.en}", f"供地面积:{name.zh}"), "m2", "land_cases",
            supplied[(use == code).to_numpy(bool, na_value=False)], "supplied_area",
            Text(f"of these, projects whose required_use_code begins with {code}", f"其中需求用途代码以{code}开头的项目"),
        )  # fmt: skip
    if len(unsaid := supplied[use.isna().to_numpy(bool)]):
        yield summed(
            "land_supplied_unsaid", Text("Land supplied, use not recorded", "供地面积:用途未记录"), "m2", "land_cases", unsaid, "supplied_area",
            Text("of these, projects without required_use_code", "其中未记录需求用途的项目"),
        )  # fmt: skip


def _standing(of: Ledger, t: Tables, wide: Wide, warned: pd.DataFrame | None) -> Iterator[Figure]:
    """Tell the figures of the day of the ledger."""
    yield from _projects(of, t, wide)
    yield from _per_mu(t)
    yield from _unused(t, wide)
    yield from _funds(t)
    yield from _funnel(t, wide)
    spent = saved(of)
    rows = named("permits", spent["record"])
    used = share(float(spent["taken"].sum()), float(spent["statutory"].sum())) if len(spent) else None
    yield Figure(
        "time_saved", Text("Permit time saved", "审批压缩率"), None if used is None else 1 - used, "1",
        Text("1 - working days taken / working days of the statute, of steps done", "1 - 实际工作日 / 法定工作日"), rows,
    )  # fmt: skip
    closed, came = t.issues["verified_on"].notna(), t.issues["received_on"].notna()
    same = (t.issues["handled_on"] == t.issues["received_on"]) & came
    for id, title, hit in (("closure", Text("Issues closed", "诉求办结率"), closed), ("same_day", Text("Issues handled the same day", "当日处理率"), same)):  # fmt: skip
        yield Figure(
            f"issue_{id}", title, share(float(hit.sum()), float(came.sum())), "1", Text("of issues received", "占已受理诉求"),
            named("issues", t.issues["id"][hit]), named("issues", t.issues["id"][came]),
        )  # fmt: skip
    for level in [] if warned is None else [name for name in RANK if RANK[name] >= RANK["yellow"]]:
        mine = warned[warned["level"] == level] if warned is not None else pd.DataFrame()
        yield Figure(
            f"warnings_{level}", Text(f"Warnings, {level}", {"yellow": "黄色预警", "orange": "橙色预警", "red": "红色预警"}[level]),
            float(len(mine)), "", Text("warnings of this level on the day", "当日该级别预警数"),
            tuple(mine["row"].dropna()) if len(mine) else (),
        )  # fmt: skip


def _projects(of: Ledger, t: Tables, wide: Wide) -> Iterator[Figure]:
    """Count key projects by level and where they stand in the pipeline, and sum their investment."""
    key = t.projects[t.projects["level"].isin(KEY)]
    yield Figure("key_projects", Text("Key projects", "重点项目"), float(len(key)), "", Text("projects of a key level", "重点级别项目数"), named("projects", key["id"]))  # fmt: skip
    for level, zh in (("provincial", "省级"), ("municipal", "市级")):
        mine = key["id"][key["level"] == level]
        yield Figure(f"key_projects_{level}", Text(f"Key projects, {level}", f"{zh}重点项目"), float(len(mine)), "", Text(f"projects of level {level}", f"{zh}重点项目数"), named("projects", mine))  # fmt: skip
    yield summed("investment", Text("Investment made", "完成投资"), "10^4 CNY", "projects", key, "investment_actual", Text("sum of investment_actual of key projects", "重点项目完成投资之和"))  # fmt: skip
    recorded = (key["investment_actual"].notna() & key["investment_planned"].notna()).to_numpy(bool)
    both, rows, half = key[recorded], named("projects", key["id"][recorded]), named("projects", key["id"][~recorded])
    yield Figure("investment_rate", Text("Investment rate", "投资完成率"), share(_sum(both["investment_actual"]), _sum(both["investment_planned"])), "1", Text("investment_actual / investment_planned of key projects that record both", "两者均有记录的重点项目完成投资 / 计划投资"), rows, rows, lacks=half, lacking=len(half))  # fmt: skip
    yield _elapsed(of, both, wide)
    signed, started, making = (_days(wide.actual, i).notna() for i in ("signing", "start", "in_production"))
    for name, mask in (("signed", signed & ~started), ("under_construction", started & ~making), ("in_production", making)):
        title = PIPELINE[name]
        yield Figure(f"pipeline_{name}", Text(f"Projects {title.en}", f"{title.zh}项目"), float(mask.sum()), "", Text("by the steps done", "按已完成节点"), named("projects", mask.index[mask]))  # fmt: skip
    lacking = five_ones(t.projects)
    whole = lacking[lacking == ""].index
    yield Figure("five_ones", Text("Five ones complete", "五个一完备率"), share(float(len(whole)), float(len(lacking))), "1", Text("projects with all five / projects", "五个一齐备项目 / 项目数"), named("projects", whole), named("projects", lacking.index))  # fmt: skip


def _elapsed(of: Ledger, projects: pd.DataFrame, wide: Wide) -> Figure:
    """Tell which share of its time has passed, from the signing to the target, of the investment that is planned."""
    signed = _days(wide.actual, "signing").reindex(projects["id"]).to_numpy("datetime64[D]")
    target = projects["target_on"].to_numpy("datetime64[D]")
    known = ~np.isnat(signed) & ~np.isnat(target) & (target > signed)
    passed = np.clip((of.on - signed[known]) / (target[known] - signed[known]), 0, 1)
    planned = projects["investment_planned"].to_numpy(float, na_value=np.nan)[known]
    rows, lacks = (named("projects", projects["id"][mask]) for mask in (known, ~known))
    return Figure(
        "elapsed_share", Text("Share of time passed", "时间进度"), share(float((passed * planned).sum()), float(planned.sum())), "1",
        Text(
            "days from signing to today / days from signing to target_on, weighted by investment_planned, of the projects of the investment rate",
            "投资完成率所列项目:签约至今天数 / 签约至目标日期天数,按计划投资加权",
        ),
        rows, rows, lacks=lacks, lacking=len(lacks),
    )  # fmt: skip


MU = 2000 / 3


def _per_mu(t: Tables) -> Iterator[Figure]:
    """Tell what supplied land yields: sums over the mu that were supplied, of projects of which both are recorded."""
    area = t.cases.groupby("project")["supplied_area"].sum(min_count=1)
    held = t.projects.assign(mu=area.reindex(t.projects["id"]).to_numpy(float) / MU)
    holds = held["id"].isin(t.cases["project"][t.cases["supplied_on"].notna().to_numpy(bool)]).to_numpy(bool)
    for name, column, zh in (("investment", "investment_planned", "投资"), ("output", "output_actual", "产值"), ("tax", "tax_actual", "税收"), ("jobs", "jobs_actual", "就业")):  # fmt: skip
        there = (held[column].notna() & held["mu"].gt(0)).to_numpy(bool)
        known, lacks = held[there], named("projects", held["id"][holds & ~there])
        unit = "1/mu" if name == "jobs" else "10^4 CNY/mu"
        value = share(_sum(known[column]), _sum(known["mu"]))
        rows = named("projects", known["id"])
        yield Figure(f"{name}_per_mu", Text(f"{name.capitalize()} per mu", f"亩均{zh}"), value, unit, Text(f"sum of {column} / mu supplied to these projects", f"{zh}之和 / 供应亩数"), rows, rows, lacks=lacks, lacking=len(lacks))  # fmt: skip


def _unused(t: Tables, wide: Wide) -> Iterator[Figure]:
    """Tell the land that was approved and not supplied (批而未供), and that was supplied and not built on (供而未用)."""
    shapes = t.approvals.loc[t.approvals["kind"] == "acquisition", "geometry"].to_numpy(object)
    left = shapely.difference(shapely.union_all(shapes), shapely.union_all(t.supplied)) if len(shapes) else None
    yield Figure(
        "approved_unsupplied", Text("Approved, not supplied", "批而未供"), None if left is None else float(shapely.area(left)), "m2",
        Text("area of acquisition approvals less that of parcels supplied", "征收批复范围扣除已供宗地的面积"),
        named("approvals", t.approvals["id"][t.approvals["kind"] == "acquisition"]),
    )  # fmt: skip
    begun = set(_days(wide.actual, "start").dropna().index)
    idle = t.cases[t.cases["supplied_on"].notna() & ~t.cases["project"].isin(begun)]
    unused = summed(
        "supplied_unused", Text("Supplied, not used", "供而未用"), "m2", "land_cases", idle, "supplied_area",
        Text("sum of supplied_area of cases whose project has not started", "未开工项目的供应面积之和"),
    )  # fmt: skip
    yield unused if len(idle) else unused._replace(value=0.0)


def _funds(t: Tables) -> Iterator[Figure]:
    """Tell the funds that were paid, and their share of those that are planned."""
    told = t.projects[(t.projects["funds_planned"].notna() | t.projects["funds_paid"].notna()).to_numpy(bool)]
    yield summed("funds_paid", Text("Funds paid", "已拨付资金"), "10^4 CNY", "projects", told, "funds_paid", Text("sum of funds_paid", "已拨付资金之和"))  # fmt: skip
    recorded = (told["funds_planned"].notna() & told["funds_paid"].notna()).to_numpy(bool)
    both, rows, half = told[recorded], named("projects", told["id"][recorded]), named("projects", told["id"][~recorded])
    yield Figure("funds_rate", Text("Funds paid of planned", "资金支付进度"), share(_sum(both["funds_paid"]), _sum(both["funds_planned"])), "1", Text("funds_paid / funds_planned of projects that record both", "两者均有记录的项目:已拨付 / 计划资金"), rows, rows, lacks=half, lacking=len(half))  # fmt: skip


FUNNEL = ("land_planning_permit", "engineering_planning_permit", "construction_permit", "acceptance")
"""The four stages of approval: use of the land, planning, construction, acceptance."""


def _funnel(t: Tables, wide: Wide) -> Iterator[Figure]:
    """Count the projects by the furthest stage of approval that they have."""
    done = np.array([_days(wide.actual, item).notna().to_numpy(bool) for item in FUNNEL])
    names = (
        Text("land", "用地规划许可"),
        Text("planning", "工程规划许可"),
        Text("construction", "施工许可"),
        Text("acceptance", "竣工验收"),
    )
    for k, (item, name) in enumerate(zip(FUNNEL, names, strict=True)):
        mine = wide.actual.index[done[k] & ~done[k + 1 :].any(axis=0)] if len(wide.actual) else []
        yield Figure(f"funnel_{item}", Text(f"Approvals as far as {name.en}", f"审批阶段:{name.zh}"), float(len(mine)), "", Text(f"projects with {item} done and no later stage", f"已完成{name.zh}而未到下一阶段的项目数"), named("projects", mine))  # fmt: skip
