"""Land that no plot is by itself: parts of large plots, and assemblies of neighbours.

Single plots are looked at all; of these not all can be. So beside what was found stands by how much what was not looked at could
score higher: no land scores better in what the table knows of its plots than the best of them, nor more than 1 in anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from layers.base import Ask, Text
from layers.measured import Land
from layers.plan.assembly import MOST, Assembly, Cut, assemblies, cuts, front, neighbours
from layers.plan.readiness import SERVICES
from layers.plan.siting import NO, TABLED, YES, Brief, Judged, Numbers, Plots, Rows, at_least, at_most, find, judge, within_area
from layers.plan.terms import Term, term
from layers.store.base import Store

SEEDS = 40
"""From so many plots assemblies are begun, the best by themselves first."""
EXAMINED = 5
"""Of so many times the matches that are asked for the assemblies are measured, the most promising first."""
UNSEEN = {False: 1.0, True: 150.0}
"""So near the rim of what was read a plot may have neighbours that were not, by whether they may lie across a road [m]."""
SIZED = ("area", "width", "frontage", "earthwork", "distance", "load", "size", "budget")
"""Criteria that an assembly meets by itself, whatever its plots do alone."""
CUT = tuple(c for c in SIZED if c not in ("load", "size"))
"""Those that a part meets by itself, whatever its plot does."""
SHAPE = 1.0
"""The weight of an assembly's shape: half of it its compactness, half of it how few own it."""


class Shaped(NamedTuple):
    """What speaks for the shape of an assembly: the figure, and its score from 0 to 1."""

    value: float
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """Land that meets a brief: plots by number, area [m2], score from 0 to 1, and each criterion's part in it.

    Of a part `rest_area` [m2], `rest_width` and `rest_front` on public roads [m] tell what is left of the plot; of an assembly `compactness` (1 a circle)
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
    rest_front: float | None = None
    compactness: float | None = None
    owners: int | None = None


def ceiling(brief: Brief, best: float, own: tuple[str, ...], shape: float = 0.0) -> float:
    """Bound the score of land that is worth at most `best` by its plots, and at most 1 by the criteria `own` and by its shape."""
    free = sum(brief.weight(c) for c in brief.criteria if c in own) + shape
    bound = sum(brief.weight(c) for c in brief.criteria if c not in own)
    return (best * bound + free) / (bound + free or 1.0)


def _only(plots: Plots, mine: NDArray[np.bool_]) -> Plots:
    """Let only some plots be free, so that the others meet no brief; rows stay what they are."""
    return plots._replace(verdict=np.where(mine, plots.verdict, NO).astype(np.int8))


def cut(plots: Plots, brief: Brief, on: date, land: Land, limit: int, ask: Ask) -> tuple[list[Match], float]:
    """Cut the best part off each of the `limit` best plots that are too large; and by how much another part could be better.

    Tried are the lines of `layers.plan.assembly.cuts`. What a part costs nobody knows: none meets a budget that must be met.
    """
    if brief.budget is not None and brief.must("budget"):
        return [], 0.0
    large = find(_only(plots, plots.area > brief.area[1]), brief, on, land.measure, limit, CUT)
    if not len(large.rows):
        return [], 0.0
    made = []
    shapes, told = land.shapes(large.rows), land.told(large.rows)
    narrow, access = ask.standards["supply.min_width"], ask.standards["roads.access_width_min"]
    for n, shape in enumerate(shapes):
        roads = land.roads(shape.bounds)
        for some in cuts(shape, brief.area, brief.aim, roads, narrow, access):
            judged = {c: j.pick(np.full(len(some), n)) for c, j in large.judged.items()}
            judged |= _judged(brief, land, some, np.full(len(some), large.rows[n]), roads)
            fits = np.all([judged[c].fit == YES for c in brief.criteria if brief.must(c)], axis=0)
            if not fits.any():
                continue
            worth = sum((brief.weight(c) * judged[c].score for c in brief.criteria), np.zeros(len(some)))
            thin = np.array([-min(c.width, c.rest_width) for c in some])
            best = int(np.lexsort((thin, -worth, ~fits))[0])
            one = some[best]
            score, terms = _scored(brief, {c: judged[c].pick(np.array([best])) for c in brief.criteria}, on, told[n])
            id, left = str(plots.id[large.rows[n]]), (one.rest.area, one.rest_width, one.rest_front)
            made.append(Match("part", (id,), one.part.area, score, terms, one.part, *left))
            break
    highest = max((m.score for m in made), default=0.0)
    return made, max(0.0, ceiling(brief, float(large.score[0]), CUT) - highest)


def _judged(brief: Brief, land: Land, some: list[Cut], rows: Rows, roads: NDArray[np.object_]) -> dict[str, Judged]:
    """Judge parts of one plot, whose row is repeated, by what they are themselves."""
    shapes = np.array([one.part for one in some], object)
    judged = {"area": within_area(np.array([one.area for one in some]), brief)}
    if brief.frontage:
        judged["frontage"] = at_least(front(shapes, roads), brief.frontage)
    dear = (c for c in brief.criteria if c in CUT and c not in judged)
    return judged | {name: land.measure(name, rows, shapes) for name in dear}


def assembled(
    plots: Plots, brief: Brief, on: date, land: Land, store: Store, limit: int, across: bool
) -> tuple[list[Match], float]:
    """Put neighbours together, from the best plots that are too small by themselves; and by how much others could be better.

    What the table knows is summed up of all assemblies that `layers.plan.assembly` gives, and the most promising are measured
    until no other can rank among the `limit` best, or until EXAMINED times as many are.
    """
    seeds = find(_only(plots, plots.area < brief.area[1]), brief, on, land.measure, SEEDS, SIZED)
    if not len(seeds.rows):
        return [], 0.0
    reach = 2 * float(np.sqrt(min(brief.area[1], 4 * brief.area[0])))
    boxes = shapely.bounds(land.shapes(seeds.rows)) + np.array([-reach, -reach, reach, reach])
    ids = [store.read("parcels", box=tuple(box), columns=["id"])["id"] for box in boxes.tolist()]
    near = np.unique(plots.rows(pd.concat(ids).to_numpy(object)))
    near = near[near >= 0]
    fit = np.ones(len(near), bool)
    for name in brief.criteria:
        if name not in SIZED and brief.must(name):
            fit &= judge(plots, brief, name, near, on).fit == YES
    near = near[fit & (plots.area[near] < brief.area[1])]
    shapes = land.shapes(near)
    roads = land.roads(tuple(shapely.total_bounds(shapes).tolist())) if across else None
    owner = np.where(plots.owner[near] < 0, -1 - np.arange(len(near)), plots.owner[near])  # each whom nobody recorded is another
    around = neighbours(shapes, owner.astype(np.int32), roads)
    rim = ~shapely.within(shapes, shapely.union_all(shapely.box(*(boxes + UNSEEN[across] * np.array([1, 1, -1, -1])).T)))
    found, exact = assemblies(around, brief.area, np.searchsorted(near, seeds.rows[np.isin(seeds.rows, near)]), rim)
    made, most = _examined(plots, brief, on, land, near, shapes, found, limit)
    if not exact or len(seeds.rows) == SEEDS:
        most = ceiling(brief, float(seeds.score[0]), SIZED, SHAPE)
    return made, max(0.0, most - max((m.score for m in made), default=0.0))


def _examined(
    plots: Plots, brief: Brief, on: date, land: Land, near: Rows, shapes: NDArray[np.object_], found: list[Assembly], limit: int
) -> tuple[list[Match], float]:
    """Measure assemblies, the most promising first; the `limit` best that fit, and what one that was not measured could score."""
    promise = _promise(plots, brief, on, near, found)
    order = np.argsort(-promise, kind="stable")
    order = order[np.isfinite(promise[order])]
    sure = all(c in TABLED for c in brief.criteria)
    made: list[Match] = []
    at = 0
    while at < min(len(order), EXAMINED * limit):
        bar = sorted((m.score for m in made), reverse=True)[limit - 1] if len(made) >= limit else -np.inf
        if promise[order[at]] < bar or (sure and len(made) >= limit):
            break
        some = [found[k] for k in order[at : at + limit].tolist()]
        at += len(some)
        rows = np.unique([near[row] for a in some for row in a.rows]).astype(np.intp)
        told = dict(zip(rows.tolist(), land.told(rows), strict=True))
        every = [_assembled(plots, brief, on, land, near, told, shapes, a) for a in some]
        made += [m for m in every if all(t.fit == "yes" for t in m.terms if t.must)]
    made.sort(key=lambda m: (-m.score, m.plots))
    return made[:limit], float(promise[order[at]]) if at < len(order) else 0.0


def _promise(plots: Plots, brief: Brief, on: date, near: Rows, found: list[Assembly]) -> Numbers:
    """Bound what assemblies score: what the table knows as it is, what must be measured as if met; -inf where they surely do not fit."""
    rows = np.full((len(found), MOST), len(near))
    for n, a in enumerate(found):
        rows[n, : len(a.rows)] = a.rows
    total = SHAPE * np.array([(a.compactness + 1 / a.owners) / 2 for a in found])
    for name in brief.criteria:
        if name == "area":
            judged = within_area(np.array([a.area for a in found]), brief)
        elif name == "frontage":
            judged = at_least(np.append(plots.frontage[near], 0.0)[rows].sum(axis=1), brief.frontage or 0.0)
        elif name in TABLED:
            each = judge(plots, brief, name, near, on)
            worst = np.append(each.score + 2.0 * (each.fit == YES), np.inf)[rows].min(axis=1, initial=np.inf)
            judged = Judged(worst, np.where(worst >= 2, YES, NO).astype(np.int8), np.where(worst >= 2, worst - 2, worst))
        else:
            total += brief.weight(name)
            continue
        total += np.where(brief.must(name) & (judged.fit != YES), -np.inf, brief.weight(name) * judged.score)
    return np.asarray(total / (sum(brief.weight(c) for c in brief.criteria) + SHAPE), np.float64)


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
    """Judge an assembly: its day is that of its last plot, its front the sum of theirs; `findings` by the rows of plots.

    Width, distance and earthwork are those of the whole; of use, slope, roads and lines the plot counts that fits least.
    """
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
        elif name in ("width", "distance", "earthwork"):
            judged[name] = land.measure(name, rows[:1], np.array([outline], object))
        else:
            each = judge(plots, brief, name, rows, on) if name not in SIZED else land.measure(name, rows)
            judged[name] = each.pick(np.array([int(np.lexsort((each.score, each.fit == YES))[0])]))
    worst = {name: max(told, key=lambda row: str(row.get(f"{name}_from"))) for name in SERVICES}
    offers = [row.get("offer") for row in told]
    row = (
        told[0]
        | {"offer": next((o for o in offers if o != "published"), "published")}
        | {key: worst[s][key] for s in SERVICES for key in (f"{s}_state", f"{s}_from", f"{s}_line")}
    )
    score, terms = _scored(
        brief, judged, on, row, {"compactness": Shaped(a.compactness, a.compactness), "owners": Shaped(a.owners, 1 / a.owners)}
    )
    ids = tuple(str(plots.id[r]) for r in rows)
    return Match("assembly", ids, a.area, score, terms, outline, compactness=a.compactness, owners=a.owners)


def _scored(
    brief: Brief, judged: Mapping[str, Judged], on: date, row: Mapping[str, object], shape: Mapping[str, Shaped] | None = None
) -> tuple[float, tuple[Term, ...]]:
    """Sum the parts of the criteria up; those of an assembly's shape count like one more criterion, of weight SHAPE."""
    terms = [term(brief, c, float(j.value[0]), int(j.fit[0]), float(j.score[0]), on, row) for c, j in judged.items()]
    if shape:
        whole = sum(brief.weight(c) for c in brief.criteria) + SHAPE
        terms = [replace(t, part=t.part * (whole - SHAPE) / whole) for t in terms]
        aims = {"compactness": Text("a circle has 1", "圆为 1"), "owners": Text("few", "越少越好")}
        terms += [
            Term(
                name,
                False,
                "yes",
                SHAPE * s.score / len(shape) / whole,
                s.score,
                Text(f"{s.value:.3g}", f"{s.value:.3g}"),
                aims[name],
            )
            for name, s in shape.items()
        ]
    return sum(t.part for t in terms), tuple(terms)
