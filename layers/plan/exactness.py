"""How exact a site's area is, and whether its verdict survives an error of its boundary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.crs import area_sigma, ellipsoidal_area, planar_area
from layers.base import Ask
from layers.plan.supply import BLOCK, NAMES, SEVERITIES, Claimed, Decided, Sliver, decide

ORDER = list(SEVERITIES)
Found = list[tuple[str, str]]
"""Severity and rule of parts of a site."""
Worst = tuple[str, set[str]]
"""The worst severity on a site, and the rules of it."""
Ids = NDArray[np.object_] | None


@dataclass(frozen=True, slots=True)
class Exactness:
    """The areas of a site [m2] and what its verdict is if its boundary errs by `tolerance` [m].

    `planar` on the grid of the base, `ellipsoidal` by the survey's formula; `sigma` the planar area's standard deviation from
    boundary points of `survey_class`. `smaller` and `larger`: the verdicts on the site shrunk and grown ("unknown" where
    nothing is left). `because`: keys of the rules that turn the verdict; "" is no rule, a site thinner than its error.
    """

    planar: float
    ellipsoidal: float
    sigma: float
    survey_class: str
    tolerance: float
    smaller: str
    larger: str
    because: tuple[str, ...]

    @property
    def survives(self) -> bool:
        """Whether the verdict is the same within the tolerance."""
        return not self.because


def tolerance(ask: Ask) -> float:
    """Look up how far a boundary may err [m]: the limit of the survey class, twice the mean error of its points."""
    limit: float = ask.standards["parcels.adjacent_point_limit"][ask.standards["parcels.boundary_point_class"]]
    return limit


def verdict_of(severity: str) -> str:
    """Turn the worst severity into the verdict."""
    return {"block": "blocked", "unknown": "unknown"}.get(severity, "free")


def exactness(
    site: BaseGeometry, crs: object, drawn: Decided, claims: Claimed, ask: Ask, others: str, ids: Ids = None
) -> Exactness:
    """Measure how exact a site is, and tell whether its verdict is the same with its boundary moved in and out.

    drawn, claims, ids: the decision on the site as it is drawn, with what was decided by (it must reach `tolerance` beyond the
    site); others: the worst severity of the checks that do not depend on the boundary. A claim that only meets the site's own
    line does not count when that is moved out: a line that two share moves for both. What lies beyond a gap counts, and what
    overlaps the site by more than the drawing noise. Claims keep their place: a thin strip through the site does not change.
    """
    survey_class, reach = ask.standards["parcels.boundary_point_class"], tolerance(ask)
    inner, outer = (site.buffer(d, join_style="mitre") for d in (-reach, reach))
    now = _worst(_found(drawn), others)
    smaller = _worst([("unknown", "")], others) if inner.is_empty else _smaller(inner, drawn, now, claims, ask, others, ids)
    larger = _larger(site, outer, drawn, now, claims, ask, others, ids)
    turned = [
        max(now, then, key=lambda w: ORDER.index(w[0])) for then in (smaller, larger) if verdict_of(then[0]) != verdict_of(now[0])
    ]
    because = {reason for _, reasons in turned for reason in reasons} | ({""} if inner.is_empty else set())
    shapes = np.array([site], object)
    return Exactness(
        planar=float(planar_area(shapes, crs)[0]),
        ellipsoidal=float(ellipsoidal_area(shapes, crs)[0]),
        sigma=float(area_sigma(shapes, ask.standards["parcels.boundary_point_error"][survey_class])[0]),
        survey_class=survey_class,
        tolerance=reach,
        smaller=verdict_of(smaller[0]),
        larger=verdict_of(larger[0]),
        because=tuple(sorted(because)),
    )


def _smaller(inner: BaseGeometry, drawn: Decided, now: Worst, claims: Claimed, ask: Ask, others: str, ids: Ids) -> Worst:
    """Find the worst on the site moved in.

    Where a blocked part of the site keeps more than all that slivers may hide (what is claimed there, what is not, and the
    rest of the plot, each up to the area of one), that is blocked too and nothing is worse.
    """
    if now[0] == ORDER[BLOCK] and (parts := np.flatnonzero(drawn.worst == BLOCK)).size:
        largest = parts[drawn.pieces.area[parts].argmax()]
        kept = shapely.area(shapely.intersection(drawn.pieces.geometry[largest], inner))
        if kept > 4 * ask.standards["control_lines.sliver_area"]:
            return now
    return _worst(_found(decide(np.array([inner], object), claims, ask, ids, draw=False)), others)


def _larger(
    site: BaseGeometry, outer: BaseGeometry, drawn: Decided, now: Worst, claims: Claimed, ask: Ask, others: str, ids: Ids
) -> Worst:
    """Find the worst on the site moved out: of the site itself, and of the parts of the grown one that are worse and count."""
    if now[0] == ORDER[BLOCK]:
        return now
    grown = decide(np.array([outer], object), claims, ask, ids)
    worse = np.flatnonzero(grown.worst > ORDER.index(now[0]))
    pieces, at = shapely.get_parts(grown.pieces.geometry[worse], return_index=True)
    counts = worse[np.unique(at[~_shared(pieces, site, ask)])]
    beyond = [found for k, found in enumerate(_found(grown)) if k in set(counts.tolist())]
    return _worst(_found(drawn) + beyond, others)


def _found(decided: Decided) -> Found:
    """List severity and rule of each part."""
    return list(zip(NAMES[decided.worst].tolist(), decided.reason.tolist(), strict=True))


def _worst(found: Found, others: str) -> Worst:
    """Find the worst severity and the rules of it."""
    severity = max((others, *(s for s, _ in found)), key=ORDER.index)
    return severity, {reason for s, reason in found if s == severity}


def _shared(pieces: NDArray[np.object_], shape: BaseGeometry, ask: Ask) -> NDArray[np.bool_]:
    """Tell which pieces begin at the site's own line and have no land inside, or are drawing slivers themselves."""
    noise = ask.standards["supply.drawing_noise"]
    sliver = Sliver(ask.standards["control_lines.sliver_area"], ask.standards["control_lines.sliver_width"])
    inside = shapely.area(shapely.intersection(pieces, shape))
    meeting = (shapely.distance(pieces, shape) <= noise) & (inside <= noise * shapely.length(pieces))
    return np.asarray(meeting | sliver.among(shapely.length(pieces), shapely.area(pieces)), np.bool_)
