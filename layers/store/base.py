"""The protocol of a store: where editions, features, history and findings live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

import geopandas as gpd
import pandas as pd

from layers.base import Edition
from layers.errors import Refusal
from layers.table import Table

Box = tuple[float, float, float, float]
Findings = pd.DataFrame | Iterable[pd.DataFrame]
"""What was found of each plot, by its id: one frame, or a stream of frames with the same columns."""
Inputs = Mapping[str, Any]
"""What findings were made from, as JSON can hold it: the day, the versions of the layers, the standards, the engine."""
AnyOf = Mapping[str, Sequence[str]]
"""For columns the values of which one is asked for."""
Progress = Callable[[int, int], None]
"""Called with (done, total) features while long work goes on; total is 0 where nobody knows it, as of a stream."""
Marks = Callable[[], pd.DataFrame]
"""Called behind the last of a stream of findings for what only all of them together tell."""
When = datetime | int
"""A moment of knowledge: a time (aware), or the number of the last entry of the history that was known."""


class StoreError(Refusal):
    """A store refuses or fails; the message names the file and the remedy."""


class NotABaseError(StoreError):
    """The file is no land base, or one that a newer version of Shudi wrote."""


class BusyError(StoreError):
    """Another process writes and did not finish in time; the message says who."""


class DownError(StoreError):
    """The database does not answer just now; a change that was under way is stored whole or not at all."""


class ReadOnlyError(StoreError):
    """The base cannot be written: permissions, a read-only disk or a full one."""


class DamagedError(StoreError):
    """Pages of the base do not hold what was written there; nothing more may be written until a backup is restored."""


class DuplicateError(StoreError):
    """Features with these numbers are already stored."""


class StaleError(StoreError):
    """A feature was changed by somebody else since it was read."""


class Conflict(NamedTuple):
    """A feature that is not of the version that a change rests on; 0 stands for not being there."""

    layer: str
    id: str
    expected: int
    found: int


class ConflictError(StaleError):
    """Features changed since they were read; `conflicts` carries both versions of each."""

    def __init__(self, en: str, zh: str, conflicts: tuple[Conflict, ...] = ()) -> None:
        super().__init__(en, zh)
        self.conflicts = conflicts


def conflict(conflicts: Sequence[Conflict]) -> ConflictError:
    """Say which features are not of the version that a change rests on."""
    en = "; ".join(f"{c.layer} {c.id} has version {c.found}, not {c.expected}" for c in conflicts[:3])
    zh = ";".join(f"{c.layer} {c.id} 的版本为 {c.found},而非 {c.expected}" for c in conflicts[:3])
    return ConflictError(
        f"{en} (0: not there): somebody changed it since it was read. Nothing was changed; read it again.",
        f"{zh}(0 表示不存在):读取之后已被他人更改,未作任何更改,请重新读取",
        tuple(conflicts),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes the base and why; `reason` may be a document number."""

    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a batch does to one layer: remove the features of `delete`, then insert or replace (by id, all columns) those of `put`.

    `expect` names the versions that features must have, changed here or not: 0 is not there. `seen` is the version of the layer
    that the edit rests on, where what lies around a feature matters too.
    """

    layer: str
    put: gpd.GeoDataFrame | None = None
    delete: Sequence[str] = ()
    expect: Mapping[str, int] = field(default_factory=dict)
    seen: int | None = None


class Write(NamedTuple):
    """One transaction: the first and the last of its entries in the history, when, by whom and why."""

    first: int
    last: int
    at: datetime
    actor: str
    reason: str


Op = Literal["=", "<>", "<", "<=", ">", ">=", "in", "missing", "known"]


class Compare(NamedTuple):
    """A simple condition on a column of text, integers, reals or days: its value is known and stands so to `value`.

    `in` takes a tuple of values; "missing" and "known" ask only whether there is a value. Text is ordered by code points.
    """

    column: str
    op: Op
    value: Any = None


class Record(NamedTuple):
    """One entry of the history of a feature; `before` and `after` are its columns, geometry as WKT, None where absent."""

    seq: int
    at: datetime
    layer: str
    id: str
    actor: str
    reason: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Store(Protocol):
    """A land base in one project CRS. Every write is one transaction, durable when the call returns.

    `as_of` reads the base as it was known at that moment; None is now. Entries of the history are numbered over all layers, in
    the order of the writes whatever the clock says; the version of a feature or a layer is the number of its last entry.
    """

    @property
    def crs(self) -> str:
        """The project CRS as "EPSG:n"."""
        ...

    @property
    def title(self) -> str:
        """What the base calls itself; a generated park says so."""
        ...

    def read(
        self,
        layer: str,
        box: Box | None = None,
        ids: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        as_of: When | None = None,
        where: Sequence[Compare] = (),
        after: str | None = None,
        limit: int | None = None,
    ) -> gpd.GeoDataFrame:
        """Read features of a layer in the order of storage, with the columns and types of its schema.

        `box` (xmin, ymin, xmax, ymax in the base's CRS) keeps features whose envelopes meet it, `where` those for which all
        conditions hold. With `limit`, the first so many with ids beyond `after`, in the order of ids (code points). Of
        `terrain` a frame of one row a raster: `id`, `edition`, `grid` (geo.raster.Grid cut to the box), the outline of that
        grid as geometry; conditions and limits are not for rasters.
        """
        ...

    def table(self, layer: str, box: Box, as_of: When | None = None) -> Table:
        """Read what `read` reads in a box, for a question about one site: columns are made when they are asked for."""
        ...

    def count(self, layer: str, box: Box | None = None, where: Sequence[Compare] = (), most: int | None = None) -> int:
        """Count the features that `read` would give, or one or two more at the rim of the box; not beyond `most`."""
        ...

    def extent(self, layer: str) -> tuple[int, Box]:
        """Count the features of a layer and bound their envelopes; zeros where there is none."""
        ...

    def editions(self, layer: str | None = None, as_of: When | None = None) -> tuple[Edition, ...]:
        """List the deliveries in force of a layer, or of all, in the order of arrival.

        One that a later delivery replaced is not in force: it covers no land any more. One replaced for some of its kinds
        is listed with the others.
        """
        ...

    def add(
        self,
        edition: Edition,
        features: gpd.GeoDataFrame | Iterable[gpd.GeoDataFrame],
        change: Change,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Edition:
        """Store a delivery: all of it or nothing. Gives the edition with the id that it got, its own or one made up for "".

        `features` may be a stream of frames, so that a city is stored in bounded memory; of `terrain` each row is a raster
        with `id` and `grid`. The features get the edition's id as their `edition`. Columns that a frame lacks are missing;
        unknown columns, another CRS, geometries of another kind and features without id are StoreErrors. A multi-polygon or
        multi-line of one part is stored as that part, and polygons lose their heights.

        DuplicateError names numbers that are already stored, unless `replace` retires all features of the layer (and of the
        edition's kinds) first.
        """
        ...

    def edit(
        self,
        layer: str,
        change: Change,
        put: gpd.GeoDataFrame | None = None,
        delete: Sequence[str] = (),
    ) -> None:
        """Edit one layer in one transaction, as `batch`."""
        ...

    def batch(self, edits: Sequence[Edit], change: Change) -> int:
        """Make edits of one or several layers in one transaction; gives the last entry of the history that it left.

        ConflictError where a feature or a layer has another version than an edit expects, StaleError where a feature to delete
        is not there; then nothing is changed.
        """
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads of this thread inside the `with` see one moment; writes inside it are refused."""
        ...

    def history(self, layer: str, id: str) -> tuple[Record, ...]:
        """Tell what happened to a feature, oldest first."""
        ...

    def versions(self, as_of: When | None = None) -> Mapping[str, int]:
        """Tell the version of each layer, 0 for none yet; it grows with every change, from inside or outside Shudi."""
        ...

    def stamps(self, layer: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Tell the versions of the features that are there."""
        ...

    def changed(self, layer: str, since: When, until: When | None = None) -> tuple[str, ...]:
        """Name the features to which anything was done after `since` and, if it is given, not after `until`; sorted."""
        ...

    def writes(self, since: When = 0, until: When | None = None, limit: int | None = None) -> tuple[Write, ...]:
        """Tell the writes that have entries after `since` and not after `until`, oldest first; of more than `limit` the newest."""
        ...

    def alone(self) -> AbstractContextManager[bool]:
        """Tell whether no other process is making findings fresh, and keep others from it inside the `with`; nobody waits."""
        ...

    @property
    def reopen(self) -> Callable[[], Store] | None:
        """How another process opens this base for reading, to be sent there; None where it cannot, as for one in memory."""
        ...

    def save_findings(
        self, findings: Findings, inputs: Inputs, progress: Progress | None = None, marks: Marks | None = None
    ) -> None:
        """Replace the findings of all plots (index: parcel id) and note what they were made from, which JSON can hold.

        All or nothing: until the call returns readers find those of before. A stream is taken frame by frame, without
        keeping the base from writers. Behind the last frame `marks` is asked for columns, of texts, of some plots that take the
        place of what came (index: the plot's number in the order of the stream, from 0). They come back in the types of `layers.base.PANDAS`: flags, integers, reals, days, text.
        """
        ...

    def update_findings(self, findings: pd.DataFrame, gone: Sequence[str], inputs: Inputs, expect: Inputs) -> None:
        """Replace the findings of some plots, add those of new ones, drop those of `gone`, and note what all are made from now.

        The columns are those of the stored findings. ConflictError where the stored ones were not made from `expect`.
        """
        ...

    def findings(
        self, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None, any_of: AnyOf | None = None
    ) -> tuple[pd.DataFrame, Inputs]:
        """Read findings by parcel id, and the inputs they were made from; empty where nothing was assessed.

        `columns` keeps those of them that there are, in the order of storage; `any_of` keeps the plots that have one of the
        values of a column of text, in any of those named.
        """
        ...

    def overview(self, zoom: int, x: int, y: int) -> pd.DataFrame | None:
        """Sum up the findings of all plots in a tile of the map by cells, as `layers.overview.parts`: always those that are stored.

        None where nothing was assessed yet that can be summed up.
        """
        ...

    def keep(self, name: str, note: Inputs, content: bytes) -> None:
        """Keep what was derived from the base and takes long to derive again, in the place of what had the name; not in copies.

        `note` says what it was derived from: whoever takes it judges whether it still holds.
        """
        ...

    def kept(self, name: str) -> tuple[Inputs, bytes] | None:
        """Take what is kept under a name; None where there is nothing."""
        ...

    def close(self) -> None:
        """Let go of the base."""
        ...
