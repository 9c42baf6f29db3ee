"""Features whose columns are made when they are asked for: what a question about one site reads instead of frames.

A frame of ten features takes a millisecond to make and half a millisecond to pick rows of; a check reads ten and asks half of their
columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from geo.crs import transform
from layers.base import TEXT, arrays_of, framed, joined, objects, texts


class Shapes:
    """The geometries of a table, in the base's CRS; asked for more than its array it is a GeoSeries."""

    def __init__(self, array: NDArray[np.object_], crs: object) -> None:
        self._array, self._crs = array, crs

    def to_numpy(self) -> NDArray[np.object_]:
        """Give the shapes; nobody may change them."""
        return self._array

    def __getattr__(self, name: str) -> Any:
        return getattr(gpd.GeoSeries(self._array, crs=self._crs), name)


class Column:
    """A column of a table: its array, which nobody may change; asked for more it is a Series."""

    def __init__(self, array: Any) -> None:
        self.array, self.dtype = array, array.dtype

    def to_numpy(self, dtype: Any = None, copy: bool = False, **missing: Any) -> NDArray[Any]:
        """Give the values as an array of numpy, of another type where one is named."""
        if not isinstance(self.array, np.ndarray):
            return np.asarray(self.array.to_numpy(dtype, copy, **missing))
        return np.array(self.array, dtype, copy=copy or None)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.to_numpy(dtype, bool(copy))

    def __len__(self) -> int:
        return len(self.array)

    def series(self) -> Any:
        """Make the Series."""
        return pd.Series(self.array, copy=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.series(), name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.tolist() if self.dtype == object else self.series())

    __hash__ = None  # type: ignore[assignment]


class Cells:
    """A column as a database gave it, and how its array is made."""

    def __init__(self, values: Sequence[Any], make: Callable[[Sequence[Any]], Any]) -> None:
        self.values, self._make = values, make

    def __call__(self) -> Any:
        """Make the array."""
        return self._make(self.values)

    def take(self, rows: NDArray[np.intp]) -> Cells:
        """Pick cells by their numbers."""
        if len(rows) < 2:
            return Cells([self.values[row] for row in rows.tolist()], self._make)
        return Cells(itemgetter(*rows.tolist())(self.values), self._make)


def _of_series(operator: str) -> Callable[..., Any]:
    """Make an operator of columns that does what it does to Series."""
    return lambda column, *other: getattr(column.series(), operator)(*other)


for _name in ("eq", "ne", "lt", "le", "gt", "ge", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "and", "or", "invert"):
    setattr(Column, f"__{_name}__", _of_series(f"__{_name}__"))


class Table:
    """Features, numbered from 0, that are asked as a frame is: for columns, shapes, numbers and a few columns more.

    `make` makes the arrays of columns: texts as objects, None where missing, all else in the types of `layers.base.PANDAS`. For
    anything else that a frame can do it becomes one (`frame`).
    """

    def __init__(self, make: Mapping[str, Callable[[], Any]], shapes: NDArray[np.object_], crs: object) -> None:
        self._make, self._made = make, dict[str, Column]()
        self._shapes, self.crs = shapes, crs
        self._moved = dict[str, NDArray[np.object_]]()
        self.geometry = Shapes(shapes, crs)

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame | Table) -> Table:
        """Take the columns of a frame; a table is its own."""
        if isinstance(frame, Table):
            return frame
        columns = {name: array for name, array in arrays_of(frame).items() if name != "geometry"}
        return cls({}, frame.geometry.to_numpy(), frame.crs).also(columns)

    def __len__(self) -> int:
        return len(self._shapes)

    def __contains__(self, name: object) -> bool:
        return name in self._make

    def __getitem__(self, name: Any) -> Any:
        if not isinstance(name, str) or name not in self._make:
            return self.frame()[name]
        if name not in self._made:
            self._made[name] = Column(self._make[name]())
        return self._made[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frame(), name)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, without the geometry."""
        return list(self._make)

    @property
    def index(self) -> pd.RangeIndex:
        """The numbers of the features."""
        return pd.RangeIndex(len(self))

    def cells(self, name: str) -> Sequence[Any] | None:
        """Give a column as the database gave it; None where it is no longer so."""
        column = self._make[name]
        return column.values if isinstance(column, Cells) else None

    def assign(self, **columns: Any) -> Table:
        """Add or replace columns."""
        return self.also({name: pd.Series(values).array for name, values in columns.items()})

    def also(self, arrays: Mapping[str, Any]) -> Table:
        """Add or replace columns by their arrays."""
        made = {name: partial(_plain, array) for name, array in arrays.items()}
        return Table({**self._make, **made}, self._shapes, self.crs)

    def arrays(self) -> dict[str, Any]:
        """Make all columns; their arrays, by name."""
        return {name: self[name].array for name in self._make}

    def take(self, rows: NDArray[np.intp]) -> Table:
        """Pick features by their numbers."""
        make = {
            name: column.take(rows) if isinstance(column, Cells) else partial(_picked, self, name, rows)
            for name, column in self._make.items()
        }
        taken = Table(make, self._shapes[rows], self.crs)
        taken._moved = {crs: shapes[rows] for crs, shapes in self._moved.items()}
        return taken

    def pick(self, names: Sequence[str]) -> Table:
        """Keep some columns, in the order that they have here."""
        picked = Table({name: make for name, make in self._make.items() if name in names}, self._shapes, self.crs)
        picked._moved = self._moved
        return picked

    def moved(self, crs: object) -> NDArray[np.object_]:
        """Give the shapes in another CRS, east before north; remembered, so that they move once."""
        if str(crs) not in self._moved:
            self._moved[str(crs)] = transform(self._shapes, self.crs, crs)
        return self._moved[str(crs)]

    def made(self) -> Table:
        """Make all columns now, so that they keep nothing of the tables that they were picked from."""
        return Table({}, self._shapes, self.crs).also(self.arrays())

    def joined(self, other: Table) -> Table:
        """Put the features of another table with the same columns behind these."""
        columns = {name: joined([self[name].array, other[name].array]) for name in self._make}
        return Table({}, np.concatenate([self._shapes, other._shapes]), self.crs).also(columns)

    def beside(self, facts: Facts) -> Table:
        """Put what is told by number beside the features."""
        at = facts.at(self["id"].to_numpy())
        more = {name: partial(_taken, array, at) for name, array in facts.arrays.items()}
        return Table({**self._make, **more}, self._shapes, self.crs)

    def frame(self) -> gpd.GeoDataFrame:
        """Make the frame."""
        arrays = {name: make() for name, make in self._make.items()}
        written = {name: texts(a) for name, a in arrays.items() if isinstance(a, np.ndarray) and a.dtype == object}
        return framed(arrays | written, self._shapes, self.crs)


def _picked(table: Table, name: str, rows: NDArray[np.intp]) -> Any:
    return table[name].array[rows]


class Facts:
    """Columns of texts, numbers and days that are told by number, of which a few rows are asked for at a time.

    Takes 100 bytes a row beside the frame that it is made of, and a hundredth of the time of that to find ten rows.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._place = {id: n for n, id in enumerate(frame.index.to_numpy(object).tolist())}
        self.arrays = {str(name): _packed(array) for name, array in arrays_of(frame).items()}

    def at(self, ids: NDArray[np.object_]) -> NDArray[np.intp]:
        """Tell the rows of numbers; -1 where nothing is told."""
        return np.array([self._place.get(id, -1) for id in ids.tolist()], np.intp)


def _packed(array: Any) -> Any:
    """Give an array of numpy, or of texts one of Arrow in one piece."""
    if array.dtype != TEXT:
        return np.asarray(array)
    told = array.__arrow_array__()
    return told.combine_chunks() if isinstance(told, pa.ChunkedArray) else told


def _taken(array: Any, at: NDArray[np.intp]) -> Any:
    """Take rows of such an array; -1 is none."""
    if isinstance(array, np.ndarray):
        none: Any = np.datetime64("NaT") if array.dtype.kind == "M" else np.nan
        return np.where(at < 0, none, array[at]) if len(array) else np.full(len(at), none, array.dtype)
    return np.asarray(array.take(pa.array(at, mask=at < 0)), object)


def _plain(array: Any) -> Any:
    """Give the array of a column of a frame, of texts as objects, None where missing."""
    if isinstance(array, np.ndarray):
        return array
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        return array.to_numpy()
    return objects(array) if array.dtype == TEXT else array
