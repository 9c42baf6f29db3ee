"""Divisions of the land, and what is reached on foot."""

from __future__ import annotations

from datetime import date, datetime

import click

from api.community import CircleBody, DivisionBody, render_circle, render_division, render_divisions
from api.context import Context, as_of, command, on
from layers.divisions import division as division_of
from layers.living import PLACES, living_circle
from layers.standards import Standards


@click.argument("id", required=False)
@as_of
def division(context: Context, id: str | None, as_of: datetime | None) -> None:
    """List the divisions of the land, or tell one: its parts, its land by verdict and readiness, what lies in it."""
    zh = context.language == "zh"
    with context.store(read_only=True) as store:
        if id is not None:
            body = DivisionBody.of(division_of(store, Standards.load(), id, as_of))
            context.answer(body.model_dump(mode="json"), render_division(body, zh))
            return
        found = store.read("divisions", columns=["id", "name", "kind", "parent"], as_of=as_of)
    plain = found.drop(columns="geometry").astype(object)
    rows = [{str(k): v for k, v in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")]
    context.answer(rows, render_divisions(rows, zh))


@click.argument("id")
@click.option("--layer", type=click.Choice(PLACES), default=PLACES[0], show_default=True, help="the layer of the place")
@on
@as_of
def circle(context: Context, id: str, layer: str, on: date | None, as_of: datetime | None) -> None:
    """Tell which amenities lie within 15 minutes on foot, along roads, of a resettlement site (ID), a parcel or a site."""
    with context.store(read_only=True) as store:
        body = CircleBody.of(layer, id, *living_circle(store, Standards.load(), layer, id, on, as_of))
    context.answer(body.model_dump(mode="json"), render_circle(body, context.language == "zh"))


COMMANDS = (command(division), command(circle))
