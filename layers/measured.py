"""What stands in no table of a few plots, or of parts of them: width, distances, earthwork, price, and what their lines can take."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.shape import inner_width
from layers.around import land_around
from layers.assessment import Networks
from layers.base import Ask, arrays_of, surveyed_for
from layers.catalogue import LAYERS, coded
from layers.plan.levelling import earthwork
from layers.plan.readiness import SERVICES
from layers.plan.siting import NO, UNKNOWN, YES, Brief, Judged, Near, Plots, Rows, at_least, at_most
from layers.plan.supply import survey_of
from layers.roads import road_land
from layers.store.base import Compare, Store

TOLD = ("verdict", "reason", "road_class", "contested", *(f"{s}_{what}" for s in SERVICES for what in ("state", "from", "line")))
"""The columns of the findings that are told of a match."""

FARTHEST = 20_000.0
"""So far, by doubling a distance that is not met, the nearest feature is looked for, to tell how far it is [m]."""


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
        arrays = arrays_of(self._store.findings(ids.tolist(), TOLD)[0].reindex(ids))
        columns = {name: np.asarray(array.astype(object)) for name, array in arrays.items()}
        columns["use_code"] = self._plots.uses[self._plots.use[rows]]
        if self._brief.budget is not None:
            columns["offer"] = self._offers(rows)["state"].to_numpy(object)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def roads(self, box: tuple[float, ...]) -> NDArray[np.object_]:
        """Read the land of the public roads in a box: their axes, as wide as their red lines."""
        west, south, east, north = box
        roads = self._store.read("roads", box=(west - 100, south - 100, east + 100, north + 100))
        public = roads[(roads["class"] != "private").to_numpy(bool)]
        return road_land(public)

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
        return np.asarray(self._offers(rows)["start_price"].to_numpy(np.float64, na_value=np.nan), np.float64)

    def _offers(self, rows: Rows) -> pd.DataFrame:
        """Read the price and the state of the listing of each plot, the newest that is neither withdrawn nor sold."""
        ids = self._plots.id[rows]
        columns = ["plot", "state", "start_price"]
        found = self._store.read("listings", columns=columns, where=[Compare("plot", "in", tuple(ids.tolist()))])
        found = found[~found["state"].isin(["withdrawn", "sold"])].drop_duplicates("plot", keep="last")
        return pd.DataFrame(found.drop(columns="geometry")).set_index("plot").reindex(ids)

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
        column = field.name if near.kind and (field := coded(near.layer)) else None
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

    def eased(self, shape: BaseGeometry) -> tuple[tuple[Near, ...], float] | None:
        """Widen the distances of the brief until an outline meets them all, and by what share; None where none or nobody knows it would."""
        one, made, off = np.array([shape], object), [], 0.0
        for near in self._brief.near:
            judged = self._near(one, near)
            if judged.fit[0] == YES:
                made.append(near)
                continue
            beyond = not judged.value[0] <= near.most
            for far in [near.most * 2.0**k for k in range(1, 8) if beyond and near.most * 2.0**k <= FARTHEST]:
                judged = self._near(one, near._replace(most=far))
                if np.isfinite(judged.value[0]):
                    break
            value = float(judged.value[0])
            wider = near._replace(least=min(near.least, value), most=max(near.most, value + 1e-6))
            if not np.isfinite(value) or self._near(one, wider).fit[0] != YES:
                return None
            off = max(off, (near.least - value) / near.least if value < near.least else value / near.most - 1)
            made.append(wider)
        return tuple(made), off

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
