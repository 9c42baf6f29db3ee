"""The pack of a meeting (过堂会): the ledger of the month and of the week, the wall map, a sheet for each project."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from fpdf import FPDF
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from layers.base import Text
from layers.formats import workbook
from layers.ledger.permits import LEVELS
from layers.ledger.projects import LEVELS as IMPORTANCE
from layers.ledger.projects import STAGES
from layers.plan.ledger import chain, five_ones, rows, spans, stages, titles
from layers.plan.meeting import SECTIONS, month, period, week
from layers.plan.notice import GENERATED
from layers.plan.schedule import STATES
from layers.plan.warnings import RANK
from layers.project_land import grounds
from layers.roads import half_width
from layers.steward import Steward
from layers.stock import all_figures
from layers.store.base import Store, When
from layers.units import mu
from maps.sheet import BLACK, GREY, LIGHT, ROAD, Frame, fitted, font
from maps.wall import Row, Wall, badge, clipped, wall_map

MOST = 5000
"""From so many parcels on the wall map draws none but those of projects."""
ROUND = 0.05
"""How much land the wall map shows around the projects, as a share of their width."""
Told = Callable[[int, int], None]
HEADS = (
    ("number", Text("No.", "序号"), 0.03), ("name", Text("Project", "项目"), 0.15), ("steward", Text("Steward", "管家"), 0.05),
    ("step", Text("Step", "事项"), 0.13), ("planned", Text("Planned", "计划"), 0.06), ("forecast", Text("Forecast or done", "预计/实际"), 0.06),
    ("latest", Text("Latest for the target", "倒排最迟"), 0.06), ("level", Text("Warning", "预警"), 0.05), ("cause", Text("Cause", "滞后原因"), 0.11),
    ("owner", Text("Answers for it", "责任人"), 0.06), ("action", Text("Action", "措施"), 0.11), ("action_due_on", Text("Action due", "措施期限"), 0.05),
    ("verified_by", Text("Verified by", "核验人"), 0.04), ("closed_on", Text("Closed", "销号日期"), 0.04),
)  # fmt: skip
"""Columns of the ledger of a span, with their shares of the page's width."""


def pack(
    store: Store, of: Steward, language: str, page: str = "A0", as_of: When | None = None, told: Told = lambda done, total: None
) -> dict[str, bytes]:  # fmt: skip
    """Make the papers of a meeting on the ledger's day; same base, same day, same bytes.

    ledger.xlsx and ledger.pdf (A3), wall_map.pdf (`page`: A0 to A3), projects.pdf (a page each, with an outline). The projects
    have the same numbers in all of them. `told` hears how many of the papers and sheets are done, of how many.
    """
    land = grounds(store, as_of)
    generated = "generated" in store.title
    spans = {"month": _span(of, "month", language), "week": _span(of, "week", language)}
    whole = len(numbered(of)) + 3
    made = {}
    told(0, whole)
    made["ledger.xlsx"] = _book(store, of, spans, language, as_of)
    told(1, whole)
    made["ledger.pdf"] = _ledger(of, spans, language, generated)
    told(2, whole)
    made["wall_map.pdf"] = wall_map(_wall(store, of, land, language, generated, as_of), language, page)
    made["projects.pdf"] = _sheets(store, of, land, language, generated, as_of, lambda sheets: told(3 + sheets, whole))
    return made


def _say(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def _on(of: Steward) -> date:
    return pd.Timestamp(of.ledger.on).date()


def _day(value: Any) -> str:
    return "" if pd.isna(value) else str(pd.Timestamp(value).date())


def numbered(of: Steward) -> dict[str, int]:
    """Number the projects that are scheduled: the more important first, then by their own numbers."""
    alive = {p for g in of.ledger.groups for p in g.facts.project.tolist()}
    projects = of.tables.projects[of.tables.projects["id"].isin(alive)]
    place = projects["level"].map({name: k for k, name in enumerate(IMPORTANCE)}).fillna(len(IMPORTANCE))
    order = projects.assign(place=place).sort_values(["place", "id"], kind="stable")["id"]
    return {str(id): n for n, id in enumerate(order, 1)}


def _span(of: Steward, by: str, language: str) -> pd.DataFrame:
    """Write the ledger of the month or the week of the day as it is read: columns of HEADS, and `section`."""
    span = (month if by == "month" else week)(of.ledger.on)
    found = period(of.ledger, span, of.warnings)
    numbers, named = numbered(of), titles(of.ledger)
    of_project = of.tables.projects.set_index("id")
    level = {name: _say(code.name, language) for name, code in LEVELS.items()}
    told = pd.DataFrame(
        {
            "section": found["section"], "number": found["project"].map(numbers), "name": found["project"].map(of_project["name"]),
            "steward": found["project"].map(of_project["steward"]),
            "step": [_say(named[id][i], language) + ("" if p < 0 else f" ({p})") for id, i, p in zip(found["project"], found["item"], found["phase"], strict=True)],
            **{name: found[name] for name in ("planned", "forecast", "latest")}, "level": found["level"].map(level),
            **{name: found[name] for name in ("cause", "owner", "action", "action_due_on", "verified_by", "closed_on")},
        }
    )  # fmt: skip
    place = {name: k for k, name in enumerate(SECTIONS)}
    order = told.assign(place=told["section"].map(place)).sort_values(["place", "number", "planned"], kind="stable")
    return order.drop(columns="place").reset_index(drop=True)


def _book(store: Store, of: Steward, spans: Mapping[str, pd.DataFrame], language: str, as_of: When | None) -> bytes:
    """Write the two spans, the warnings and the figures of the year so far as a workbook."""
    heads = {name: _say(title, language) for name, title, _ in HEADS}
    section = _say(Text("Section", "分组"), language)
    words = {name: _say(text, language) for name, text in SECTIONS.items()}
    names = {
        "month": Text("month", "月台账"),
        "week": Text("week", "周台账"),
        "warnings": Text("warnings", "预警"),
        "figures": Text("figures", "指标"),
    }
    sheets = [(_say(names[by], language), frame.assign(section=frame["section"].map(words)).rename(columns={**heads, "section": section})) for by, frame in spans.items()]  # fmt: skip
    warned = of.warnings[["level", "project", "item", "days", "on", language]]
    today = _on(of)
    told = [
        (_say(f.title, language), f.value, f.unit, f.growth, f.lacking, _say(f.formula, language))
        for f in all_figures(store, of, date(today.year, 1, 1), today, as_of)
    ]
    figures = pd.DataFrame(told, columns=["figure", "value", "unit", "growth", "not recorded", "formula"])
    sheets += [(_say(names["warnings"], language), warned), (_say(names["figures"], language), figures)]
    with TemporaryDirectory(prefix="shudi-") as folder:
        path = Path(folder) / "ledger.xlsx"
        workbook.write(path, sheets)
        workbook.redate(path, today)
        return path.read_bytes()


def _pdf(orientation: str, size: str, title: str) -> FPDF:
    """Begin a document that prints Chinese."""
    pdf = FPDF(orientation, "mm", size)
    pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
    pdf.set_title(title)
    pdf.set_auto_page_break(False)
    pdf.add_font("sans", fname=str(font()))
    return pdf


def _line(pdf: FPDF, x: float, y: float, cells: Sequence[tuple[str, float]], high: float, fill: bool = False) -> None:
    """Write a row of cells with their widths, each cut to its cell."""
    pdf.set_fill_color(235, 235, 235)
    for said, width in cells:
        pdf.set_xy(x, y)
        pdf.cell(width, high, clipped(pdf, said, width - 2 * pdf.c_margin), border=1, fill=fill)
        x += width


def _ledger(of: Steward, spans: Mapping[str, pd.DataFrame], language: str, generated: bool) -> bytes:
    """Print the ledger of the month and of the week, A3 on its side."""
    title = _say(Text("Ledger of projects", "项目台账"), language)
    pdf = _pdf("landscape", "A3", title)
    pdf.c_margin = 0.7
    wide, high = pdf.w - 20, 5.4
    widths = [share * wide for *_, share in HEADS]
    heads = [(_say(head, language), width) for (_, head, _), width in zip(HEADS, widths, strict=True)]

    def begin(by: str) -> float:
        pdf.add_page()
        first, last = (month if by == "month" else week)(of.ledger.on)
        name = _say({"month": Text("month", "月"), "week": Text("week", "周")}[by], language)
        pdf.set_text_color(*BLACK)
        pdf.set_font("sans", size=14)
        pdf.set_xy(10, 8)
        pdf.cell(wide, 8, f"{title} · {name} {first} – {last}" + (f" · {_say(GENERATED, language)}" if generated else ""))
        pdf.set_font("sans", size=7.5)
        pdf.set_line_width(0.1)
        pdf.set_draw_color(*LIGHT)
        _line(pdf, 10, 19, heads, high, True)
        return 19 + high

    for by, frame in spans.items():
        y, section = begin(by), ""
        for record in frame.to_dict("records"):
            if record["section"] != section:
                section = record["section"]
                y = begin(by) if y + 2 * high > pdf.h - 12 else y
                count = int((frame["section"] == section).sum())
                _line(pdf, 10, y, [(f"{_say(SECTIONS[section], language)} · {count}", wide)], high, True)
                y += high
            elif y + high > pdf.h - 12:
                y = begin(by)
            _line(pdf, 10, y, [(_cell(record[name]), width) for (name, _, _), width in zip(HEADS, widths, strict=True)], high)
            y += high
        if not len(frame):
            _line(pdf, 10, y, [(_say(Text("nothing is due, late or done", "本期无到期、滞后或完成事项"), language), wide)], high)
    return bytes(pdf.output())


def _cell(value: Any) -> str:
    """Write a value of a frame."""
    return "" if pd.isna(value) else _day(value) if isinstance(value, pd.Timestamp) else str(value)


def _wall(store: Store, of: Steward, land: gpd.GeoDataFrame, language: str, generated: bool, as_of: When | None) -> Wall:
    """Gather what the wall map shows."""
    steps, numbers = rows(of.ledger), numbered(of)
    projects = of.tables.projects.set_index("id")
    stage = stages(of.tables.projects, steps)
    day = spans(steps)
    rank = of.warnings.assign(rank=of.warnings["level"].map(RANK)).sort_values("rank").drop_duplicates("project", keep="last")
    worst = dict(zip(rank["project"], rank["level"], strict=True))
    own = land[land["project"].isin(numbers)]
    shapes = {p: shapely.union_all(mine.to_numpy()) for p, mine in own.geometry.groupby(own["project"].to_numpy(object))}
    listed = [
        Row(
            n, str(projects.loc[id, "name"]), _cell(projects.loc[id, "steward"]), str(stage[id]), _day(day["start"].get(id, pd.NaT)),
            _day(day["in_production"].get(id, pd.NaT)), worst.get(id, "none"), _say(LEVELS[worst.get(id, "none")].name, language), shapes.get(id),
        )
        for id, n in numbers.items()
    ]  # fmt: skip
    _, extent = store.extent("parcels")
    west, south, east, north = shapely.total_bounds(list(shapes.values())).tolist() if shapes else extent
    margin = ROUND * max(east - west, north - south, 100.0)
    box = (west - margin, south - margin, east + margin, north + margin)
    around = (box[0] - margin * 6, box[1] - margin * 6, box[2] + margin * 6, box[3] + margin * 6)
    few = store.count("parcels", around, most=MOST) <= MOST
    parcels = store.read("parcels", around, columns=["id"], as_of=as_of).geometry.to_numpy(object) if few else np.zeros(0, object)
    title = f"{store.title} · {_say(Text('Wall map of projects', '项目挂图作战'), language)}"
    return Wall(title, _on(of), store.crs, listed, _roads(store, around, as_of), parcels, box, generated)


def _roads(store: Store, box: tuple[float, float, float, float], as_of: When | None) -> gpd.GeoDataFrame:
    """Read the roads of a box that are not retired, as land between their red lines, with their axes."""
    roads = store.read("roads", box, as_of=as_of)
    roads = roads[roads["retired_on"].isna().to_numpy(bool)]
    axes = roads.geometry.to_numpy(object)
    land = shapely.buffer(axes, np.maximum(half_width(roads), 2.0), cap_style="flat")
    return gpd.GeoDataFrame({"name": roads["name"].array, "axis": axes}, geometry=land, crs=roads.crs)


FACT, FOOT, GAP = 4.0, 6.0, 1.5
"""Of a sheet: the height of a fact, the margin below, what lies between the steps and the reasons [mm]."""
ROW = (2.8, 3.6)
"""The least and the most that a row of a sheet is high [mm], so that it fits on a page; what does not goes on over pages."""
UNITS = {"10^4 CNY": Text("10^4 CNY", "万元"), "10^4 CNY/a": Text("10^4 CNY/a", "万元/年"), "m2": Text("m²", "m²")}
FACTS = (
    "enterprise", "industry_code", "level", "leader", "department", "steward", "work_plan", "target", "target_on", "investment_planned",
    "investment_actual", "output_expected", "tax_expected", "jobs_expected", "floor_planned",
)  # fmt: skip
"""What a project's sheet says of it."""


def _sheets(
    store: Store, of: Steward, land: gpd.GeoDataFrame, language: str, generated: bool, as_of: When | None, told: Callable[[int], None]
) -> bytes:  # fmt: skip
    """Print a sheet for each project, A4, in the order of their numbers."""
    pdf = _pdf("portrait", "A4", _say(Text("Project sheets", "项目单页"), language))
    pdf.c_margin = 0.7
    steps = rows(of.ledger)
    stage = stages(of.tables.projects, steps)
    by_land = {p: mine for p, mine in land.groupby("project")}
    for id, n in numbered(of).items():
        told(n - 1)
        mine = by_land.get(id)
        shape = None if mine is None else shapely.union_all(mine.geometry.to_numpy())
        _sheet(pdf, store, of, language, generated, as_of, id, n, steps[steps["project"] == id], str(stage[id]), shape)
    return bytes(pdf.output())


def _sheet(
    pdf: FPDF, store: Store, of: Steward, language: str, generated: bool, as_of: When | None, id: str, number: int,
    steps: pd.DataFrame, stage: str, shape: BaseGeometry | None,
) -> None:  # fmt: skip
    """Print the sheet of one project: what it is, where it lies, its steps, why it produces when it does, its warnings."""
    from layers.catalogue import LEDGER

    record = of.tables.projects.set_index("id").loc[id]
    pdf.add_page()
    pdf.start_section(f"{number} {record['name']}")
    pdf.set_text_color(*BLACK)
    badge(pdf, 16, 15, 5, stage, str(number), 1.6)
    pdf.set_font("sans", size=14)
    pdf.set_xy(24, 9)
    pdf.cell(170, 7, clipped(pdf, f"{id} {record['name']}", 168))
    pdf.set_font("sans", size=8.5)
    pdf.set_xy(24, 16)
    told = [_say(STAGES[stage].name, language), f"{_say(Text('as of', '截至'), language)} {of.ledger.on}"]
    pdf.cell(170, 5, " · ".join(told + ([_say(GENERATED, language)] if generated else [])))
    fields = {f.name: f for f in LEDGER["projects"].fields}
    lacking = five_ones(of.tables.projects)[id]
    facts = []
    for name in FACTS:
        unit = f" ({_say(UNITS[fields[name].unit], language)})" if fields[name].unit in UNITS else ""
        facts.append((_say(fields[name].title, language) + unit, _fact(record[name], fields[name].codes, language)))
    facts.append((_say(Text("Missing of the five ones", "五个一缺项"), language), lacking or _say(Text("none", "无"), language)))
    if shape is not None:
        facts.append(
            (
                _say(Text("Land", "用地"), language),
                f"{shape.area:,.2f} m² = {mu(shape.area):,.2f} {_say(Text('mu', '亩'), language)}",
            )
        )
    pdf.set_font("sans", size=7.5)
    pdf.set_line_width(0.1)
    pdf.set_draw_color(*LIGHT)
    for k, (name, value) in enumerate(facts):
        _line(pdf, 12, 24 + FACT * k, [(name, 44), (value, 56)], FACT)
    _where(pdf, store, shape, language, as_of)
    top, lines = 24 + FACT * max(len(facts), 17) + 5, _reasons(of, id, steps, language)
    fits = (pdf.h - FOOT - top - GAP) / (len(steps) + 1 + len(lines))
    high = float(np.clip(fits, *ROW)) if fits >= ROW[0] else ROW[1]
    pdf.set_font("sans", size=min(2 * high, 7.0))
    y = _steps(pdf, of, steps, language, top, high) + GAP
    for line in lines:
        if y + high > pdf.h - FOOT + 1e-6:
            pdf.add_page()
            y = 12
        pdf.set_xy(12, y)
        pdf.cell(186, high, clipped(pdf, line, 184))
        y += high


def _fact(value: Any, codes: Any, language: str) -> str:
    """Write a recorded value."""
    said = _cell(value)
    return (
        _say(codes[said].name, language)
        if codes and said in codes
        else f"{value:,}"
        if isinstance(value, int | np.integer)
        else said
    )


def _where(pdf: FPDF, store: Store, shape: BaseGeometry | None, language: str, as_of: When | None) -> None:
    """Draw the land of a project among roads and parcels; say where there is none."""
    left, top, wide, high = 116.0, 24.0, 82.0, 17 * FACT
    if shape is not None:
        frame: Frame = fitted(shape, left, top, wide, high)
        box = frame.box()
        with pdf.rect_clip(left, top, wide, high):
            roads = _roads(store, box.bounds, as_of).geometry.to_numpy(object)
            parcels = store.read("parcels", box.bounds, columns=["id"], as_of=as_of).geometry.to_numpy(object)
            for shapes, style, line, fill in ((roads, "F", LIGHT, ROAD), (parcels, "D", LIGHT, BLACK), (np.array([shape], object), "D", (200, 0, 0), BLACK)):  # fmt: skip
                _draw(pdf, frame, shapes, style, line, fill, 0.6 if line not in (LIGHT,) else 0.12)
    pdf.set_draw_color(*BLACK)
    pdf.set_line_width(0.2)
    pdf.rect(left, top, wide, high)
    pdf.set_font("sans", size=7.5)
    pdf.set_text_color(*GREY)
    said = (
        Text("no land is recorded", "未记录用地")
        if shape is None
        else Text(f"1:{frame.scale:,}, north is up", f"1:{frame.scale:,},上北下南")
    )
    pdf.set_xy(left, top + high)
    pdf.cell(wide, 4, _say(said, language), align="R")
    pdf.set_text_color(*BLACK)


def _draw(pdf: FPDF, frame: Frame, shapes: NDArray[np.object_], style: str, line: tuple[int, int, int], fill: tuple[int, int, int], width: float) -> None:  # fmt: skip
    """Draw polygons in a frame."""
    pdf.set_draw_color(*line)
    pdf.set_fill_color(*fill)
    pdf.set_line_width(width)
    for part in shapely.get_parts(shapely.intersection(shapes, frame.box().buffer(1.0))).tolist():
        if part.geom_type == "Polygon" and not part.is_empty:
            for ring in shapely.get_rings(part):
                pdf.polygon(frame.place(shapely.get_coordinates(ring)).tolist(), style=style)


def _steps(pdf: FPDF, of: Steward, steps: pd.DataFrame, language: str, y: float, high: float) -> float:
    """Table the steps of a project; gives where the table ends, on the last page that it took."""
    heads = ((Text("Step", "事项"), 58), (Text("State", "状态"), 34), (Text("Planned", "计划"), 23), (Text("Forecast or done", "预计/实际"), 23), (Text("Latest for the target", "倒排最迟"), 27), (Text("Slack (d)", "浮动(天)"), 21))  # fmt: skip
    named = titles(of.ledger)
    pdf.set_line_width(0.1)
    pdf.set_draw_color(*LIGHT)

    def write(cells: Sequence[str], fill: bool = False) -> None:
        _line(pdf, 12, y, [(cell, width) for cell, (_, width) in zip(cells, heads, strict=True)], high, fill)

    write([_say(head, language) for head, _ in heads], True)
    for r in steps.to_dict("records"):
        y += high
        if y + high > pdf.h - FOOT:
            pdf.add_page()
            y = 12
            write([_say(head, language) for head, _ in heads], True)
            y += high
        name = _say(named[r["project"]][r["item"]], language) + ("" if r["phase"] < 0 else f" ({r['phase']})")
        slack = "" if pd.isna(r["slack"]) else str(int(r["slack"]))
        write(
            (
                name,
                _say(STATES[r["state"]].name, language),
                _day(r["planned"]),
                _day(r["forecast"]),
                "" if r["state"] == "done" else _day(r["latest"]),
                slack,
            )
        )
    return y + high


def _reasons(of: Steward, id: str, steps: pd.DataFrame, language: str) -> list[str]:
    """Say the warnings of a project, and the chain of reasons of its last day."""
    named = titles(of.ledger)[id]
    last = "in_production" if (steps["item"] == "in_production").any() else str(steps["item"].iloc[-1])
    of_last = steps[steps["item"] == last]
    slowest = int(of_last["phase"].iloc[int(of_last["forecast"].to_numpy().argmax())])
    phase = None if slowest < 0 else slowest
    mine = of.warnings[of.warnings["project"] == id]
    lines = [f"{_say(LEVELS[level].name, language)}: {said}" for level, said in zip(mine["level"], mine[language], strict=True)]
    lines = [
        _say(Text("Warnings", "预警"), language) + ("" if lines else ": " + _say(Text("none", "无"), language)),
        *(f"  {line}" for line in lines),
    ]
    lines.append(_say(Text(f"Why {named[last].en} is when it is", f"{named[last].zh}日期的原因"), language))
    return lines + [
        f"  {_say(named[r.item], language)} {_day(r.day)}: {_say(r.text, language)}" for r in chain(of.ledger, id, last, phase)
    ]
