"""Schedules against the longest path found by brute force; working days against a table made by hand."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.base import Text
from layers.plan.schedule import NAT, CycleError, OutOfOrderError, Step, UnknownStepError, check_order, schedule
from layers.plan.workdays import Calendar, OutOfCalendarError
from layers.standards import Standards

CALENDAR = Calendar.of(Standards.load())
ON = np.datetime64("2026-01-28", "D")
BY_HAND = [  # start, working days, end: counted on a wall calendar with the notices of the State Council
    ("2024-12-31", 1, "2025-01-02"), ("2025-01-24", 1, "2025-01-26"), ("2025-01-27", 1, "2025-02-05"), ("2025-01-27", 4, "2025-02-08"),
    ("2025-01-27", 5, "2025-02-10"), ("2025-04-03", 1, "2025-04-07"), ("2025-04-25", 1, "2025-04-27"), ("2025-04-30", 1, "2025-05-06"),
    ("2025-05-30", 1, "2025-06-03"), ("2025-09-26", 1, "2025-09-28"), ("2025-09-30", 1, "2025-10-09"), ("2025-09-30", 3, "2025-10-11"),
    ("2025-12-31", 1, "2026-01-04"), ("2026-01-04", 1, "2026-01-05"), ("2026-02-13", 1, "2026-02-14"), ("2026-02-14", 1, "2026-02-24"),
    ("2026-02-14", 5, "2026-02-28"), ("2026-02-14", 6, "2026-03-02"), ("2026-04-03", 1, "2026-04-07"), ("2026-04-30", 4, "2026-05-09"),
    ("2026-05-08", 1, "2026-05-09"), ("2026-06-18", 1, "2026-06-22"), ("2026-09-18", 1, "2026-09-20"), ("2026-09-24", 1, "2026-09-28"),
    ("2026-09-30", 1, "2026-10-08"), ("2026-09-30", 3, "2026-10-10"), ("2026-09-30", 4, "2026-10-12"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "count", "end"), BY_HAND)
def test_working_days_are_those_of_the_table_made_by_hand(start, count, end):
    assert CALENDAR.add(np.array([start], "datetime64[D]"), count)[0] == np.datetime64(end)
    assert CALENDAR.between(np.datetime64(start), np.datetime64(end)) == count


@given(st.dates(date(2002, 1, 1), date(2050, 1, 1)), st.integers(0, 400))
def test_the_last_day_to_begin_is_the_inverse(day, count):
    end = np.array([day], "datetime64[D]")
    begin = CALENDAR.begin(end, count)
    assert CALENDAR.add(begin, count)[0] <= end[0]
    assert CALENDAR.add(begin + 1, count)[0] > end[0]


def test_beyond_the_calendar_is_refused():
    with pytest.raises(OutOfCalendarError, match="2060-12-31"):
        CALENDAR.add(np.array(["2060-12-30"], "datetime64[D]"), 10)


def step(id, after=(), time=1, unit="d"):
    return Step(id, Text(id, id), tuple(after), time, unit)


@st.composite
def worlds(draw):
    n = draw(st.integers(1, 9))
    steps = [
        step(f"s{k}", [f"s{j}" for j in draw(st.sets(st.integers(0, k - 1)) if k else st.just(set()))], draw(st.integers(0, 30)), draw(st.sampled_from(["d", "wd"])))
        for k in range(n)
    ]  # fmt: skip
    done = draw(st.lists(st.integers(0, 400) | st.none(), min_size=n, max_size=n))
    floor = draw(st.lists(st.integers(0, 400) | st.none(), min_size=n, max_size=n))
    applies = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return draw(st.permutations(steps)), *({f"s{k}": v for k, v in enumerate(values)} for values in (done, floor, applies))


def days(offset):
    return np.array([NAT if offset is None else np.datetime64("2025-06-01", "D") + offset])


def brute(steps, done, floor, applies):
    """Find the end of each step by recursion, a day at a time."""
    by = {s.id: s for s in steps}
    open_ = set(CALENDAR.open.tolist())

    @cache
    def end(id):
        if done[id] is not None:
            return days(done[id])[0].item()
        ready = max((end(p) for p in by[id].after), default=date(1970, 1, 1))
        if not applies[id]:
            return ready
        day, left = max(ready, ON.item()), by[id].time
        while left:
            day += timedelta(1)
            left -= by[id].unit == "d" or day in open_
        return max(day, days(floor[id])[0].item()) if floor[id] is not None else day

    return {s.id: end(s.id) for s in steps}


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_end_of_each_step_is_the_longest_path(world):
    steps, done, floor, applies = world
    plan = schedule(
        steps, {k: days(v) for k, v in done.items()}, ON, CALENDAR, {k: days(v) for k, v in floor.items()},
        {k: np.array([v]) for k, v in applies.items()},
    )  # fmt: skip
    expected = brute(steps, done, floor, applies)
    assert {s.id: plan.finish[0, k].item() for k, s in enumerate(plan.steps)} == expected


@settings(max_examples=40, deadline=None)
@given(worlds(), st.integers(0, 900))
def test_nothing_that_ends_by_its_latest_day_breaks_the_target(world, offset):
    steps, _, _, applies = world
    last, aim = steps[-1].id, days(offset)
    nothing = {s.id: days(None) for s in steps}
    use = {k: np.array([v]) for k, v in applies.items()}
    plan = schedule(steps, nothing, ON, CALENDAR, None, use, {last: aim})
    on_time = plan.finish[0, plan.at(last)] <= aim[0]
    some = ~np.isnat(plan.latest[0])
    assert (plan.slack[0, some] >= 0).all() == on_time or not on_time
    for k, s in enumerate(plan.steps):
        if some[k] and on_time and applies[s.id]:
            late = {**{i: days(None) for i in nothing}}
            held = schedule(steps, late, ON, CALENDAR, {s.id: plan.latest[:, k]}, use)
            assert held.finish[0, held.at(last)] <= aim[0]
            over = schedule(steps, late, ON, CALENDAR, {s.id: plan.latest[:, k] + 1}, use)
            assert over.finish[0, over.at(last)] > aim[0]


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_the_critical_steps_are_those_of_which_a_day_more_is_a_day_late(world):
    steps, _, _, applies = world
    applies = {**applies, steps[-1].id: True}
    last, nothing = steps[-1].id, {s.id: days(None) for s in steps}
    use = {k: np.array([v]) for k, v in applies.items()}
    free = schedule(steps, nothing, ON, CALENDAR, None, use)
    aim = free.finish[0, free.at(last)]
    plan = schedule(steps, nothing, ON, CALENDAR, None, use, {last: np.array([aim])})
    assert not free.critical().any(), "without a target nothing is critical"
    for k, s in enumerate(plan.steps):
        if applies[s.id]:
            over = schedule(steps, nothing, ON, CALENDAR, {s.id: plan.finish[:, k] + 1}, use)
            assert plan.critical()[0, k] == (over.finish[0, over.at(last)] > aim), s.id


def test_the_critical_path_and_the_slack_beside_it_by_hand():
    """Contract 10 d, then scheme 20 d beside the price 5 d, then the permit 7 d: the price has 15 days of slack."""
    steps = [
        step("contract", time=10),
        step("scheme", ["contract"], 20),
        step("price", ["contract"], 5),
        step("permit", ["scheme", "price"], 7),
    ]
    none = {s.id: days(None) for s in steps}
    plan = schedule(steps, none, ON, CALENDAR, due={"permit": np.array([ON + 37])})
    assert [plan.finish[0, plan.at(s.id)] - ON for s in steps] == [10, 30, 15, 37]
    assert {s.id: int(plan.slack[0, plan.at(s.id)]) for s in steps} == {"contract": 0, "scheme": 0, "price": 15, "permit": 0}
    assert [s.id for k, s in enumerate(plan.steps) if plan.critical()[0, k]] == ["contract", "scheme", "permit"]
    assert plan.chain(0, "permit") == ["permit", "scheme", "contract"]


def test_a_late_service_shows_in_the_last_step_with_the_chain_of_reasons():
    steps = [step("contract"), step("water"), step("permit", ["contract"], 5), step("production", ["permit", "water"], 3)]
    none = {s.id: days(None) for s in steps}
    plan = schedule(steps, none, ON, CALENDAR, {"water": np.array([ON + 90])})
    assert plan.finish[0, plan.at("production")] == ON + 93
    assert plan.chain(0, "production") == ["production", "water"]
    assert plan.decides[0, plan.at("water")] == -2
    assert plan.state[0].tolist() == ["open", "open", "blocked", "blocked"]


def test_rings_unknown_steps_and_facts_out_of_order_are_named():
    with pytest.raises(CycleError, match="a → b → c → a"):
        schedule([step("a", ["b"]), step("b", ["c"]), step("c", ["a"])], {}, ON, CALENDAR)
    with pytest.raises(UnknownStepError, match="b needs x"):
        schedule([step("a"), step("b", ["x"])], {}, ON, CALENDAR)
    steps = [step("a"), step("b", ["a"])]
    check_order(steps, {"a": days(5), "b": days(5)}, ["P-1"])
    with pytest.raises(OutOfOrderError, match="P-1: b of 2025-06-05 needs a, which is of 2025-06-06"):
        check_order(steps, {"a": days(5), "b": days(4)}, ["P-1"])
    with pytest.raises(OutOfOrderError, match="which is not done") as caught:
        check_order(steps, {"a": days(None), "b": days(4)}, ["P-1"])
    assert "尚未完成" in caught.value.text.zh
