"""Move a base to another place, bring one of an older Shudi up to date."""

from __future__ import annotations

import click

from api.context import Base, Context, command
from layers.base import Text
from layers.listings import bring_schemes
from layers.store import migrate as bring_up
from layers.store.address import Where
from layers.store.moving import copy as copy_base
from layers.store.people import beside


@click.argument("source", type=Base())
@click.argument("target", type=Base())
def copy(context: Context, source: Where, target: Where) -> None:
    """Copy the base SOURCE with its history and the files of its schemes to TARGET: a new file, or a PostGIS database without a base.

    Its users and the audit log stay where they are.
    """
    with context.progress(Text("Copying", "复制中")) as progress:
        rows = copy_base(source, target, progress)
    files = bring_schemes(source, target)
    body = {"source": str(source), "base": str(target), "rows": rows, "schemes": files}
    told = [Text(f"{target}: {rows} rows of {source}", f"{target}:复制自 {source},共 {rows} 行")]
    if files:
        told.append(Text(f"{files} files of schemes beside it", f"其旁有 {files} 个方案文件"))
    if beside(source).exists():
        told.append(
            Text(
                f"its users and their audit log were not copied: add users with `shudi user add`, or copy {beside(source).name} yourself",
                f"用户和审计日志未复制:请用 `shudi user add` 添加用户,或自行复制 {beside(source).name}",
            )
        )
    context.answer(body, "\n".join(context.say(text) for text in told))


def migrate(context: Context) -> None:
    """Bring a base of an older Shudi up to date; its content stays as it is."""
    base = context.path()
    bring_up(base)
    context.answer({"base": str(base)}, context.say(Text(f"{base} is up to date", f"{base} 已是最新版本")))


COMMANDS = (command(copy), command(migrate))
