"""How exact a site's area is, and whether its verdict survives an error of its boundary."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.crs import area_sigma, ellipsoidal_area, planar_area
from layers.base import Ask
from layers.plan.supply import SEVERITIES, Sliver, Supply

ORDER = list(SEVERITIES)
Found = list[tuple[str, str]]
"""Severity and rule of parts of a site."""


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


def moved(site: gpd.GeoDataFrame, ask: Ask) -> gpd.GeoDataFrame:
    """Draw a site, a frame of one polygon, three times: as it is, moved in and moved out by the tolerance.

    Where nothing is left the second is as it is.
    """
    shape, reach = site.geometry.iloc[0], tolerance(ask)
    inner, outer = (shape.buffer(d, join_style="mitre") for d in (-reach, reach))
    three = site.loc[site.index.repeat(3)].reset_index(drop=True)
    return three.set_geometry([shape, shape if inner.is_empty else inner, outer], crs=site.crs)


def exactness(three: gpd.GeoDataFrame, supply: Supply, ask: Ask, others: str) -> Exactness:
    """Measure how exact a site is, and tell whether its verdict is the same with its boundary moved in and out.

    three: the site as `moved` draws it; supply: the judgement of all three; others: the worst severity of the checks that do
    not depend on the boundary. A claim that only meets the site's own line does not count when that is moved out: a line that
    two share moves for both. What lies beyond a gap counts, and what overlaps the site by more than the drawing noise. Claims
    keep their place: a thin strip through the site does not change.
    """
    shape, inner = three.geometry.iloc[0], three.geometry.iloc[1]
    survey_class = ask.standards["parcels.boundary_point_class"]
    nothing_left = inner.equals(shape)
    drawn = _found(supply.of(0).parts)
    small = [("unknown", "")] if nothing_left else _found(supply.of(1).parts)
    large = drawn + _beyond(supply.of(2).parts, shape, _worst(drawn, others)[0], ask)
    now, smaller, larger = (_worst(found, others) for found in (drawn, small, large))
    turned = [
        max(now, then, key=lambda w: ORDER.index(w[0])) for then in (smaller, larger) if verdict_of(then[0]) != verdict_of(now[0])
    ]
    because = {reason for _, reasons in turned for reason in reasons} | ({""} if nothing_left else set())
    shapes = np.array([shape], object)
    return Exactness(
        planar=float(planar_area(shapes, three.crs)[0]),
        ellipsoidal=float(ellipsoidal_area(shapes, three.crs)[0]),
        sigma=float(area_sigma(shapes, ask.standards["parcels.boundary_point_error"][survey_class])[0]),
        survey_class=survey_class,
        tolerance=tolerance(ask),
        smaller=verdict_of(smaller[0]),
        larger=verdict_of(larger[0]),
        because=tuple(sorted(because)),
    )


def _found(parts: gpd.GeoDataFrame) -> Found:
    """List severity and rule of each part."""
    return list(zip(parts["severity"].tolist(), parts["reason"].tolist(), strict=True))


def _worst(found: Found, others: str) -> tuple[str, set[str]]:
    """Find the worst severity and the rules of it."""
    severity = max((others, *(s for s, _ in found)), key=ORDER.index)
    return severity, {reason for s, reason in found if s == severity}


def _beyond(parts: gpd.GeoDataFrame, shape: BaseGeometry, worst: str, ask: Ask) -> Found:
    """Find the parts of the grown site that are worse than the site and count."""
    worse = parts[parts["severity"].map(ORDER.index) > ORDER.index(worst)]
    pieces, at = shapely.get_parts(worse.geometry.to_numpy(), return_index=True)
    return _found(worse.iloc[np.unique(at[~_shared(pieces, shape, ask)])])


def _shared(pieces: NDArray[np.object_], shape: BaseGeometry, ask: Ask) -> NDArray[np.bool_]:
    """Tell which pieces begin at the site's own line and have no land inside, or are drawing slivers themselves."""
    noise = ask.standards["supply.drawing_noise"]
    sliver = Sliver(ask.standards["control_lines.sliver_area"], ask.standards["control_lines.sliver_width"])
    inside = shapely.area(shapely.intersection(pieces, shape))
    meeting = (shapely.distance(pieces, shape) <= noise) & (inside <= noise * shapely.length(pieces))
    return np.asarray(meeting | sliver.among(shapely.length(pieces), shapely.area(pieces)), np.bool_)
