"""Find land for a project."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from api.context import Context, a_date, a_number, command
from api.siting import ROAD_CLASSES, SitingBody, area_range, brief_of, money, pairs, render, services_of
from layers.assessment import question
from layers.search import KINDS, search
from layers.search import why as why_not
from layers.standards import Standards


@click.option("--area", required=True, metavar="MIN..MAX", help="area wanted, as 70..85mu, 77mu, 5ha or 50000..60000m2")
@click.option("--use", help="use code wanted, or the beginning of one, such as 1001")
@click.option("--service", "services", multiple=True, metavar="NAME|LEVEL", help="a service that must serve, or a level: 3, 5, 7")
@click.option(
    "--load", "loads", multiple=True, metavar="KIND=AMOUNT", help="load of the project, as power=8000 (kW), water=300 (m3/d)"
)
@click.option(
    "--size", "sizes", multiple=True, metavar="KIND=SIZE", help="least size of the line, as power=10 (kV), water=200 (mm)"
)
@click.option("--by", "by", callback=a_date, help="day by which the services must serve (default: the day of the findings)")
@click.option("--road", "road_class", type=click.Choice(list(ROAD_CLASSES)), help="least class of the road")
@click.option("--frontage", type=float, callback=a_number, metavar="M", help="least frontage on public roads")
@click.option("--slope", type=float, callback=a_number, metavar="PERCENT", help="steepest slope")
@click.option("--width", type=float, callback=a_number, metavar="M", help="least width: of the largest circle inside")
@click.option("--earthwork", type=float, callback=a_number, metavar="M3_PER_M2", help="most earthwork to level it")
@click.option("--near", multiple=True, metavar="LAYER[:KIND]<=M", help="distance to or from anything stored, as zoning:0701>=300")
@click.option(
    "--budget",
    metavar="AMOUNT",
    help="most that the land may cost, as 2000万元 or 20000000 (CNY): the start price of its listing",
)
@click.option("--why", metavar="PLOT", help="tell why this plot does not fit, and the least change for which it would")
@click.option("--wish", "wishes", multiple=True, metavar="CRITERION[=WEIGHT]", help="a criterion that need not be met")
@click.option(
    "--weight", "weights", multiple=True, metavar="CRITERION=WEIGHT", help="how much a must counts in the rank (default: 1)"
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="single plots, parts, assemblies (default: all)"
)
@click.option("--across-roads", is_flag=True, help="assemblies may cross a road")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
def find(
    context: Context, area: str, services: tuple[str, ...], loads: tuple[str, ...], sizes: tuple[str, ...], near: tuple[str, ...], wishes: tuple[str, ...], weights: tuple[str, ...],
    kinds: tuple[Any, ...], frontage: float | None, slope: float | None, width: float | None, earthwork: float | None, by: date | None,
    budget: str | None, why: str | None, **more: Any,
) -> None:  # fmt: skip
    """Find land that meets a brief: plots, parts of large plots, and neighbours together; from the stored findings."""
    standards = Standards.load()
    ask = question(standards, None, None, None)
    body = brief_of(
        area_m2=area_range(area, ask.standards), services=services_of(services, ask), loads=pairs(loads), sizes=pairs(sizes), by=by, frontage_m=frontage,
        slope=None if slope is None else slope / 100, width_m=width, earthwork_m=earthwork, near=near,
        wishes=pairs(wishes, 1.0), weights=pairs(weights), kinds=list(kinds or KINDS), budget_cny=None if budget is None else money(budget), **more,
    )  # fmt: skip
    with context.store(read_only=True) as store:
        found = search(store, body.brief(), ask, standards, body.limit, tuple(body.kinds), body.across_roads)
        reasons = why_not(store, body.brief(), ask, standards, why) if why else None
        answer = SitingBody.of(found, store.crs, "generated" in store.title, why=reasons)
    context.answer(answer.model_dump(mode="json"), render(answer, context.language))


COMMANDS = (command(find),)
