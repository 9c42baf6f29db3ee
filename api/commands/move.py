"""Move a base to another place, bring one of an older Shudi up to date."""

from __future__ import annotations

import click

from api.context import Base, Context, command
from layers.base import Text
from layers.store import migrate as bring_up
from layers.store.address import Where
from layers.store.moving import copy as copy_base


@click.argument("source", type=Base())
@click.argument("target", type=Base())
def copy(context: Context, source: Where, target: Where) -> None:
    """Copy the base SOURCE with its history to TARGET: a new file, or a PostGIS database without a base."""
    with context.progress(Text("Copying", "复制中")) as progress:
        rows = copy_base(source, target, progress)
    body = {"source": str(source), "base": str(target), "rows": rows}
    context.answer(body, context.say(Text(f"{target}: {rows} rows of {source}", f"{target}:复制自 {source},共 {rows} 行")))


def migrate(context: Context) -> None:
    """Bring a base of an older Shudi up to date; its content stays as it is."""
    base = context.path()
    bring_up(base)
    context.answer({"base": str(base)}, context.say(Text(f"{base} is up to date", f"{base} 已是最新版本")))


COMMANDS = (command(copy), command(migrate))
