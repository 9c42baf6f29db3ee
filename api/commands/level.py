"""Level a site: how much to cut and to fill."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click

from api.commands.verdict import site_of
from api.context import STATUS, Context, a_number, as_of, command, on
from api.models import LevelBody, LevellingBody
from api.text import WORDS, levelled
from layers.assessment import level as level_site
from layers.assessment import question
from layers.standards import Standards


@click.argument("site")
@click.option(
    "--to", type=float, callback=a_number, metavar="LEVEL", help="the design level in metres (default: cut and fill balance)"
)
@click.option("--crs", help="the CRS of the site's file where the file does not say, such as EPSG:4548")
@on
@as_of
def level(context: Context, site: str, to: float | None, crs: str | None, on: date | None, as_of: datetime | None) -> None:
    """Level a SITE: a polygon file, or the number of a stored site or parcel. Status 0 known, 3 unknown, 2 bad input."""
    with context.store(read_only=True) as store:
        shape, name, _, _ = site_of(store, site, crs, as_of)
        found = level_site(store, shape, question(Standards.load(), on, as_of, None), to, name, as_of)
        generated = "generated" in store.title
    body = LevelBody(id=name, as_of=as_of, generated=generated, levelling=LevellingBody.of(found))
    rows = [f"*** {context.say(WORDS['generated'])} ***"] if generated else []
    rows += [f"{context.say(WORDS['site'])} {name}", *levelled(found, context.language)]
    context.answer(body.model_dump(mode="json"), "\n".join(rows))
    sys.exit(0 if found.cut is not None else STATUS["unknown"])


COMMANDS = (command(level),)
