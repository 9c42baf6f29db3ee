"""Who lies along the works of a project: the parcels within a distance of them, and who was spoken to (沿线逐一对接, domain.md F54)."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import united
from layers.errors import Refusal
from layers.project_land import grounds
from layers.roads import road_land
from layers.store.base import Compare, Store, When

FARTHEST = 1000.0
"""The widest strip beside works [m]."""
COLUMNS = ("layer", "id", "name", "distance_m", "contacted_on", "need", "settled_on")


class NoWorksError(Refusal):
    """A project has no place along which anybody could lie."""


class Along(NamedTuple):
    """Who lies along works, the nearest first: a frame of COLUMNS, `layer` stakeholders or parcels.

    A parcel is told with its right holder (missing: nobody recorded him), and as spoken to on the day on which the first of the project's stakeholders on it was.
    `unsurveyed_m2`: land of the strip where nobody surveyed parcels, so that more may lie there. `absent`: roads that sections name
    and that are not stored.
    """

    rows: pd.DataFrame
    unsurveyed_m2: float
    absent: tuple[str, ...]


def along(store: Store, project: str, within: float, as_of: When | None = None) -> Along:
    """List who lies within a distance [m] of the works of a project: the red lines of the roads of its sections, its sites, its parcels.

    A road without a recorded width is measured from its axis. NoWorksError where none of them is stored. Time and memory grow with the parcels along the works.
    """
    mine = [Compare("project", "=", project)]
    with store.snapshot():
        named = (
            store.read("sections", columns=["road"], where=[*mine, Compare("road", "known")], as_of=as_of)["road"]
            .unique()
            .tolist()
        )
        roads = store.read("roads", ids=named, as_of=as_of)
        land = grounds(store, as_of, project)
        axes, between = roads.geometry.to_numpy(), road_land(roads)
        works = np.concatenate([np.where(shapely.is_empty(between), axes, between), land.geometry.to_numpy()])
        if not len(works):
            raise NoWorksError(
                f"project {project} has no sections with a stored road, no sites and no parcels: record where its works are",
                f"项目 {project} 没有已入库道路的标段,也没有用地范围或宗地,请先记录工程位置",
            )
        box = shapely.total_bounds(works) + np.array([-within, -within, within, within])
        parcels = store.read("parcels", tuple(box.tolist()), columns=["id", "owner"], as_of=as_of)
        told = store.read("stakeholders", where=mine, as_of=as_of)
        covered = united(e for e in store.editions(as_of=as_of) if e.layer == "parcels")
    own = land["id"][(land["layer"] == "parcels").to_numpy(bool)]
    parcels = parcels[~parcels["id"].isin(own).to_numpy(bool)]
    whole = shapely.union_all(works)
    strip = shapely.difference(shapely.buffer(whole, within), whole)
    shapely.prepare(whole)
    parcels = parcels.assign(
        layer="parcels", name=parcels["owner"], distance_m=shapely.distance(whole, parcels.geometry.to_numpy())
    )
    parcels = parcels[(parcels["distance_m"] <= within).to_numpy(bool)]
    parcels = parcels.assign(contacted_on=_spoken_to(parcels, told), need=None, settled_on=pd.NaT)
    told = told.assign(layer="stakeholders", distance_m=shapely.distance(whole, told.geometry.to_numpy()))
    told = told[(told["distance_m"] <= within).to_numpy(bool)]
    both = [pd.DataFrame(part[list(COLUMNS)]) for part in (told, parcels) if len(part)]
    rows = pd.concat(both, ignore_index=True) if both else pd.DataFrame(columns=list(COLUMNS))
    rows = rows.sort_values(["distance_m", "layer", "id"], kind="stable").reset_index(drop=True)
    return Along(rows, float(shapely.area(shapely.difference(strip, covered))), tuple(sorted(set(named) - set(roads["id"]))))


def _spoken_to(parcels: gpd.GeoDataFrame, told: gpd.GeoDataFrame) -> NDArray[np.datetime64]:
    """Tell on which day the first stakeholder on each parcel was spoken to."""
    said = told[told["contacted_on"].notna().to_numpy(bool)]
    place, parcel = shapely.STRtree(parcels.geometry.to_numpy()).query(said.geometry.to_numpy(), predicate="intersects")
    days = pd.Series(said["contacted_on"].to_numpy()[place]).groupby(parcel).min()
    return np.asarray(days.reindex(np.arange(len(parcels))).to_numpy("datetime64[s]"))
