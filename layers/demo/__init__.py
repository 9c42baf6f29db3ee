"""The demo park: a generated industrial park near Jinan, from a few plots to a city of a million.

It stands in for real data in demonstrations, tests and benchmarks. All of it is invented and says so; only the areas of the
project sites are those of domain.md section 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any

import geopandas as gpd

from layers import control_lines as control_line_kinds
from layers import corridors as corridor_kinds
from layers.base import Edition, Text
from layers.demo import community, ledger
from layers.demo.corridors import corridors
from layers.demo.frame import CRS
from layers.demo.land import control_lines, development_areas, land_use, parcels, terrain, zoning
from layers.demo.networks import WIDE, network_frames, streets
from layers.demo.park import City, District, NoSuchPark, district
from layers.demo.sites import sites

__all__ = ["CRS", "SOURCE", "TITLE", "NoSuchPark", "deliveries"]

TITLE = Text("Demo park (generated, not real)", "示例园区(生成数据,非真实)")
SOURCE = "generated demo park (示例数据,非真实)"

FIRST = (sites, ledger.approvals, community.divisions, community.resettlements, community.amenities)
"""What only the first district has, if it is large enough."""
Draw = Callable[[District], gpd.GeoDataFrame | None]


def deliveries(plots: int = 400, seed: int = 1) -> Iterator[tuple[Edition, Iterator[gpd.GeoDataFrame]]]:
    """Generate the deliveries of a park: for each an edition (without id) and its features, a frame for each district.

    plots: exactly as many, >= 1. The same plots and seed (>= 0) give the same content, else NoSuchPark. Frames are in CRS, have
    the columns of their layer (`terrain` also `grid`, one geo.raster.Grid a row) and are made when asked for, so memory holds one
    district of 400 plots whatever the number. An edition without features is left out. Land use and telecom left out the
    eastern 120 m or so of every column of districts: what lies there is unknown.
    """
    city = City(plots, seed)
    everywhere, partly = city.box(), city.surveyed()
    kinds = tuple(control_line_kinds.KINDS)
    surveys: tuple[tuple[str, date, Any, tuple[str, ...], Draw], ...] = (
        ("parcels", date(2026, 3, 31), everywhere, (), parcels),
        ("zoning", date(2023, 11, 1), everywhere, (), zoning),
        ("control_lines", date(2022, 10, 14), everywhere, kinds, control_lines),
        ("corridors", date(2025, 6, 30), everywhere, tuple(corridor_kinds.KINDS), corridors),
        ("development_areas", date(2021, 11, 30), everywhere, (), development_areas),
        ("land_use", date(2025, 12, 31), partly, (), land_use),
        ("roads", date(2026, 3, 31), everywhere, (), streets),
        ("utilities", date(2026, 3, 31), everywhere, WIDE, partial(network_frames, kinds=WIDE)),
        ("utilities", date(2025, 9, 30), partly, ("telecom",), partial(network_frames, kinds=("telecom",))),
        ("terrain", date(2024, 4, 30), everywhere, (), terrain),
        ("sites", date(2026, 3, 31), everywhere, (), sites),
        ("approvals", date(2026, 3, 31), everywhere, (), ledger.approvals),
        ("divisions", date(2026, 3, 31), everywhere, (), community.divisions),
        ("resettlements", date(2026, 3, 31), everywhere, (), community.resettlements),
        ("amenities", date(2026, 3, 31), everywhere, community.SURVEYED, community.amenities),
    )
    for layer, day, coverage, surveyed, draw in surveys:
        if draw in FIRST and draw(district(city, 0)) is None:
            continue
        yield Edition("", layer, SOURCE, day, coverage, surveyed), frames(city, draw)
    for table, day, records in ledger.tables(parcels(district(city, 0))):
        yield Edition("", table, SOURCE, day), iter([records])


def frames(city: City, draw: Draw) -> Iterator[gpd.GeoDataFrame]:
    """Draw one layer district by district."""
    for number in range(city.districts):
        drawn = draw(district(city, number))
        if drawn is not None:
            yield drawn
