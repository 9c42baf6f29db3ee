"""The sheet of one site: each check with its rule and evidence, the partition, the services, the verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from geo.crs import area_sigma
from geo.overlay import united
from geo.shape import inner_width
from layers.base import Ask, Land, Text, ask_layer, row_of
from layers.catalogue import LAYERS
from layers.land_use import CLASSES, is_arable, land_class
from layers.plan.access import Ways
from layers.plan.capacity import Capacity, demand, evidence
from layers.plan.contest import Ring, taken
from layers.plan.exactness import Exactness, exactness, verdict_of
from layers.plan.levelling import Levelling, levelling
from layers.plan.readiness import SERVICES, STATES, levels, ready_columns, required
from layers.plan.routes import Route, routes
from layers.plan.supply import NAMES, PASS, SEVERITIES, UNKNOWN, Asked, ByRule, Decided, asked, claimed, decide, keys, survey_of
from layers.service import EVER
from layers.standards import Standard
from layers.table import Table
from layers.units import mu


@dataclass(frozen=True, slots=True)
class Line:
    """One check of the sheet; areas in m2, `ratio` of the site's area; `layer` holds the objects, "" where several do."""

    id: str
    layer: str
    title: Text
    severity: str
    area: float
    ratio: float
    unknown_area: float
    objects: tuple[str, ...]
    detail: Text
    rule: Text
    source: str
    since: date
    verified: bool
    data_date: date | None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the partition; `claims` lists what lies on it."""

    severity: str
    reason: str
    area: float
    claims: tuple[str, ...]
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Service:
    """The state of one service at the site; distance in m. A road has no capacity."""

    kind: str
    title: Text
    state: str
    since: date | None
    line: str | None
    source: str | None
    distance: float | None
    required: bool
    until: date | None
    capacity: Capacity | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that Shudi says about one site. `verdict` is free, unknown or blocked; areas in m2; `routes` by service."""

    id: str
    on: date
    use: str | None
    area: float
    verdict: str
    residual: float
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    services: tuple[Service, ...]
    ready_state: str
    ready_from: date | None
    deciding: str
    missing: tuple[str, ...]
    land_use: Mapping[str, float]
    terrain: Mapping[str, float | None]
    serviced_level: int
    levelling: Levelling
    exactness: Exactness
    routes: Mapping[str, Route]
    not_asked: tuple[str, ...]
    geometry: BaseGeometry


UNPRINTED = 0.005
"""A part that would be printed as 0.00 m2 is told with the largest part of its severity and reason [m2]."""
TOLD = ("id", "source", "serves_until", "room_most", "way_most", "source_most", "spare_most", "spare_sure", "bottleneck")
"""What is told of the line that serves a site, as far as it was traced."""
NOT_ASKED = ("C14",)
"""Checks of the domain that no layer answers yet."""


def day(value: object) -> date | None:
    """Turn a stored day into a date; none for NaT and for "since ever"."""
    stamp = pd.Timestamp(value)  # type: ignore[arg-type]
    return None if pd.isna(stamp) or stamp <= pd.Timestamp(EVER) else stamp.date()


def sheet(
    site: gpd.GeoDataFrame,
    land: Land,
    ask: Ask,
    own: str = "",
    required_area: float | None = None,
    level: int | None = None,
    ring: Ring | None = None,
) -> Sheet:
    """Write the sheet of a site, a frame of one polygon with a column `id`.

    `required_area` [m2] is what the project asks for (C16); `own` the layer that stores the site; `level` the services
    (3, 5 or 7) that it needs. `land` must reach the survey tolerance beyond the site. `ring` finds who else asks the networks
    for capacity; without it nobody is counted.
    """
    (shape,), ids = site.geometry.to_numpy(), site["id"].to_numpy(object) if own == "sites" else None
    claims = claimed(land, ask)
    found = decide(site.geometry.to_numpy(), claims, ask, ids)
    area, by_rule = float(found.size[0]), found.by_rule()
    heights = survey_of(land, LAYERS["terrain"], site.crs)
    terrain = ask_layer(LAYERS["terrain"], site, heights, ask)
    asking = demand(subject(site, land, own), land, ask, own).assign(elevation_min=terrain["elevation_min"].to_numpy())
    ways = Ways(asking, land, ask)
    ready = {name: array[0] for name, array in ready_columns(asking, land, ask, level, ways).items()}
    level = int(levels(asking, ask, level)[0])
    services = _services(ready, required(ask, level), land, asking, ring)
    ground = levelling(site, heights, ask, steep=terrain["slope_over_share"].to_numpy())
    named = _named(found)
    lines = [_line(by_rule, area, named, k, rule, land, ask) for k, rule in enumerate(asked())]
    whole = [
        _services_line(ready, services, land, ask, area, level), *_level_line(ground, ask, area),
        _fit_line(ask, area, required_area), _width_line(ask, shape, area), *_recorded_line(asking, ask, shape, area),
    ]  # fmt: skip
    others = max((line.severity for line in whole), key=list(SEVERITIES).index)
    worst = max((others, *(line.severity for line in lines)), key=list(SEVERITIES).index)
    return Sheet(
        id=str(site["id"].to_numpy(object)[0]),
        on=ask.on,
        use=ask.use,
        area=area,
        verdict=verdict_of(worst),
        residual=float((found.size - found.areas().sum(axis=0))[0]),
        lines=tuple(sorted(lines + whole, key=lambda line: line.id)),
        parts=_parts(found),
        services=services,
        ready_state=ready["ready_state"],
        ready_from=day(ready["ready_from"]),
        deciding=ready["deciding"],
        missing=tuple(filter(None, ready["missing"].split(","))),
        land_use=_uses(found, land, ask),
        terrain={name: None if pd.isna(v) else float(v) for name, v in row_of(terrain).items()},
        serviced_level=int(ready["serviced_level"]),
        levelling=ground,
        exactness=exactness(shape, site.crs, found, claims, ask, others, ids),
        routes=routes(ways, ready, land, SERVICES),
        not_asked=NOT_ASKED,
        geometry=shape,
    )


def _uses(found: Decided, land: Land, ask: Ask) -> dict[str, float]:
    """Measure the site's current land use by class [m2], as far as it was surveyed, on the pieces of its partition."""
    if "land_use" not in land:
        return {}
    features = land["land_use"].features
    ids = features["id"].to_numpy(object)
    kinds = dict(zip(ids, land_class(features, ask), strict=True))
    arable = set(ids[is_arable(features, ask)])
    (survey_rule,) = (k for k, a in enumerate(asked()) if a.rule.severity == "land_use.current")
    uses = dict.fromkeys((*CLASSES, "arable"), 0.0)
    mine = found.laid.rule == survey_rule
    laid = list(zip(found.laid.piece[mine].tolist(), found.laid.object[mine], strict=True))
    pairs = [(piece, kinds[thing]) for piece, thing in laid] + [(piece, "arable") for piece, thing in laid if thing in arable]
    for piece, kind in dict.fromkeys(pairs):
        if kind in uses:
            uses[kind] += float(found.pieces.area[piece])
    return uses


def _named(found: Decided) -> dict[tuple[int, int], list[str]]:
    """List the objects that claim the site, by rule and severity."""
    named: dict[tuple[int, int], list[str]] = {}
    rows = zip(found.laid.rule.tolist(), found.laid.code.tolist(), found.laid.object.tolist(), strict=True)
    for rule, code, thing in dict.fromkeys(rows):
        named.setdefault((rule, code), []).append(thing)
    return named


def _line(
    by_rule: ByRule, whole: float, named: dict[tuple[int, int], list[str]], k: int, rule: Asked, land: Land, ask: Ask
) -> Line:
    """Write the line of one rule."""
    code, area = int(by_rule.code[0, k]), float(by_rule.area[0, k])
    standard = ask.standards.line(rule.rule.severity)
    editions = land[rule.layer.name].of(rule.rule.kind) if rule.layer.name in land else ()
    nobody = code == UNKNOWN and not any(e.coverage for e in editions)
    return Line(
        id=rule.rule.id,
        layer=rule.layer.name,
        title=rule.rule.title,
        severity=str(NAMES[code]),
        area=area,
        ratio=area / whole,
        unknown_area=float(by_rule.unknown[0, k]),
        objects=tuple(named.get((k, code), ())),
        detail=Text("nobody surveyed this", "无调查数据") if nobody else Text("", ""),
        rule=Text(standard.en, standard.zh),
        source=standard.source,
        since=standard.since,
        verified=standard.verified,
        data_date=max((e.date for e in editions), default=None),
    )


def _services_line(
    ready: Mapping[str, Any], services: tuple[Service, ...], land: Land, ask: Ask, area: float, level: int
) -> Line:
    """Write C15: are the required services there on the day, and is there enough for all who ask?"""
    state = ready["ready_state"]
    scarce = [s.title for s in services if s.required and s.capacity and s.capacity.state == "competing"]
    missed = ask.standards["readiness.not_serviced"]
    severity = {"ready": missed if scarce else "pass", "unknown": "unknown"}.get(state, missed)
    since = day(ready["ready_from"])
    missing = [SERVICES[s] for s in ready["missing"].split(",") if s]
    detail = Text(
        f"{STATES[state].name.en}"
        + (f" from {since}" if since else "")
        + ("; missing: " + ", ".join(m.en for m in missing) if missing else "")
        + ("; not enough for all who ask: " + ", ".join(s.en for s in scarce) if scarce else ""),
        f"{STATES[state].name.zh}"
        + (f",自{since}起" if since else "")
        + (";缺:" + "、".join(m.zh for m in missing) if missing else "")
        + (";不足以满足全部需求:" + "、".join(s.zh for s in scarce) if scarce else ""),
    )
    standard = ask.standards.line(f"readiness.services_{level}")
    lines = [ready[f"{s}_line"] for s in standard.value]
    dates = [d for name in ("roads", "utilities") if name in land and (d := land[name].data_date())]
    return Line(
        "C15", "", Text("Services", "市政配套"), severity, area, 1.0, area if severity == "unknown" else 0.0,
        tuple(x for x in lines if not pd.isna(x)), detail, Text(standard.en, standard.zh), standard.source, standard.since,
        standard.verified, min(dates, default=None),
    )  # fmt: skip


def _fit_line(ask: Ask, area: float, needed: float | None) -> Line:
    """Write C16: does the site's area fit what the project requires?"""
    standard = ask.standards.line("supply.area_fit")
    off = 0.0 if needed is None else round(area / needed - 1, 6) + 0.0  # a rounding error is no sign
    detail = (
        Text("no area required", "未提出面积需求")
        if needed is None
        else Text(f"{off:+.2%} of the required {mu(needed):.2f} mu", f"与需求{mu(needed):.2f}亩相差{off:+.2%}")
    )
    severity = ask.standards["supply.area_misfit"] if abs(off) > standard.value else "pass"
    return _whole("C16", Text("Area fit", "面积匹配"), severity, area, detail, standard)


def _whole(
    id: str, title: Text, severity: str, area: float, detail: Text, standard: Standard, layer: str = "", dated: date | None = None
) -> Line:
    """Write a line about the site as a whole."""
    return Line(
        id, layer, title, severity, area, 1.0, 0.0, (), detail, Text(standard.en, standard.zh), standard.source,
        standard.since, standard.verified, dated,
    )  # fmt: skip


def _width_line(ask: Ask, shape: BaseGeometry, area: float) -> Line:
    """Write C16: is the site wide enough to be built on alone?"""
    standard, width = ask.standards.line("supply.min_width"), float(inner_width(np.array([shape], object))[0])
    severity = ask.standards["supply.too_narrow"] if width < standard.value else "pass"
    detail = Text(f"{width:.1f} m wide; at least {standard.value:g} m asked", f"宽{width:.1f}米,要求不小于{standard.value:g}米")
    return _whole("C16", Text("Width", "宽度"), severity, area, detail, standard)


def _recorded_line(asking: gpd.GeoDataFrame, ask: Ask, shape: BaseGeometry, area: float) -> Iterator[Line]:
    """Write C16: does the area agree with the certificate within its error? None where nobody recorded it."""
    recorded = float(row_of(asking).get("area_recorded") or np.nan)
    if not np.isfinite(recorded):
        return
    points, limit = ask.standards["parcels.boundary_point_error"], ask.standards.line("parcels.area_sigma_limit")
    sigma = float(area_sigma(np.array([shape], object), points[ask.standards["parcels.boundary_point_class"]])[0])
    severity = ask.standards["parcels.area_differs"] if abs(area - recorded) > limit.value * sigma else "pass"
    detail = Text(
        f"{area - recorded:+.2f} m2 against {recorded:.2f} m2 recorded; up to {limit.value * sigma:.2f} m2 is error",
        f"与登记面积{recorded:.2f}平方米相差{area - recorded:+.2f}平方米;误差限{limit.value * sigma:.2f}平方米",
    )
    yield _whole("C16", Text("Recorded area", "登记面积"), severity, area, detail, limit, layer="parcels")


def _level_line(ground: Levelling, ask: Ask, area: float) -> Iterator[Line]:
    """Write C15: must earth be moved before the land counts as level? None where nobody can say, which the sheet tells beside."""
    steep, limit = ask.standards.line("terrain.slope_max"), ground.limit
    deep, share = bool(ground.earthwork), ground.slope_over_share or 0.0
    if ground.depth is None and ground.slope_over_share is None:
        return
    told = [
        (ground.depth is not None, f"mean depth {ground.depth or 0.0:.2f} m, earthwork beyond {limit.value:g} m", f"平均厚度{ground.depth or 0.0:.2f}米,超过{limit.value:g}米为土方工程"),
        (ground.slope_over_share is not None, f"{share:.1%} steeper than {steep.value:g}%", f"{share:.1%}的面积坡度超过{steep.value:g}%"),
    ]  # fmt: skip
    severities = [
        "pass",
        *([ask.standards["readiness.not_serviced"]] if deep else []),
        *([ask.standards["terrain.too_steep"]] if share else []),
    ]
    severity = max(severities, key=list(SEVERITIES).index)
    detail = Text("; ".join(en for known, en, _ in told if known), ";".join(zh for known, _, zh in told if known))
    yield _whole(
        "C15", Text("Levelling", "场地平整"), severity, area, detail, limit if deep or not share else steep,
        layer="terrain", dated=ground.data_date,
    )  # fmt: skip


def _parts(found: Decided) -> tuple[Part, ...]:
    """Unite the pieces of one severity, reason and set of claims into parts, the largest first. A site has few pieces."""
    names, laid, on = keys(), found.laid, defaultdict[int, list[str]](list)
    for piece, rule, code, thing in zip(*(column.tolist() for column in laid), strict=True):
        if code != PASS:
            on[piece].append(f"{names[rule]}/{thing}")
    alike: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for n, (severity, reason) in enumerate(zip(NAMES[found.worst], found.reason, strict=True)):
        alike.setdefault((severity, reason, tuple(on[n])), []).append(n)
    area, shapes = found.pieces.area, found.pieces.geometry
    size = {key: float(area[rows].sum()) for key, rows in alike.items()}
    for key in [key for key in alike if size[key] < UNPRINTED]:
        like = [other for other in alike if other[:2] == key[:2] and other != key]
        if like:
            largest = max(like, key=size.__getitem__)
            alike[largest] += alike.pop(key)
            size[largest] = float(area[alike[largest]].sum())
    parts = [Part(key[0], key[1], size[key], key[2], united(shapes[rows])) for key, rows in alike.items()]
    return tuple(sorted(parts, key=lambda part: -part.area))


ABOUT = ("code_system", "use_code", "status", "required_level", "area_recorded")
"""Columns of parcels and sites that say, beside those of their demand, what they ask of networks; and their recorded area."""


def subject(site: gpd.GeoDataFrame, land: Land, own: str) -> gpd.GeoDataFrame:
    """Put what is stored about a site beside it: the row of the layer `own` with its number, its outline as it is asked about."""
    if own not in land:
        return site
    features = land[own].features
    row = np.flatnonzero(features["id"].to_numpy(object) == site["id"].array[0])[:1]
    stored = [name for name in features.columns if name in ABOUT or name.startswith("demand_")] if len(row) else []
    facts = {name: features[name].array.take(row) for name in stored}
    return cast("gpd.GeoDataFrame", Table.of(site).also(facts))


def _services(
    ready: Mapping[str, Any], needs: list[str], land: Land, asking: gpd.GeoDataFrame, ring: Ring | None
) -> tuple[Service, ...]:
    """List the state of every service, with the line that decides it, what is known of that line and who else asks it."""
    traced = [land[name].features for name in ("roads", "utilities") if name in land and "source" in land[name].features]

    def told(row: Mapping[str, Any], column: str) -> Any:
        return None if column not in row or pd.isna(row[column]) else row[column]

    lines = {told(ready, f"{kind}_line") for kind in SERVICES}
    facts = {
        row["id"]: row for frame in traced for row in _rows(frame, [id in lines for id in frame["id"].to_numpy(object)], TOLD)
    }
    sources = frozenset(row["source"] for row in facts.values() if "spare_most" in row and told(row, "source"))
    contest = ring(sources) if ring and sources else None
    shares = taken(asking, land["parcels"].features) if contest and "parcels" in land else {}
    loads = row_of(asking)

    def service(kind: str, title: Text) -> Service:
        line = told(ready, f"{kind}_line")
        row = facts.get(line, {})
        capacity = None if kind == "road" else evidence(kind, ready[f"{kind}_capacity"], loads, row)
        if capacity and line and contest:
            capacity = contest.against(capacity, kind, line, loads["id"], shares)
        return Service(
            kind, title, ready[f"{kind}_state"], day(ready[f"{kind}_from"]), line, told(row, "source"),
            told(ready, f"{kind}_distance"), kind in needs, day(row.get("serves_until")), capacity,
        )  # fmt: skip

    return tuple(service(kind, title) for kind, title in SERVICES.items())


def _rows(frame: gpd.GeoDataFrame, which: list[bool], names: Iterable[str]) -> list[dict[str, Any]]:
    """Take a few rows out of a frame, with those of the named columns that it has."""
    at = np.flatnonzero(which)
    columns = {name: frame[name].array.take(at) for name in names if name in frame}
    return [{name: column[k] for name, column in columns.items()} for k in range(len(at))]
