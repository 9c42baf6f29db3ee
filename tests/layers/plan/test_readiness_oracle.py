"""Readiness of small random worlds against the rules written out for one plot, one line and one day at a time."""

from datetime import date, timedelta
from math import hypot, inf

import geopandas as gpd
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.base import Edition, Survey, empty
from layers.catalogue import LAYERS
from layers.plan.readiness import readiness
from tests.layers.plan.test_readiness import CRS, KINDS, TODAY, WORLD, X, Y, ask, frame

SIDE, STEP, REACH = 100.0, 150.0, 50.0
EVER = date(1900, 1, 1)
ORDER = ("none", "unknown", "planned", "dated", "relocating", "available", "connected")
LEVELS = {3: ("road", "power", "water"), 5: ("road", "power", "water", "sewage", "storm", "telecom")}
LEVELS[7] = (*LEVELS[5], "gas", "heat")
SIZES = {
    **{key: [("dn", 200.0, "unfit"), ("dn", 300.0, "fit"), ("dn", None, "unrecorded")] for key in ("sewage", "storm")},
    "water": [("dn", 50.0, "unfit"), ("dn", 150.0, "fit"), ("dn", None, "unrecorded")],
    "power": [("voltage", v, "fit" if v in (10.0, 35.0) else "unfit") for v in (0.4, 10.0, 35.0, 220.0)] + [("voltage", None, "unrecorded")],
    "gas": [("pressure", "Medium A", "fit"), ("pressure", "high", "unfit"), ("pressure", "4 bar", "unrecorded"), ("pressure", None, "unrecorded")],
    **{key: [("dn", None, "fit")] for key in ("heat", "telecom")},
}  # fmt: skip

days = st.none() | st.integers(-3, 3).map(lambda n: TODAY + timedelta(n))


@st.composite
def lives(draw):
    status = draw(st.sampled_from(["in_service", "in_service", "planned", "under_construction", "retired", None]))
    return {"status": status, "in_service_from": draw(days), "retired_on": draw(days), "relocated_on": draw(days)}


@st.composite
def pipes(draw, id, count):
    kind = draw(st.sampled_from(KINDS))
    column, value, fit = draw(st.sampled_from(SIZES[kind]))
    start = draw(st.integers(0, count - 1))
    role = draw(st.sampled_from(["main", "branch", "service", "source"]))
    return {
        "id": id, "kind": kind, "role": role, column: value, **draw(lives()),
        "serves": draw(st.sampled_from([None, None, "P0", "P1"])),
        "fit": "fit" if role == "service" else fit, "far": draw(st.sampled_from([0.0, 10.0, 49.0, 51.0])),
        "from": start * STEP, "to": draw(st.integers(start, count - 1)) * STEP + SIDE,
    }  # fmt: skip


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 3))
    plots = [
        {
            "id": f"P{n}",
            "use_code": draw(st.sampled_from(["100102", "1401", None])),
            "required_level": draw(st.sampled_from([None, 3, 5, 7])),
        }
        for n in range(count)
    ]
    lines = [draw(pipes(f"L{n}", count)) for n in range(draw(st.integers(0, 14)))]
    good = {"role": "main", "serves": None, "fit": "fit", "far": 10.0, "from": 0.0, "to": (count - 1) * STEP + SIDE}
    for kind in draw(st.sampled_from([(), KINDS])):
        column, value, _ = next(size for size in SIZES[kind] if size[2] == "fit")
        late = st.sampled_from([EVER, EVER, None, TODAY + timedelta(9)])
        record = {"in_service_from": draw(late), "retired_on": None, "relocated_on": None}
        record["status"] = "in_service" if record["in_service_from"] == EVER else "planned"
        lines.append({"id": f"M-{kind}", "kind": kind, column: value, **record, **good})
    surveyed = draw(st.sets(st.sampled_from(KINDS), min_size=4))
    return plots, lines, draw(lives()), surveyed, draw(st.sampled_from([None, None, 3, 5, 7]))


def life(line, on, known):
    """State of a line on a day by its own record, and its first day."""
    begins, ends = line["in_service_from"], line["retired_on"]
    if line["status"] == "in_service" and begins is None:
        begins = EVER
    if line["status"] in ("planned", "under_construction") and begins is not None and begins <= known:
        begins = None
    if line["status"] == "retired" and ends is None:
        return "none", None
    ends = min((day for day in (ends, line.get("relocated_on")) if day is not None), default=date.max)
    if ends <= on or (begins is not None and ends <= begins):
        return "none", None
    if begins is None:
        return ("unknown" if line["status"] in (None, "retired") else "planned"), None
    if begins > on:
        return "dated", begins
    return ("relocating" if line.get("relocated_on") else "available"), begins


def served(plot, line, left, on, known):
    """What one line is to one plot: state, first day, distance; None where it is too far or serves nobody."""
    gap = max(line["from"] - (left + SIDE), left - line["to"], 0.0)
    distance = hypot(gap, line["far"])
    if line["role"] == "source" or distance > REACH:
        return None
    state, begins = life(line, on, known)
    if line["serves"] not in (None, plot["id"]):
        return "none", None, distance
    if state == "available" and (line["serves"] == plot["id"] or (line["role"] == "service" and distance == 0)):
        state = "connected"
    if line["fit"] == "unfit":
        return "none", None, distance
    if line["fit"] == "unrecorded" and ORDER.index(state) > ORDER.index("unknown"):
        return "unknown", None, distance
    return state, begins, distance


def best(options):
    """The highest state, then the earliest day."""
    return max(
        ((state, day) for state, day, _ in options),
        key=lambda found: (ORDER.index(found[0]), -(found[1] or date.max).toordinal()),
        default=("none", None),
    )


def told(plot, left, lines, road, surveyed, level, on, known):
    """Everything that readiness should say of one plot."""
    found = {"road": life({**road, "relocated_on": None}, on, known)}
    for kind in KINDS:
        options = [served(plot, line, left, on, known) for line in lines if line["kind"] == kind]
        state, day = best([o for o in options if o is not None])
        if kind not in surveyed and state not in ("connected", "available", "relocating"):
            state, day = "unknown", None
        found[kind] = state, day
    serving = {s for s, (state, _) in found.items() if state in ("connected", "available", "relocating")}
    green = str(plot["use_code"]).startswith("14")
    needs = LEVELS[level or plot["required_level"] or (3 if green else 5)]
    waits = {s: 0 if s in serving else {"dated": 1, "planned": 2, "unknown": 3, "none": 4}[found[s][0]] for s in needs}
    worst = max(waits.values())
    last = {s: (found[s][1].toordinal() if found[s][1] else inf) for s in needs if waits[s] == worst}
    day = found[max(last, key=last.get)][1] if worst <= 1 else None
    return {
        **{f"{s}_state": "planned" if state == "dated" else state for s, (state, _) in found.items()},
        "ready_state": ("ready", "dated", "undated", "unknown", "never")[worst],
        "ready_from": day,
        "deciding": max(last, key=last.get),
        "missing": ",".join(s for s in needs if s not in serving),
        "serviced_level": max((n for n, asked in LEVELS.items() if serving >= set(asked)), default=0),
    }


@settings(max_examples=150, deadline=None)
@given(worlds(), st.integers(-3, 3))
def test_readiness_is_what_the_rules_say_one_plot_and_line_at_a_time(world, later):
    plots, lines, road, surveyed, level = world
    on = TODAY + timedelta(later)
    right = X + len(plots) * STEP
    shapes = [shapely.LineString([(X + e["from"], Y - e["far"]), (X + e["to"], Y - e["far"])]) for e in lines]
    drawn = [
        {k: v for k, v in e.items() if k not in ("fit", "far", "from", "to")} | {"geometry": s}
        for e, s in zip(lines, shapes, strict=True)
    ]
    way = {k: v for k, v in road.items() if k != "relocated_on"}
    street = {
        "id": "R",
        "class": "local",
        "red_line_width": 10.0,
        "geometry": shapely.LineString([(X - 50, Y - 5), (right, Y - 5)]),
    }
    land = {
        "parcels": Survey(empty(LAYERS["parcels"], CRS), (Edition("p", "parcels", "t", TODAY, WORLD),)),
        "roads": Survey(frame("roads", [street | way]), (Edition("r", "roads", "t", TODAY, WORLD),)),
        "utilities": Survey(
            frame("utilities", drawn) if drawn else empty(LAYERS["utilities"], CRS),
            (Edition("u", "utilities", "t", TODAY, WORLD, tuple(sorted(surveyed))),),
        ),
    }
    asking = gpd.GeoDataFrame(
        [p | {"code_system": "planning_2023"} for p in plots],
        geometry=[shapely.box(X + n * STEP, Y, X + n * STEP + SIDE, Y + SIDE) for n in range(len(plots))],
        crs=CRS,
    )
    found = readiness(asking, land, ask(on), level)
    for n, plot in enumerate(plots):
        expected = told(plot, n * STEP, lines, road, surveyed, level, on, TODAY)
        row = found.iloc[n]
        answer = {name: row[name] for name in expected}
        answer["ready_from"] = None if pd.isna(row["ready_from"]) else row["ready_from"].date()
        assert answer == expected
