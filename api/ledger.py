"""The steward's ledger as JSON and as a person reads it; the command line's --json and the HTTP bodies are the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel

from api.models import Words
from layers.base import Text
from layers.ledger.projects import PHASES
from layers.plan import ledger as planned
from layers.plan.coordination import RULES as ROAD_RULES
from layers.plan.figures import Figure
from layers.plan.schedule import STATES, Step
from layers.plan.warnings import RANK, checklists
from layers.project_land import each_parcel
from layers.standards import Rulebook
from layers.steward import Steward

Level = Literal["none", "notice", "yellow", "orange", "red"]
TIMES = {"wd": Text("working days", "个工作日"), "d": Text("days", "天")}
STEP_OF = dict.fromkeys(("unconnected", *ROAD_RULES), "utilities_connected")
"""The step of a rule whose `item` is none."""


def day(value: Any) -> date | None:
    """Give a day of numpy or pandas; None where there is none."""
    return None if pd.isna(value) else pd.Timestamp(value).date()


class WarningRow(BaseModel):
    """One warning: what it speaks of (`row`: the record, as table:number), by which rule, how bad, in words.

    `records`: all records that it rests on. `checklist`: what often goes wrong before the step that it warns of.
    """

    project: str
    phase: int | None
    item: str | None
    rule: str
    level: Level
    days: int
    on: date
    row: str | None
    records: list[str]
    text: Words
    checklist: list[Words]

    @classmethod
    def every(cls, found: pd.DataFrame, book: Rulebook) -> list[WarningRow]:
        """Write warnings, with the questions that the standards have for their steps."""
        asked = {step: [Words.of(q) for q in questions] for step, questions in checklists(book).items()}
        return [
            cls(
                project=r["project"], phase=None if r["phase"] < 0 else r["phase"], item=None if pd.isna(r["item"]) else r["item"],
                rule=r["rule"], level=r["level"], days=r["days"], on=r["on"].date(), row=None if pd.isna(r["row"]) else r["row"],
                records=[] if pd.isna(r["row"]) else _listed(r["row"] if pd.isna(r["records"]) else r["records"]),
                text=Words(en=r["en"], zh=r["zh"]), checklist=asked.get(STEP_OF.get(r["rule"], r["item"]), []),
            )
            for r in found.assign(on=pd.to_datetime(found["on"])).to_dict("records")
        ]  # fmt: skip


class WarningsBody(BaseModel):
    """Some of the warnings, the worst first, and how many there are in all."""

    total: int
    warnings: list[WarningRow]


class StepRow(BaseModel):
    """One step of a project: planned, forecast (the earliest end) and actual day, latest day and days of slack to the target.

    `late`: days behind the plan, below 0 ahead of it; `record`: its number in permits, if anything is recorded of it. `time`: the most
    that it takes by its procedure, in working days (`unit` wd) or natural days (d), by the `source`; `needs`: all steps before it.
    """

    item: str
    title: Words
    lane: str
    phase: int | None
    needs: list[str]
    time: int
    unit: Literal["wd", "d"]
    source: str
    state: Literal["done", "open", "blocked", "not_applicable"]
    begins: date | None
    planned: date | None
    forecast: date | None
    actual: date | None
    latest: date | None
    slack: int | None
    late: int | None
    critical: bool
    waits_for: list[str]
    record: str | None


class Why(BaseModel):
    """One link of a chain of reasons: the step (of which phase), when it ends, why then."""

    item: str
    phase: int | None
    on: date
    text: Words


class ProjectRow(BaseModel):
    """A project in the list: its stage, when it starts and produces, done or forecast, and its worst warning.

    Of several phases the first to start, and the last to produce.
    """

    id: str
    name: str
    kind: str
    level: str | None
    status: str | None
    stage: str
    enterprise: str | None
    department: str | None
    steward: str | None
    five_ones_missing: list[str]
    phases: list[int]
    done: int
    steps: int
    start: date | None
    production: date | None
    warning: Level
    warnings: int


class PhaseBody(BaseModel):
    """What follows for one phase of a project (None: for one that has none), with what is recorded of it and of its land.

    `area_supplied_m2`: None where no case of it was supplied, or the area of one that was is not recorded.
    """

    phase: int | None
    record: dict[str, Any]
    land_cases: list[str]
    parcels: list[str]
    area_supplied_m2: float | None
    start: date | None
    contract_to_start_days: int | None
    contract_to_start: list[Why]
    five_permits_missing: list[tuple[str, str]]
    production: list[Why]


class ProjectBody(BaseModel):
    """A project: what is recorded of it, its steps, and what follows from them.

    Of one with `phases` the whole starts with the first of them to start, produces with the last, and lacks what any of them lacks.
    """

    on: date
    project: dict[str, Any]
    stage: str
    five_ones_missing: list[str]
    steps: list[StepRow]
    contract_to_start_days: int | None
    contract_to_start: list[Why]
    five_permits_missing: list[tuple[str, str]]
    production: list[Why]
    phases: list[PhaseBody]
    warnings: list[WarningRow]


class Task(BaseModel):
    """A step that must end in a month or week so that the target of its project holds."""

    period: str
    item: str
    phase: int | None
    latest: date
    begin_by: date


class FigureRow(BaseModel):
    """A figure with its formula and the rows behind it, as table:number.

    `lacking`: how many rows belong to it and do not record what it counts, `lacks` names them.
    """

    id: str
    title: Words
    value: float | None
    unit: str
    formula: Words
    before: float | None
    growth: float | None
    rows: list[str]
    of: list[str]
    lacking: int
    lacks: list[str]

    @classmethod
    def of_(cls, f: Figure) -> FigureRow:
        """Write a figure."""
        return cls(
            id=f.id, title=Words.of(f.title), value=f.value, unit=f.unit, formula=Words.of(f.formula), before=f.before,
            growth=f.growth, rows=list(f.rows), of=list(f.of), lacking=f.lacking, lacks=list(f.lacks),
        )  # fmt: skip


class ReportBody(BaseModel):
    """The figures of a period."""

    since: date
    until: date
    on: date
    figures: list[FigureRow]


def projects(of: Steward) -> list[ProjectRow]:
    """List the projects with the worst warning of each."""
    steps = planned.rows(of.ledger)
    done = steps["state"].isin(["done", "not_applicable"]).groupby(steps["project"]).agg(["sum", "size"])
    day_of = planned.spans(steps)
    phases = steps[steps["phase"] >= 0].groupby("project")["phase"].unique()
    rank = of.warnings["level"].map(RANK).groupby(of.warnings["project"]).agg(["max", "size"])
    names: dict[int, Level] = {0: "none", 1: "notice", 2: "yellow", 3: "orange", 4: "red"}
    stage, lacking = planned.stages(of.tables.projects, steps), planned.five_ones(of.tables.projects)
    found = []
    for r in of.tables.projects.drop(columns="geometry").astype(object).to_dict("records"):
        id = r["id"]
        if id not in done.index:
            continue
        said = {
            name: None if pd.isna(r[name]) else r[name] for name in ("level", "status", "enterprise", "department", "steward")
        }
        worst, count = rank.loc[id] if id in rank.index else (0, 0)
        found.append(
            ProjectRow(
                id=id, name=r["name"], kind=r["kind"], **said, stage=stage[id], five_ones_missing=_listed(lacking[id]), phases=[int(p) for p in phases.get(id, ())], done=int(done.loc[id, "sum"]), steps=int(done.loc[id, "size"]),
                start=day(day_of["start"].get(id, pd.NaT)), production=day(day_of["in_production"].get(id, pd.NaT)),
                warning=names[int(worst)], warnings=int(count),
            )
        )  # fmt: skip
    return found


def whole(of: Steward, id: str) -> ProjectBody:
    """Tell one project; UnknownItemError where there is none."""
    group, _ = of.ledger.find(id)
    record = of.tables.projects[of.tables.projects["id"] == id].drop(columns="geometry").iloc[0]
    items = {s.id: s for s in group.plan.steps}
    waits = {p: planned.blocked_by(of.ledger, id, p) for p in planned.phases(of.ledger, id)}
    steps = planned.rows(of.ledger)
    mine = steps[steps["project"] == id]
    parts = [_phase(of, id, p) for p in waits]
    first = min(parts, key=lambda part: part.start or date.max)
    last = max(parts, key=lambda part: part.production[0].on)
    return ProjectBody(
        on=day(of.ledger.on) or date.today(), project=_plain(record),
        stage=planned.stages(of.tables.projects, steps)[id], five_ones_missing=_listed(planned.five_ones(of.tables.projects)[id]),
        steps=[_step(r, items, waits) for r in mine.to_dict("records")], contract_to_start_days=first.contract_to_start_days,
        contract_to_start=first.contract_to_start, five_permits_missing=list(dict.fromkeys(m for p in parts for m in p.five_permits_missing)),
        production=last.production, phases=[p for p in parts if p.phase is not None],
        warnings=WarningRow.every(of.warnings[of.warnings["project"] == id], of.ledger.book),
    )  # fmt: skip


def _phase(of: Steward, id: str, phase: int | None) -> PhaseBody:
    """Tell what follows for one phase of a project."""
    group, case = of.ledger.find(id, phase)
    items = [s.id for s in group.plan.steps]
    days, why = planned.start_on_land(of.ledger, id, phase)
    last = planned.chain(of.ledger, id, "in_production" if "in_production" in items else items[-1], phase)
    start = day(group.plan.finish[case, items.index("start")]) if "start" in items else None
    missing = list(planned.bundle(of.ledger, id, phase).missing)
    return PhaseBody(
        phase=phase, **_of_its_own(of, id, phase), start=start, contract_to_start_days=days, contract_to_start=_reasons(why, phase), five_permits_missing=missing,
        production=_reasons(last, phase),
    )  # fmt: skip


def _of_its_own(of: Steward, id: str, phase: int | None) -> dict[str, Any]:
    """Tell what is recorded of a phase: its figures, its land cases, their parcels."""
    phases, cases = of.tables.phases, of.tables.cases[(of.tables.cases["project"] == id).to_numpy(bool)]
    mine = (
        phases[((phases["project"] == id) & (phases["phase"] == phase)).to_numpy(bool, na_value=False)]
        if phases is not None and phase
        else None
    )
    cases = cases[(cases["phase"] == phase).to_numpy(bool, na_value=False)] if phase else cases
    supplied = cases["supplied_area"][cases["supplied_on"].notna().to_numpy(bool)]
    return {
        "record": {} if mine is None or not len(mine) else _plain(mine.drop(columns=["geometry", "edition"]).iloc[0]),
        "land_cases": cases["id"].tolist(), "parcels": list(dict.fromkeys(each_parcel(cases)["parcel"])),
        "area_supplied_m2": float(supplied.sum()) if len(supplied) and supplied.notna().all() else None,
    }  # fmt: skip


def _plain(record: pd.Series) -> dict[str, Any]:
    """Give a record as JSON holds it."""
    return {str(k): None if pd.isna(v) else str(v.date()) if isinstance(v, pd.Timestamp) else getattr(v, "item", lambda v=v: v)() for k, v in record.items()}  # fmt: skip


def tasks(of: Steward, id: str, by: Literal["month", "week"]) -> list[Task]:
    """Schedule all phases of a project back from its target, by month or ISO week; FutureError where the target is past."""
    found = [
        Task(period=r[by], item=r["item"], phase=phase, latest=r["latest"].date(), begin_by=r["begin_by"].date())
        for phase in planned.phases(of.ledger, id)
        for r in planned.tasks(of.ledger, id, by, phase).to_dict("records")
    ]
    return sorted(found, key=lambda task: task.latest)


def _listed(names: str) -> list[str]:
    """Take names apart that stand with commas."""
    return [name for name in names.split(", ") if name]


def _step(row: dict[Any, Any], known: dict[str, Step], waits: dict[int | None, dict[str, list[str]]]) -> StepRow:
    """Write a step; waits: for which each waits, by phase."""
    item, phase = row["item"], None if row["phase"] < 0 else row["phase"]
    step = known[item]
    return StepRow(
        item=item, title=Words.of(step.title), needs=list(step.after), time=step.time, unit="wd" if step.unit == "wd" else "d",
        source=step.source, lane=row["lane"], phase=phase, state=row["state"],
        **{name: day(row[name]) for name in ("begins", "planned", "forecast", "actual", "latest")},
        slack=None if np.isnan(row["slack"]) else int(row["slack"]), critical=row["critical"], waits_for=waits[phase].get(item, []),
        late=None if pd.isna(row["late"]) else row["late"].days, record=None if pd.isna(row["record"]) else row["record"],
    )  # fmt: skip


def _reasons(chain: tuple[planned.Reason, ...], phase: int | None) -> list[Why]:
    """Write a chain of reasons."""
    return [Why(item=r.item, phase=phase, on=day(r.day) or date.min, text=Words.of(r.text)) for r in chain]


def render_projects(rows: list[ProjectRow], zh: bool) -> str:
    """Table projects for a person."""
    head = ("编号", "名称", "进度", "开工", "投产", "预警") if zh else ("id", "name", "done", "start", "production", "warning")
    lines = [(r.id, r.name, f"{r.done}/{r.steps}", str(r.start or "-"), str(r.production or "-"), r.warning) for r in rows]
    return table([head, *lines])


def render_project(body: ProjectBody, zh: bool) -> str:
    """Tell a project to a person, of one with phases each of them."""

    def say(words: Words) -> str:
        return words.zh if zh else words.en

    steps = [
        (
            say(s.title) + _of_phase(s.phase), say(Words.of(STATES[s.state].name)), str(s.planned or "-"), str(s.forecast or "-"),
            "-" if s.slack is None else str(s.slack), f"{s.time} {TIMES[s.unit].zh if zh else TIMES[s.unit].en}", ", ".join(s.waits_for),
        )
        for s in body.steps
    ]  # fmt: skip
    head = (
        ("事项", "状态", "计划", "预计/实际", "浮动天数", "时限", "等待")
        if zh
        else ("step", "state", "planned", "forecast or done", "slack", "time limit", "waits for")
    )
    missing = ", ".join(body.five_ones_missing) or ("无" if zh else "none")
    lines = [
        f"{body.project['id']} {body.project['name']}",
        f"五个一缺项:{missing}" if zh else f"missing of the five ones: {missing}",
    ]
    parts: list[PhaseBody | ProjectBody] = [*body.phases] or [body]
    for part in parts:
        if isinstance(part, PhaseBody):
            lines.append(f"{'第' if zh else 'phase '}{part.phase}{'期' if zh else ''}")
            titles = {f.name: f"{f.title.zh if zh else f.title.en}{f' [{f.unit}]' if f.unit else ''}" for f in PHASES.fields[2:]}
            lines += [f"  {title}: {part.record[name]}" for name, title in titles.items() if part.record.get(name) is not None]
            if part.parcels:
                lines.append(f"  {'宗地' if zh else 'parcels'}: {', '.join(part.parcels)}")
        lines.append("拿地到开工天数:" if zh else "days from contract to start: ")
        lines[-1] += "-" if part.contract_to_start_days is None else str(part.contract_to_start_days)
        lines += [f"  {w.item} {w.on}: {say(w.text)}" for w in part.contract_to_start]
        lines += ["投产日期的原因:" if zh else "why it produces when it does:"]
        lines += [f"  {w.item} {w.on}: {say(w.text)}" for w in part.production]
    return "\n".join([*lines, table([head, *steps]), render_warnings(body.warnings, zh)])


def _of_phase(phase: int | None) -> str:
    """Name a phase behind its step."""
    return "" if phase is None else f" ({phase})"


def render_tasks(rows: list[Task], zh: bool) -> str:
    """List what must end when, for a person."""
    if not rows:
        return "没有目标日期,或全部完成" if zh else "no target day is set, or all is done"
    head = ("期间", "事项", "最迟完成", "最迟开始") if zh else ("period", "step", "ends by", "begins by")
    return table([head, *((r.period, r.item + _of_phase(r.phase), str(r.latest), str(r.begin_by)) for r in rows)])


def render_warnings(rows: Sequence[WarningRow], zh: bool) -> str:
    """List warnings for a person."""
    if not rows:
        return "没有预警" if zh else "no warnings"
    names = {"notice": "提醒", "yellow": "黄色", "orange": "橙色", "red": "红色", "none": "正常"}
    return table([(names[r.level] if zh else r.level, r.project, r.text.zh if zh else r.text.en) for r in rows])


def render_report(body: ReportBody, zh: bool) -> str:
    """Table figures for a person, with their formulas."""
    rows = []
    for f in body.figures:
        value = "-" if f.value is None else f"{f.value:,.4g}" if abs(f.value) < 100 else f"{f.value:,.0f}"
        growth = "" if f.growth is None else f"{f.growth:+.1%}"
        lacking = "" if not f.lacking else f"{f.lacking}条未记录" if zh else f"{f.lacking} not recorded"
        rows.append((f.title.zh if zh else f.title.en, value, f.unit, growth, lacking, f.formula.zh if zh else f.formula.en))
    return table(rows)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Set rows in columns; a Chinese character is two wide."""
    wide = [[sum(2 if ord(c) > 0x2E80 else 1 for c in cell) for cell in row] for row in rows]
    columns = [max(w[k] for w in wide) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell + " " * (columns[k] - w[k]) for k, cell in enumerate(row)).rstrip()
        for row, w in zip(rows, wide, strict=True)
    )
