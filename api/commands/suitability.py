"""Score all plots by weighted factors."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import pandas as pd

from api.context import Context, command
from layers.assessment import fresh
from layers.base import Field, Layer, Text
from layers.plan.suitability import BadModelError, Consistency, Factor, compared, factors, suitability
from layers.plan.supply import VERDICTS
from layers.standards import Rulebook, Standards
from layers.store.base import Store


def the_model(path: Path | None) -> Mapping[str, Any]:
    """Read a model: factors, and comparisons where they are weighed by pairs."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadModelError(f"{path} does not read as TOML: {error}", f"{path} 不是可读的 TOML:{error}") from error


def weighed(model: Mapping[str, Any], known: list[str], book: Rulebook) -> tuple[tuple[Factor, ...], Consistency | None]:
    """Make the factors of a model, weighed by its comparisons where it has some."""
    made = factors(model.get("factors", book["suitability.factors"]), known)
    if "compare" not in model:
        return made, None
    try:
        pairs = {
            (a.strip(), b.strip()): float(times) for a, b, times in ((*k.split("/"), v) for k, v in model["compare"].items())
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise BadModelError('write comparisons as "a/b" = 3', '比较应写成 "a/b" = 3') from error
    found = compared([f.column for f in made], pairs, book)
    return tuple(Factor(f.column, found.weights[f.column], f.scores) for f in made), found


@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="factors and comparisons, as TOML (default: the standard)",
)
@click.option("--all", "every", is_flag=True, help="also plots that are blocked")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="how many are shown")
@click.option("--out", type=click.Path(path_type=Path), help="a file of all that were scored: .gpkg .geojson .csv and so on")
@click.option("--overwrite", is_flag=True, help="replace the file")
def suitability_(context: Context, model: Path | None, every: bool, limit: int, out: Path | None, overwrite: bool) -> None:
    """Score all plots from 0 to 10 by weighted factors (weights, or comparisons by pairs: AHP); each score opens into its parts."""
    standards, given = Standards.load(), the_model(model)
    with context.store(read_only=True) as store, store.snapshot():
        found, on = fresh(store, standards)
        numbers = [str(c) for c in found.columns if pd.api.types.is_numeric_dtype(found[c].dtype) and found[c].dtype != "boolean"]
        made, ratio = weighed(given, numbers, standards.on(on))
        some = found if every else found[found["verdict"] != "blocked"]
        scored = suitability(some, made)
        if out is not None:
            write(store, scored, out, overwrite)
    best = scored.sort_values(["score_min", "score_max"], ascending=False, kind="stable").head(limit)
    answer(context, best, some, made, ratio, len(scored), str(on))


def write(store: Store, scored: pd.DataFrame, out: Path, overwrite: bool) -> None:
    """Write the scores with the outlines of their plots."""
    from layers.formats.export import Wish, export

    plots = store.read("parcels", columns=["id"]).set_index("id").geometry.reindex(scored.index)
    frame = gpd.GeoDataFrame(scored.reset_index(names="id"), geometry=plots.to_numpy(), crs=store.crs)
    fields = tuple(Field(str(c), "real", Text(str(c), str(c))) for c in scored.columns)
    export(frame, Layer("suitability", Text("Suitability", "适宜性"), "polygon", Text("", ""), fields), out, Wish(), overwrite)


def answer(
    context: Context,
    best: pd.DataFrame,
    found: pd.DataFrame,
    made: tuple[Factor, ...],
    ratio: Consistency | None,
    count: int,
    on: str,
) -> None:
    """Tell the best plots, each score with its parts."""
    told = best.astype(object).where(best.notna(), None)
    rows = [context.say(Text(f"{count} plots scored, as of {on}", f"{count} 宗地已评分,截至 {on}"))]
    if ratio:
        cr, most = ratio.ratio, ratio.most
        fine = Text("consistent", "一致") if ratio.holds else Text("NOT CONSISTENT: compare again", "不一致:请重新比较")
        rows.append(
            context.say(
                Text(f"consistency ratio {cr:.3f} (at most {most:g}): {fine.en}", f"一致性比率 {cr:.3f}(上限 {most:g}):{fine.zh}")
            )
        )
    plots: list[dict[str, Any]] = []
    for id, row in zip(best.index, told.to_dict("records"), strict=True):
        parts = [
            {"column": f.column, "weight": f.weight, **{what: row[f"{f.column}_{what}"] for what in ("value", "score", "part")}}
            for f in made
        ]
        plots.append(
            {
                "plot": id,
                "verdict": found["verdict"][id],
                **{k: row[k] for k in ("score", "score_min", "score_max")},
                "parts": parts,
            }
        )
        span = f"{row['score']:.2f}" if row["score"] is not None else f"{row['score_min']:.2f}–{row['score_max']:.2f}"
        rows.append(f"{id} · {span} · {context.say(VERDICTS[str(found['verdict'][id])].name)}")
        rows += [
            f"   {p['column']}: {context.say(Text('unknown', '未知'))}" if p["value"] is None
            else f"   {p['column']}: {p['value']:,.4g} → {p['score']:.1f} × {p['weight']:.3g} = +{p['part']:.2f}"
            for p in parts
        ]  # fmt: skip
    cr_body = (
        None
        if ratio is None
        else {"ratio": ratio.ratio, "most": ratio.most, "holds": ratio.holds, "weights": dict(ratio.weights)}
    )
    context.answer({"on": on, "plots": count, "consistency": cr_body, "best": plots}, "\n".join(rows))


COMMANDS = (command(suitability_),)
