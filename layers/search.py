"""Land for a project: single plots, parts of large ones and assemblies of neighbours, out of all that is assessed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.shape import inner_width
from layers.around import land_around
from layers.assessment import Networks, NotFoundError, fresh
from layers.base import Ask, Text, surveyed_for
from layers.catalogue import LAYERS
from layers.inputs import land_versions
from layers.plan.assembly import Assembly, assemblies, front, neighbours, parts
from layers.plan.counterfactual import Counterfactual, counterfactual
from layers.plan.levelling import earthwork
from layers.plan.readiness import SERVICES
from layers.plan.siting import (
    NEEDED,
    NO,
    TABLED,
    UNKNOWN,
    YES,
    Brief,
    Judged,
    Near,
    Plots,
    Rows,
    at_least,
    at_most,
    find,
    judge,
    plots_of,
    within_area,
)
from layers.plan.supply import survey_of
from layers.plan.terms import Term, term
from layers.roads import half_width
from layers.standards import Standards
from layers.store.base import Compare, Store

SEEDS = 40
"""From so many plots assemblies are begun, the best by themselves first."""
KINDS = ("single", "part", "assembly")
TOLD = ("verdict", "reason", "road_class", "contested", *(f"{s}_{what}" for s in SERVICES for what in ("state", "from", "line")))
"""The columns of the findings that are told of a match."""


class Shaped(NamedTuple):
    """What speaks for the shape of an assembly: the figure, and its score from 0 to 1."""

    value: float
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """Land that meets a brief: plots by number, area [m2], score from 0 to 1, and each criterion's part in it.

    Of a part `rest_area` [m2] and `rest_width` [m] tell what is left of the plot; of an assembly `compactness` (1 a circle)
    and the number of `owners`.
    """

    kind: str
    plots: tuple[str, ...]
    area: float
    score: float
    terms: tuple[Term, ...]
    geometry: BaseGeometry
    rest_area: float | None = None
    rest_width: float | None = None
    compactness: float | None = None
    owners: int | None = None


@dataclass(frozen=True, slots=True)
class Sitings:
    """The matches of a brief, best first, and what was looked at.

    `plots`: how many were assessed; `dropped`: how many each must left out, and of how many nobody knows; `gap`: by how much an
    assembly that was not looked at could score higher, 0 where all were.
    """

    matches: tuple[Match, ...]
    plots: int
    dropped: Mapping[str, tuple[int, int]]
    gap: float
    on: date


class Index:
    """The table of plots, kept while findings and parcels do not change: about 150 B a plot. Safe to share between threads."""

    def __init__(self) -> None:
        self._key: object = None
        self._kept: tuple[Plots, pd.Index[Any], date] | None = None
        self._lock = threading.Lock()

    def plots(self, store: Store, standards: Standards) -> tuple[Plots, pd.Index[Any], date]:
        """Read the table, its numbers and the day of the findings; StaleFindingsError where they are older than the land."""
        with self._lock:
            key = (tuple(sorted(land_versions(store).items())), standards.digest, str(store.findings([])[1]))
            if self._kept is None or key != self._key:
                with store.snapshot():
                    found, on = fresh(store, standards, NEEDED)
                    parcels = store.read("parcels", columns=["id", "use_code", "owner"])
                columns = pd.DataFrame(parcels.drop(columns="geometry")).set_index("id").reindex(found.index)
                table = plots_of(found, columns)
                self._key, self._kept = key, (table, pd.Index(table.id), on)
            return self._kept


class Land:
    """What is looked up around a few plots while a brief is answered."""

    def __init__(self, store: Store, plots: Plots, ask: Ask, brief: Brief, networks: Networks) -> None:
        self._store, self._plots, self._ask, self._brief, self._networks = store, plots, ask, brief, networks

    def shapes(self, rows: Rows) -> NDArray[np.object_]:
        """Read the outlines of plots."""
        ids = self._plots.id[rows]
        found = self._store.read("parcels", ids=ids.tolist(), columns=["id"])
        return np.asarray(found.geometry.to_numpy()[pd.Index(found["id"]).get_indexer(ids)], object)

    def told(self, rows: Rows) -> list[dict[str, Any]]:
        """Read what is told of plots: their findings, and their recorded use."""
        ids = self._plots.id[rows]
        found = self._store.findings(ids.tolist(), TOLD)[0].reindex(ids)
        found["use_code"] = self._plots.uses[self._plots.use[rows]]
        columns = [found[name].astype(object).to_numpy() for name in found]
        return [dict(zip(found.columns, row, strict=True)) for row in zip(*columns, strict=True)]

    def roads(self, box: tuple[float, ...]) -> NDArray[np.object_]:
        """Read the land of the public roads in a box: their axes, as wide as their red lines."""
        west, south, east, north = box
        roads = self._store.read("roads", box=(west - 100, south - 100, east + 100, north + 100))
        public = roads[(roads["class"] != "private").to_numpy(bool)]
        return np.asarray(shapely.buffer(public.geometry.to_numpy(), half_width(public), cap_style="flat"), object)

    def measure(self, criterion: str, rows: Rows, parts: NDArray[np.object_] | None = None) -> Judged:
        """Measure a criterion that stands in no table, of plots or of `parts` of them; what a part costs nobody knows."""
        if criterion == "load":
            return self._load(rows)
        if criterion == "size":
            return self._size(rows)
        if criterion == "budget":
            return at_most(self.prices(rows) if parts is None else np.full(len(rows), np.nan), self._brief.budget or 0.0)
        shapes = self.shapes(rows) if parts is None else parts
        if criterion == "width":
            return at_least(inner_width(shapes), self._brief.width or 0.0)
        if criterion == "distance":
            return self._distance(shapes)
        return at_most(self._earthwork(shapes), self._brief.earthwork or 0.0)

    def prices(self, rows: Rows) -> NDArray[np.float64]:
        """Read what plots cost [CNY]: the start price of the listing that each has; unknown without one that is in force."""
        ids = self._plots.id[rows]
        columns = ["plot", "state", "start_price"]
        found = self._store.read("listings", columns=columns, where=[Compare("plot", "in", tuple(ids.tolist()))])
        found = found[~found["state"].isin(["withdrawn", "sold"])].drop_duplicates("plot", keep="last").set_index("plot")
        return np.asarray(found["start_price"].reindex(ids).to_numpy(np.float64, na_value=np.nan), np.float64)

    def _distance(self, shapes: NDArray[np.object_]) -> Judged:
        """Measure how near plots are to what the brief names; of several the worst counts."""
        every = [self._near(shapes, near) for near in self._brief.near]
        worst = np.argmin([j.score for j in every], axis=0)
        at = np.arange(len(shapes))
        stack = [np.stack([j[k] for j in every])[worst, at] for k in range(3)]
        fits = np.stack([j.fit for j in every])
        fit = np.select([(fits == NO).any(axis=0), (fits == UNKNOWN).any(axis=0)], [NO, UNKNOWN], YES).astype(np.int8)
        return Judged(stack[0], fit, stack[2])

    def _near(self, shapes: NDArray[np.object_], near: Near) -> Judged:
        """Measure the distance of each plot to the nearest feature.

        A least distance holds, and a most is surely passed, only where each kind that is asked for was surveyed so far around.
        """
        layer = LAYERS[near.layer]
        column = (
            next((f.name for f in layer.columns if f.name in ("kind", "class", "code", "status")), None) if near.kind else None
        )
        value, unsaid = np.full(len(shapes), np.inf), np.full(len(shapes), np.inf)
        reach = near.most if np.isfinite(near.most) else max(near.least, 1000.0)
        surveyed = surveyed_for(layer, self._store.editions(near.layer), [near.kind] if near.kind else [])
        bounds = shapely.bounds(shapes)
        for n, (west, south, east, north) in enumerate(bounds.tolist()):
            found = self._store.read(near.layer, box=(west - reach, south - reach, east + reach, north + reach))
            away = shapely.distance(found.geometry.to_numpy(), shapes[n])
            said = found[column] if column else pd.Series(near.kind, found.index)
            value[n] = away[(said == near.kind).to_numpy(bool)].min(initial=np.inf)
            unsaid[n] = away[said.isna().to_numpy(bool)].min(initial=np.inf)

        def none_within(metres: float) -> NDArray[np.bool_]:
            """Tell whether nothing that nobody recorded can be so near: neither in unsurveyed land nor of an unsaid kind."""
            margin = np.array([-metres, -metres, metres, metres])
            return np.asarray(shapely.covers(surveyed, shapely.box(*(bounds + margin).T)), bool) & (unsaid > metres)

        no = (value < near.least) | ((value > near.most) & none_within(reach))
        far = near.least <= 0.0 or none_within(near.least)
        yes = (value <= near.most) & far & (np.isfinite(value) | none_within(reach))
        fit = np.select([no, yes], [NO, YES], UNKNOWN).astype(np.int8)
        return Judged(np.where(np.isfinite(value), value, np.nan), fit, (fit == YES).astype(float))

    def _load(self, rows: Rows) -> Judged:
        """Hold what is spare on the way to each plot's line against the load of the project."""
        spare = self._networks.trace(self._store, self._ask)["utilities"]
        told = pd.DataFrame(self.told(rows))
        fits, least = [], np.full(len(rows), np.inf)
        for kind, load in self._brief.loads.items():
            lines = told[f"{kind}_line"].to_numpy(object)
            sure, most = (spare[c].reindex(lines).to_numpy(np.float64) for c in ("spare_sure", "spare_most"))
            fits.append(np.select([sure >= load, most < load], [YES, NO], UNKNOWN))
            least = np.minimum(least, sure / load)  # one that nobody knows makes the least unknown
        fit = np.select([(np.array(fits) == NO).any(axis=0), (np.array(fits) == UNKNOWN).any(axis=0)], [NO, UNKNOWN], YES)
        return Judged(least, fit.astype(np.int8), np.clip(np.nan_to_num(least, posinf=1.0), 0.0, 1.0))

    def _size(self, rows: Rows) -> Judged:
        """Hold the diameter, of power the voltage, of each plot's line against what is asked: the least share of it."""
        told = pd.DataFrame(self.told(rows))
        lines = {kind: told[f"{kind}_line"] for kind in self._brief.sizes}
        ids = sorted({str(id) for of in lines.values() for id in of.dropna()})
        found = pd.DataFrame(
            self._store.read("utilities", ids=ids, columns=["id", "dn", "voltage"]).drop(columns="geometry")
        ).set_index("id")
        shares = [
            found["voltage" if kind == "power" else "dn"].reindex(lines[kind]).to_numpy(np.float64, na_value=np.nan) / size
            for kind, size in self._brief.sizes.items()
        ]
        share = np.stack(shares)
        fit = np.select([(share < 1).any(axis=0), np.isnan(share).any(axis=0)], [NO, UNKNOWN], YES).astype(np.int8)
        least = np.where(fit == UNKNOWN, np.nan, np.fmin.reduce(share))
        return Judged(least, fit, np.clip(np.nan_to_num(least), 0.0, 1.0))

    def _earthwork(self, shapes: NDArray[np.object_]) -> NDArray[np.float64]:
        """Measure the earthwork that levels each plot [m3 for each m2]."""
        found = np.full(len(shapes), np.nan)
        for n, shape in enumerate(shapes):
            land = land_around(self._store, shape.bounds, {}, None, ["terrain"])
            plot = gpd.GeoDataFrame({"id": ["plot"]}, geometry=[shape], crs=self._store.crs)
            found[n] = earthwork(plot, survey_of(land, LAYERS["terrain"], self._store.crs), self._ask)["depth"].iloc[0]
        return found


def search(
    store: Store, brief: Brief, ask: Ask, standards: Standards, limit: int = 20, kinds: tuple[str, ...] = KINDS,
    across: bool = False, index: Index | None = None, networks: Networks | None = None,
) -> Sitings:  # fmt: skip
    """Find land that meets a brief: single plots, and of `kinds` also parts of large plots and assemblies of neighbours.

    Single plots are exact. Assemblies are begun at the SEEDS best plots that are too small by themselves; they may cross a
    road where `across` says so. Parts are cut off the `limit` best plots that are too large. StaleFindingsError where the land
    is not assessed as it is. Memory as for `Index`.
    """
    plots, rows_of, on = (index or Index()).plots(store, standards)
    land = Land(store, plots, ask, brief, networks or Networks())
    singles = find(plots, brief, on, land.measure, limit)
    told = land.told(singles.rows)
    shapes = land.shapes(singles.rows)
    matches = [
        Match("single", (str(plots.id[r]),), float(plots.area[r]), float(singles.score[n]),
              tuple(term(brief, c, float(j.value[n]), int(j.fit[n]), float(j.score[n]), on, told[n]) for c, j in singles.judged.items()),
              shapes[n])
        for n, r in enumerate(singles.rows)
    ]  # fmt: skip
    gap = 0.0
    if "part" in kinds and (brief.budget is None or not brief.must("budget")):  # nobody knows the price of a part
        matches += _parts(plots, brief, on, land, limit, ask)
    if "assembly" in kinds:
        found, gap = _assemblies(plots, rows_of, brief, on, land, store, limit, across)
        matches += found
    matches.sort(key=lambda m: (-m.score, m.plots))
    return Sitings(tuple(matches[:limit]), len(plots.id), singles.dropped, gap, on)


def why(
    store: Store,
    brief: Brief,
    ask: Ask,
    standards: Standards,
    plot: str,
    index: Index | None = None,
    networks: Networks | None = None,
) -> Counterfactual:
    """Tell why a plot by itself does not meet a brief, and the least change for which it would."""
    plots, rows_of, on = (index or Index()).plots(store, standards)
    rows = rows_of.get_indexer(pd.Index([plot]))
    if rows[0] < 0:
        raise NotFoundError(f"there is no plot {plot}; list them in the map", f"没有宗地 {plot},请在地图中查看")
    land = Land(store, plots, ask, brief, networks or Networks())
    judged = {c: judge(plots, brief, c, rows, on) if c in TABLED else land.measure(c, rows) for c in brief.criteria}
    (row,) = land.told(rows)
    terms = [term(brief, c, float(j.value[0]), int(j.fit[0]), float(j.score[0]), on, row) for c, j in judged.items()]
    return counterfactual(plot, brief, judged, terms)


SIZED = ("area", "width", "frontage", "earthwork", "distance", "load", "size", "budget")
"""Criteria that an assembly meets by itself, whatever its plots do alone."""
CUT = tuple(c for c in SIZED if c not in ("load", "size"))
"""Those that a part meets by itself, whatever its plot does."""


def _parts(plots: Plots, brief: Brief, on: date, land: Land, limit: int, ask: Ask) -> list[Match]:
    """Cut parts off the best plots that are too large."""
    large = find(_only(plots, plots.area > brief.area[1]), brief, on, land.measure, limit, CUT)
    made = []
    narrow, shapes, told = ask.standards["supply.min_width"], land.shapes(large.rows), land.told(large.rows)
    for n, shape in enumerate(shapes):
        aim = brief.area[0] if np.isinf(brief.area[1]) else sum(brief.area) / 2
        roads = land.roads(shape.bounds)
        cut = parts(
            shape,
            aim,
            roads,
            max(narrow, brief.width or 0.0),
            brief.frontage or ask.standards["roads.access_width_min"],
        )
        if cut is None:
            continue
        judged = {c: j.pick(np.array([n])) for c, j in large.judged.items()}
        judged["area"] = within_area(np.array([cut.part.area]), brief)
        one = np.array([cut.part], object)
        if brief.frontage:
            judged["frontage"] = at_least(front(one, roads), brief.frontage)
        for name in (c for c in brief.criteria if c in CUT and c not in ("area", "frontage")):
            judged[name] = land.measure(name, large.rows[n : n + 1], one)
        if any(brief.must(c) and j.fit[0] != YES for c, j in judged.items()):
            continue
        score, terms = _scored(brief, judged, on, told[n])
        made.append(
            Match("part", (str(plots.id[large.rows[n]]),), cut.part.area, score, terms, cut.part, cut.rest.area, cut.rest_width)
        )
    return made


def _only(plots: Plots, mine: NDArray[np.bool_]) -> Plots:
    """Let only some plots be free, so that the others meet no brief; rows stay what they are."""
    return plots._replace(verdict=np.where(mine, plots.verdict, NO).astype(np.int8))


def _assemblies(
    plots: Plots, rows_of: pd.Index[Any], brief: Brief, on: date, land: Land, store: Store, limit: int, across: bool
) -> tuple[list[Match], float]:
    """Put neighbours together, from the best plots that are too small by themselves; and by how much others could be better."""
    seeds = find(_only(plots, plots.area < brief.area[1]), brief, on, land.measure, SEEDS, SIZED)
    if not len(seeds.rows):
        return [], 0.0
    reach = 2 * float(np.sqrt(min(brief.area[1], 4 * brief.area[0])))
    boxes = shapely.bounds(land.shapes(seeds.rows)) + np.array([-reach, -reach, reach, reach])
    ids = [store.read("parcels", box=tuple(box), columns=["id"])["id"] for box in boxes.tolist()]
    near = np.unique(rows_of.get_indexer(pd.concat(ids)))
    near = near[near >= 0]
    fit = np.ones(len(near), bool)
    for name in brief.criteria:
        if name not in SIZED and brief.must(name):
            fit &= judge(plots, brief, name, near, on).fit == YES
    near = near[fit & (plots.area[near] < brief.area[1])]
    shapes = land.shapes(near)
    roads = land.roads(tuple(shapely.total_bounds(shapes).tolist())) if across else None
    around = neighbours(shapes, plots.owner[near], roads)
    found, exact = assemblies(around, brief.area, np.searchsorted(near, seeds.rows[np.isin(seeds.rows, near)]))
    best = _best(plots, brief, on, near, found, limit)
    rows = np.unique([near[row] for a in best for row in a.rows]).astype(np.intp)
    told = dict(zip(rows.tolist(), land.told(rows), strict=True)) if len(rows) else {}
    made = [_assembled(plots, brief, on, land, near, told, shapes, a) for a in best]
    made = [m for m in made if all(t.fit == "yes" for t in m.terms if t.must)]
    highest = max((m.score for m in made), default=0.0)
    gap = 0.0 if exact and len(seeds.rows) < SEEDS else max(0.0, 1.0 - highest)
    return made, gap


def _best(plots: Plots, brief: Brief, on: date, near: Rows, found: list[Assembly], limit: int) -> list[Assembly]:
    """Pick the assemblies of the best area and outline."""
    area = within_area(np.array([a.area for a in found]), brief).score if found else np.zeros(0)
    rank = sorted(range(len(found)), key=lambda n: (-(area[n] + found[n].compactness + 1 / found[n].owners), found[n].rows))
    return [found[n] for n in rank[:limit]]


def _assembled(
    plots: Plots,
    brief: Brief,
    on: date,
    land: Land,
    near: Rows,
    findings: Mapping[int, dict[str, Any]],
    shapes: NDArray[np.object_],
    a: Assembly,
) -> Match:
    """Judge an assembly: its day is that of its last plot, its front the sum of theirs; `findings` by the rows of plots."""
    rows = near[list(a.rows)]
    outline = shapely.union_all(shapes[list(a.rows)])
    told = [findings[row] for row in rows.tolist()]
    judged: dict[str, Judged] = {}
    for name in brief.criteria:
        if name == "area":
            judged[name] = within_area(np.array([a.area]), brief)
        elif name == "frontage":
            judged[name] = at_least(np.array([np.sum(plots.frontage[rows])]), brief.frontage or 0.0)
        elif name == "budget":
            judged[name] = at_most(np.array([land.prices(rows).sum()]), brief.budget or 0.0)
        elif name == "width":
            judged[name] = at_least(inner_width(np.array([outline], object)), brief.width or 0.0)
        else:
            each = judge(plots, brief, name, rows, on) if name not in SIZED else land.measure(name, rows)
            judged[name] = each.pick(np.array([int(np.lexsort((each.score, each.fit == YES))[0])]))
    worst = {name: max(told, key=lambda row: str(row.get(f"{name}_from"))) for name in SERVICES}
    row = told[0] | {key: worst[s][key] for s in SERVICES for key in (f"{s}_state", f"{s}_from", f"{s}_line")}
    score, terms = _scored(
        brief, judged, on, row, {"compactness": Shaped(a.compactness, a.compactness), "owners": Shaped(a.owners, 1 / a.owners)}
    )
    ids = tuple(str(plots.id[r]) for r in rows)
    return Match("assembly", ids, a.area, score, terms, outline, compactness=a.compactness, owners=a.owners)


def _scored(
    brief: Brief, judged: Mapping[str, Judged], on: date, row: Mapping[str, object], shape: Mapping[str, Shaped] | None = None
) -> tuple[float, tuple[Term, ...]]:
    """Sum the parts of the criteria up; those of an assembly's shape count like one more criterion of weight 1."""
    terms = [term(brief, c, float(j.value[0]), int(j.fit[0]), float(j.score[0]), on, row) for c, j in judged.items()]
    if shape:
        whole = sum(brief.weight(c) for c in brief.criteria) + 1.0
        terms = [replace(t, part=t.part * (whole - 1.0) / whole) for t in terms]
        aims = {"compactness": Text("a circle has 1", "圆为 1"), "owners": Text("few", "越少越好")}
        terms += [
            Term(name, False, "yes", s.score / len(shape) / whole, s.score, Text(f"{s.value:.3g}", f"{s.value:.3g}"), aims[name])
            for name, s in shape.items()
        ]
    return sum(t.part for t in terms), tuple(terms)
