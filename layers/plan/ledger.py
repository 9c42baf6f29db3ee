"""The steward's ledger: when each step of each project is done, what it waits for, what five permits at once still lack.

All projects with one procedure are scheduled together, each step a column (`layers.plan.schedule`); what is recorded of them is
gathered by `layers.plan.procedures`, and nothing is read here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.ledger.projects import FIVE_ONES, STAGE_FROM, STAGE_OF, STAGES
from layers.plan.procedures import (
    NO_FLOORS,
    Facts,
    FutureError,
    NoProjectError,
    UnknownItemError,
    gather,
    known_items,
    procedures,
    templates,
)
from layers.plan.schedule import NAT, Plan, schedule
from layers.plan.workdays import Calendar, Days
from layers.standards import Rulebook

STEPS = (
    "project", "phase", "item", "lane", "state", "planned", "forecast", "actual", "begins", "latest", "slack", "late", "critical",
    "record",
)  # fmt: skip
"""What `rows` tells of each step."""


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of one procedure and their schedule, with the records and the reasons of floors that they were made from."""

    facts: Facts
    plan: Plan
    permits: pd.DataFrame
    reasons: pd.DataFrame

    @property
    def order(self) -> NDArray[np.int64]:
        """Find where each step of the schedule stands in the procedure."""
        return np.asarray(self.facts.template.items.get_indexer(pd.Index([s.id for s in self.plan.steps])), np.int64)

    def day(self, name: str) -> Days:
        """Give recorded days in the order of the schedule."""
        return self.facts.days[name][:, self.order]

    def without(self, projects: set[str]) -> Group:
        """Leave the cases of some projects out."""
        keep = ~np.isin(self.facts.project, list(projects))
        return self if keep.all() else replace(self, facts=self.facts.take(keep), plan=self.plan.take(keep))


@dataclass(frozen=True, slots=True)
class Ledger:
    """All cases with their schedules on a day, by procedure."""

    groups: tuple[Group, ...]
    on: np.datetime64
    book: Rulebook
    calendar: Calendar

    def find(self, project: str, phase: int | None = None) -> tuple[Group, int]:
        """Find a case; UnknownItemError where there is none."""
        for group in self.groups:
            at = np.flatnonzero(group.facts.project == project)
            at = at if phase is None else at[group.facts.phase[at] == phase]
            if len(at):
                return group, int(at[0])
        raise NoProjectError(
            f"there is no project {project}; `shudi project` lists them", f"没有项目 {project},可用 `shudi project` 查看"
        )


def ledger(
    projects: pd.DataFrame, permits: pd.DataFrame, on: np.datetime64, book: Rulebook, calendar: Calendar,
    floors: pd.DataFrame | None = None, phases: pd.DataFrame | None = None,
) -> Ledger:  # fmt: skip
    """Schedule all projects on a day.

    projects, permits, phases: frames of these tables. floors: project, item, day, en, zh: a step cannot end before the day, and why.
    UnknownItemError, TwiceError, OutOfOrderError, FutureError for records that cannot be; cancelled projects are left out.
    Time grows with the steps, each an operation on arrays; memory with projects times steps.
    """
    floors = NO_FLOORS if floors is None else floors.reset_index(drop=True)
    known = templates(book)
    procedure = procedures(projects, known, book)
    known_items(permits, known, projects)
    groups = []
    for name in dict.fromkeys(n for n in procedure.tolist() if n):
        mine = projects[procedure == name]
        records = permits[permits["project"].isin(mine["id"])].reset_index(drop=True)
        facts = gather(known[name], mine, records, floors, on, phases)
        groups.append(Group(facts, _plan(facts, on, calendar), records, floors))
    return Ledger(tuple(groups), on, book, calendar)


def _plan(facts: Facts, on: np.datetime64, calendar: Calendar) -> Plan:
    """Schedule the cases of one procedure."""
    steps = facts.template.steps
    by = {s.id: k for k, s in enumerate(steps)}
    prepared = ~np.isnat(facts.days["prepared_on"])
    return schedule(
        steps, {i: facts.days["actual_on"][:, k] for i, k in by.items()}, on, calendar,
        {i: facts.floor[:, k] for i, k in by.items()}, {i: facts.applies[:, k] for i, k in by.items()},
        {i: facts.due[:, k] for i, k in by.items()}, {i: prepared[:, k] for i, k in by.items()},
    )  # fmt: skip


def changed(
    before: Ledger, projects: pd.DataFrame, permits: pd.DataFrame, floors: pd.DataFrame | None = None,
    phases: pd.DataFrame | None = None,
) -> Ledger:  # fmt: skip
    """Schedule some projects anew, given whole with all their records; the others stay as they are.

    Time grows with the projects given, and with the arrays of the others, which are copied.
    """
    anew = ledger(projects, permits, before.on, before.book, before.calendar, floors, phases)
    kept = tuple(g for g in (g.without(set(projects["id"])) for g in before.groups) if len(g.facts.project))
    return replace(before, groups=(*kept, *anew.groups))


def rows(of: Ledger) -> pd.DataFrame:
    """Tell all steps of all cases, one a row: planned, forecast (the earliest end), actual, latest day, slack [d], state.

    late: how far the forecast lies behind the plan, NaT without a plan; record: the number in permits, None for none.
    """
    parts = []
    for group in of.groups:
        n, k = group.plan.finish.shape
        items = np.array([s.id for s in group.plan.steps], object)
        lanes = np.array(group.facts.template.lanes, object)[group.order]
        actual, planned = group.day("actual_on"), group.day("planned_on")
        forecast, row = np.where(np.isnat(actual), group.plan.finish, actual), group.facts.row[:, group.order]
        record = np.array([*group.permits["id"], None], object)[row]
        data = {
            "project": np.repeat(group.facts.project, k), "phase": np.repeat(group.facts.phase, k), "item": np.tile(items, n),
            "lane": np.tile(lanes, n), "state": group.plan.state.ravel(), "planned": planned.ravel(),
            "forecast": forecast.ravel(), "late": (forecast - planned).ravel(), "record": record.ravel(), "actual": actual.ravel(),
            "begins": group.plan.start.ravel(), "latest": group.plan.latest.ravel(), "slack": np.where(group.plan.state == "done", np.nan, group.plan.slack).ravel(),
            "critical": group.plan.critical().ravel(),
        }  # fmt: skip
        parts.append(pd.DataFrame(data))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=STEPS)


def spans(steps: pd.DataFrame) -> dict[str, pd.Series]:
    """Tell by project when the first phase starts and the last produces, done or forecast, of `rows`."""
    ends = {item: steps[steps["item"] == item].groupby("project")["forecast"] for item in ("start", "in_production")}
    return {"start": ends["start"].min(), "in_production": ends["in_production"].max()}


def phases(of: Ledger, project: str) -> list[int | None]:
    """List the phases of a project, [None] where its steps name none; UnknownItemError where there is no project."""
    group, _ = of.find(project)
    return [None if p < 0 else int(p) for p in group.facts.phase[group.facts.project == project]]


def titles(of: Ledger) -> dict[str, dict[str, Text]]:
    """Name the steps of each project as its procedure does, by project and step."""
    named: dict[str, dict[str, Text]] = {}
    for group in of.groups:
        own = {s.id: s.title for s in group.plan.steps}
        named.update((project, own) for project in group.facts.project.tolist())
    return named


def stages(projects: pd.DataFrame, steps: pd.DataFrame) -> pd.Series:
    """Tell how far each project is, by its number: the further of what its status says and its steps show; a halt holds.

    steps: the frame of `rows`.
    """
    rank = {stage: float(k) for k, stage in enumerate(STAGES)}
    said = projects["status"].map({status: rank[stage] for status, stage in STAGE_OF.items()}).astype(float)
    done = steps[(steps["state"] == "done").to_numpy(bool)]
    shown = done["item"].map({item: rank[stage] for item, stage in STAGE_FROM.items()}).astype(float)
    shown = shown.groupby(done["project"].to_numpy(object)).max().reindex(projects["id"].to_numpy(object))
    far = np.fmax(np.fmax(said.to_numpy(float), shown.to_numpy(float)), 0.0).astype(np.int64)
    return pd.Series(np.array(list(STAGES), object)[far], projects["id"].to_numpy(object))


class Reason(NamedTuple):
    """One link of a chain: a step, the day of its end, and in words why it ends then."""

    item: str
    day: np.datetime64
    text: Text


def chain(of: Ledger, project: str, item: str, phase: int | None = None) -> tuple[Reason, ...]:
    """Tell why a step of a project ends when it does: the steps that decide, the step itself first, what holds the last of all."""
    group, case = of.find(project, phase)
    plan, items = group.plan, [s.id for s in group.plan.steps]
    if item not in items:
        listed = ", ".join(items)
        raise UnknownItemError(
            f"project {project} has no step {item}; it has {listed}", f"项目 {project} 没有事项 {item};现有 {listed}"
        )
    found = []
    for name in plan.chain(case, item):
        at = items.index(name)
        found.append(Reason(name, plan.finish[case, at], _why(group, case, at)))
    return tuple(found)


def _why(group: Group, case: int, at: int) -> Text:
    """Say what fixes the end of a step."""
    plan, step = group.plan, group.plan.steps[at]
    if plan.state[case, at] == "done":
        return Text("done", "已完成")
    decides = int(plan.decides[case, at])
    if decides == -2:
        row = group.reasons.iloc[int(group.facts.why[case, group.order[at]])]
        return Text(str(row["en"]), str(row["zh"]))
    unit = Text("working days", "个工作日") if step.unit == "wd" else Text("days", "天")
    if decides == -1:
        return Text(f"takes {step.time} {unit.en} from today", f"自今日起需 {step.time} {unit.zh}")
    after = plan.steps[decides].title
    return Text(f"takes {step.time} {unit.en} after {after.en}", f"{after.zh}后需 {step.time} {unit.zh}")


def blocked_by(of: Ledger, project: str, phase: int | None = None) -> dict[str, list[str]]:
    """Name for each step that waits the steps that it waits for, and [] for each that may start today."""
    group, case = of.find(project, phase)
    state = dict(zip([s.id for s in group.plan.steps], group.plan.state[case].tolist(), strict=True))
    return {
        s.id: [n for n in s.after if state[n] in ("open", "blocked")]
        for s in group.plan.steps
        if state[s.id] in ("open", "blocked")
    }


def tasks(of: Ledger, project: str, by: str = "month", phase: int | None = None) -> pd.DataFrame:
    """Schedule back from the target: by month or ISO week the steps that must end in it so that the target holds.

    item, latest, begin_by: the last day to begin it. FutureError where the target is past.
    """
    group, case = of.find(project, phase)
    due = group.facts.due[case]
    if (due < of.on).any():
        day = due[due < of.on][0]
        raise FutureError(
            f"project {project}: its target {day} is past; set a later one", f"项目 {project}:目标日期 {day} 已过,请重新设定"
        )
    open_ = ~np.isnat(group.plan.latest[case]) & np.isin(group.plan.state[case], ["open", "blocked"])
    steps = [s for s, wanted in zip(group.plan.steps, open_, strict=True) if wanted]
    latest = group.plan.latest[case][open_]
    begin = [last - np.timedelta64(s.time, "D") if s.unit == "d" else of.calendar.begin(np.array([last]), s.time)[0] for s, last in zip(steps, latest, strict=True)]  # fmt: skip
    told = pd.DataFrame({"item": [s.id for s in steps], "latest": latest, "begin_by": np.array(begin, "datetime64[D]")})
    stamp = pd.DatetimeIndex(told["latest"])
    week = stamp.isocalendar()
    named = (
        stamp.strftime("%Y-%m") if by == "month" else [f"{y}-W{w:02d}" for y, w in zip(week["year"], week["week"], strict=True)]
    )
    return told.assign(**{by: named}).sort_values(["latest", "item"], kind="stable").reset_index(drop=True)


class Bundle(NamedTuple):
    """Five permits at once: on which day they were issued together, or what is missing for it; (permit, what it lacks)."""

    issued_on: np.datetime64
    missing: tuple[tuple[str, str], ...]

    @property
    def ready(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.missing


def bundle(of: Ledger, project: str, phase: int | None = None) -> Bundle:
    """Tell whether the five permits of a project were issued on one day (五证合发), or could be: what of them is not prepared.

    A permit is prepared where it is issued, or all of it is ready (`prepared_on`) and so is what it needs besides the contract
    and the other permits.
    """
    group, case = of.find(project, phase)
    items = [s.id for s in group.plan.steps]
    five = [i for i in of.book["ledger.bundle"] if i in items and group.plan.state[case, items.index(i)] != "not_applicable"]
    actual = group.day("actual_on")[case]
    issued = np.array([actual[items.index(i)] for i in five])
    if len(issued) and not np.isnat(issued).any():
        late = issued.max()
        apart = tuple((i, f"issued_on {d}") for i, d in zip(five, issued, strict=True) if d != late)
        return Bundle(late if not apart else NAT, apart)
    prepared, state = group.day("prepared_on")[case], dict(zip(items, group.plan.state[case].tolist(), strict=True))
    missing = []
    for i in five:
        if state[i] == "done":
            continue
        if np.isnat(prepared[items.index(i)]):
            missing.append((i, "prepared_on"))
        needs = group.plan.steps[items.index(i)].after
        missing += [(i, n) for n in needs if n not in five and n != "grant_contract" and state[n] in ("open", "blocked")]
    return Bundle(NAT, tuple(missing))


def start_on_land(of: Ledger, project: str, phase: int | None = None) -> tuple[int | None, tuple[Reason, ...]]:
    """Tell the days from contract to start, done or forecast, and why they are not none: the steps between that decide (拿地即开工).

    None where the procedure has no contract or no start.
    """
    group, case = of.find(project, phase)
    items = [s.id for s in group.plan.steps]
    if "grant_contract" not in items or "start" not in items:
        return None, ()
    contract, start = (group.plan.finish[case, items.index(i)] for i in ("grant_contract", "start"))
    days = int((start - contract) / np.timedelta64(1, "D"))
    between = tuple(_between(group, case, contract)) if days > 0 else ()
    return days, between


def _between(group: Group, case: int, contract: np.datetime64) -> Iterator[Reason]:
    """Go back from the start by the needs that end last, as far as they end after the contract."""
    items = [s.id for s in group.plan.steps]
    at = items.index("start")
    while True:
        needs = [items.index(n) for n in group.plan.steps[at].after]
        if not needs:
            return
        at = max(needs, key=lambda k: group.plan.finish[case, k])
        if group.plan.finish[case, at] <= contract:
            return
        yield Reason(items[at], group.plan.finish[case, at], _why(group, case, at))


def saved(of: Ledger) -> pd.DataFrame:
    """Compare the time that steps of offices took with the most that the statute allows: one row a step that is done.

    record: its number in permits; statutory, taken [working days], since the last of what it needs was done; steps of a lane of
    works are left out.
    """
    parts = []
    for group in of.groups:
        actual = group.day("actual_on")
        items = [s.id for s in group.plan.steps]
        for k, step in enumerate(group.plan.steps):
            if not step.time or group.facts.template.lanes[int(group.order[k])] not in ("land", "permits"):
                continue
            needs = actual[:, [items.index(n) for n in step.after]]
            ready = needs.max(axis=1) if needs.shape[1] else np.full(len(actual), NAT)
            done = np.flatnonzero(~np.isnat(actual[:, k]) & ~np.isnat(ready))
            if not len(done):
                continue
            taken = of.calendar.between(ready[done], actual[done, k])
            last = ready[done] + np.timedelta64(step.time, "D")
            allowed = np.full(len(done), step.time) if step.unit == "wd" else of.calendar.between(ready[done], last)
            record = group.permits["id"].to_numpy(object)[group.facts.row[done, group.order[k]]]
            told = {"project": group.facts.project[done], "item": step.id, "record": record, "statutory": allowed, "taken": taken}
            parts.append(pd.DataFrame(told))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["project", "item", "record", "statutory", "taken"])  # fmt: skip


def five_ones(projects: pd.DataFrame) -> pd.Series:
    """Name for each project what of the five ones is missing, with commas; "" where all are there."""
    gone = np.stack([(projects[name].isna() | projects[name].eq("")).to_numpy(bool) for name in FIVE_ONES], axis=1)
    return pd.Series([", ".join(np.array(FIVE_ONES)[row]) for row in gone], projects["id"], dtype="str")
