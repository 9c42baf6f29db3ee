"""Print the parcel map of a plot."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from api.context import Context, a_date, a_moment, command, write
from layers.base import Text


@click.argument("plot")
@click.option("--out", type=click.Path(path_type=Path), help="the file to write, .pdf or .png (default: PLOT.pdf)")
@click.option("--page", type=click.Choice(["A4", "A3"]), default="A4", show_default=True)
@click.option("--drafter", default="", help="who drew it")
@click.option("--checker", default="", help="who checked it")
@click.option("--date", "when", callback=a_date, help="the day on it (default: today)")
@click.option("--as-of", callback=a_moment, help="the land as it was known at this moment")
def sheet(
    context: Context,
    plot: str,
    out: Path | None,
    page: str,
    drafter: str,
    checker: str,
    when: date | None,
    as_of: datetime | None,
) -> None:
    """Print the parcel map of PLOT: boundary points, sides, neighbours, four bounds and the coordinate table, as PDF or PNG."""
    from layers.assessment import mapped
    from maps.sheet import parcel_sheet, picture

    with context.store(read_only=True) as store:
        content = mapped(store, plot, as_of, context.language)
        generated = "generated" in store.title
    target = out or Path(f"{plot}.pdf")
    printed = parcel_sheet(content, context.language, page, drafter, checker, when, generated)
    write(target, picture(printed) if target.suffix.lower() == ".png" else printed)
    n = len(content.points.number)
    context.answer(
        {"file": str(target), "points": n}, context.say(Text(f"{target}: {n} boundary points", f"{target}:{n} 个界址点"))
    )


COMMANDS = (command(sheet),)
