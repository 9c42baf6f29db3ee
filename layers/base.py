"""What a layer is: its fields, its editions, its rules and the question that it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from geopandas.array import GeometryArray
from numpy.typing import NDArray
from pandas.api.extensions import take
from shapely.geometry.base import BaseGeometry

from layers.standards import Rulebook
from layers.words import Text as Text

Outcome = Literal["pass", "breach", "unknown"]
Geometry = Literal["polygon", "line", "any", "raster", "none"]
"""What lies in a layer: features of some kind, rasters, or records that have no place."""
DType = Literal["text", "integer", "real", "date", "flag"]


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of a code list.

    `value` is what is stored, `colour` an #rrggbb that is safe for colour-blind people or "" where the code is never drawn.
    """

    value: str
    name: Text
    colour: str = ""


Codes = Mapping[str, Code]


def codes(*entries: tuple[str, str, str] | tuple[str, str, str, str]) -> Codes:
    """Make a code list of (value, English, Chinese[, colour]) rows, order kept."""
    return {row[0]: Code(row[0], Text(row[1], row[2]), row[3] if len(row) == 4 else "") for row in entries}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a layer: its type, unit and meaning.

    A `date` is a day without time zone; a `real` is a float in `unit`, SI inside. Numbers are 0 or more, for a negative load or area
    would make room that is not there; those that are `signed`, as heights, may be less.
    """

    name: str
    dtype: DType
    title: Text
    unit: str = ""
    codes: Codes | None = None
    required: bool = False
    meaning: str = ""
    signed: bool = False


KEY = Field("id", "text", Text("Number", "编号"), required=True, meaning="unique within the layer, kept for ever")
EDITION = Field("edition", "text", Text("Edition", "版本"), meaning="the delivery that brought the feature")
VALIDITY = (
    Field("valid_from", "date", Text("Valid from", "生效日期"), meaning="first day; missing: since ever"),
    Field("valid_to", "date", Text("Valid to", "失效日期"), meaning="first day on which it is void; missing: for ever"),
)
SERVICE_STATUS = codes(
    ("in_service", "in service", "已投用", "#0072B2"),
    ("under_construction", "under construction", "在建", "#E69F00"),
    ("planned", "planned", "规划", "#CC79A7"),
    ("retired", "retired", "停用", "#666666"),
)
SERVICE_LIFE = (
    Field("status", "text", Text("Status", "状态"), codes=SERVICE_STATUS, meaning="missing: nobody recorded it"),
    Field("in_service_from", "date", Text("In service from", "投用日期"), meaning="actual or expected first day of service"),
    Field("retired_on", "date", Text("Retired on", "停用日期"), meaning="first day without service"),
)


@dataclass(frozen=True, slots=True)
class Edition:
    """One delivery of a layer: who surveyed what, when and where.

    `coverage` is in the base's CRS; None means that the delivery claims no area, so its features are known to be there and
    nothing is known to be absent. `kinds` are the values of the layer's kind field that it surveyed; () for a layer
    without kinds.
    """

    id: str
    layer: str
    source: str
    date: date
    coverage: BaseGeometry | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a base holds of one layer around some land: features and the editions that brought them."""

    features: gpd.GeoDataFrame
    editions: tuple[Edition, ...] = ()

    def of(self, kind: str | None) -> tuple[Edition, ...]:
        """Pick the editions that surveyed `kind` (None: any)."""
        return tuple(e for e in self.editions if kind is None or kind in e.kinds)

    def coverage(self, kind: str | None = None) -> BaseGeometry:
        """Unite the areas that the editions of `kind` cover; empty where nobody surveyed."""
        return united(self.of(kind))

    def data_date(self, kind: str | None = None) -> date | None:
        """Tell the date of the newest edition of `kind`; None where there is none."""
        return max((e.date for e in self.of(kind)), default=None)


def united(editions: Iterable[Edition]) -> BaseGeometry:
    """Unite the areas that editions cover; empty where there is none."""
    areas = [e.coverage for e in editions if e.coverage is not None]
    return areas[0] if len(areas) == 1 else shapely.union_all(areas) if areas else shapely.Polygon()


Land = Mapping[str, Survey]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked about the land: on which day, by which standards, as it was known on which day, for which use."""

    on: date
    standards: Rulebook
    known: date
    use: str | None = None


class Claims(NamedTuple):
    """Polygons that decide a rule: their shapes, the features that they come from (ids) and the outcomes on them, shape (n,)."""

    shapes: NDArray[np.object_]
    objects: NDArray[np.object_]
    outcomes: NDArray[np.object_]


NO_CLAIMS = Claims(*(np.zeros(0, object) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Rule:
    """One check of land against a layer.

    `claims(features, ask)` gives the polygons that decide, each with its outcome (pass, breach or unknown). Land under several claims gets the worst, land under none gets `elsewhere` where
    the kind was surveyed and unknown where it was not. The standard `severity` says what a breach is: block or warn.
    """

    id: str
    title: Text
    severity: str
    claims: Callable[[gpd.GeoDataFrame, Ask], Claims]
    elsewhere: Outcome = "pass"
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One column of a layer's assessment.

    It is known only where the editions of `kind` cover the plot and the standard `reach` [m] around it. What was found is a
    fact even so: where the column `fact` holds one of `facts`, the answer stands.
    """

    field: Field
    kind: str | None = None
    reach: str | None = None
    fact: str | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the land: its schema, its question and its rules.

    `assess(plots, features, ask)` answers about all plots at once with a frame that has the plots' index and the columns
    `answers`; it speaks of what is stored. `ask` puts unknown where nobody surveyed.
    """

    name: str
    title: Text
    geometry: Geometry
    question: Text
    fields: tuple[Field, ...] = ()
    kind: str | None = None
    rules: tuple[Rule, ...] = ()
    answers: tuple[Answer, ...] = ()
    assess: Callable[[gpd.GeoDataFrame, gpd.GeoDataFrame, Ask], pd.DataFrame] | None = None
    colour: str = "#666666"

    @property
    def columns(self) -> tuple[Field, ...]:
        """All stored columns but the geometry: the key, the layer's own fields, the edition."""
        return (KEY, *self.fields, EDITION)

    @property
    def drawn(self) -> bool:
        """Tell whether it holds shapes, which a map can draw."""
        return self.geometry not in ("raster", "none")

    def field(self, name: str) -> Field:
        """Find a column by name; KeyError where there is none."""
        return {f.name: f for f in self.columns}[name]


SQUARES = 12
"""Squares along each side of the land in which plots are told together whether they were surveyed."""


def surveyed(shapes: NDArray[np.object_], coverage: BaseGeometry, reach: float = 0.0) -> NDArray[np.bool_]:
    """Tell which shapes of plots lie, with `reach` [m] around them, wholly inside the covered area.

    Plots of a square whose common envelope does are not looked at one by one.
    """
    shapely.prepare(coverage)
    inside = _deep(shapely.bounds(shapes), coverage, reach)
    rest = np.flatnonzero(~inside)
    inside[rest] = shapely.covers(coverage, shapes[rest])
    if reach:
        edge = coverage.boundary
        shapely.prepare(edge)
        rest = rest[inside[rest]]
        inside[rest] = ~shapely.dwithin(edge, shapes[rest], reach)
    return inside


def _deep(box: NDArray[np.float64], coverage: BaseGeometry, reach: float) -> NDArray[np.bool_]:
    """Tell of envelopes, shape (n, 4), which lie in a square of plots that an area covers with more than `reach` around it."""
    if len(box) < SQUARES**2 or not np.isfinite(box).all():
        return np.zeros(len(box), bool)
    low, high = box[:, :2].min(axis=0), box[:, :2].max(axis=0)
    column, row = np.minimum((box[:, :2] - low) / np.maximum((high - low) / SQUARES, 1e-9), SQUARES - 1).astype(np.intp).T
    square = row * SQUARES + column
    around = np.tile([np.inf, np.inf, -np.inf, -np.inf], (SQUARES**2, 1))
    for k, keep in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        keep.at(around[:, k], square, box[:, k])
    wider = reach * 1.001 + 1e-6
    some = np.unique(square)
    covered = np.zeros(SQUARES**2, bool)
    corners = around[some] + [-wider, -wider, wider, wider]
    covered[some] = shapely.covers(coverage, shapely.box(*corners.T))
    return np.asarray(covered[square], bool)


def ask_layer(layer: Layer, plots: gpd.GeoDataFrame, survey: Survey, ask: Ask) -> pd.DataFrame:
    """Ask a layer its question about all plots, and put NA where nobody surveyed.

    The frame has the plots' index and the layer's answers.
    """
    if layer.assess is None:
        return pd.DataFrame(index=plots.index)
    found = layer.assess(plots, survey.features, ask)
    return tabled(as_surveyed(layer, plots.geometry.to_numpy(), survey, ask, arrays_of(found)), found.index)


def as_surveyed(layer: Layer, shapes: NDArray[np.object_], survey: Survey, ask: Ask, found: Mapping[str, Any]) -> dict[str, Any]:
    """Put NA into the arrays of a layer's answers about plots of those shapes where nobody surveyed."""
    answers = dict(found)
    known: dict[tuple[object, ...], NDArray[np.bool_]] = {}
    for column in layer.answers:
        scope = (column.reach, *(id(edition) for edition in survey.of(column.kind)))
        if scope not in known:
            reach = ask.standards[column.reach] if column.reach else 0.0
            known[scope] = surveyed(shapes, survey.coverage(column.kind), reach)
        stands = known[scope]
        if stands.all():
            continue
        if column.fact is not None:
            stands = stands | np.isin(np.asarray(found[column.fact], object), column.facts)
        if not stands.all():
            rows = np.where(stands, np.arange(len(stands)), -1)
            answers[column.field.name] = take(found[column.field.name], rows, allow_fill=True)
    return answers


def framed(
    columns: Mapping[str, Any], shapes: NDArray[np.object_], crs: object, index: pd.Index | None = None
) -> gpd.GeoDataFrame:
    """Make a frame of typed arrays of one length and their shapes, numbered from 0 unless there is an index.

    It is what GeoDataFrame(columns, geometry=shapes, crs=crs) makes of them, in a twentieth of the time: a check of one site
    reads ten small frames.
    """
    index = pd.RangeIndex(len(shapes)) if index is None else index
    table = tabled({**columns, "geometry": GeometryArray(shapes, crs=crs)}, index)
    frame = gpd.GeoDataFrame._from_mgr(table._mgr, table.axes)
    frame._geometry_column_name = "geometry"
    return frame


def tabled(columns: Mapping[str, Any], index: pd.Index) -> pd.DataFrame:
    """Make a frame of typed arrays as long as its index, without looking at what they hold."""
    made: pd.DataFrame = pd.DataFrame._from_arrays(  # type: ignore[attr-defined]
        list(columns.values()), columns=_named(tuple(columns)), index=index, verify_integrity=False
    )
    return made


@lru_cache(256)
def _named(names: tuple[str, ...]) -> pd.Index:
    """Make the index of the columns of a frame: few sets of names, and 0.1 ms each."""
    return pd.Index(names)


def places(ids: NDArray[np.object_], wanted: NDArray[np.object_]) -> NDArray[np.intp]:
    """Tell where each of the wanted numbers stands among `ids`; -1 where it does not."""
    place = dict(zip(ids.tolist(), range(len(ids)), strict=True))
    return np.array([place.get(id, -1) for id in wanted.tolist()], np.intp)


def listed(array: Any) -> pd.Series:
    """Make a column of a typed array, numbered from 0, without looking at what it holds."""
    block = BLOCK.from_array(pd.array(array) if array.dtype.kind == "M" else array, pd.RangeIndex(len(array)))
    made: pd.Series = pd.Series._from_mgr(block, block.axes)  # type: ignore[attr-defined]
    made.name = None
    return made


def texts(values: Sequence[Any] | NDArray[np.object_]) -> Any:
    """Make the array of a column of texts from objects, None or NaN where missing; TypeError where something is no text."""
    return TEXT.construct_array_type()(pa.array(values, pa.large_string(), from_pandas=True), dtype=TEXT)


def joined(arrays: Sequence[Any]) -> Any:
    """Put arrays of columns of one type one behind the other."""
    first = arrays[0]
    return np.concatenate(arrays) if isinstance(first, np.ndarray) else type(first)._concat_same_type(arrays)


def objects(array: Any) -> NDArray[np.object_]:
    """Take the texts of such an array, or of its column, as objects, None where missing."""
    return np.asarray(getattr(array, "array", array).__arrow_array__(), object)


class Arrays(Protocol):
    """A table: its columns are arrays, and its shapes are none of them."""

    def arrays(self) -> dict[str, Any]:
        """Give the arrays of the columns, by name."""


def arrays_of(frame: pd.DataFrame | Arrays) -> dict[str, Any]:
    """Take the arrays of a frame's columns, by name."""
    if not isinstance(frame, pd.DataFrame):
        return frame.arrays()
    return dict(zip(frame.columns.tolist(), frame._iter_column_arrays(), strict=True))  # type: ignore[operator]


def row_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Take the only row of a frame, by column."""
    return {name: array[0] for name, array in arrays_of(frame).items()}


def empty(layer: Layer, crs: object) -> gpd.GeoDataFrame:
    """Make a frame of no features with the layer's columns and types."""
    data = {f.name: pd.Series([], dtype=PANDAS[f.dtype]) for f in layer.columns}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


PANDAS: Mapping[DType, str] = {
    "text": "str",
    "integer": "Int64",
    "real": "float64",
    "date": "datetime64[s]",
    "flag": "boolean",
}
TEXT: Any = pd.Series([], dtype=PANDAS["text"]).dtype
BLOCK: Any = type(pd.Series([], dtype=object)._mgr)


def valid_on(features: gpd.GeoDataFrame, day: date) -> NDArray[np.bool_]:
    """Tell which features are valid on `day`; a missing date bounds nothing."""
    at = np.datetime64(day, "s")
    begins, ends = (features[name].to_numpy("datetime64[s]") for name in ("valid_from", "valid_to"))
    return np.asarray((np.isnat(begins) | (begins <= at)) & ~(ends <= at), bool)


def claim(features: gpd.GeoDataFrame, outcome: object = "breach", where: NDArray[np.bool_] | None = None) -> Claims:
    """Turn features (those of `where`) into the claims of a rule, with one outcome or one for each feature."""
    shapes, objects = features.geometry.to_numpy(), features["id"].to_numpy(object)
    outcomes = np.broadcast_to(np.asarray(outcome, object), shapes.shape)
    return Claims(shapes, objects, outcomes) if where is None else Claims(shapes[where], objects[where], outcomes[where])


def names(fields: Iterable[Field]) -> list[str]:
    """List the names of fields."""
    return [f.name for f in fields]


def surveyed_for(layer: Layer, editions: Iterable[Edition], kinds: Sequence[str] = ()) -> BaseGeometry:
    """Find where somebody surveyed each of some kinds of a layer, by default all that it has; empty where nobody did.

    A layer that is not surveyed by kinds is surveyed as a whole.
    """
    known = tuple(editions)
    asked = [None] if layer.kind is None else kinds or list(layer.field(layer.kind).codes or {})
    return shapely.intersection_all([united(e for e in known if kind is None or kind in e.kinds) for kind in asked])
