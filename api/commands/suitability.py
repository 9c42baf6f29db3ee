"""Score plots, or the cells of a grid, by weighted factors."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import pandas as pd

from api.context import Context, a_number, command, write
from api.suitability import ScoreBody, SuitabilityBody, SuitabilityInputs, of_cells, of_plots
from layers.base import Field, Layer, Text
from layers.errors import Refusal
from layers.plan.suitability import BadModelError
from layers.plan.supply import VERDICTS
from layers.standards import Standards
from layers.store.base import Store


def the_model(path: Path | None) -> Mapping[str, Any]:
    """Read a model: factors, and comparisons where they are weighed by pairs."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadModelError(f"{path} does not read as TOML: {error}", f"{path} 不是可读的 TOML:{error}") from error


def places(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Read numbers with commas between them, two of a place and four of a box."""
    many = 2 if param.name == "at" else 4
    try:
        found = tuple(float(part) for part in value.split(",")) if value else None
    except ValueError:
        found = ()
    if found is None or (len(found) == many and all(abs(n) < 1e9 for n in found)):
        return found
    shape = "X,Y" if many == 2 else "WEST,SOUTH,EAST,NORTH"
    raise Refusal(f"{param.opts[0]} {value} does not read; write {shape}", f"{param.opts[0]} {value} 无法识别;请写成 {shape}")


@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="factors and comparisons, as TOML (default: the standard)",
)
@click.option("--all", "every", is_flag=True, help="also plots that are blocked")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="how many are shown")
@click.option(
    "--grid", "cell", type=float, callback=a_number, metavar="M", help="score the cells of a grid, of this side, not plots"
)
@click.option("--box", callback=places, metavar="W,S,E,N", help="the grid's bounds in the base's CRS (default: of all parcels)")
@click.option("--at", callback=places, metavar="X,Y", help="open the cell at this place into its parts")
@click.option(
    "--out", type=click.Path(path_type=Path), help="a file of all that was scored: .gpkg .geojson .csv ..., of a grid .tif"
)
@click.option("--overwrite", is_flag=True, help="replace the file")
def suitability_(context: Context, model: Path | None, out: Path | None, overwrite: bool, **asked: Any) -> None:
    """Score all plots, or a grid, from 0 to 10 by weighted factors (weights, or comparisons: AHP); each score opens into its parts."""
    standards, given, wish = Standards.load(), the_model(model), SuitabilityInputs.model_construct(**asked)
    if (
        out is not None
        and wish.cell is not None
        and (out.suffix.lower() not in (".tif", ".tiff") or (out.exists() and not overwrite))
    ):
        raise Refusal(f"{out}: name a new .tif file, or say --overwrite", f"{out}:请指定新的 .tif 文件,或使用 --overwrite")
    with context.store(read_only=True) as store:
        if wish.cell is None:
            body, scored, _ = of_plots(store, standards, given, wish)
            if out is not None:
                export_plots(store, scored, out, overwrite)
        else:
            with context.progress(Text("Scoring", "评分中")) as progress:
                body, grid, _ = of_cells(store, standards, given, wish, progress or (lambda done, total: None))
            if out is not None:
                from layers.formats.raster import geotiff

                write(out, geotiff(grid.bands, grid.transform, grid.crs))
    context.answer(body.model_dump(mode="json"), "\n".join(report(context, body)))


def export_plots(store: Store, scored: pd.DataFrame, out: Path, overwrite: bool) -> None:
    """Write the scores with the outlines of their plots."""
    from layers.formats.export import Wish, export

    plots = store.read("parcels", columns=["id"]).set_index("id").geometry.reindex(scored.index)
    frame = gpd.GeoDataFrame(scored.reset_index(names="id"), geometry=plots.to_numpy(), crs=store.crs)
    fields = tuple(Field(str(c), "real", Text(str(c), str(c))) for c in scored.columns)
    export(frame, Layer("suitability", Text("Suitability", "适宜性"), "polygon", Text("", ""), fields), out, Wish(), overwrite)


def report(context: Context, body: SuitabilityBody) -> list[str]:
    """Tell the best, each score with its parts."""
    grid, day = body.grid, body.on
    if grid is None:
        rows = [context.say(Text(f"{body.plots} plots scored, as of {day}", f"{body.plots} 宗地已评分,截至 {day}"))]
    else:
        cells, known = grid.rows * grid.columns, grid.known
        size = f"{grid.cell_m:g} m"
        rows = [
            context.say(
                Text(
                    f"{cells} cells of {size} scored, {known} of them known whole, as of {day}",
                    f"{cells} 个像元({size})已评分,其中 {known} 个完全已知,截至 {day}",
                )
            )
        ]
    if ratio := body.consistency:
        cr, most = ratio.ratio, ratio.most
        fine = Text("consistent", "一致") if ratio.holds else Text("NOT CONSISTENT: compare again", "不一致:请重新比较")
        rows.append(
            context.say(
                Text(f"consistency ratio {cr:.3f} (at most {most:g}): {fine.en}", f"一致性比率 {cr:.3f}(上限 {most:g}):{fine.zh}")
            )
        )
    at = [grid.at] if grid and grid.at else []
    return [*rows, *(line for one in [*at, *body.best] for line in opened(context, one))]


def opened(context: Context, one: ScoreBody) -> list[str]:
    """Tell a score and its parts."""
    span = f"{one.score:.2f}" if one.score is not None else f"{one.score_min:.2f}–{one.score_max:.2f}"
    if one.plot is not None:
        head = f"{one.plot} · {span} · {context.say(VERDICTS[str(one.verdict)].name)}"
    else:
        head = f"{one.x:,.2f}, {one.y:,.2f} · {span}"
    return [
        head,
        *(
            f"   {p.column}: {context.say(Text('unknown', '未知'))}" if p.value is None or p.part is None
            else f"   {p.column}: {p.value:,.4g} → {p.score:.1f} × {p.weight:.3g} = +{p.part:.2f}"
            for p in one.parts
        ),
    ]  # fmt: skip


COMMANDS = (command(suitability_),)
