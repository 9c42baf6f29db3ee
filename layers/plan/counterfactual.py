"""Why a plot meets no brief, and the least change that would make it fit: of the land, or of what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from layers.base import Text
from layers.plan.readiness import SERVICES
from layers.plan.siting import CLASS_RANK, CRITERIA, NO, YES, Brief, Judged, Near
from layers.plan.terms import Term, listed


@dataclass(frozen=True, slots=True)
class Change:
    """What a must that is not met asks for: `cure` of the land, from the day `from_`; or less asked, as `instead` says.

    `effort`: by what share the brief gives way, 0 where only a wait is needed; None where no less would do and the land itself must
    change.
    """

    criterion: str
    title: Text
    value: Text
    wanted: Text
    cure: Text | None
    from_: date | None
    instead: Text | None
    effort: float | None


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The least change for which a plot fits: one for each must that it fails, the easiest first; none where it fits already.

    Each of them is needed, and together they are enough: `brief` is what the plot would meet, None where the land itself must
    change; `from_` the day from which it fits without any other change than to wait.
    """

    plot: str
    fits: bool
    changes: tuple[Change, ...]
    brief: Brief | None
    from_: date | None


def counterfactual(
    plot: str,
    brief: Brief,
    judged: Mapping[str, Judged],
    terms: Sequence[Term],
    near: tuple[tuple[Near, ...], float] | None = None,
) -> Counterfactual:
    """Find the least change for one plot, of which each criterion was judged (shape (1,)) and told.

    near: distances that the plot would meet, and by what share they give way; None where it meets them, or none is known.
    """
    changes, less, wait = [], brief, True
    stands = True
    days: list[date] = []
    for term in (t for t in terms if t.must and t.fit != "yes"):
        value, fit = float(judged[term.criterion].value[0]), int(judged[term.criterion].fit[0])
        eased = ease(less, term.criterion, value) if fit == NO else None
        if term.criterion == "distance" and near is not None:
            eased = replace(less, near=near[0]), near[1], listed(near[0])
        if eased is None:
            stands = False
        else:
            less = eased[0]
        dated = term.criterion in SERVICES and eased is not None and eased[1] == 0.0 and term.from_ is not None
        wait = wait and dated
        days += [term.from_] if dated and term.from_ is not None else []
        changes.append(
            Change(
                term.criterion, CRITERIA[term.criterion], term.value, term.wanted, term.cure, term.from_,
                eased[2] if eased else None, eased[1] if eased else None,
            )
        )  # fmt: skip
    changes.sort(key=lambda c: (c.effort is None, c.effort or 0.0, c.criterion))
    fits = not changes
    return Counterfactual(plot, fits, tuple(changes), less if stands else None, max(days) if wait and days else None)


def ease(brief: Brief, criterion: str, value: float) -> tuple[Brief, float, Text] | None:
    """Ask just so much less by one criterion that a value meets it; and by what share. None where no less would do."""
    if criterion == "area":
        least, most = brief.area
        off = max(least - value, value - most) / brief.aim
        return replace(brief, area=(min(least, value), max(most, value))), off, _words(f"{value:,.2f} m²")
    if criterion in SERVICES:
        return _waited(brief, criterion, value)
    if criterion == "road_class":
        name = next((n for n, rank in CLASS_RANK.items() if rank == value), None)
        off = 1 - value / CLASS_RANK[brief.road_class or "local"]
        return replace(brief, road_class=name), off, _words(str(name))
    if criterion == "load":
        loads = {kind: load * value for kind, load in brief.loads.items()}
        return (replace(brief, loads=loads), 1 - value, _words(f"{value:.0%}")) if value > 0 else None
    if criterion == "size":
        sizes = {kind: size * value for kind, size in brief.sizes.items()}
        return (replace(brief, sizes=sizes), 1 - value, _words(f"{value:.0%}")) if value > 0 else None
    if criterion in ("frontage", "width", "slope", "earthwork", "budget"):
        wanted = float(getattr(brief, criterion))
        if not np.isfinite(value) or value <= 0:
            return None
        changed: dict[str, Any] = {criterion: value}
        return (
            replace(brief, **changed),
            abs(value - wanted) / wanted,
            _words(f"{value * (100 if criterion == 'slope' else 1):,.4g}"),
        )
    return None


def _waited(brief: Brief, service: str, day: float) -> tuple[Brief, float, Text] | None:
    """Ask for a service from the day on which it comes; None where nobody knows a day."""
    if not np.isfinite(day):
        return None
    comes = date(1970, 1, 1) + timedelta(int(day))
    return replace(brief, by=max(comes, brief.by or comes)), 0.0, Text(f"wait until {comes}", f"等到 {comes}")


def _words(said: str) -> Text:
    return Text(said, said)


def met(judged: Mapping[str, Judged], brief: Brief) -> bool:
    """Tell whether all musts of a brief are met."""
    return all(int(j.fit[0]) == YES for c, j in judged.items() if brief.must(c))
