"""When the steps of projects can be done: prerequisites, statutory times, facts; earliest and latest days, float, what decides.

All projects of one template are scheduled at once: each step is a column. A step that is done has its actual day; one that is
not begins when all that it needs is done, not before today, and takes its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layers.base import Text, codes
from layers.errors import Refusal
from layers.plan.workdays import Calendar, Days

NAT = np.datetime64("NaT", "D")
STATES = codes(
    ("done", "done", "已完成", "#0072B2"),
    ("open", "may start", "可启动", "#009E73"),
    ("blocked", "waits for another step", "待前置事项", "#E69F00"),
    ("not_applicable", "does not apply", "不适用", "#BBBBBB"),
)


class CycleError(Refusal):
    """Steps wait for each other in a ring."""


class UnknownStepError(Refusal):
    """A step needs another that the template does not have."""


class OutOfOrderError(Refusal):
    """A step was done before one that it needs."""


class Step(NamedTuple):
    """One step of a template: what it needs, its time in working days (`wd`) or natural days (`d`), and where that is written."""

    id: str
    title: Text
    after: tuple[str, ...] = ()
    time: int = 0
    unit: str = "wd"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The days of all steps of many projects, arrays of shape (projects, steps) in the order of `steps`.

    `start`, `finish`: the earliest days; actual ones where they are done. `latest`: the last day on which a step may end so that
    what is due holds, NaT where nothing is. `slack`: days between the two. `decides`: the step (or -1) whose end, or -2 the floor,
    that fixes the start. `state`: done, open, blocked, not_applicable.
    """

    steps: tuple[Step, ...]
    start: Days
    finish: Days
    latest: Days
    slack: NDArray[np.float64]
    decides: NDArray[np.int64]
    state: NDArray[np.object_]

    def at(self, step: str) -> int:
        """Find the column of a step."""
        return [s.id for s in self.steps].index(step)

    def chain(self, project: int, step: str) -> list[str]:
        """Name the steps that decide when a step of a project ends, the step itself first."""
        ids, at, found = [s.id for s in self.steps], self.at(step), []
        while at >= 0:
            found.append(ids[at])
            at = int(self.decides[project, at])
        return found

    def take(self, keep: NDArray[np.bool_]) -> Plan:
        """Keep some projects."""
        return replace(self, **{f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name != "steps"})

    def critical(self) -> NDArray[np.bool_]:
        """Tell which steps have no slack left, shape (projects, steps); none where nothing is due."""
        return np.asarray((self.slack <= 0) & (self.state != "done") & (self.state != "not_applicable"))


def ordered(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Order steps so that each comes after all that it needs; CycleError names the ring, UnknownStepError the step."""
    known = {s.id: s for s in steps}
    done: dict[str, Step] = {}
    for step in steps:
        _visit(step, known, done, [])
    return tuple(done.values())


def _visit(step: Step, known: Mapping[str, Step], done: dict[str, Step], path: list[str]) -> None:
    if step.id in done:
        return
    if step.id in path:
        ring = " → ".join([*path[path.index(step.id) :], step.id])
        raise CycleError(
            f"the steps wait for each other: {ring}; take one of these needs out", f"事项互为前置:{ring},请去掉其中一个前置"
        )
    for need in step.after:
        if need not in known:
            raise UnknownStepError(
                f"{step.id} needs {need}, which the template does not have; there are: {', '.join(known)}",
                f"{step.id} 的前置事项 {need} 不在模板中;现有:{'、'.join(known)}",
            )
        _visit(known[need], known, done, [*path, step.id])
    done[step.id] = step


def schedule(
    steps: Sequence[Step],
    actual: Mapping[str, Days],
    on: np.datetime64,
    calendar: Calendar,
    floors: Mapping[str, Days] | None = None,
    applicable: Mapping[str, NDArray[np.bool_]] | None = None,
    due: Mapping[str, Days] | None = None,
    prepared: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Plan:
    """Schedule many projects by one template.

    actual: for each step the days on which it was done, shape (projects,), NaT where it is not; floors: days before which a step
    cannot end, whatever its needs (a service that comes that day); applicable: to which projects a step applies, by default to
    all; due: days by which steps must be done, NaT for none; prepared: where all of a step is ready but its issue, so that it takes
    no time any more.

    A step that does not apply takes no time and hands on what it waits for. Time grows with the steps and their needs, each an
    operation on arrays; memory with projects times steps.
    """
    order = ordered(steps)
    n = max((len(d) for d in actual.values()), default=0)
    column = {s.id: k for k, s in enumerate(order)}
    shape = (n, len(order))
    start, finish = np.full(shape, NAT), np.full(shape, NAT)
    decides, state, settled = np.full(shape, -1), np.full(shape, "blocked", object), np.zeros(shape, bool)
    for k, step in enumerate(order):
        done = np.asarray(actual.get(step.id, np.full(n, NAT)), "datetime64[D]")
        needs = np.stack([finish[:, column[p]] for p in step.after], axis=1) if step.after else np.zeros((n, 0), "datetime64[D]")
        ready = needs.max(axis=1) if step.after else np.full(n, np.datetime64(0, "D"))
        begin = np.maximum(ready, on)
        at_once = (prepared or {}).get(step.id, np.zeros(n, bool))
        end = np.where(at_once, begin, _after(begin, step, calendar))
        floor = np.asarray((floors or {}).get(step.id, np.full(n, NAT)), "datetime64[D]")
        held = ~np.isnat(floor) & (floor > end)
        end = np.where(held, floor, end)
        applies = (applicable or {}).get(step.id, np.ones(n, bool))
        end, begin = np.where(applies, end, ready), np.where(applies, begin, ready)
        was = ~np.isnat(done)
        start[:, k], finish[:, k] = np.where(was, NAT, begin), np.where(was, done, end)
        if step.after:
            last = np.array([column[p] for p in step.after])[needs.argmax(axis=1)]
            decides[:, k] = np.where(ready >= on, last, -1)
        decides[held & applies, k] = -2
        decides[was, k] = -1
        waits = ~settled[:, [column[p] for p in step.after]].all(axis=1)
        settled[:, k] = was | (~applies & ~waits)
        state[:, k] = np.select([was, ~applies, waits], ["done", "not_applicable", "blocked"], "open")
    latest = _latest(order, column, state != "not_applicable", calendar, due or {})
    slack = np.where(np.isnat(latest), np.nan, (latest - finish).astype(np.float64))
    return Plan(order, start, finish, latest, slack, decides, state)


def _after(day: Days, step: Step, calendar: Calendar) -> Days:
    """Add the time of a step."""
    return day + np.timedelta64(step.time, "D") if step.unit == "d" else calendar.add(day, step.time)


def _before(day: Days, step: Step, calendar: Calendar) -> Days:
    """Take the time of a step away."""
    return day - np.timedelta64(step.time, "D") if step.unit == "d" else calendar.begin(day, step.time)


def _latest(
    order: tuple[Step, ...], column: Mapping[str, int], applies: NDArray[np.bool_], calendar: Calendar, due: Mapping[str, Days]
) -> Days:  # fmt: skip
    """Find the last days on which steps may end so that all due days hold, from these backwards; shape as `applies`."""
    latest = np.full(applies.shape, NAT)
    if not due:
        return latest
    for name, days in due.items():
        latest[:, column[name]] = np.asarray(days, "datetime64[D]")
    for step in reversed(order):
        at = column[step.id]
        begin = np.where(applies[:, at], _before(latest[:, at], step, calendar), latest[:, at])
        for need in step.after:
            latest[:, column[need]] = np.fmin(latest[:, column[need]], begin)
    return latest


def check_order(
    steps: Sequence[Step], actual: Mapping[str, Days], names: Sequence[str],
    excused: Mapping[str, NDArray[np.bool_]] | None = None, applicable: Mapping[str, NDArray[np.bool_]] | None = None,
) -> None:  # fmt: skip
    """Refuse facts in which a step was done before one that it needs, or without it; equal days are in order.

    names: of the projects, for the error; excused: where a step may precede what it needs; applicable: to which projects a step
    applies, for nobody waits for another.
    """
    for step in steps:
        done = np.asarray(actual.get(step.id, np.full(len(names), NAT)), "datetime64[D]")
        for need in step.after:
            before = np.asarray(actual.get(need, np.full(len(names), NAT)), "datetime64[D]")
            waits = (applicable or {}).get(need, np.ones(len(names), bool)) & ~(excused or {}).get(
                step.id, np.zeros(len(names), bool)
            )
            wrong = np.flatnonzero(waits & ~np.isnat(done) & (np.isnat(before) | (before > done)))
            if len(wrong):
                k = int(wrong[0])
                if np.isnat(before[k]):
                    raise OutOfOrderError(
                        f"{names[k]}: {step.id} of {done[k]} needs {need}, which is not done; record its day",
                        f"{names[k]}:{step.id}({done[k]})的前置事项 {need} 尚未完成,请补录其日期",
                    )
                raise OutOfOrderError(
                    f"{names[k]}: {step.id} of {done[k]} needs {need}, which is of {before[k]}; correct one of the days",
                    f"{names[k]}:{step.id}({done[k]})的前置事项 {need} 完成于 {before[k]},请更正日期",
                )
