"""Questions put to a land base: check a site, explain a plot, find what is stored of each plot."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from geo.compiled import always
from geo.crs import parsed, transform
from layers.around import NETWORKS, Traces, land_around
from layers.base import Ask, Survey, arrays_of, ask_layer, objects, tabled, texts
from layers.catalogue import LAYERS
from layers.contested import Sums
from layers.contests import Contests
from layers.errors import Refusal
from layers.inputs import stale
from layers.overview import CELL, cells
from layers.plan.asked import CONTESTED, Counter
from layers.plan.contest import Contest
from layers.plan.exactness import tolerance
from layers.plan.levelling import Levelling, levelling
from layers.plan.parcel_map import ParcelMap, parcel_map, surroundings
from layers.plan.readiness import UNKNOWN_READINESS, ready_columns
from layers.plan.sheet import Sheet, sheet
from layers.plan.supply import judge, survey_of
from layers.plan.supply_table import summed, supply_table
from layers.standards import Standards
from layers.store.base import Store, When
from layers.table import Table
from layers.traced import kept
from layers.tracing import Traced, again, traced

POINTS = 50_000
"""The most points that a site's outline may have: no survey has as many, and each check takes seconds with more."""
STRIP = 8_000
"""Plots that are assessed at once where nothing is stored."""


class NotFoundError(Refusal):
    """Nothing is stored under a number."""


class BadSiteError(Refusal):
    """A site cannot be checked as it was drawn."""


class StaleFindingsError(Refusal):
    """The stored findings are older than the land, or there are none."""


class UnknownUseError(Refusal):
    """The classification has no such use."""


class Networks:
    """The networks traced from their sources, kept while their layers do not change.

    Roads and utilities are traced as a whole, for a connection knows no tiles: 1 kB and about 10 us a line. Safe to share
    between threads; two that miss at once both trace.
    """

    def __init__(self, keep: int = 8) -> None:
        self._keep = keep
        self._traced: OrderedDict[tuple[object, ...], Traced] = OrderedDict()
        self.contests, self.sums = Contests(), Sums()
        self.turn = threading.Lock()
        """Who makes findings fresh: others wait, and find done what was edited meanwhile."""
        self._lock = threading.Lock()

    def trace(self, store: Store, ask: Ask, as_of: When | None = None) -> Traces:
        """Tell for each line of each network from which day it truly serves, by layer and number."""
        versions = store.versions()
        return {name: self.layer(store, name, ask, as_of or versions[name]) for name in NETWORKS}

    def layer(self, store: Store, name: str, ask: Ask, as_of: When) -> pd.DataFrame:
        """Tell the same of one network, as it was known at a moment; numbers of entries of the history are remembered."""
        return self.network(store, name, ask, as_of).lines

    def differing(self, store: Store, name: str, ask: Ask, then: int, columns: Sequence[str]) -> list[Table]:
        """Give the lines of a network of which was traced something else, in some columns, as of an entry of the history."""
        old, new = (self.network(store, name, ask, as_of) for as_of in (then, store.versions()[name]))
        new = new if new.parts else traced(store, name, ask, None)
        return list(new.differing(old, columns))

    def network(self, store: Store, name: str, ask: Ask, as_of: When) -> Traced:
        """Look a trace up, else trace: those kinds anew that few edits since the last trace concern, or the whole network."""
        key = (name, ask.on, ask.known, as_of)
        found = self._traced.get(key) if isinstance(as_of, int) else None
        if found is None:
            now = isinstance(as_of, int) and as_of == store.versions()[name]
            found = self._again(store, name, ask, as_of) if now and isinstance(as_of, int) else None
            found = found or traced(store, name, ask, None if now else as_of)
            with self._lock:
                self._traced[key] = found
                while len(self._traced) > self._keep:
                    self._traced.popitem(last=False)
        return found

    def _again(self, store: Store, name: str, ask: Ask, version: int) -> Traced | None:
        """Trace what is stored now from an earlier trace, or take what the last assessment kept; None where that takes more."""
        with self._lock:
            known = {k[3]: old for k, old in self._traced.items() if k[:3] == (name, ask.on, ask.known) and isinstance(k[3], int)}
        since = max((then for then, old in known.items() if old.parts and then < version), default=None)
        found = None if since is None else again(store, name, ask, known[since], since)
        lines = kept(store, name, ask, version) if found is None else None
        return found if lines is None else Traced(lines, {})


def question(standards: Standards, on: date | None, as_of: datetime | None, use: str | None) -> Ask:
    """Make the question: by default on the day of the knowledge, which is today unless `as_of` is given.

    UnknownUseError where the classification has no such use.
    """
    codes = LAYERS["zoning"].field("code").codes or {}
    if use is not None and use not in codes:
        near = [c for c in codes if use and c.startswith(use[:2])][:6] or list(codes)[:6]
        raise UnknownUseError(
            f"{use[:80]!r} is no code of the 2023 classification; near it are {', '.join(near)}",
            f"{use[:80]!r} 不是2023年用地用海分类代码;相近的有 {'、'.join(near)}",
        )
    known = as_of.date() if as_of else date.today()
    return Ask(on or known, standards.on(on or known), known, use)


def proper(site: BaseGeometry, crs: str) -> BaseGeometry:
    """Pass a site that can be checked; BadSiteError says what is wrong and what would mend it."""
    if site.is_empty or site.geom_type not in ("Polygon", "MultiPolygon"):
        raise BadSiteError(
            f"the site is {'empty' if site.is_empty else 'a ' + site.geom_type}; draw one polygon or multipolygon",
            f"选址为{'空' if site.is_empty else site.geom_type},请提供一个面",
        )
    if not np.isfinite(shapely.get_coordinates(site)).all():
        raise BadSiteError("the site has coordinates that are not numbers; correct them", "选址含有非数值坐标,请更正")
    if (points := shapely.get_num_coordinates(site)) > POINTS:
        raise BadSiteError(
            f"the site's outline has {points} points, more than {POINTS}; simplify it (1 cm is enough)",
            f"选址边界有 {points} 个点,超过 {POINTS} 个;请先简化(1 厘米即可)",
        )
    if not site.is_valid:
        why = shapely.is_valid_reason(site)
        raise BadSiteError(f"the site's outline is invalid: {why}; redraw it there", f"选址边界无效:{why};请在该处重绘")
    if site.area <= 0:
        raise BadSiteError("the site has no area; check its coordinates", "选址面积为零,请检查坐标")
    return site


def check(
    store: Store,
    site: BaseGeometry,
    ask: Ask,
    id: str = "site",
    own: str = "",
    required_area: float | None = None,
    level: int | None = None,
    as_of: When | None = None,
    networks: Networks | None = None,
) -> Sheet:
    """Check a site, a polygon in the base's CRS, against all that is stored around it.

    `networks` remembers what was traced before.

    `id` and `own` name the stored feature that it is, if any, so that it is not in its own way. A site that meets no survey
    at all is refused: it is probably elsewhere.
    """
    site, networks = proper(site, store.crs), networks or Networks()
    with store.snapshot():
        traces = networks.trace(store, ask, as_of)
        land = land_around(store, site.buffer(tolerance(ask), join_style="mitre").bounds, traces, as_of, light=True)
        frame = cast(
            "gpd.GeoDataFrame", Table({}, np.array([site], object), parsed(store.crs)).also({"id": np.array([id], object)})
        )
        if not any(e.coverage is not None and e.coverage.intersects(site) for s in land.values() for e in s.editions):
            where = tuple(round(v) for v in site.bounds)
            raise BadSiteError(
                f"the site at {where} lies outside everything that was surveyed; check its CRS (the base is in {store.crs}) and axis order",
                f"选址{where}位于全部调查范围之外,请检查坐标系(本库为{store.crs})和坐标轴顺序",
            )

        def ring(sources: frozenset[str]) -> Contest | None:
            return networks.contests.find(store, traces, ask, sources, as_of)

        return sheet(frame, land, ask, own, required_area, level, ring)


def stored(store: Store, layer: str, id: str, as_of: When | None = None) -> pd.Series[Any]:
    """Read one feature; NotFoundError where there is none."""
    found = store.read(layer, ids=[id], as_of=as_of)
    if not len(found):
        raise NotFoundError(f"{layer} has no feature {id}; list them in the map or by shudi layers", f"{layer}中没有编号{id}")
    row: pd.Series[Any] = found.iloc[0]
    return row


def explain(store: Store, id: str, ask: Ask, as_of: When | None = None, networks: Networks | None = None) -> Sheet:
    """Write the sheet of a stored plot, from the land as it is now (or was known at `as_of`)."""
    plot = stored(store, "parcels", id, as_of)
    return check(store, plot.geometry, ask, id, "parcels", as_of=as_of, networks=networks)


def level(
    store: Store, site: BaseGeometry, ask: Ask, to: float | None = None, id: str = "site", as_of: When | None = None
) -> Levelling:
    """Measure what levels a site, a polygon in the base's CRS, to the height `to` [m] or to the balanced level.

    Of the terrain only the window around the site is read, so a raster may be larger than memory.
    """
    site = proper(site, store.crs)
    with store.snapshot():
        land = land_around(store, shapely.bounds(site).tolist(), {}, as_of, ["terrain"])
    frame = gpd.GeoDataFrame({"id": [id]}, geometry=[site], crs=store.crs)
    return levelling(frame, survey_of(land, LAYERS["terrain"], store.crs), ask, to)


def findings(plots: gpd.GeoDataFrame, land: Mapping[str, Survey], ask: Ask, judged: pd.DataFrame | None = None) -> pd.DataFrame:
    """Find the verdict and the readiness of plots, indexed by their numbers; areas in m2, distances in m.

    What is found of a plot does not depend, to the last bit, on the plots beside it in the frame; what all of them together tell,
    CONTESTED, is still unknown. `judged`: earlier findings
    of the plots of which all but the readiness still holds, none of them UNKNOWN_READINESS.
    """
    number = pd.Index(plots["id"], name="id")
    with always():
        if judged is None:
            terrain = ask_layer(LAYERS["terrain"], plots, survey_of(land, LAYERS["terrain"], plots.crs), ask)
            found = arrays_of(judge(plots, land, ask, "parcels").plots) | arrays_of(terrain)
        else:
            found = arrays_of(judged.loc[number])
        low = {"elevation_min": np.asarray(found["elevation_min"], float)}
        ready = ready_columns(cast("gpd.GeoDataFrame", Table.of(plots).also(low)), land, ask)
    found = {name: array for name, array in found.items() if name not in ready}
    verdict, reason = (objects(found[name]) for name in ("verdict", "reason"))
    unknown = (verdict == "free") & (objects(ready["ready_state"]) == "unknown")
    found["verdict"], found["reason"] = (
        texts(np.where(unknown, said, given)) for said, given in (("unknown", verdict), (UNKNOWN_READINESS, reason))
    )
    found |= ready | {"status": plots["status"].array, CELL.name: pd.array(cells(plots.geometry.to_numpy(), plots.crs), "Int64")}
    found[CONTESTED.name] = texts(np.full(len(number), None, object))
    return tabled(found, number)


def anew(store: Store, ask: Ask, as_of: When | None = None) -> pd.DataFrame:
    """Find the verdict and the readiness of every plot on any day and as of any moment; nothing is stored.

    One process works through strips of plots; memory grows with the plots, 2 kB each.
    """
    with store.snapshot():
        traces, plots = Networks().trace(store, ask, as_of), store.read("parcels", as_of=as_of)
        if not len(plots):
            raise NotFoundError("the base has no parcels to assess; import some first", "库中没有宗地可评估,请先导入")
        x, y = shapely.bounds(plots.geometry.to_numpy())[:, :2].T
        strips = np.ceil(np.sqrt(len(plots) / STRIP))
        order = np.lexsort((x, np.floor((y - y.min()) / max(float(np.ptp(y)), 1.0) * strips)))
        found = []
        for start in range(0, len(plots), STRIP):
            part = plots.iloc[order[start : start + STRIP]].reset_index(drop=True)
            found.append(findings(part, land_around(store, tuple(part.total_bounds.tolist()), traces, as_of), ask))
    whole, counter = pd.concat(found), Counter(traces["utilities"])
    counter.add(whole)
    return whole.assign(**{CONTESTED.name: counter.asked().contested(whole)}).reindex(plots["id"])


def fresh(store: Store, standards: Standards, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, date]:
    """Read the findings of all plots and the day that they speak of; StaleFindingsError where they are not those of the land."""
    inputs = store.findings([], [])[1]
    changed = ", ".join(stale(store, inputs, standards))
    found = store.findings(columns=columns)[0] if inputs and not changed else None
    if found is not None and len(found):
        return found, date.fromisoformat(inputs["on"])
    if not inputs or found is not None:
        raise StaleFindingsError("nothing is assessed yet; run shudi assess", "尚未评估,请先运行 shudi assess")
    raise StaleFindingsError(
        f"the stored findings are stale ({changed} changed); run shudi assess",
        f"已存结论过期({changed}已变),请运行 shudi assess",
    )


def supply(
    store: Store,
    standards: Standards,
    by: str = "quarter",
    level: int | None = None,
    on: date | None = None,
    as_of: datetime | None = None,
    most: int | None = None,
) -> tuple[pd.DataFrame, date]:
    """Table the stored findings (see `supply_table`), and tell the day that they speak of; as `supplied` reads them."""
    found, plots, day = supplied(store, standards, level, on, as_of, most)
    return supply_table(found, plots, standards.on(day), by, level), day


def supplied(
    store: Store, standards: Standards, level: int | None = None, on: date | None = None, as_of: datetime | None = None,
    most: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, date]:  # fmt: skip
    """Read what `supply_table` needs of the findings of all plots, the plots' recorded uses, and the day that the findings speak of.

    Where another day or moment is asked about than theirs, all plots are assessed anew, StaleFindingsError for more than `most`.
    StaleFindingsError too where the land, the standards or the engine changed since the findings were made. Memory grows with
    the plots: a few columns of all findings and plots are read.
    """
    if as_of or (on and str(on) != store.findings([])[1].get("on")):
        ask, count = question(standards, on, as_of, None), store.extent("parcels")[0]
        if most is not None and count > most:
            raise StaleFindingsError(
                f"{count} plots are too many to be assessed anew in one request ({most}); run shudi supply --on {ask.on}",
                f"{count} 宗地过多,单次请求至多现算 {most} 宗;请运行 shudi supply --on {ask.on}",
            )
        plots = store.read("parcels", columns=["id", "code_system", "use_code"], as_of=as_of)
        return anew(store, ask, as_of), plots, ask.on
    with store.snapshot():
        found, day = fresh(store, standards, summed(level))
        plots = store.read("parcels", columns=["id", "code_system", "use_code"])
    return found, plots, day


def carried(sheet: Sheet, crs: str, to: str) -> Sheet:
    """Give a sheet the outlines of its parts and its ways in another CRS, to be shown; every figure stays that of the base's own."""
    try:
        parsed(to)
    except CRSError:
        raise BadSiteError(f"{to} is no CRS; write EPSG:4326 or the like", f"{to} 不是坐标系,请写成 EPSG:4326 等") from None
    shapes = transform(np.array([part.geometry for part in sheet.parts], object), crs, to)
    courses = transform(np.array([way.course for way in sheet.routes.values()], object), crs, to)
    return replace(
        sheet,
        parts=tuple(replace(p, geometry=g) for p, g in zip(sheet.parts, shapes, strict=True)),
        routes={kind: replace(way, course=c) for (kind, way), c in zip(sheet.routes.items(), courses, strict=True)},
    )


def mapped(store: Store, id: str, as_of: When | None, language: str) -> ParcelMap:
    """Read what the parcel map of a plot shows; NotFoundError where there is no such plot."""
    plot = stored(store, "parcels", id, as_of)
    box = surroundings(plot["geometry"])
    uses = {
        c: (t.name.zh if language == "zh" else t.name.en) for c, t in (LAYERS["parcels"].field("use_code").codes or {}).items()
    }
    with store.snapshot():
        return parcel_map(plot, store.read("parcels", box=box, as_of=as_of), store.read("roads", box=box, as_of=as_of), uses)
