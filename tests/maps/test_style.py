"""The style and the legend say what the code lists say, in both languages, and never by colour alone."""

from __future__ import annotations

import itertools
import json
import operator
import re
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from layers.catalogue import LAYERS
from layers.plan.readiness import SERVICES
from layers.service import by_record
from maps.grid import TURNS
from maps.readiness import DRAWN, FIELDS, LACKED, PATTERNS, PENDING, RIVALS, VERDICT
from maps.shown import COLOUR, DAYS_BACK, SHOWN_STATE, of_cell, status
from maps.style import CODED, DASHES, NO_COLOUR, legend, style
from maps.tiles import attributes, tiled

KNOWN = 50
STYLE = style("http://127.0.0.1:8000/", "en", (117.0, 36.6), on=date(2026, 1, 1))


def of(layer, kind=None):
    return [look for look in STYLE["layers"] if look.get("source") == layer and kind in (None, look["type"])]


def read_columns(expression):
    """Collect the attributes that an expression reads."""
    text = json.dumps(expression)
    return set(re.findall(r'\["(?:get|has)", "(\w+)"\]', text))


def run(expression, feature, day, told=None):
    """Evaluate the few operators that SHOWN_STATE and COLOUR use; `told`: the state `ready` of the single plot."""
    if not isinstance(expression, list):
        return expression
    name, *rest = expression
    if name == "boolean":
        return told if told is not None else run(rest[1], feature, day)
    if name == "case":
        taken = [then for when, then in zip(rest[:-1:2], rest[1::2], strict=True) if run(when, feature, day, told)]
        return run([*taken, rest[-1]][0], feature, day, told)
    if name == "literal":
        return rest[0]
    if name == "let":
        return run(rest[2], feature | {f"var {rest[0]}": run(rest[1], feature, day, told)}, day, told)
    if name == "match":
        table = dict(zip(rest[1:-1:2], rest[2:-1:2], strict=True))
        return table.get(run(rest[0], feature, day, told), rest[-1])
    known = {
        "get": lambda k: feature.get(k),
        "has": lambda k: k in feature,
        "var": lambda k: feature[f"var {k}"],
        "global-state": lambda k: day if k in ("day", "lines") else feature.get("by", "state"),
    }
    values = [run(r, feature, day, told) for r in rest] if name != "all" else []
    if name in known:
        return known[name](*values)
    if name == "any":
        return any(values)
    if name == "all":
        return all(run(r, feature, day, told) for r in rest)
    if name == "coalesce":
        return next((v for v in values if v is not None), None)
    return COMPARED[name](*values)


COMPARED = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">": operator.gt,
    "-": operator.sub,
    "in": lambda a, b: a in b,
}


def test_every_tiled_layer_has_a_source_and_is_drawn():
    assert set(STYLE["sources"]) == {*tiled(), "terrain"}
    for name in tiled():
        assert STYLE["sources"][name]["tiles"] == [f"http://127.0.0.1:8000/tiles/{name}/{{z}}/{{x}}/{{y}}.mvt"]
        assert of(name)


def test_terrain_is_shading_above_the_fills_and_below_the_lines():
    assert STYLE["sources"]["terrain"]["tiles"] == ["http://127.0.0.1:8000/tiles/terrain/{z}/{x}/{y}.png"]
    ids = [look["id"] for look in STYLE["layers"]]
    assert ids.index("readiness-fill") < ids.index("terrain-relief") < ids.index("roads-fill")


def test_numbers_of_style_layers_are_unique_and_each_names_its_layer():
    ids = [look["id"] for look in STYLE["layers"]]
    assert len(ids) == len(set(ids))
    assert all(look["metadata"]["shudi:layer"] == look["source"] for look in STYLE["layers"][1:])


def test_land_that_was_supplied_is_told_from_land_that_a_rule_blocks():
    taken = {"verdict": "blocked", "reason": "C10:parcels.taken", "ready_state": "ready", "ready_from": 1}
    assert run(SHOWN_STATE, taken, 5) == "supplied"
    assert run(SHOWN_STATE, taken | {"reason": "C01:control_lines.permanent_basic_farmland"}, 5) == "blocked"


@pytest.mark.parametrize("layer", sorted(CODED))
def test_a_style_reads_only_what_the_tiles_carry(layer):
    carried = {f.name for f in (attributes(LAYERS[layer]) if layer in LAYERS else FIELDS)} | {"id"}
    for look in of(layer):
        turns = {f"{told}{n}" for told in ("day", "dominant", "share") for n in range(1, TURNS + 1)}
        grid = {"dominant", "share", "plots", "area"} | turns if look["source-layer"].endswith("_grid") else set()
        read = read_columns([look["paint"], look["layout"], look.get("filter")])
        label = {"id", "name", "code"} if look["source-layer"].endswith("_label") else carried
        assert read <= (grid or label)


def test_colours_are_those_of_the_code_lists():
    text = json.dumps(of("utilities"))
    for code in LAYERS["utilities"].field("kind").codes.values():
        assert f'"{code.value}", "{code.colour}"' in text


def test_a_code_of_another_code_system_is_not_coloured():
    fill = of("zoning", "fill")[0]["paint"]["fill-color"]
    assert fill[1] == ["==", ["get", "code_system"], "planning_2023"]
    assert fill[-1] == NO_COLOUR


def test_every_state_but_serviced_has_a_pattern_of_its_own():
    assert set(PATTERNS) == set(DRAWN) - {"ready", "supplied"}
    assert len(set(PATTERNS.values())) == len(PATTERNS)
    images = {look["paint"]["fill-pattern"] for look in STYLE["layers"] if "fill-pattern" in look.get("paint", {})}
    assert images == set(STYLE["metadata"]["shudi:patterns"])


def test_every_status_of_a_pipe_has_a_dash_and_an_unrecorded_one_too():
    statuses = set(LAYERS["utilities"].field("status").codes)
    assert set(DASHES) == statuses | {""}
    filters = json.dumps([look["filter"] for look in of("utilities", "line")])
    assert all(f', "{status}"]' in filters for status in DASHES)


@pytest.mark.parametrize(
    ("feature", "day", "expected"),
    [
        ({"verdict": "blocked", "ready_state": "ready"}, 0, "blocked"),
        ({"verdict": "free", "ready_state": "ready"}, 0, "ready"),
        ({"verdict": "free", "ready_state": "dated", "ready_from": 100}, 99, "dated"),
        ({"verdict": "free", "ready_state": "dated", "ready_from": 100}, 100, "ready"),
        ({"verdict": "free", "ready_state": "ready", "ready_from": 100}, 99, "dated"),
        ({"verdict": "free", "ready_state": "undated"}, 10**6, "undated"),
        ({"verdict": "free", "ready_state": "never"}, 10**6, "never"),
        ({"verdict": "unknown", "ready_state": "unknown", "ready_from": 1}, 10**6, "unknown"),
        ({"verdict": "unknown", "ready_state": "ready", "ready_from": 100}, 100, "unknown"),
        ({"verdict": "unknown", "ready_state": "ready"}, 0, "unknown"),
        ({"verdict": "unknown", "ready_state": "dated", "ready_from": 100}, 99, "dated"),
        ({"verdict": "unknown", "ready_state": "dated", "ready_from": 100}, 100, "unknown"),
        ({"verdict": "unknown", "ready_state": "never"}, 0, "never"),
        ({}, 10**6, "unknown"),
    ],
)
def test_the_day_moves_plots_between_dated_and_ready_and_never_out_of_unknown(feature, day, expected):
    assert run(SHOWN_STATE, feature, day) == expected
    looks = [look for look in of("readiness", "fill") if look["id"].startswith("readiness-pattern-")]
    for base in (day, day - 3, day + 3, day + DAYS_BACK - 1):
        told = feature["ready_from"] <= day if "ready_from" in feature else None
        seen = {
            look["id"].removeprefix("readiness-pattern-")
            for look in looks
            if run(look["filter"], feature, base) and run(look["paint"]["fill-opacity"], feature, base, told)
        }
        assert (run(SHOWN_STATE, feature, base, told), seen) == (expected, {expected} & set(PATTERNS)), (
            "one by one as all at once"
        )


@pytest.mark.parametrize("state", ["dated", "undated", "never"])
def test_pending_land_is_coloured_by_what_it_lacks_where_that_is_asked_for(state):
    plot = {"verdict": "free", "ready_state": state, **({"ready_from": 100} if state == "dated" else {})}
    lacked = {code.value.removeprefix("missing:"): code.colour for code in LACKED}
    assert [*SERVICES, "several"] == list(lacked)
    for k, kind in enumerate(SERVICES):
        assert run(COLOUR, plot | {"missing": 1 << k}, 99) == DRAWN[state].colour
        assert run(COLOUR, plot | {"missing": 1 << k, "by": "missing"}, 99) == lacked[kind]
    assert run(COLOUR, plot | {"missing": 3, "by": "missing"}, 99) == lacked["several"]
    assert run(COLOUR, plot | {"by": "missing"}, 99) == DRAWN[state].colour, "what it lacked on another day, nobody knows"


@pytest.mark.parametrize(
    ("plot", "state"),
    [
        ({"verdict": "free", "ready_state": "dated", "ready_from": 100}, "ready"),
        ({"verdict": "unknown", "ready_state": "dated", "ready_from": 100}, "unknown"),
        ({"verdict": "blocked", "ready_state": "never"}, "blocked"),
        ({"verdict": "free", "ready_state": "unknown"}, "unknown"),
    ],
)
def test_only_pending_land_is_coloured_by_what_it_lacks(plot, state):
    assert run(COLOUR, plot | {"missing": 2, "by": "missing"}, 100) == DRAWN[state].colour


@pytest.mark.parametrize(
    ("line", "day", "expected"),
    [
        ({"status": "planned", "in_service_from": 100}, 99, "planned"),
        ({"status": "planned", "in_service_from": 100}, 100, "in_service"),
        ({"status": "under_construction", "in_service_from": 100}, 100, "in_service"),
        ({"status": "under_construction"}, 10**6, "under_construction"),
        ({"status": "planned", "in_service_from": KNOWN}, 10**6, "planned"),
        ({"status": "in_service"}, -20_000, "in_service"),
        ({"status": "in_service", "in_service_from": 40}, 39, "planned"),
        ({"status": "in_service", "in_service_from": 40, "retired_on": 90}, 89, "in_service"),
        ({"status": "in_service", "in_service_from": 40, "retired_on": 90}, 90, "retired"),
        ({"status": "in_service", "relocated_on": 90}, 90, "retired"),
        ({"status": "planned", "in_service_from": 100, "retired_on": 120}, 120, "retired"),
        ({"status": "retired", "in_service_from": 20, "retired_on": 40}, 39, "in_service"),
        ({"status": "retired", "in_service_from": 20}, 39, "retired"),
        ({"status": "retired", "retired_on": 40}, 39, "retired"),
        ({"status": "retired"}, 0, "retired"),
        ({"in_service_from": 100}, 99, ""),
        ({"in_service_from": 100}, 100, "in_service"),
        ({}, 10**6, ""),
    ],
)
def test_a_line_is_drawn_by_its_status_on_the_day_and_a_promise_that_was_not_kept_as_one(line, day, expected):
    assert run(status("utilities", KNOWN), line, day) == expected
    drawn = [look["id"] for look in of("utilities", "line") if look["filter"][2][2] == expected]
    assert drawn == [f"utilities-{expected or 'unrecorded'}"], "and by one look alone"
    life = by_record(lines(line), SimpleNamespace(known=date(1970, 1, 1) + timedelta(KNOWN)))
    serving = life.begins[0] <= np.datetime64(day, "D") < life.ends[0]
    assert serving == (expected == "in_service"), "as the engine reads it"


def lines(*rows):
    """Frame lines of a network."""
    frame = pd.DataFrame(rows, columns=["status", "in_service_from", "retired_on", "relocated_on"]).astype({"status": object})
    return frame.assign(**{c: pd.to_datetime(frame[c].astype(float), unit="D") for c in frame.columns[1:]}).assign(
        status=frame["status"].where(frame["status"].notna(), None)
    )


@pytest.mark.parametrize(("day", "expected"), [(9, "dated"), (10, "never"), (19, "never"), (20, "ready")])
def test_a_cell_shows_the_state_that_dominates_on_the_day(day, expected):
    cell = {
        "dominant": "dated",
        "share": 0.5,
        "day1": 10,
        "dominant1": "never",
        "share1": 0.4,
        "day2": 20,
        "dominant2": "ready",
        "share2": 0.6,
    }
    assert run(of_cell("dominant"), cell, day) == expected
    assert run(of_cell("share"), cell, day) == {"dated": 0.5, "never": 0.4, "ready": 0.6}[expected]
    patterns = {look["id"]: look["filter"] for look in of("readiness", "fill") if look["id"].startswith("readiness-cells-")}
    assert {f"readiness-cells-{expected}"} & set(patterns) == {name for name, which in patterns.items() if run(which, cell, day)}


def test_no_filter_reads_what_single_plots_were_told():
    """MapLibre knows the state of a feature in paint alone."""
    assert not [
        look["id"] for look in STYLE["layers"] if "feature-state" in json.dumps([look.get("filter"), look.get("layout", 0)])
    ]


def test_the_day_shown_first_is_the_one_asked_for():
    assert STYLE["state"]["day"] == {"default": 20454}


def test_no_server_but_ones_own_is_asked():
    assert "glyphs" not in STYLE
    assert "sprite" not in STYLE
    assert set(re.findall(r"https?://[^/\"]+", json.dumps(STYLE))) == {"http://127.0.0.1:8000"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_legend_has_an_entry_for_every_drawn_code(language):
    rows = {(row["layer"], row["value"]): row for row in legend(language)}
    assert len(rows) == len(legend(language))
    for value, code in LAYERS["control_lines"].field("kind").codes.items():
        assert rows["control_lines", value]["colour"] == code.colour
        assert rows["control_lines", value]["label"] == getattr(code.name, language)
    assert [rows["readiness", state]["pattern"] for state in DRAWN] == ["", *PATTERNS.values(), ""]
    assert (rows["readiness", "contested"]["pattern"], rows["readiness", "contested"]["label"]) == (
        "border",
        getattr(RIVALS.name, language),
    )
    assert {row["layer"] for row in rows.values()} == {*tiled(), "terrain"}
    assert all(re.fullmatch("#[0-9A-F]{6}", row["colour"]) and row["label"] and row["title"] for row in rows.values())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_legend_tells_what_widths_rings_and_edges_mean(language):
    rows = {(row["layer"], row["value"]): row for row in legend(language)}
    roles = LAYERS["utilities"].field("role").codes
    widths = of("utilities", "line")[0]["paint"]["line-width"]
    for role, width in zip(widths[2:-1:2], widths[3:-1:2], strict=True):
        entry = rows["utilities", f"role:{role}"]
        assert (entry["pattern"], entry["label"]) == (f"width-{width:g}", getattr(roles[role].name, language))
    assert (rows["utilities", "role:source"]["pattern"], rows["utilities", "role:source"]["label"]) == (
        "ring",
        getattr(roles["source"].name, language),
    )
    assert rows["utilities", "role:"]["pattern"] == "ring-small"
    dashed = {bool(look["paint"].get("line-dasharray")) for look in of("roads", "line") if "casing" in look["id"]}
    assert (
        dashed == {rows["roads", f"casing:{p}"]["pattern"] == "casing-dash" for p in ("casing", "casing-dash")} == {True, False}
    )


def test_a_legend_of_land_use_shows_each_colour_once():
    colours = [row["colour"] for row in legend() if row["layer"] == "zoning"]
    assert len(colours) == len(set(colours))


def test_codes_of_findings_speak_both_languages():
    for code in (*VERDICT.values(), *DRAWN.values()):
        assert code.name.en
        assert re.search("[\u4e00-\u9fff]", code.name.zh)


def seen(colour, matrix):
    """Turn #rrggbb into CIELAB as an eye without one kind of cone sees it (Viénot, Brettel and Mollon, 1999)."""
    rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    ],
    ids=["all cones", "no red", "no green"],
)
@pytest.mark.parametrize(
    "drawn", [DRAWN.values(), [*(DRAWN[s] for s in DRAWN if s not in PENDING), *LACKED]], ids=["states", "lacked"]
)
def test_colours_of_plots_keep_apart_for_every_eye(matrix, drawn):
    colours = [code.colour for code in drawn]
    apart = [np.linalg.norm(seen(a, matrix) - seen(b, matrix)) for a, b in itertools.combinations(colours, 2)]
    assert min(apart) > 19
