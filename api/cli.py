"""The command `shudi`: parse, call, print."""

from __future__ import annotations

import click

from api.commands import (
    change,
    deliver,
    export,
    find,
    land,
    level,
    move,
    networks,
    parcel,
    people,
    qgis,
    sheet,
    show,
    supply,
    verdict,
)
from api.context import BASE, PLACE, Commands, Context, language
from layers.store.address import where


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--base", "--store", "base", metavar=PLACE, envvar="SHUDI_BASE", help=BASE)
@click.option("--lang", type=click.Choice(["en", "zh"]), default=language, help="language of the answers")
@click.option("--json", "as_json", is_flag=True, help="answer for programs")
@click.version_option(package_name="shudi")
@click.pass_context
def main(ctx: click.Context, base: str | None, lang: str, as_json: bool) -> None:
    """Shudi 熟地: which land can be built on, from which day, and what is still missing."""
    ctx.obj = Context(where(base) if base else None, lang, as_json)


for module in (land, move, deliver, export, change, parcel, verdict, find, level, networks, supply, show, sheet, people, qgis):
    for command in module.COMMANDS:
        main.add_command(command)
