"""Ways from plots to the lines that serve them: over land of which none is another's plot.

A way is straight where the shortest straight way crosses nobody else's plot; else it is the shortest bent one that keeps half
of a stated width away from them, within the distance in which a line can be connected at all. Roads, land without parcels,
parcels of road use and plots of the same holder are free to cross. A plot fronts a road where its outline lies on the red line;
without the least frontage it needs a way of that width to it.

How far a change reaches. An edit of a parcel changes the ways of plots within `farthest(ask)` of either of its outlines, and
its own; an edit of a road or a line those of plots within `farthest(ask)` of either of its courses, and through the networks
(layers.plan.networks) those near every line that another day serves since. Nothing else on the plots' side changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.bends import detour, detours
from geo.chains import Near
from geo.links import Polygons, beside, crossed, facing, links
from layers.base import Ask, Field, Land, Survey, Text, places, surveyed, texts, valid_on
from layers.catalogue import LAYERS
from layers.plan.exactness import tolerance
from layers.plan.supply import survey_of
from layers.roads import CLASSES, half_width
from layers.service import AVAILABLE, CONNECTED, NONE, UNKNOWN, Choice

Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]


TITLE = Text("Road access", "道路通达")
FIELDS = (
    Field("road_frontage", "real", Text("Frontage on public roads in service", "临公共道路(已投用)长度"), unit="m"),
    Field("road_class", "text", Text("Class of the road", "道路等级"), codes=CLASSES),
    Field("road_width", "real", Text("Red-line width of the road", "道路红线宽度"), unit="m"),
)
"""What readiness tells of the road that gives access (`road_line`)."""


def farthest(ask: Ask) -> float:
    """Tell how far from a plot [m] a parcel, a line or a road's axis can change its services."""
    (to_road, lane), half_red_line = connection(ask, "road"), ask.standards["roads.widest_red_line"] / 2
    return float(max(sum(connection(ask, "water")), to_road + max(lane, half_red_line)))


def connection(ask: Ask, service: str) -> tuple[float, float]:
    """Tell how far a plot's way to a service may be, and how wide it must be where it is not straight [m]."""
    reach, width = (
        ("roads.max_access", "roads.access_width_min")
        if service == "road"
        else ("utilities.max_connect", "utilities.route_width")
    )
    return float(ask.standards[reach]), float(ask.standards[width])


class Others(NamedTuple):
    """The parcels that may be in the way, their numbers and holders (numbered, -1: not recorded), and the survey of parcels."""

    land: Polygons
    id: NDArray[np.object_]
    holder: Rows
    survey: Survey

    def holders(self, plots: NDArray[np.object_]) -> Rows:
        """Look up the holders of the parcels with given numbers; -1 where nobody recorded one or there is no such parcel."""
        return np.append(self.holder, -1)[places(self.id, plots)]


def others(land: Land, ask: Ask, crs: object) -> Others:
    """Collect the parcels that are valid on the day and not road land."""
    survey = survey_of(land, LAYERS["parcels"], crs)
    features = survey.features
    some = valid_on(features, ask.on) & ~is_road_land(features, ask)
    holder, named = pd.factorize(features["owner"].to_numpy(object)[some])
    blank = [k for k, name in enumerate(named) if not name.strip()]
    holder = np.where(np.isin(holder, blank), -1, holder)
    return Others(Polygons(features.geometry.to_numpy()[some]), features["id"].to_numpy(object)[some], holder, survey)


def is_road_land(parcels: gpd.GeoDataFrame, ask: Ask) -> Flags:
    """Tell which parcels are land of public roads by their recorded use."""
    code, system = parcels["use_code"].to_numpy(object), parcels["code_system"].to_numpy(object)
    found, codes = np.zeros(len(parcels), bool), [c for c in pd.unique(code) if isinstance(c, str)]
    for name, uses in ask.standards["parcels.road_uses"].items():
        found |= (system == name) & np.isin(code, [c for c in codes if c.startswith(tuple(uses))])
    return found


COURSE = 1e-6
"""A straight way of this length, but for rounding, is the way that was measured [m]."""


class Course(NamedTuple):
    """The course of a way, and whether it is bent around others' plots."""

    shape: BaseGeometry
    bent: bool


class _Lines(NamedTuple):
    """Lines to which ways lead: half their widths [m], `unsure` where nobody recorded it; how far a way may be, and how wide it is."""

    shapes: NDArray[np.object_]
    half: Numbers
    unsure: Flags
    reach: float
    width: float


class Ways:
    """What lies between plots and lines; `roads` and `utilities` choose among lines (layers.service.serve).

    `frontage` [m] is known once `roads` was asked: how much of each plot's outline lies on the red lines of public roads in
    service on the day; NaN where nobody recorded the width or the state of one that may be there.
    """

    def __init__(self, plots: gpd.GeoDataFrame, land: Land, ask: Ask) -> None:
        self.plots, self.ask = plots, ask
        self.others = others(land, ask, plots.crs)
        self.land, self.id = Polygons(plots.geometry.to_numpy()), plots["id"].to_numpy(object)
        self.holder = self.others.holders(self.id)
        self.frontage = np.zeros(len(plots))
        self._near = dict[tuple[float, float], Rows]()

    def utilities(self, lines: gpd.GeoDataFrame, choice: Choice) -> Choice:
        """Give pairs of plots and utility lines the lengths of their ways."""
        blank = np.zeros(len(lines))
        return self._routed(_Lines(lines.geometry.to_numpy(), blank, blank > 0, *connection(self.ask, "water")), choice)

    def roads(self, lines: gpd.GeoDataFrame, choice: Choice) -> Choice:
        """Give pairs of plots and roads the lengths of their ways, and measure the plots' frontage."""
        half, shapes = half_width(lines), lines.geometry.to_numpy()
        roads = _Lines(shapes, half, half == 0, *connection(self.ask, "road"))
        at, widest = self.ask.standards["roads.frontage_tolerance"], self.ask.standards["roads.widest_red_line"] / 2
        near = np.flatnonzero(choice.distance <= at)
        plot, line = choice.plot[near], choice.line[near]
        length = np.zeros(len(choice.plot))
        length[near], self.frontage = facing(self.land, shapes, half[line] + at, plot, line, choice.rank[near] >= AVAILABLE)
        unsure = (length > 0) & (choice.rank == UNKNOWN)
        unsure |= roads.unsure[choice.line] & (choice.rank > NONE) & (choice.distance <= at + widest)
        self.frontage[choice.plot[unsure]] = np.nan
        given = np.where(length >= roads.width, choice.distance, np.inf)
        # no red line to lead a strip to: a straight way to the axis is one to the road, and of others nobody can say
        blind = np.flatnonzero(roads.unsure[choice.line] & (choice.distance <= roads.reach))
        way = self._straight(roads, choice, blind)
        given[blind] = np.where(np.isinf(way), np.nan, way)
        return self._routed(roads, choice, given)

    def _routed(self, lines: _Lines, choice: Choice, given: Numbers | None = None) -> Choice:
        """Measure ways as far as they decide: of each choice the best pair, of one whose best has no straight way all pairs.

        A pair without a way gets the rank NONE, one of whose way nobody can say UNKNOWN at most. `given`: the straight ways.
        """

        def straight(rows: Rows) -> Numbers:
            return self._straight(lines, choice, rows) if given is None else given[rows].copy()

        real = (choice.rank > NONE) & (choice.rank < CONNECTED) & (choice.distance <= lines.reach)
        best = choice.best()
        best = best[real[best]]
        open_ = best[~np.isfinite(straight(best))]
        rows = np.flatnonzero(np.isin(choice.cell, choice.cell[open_]) & real)
        if not len(rows):
            return choice
        rank, distance, between = choice.rank.copy(), choice.distance.copy(), choice.between.copy()
        way = straight(rows)
        bent = rows[np.isinf(way)]
        if len(bent):
            way[np.isinf(way)] = self._bent(lines, choice.plot[bent], choice.line[bent])
            # who is in the way is asked only where there is no way at all
            none = rows[np.isinf(way) & ~np.isin(choice.cell[rows], choice.cell[rows[~np.isinf(way)]])]
            between[none] = self._in_the_way(lines, choice, none)
        unknown = np.minimum(rank[rows], UNKNOWN)
        barred = np.where(lines.unsure[choice.line[rows]], unknown, NONE)
        rank[rows] = np.select([np.isinf(way), np.isnan(way)], [barred, unknown], rank[rows])
        distance[rows] = np.where(np.isfinite(way), way, distance[rows])
        return choice._replace(rank=rank, distance=distance, between=between, plots=np.r_[self.others.id, [None]])

    def _straight(self, lines: _Lines, choice: Choice, rows: Rows) -> Numbers:
        """Measure the straight ways of pairs [m]: NaN where nobody surveyed the parcels on it, inf where one is in the way."""
        way, link = choice.distance[rows].copy(), self._links(lines, choice, rows)
        way[self._barriers(link, choice.plot[rows])[0]] = np.inf
        free = np.flatnonzero((way > 0) & np.isfinite(way))
        area, (x, y, to_x, to_y) = self.others.survey.coverage(), link[free].T
        ends = np.r_[x, to_x], np.r_[y, to_y]
        if len(free) and not shapely.covers(area, shapely.box(*map(np.min, ends), *map(np.max, ends))):
            shapely.prepare(area)
            way[free[~shapely.covers(area, shapely.linestrings(link[free].reshape(-1, 2, 2)))]] = np.nan
        return way

    def courses(self, lines: NDArray[np.object_], half: Numbers, services: Sequence[str], length: Numbers) -> list[Course]:
        """Draw the ways of the first plot to a line for each service, of half widths and known to be `length` [m] long, shape (k,)."""
        first = np.zeros(len(lines), np.intp)
        link = links(self.land, lines, first, np.arange(len(lines)), half)
        long = np.hypot(link[:, 2] - link[:, 0], link[:, 3] - link[:, 1])
        straight = np.abs(long - length) < COURSE
        straight[self._barriers(link, first)[0]] = False
        straight |= length == 0
        found = [Course(line, False) for line in np.asarray(shapely.linestrings(link.reshape(-1, 2, 2)), object)]
        for k in np.flatnonzero(~straight).tolist():
            found[k] = self._drawn(lines[k : k + 1], half[k : k + 1], *connection(self.ask, services[k]))
        return found

    def _drawn(self, line: NDArray[np.object_], half: Numbers, reach: float, width: float) -> Course:
        """Draw the bent way of the first plot to a line."""
        if (reach, width) not in self._near:
            self._near[reach, width] = self._around(np.zeros(1, np.intp), reach + width)[1]
        near, end = self._near[reach, width], _red_lines(line, half)[0]
        points = detour(self.land, self.others.land, near, end, reach, width / 2)
        return Course(shapely.LineString(points), len(points) > 2)

    def _links(self, lines: _Lines, choice: Choice, rows: Rows) -> Numbers:
        """Draw the shortest straight ways of pairs, shape (k, 4); none where they touch."""
        link, apart = np.zeros((len(rows), 4)), np.flatnonzero(choice.distance[rows] > 0)
        plot, line = choice.plot[rows[apart]], choice.line[rows[apart]]
        link[apart] = links(self.land, lines.shapes, plot, line, lines.half[line])
        return link

    def _barriers(self, link: Numbers, plot: Rows) -> tuple[Rows, Rows]:
        """Find the parcels of others that straight ways from plots cross: way and parcel, those with the longest crossing last."""
        k, o, inside = crossed(link, self.others.land, self.ask.standards["supply.drawing_noise"])
        wide = np.flatnonzero(inside > tolerance(self.ask))
        wide = wide[self.foreign(plot[k[wide]], o[wide])]
        wide = wide[np.lexsort((o[wide], inside[wide]))]
        return k[wide], o[wide]

    def _in_the_way(self, lines: _Lines, choice: Choice, rows: Rows) -> Rows:
        """Find the parcel that is in the straight way of each pair, that with the longest crossing; -1 where none is."""
        between = np.full(len(rows), -1)
        k, o = self._barriers(self._links(lines, choice, rows), choice.plot[rows])
        between[k] = o
        return between

    def foreign(self, plot: Rows, other: Rows) -> Flags:
        """Tell which parcels are another's land to a plot: neither itself, nor its holder's, nor what it is made of or from."""
        held = (self.holder[plot] == self.others.holder[other]) & (self.holder[plot] >= 0)
        foreign = ~(held | np.equal(self.id[plot], self.others.id[other]).astype(bool))
        rows = np.flatnonzero(foreign)
        a, b = self.land.shapes[plot[rows]], self.others.land.shapes[other[rows]]
        within = shapely.contains(a, shapely.point_on_surface(b)) | shapely.contains(b, shapely.point_on_surface(a))
        foreign[rows[within]] = False
        return np.asarray(foreign, bool)

    def _bent(self, lines: _Lines, plot: Rows, line: Rows) -> Numbers:
        """Measure the bent ways of pairs, which are sorted by plot [m]: inf where there is none, NaN where nobody can say."""
        some, at = np.unique(plot, return_inverse=True)
        p, o = self._around(some, lines.reach + lines.width)
        near = Near(np.searchsorted(p, np.arange(len(some) + 1)), o)
        goals, line = np.unique(line, return_inverse=True)
        ends = _red_lines(lines.shapes[goals], lines.half[goals])
        to = Near(np.searchsorted(at, np.arange(len(some) + 1)), line)
        way = detours(self.land, some, self.others.land, near, ends, to, lines.reach, lines.width / 2)
        sure = surveyed(self.land.shapes[some], self.others.survey.coverage(), lines.reach)[at]
        return np.where(np.isfinite(way) & ~sure, np.nan, way)

    def _around(self, plots: Rows, far: float) -> tuple[Rows, Rows]:
        """Find the parcels of others that may be within `far` [m] of plots: the place in `plots`, sorted, and parcel."""
        box = shapely.bounds(self.land.shapes[plots]) + far * np.array([-1, -1, 1, 1])
        p, o = shapely.STRtree(self.others.land.shapes).query(shapely.box(*box.T))
        foreign = self.foreign(plots[p], o)
        return p[foreign], o[foreign]


def road_facts(line: Any, land: Land, ways: Ways, sure: Flags) -> dict[str, Any]:
    """Tell FIELDS: the plots' frontage, where roads were surveyed (`sure`), and class and width of the road `line` of each."""
    roads = survey_of(land, LAYERS["roads"], ways.plots.crs).features
    at = places(roads["id"].to_numpy(object), np.asarray(line, object))
    return {
        "road_frontage": np.where(sure, ways.frontage, np.nan),
        "road_class": texts(np.append(roads["class"].to_numpy(object), [None])[at]),
        "road_width": np.append(roads["red_line_width"].to_numpy(float), np.nan)[at],
    }


def _red_lines(axes: NDArray[np.object_], half: Numbers) -> NDArray[np.object_]:
    """Draw where ways to lines end: the outlines of those that are wide, the others themselves."""
    ends, wide = axes.copy(), half > 0
    if wide.any():
        ends[wide] = shapely.boundary(beside(axes[wide], half[wide]))
    return ends
