"""Procedures, and what is recorded of the projects that follow them: the facts that the ledger is made of.

A case is a project, or one phase of it where its steps are told by phase. What is recorded comes as frames of `layers.ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.errors import Refusal
from layers.plan.schedule import NAT, Step, check_order
from layers.plan.workdays import Days
from layers.standards import Rulebook

LANES = {
    "land": Text("Supply of land", "土地供应"),
    "permits": Text("Permits", "手续审批"),
    "construction": Text("Construction", "开工建设"),
    "statistics": Text("Statistics", "入库纳统"),
    "production": Text("Production", "投产达产"),
}
"""四个并联 and what comes of them: the lanes of the Gantt chart."""
DAYS = ("planned_on", "prepared_on", "actual_on", "valid_until", "owed_until", "owed_met_on")
"""The days of a step that are recorded."""


REASONS = (
    ("level", "level_reason", "why it was set by hand", "人工调整的原因"),
    ("owed", "owed_until", "by which day it is owed", "补正期限"),
)
"""What of a record needs another column beside it, and in words."""
NO_PHASES = pd.DataFrame(columns=["id", "project", "phase", "target_item", "target_on"])
NO_FLOORS = pd.DataFrame(columns=["project", "phase", "item", "day", "en", "zh"])


class UnknownItemError(Refusal):
    """A record names a step, a procedure or a project that there is not."""


class NoProjectError(UnknownItemError):
    """There is no such project."""


class TwiceError(Refusal):
    """A step of a case is recorded twice."""


class FutureError(Refusal):
    """A fact is recorded before it happened."""


class BadPhaseError(Refusal):
    """A phase is of no project, has no number from 1 on, or is recorded twice."""


class PastError(Refusal):
    """A day that is to come is set to one that has been."""


class UnexplainedError(Refusal):
    """What departs from the procedure or from the computed level says no reason, or what is owed no day."""


class Template(NamedTuple):
    """A procedure: its steps, each behind those that it needs, and the lane of each."""

    id: str
    title: Text
    steps: tuple[Step, ...]
    lanes: tuple[str, ...]

    @property
    def items(self) -> pd.Index[Any]:
        """The names of the steps."""
        return pd.Index([s.id for s in self.steps], dtype=object)


def templates(book: Rulebook) -> dict[str, Template]:
    """Read the procedures of the standards; those that turn in a ring or need what they have not are refused by `schedule`."""
    found = {}
    for name in (n for n in book.lines if n.startswith("ledger.template_")):
        line = book.line(name)
        steps, lanes = [], []
        for item in line.value["steps"]:
            step = book.line(f"ledger.step_{item}")
            after = line.value["after"].get(item, step.value["after"])
            time = line.value["time"].get(item, step.value["time"])
            named = line.value.get("names", {}).get(item, (step.en, step.zh))
            steps.append(Step(item, Text(*named), tuple(after), time, step.unit, step.source))
            lanes.append(step.value["lane"])
        id = name.removeprefix("ledger.template_")
        found[id] = Template(id, Text(line.en, line.zh), tuple(steps), tuple(lanes))
    return found


@dataclass(frozen=True, slots=True)
class Facts:
    """What is recorded of the cases of one procedure, arrays of shape (cases, steps) in the order of the procedure.

    `project`, `phase`: of each case, phase -1 for the whole; `row`: the record of each step, -1 for none; `applies`, `excused`:
    flags; `floor`: days before which a step cannot end, `why`: the numbers of their reasons, -1 for none.
    """

    template: Template
    project: NDArray[np.object_]
    phase: NDArray[np.int64]
    days: Mapping[str, Days]
    row: NDArray[np.int64]
    applies: NDArray[np.bool_]
    excused: NDArray[np.bool_]
    floor: Days
    why: NDArray[np.int64]
    due: Days

    def take(self, keep: NDArray[np.bool_]) -> Facts:
        """Keep some cases."""
        arrays = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name not in ("template", "days")}
        return replace(self, days={name: days[keep] for name, days in self.days.items()}, **arrays)


def procedures(projects: pd.DataFrame, known: Mapping[str, Template], book: Rulebook) -> NDArray[np.object_]:
    """Choose the procedure of each project: its own, or that of its kind; "" for those that are cancelled."""
    kinds = book["ledger.templates"]
    own, kind, status = (projects[name].to_numpy(object) for name in ("template", "kind", "status"))
    stated = projects["template"].notna().to_numpy(bool)
    chosen = np.where(status == "cancelled", "", np.where(stated, own, [kinds.get(k) for k in kind]))
    strange = [n for n, name in enumerate(chosen.tolist()) if name != "" and name not in known]
    if strange:
        id, name, listed = projects["id"].iloc[strange[0]], chosen[strange[0]], ", ".join(known)
        raise UnknownItemError(
            f"project {id} follows {name}, which is no procedure; there are {listed}",
            f"项目 {id} 的流程 {name} 不存在;现有 {listed}",
        )
    return np.asarray(chosen, object)


def known_items(permits: pd.DataFrame, known: Mapping[str, Template], projects: pd.DataFrame) -> None:
    """Pass records whose steps and projects there are."""
    every = {step.id for template in known.values() for step in template.steps}
    for column, listed in (("item", every), ("project", set(projects["id"]))):
        strange = [n for n, value in enumerate(permits[column].tolist()) if value not in listed]
        if strange:
            id, value = permits["id"].iloc[strange[0]], permits[column].iloc[strange[0]]
            some = ", ".join(sorted(map(str, listed))[:60])
            raise UnknownItemError(
                f"permits {id}: there is no {column} {value}; there are {some}",
                f"permits {id}:{column} {value} 不存在;现有 {some}",
            )


def check(
    projects: pd.DataFrame, permits: pd.DataFrame, on: np.datetime64, book: Rulebook, phases: pd.DataFrame | None = None
) -> None:  # fmt: skip
    """Pass records of some projects, whole with all their steps, that can be; without scheduling them."""
    known = templates(book)
    procedure = procedures(projects, known, book)
    known_items(permits, known, projects)
    _phases_can_be(NO_PHASES if phases is None else phases, projects)
    for name in dict.fromkeys(n for n in procedure.tolist() if n):
        mine = projects[procedure == name]
        records = permits[permits["project"].isin(mine["id"])].reset_index(drop=True)
        _explained(gather(known[name], mine, records, NO_FLOORS, on, phases), records, book)


def _phases_can_be(phases: pd.DataFrame, projects: pd.DataFrame) -> None:
    """Pass phases of projects that are there, numbered from 1, each recorded once."""
    for id, project in phases[~phases["project"].isin(projects["id"]).to_numpy(bool)][["id", "project"]].to_numpy():
        raise BadPhaseError(f"phases {id}: there is no project {project}", f"phases {id}:没有项目 {project}")
    for id, phase in phases[(phases["phase"] < 1).to_numpy(bool)][["id", "phase"]].to_numpy():
        raise BadPhaseError(
            f"phases {id}: phase {phase} is none; number them from 1", f"phases {id}:分期 {phase} 无效,请从 1 起编号"
        )
    for id, project, phase in phases[phases.duplicated(["project", "phase"]).to_numpy(bool)][
        ["id", "project", "phase"]
    ].to_numpy():
        raise BadPhaseError(
            f"phases {id}: phase {phase} of project {project} is recorded already; keep one",
            f"phases {id}:项目 {project} 的第 {phase} 期已有记录,请只保留一条",
        )


def _explained(facts: Facts, permits: pd.DataFrame, book: Rulebook) -> None:
    """Pass records that give the reason of what departs from the rule."""
    for column, needs, en, zh in REASONS:
        lacking = np.flatnonzero(permits[column].notna() & (permits[needs].isna() | permits[needs].eq("")))
        if lacking.size:
            id, said = permits["id"].iloc[lacking[0]], permits[column].iloc[lacking[0]]
            raise UnexplainedError(
                f"permits {id}: {column} is {said} without {needs}; say {en}",
                f"permits {id}:{column} 为 {said},但缺少 {needs};请填写{zh}",
            )
    items = [s.id for s in facts.template.steps]
    if "grant_contract" not in items:
        return
    contract = facts.days["actual_on"][:, items.index("grant_contract")]
    for k, item in enumerate(items):
        done = facts.days["actual_on"][:, k]
        early = ~np.isnat(done) & (np.isnat(contract) | (contract > done)) & ~facts.excused[:, k]
        if book[f"ledger.step_{item}"].get("exception") and early.any():
            id, day = permits["id"].iloc[facts.row[np.flatnonzero(early)[0], k]], done[early][0]
            raise UnexplainedError(
                f"permits {id}: {item} of {day} precedes the contract of the land; say on which basis in exception_basis",
                f"permits {id}:{item}({day})早于土地出让合同,请在 exception_basis 填写依据",
            )


def ahead(table: str, before: pd.DataFrame, after: pd.DataFrame, on: np.datetime64) -> None:
    """Pass plans and targets that were not set to a day that has been; `before`, `after`: the records that an edit changes."""
    column = {"projects": "target_on", "phases": "target_on", "permits": "planned_on"}[table]
    old = before.set_index("id")[column].reindex(after["id"]).to_numpy("datetime64[D]")
    new = after[column].to_numpy("datetime64[D]")
    waits = after["actual_on"].isna().to_numpy(bool) if table == "permits" else np.ones(len(after), bool)
    wrong = np.flatnonzero(waits & (new < on) & ~(new == old))
    if wrong.size:
        id, day = after["id"].iloc[wrong[0]], new[wrong[0]]
        done = ("; a day on which it was done is actual_on", ";已完成的日期请填 actual_on") if table == "permits" else ("", "")
        raise PastError(
            f"{table} {id}: {column} {day} is past, today is {on}; set a later day{done[0]}",
            f"{table} {id}:{column} {day} 已过(今日 {on}),请填以后的日期{done[1]}",
        )


def _cases(
    projects: pd.DataFrame, permits: pd.DataFrame, phases: pd.DataFrame
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:  # fmt: skip
    """List the cases: a project's phases where some are recorded or its steps name some, else the project; in the order of the projects."""
    ids, told = projects["id"].to_numpy(object), permits["phase"].notna().to_numpy(bool)
    if not told.any() and not len(phases):
        return ids, np.full(len(ids), -1)
    named = [frame[["project", "phase"]] for frame in (permits[told], phases) if len(frame)]
    phased = pd.concat(named).drop_duplicates().sort_values("phase")
    joined = projects[["id"]].merge(phased, left_on="id", right_on="project", how="left")
    return joined["id"].to_numpy(object), joined["phase"].fillna(-1).to_numpy(np.int64)


def _pairs(
    project: NDArray[np.object_], phase: NDArray[np.int64], permits: pd.DataFrame
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find which records are of which case, as (case, record); a record without phase is of all phases of its project."""
    if (phase == -1).all():
        return pd.Index(project).get_indexer(pd.Index(permits["project"])), np.arange(len(permits))
    cases = pd.DataFrame({"project": project, "phase": phase, "case": np.arange(len(project))})
    records = pd.DataFrame({"project": permits["project"].to_numpy(object), "row": np.arange(len(permits))})
    records["own"] = permits["phase"].fillna(-1).to_numpy(np.int64)
    both = records.merge(cases, on="project")
    both = both[(both["own"] == -1) | (both["own"] == both["phase"])]
    return both["case"].to_numpy(np.intp), both["row"].to_numpy(np.intp)


def gather(
    template: Template, projects: pd.DataFrame, permits: pd.DataFrame, floors: pd.DataFrame, on: np.datetime64,
    phases: pd.DataFrame | None = None,
) -> Facts:  # fmt: skip
    """Put what is recorded of the projects of one procedure into arrays; a record without phase is of all phases."""
    phases = NO_PHASES if phases is None else phases[phases["project"].isin(projects["id"]).to_numpy(bool)]
    project, phase = _cases(projects, permits, phases)
    shape = (len(project), len(template.steps))
    item = template.items.get_indexer(pd.Index(permits["item"], dtype=object))
    if (lost := np.flatnonzero(item < 0)).size:
        id, name, own = permits["id"].iloc[lost[0]], permits["item"].iloc[lost[0]], template.id
        raise UnknownItemError(
            f"permits {id}: the procedure {own} of its project has no step {name}; choose another procedure, or take it out",
            f"permits {id}:其项目的流程 {own} 没有事项 {name},请更换流程或删除该记录",
        )
    at, row = _pairs(project, phase, permits)
    of = item[row]
    place = at * shape[1] + of
    if len(np.unique(place)) < len(place):
        again = np.setdiff1d(np.arange(len(place)), np.unique(place, return_index=True)[1])
        id = permits["id"].iloc[int(row[again[0]])]
        raise TwiceError(
            f"permits {id}: this step of the project is recorded already; keep one",
            f"permits {id}:该项目的此事项已有记录,请只保留一条",
        )
    days = {}
    for day in DAYS:
        days[day] = np.full(shape, NAT)
        days[day][at, of] = permits[day].to_numpy("datetime64[D]")[row]
    rowed, applies, excused = np.full(shape, -1), np.ones(shape, bool), np.zeros(shape, bool)
    rowed[at, of] = row
    applies[at, of] = permits["applies"].to_numpy(bool, na_value=True)[row]
    excused[at, of] = permits["exception_basis"].notna().to_numpy(bool)[row]
    floor, why = _floors(template, project, phase, floors, shape)
    due = _due(template, project, phase, projects, phases)
    found = Facts(template, project, phase, days, rowed, applies, excused, floor, why, due)
    _facts_can_be(found, permits, on)
    return found


def _floors(
    template: Template, project: NDArray[np.object_], phase: NDArray[np.int64], floors: pd.DataFrame, shape: tuple[int, int]
) -> tuple[Days, NDArray[np.int64]]:
    """Put the latest day of each step's floors, and the number of its reason, into arrays; one without phase is of all phases."""
    floor, why = np.full(shape, NAT), np.full(shape, -1)
    if not len(floors):
        return floor, why
    cases = pd.DataFrame({"project": project, "told": phase, "case": np.arange(len(project))})
    rows = floors.assign(row=np.arange(len(floors)), at=template.items.get_indexer(pd.Index(floors["item"], dtype=object)))
    pairs = rows[rows["at"] >= 0].merge(cases, on="project").sort_values("day", kind="stable")
    own = pairs["phase"].astype("Float64") if "phase" in pairs else pd.Series(pd.NA, pairs.index, dtype="Float64")
    pairs = pairs[(own.isna() | (pairs["told"] == -1) | (own == pairs["told"])).to_numpy(bool, na_value=True)]
    at, of, row = (pairs[name].to_numpy(np.int64) for name in ("case", "at", "row"))
    floor[at, of] = pairs["day"].to_numpy("datetime64[D]")
    why[at, of] = row
    return floor, why


def _due(
    template: Template, project: NDArray[np.object_], phase: NDArray[np.int64], projects: pd.DataFrame, phases: pd.DataFrame
) -> Days:  # fmt: skip
    """Put the target days into an array, a phase's own before its project's; one without a step is that of production, or of the last step."""
    due = np.full((len(project), len(template.steps)), NAT)
    last = "in_production" if "in_production" in template.items else template.steps[-1].id
    at = pd.Index(projects["id"]).get_indexer(pd.Index(project))
    stated, day = projects["target_item"].to_numpy(object)[at], projects["target_on"].to_numpy("datetime64[D]")[at]
    if len(dated := phases[phases["target_on"].notna().to_numpy(bool)]):
        number = dated["phase"].to_numpy(np.int64)
        own = pd.MultiIndex.from_arrays([dated["project"], number]).get_indexer(pd.MultiIndex.from_arrays([project, phase]))
        stated = np.where(own < 0, stated, dated["target_item"].to_numpy(object)[own])
        day = np.where(own < 0, day, dated["target_on"].to_numpy("datetime64[D]")[own])
    stated = np.where(pd.isna(stated), last, stated)
    item = template.items.get_indexer(pd.Index(stated))
    if (lost := np.flatnonzero(item < 0)).size:
        id, name = project[lost[0]], stated[lost[0]]
        raise UnknownItemError(
            f"project {id}: its target {name} is no step of its procedure", f"项目 {id}:目标节点 {name} 不在其流程中"
        )
    due[np.arange(len(project)), item] = day
    return due


def _facts_can_be(facts: Facts, permits: pd.DataFrame, on: np.datetime64) -> None:
    """Pass facts that have happened, in an order that can be."""
    for name in ("actual_on", "prepared_on"):
        case, item = np.nonzero(facts.days[name] > on)
        if len(case):
            id, day = permits["id"].iloc[facts.row[case[0], item[0]]], facts.days[name][case[0], item[0]]
            raise FutureError(
                f"permits {id}: {name} is {day}, after {on}; a day to come is planned_on",
                f"permits {id}:{name} 为 {day},晚于 {on};未来的日期请填 planned_on",
            )
    steps, columns = facts.template.steps, range(len(facts.template.steps))
    actual = {steps[k].id: facts.days["actual_on"][:, k] for k in columns}
    excused = {steps[k].id: facts.excused[:, k] for k in columns}
    check_order(steps, actual, facts.project.tolist(), excused, {steps[k].id: facts.applies[:, k] for k in columns})
