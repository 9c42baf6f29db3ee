"""Where a project fits: the plots that meet a brief, ranked by named contributions.

A brief has musts and wishes. What must be and is not known of a plot is not met: an unknown is never a fit. Among the plots that
meet all musts, each criterion gives from 0 to 1, times its weight; what a wish lacks, and what would cure it from when, is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.plan.readiness import SERVICES
from layers.service import SERVING

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
NO, YES, UNKNOWN = np.int8(0), np.int8(1), np.int8(2)
NEVER, UNDATED, UNSURE = 2**31 - 1, 2**31 - 2, 2**31 - 3
"""Days on which a service comes that never comes, comes some day, or of which nobody knows."""
PATIENCE = 5 * 365
"""Days after which a service that comes is worth nothing in the rank."""
BATCH = 64
CLASS_RANK = {name: rank for rank, name in enumerate(("local", "secondary", "arterial", "expressway"), 1)}
CRITERIA: Mapping[str, Text] = {
    "land": Text("free of constraints", "土地可供"),
    "area": Text("area", "面积"),
    "use": Text("use", "用途"),
    **{kind: name for kind, name in SERVICES.items()},
    "road_class": Text("class of the road", "道路等级"),
    "frontage": Text("frontage", "临路长度"),
    "slope": Text("slope", "坡度"),
    "width": Text("least width", "最小宽度"),
    "distance": Text("distance", "距离"),
    "load": Text("capacity", "容量"),
    "size": Text("size of the line", "管径或电压"),
    "earthwork": Text("earthwork", "土石方"),
    "compactness": Text("compactness", "紧凑度"),
    "owners": Text("owners", "权利人"),
    "budget": Text("price of the land", "地价"),
}


class Near(NamedTuple):
    """How far the land may be from features of a layer (of one kind, or all): between two distances [m]."""

    layer: str
    kind: str = ""
    least: float = 0.0
    most: float = np.inf


@dataclass(frozen=True, slots=True)
class Brief:
    """What an investor asks for: areas in m2, lengths in m, slopes as a share, loads in the unit of `layers.service.LOADS`.

    `area`: least and most. `services`: those that must serve by the day `by` (None: the day that is asked). `loads`: what the
    project takes of each kind, `sizes` what its line has at least: nominal diameter [mm], of power the voltage [kV]. `budget`: the most that the land may cost [CNY]. `earthwork`: at most so many m3 for each m2. `wishes`: weights of the criteria that need not be
    met; all others that the brief names must be. `weights`: of those that must.
    """

    area: tuple[float, float]
    use: str | None = None
    services: tuple[str, ...] = ()
    by: date | None = None
    loads: Mapping[str, float] = field(default_factory=dict)
    road_class: str | None = None
    frontage: float | None = None
    slope: float | None = None
    width: float | None = None
    earthwork: float | None = None
    near: tuple[Near, ...] = ()
    budget: float | None = None
    wishes: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)

    @property
    def criteria(self) -> tuple[str, ...]:
        """List the criteria that the brief names, cheap ones first."""
        named = {
            "use": self.use, "road_class": self.road_class, "frontage": self.frontage, "slope": self.slope,
            "width": self.width, "distance": self.near, "load": self.loads, "size": self.sizes, "earthwork": self.earthwork, "budget": self.budget,
        }  # fmt: skip
        asked = {"land", "area", *self.services, *(name for name, value in named.items() if value)}
        return tuple(name for name in CRITERIA if name in asked)

    @property
    def aim(self) -> float:
        """The area that fits best [m2]: the middle of the range, of one that is open or wide that of the least and its double."""
        least, most = self.area
        return (least + min(most, 2 * least)) / 2 if np.isfinite(most) else least

    def must(self, criterion: str) -> bool:
        """Tell whether a criterion must be met."""
        return criterion not in self.wishes

    def weight(self, criterion: str) -> float:
        """Tell how much a criterion counts in the rank."""
        return self.wishes.get(criterion, self.weights.get(criterion, 0.0 if criterion in ("land", "use") else 1.0))


class Plots(NamedTuple):
    """What is known of all plots of a base in the order of their ids, arrays of shape (n,): about 150 B a plot.

    `verdict`: YES free, NO blocked, UNKNOWN. `day`: for each service the day from which it serves, as days since 1970, NEVER,
    UNDATED or UNSURE. `road_class`: rank in CLASS_RANK, 0 unknown. `use` and `owner`: rows of `uses` and `owners`, those of an
    owner who is not recorded -1.
    """

    id: NDArray[np.object_]
    area: Numbers
    verdict: NDArray[np.int8]
    use: NDArray[np.int32]
    uses: NDArray[np.object_]
    day: Mapping[str, NDArray[np.int32]]
    road_class: NDArray[np.int8]
    frontage: Numbers
    slope: Numbers
    owner: NDArray[np.int32]
    owners: NDArray[np.object_]

    def rows(self, ids: NDArray[np.object_]) -> Rows:
        """Find the rows of plots by id, -1 of those that there are not."""
        at = np.searchsorted(self.id, ids)
        there = at < len(self.id)
        there[there] = self.id[at[there]] == ids[there]
        return np.where(there, at, -1)

    def after(self, some: Plots, gone: NDArray[np.object_]) -> Plots:
        """Drop the plots of `gone`, by id, and put in `some`, which are none of those that are left."""
        old, kept = self.rows(gone), np.ones(len(self.id), bool)
        kept[old[old >= 0]] = False
        at = np.searchsorted(self.id[kept], some.id)
        uses, use = _pooled(self.uses, some.uses, some.use)
        owners, owner = _pooled(self.owners, some.owners, some.owner)
        new = some._replace(use=use, owner=owner)._asdict() | {"day": None, "uses": None, "owners": None}
        arrays = {name: np.insert(getattr(self, name)[kept], at, array) for name, array in new.items() if array is not None}
        day = {service: np.insert(days[kept], at, some.day[service]) for service, days in self.day.items()}
        return self._replace(**arrays, day=day, uses=uses, owners=owners)


class Judged(NamedTuple):
    """How rows meet a criterion: the measure in its unit, whether (NO, YES, UNKNOWN), the score from 0 to 1; shape (k,)."""

    value: Numbers
    fit: NDArray[np.int8]
    score: Numbers

    def pick(self, rows: Rows) -> Judged:
        """Pick some rows."""
        return Judged(self.value[rows], self.fit[rows], self.score[rows])


Lazy = Callable[[str, Rows], Judged]
"""Measures a criterion that stands in no table, of some plots."""


@dataclass(frozen=True, slots=True)
class Found:
    """The plots that fit, best first: rows, total score from 0 to 1, what each criterion said, shape (k,) each.

    `dropped`: of how many plots each must was not met, and of how many it is unknown, in the order in which they were looked
    at. `examined`: of how many plots the dear criteria were measured. `exact`: no plot was left out that could rank higher.
    """

    rows: Rows
    score: Numbers
    judged: Mapping[str, Judged]
    dropped: Mapping[str, tuple[int, int]]
    examined: int


NEEDED = (
    "verdict", "area", "road_class", "road_frontage", "slope_max", *(f"{s}_{what}" for s in SERVICES for what in ("state", "from"))
)  # fmt: skip
"""The columns of the findings that the table of plots is made from."""


def plots_of(findings: pd.DataFrame, parcels: pd.DataFrame) -> Plots:
    """Make the table of plots from the findings, by parcel id, and from the columns of parcels in the same order."""
    order = np.argsort(findings.index.to_numpy(object), kind="stable")
    findings, parcels = findings.iloc[order], parcels.iloc[order]
    use, uses = pd.factorize(parcels["use_code"].fillna("").to_numpy(object))
    owner, owners = pd.factorize(parcels["owner"].to_numpy(object), use_na_sentinel=True)
    verdict = findings["verdict"].to_numpy(object)
    return Plots(
        findings.index.to_numpy(object),
        findings["area"].to_numpy(np.float64),
        np.select([verdict == "free", verdict == "blocked"], [YES, NO], UNKNOWN).astype(np.int8),
        use.astype(np.int32),
        np.asarray(uses, object),
        {service: _days(findings, service) for service in SERVICES},
        findings["road_class"].map(CLASS_RANK).fillna(0).to_numpy().astype(np.int8),
        findings["road_frontage"].to_numpy(np.float64),
        findings["slope_max"].to_numpy(np.float64) / 100,
        owner.astype(np.int32),
        np.asarray(owners, object),
    )


def _pooled(
    pool: NDArray[np.object_], others: NDArray[np.object_], rows: NDArray[np.int32]
) -> tuple[NDArray[np.object_], NDArray[np.int32]]:
    """Add names to a pool of names, and give the places there of `rows` of the others; -1 stays."""
    at, names = pd.factorize(np.concatenate([pool, others]))
    places = np.append(at[len(pool) :], -1)
    return np.asarray(names, object), places[rows].astype(np.int32)


def _days(findings: pd.DataFrame, service: str) -> NDArray[np.int32]:
    """Find the day from which a service serves each plot, in days since 1970."""
    state = findings[f"{service}_state"].to_numpy(object)
    begins = findings[f"{service}_from"].to_numpy("datetime64[D]")
    dated = np.where(np.isnat(begins), UNDATED, begins.astype(np.int64))
    none = np.isin(state, ("none", "short"))
    days = np.select([none, np.isin(state, (*SERVING, "planned"))], [NEVER, dated], UNSURE)
    return days.astype(np.int32)


def day_number(day: date) -> int:
    """Number a day, from 1970."""
    return (day - date(1970, 1, 1)).days


def judge(plots: Plots, brief: Brief, criterion: str, rows: Rows, on: date) -> Judged:
    """Judge some plots by a criterion that stands in the table; those that do not are measured by a `Lazy`."""
    if criterion in SERVICES:
        return _service(plots.day[criterion][rows], day_number(on), day_number(brief.by or on))
    if criterion == "land":
        fit = plots.verdict[rows]
        return Judged(np.full(len(rows), np.nan), fit, (fit == YES).astype(float))
    if criterion == "use":
        wanted = np.array([u.startswith(brief.use) for u in plots.uses], bool)
        which = plots.use[rows]
        fit = np.where(plots.uses[which] == "", UNKNOWN, wanted[which]).astype(np.int8)
        return Judged(np.full(len(rows), np.nan), fit, (fit == YES).astype(float))
    return _measure(plots, brief, criterion, rows)


def _measure(plots: Plots, brief: Brief, criterion: str, rows: Rows) -> Judged:
    """Judge by a number: area, frontage, slope, class of the road."""
    if criterion == "area":
        return within_area(plots.area[rows], brief)
    if criterion == "slope":
        return at_most(plots.slope[rows], brief.slope or 0.0)
    if criterion == "frontage":
        return at_least(plots.frontage[rows], brief.frontage or 0.0)
    rank = plots.road_class[rows].astype(float)
    return at_least(np.where(rank > 0, rank, np.nan), float(CLASS_RANK[brief.road_class or "local"]))


def inside(area: Numbers, brief: Brief) -> NDArray[np.bool_]:
    """Tell which areas [m2] lie in the range of a brief."""
    return (area >= brief.area[0]) & (area <= brief.area[1])


def within_area(area: Numbers, brief: Brief) -> Judged:
    """Judge areas [m2]: best in the middle of the range, worth nothing half the range's middle beyond it."""
    (least, most), aim, fits = brief.area, brief.aim, inside(area, brief)
    beyond = np.maximum(np.maximum(least - area, area - most), 0.0)
    score = np.clip(1 - beyond / (0.5 * aim) - 0.5 * np.abs(area - aim) / aim * fits, 0.0, 1.0)
    return Judged(area, np.where(fits, YES, NO).astype(np.int8), score)


def at_least(value: Numbers, wanted: float) -> Judged:
    """Judge numbers that shall be large; NaN is unknown."""
    fit = np.select([np.isnan(value), value >= wanted], [UNKNOWN, YES], NO).astype(np.int8)
    return Judged(value, fit, np.clip(np.nan_to_num(value) / wanted if wanted else np.ones(len(value)), 0.0, 1.0))


def at_most(value: Numbers, wanted: float) -> Judged:
    """Judge numbers that shall be small; NaN is unknown."""
    fit = np.select([np.isnan(value), value <= wanted], [UNKNOWN, YES], NO).astype(np.int8)
    over = np.where(np.isnan(value), np.inf, value)
    score = np.where(
        over <= wanted, 1 - 0.5 * over / wanted if wanted else 1.0, np.clip(0.5 * (2 - over / (wanted or 1.0)), 0, 0.5)
    )
    return Judged(value, fit, score)


def _service(day: NDArray[np.int32], on: int, by: int) -> Judged:
    """Judge the days from which a service serves: 1 by the day that is asked, less the later it comes."""
    fit = np.select([day == UNSURE, day <= max(on, by)], [UNKNOWN, YES], NO).astype(np.int8)
    late = np.maximum(day.astype(float) - on, 0.0)
    score = np.where(day >= UNSURE, 0.0, np.clip(1 - late / PATIENCE, 0.0, 1.0))
    return Judged(np.where(day >= UNSURE, np.nan, day), fit, score)


TABLED = ("land", "area", "use", *SERVICES, "road_class", "frontage", "slope")


def find(plots: Plots, brief: Brief, on: date, lazy: Lazy, limit: int = 20, but: tuple[str, ...] = ()) -> Found:
    """Find the `limit` best plots that meet a brief.

    Exact: the criteria of the table are judged vectorised, the dear ones for plots in the order of the score that they can still
    reach, until no other can rank higher. Ties rank by id. `but` names criteria that are left out. Time grows with all plots by about
    2 ns for each, and by 10 ns with those of an area and a verdict that fit, for each criterion.
    """
    criteria = [c for c in brief.criteria if c not in but]
    tabled = [c for c in criteria if c in TABLED]
    musts = [c for c in tabled if brief.must(c)]
    rows, dropped = _sieved(plots, brief, musts)
    for name in (c for c in musts if c not in SIEVES):
        fit = judge(plots, brief, name, rows, on).fit
        dropped[name] = int((fit == NO).sum()), int((fit == UNKNOWN).sum())
        rows = rows[fit == YES]
    weights = {c: brief.weight(c) for c in criteria}
    whole = sum(weights.values()) or 1.0
    said = {c: judge(plots, brief, c, rows, on) for c in tabled}
    score = sum((weights[c] * said[c].score for c in tabled), np.zeros(len(rows)))
    dear = [c for c in criteria if c not in TABLED]
    order = _best(score, len(rows) if dear else limit)
    said = {c: j.pick(order) for c, j in said.items()}
    if not dear:
        return Found(rows[order], score[order] / whole, said, dropped, 0)
    kept, total, measured, lost, at = _examined(brief, lazy, limit, rows[order], score[order], dear)
    judged = {**{c: j.pick(kept) for c, j in said.items()}, **measured}
    return Found(rows[order][kept], total / whole, judged, dropped | lost, at)


SIEVES = ("area", "land")
"""Musts that leave out most plots at least cost, and so are looked at first and of all plots."""


def _sieved(plots: Plots, brief: Brief, musts: list[str]) -> tuple[Rows, dict[str, tuple[int, int]]]:
    """Find the plots that meet the SIEVES, and tell how many each left out and of how many it is unknown."""
    left = np.ones(len(plots.id), bool)
    dropped: dict[str, tuple[int, int]] = {}
    for name in (c for c in SIEVES if c in musts):
        fit = plots.verdict if name == "land" else np.where(inside(plots.area, brief), YES, NO)
        dropped[name] = int(np.count_nonzero(left & (fit == NO))), int(np.count_nonzero(left & (fit == UNKNOWN)))
        left &= fit == YES
    return np.flatnonzero(left), dropped


def _best(score: Numbers, limit: int) -> Rows:
    """Order rows by score, the best first, ties as they come; the `limit` best only."""
    if limit < len(score):
        bar = np.partition(score, len(score) - limit)[len(score) - limit] if limit else np.inf
        some = np.flatnonzero(score >= bar)
    else:
        some = np.arange(len(score))
    return np.asarray(some[np.argsort(-score[some], kind="stable")][:limit], np.intp)


def _examined(
    brief: Brief, lazy: Lazy, limit: int, rows: Rows, score: Numbers, dear: list[str]
) -> tuple[Rows, Numbers, dict[str, Judged], dict[str, tuple[int, int]], int]:
    """Measure the dear criteria of rows, best first, until none that is left can rank among the `limit` best.

    Gives the places of the best, their totals, what was measured of them, how many failed each must, how many were measured.
    """
    hope = sum(brief.weight(c) for c in dear)
    total = np.full(len(rows), -np.inf)
    measured = {c: Judged(np.full(len(rows), np.nan), np.zeros(len(rows), np.int8), np.zeros(len(rows))) for c in dear}
    lost = {c: np.zeros(2, np.int64) for c in dear if brief.must(c)}
    at = 0
    while limit and at < len(rows):
        bar = -np.partition(-total, limit - 1)[limit - 1] if limit <= len(total) else -np.inf
        if score[at] + hope < bar:
            break
        some = np.arange(at, min(at + BATCH, len(rows)))
        at, good = at + len(some), np.ones(len(some), bool)
        for name in dear:
            judged = lazy(name, rows[some])
            measured[name].value[some], measured[name].fit[some], measured[name].score[some] = judged
            if brief.must(name):
                lost[name] += [int((good & (judged.fit == NO)).sum()), int((good & (judged.fit == UNKNOWN)).sum())]
                good &= judged.fit == YES
        gained = np.sum([brief.weight(c) * measured[c].score[some] for c in dear], axis=0)
        total[some] = np.where(good, score[some] + gained, -np.inf)
    fitting = np.flatnonzero(np.isfinite(total))
    fitting = fitting[np.argsort(rows[fitting])]
    best = fitting[_best(total[fitting], limit)]
    told = {c: (int(n[0]), int(n[1])) for c, n in lost.items()}
    return best, total[best], {c: j.pick(best) for c, j in measured.items()}, told, at
