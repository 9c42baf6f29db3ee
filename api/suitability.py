"""Suitability as commands and the process answer it: of plots from the stored findings, or of the cells of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import numpy as np
import pandas as pd
import shapely
from pydantic import BaseModel, ConfigDict, Field

from api.jobs import Progress
from api.models import Words
from api.results import made
from geo.crs import transform
from layers.assessment import NotFoundError, fresh
from layers.collections import found_fields
from layers.formats.raster import geotiff
from layers.plan.suitability import Consistency, Factor, suitability, sure, weighed
from layers.standards import Standards
from layers.store.address import Where
from layers.store.base import Store
from layers.surface import TERRAIN, BadGridError, Surface, distances, surface

Real = Annotated[float, Field(allow_inf_nan=False)]
DRAWN = 200_000
"""Most plots whose scores are told to be drawn."""


class FactorBody(BaseModel):
    """A factor: a number of the findings or of a grid, its weight, and the scores (0 to 10) of its values in rising order."""

    model_config = ConfigDict(extra="forbid")

    column: str = Field(max_length=200)
    weight: Real = 1.0
    scores: list[tuple[Real, Real]] = Field(max_length=100)


class SuitabilityInputs(BaseModel):
    """Factors (default: the standard's), comparisons of each two ("a/b": 3), and with `cell` the grid that is scored, not plots."""

    model_config = ConfigDict(extra="forbid")

    factors: list[FactorBody] | None = Field(None, max_length=20)
    compare: dict[str, Real] = Field({}, max_length=200)
    every: bool = Field(False, description="also plots that are blocked")
    limit: int = Field(20, ge=1, le=1000, description="how many of the best are told")
    cell: float | None = Field(None, gt=0, allow_inf_nan=False, description="side of the cells [m]")
    box: tuple[Real, Real, Real, Real] | None = Field(None, description="west, south, east, north, by default in the base's CRS")
    box_crs: str | None = Field(None, max_length=2000, description="CRS of the box, east before north")
    at: tuple[Real, Real] | None = Field(None, description="east and north of a place whose cell opens into its parts")
    plot: str | None = Field(None, max_length=200, description="a plot whose score opens into its parts")
    drawn: bool = Field(False, description="also all scores, as a map draws them")


class PartBody(BaseModel):
    """A part of a score: weight times the score of the value, by the sum of the weights; null where the value is unknown."""

    column: str
    weight: float
    value: float | None
    score: float | None
    part: float | None


class ScoreBody(BaseModel):
    """The score of a plot (`plot`, `verdict`) or of the cell around a centre (`x`, `y`), its span, and its parts."""

    plot: str | None = None
    verdict: str | None = None
    x: float | None = None
    y: float | None = None
    score: float | None
    score_min: float
    score_max: float
    parts: list[PartBody]


class ConsistencyBody(BaseModel):
    """How far comparisons contradict each other, and the weights that they give."""

    ratio: float
    most: float
    holds: bool
    weights: dict[str, float]


class GridBody(BaseModel):
    """The grid that was scored: `known` cells have a score; its file, below `/results/`, has a band for every part."""

    crs: str
    cell_m: float
    rows: int
    columns: int
    known: int
    mean: float | None
    at: ScoreBody | None
    file: str | None


class ColumnBody(BaseModel):
    """A number of the findings that a factor may name."""

    name: str
    title: Words
    unit: str


class DrawnBody(BaseModel):
    """All scores as a map draws them, with one decimal; null is unknown, and a plot that is not named was not scored.

    `cells`: rows from the north, columns from the west; `corners` of the grid in longitude and latitude, from the north-west clockwise;
    `west` and `north` of it in the base's CRS. `columns`: what factors may name.
    """

    columns: list[ColumnBody]
    plots: dict[str, float | None] | None = None
    cells: list[list[float | None]] | None = None
    corners: list[tuple[float, float]] | None = None
    west: float | None = None
    north: float | None = None


class SuitabilityBody(BaseModel):
    """What was scored, the best first; a score that is not known whole ranks by where it begins.

    `factors`: the model as it was applied; weights out of comparisons add up to 1.
    """

    on: date
    plots: int | None
    factors: list[FactorBody]
    consistency: ConsistencyBody | None
    best: list[ScoreBody]
    grid: GridBody | None
    opened: ScoreBody | None = None
    drawn: DrawnBody | None = None


def numbers(found: pd.DataFrame) -> list[str]:
    """List the columns of findings that are numbers."""
    return [str(c) for c in found.columns if pd.api.types.is_numeric_dtype(found[c].dtype) and found[c].dtype != "boolean"]


def plain(value: object) -> float | None:
    """Give a number, None for one that is not known."""
    number = float(value)  # type: ignore[arg-type]
    return None if math.isnan(number) else number


def score(row: Mapping[str, object], model: Sequence[Factor], **of: Any) -> ScoreBody:
    """Open a score into its parts."""
    parts = [
        PartBody(column=f.column, weight=f.weight, **{k: plain(row[f"{f.column}_{k}"]) for k in ("value", "score", "part")})
        for f in model
    ]
    low, high = plain(row["score_min"]) or 0.0, plain(row["score_max"]) or 0.0
    return ScoreBody(score=plain(row["score"]), score_min=low, score_max=high, parts=parts, **of)


def told(found: Consistency | None) -> ConsistencyBody | None:
    """Write how comparisons agree."""
    return found and ConsistencyBody(ratio=found.ratio, most=found.most, holds=found.holds, weights=dict(found.weights))


def applied(model: Sequence[Factor]) -> list[FactorBody]:
    """Write the factors of a model."""
    return [FactorBody(column=f.column, weight=f.weight, scores=list(f.scores)) for f in model]


def of_plots(
    store: Store, standards: Standards, given: Mapping[str, Any], asked: SuitabilityInputs
) -> tuple[SuitabilityBody, pd.DataFrame, tuple[Factor, ...]]:
    """Score plots from the stored findings; the scores of all come with the answer. NotFoundError for a plot that is none of them."""
    with store.snapshot():
        findings, on = fresh(store, standards)
        model, ratio = weighed(given, numbers(findings), standards.on(on))
        findings = sure(findings, standards.on(on))
        some = findings if asked.every else findings[findings["verdict"] != "blocked"]
        all_ = suitability(some, model)
        drawn = DrawnBody(columns=named(store), plots=tenths_of(all_["score"])) if asked.drawn else None

    def told_of(rows: pd.DataFrame) -> list[ScoreBody]:
        records = zip(rows.index, rows.to_dict("records"), strict=True)
        return [
            score({str(k): v for k, v in r.items()}, model, plot=str(i), verdict=str(findings["verdict"][i])) for i, r in records
        ]

    best = all_.sort_values(["score_min", "score_max"], ascending=False, kind="stable").head(asked.limit)
    body = SuitabilityBody(
        on=on, plots=len(all_), factors=applied(model), consistency=told(ratio), best=told_of(best), grid=None, drawn=drawn
    )
    if asked.plot is not None:
        if asked.plot not in findings.index:
            raise NotFoundError(f"there is no plot {asked.plot}; list them in the map", f"没有宗地 {asked.plot},请在地图中查看")
        body.opened = told_of(suitability(findings.loc[[asked.plot]], model))[0]
    return body, all_, model


def tenths_of(scores: pd.Series) -> dict[str, float | None]:
    """Write the scores of plots by number; BadGridError for more than a map draws."""
    if len(scores) > DRAWN:
        raise BadGridError(
            f"a map draws at most {DRAWN} plots, and these are {len(scores)}; score the cells of a grid over a box",
            f"地图最多绘制 {DRAWN} 宗地,现有 {len(scores)} 宗;请改用指定范围内的格网",
        )
    return dict(zip(map(str, scores.index), tenths(scores.to_numpy(np.float64)), strict=True))


def tenths(values: np.typing.NDArray[np.floating[Any]]) -> list[float | None]:
    """Round scores to one decimal; null for unknown."""
    return [None if n != n else n for n in np.round(values.astype(np.float64), 1).tolist()]


def named(store: Store) -> list[ColumnBody]:
    """Describe the numbers of the findings that say something of a plot."""
    fields = (f for f in found_fields(store) if f.dtype in ("real", "integer") and f.name not in ("cell", "residual"))
    return [ColumnBody(name=f.name, title=Words.of(f.title), unit=f.unit) for f in fields]


def drawn(store: Store, made: Surface) -> DrawnBody:
    """Write a surface as a map draws it."""
    rows, columns = made.bands["score"].shape
    west, north = made.transform @ (0, 0)
    east, south = made.transform @ (columns, rows)
    ring = shapely.points([west, east, east, west], [north, north, south, south])
    corners = [(float(p.x), float(p.y)) for p in transform(np.asarray(ring, object), made.crs, "EPSG:4326")]
    cells = [tenths(row) for row in made.bands["score"]]
    return DrawnBody(columns=named(store), cells=cells, corners=corners, west=west, north=north)


def of_cells(
    store: Store, standards: Standards, given: Mapping[str, Any], asked: SuitabilityInputs, progress: Progress
) -> tuple[SuitabilityBody, Surface, tuple[Factor, ...]]:
    """Score the cells of a grid."""
    columns = [str(f["column"]) for f in given.get("factors") or () if isinstance(f, Mapping) and "column" in f]
    with store.snapshot():
        plotted = not given.get("factors") or any(c not in TERRAIN and not c.startswith("distance:") for c in columns)
        findings, on = fresh(store, standards) if plotted else (pd.DataFrame(), date.today())
        known = [*numbers(findings), *TERRAIN, *distances(columns)]
        model, ratio = weighed(given, known, standards.on(on))
        box = asked.box
        if box and asked.box_crs:
            box = transform(np.array([shapely.box(*box)], object), asked.box_crs, store.crs)[0].bounds
        made = surface(store, standards, model, asked.cell or 0.0, box, progress)
        shown = drawn(store, made) if asked.drawn else None
    low, high = made.bands["score_min"].ravel(), made.bands["score_max"].ravel()
    order = np.lexsort((-high, -low))[: asked.limit]
    wide = made.bands["score"].shape[1]
    place = made.cell(*asked.at) if asked.at else None
    grid = GridBody(
        crs=made.crs, cell_m=float(made.transform.a), rows=made.bands["score"].shape[0], columns=wide,
        known=int((~np.isnan(made.bands["score"])).sum()), mean=mean(made.bands["score"]),
        at=None if place is None else opened(made, model, *place), file=None,
    )  # fmt: skip
    best = [opened(made, model, int(n) // wide, int(n) % wide) for n in order]
    body = SuitabilityBody(on=on, plots=None, factors=applied(model), consistency=told(ratio), best=best, grid=grid, drawn=shown)
    return body, made, model


def mean(values: np.typing.NDArray[np.float32]) -> float | None:
    """Average what is known."""
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else None


def opened(made: Surface, model: Sequence[Factor], row: int, column: int) -> ScoreBody:
    """Open the score of a cell."""
    x, y = made.centre(row, column)
    return score({name: values[row, column] for name, values in made.bands.items()}, model, x=x, y=y)


def scored(store: Store, base: Where, standards: Standards, asked: SuitabilityInputs, progress: Progress) -> SuitabilityBody:
    """Answer the process: plots, or a grid with its file."""
    given = asked.model_dump(include={"factors", "compare"}, exclude_none=True)
    if asked.cell is None:
        return of_plots(store, standards, given, asked)[0]
    body, grid, _ = of_cells(store, standards, given, asked, progress)
    with made(base, ".tif") as (name, part):
        part.write_bytes(geotiff(grid.bands, grid.transform, grid.crs))
    return body.model_copy(update={"grid": body.grid and body.grid.model_copy(update={"file": name})})
