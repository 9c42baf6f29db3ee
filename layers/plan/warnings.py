"""Early warnings of the ledger: what is late or will be, what expires, what stands idle, what is owed; each told once.

A warning is a row: project, phase, item, rule, level (notice, yellow, orange, red), days, on (the day that it speaks of), row (of
which table it speaks, as table:number, missing where nothing is recorded), mark, records (all that it rests on, missing: the row), en, zh. Two warnings of the same mark, level, rule
and step are the same one, told on two days: the mark is the recorded day that it rests on, with the row where a step has several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.ledger.works import UTILITIES
from layers.plan.coordination import coordination
from layers.plan.ledger import Group, Ledger, titles
from layers.plan.workdays import Days
from layers.standards import Rulebook

COLUMNS = ("project", "phase", "item", "rule", "level", "days", "on", "row", "mark", "about", "records", "en", "zh", "hand")
RANK = {"none": 0, "notice": 1, "yellow": 2, "orange": 3, "red": 4}
RULES: Mapping[str, Text] = {
    "lead": Text("{title} is due on {on}, in {days} days", "{title}将于{on}到期,还有{days}天"),
    "lag": Text(
        "{title} is {days} days behind its plan: {on} is forecast or past", "{title}较计划滞后{days}天,预计(或实际)为{on}"
    ),
    "expiry": Text("{title} expires on {on}: {days} days are left", "{title}将于{on}失效,剩余{days}天"),
    "opinion": Text(
        "the opinion of the review {about} expires on {on}: {days} days are left", "联审意见{about}将于{on}失效,剩余{days}天"
    ),
    "department": Text("the opinion of {about} expires on {on}: {days} days are left", "{about}的意见将于{on}失效,剩余{days}天"),
    "idle": Text("land is not built on {days} days after {on}", "自{on}起已{days}天未动工"),
    "taken_back": Text(
        "land is not built on {days} days after {on}, and may be taken back", "自{on}起已{days}天未动工,可依法收回"
    ),
    "unconnected": Text(
        "{title} is not connected, and production is due on {on}, in {days} days", "{title}尚未接入,{on}投产,仅剩{days}天"
    ),
    "owed": Text("documents owed for {title} are due on {on}: {days} days are left", "{title}容缺材料应于{on}补正,剩余{days}天"),
    "issue": Text(
        "the issue {about}, received on {on}, is not settled after {days} days", "{on}受理的诉求“{about}”已{days}天未办结"
    ),
    "set_out": Text(
        "the points of {about}, requested on {on}, are not set out after {days} working days",
        "{about}于{on}申请的规划放点已{days}个工作日未完成",
    ),
    "by_hand": Text("{title}: raised by hand ({about})", "{title}:人工预警({about})"),
}
"""What each rule says."""

HAND = Text(" (level set by hand: ", "(人工调整级别:")
"""What is said behind a warning whose level is another than the computed one, before the reason."""
Part = Mapping[str, Any]


def warnings(
    of: Ledger, cases: pd.DataFrame, connections: pd.DataFrame, issues: pd.DataFrame, opinions: pd.DataFrame | None = None,
    sections: pd.DataFrame | None = None, set_outs: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Find all warnings of a day; the worst first.

    cases, connections, issues, opinions, sections, set_outs: frames of their tables; of sections all of each road, of living
    projects. A level set by hand stands for the computed one of its step, with its reason in words, or raises one where none was
    computed; `none` silences it. Time grows with the steps, each rule an operation on arrays.
    """
    alive = {p for g in of.groups for p in g.facts.project.tolist()}
    parts = [rule(of, g) for g in of.groups for rule in (_lead, _lag, _expiry, _owed)]
    parts += [_opinions(of, cases), _idle(of, cases), _unconnected(of, connections), _unsettled(of, issues)]
    parts += [] if opinions is None else [_departments(of, opinions, cases)]
    parts += [] if set_outs is None else [_not_set_out(of, set_outs)]
    frames = [pd.DataFrame(p, columns=COLUMNS[:10]) for p in parts]
    frames += [] if sections is None else [coordination(sections, of.on, of.book)]
    found = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True).reindex(columns=list(COLUMNS))
    found = _by_hand(of, found[found["project"].isin(alive)])
    found["rank"] = found["level"].map(RANK)
    order = ["rank", "days", "project", "item"]
    found = (
        found.sort_values(order, ascending=[False, False, True, True], kind="stable").drop(columns="rank").reset_index(drop=True)
    )
    return _told(of, found)


def key(found: pd.DataFrame) -> pd.Series:
    """Name each warning, so that the same thing at the same level has the same name on any day."""
    first, *rest = (found[name].astype("str").fillna("") for name in ("project", "phase", "item", "rule", "level", "mark"))
    for part in rest:
        first = first + "|" + part
    return first


def checklists(book: Rulebook) -> Mapping[str, tuple[Text, ...]]:
    """Tell for each step what often goes wrong before it, as questions."""
    return {step: tuple(Text(en, zh) for en, zh in asked) for step, asked in book["ledger.checklists"].items()}


def _rows(
    g: Group, mask: NDArray[np.bool_], rule: str, level: NDArray[np.object_], days: NDArray[Any], on: Days,
    mark: NDArray[Any] | None = None,
) -> Part:  # fmt: skip
    """Make the warnings of the steps of a mask, shape (cases, steps); `mark` where it is not the day `on`."""
    case, item = np.nonzero(mask)
    names = np.array([s.id for s in g.plan.steps], object)
    row = _recorded(g, "permits:" + g.permits["id"])
    return {
        "project": g.facts.project[case], "phase": g.facts.phase[case], "item": names[item], "rule": rule,
        "level": level[mask], "days": days[mask].astype(np.int64), "on": on[mask],
        "row": row[mask], "mark": _said(on[mask]) if mark is None else mark[mask], "about": "",
    }  # fmt: skip


def _recorded(g: Group, column: pd.Series) -> NDArray[np.object_]:
    """Look a column of the records up for every step, shape (cases, steps); None where nothing is recorded."""
    values = np.full(len(column) + 1, None, object)
    values[:-1] = column.to_numpy(object)
    return np.asarray(values[g.facts.row[:, g.order]], object)


def _said(days: Days) -> NDArray[Any]:
    """Write days as 2026-03-31."""
    return np.datetime_as_string(days.astype("datetime64[D]"), unit="D").astype(object)


def _days(until: Any, since: Any) -> NDArray[np.float64]:
    """Count the days from one to another; NaN where there is none."""
    span = np.asarray(until - since, "timedelta64[D]")
    return np.where(np.isnat(span), np.nan, span.astype(np.float64))


def _open(g: Group) -> NDArray[np.bool_]:
    """Tell which steps are still to be done."""
    return np.isin(g.plan.state, ["open", "blocked"])


def _graded(values: NDArray[np.float64], limits: Mapping[str, float], falling: bool = False) -> NDArray[np.object_]:
    """Grade by thresholds: yellow, orange, red from so much on (`falling`: from so little on), else none."""
    level = np.full(values.shape, "none", object)
    for name in ("yellow", "orange", "red"):
        level[values <= limits[name] if falling else values >= limits[name]] = name
    return level


def _lead(of: Ledger, g: Group) -> Part:
    """Call to mind what is planned within the lead days, once for each of these."""
    planned = g.day("planned_on")
    left = _days(planned, of.on)
    leads = np.sort(of.book["ledger.lead_days"])
    soon = _open(g) & (left >= 0) & (left <= leads[-1])
    mark = np.full(soon.shape, "", object)
    mark[soon] = _said(planned[soon]) + " " + leads[np.searchsorted(leads, left[soon])].astype(str).astype(object)
    return _rows(g, soon, "lead", np.full(soon.shape, "notice", object), left, planned, mark)


def _lag(of: Ledger, g: Group) -> Part:
    """Grade how far the forecast lies behind the plan."""
    planned = g.day("planned_on")
    late = _days(g.plan.finish, planned)
    level = _graded(late, of.book["ledger.lag_days"])
    return _rows(g, _open(g) & (level != "none"), "lag", level, late, g.plan.finish, _said(planned))


def _expiry(of: Ledger, g: Group) -> Part:
    """Grade how soon a permit is void: by its own day, or by the standard time without the step that ends its risk."""
    items = [s.id for s in g.plan.steps]
    until, actual, risk = g.day("valid_until").copy(), g.day("actual_on"), np.ones(g.plan.finish.shape, bool)
    for k, item in enumerate(items):
        rule = of.book[f"ledger.step_{item}"]
        if "until" in rule and rule["until"] in items:
            months = rule["valid_months"]
            own = (actual[:, k].astype("datetime64[M]") + months).astype("datetime64[D]") + (
                actual[:, k] - actual[:, k].astype("datetime64[M]")
            )
            until[:, k] = np.where(np.isnat(until[:, k]), own, until[:, k])
            risk[:, k] = g.plan.state[:, items.index(rule["until"])] != "done"
    left = _days(until, of.on)
    level = _graded(left, of.book["ledger.expiry_days"], falling=True)
    return _rows(g, risk & ~np.isnat(actual) & (level != "none"), "expiry", level, left, until)


def _owed(of: Ledger, g: Group) -> Part:
    """Grade how soon owed documents are due."""
    until = g.day("owed_until")
    left = _days(until, of.on)
    level = _graded(left, of.book["ledger.expiry_days"], falling=True)
    return _rows(g, np.isnat(g.day("owed_met_on")) & (level != "none"), "owed", level, left, until)


def _flat(
    frame: pd.DataFrame, table: str, keep: NDArray[np.bool_], rule: Any, item: Any, level: Any, days: Any, on: Days,
    about: Any = "", moves: bool = False,
) -> Part:  # fmt: skip
    """Make the warnings of some rows of a table; `moves`: the day is a forecast, so that it marks nothing."""
    phase = frame["phase"].fillna(-1).to_numpy(np.int64) if "phase" in frame else np.full(len(frame), -1)
    item, rule, about = (np.broadcast_to(np.asarray(one, object), len(frame)) for one in (item, rule, about))
    row = table + ":" + frame["id"].to_numpy(object)
    return {
        "project": frame["project"].to_numpy(object)[keep], "phase": phase[keep], "item": item[keep], "rule": rule[keep],
        "level": level[keep], "days": days[keep].astype(np.int64), "on": on[keep], "row": row[keep],
        "mark": row[keep] if moves else row[keep] + " " + _said(on[keep]), "about": about[keep],
    }  # fmt: skip


def _opinions(of: Ledger, cases: pd.DataFrame) -> Part:
    """Grade how soon opinions of the review are void of land that is not supplied yet."""
    until = cases["valid_until"].to_numpy("datetime64[D]")
    left = _days(until, of.on)
    level = _graded(left, of.book["ledger.expiry_days"], falling=True)
    waits = cases["supplied_on"].isna().to_numpy(bool)
    number = cases["opinion_no"].fillna("").to_numpy(object)
    return _flat(cases, "land_cases", waits & (level != "none"), "opinion", "joint_review", level, left, until, number)


def _departments(of: Ledger, opinions: pd.DataFrame, cases: pd.DataFrame) -> Part:
    """Grade how soon opinions of departments are void, the last of each on land that is not supplied yet."""
    alike = ["project", "land_case", "department"]
    last = opinions.sort_values("given_on", kind="stable", na_position="first").drop_duplicates(alike, keep="last")
    until = last["valid_until"].to_numpy("datetime64[D]")
    left = _days(until, of.on)
    level = _graded(left, of.book["ledger.expiry_days"], falling=True)
    waiting = cases[cases["supplied_on"].isna()]
    named = last["land_case"].notna().to_numpy(bool)
    waits = np.where(named, last["land_case"].isin(waiting["id"]), last["project"].isin(waiting["project"]))
    holds = waits & (last["opinion"] != "rejected").to_numpy(bool, na_value=True)
    who = last["department"].to_numpy(object) + (" " + last["number"].astype(object)).where(last["number"].notna(), "").to_numpy(
        object
    )
    return _flat(last, "opinions", holds & (level != "none"), "department", "joint_review", level, left, until, who)


def _begun(of: Ledger, cases: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell on which cases works began: those of their phase, or any where the case names none or the project has no such phase."""
    began: dict[tuple[str, int], bool] = {}
    some: set[str] = set()
    for g in of.groups:
        names = [s.id for s in g.plan.steps]
        if "start" in names:
            done = g.plan.state[:, names.index("start")] == "done"
            began.update(zip(zip(g.facts.project.tolist(), g.facts.phase.tolist(), strict=True), done.tolist(), strict=True))
            some.update(g.facts.project[done])
    whose = zip(cases["project"].tolist(), cases["phase"].fillna(-1).astype(int).tolist(), strict=True)
    return np.array([began.get(case, case[0] in some) for case in whose], bool)


def _idle(of: Ledger, cases: pd.DataFrame) -> Part:
    """Grade how many months after the agreed day supplied land is not built on; at last it may be taken back."""
    supplied = cases["supplied_on"].to_numpy("datetime64[D]")
    due = cases["start_due_on"].to_numpy("datetime64[D]")
    since = np.where(np.isnat(due), supplied, due)
    begun = _begun(of, cases)
    whole = (of.on.astype("datetime64[M]") - since.astype("datetime64[M]")).astype(np.float64)
    early = (of.on - of.on.astype("datetime64[M]")) < (since - since.astype("datetime64[M]"))
    months = np.where(np.isnat(since), np.nan, whole - early)
    level = _graded(months, of.book["ledger.idle_months"])
    rule = np.where(months >= of.book["ledger.idle_taken_back"], "taken_back", "idle")
    idle = ~np.isnat(supplied) & ~begun & (level != "none")
    return _flat(cases, "land_cases", idle, rule, "start", level, _days(of.on, since), since)


def _unconnected(of: Ledger, connections: pd.DataFrame) -> Part:
    """Warn of utilities that are not connected so many days before production begins, trial production first.

    Of several phases the next to produce counts; where all do, the last.
    """
    when: dict[str, np.datetime64] = {}
    for g in of.groups:
        names = [s.id for s in g.plan.steps]
        if "trial_production" in names:
            at = names.index("trial_production")
            day, waits = g.plan.finish[:, at], g.plan.state[:, at] != "done"
            order = np.lexsort((np.where(waits, -day.astype(np.int64), day.astype(np.int64)), waits))
            when.update(zip(g.facts.project[order].tolist(), day[order], strict=True))
    on = np.array([when.get(p, np.datetime64("NaT", "D")) for p in connections["project"]], "datetime64[D]")
    left = _days(on, of.on)
    level = np.where(left < 0, "red", np.where(left <= of.book["ledger.connection_days"], "orange", "none"))
    waits = connections["connected_on"].isna().to_numpy(bool)
    return _flat(
        connections, "connections", waits & (level != "none"), "unconnected", connections["utility"], level, left, on, moves=True
    )


def _unsettled(of: Ledger, issues: pd.DataFrame) -> Part:
    """Grade issues that were not handled on the day on which they came (当日处理)."""
    received = issues["received_on"].to_numpy("datetime64[D]")
    waited = _days(of.on, received)
    level = _graded(waited, of.book["ledger.lag_days"])
    waits = issues["handled_on"].isna().to_numpy(bool)
    return _flat(issues, "issues", waits & (level != "none"), "issue", issues["item"], level, waited, received, issues["subject"])


def _not_set_out(of: Ledger, set_outs: pd.DataFrame) -> Part:
    """Grade points that are not set out within the working days of `ledger.set_out_days`, by how many more have passed."""
    requested = set_outs["requested_on"].to_numpy("datetime64[D]")
    there = ~np.isnat(requested) & set_outs["done_on"].isna().to_numpy(bool)
    waited = np.where(there, of.calendar.between(np.where(there, requested, of.on), np.full(len(there), of.on)), 0)
    level = _graded(waited - float(of.book["ledger.set_out_days"]), of.book["ledger.lag_days"])
    what = set_outs["building"].fillna(set_outs["parcel"]).fillna(set_outs["id"]).to_numpy(object)
    return _flat(set_outs, "set_outs", there & (level != "none"), "set_out", "start", level, waited, requested, what)


def _by_hand(of: Ledger, found: pd.DataFrame) -> pd.DataFrame:
    """Put levels that were set by hand in the place of the computed ones, and add those of open steps that have none."""
    hand = pd.concat([pd.DataFrame(_set(g), columns=[*COLUMNS[:10], "open"]) for g in of.groups] or [found], ignore_index=True)
    if not len(hand) or "open" not in hand:
        return found.copy()
    step = ["project", "item"]
    said = ["level", "about"]
    exact = found[[*step, "phase"]].merge(hand[[*step, "phase", *said]], on=[*step, "phase"], how="left")
    loose = found[[*step, "phase"]].merge(hand.drop_duplicates(step), on=step, how="left", suffixes=("", "_hand"))
    whole = (loose["phase"] == -1) | (loose["phase_hand"] == -1)
    set_ = exact[said].where(exact["level"].notna(), loose[said].where(whole)).set_axis(found.index)
    computed = found.assign(level=set_["level"].fillna(found["level"]), hand=set_["about"].where(set_["level"].notna()))
    known = pd.MultiIndex.from_frame(hand[step]).isin(pd.MultiIndex.from_frame(found[step]))
    raised = hand[hand["open"].to_numpy(bool) & ~known].drop(columns="open")
    every = pd.concat([computed, raised], ignore_index=True)
    return every[every["level"] != "none"].reset_index(drop=True)


def _set(g: Group) -> Part:
    """List the levels that were set by hand, with their reasons."""
    level = _recorded(g, g.permits["level"])
    mask = ~pd.isna(level)
    planned = g.day("planned_on")
    day = np.where(np.isnat(planned), g.plan.finish, planned)
    said = _rows(g, mask, "by_hand", level, np.zeros(mask.shape), day, np.full(mask.shape, "", object))
    why = _recorded(g, g.permits["level_reason"].fillna(""))[mask]
    return {**said, "about": why, "open": _open(g)[mask]}


def _told(of: Ledger, found: pd.DataFrame) -> pd.DataFrame:
    """Say each warning in both languages."""
    lines = {n.removeprefix("ledger.step_"): of.book.line(n) for n in of.book.lines if n.startswith("ledger.step_")}
    every = {k: Text(line.en, line.zh) for k, line in lines.items()} | {k: code.name for k, code in UTILITIES.items()}
    own = titles(of)
    steps = [own[p].get(i) or every.get(i) or Text(str(i), str(i)) for p, i in zip(found["project"], found["item"], strict=True)]
    days = _said(found["on"].to_numpy("datetime64[D]")).tolist()
    for language in ("en", "zh"):
        names = [str(getattr(title, language)) for title in steps]
        said = pd.Series(_say(RULES, language, found, names, days), found.index, dtype=object)
        by_hand = getattr(HAND, language) + found["hand"].astype(object) + ")"
        found[language] = found[language].astype(object).fillna(said) + by_hand.where(found["hand"].notna(), "")
    return found.drop(columns=["about", "hand"])


def _say(
    rules: Mapping[str, Text], language: str, found: pd.DataFrame, names: Sequence[str], days: Sequence[str]
) -> list[str]:  # fmt: skip
    """Fill the words of the rules; names: of the step of each."""
    words = {name: str(getattr(text, language)) for name, text in rules.items()}
    columns = (found[name].tolist() for name in ("rule", "days", "about"))
    return [
        " ".join(words.get(rule, "").format(title=title, days=abs(n), on=on, about=about).split())
        for rule, n, about, title, on in zip(*columns, names, days, strict=True)
    ]
