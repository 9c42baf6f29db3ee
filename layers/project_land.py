"""From a project to its land and back: the sites and parcels of a project with their verdicts, the projects that want a plot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.assessment import Networks, check, question, stored
from layers.plan.sheet import Sheet
from layers.standards import Standards
from layers.store.base import Compare, Store, When

MOST = 30
"""Sites and parcels of one project that are judged at once: some seconds of work."""
SHARED = 1e-6
"""Less land than this [m2] is a border, not shared."""


class Ground(NamedTuple):
    """A site or parcel of a project and its verdict; the sheet's geometry is in the base's CRS."""

    layer: str
    name: str | None
    sheet: Sheet


class Land(NamedTuple):
    """The land of a project; `absent`: numbers of parcels that its land cases name and that are not stored; `unjudged`: beyond MOST."""

    grounds: tuple[Ground, ...]
    absent: tuple[str, ...]
    unjudged: tuple[str, ...]


class Claimant(NamedTuple):
    """A project that has to do with a plot: by sites that share land with it, or by land cases that name it."""

    project: str
    sites: tuple[str, ...]
    cases: tuple[str, ...]


def land_of(
    store: Store, standards: Standards, project: str, on: date | None = None, as_of: datetime | None = None,
    networks: Networks | None = None,
) -> Land:  # fmt: skip
    """Judge the sites of a project that are not cancelled, and the parcels of its land cases, as `shudi check` does."""
    networks = networks or Networks()
    with store.snapshot():
        mine = [Compare("project", "=", project)]
        sites = store.read("sites", where=mine, as_of=as_of)
        sites = sites[_alive(sites)]
        named = _named(store, as_of, mine)["parcel"]
        parcels = store.read("parcels", ids=list(dict.fromkeys(named)), as_of=as_of)
        grounds = []
        for layer, features in (("sites", sites.iloc[:MOST]), ("parcels", parcels.iloc[: max(MOST - len(sites), 0)])):
            for facts, shape in zip(_facts(features), features.geometry, strict=True):
                use, needed = (facts.get(name) if layer == "sites" else None for name in ("use_code", "required_area"))
                ask = question(standards, on, as_of, use)
                made = check(store, shape, ask, facts["id"], layer, needed or None, as_of=as_of, networks=networks)
                grounds.append(Ground(layer, facts.get("name"), made))
    done = {g.sheet.id for g in grounds}
    left = [id for id in [*sites["id"], *parcels["id"]] if id not in done]
    return Land(tuple(grounds), tuple(sorted(set(named) - set(parcels["id"]))), tuple(left))


def _facts(features: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Tell what is recorded of features, None where nothing is."""
    plain = pd.DataFrame(features.drop(columns="geometry")).astype(object)
    return [{str(k): v for k, v in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")]


def _alive(sites: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which sites belong to a project and are not cancelled."""
    return np.asarray((sites["status"] != "cancelled").to_numpy(bool, na_value=True) & sites["project"].notna().to_numpy(bool))


def _named(store: Store, as_of: When | None, where: Sequence[Compare] = ()) -> pd.DataFrame:
    """List the parcels that land cases name, one a row: `id` of the case, `project`, `parcel`."""
    known = [*where, Compare("parcels", "known")]
    return each_parcel(store.read("land_cases", columns=["id", "project", "parcels"], where=known, as_of=as_of))


def each_parcel(cases: pd.DataFrame) -> pd.DataFrame:
    """List the parcels that land cases name, one a row: `parcel`, beside the columns of the case."""
    pairs = cases[cases["parcels"].notna().to_numpy(bool)]
    pairs = pairs.assign(parcel=pairs["parcels"].str.split(",")).explode("parcel")
    pairs["parcel"] = pairs["parcel"].str.strip()
    return pairs[(pairs["parcel"] != "").to_numpy(bool)]


def grounds(store: Store, as_of: When | None = None, project: str | None = None) -> gpd.GeoDataFrame:
    """List the land of all projects or of one, unjudged: sites that are not cancelled and parcels of land cases; layer, id, project."""
    mine = [] if project is None else [Compare("project", "=", project)]
    with store.snapshot():
        sites = store.read("sites", as_of=as_of, columns=["id", "project", "status"], where=mine)
        named = _named(store, as_of, mine)
        parcels = store.read("parcels", ids=list(dict.fromkeys(named["parcel"])), columns=["id"], as_of=as_of)
    sites = sites[_alive(sites)]
    pairs = named[["project", "parcel"]].drop_duplicates()
    held = parcels.merge(pairs, left_on="id", right_on="parcel")
    columns = ["layer", "id", "project", "geometry"]
    both = [sites.assign(layer="sites")[columns], held.assign(layer="parcels")[columns]]
    return gpd.GeoDataFrame(pd.concat(both, ignore_index=True), geometry="geometry", crs=store.crs)


def projects_on(store: Store, plot: str, as_of: When | None = None) -> tuple[Claimant, ...]:
    """Name the projects whose sites share land with a plot, or whose land cases name it; NotFoundError where there is no plot."""
    with store.snapshot():
        shape = stored(store, "parcels", plot, as_of).geometry
        sites = store.read("sites", shape.bounds, as_of=as_of)
        cases = _named(store, as_of)
    sites = sites[_alive(sites) & (shapely.area(shapely.intersection(sites.geometry.to_numpy(), shape)) > SHARED)]
    cases = cases[(cases["parcel"] == plot).to_numpy(bool)]
    by_site, by_case = sites.groupby("project")["id"].agg(list), cases.groupby("project")["id"].agg(list)
    names = dict.fromkeys([*by_case.index, *by_site.index])
    return tuple(Claimant(p, tuple(by_site.get(p, ())), tuple(by_case.get(p, ()))) for p in names)
