"""Check a site, explain a plot, assess every plot."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from shapely.geometry.base import BaseGeometry

from api.context import STATUS, Context, an_area, as_of, command, on
from api.text import area, render
from layers.assessment import anew, question
from layers.assessment import check as check_site
from layers.assessment import explain as explain_plot
from layers.base import Text
from layers.drawn import moved
from layers.errors import Refusal
from layers.inputs import current, stale
from layers.plan.readiness import STATES
from layers.plan.sheet import Sheet
from layers.plan.supply import VERDICTS
from layers.standards import Standards
from layers.store.base import Inputs, Store
from layers.units import m2


def is_file(name: str) -> bool:
    """Tell whether a text names a file; one that cannot name any does not."""
    try:
        return Path(name).exists()
    except OSError:
        return False


def site_of(store: Store, name: str, crs: str | None, when: datetime | None) -> tuple[BaseGeometry, str, str, Any]:
    """Find a site: a polygon file, or the number of a stored site or parcel. Gives geometry, id, layer and the stored row."""
    if is_file(name):
        from layers.formats.vector import read

        with ThreadPoolExecutor(1) as aside:
            reading = aside.submit(read, Path(name), crs=crs)
            import_module("rasterio.io")  # a fifth of a second, in which another process reads the file
            frame = reading.result().frame
        if len(frame) != 1:
            raise Refusal(
                f"{name} holds {len(frame)} features; a site is one polygon or multipolygon",
                f"{name} 含 {len(frame)} 个要素,选址应为一个面",
            )
        return moved(frame.geometry.iloc[0], frame.crs, store.crs), Path(name).stem, "", None
    for layer in ("sites", "parcels"):
        found = store.read(layer, ids=[name], as_of=when)
        if len(found):
            return found.geometry.iloc[0], name, layer, found.iloc[0]
    raise Refusal(
        f"{name} is neither a file nor the number of a stored site or parcel; shudi layers lists what is stored",
        f"{name} 既不是文件,也不是已存选址或宗地的编号;可用 shudi layers 查看",
    )


def show_sheet(
    context: Context, store: Store, sheet: Sheet, when: datetime | None, made: Inputs, more: Mapping[str, Any] | None = None
) -> None:
    """Print a sheet, for programs with `more` beside it, and leave with the status of its verdict."""
    generated = "generated" in store.title
    if context.as_json:
        from api.models import SheetBody

        body = SheetBody.of(sheet, store.crs, generated, when, made).model_dump(mode="json")
        context.answer(body | dict(more or {}), "")
    else:
        context.answer(None, render(sheet, context.language, generated))
    sys.exit(STATUS[sheet.verdict])


@click.argument("site")
@click.option(
    "--required-mu", type=click.FloatRange(min=0, min_open=True), callback=an_area, help="the area that the project needs, in mu"
)
@click.option("--use", help="the use that the project needs, a code such as 100102")
@click.option("--level", type=click.Choice(["3", "5", "7"]), help="the services that it needs: 3, 5 or 7 (default: the standard)")
@click.option("--crs", help="the CRS of the site's file where the file does not say, such as EPSG:4548")
@on
@as_of
def check(
    context: Context,
    site: str,
    required_mu: float | None,
    use: str | None,
    level: str | None,
    crs: str | None,
    on: date | None,
    as_of: datetime | None,
) -> None:
    """Check a SITE: a polygon file, or the number of a stored site or parcel. Status 0 free, 1 blocked, 3 unknown, 2 bad input."""
    with context.store(read_only=True) as store:
        shape, name, own, row = site_of(store, site, crs, as_of)
        needed = m2(required_mu) if required_mu else None
        if own == "sites":
            needed = needed or (float(row["required_area"]) if row["required_area"] > 0 else None)
            use = use or (row["use_code"] if isinstance(row["use_code"], str) else None)
        standards = Standards.load()
        ask = question(standards, on, as_of, use)
        with store.snapshot():
            sheet = check_site(store, shape, ask, name, own, needed, int(level) if level else None, as_of)
            made = current(store, ask, standards, as_of)
        show_sheet(context, store, sheet, as_of, made)


@click.argument("plot")
@on
@as_of
def explain(context: Context, plot: str, on: date | None, as_of: datetime | None) -> None:
    """Explain the verdict on a stored PLOT: the same sheet, and whether the stored finding is still fresh."""
    with context.store(read_only=True) as store:
        standards = Standards.load()
        ask = question(standards, on, as_of, None)
        with store.snapshot():
            sheet = explain_plot(store, plot, ask, as_of)
            found, inputs = store.findings([plot])
            changed = stale(store, inputs, standards) if len(found) else []
            made = current(store, ask, standards, as_of)
        if not context.as_json:
            click.echo(_age(context, bool(len(found)), changed, inputs))
            click.echo(context.say(Text(f"made from {_listed(made)}", f"依据 {_listed(made)}")))
        told = {"stored": {"assessed": bool(len(found)), "changed": changed, "inputs": inputs}}
        show_sheet(context, store, sheet, as_of, made, told)


def _listed(inputs: Inputs) -> str:
    """Name what findings are made from."""
    layers = ", ".join(f"{name} {version}" for name, version in inputs["layers"].items())
    return f"{inputs['on']} ({inputs['known']}) · standards {inputs['standards'][:12]} · engine {inputs['engine']} · {layers}"


def _age(context: Context, found: bool, changed: list[str], inputs: Any) -> str:
    """Say how the stored finding stands to the land as it is now."""
    if not found:
        return context.say(Text("not assessed yet; computed now", "尚未评估,现算"))
    if changed:
        what = ", ".join(changed)
        return context.say(
            Text(f"the stored finding is STALE ({what} changed); computed anew", f"已存结论过期({what}已变),现重算")
        )
    made = _listed(inputs)
    return context.say(Text(f"the stored finding is fresh; inputs {made}", f"已存结论有效;输入版本 {made}"))


@click.option("--workers", type=click.IntRange(min=1), help="processes that work at once (default: one a core)")
@click.option("--scheduler", metavar="ADDRESS", help="a dask scheduler whose workers do it, such as tcp://host:8786")
@click.option(
    "--scratch",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="a folder that the workers see too: tiles go there as GeoParquet, not with the tasks",
)
@click.option("--full", is_flag=True, help="assess every plot again, not only those that edits can have changed")
@on
@as_of
def assess(
    context: Context,
    workers: int | None,
    scheduler: str | None,
    scratch: Path | None,
    full: bool,
    on: date | None,
    as_of: datetime | None,
) -> None:
    """Assess every plot and store the findings with the versions of their inputs; after edits only what they can concern.

    Of what was known once only the sums are told.
    """
    from layers import cluster
    from layers.census import assess as assess_plots
    from layers.census import summed
    from layers.refresh import refresh

    spread = cluster.on(scheduler, scratch) if scheduler else None
    with context.store(read_only=as_of is not None) as store, context.progress(Text("Assessing", "评估中")) as progress:
        standards = Standards.load()
        ask = question(standards, on, as_of, None)
        again = None if full or as_of else refresh(store, standards, ask=ask)
        if again is not None:
            found = summed(store.findings(columns=["verdict", "ready_state", "area", "residual"])[0])
        else:
            found = summed(anew(store, ask, as_of)) if as_of else assess_plots(store, ask, standards, progress, workers, spread)
    sums = {column: found.groups.groupby(level=column).sum() for column in ("verdict", "ready_state")}
    counts = {
        "plots": found.plots,
        "again": found.plots if again is None else len(again.plots),
        "on": str(ask.on),
        "as_of": as_of and as_of.isoformat(),
        **{column: groups["plots"].to_dict() for column, groups in sums.items()},
        "area_m2": float(found.groups["area"].sum()),
        "residual_m2": found.residual,
    }
    rows = [context.say(Text(f"{found.plots} plots on {ask.on}", f"{found.plots} 宗地,{ask.on}"))]
    if again is not None:
        few = len(again.plots)
        rows += [context.say(Text(f"  {few} of them assessed again, after edits", f"  其中 {few} 宗因编辑而重新评估"))]
    for codes, groups in zip((VERDICTS, STATES), sums.values(), strict=True):
        for code, group in groups.iterrows():
            rows.append(f"  {context.say(codes[str(code)].name)}: {group['plots']:.0f} · {area(group['area'], context.language)}")
    context.answer(counts, "\n".join(rows))


COMMANDS = tuple(command(run) for run in (check, explain, assess))
