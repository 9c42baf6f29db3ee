"""Table when free land becomes serviced."""

from __future__ import annotations

from datetime import date, datetime

import click

from api.context import Context, a_number, as_of, command, on
from api.supply import SupplyBody, render
from layers.assessment import supply as supply_of
from layers.plan.supply_table import SPANS
from layers.standards import Standards


@click.option("--by", type=click.Choice(list(SPANS)), default="quarter", show_default=True, help="the periods of the table")
@click.option(
    "--take-up",
    type=click.FloatRange(min=0, min_open=True),
    callback=a_number,
    metavar="HA_PER_YEAR",
    help="how much land is taken up in a year, in ha: tells how many years the supply lasts",
)
@click.option("--level", type=click.Choice(["3", "5", "7"]), help="the services asked for: 3, 5 or 7 (default: the standard)")
@on
@as_of
def supply(context: Context, by: str, take_up: float | None, level: str | None, on: date | None, as_of: datetime | None) -> None:
    """Table when free land becomes serviced, by period, use and plot size: from the stored findings, or anew for another day."""
    services = int(level) if level else None
    standards = Standards.load()
    with context.store(read_only=True) as store:
        table, day = supply_of(store, standards, by, services, on, as_of)
        body = SupplyBody.of(table, standards.on(day), by, services, take_up, "generated" in store.title)
    context.answer(body.model_dump(mode="json"), render(body, context.language))


COMMANDS = (command(supply),)
