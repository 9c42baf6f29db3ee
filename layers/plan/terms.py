"""What a search for land says of each match: what it has, what was wanted, what lacks, and what would cure it from when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from layers.base import Text
from layers.catalogue import LAYERS, coded
from layers.plan.readiness import SERVICES
from layers.plan.siting import UNKNOWN, YES, Brief, Near
from layers.plan.supply import VERDICTS
from layers.service import CAPACITY, LOADS, STATES


@dataclass(frozen=True, slots=True)
class Term:
    """What one criterion gives to the rank of one match, and what is missing.

    `part` = weight times score by the sum of the weights: the parts add up to the match's score. `value` and `wanted` are
    written out; `lacks` is how much is missing in the criterion's unit; `cure` what would mend it, from the day `from_`.
    """

    criterion: str
    must: bool
    fit: str
    part: float
    score: float
    value: Text
    wanted: Text
    lacks: float | None = None
    cure: Text | None = None
    from_: date | None = None


FITS = ("no", "yes", "unknown")
SIZE = {"power": "kV"}
"""The unit of a line's size, where it is not the diameter [mm]."""
UNITS = {"area": "m²", "frontage": "m", "width": "m", "distance": "m", "earthwork": "m³/m²", "slope": "%", "budget": "CNY"}


def term(brief: Brief, criterion: str, value: float, fit: int, score: float, on: date, row: Mapping[str, object]) -> Term:
    """Tell one criterion of one match; `row` holds the plot's findings."""
    whole = sum(brief.weight(c) for c in brief.criteria) or 1.0
    wanted = _wanted(brief, criterion, on)
    part = brief.weight(criterion) * score / whole
    made = Term(criterion, brief.must(criterion), FITS[fit], part, score, _value(criterion, value, row), wanted)
    return made if fit == YES else replace(made, **_missing(brief, criterion, value, fit, row))


def _wanted(brief: Brief, criterion: str, on: date) -> Text:
    """Write what the brief wants."""
    if criterion in SERVICES:
        return Text(f"by {brief.by or on}", f"{brief.by or on} 前")
    least, most = brief.area
    said = {
        "land": Text("free", "可供"),
        "area": Text(f"{least:,.0f} to {most:,.0f} m²", f"{least:,.0f} 至 {most:,.0f} m²"),
        "use": Text(str(brief.use), str(brief.use)),
        "road_class": Text(f"{brief.road_class} or higher", f"{brief.road_class} 及以上"),
        "frontage": _number(brief.frontage, "m", "≥"),
        "width": _number(brief.width, "m", "≥"),
        "slope": _number((brief.slope or 0) * 100, "%", "≤"),
        "earthwork": _number(brief.earthwork, "m³/m²", "≤"),
        "budget": _number(brief.budget, "CNY", "≤"),
        "distance": listed(brief.near),
        "size": Text(*(("; ".join(f"{k} ≥ {v:g} {SIZE.get(k, 'mm')}" for k, v in brief.sizes.items()),) * 2)),
        "load": Text(*(("; ".join(f"{k} {v:g} {LOADS[k]}" for k, v in brief.loads.items()),) * 2)),
    }
    return said[criterion]


def told(near: Near) -> Text:
    """Write a distance to features."""
    far = f"≥ {near.least:,.4g}" if np.isinf(near.most) else f"≤ {near.most:,.4g}"
    far = f"{near.least:,.4g}–{near.most:,.4g}" if near.least and np.isfinite(near.most) else far
    field = coded(near.layer)
    codes = (field.codes if field else None) or {}
    kind = codes[near.kind].name if near.kind in codes else Text(near.kind, near.kind)
    title = LAYERS[near.layer].title
    what = Text(f"{title.en}: {kind.en}", f"{title.zh}:{kind.zh}") if near.kind else title
    return Text(f"{far} m · {what.en}", f"{far} m · {what.zh}")


def listed(near: Sequence[Near]) -> Text:
    """Write distances, one after the other."""
    return Text("; ".join(told(n).en for n in near), ";".join(told(n).zh for n in near))


def _number(value: float | None, unit: str, sign: str = "") -> Text:
    """Write a number with its unit."""
    said = (
        "?"
        if value is None or np.isnan(value)
        else f"{sign}{value:,.4g} {unit}"
        if abs(value) < 1000
        else f"{sign}{value:,.0f} {unit}"
    )
    return Text(said, said)


def _value(criterion: str, value: float, row: Mapping[str, object]) -> Text:
    """Write what the plot has."""
    if criterion in SERVICES:
        state = STATES[str(row[f"{criterion}_state"])].name if row[f"{criterion}_state"] in STATES else Text("unknown", "未知")
        day = "" if np.isnan(value) or value < 0 else f" · {date(1970, 1, 1) + timedelta(int(value))}"
        rivals = CAPACITY["competing"].name if criterion in str(row.get("contested")).split(",") else Text("", "")
        return Text(
            *(" · ".join(filter(None, (said, more))) for said, more in ((state.en + day, rivals.en), (state.zh + day, rivals.zh)))
        )
    if criterion == "land":
        return VERDICTS[str(row["verdict"])].name
    if criterion in ("use", "road_class"):
        said = str(row["use_code" if criterion == "use" else "road_class"])
        return Text(said, said)
    if criterion == "size":
        return (
            Text(f"{value:.0%} of what is asked", f"为要求的 {value:.0%}")
            if np.isfinite(value)
            else Text("not recorded", "未记录")
        )
    if criterion == "load":
        return Text("capacity of the lines", "管线容量")
    number = _number(value * 100 if criterion == "slope" else value, UNITS[criterion])
    if criterion == "budget" and np.isfinite(value) and row.get("offer") != "published":
        return Text(f"{number.en}, as drafted, not published", f"{number.zh},为草拟价,尚未公布")
    return number


def _missing(brief: Brief, criterion: str, value: float, fit: int, row: Mapping[str, object]) -> dict[str, Any]:
    """Tell what a criterion that is not met lacks, what would cure it and from when."""
    if criterion in SERVICES:
        return _service_cure(criterion, value, row)
    if fit == UNKNOWN:
        return {"cure": Text("have it surveyed or recorded", "需勘测或补录")}
    if criterion == "land":
        return {"cure": Text(f"remove what blocks it: {row['reason']}", f"消除限制因素:{row['reason']}")}
    if criterion == "area":
        least, most = brief.area
        lacks: float | None = max(least - value, value - most)
        small = Text(f"add {lacks:,.0f} m² of a neighbour", f"与相邻地块合并,补 {lacks:,.0f} m²")
        return {"lacks": lacks, "cure": small if value < least else Text("take a part of it", "分割使用其中一部分")}
    if criterion == "use":
        return {"cure": Text("change the plan's use", "调整规划用途")}
    wanted = {
        "frontage": brief.frontage,
        "width": brief.width,
        "slope": brief.slope,
        "earthwork": brief.earthwork,
        "budget": brief.budget,
    }.get(criterion)
    lacks = abs(value - wanted) if wanted is not None else None
    cures = {
        "frontage": Text("add a neighbour on the road", "与临路地块合并"),
        "width": Text("add a neighbour", "与相邻地块合并"),
        "slope": Text("level it", "场地平整"),
        "earthwork": Text("choose another level, or bear the cost", "调整设计标高或承担土方费用"),
        "size": Text("lay a larger line", "更换更大管径或更高电压的管线"),
        "load": Text("extend the network's capacity", "管网扩容"),
        "budget": Text("lower the price, or raise the budget", "下调地价或增加预算"),
    }
    return {"lacks": lacks, "cure": cures.get(criterion)}


def _service_cure(service: str, value: float, row: Mapping[str, object]) -> dict[str, Any]:
    """Tell what brings a service that is not there."""
    line, state = row.get(f"{service}_line"), row.get(f"{service}_state")
    if state == "planned":
        day = None if np.isnan(value) else date(1970, 1, 1) + timedelta(int(value))
        return {"cure": Text(f"wait for {line}", f"等待 {line} 投用"), "from_": day}
    if state == "short":
        return {"cure": Text(f"extend the capacity of {line}", f"{line} 扩容")}
    if state == "none":
        return {"cure": Text("bring a line to it", "新建管线接入")}
    return {"cure": Text("have the network surveyed", "需勘测管网")}
