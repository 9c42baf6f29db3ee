"""Land for a project: single plots, parts of large ones and assemblies of neighbours, out of all that is assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from layers.assessment import Networks, NotFoundError
from layers.base import Ask
from layers.composed import Match, assembled, cut
from layers.measured import Land
from layers.plan.counterfactual import Counterfactual, counterfactual
from layers.plan.siting import TABLED, YES, Brief, find, judge
from layers.plan.terms import term
from layers.plot_index import Index
from layers.standards import Standards
from layers.store.base import Store

KINDS = ("single", "part", "assembly")


@dataclass(frozen=True, slots=True)
class Sitings:
    """The matches of a brief, best first, and what was looked at.

    `plots`: how many were assessed; `dropped`: how many each must left out, and of how many nobody knows. `gaps`: of parts and of
    assemblies, where they were asked for, by how much one that was not looked at could score higher than the best that was found;
    0 where none can. Single plots are exact.
    """

    matches: tuple[Match, ...]
    plots: int
    dropped: Mapping[str, tuple[int, int]]
    gaps: Mapping[str, float]
    on: date


def search(
    store: Store, brief: Brief, ask: Ask, standards: Standards, limit: int = 20, kinds: tuple[str, ...] = KINDS,
    across: bool = False, index: Index | None = None, networks: Networks | None = None,
) -> Sitings:  # fmt: skip
    """Find land that meets a brief: of `kinds` single plots, parts of large plots and assemblies of neighbours.

    Single plots are exact. Assemblies may cross a road where `across` says so; how parts and assemblies are looked for, and what
    bounds those that are not, is told in `layers.composed`. StaleFindingsError where the land is not assessed as it is. Memory as
    for `Index`.
    """
    networks = networks or Networks()
    plots, on = (index or Index()).plots(store, standards, networks)
    land = Land(store, plots, ask, brief, networks)
    singles = find(plots, brief, on, land.measure, limit if "single" in kinds else 0)
    told, shapes = land.told(singles.rows), land.shapes(singles.rows)
    matches = [
        Match("single", (str(plots.id[r]),), float(plots.area[r]), float(singles.score[n]),
              tuple(term(brief, c, float(j.value[n]), int(j.fit[n]), float(j.score[n]), on, told[n]) for c, j in singles.judged.items()),
              shapes[n])
        for n, r in enumerate(singles.rows)
    ]  # fmt: skip
    gaps: dict[str, float] = {}
    if "part" in kinds:
        found, gaps["part"] = cut(plots, brief, on, land, limit, ask)
        matches += found
    if "assembly" in kinds:
        found, gaps["assembly"] = assembled(plots, brief, on, land, store, limit, across)
        matches += found
    matches.sort(key=lambda m: (-m.score, m.plots))
    return Sitings(tuple(matches[:limit]), len(plots.id), singles.dropped, gaps, on)


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
    networks = networks or Networks()
    plots, on = (index or Index()).plots(store, standards, networks)
    rows = plots.rows(np.array([plot], object))
    if rows[0] < 0:
        raise NotFoundError(f"there is no plot {plot}; list them in the map", f"没有宗地 {plot},请在地图中查看")
    land = Land(store, plots, ask, brief, networks)
    judged = {c: judge(plots, brief, c, rows, on) if c in TABLED else land.measure(c, rows) for c in brief.criteria}
    (row,) = land.told(rows)
    terms = [term(brief, c, float(j.value[0]), int(j.fit[0]), float(j.score[0]), on, row) for c, j in judged.items()]
    lacks = brief.near and judged["distance"].fit[0] != YES
    return counterfactual(plot, brief, judged, terms, land.eased(land.shapes(rows)[0]) if lacks else None)
