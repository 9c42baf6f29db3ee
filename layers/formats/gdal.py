"""Features out of a file by GDAL, in a process of its own with one driver and limits."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray

from layers.base import Text
from layers.formats.errors import ChooseSublayerError, EncodingError, UnreadableError, UnsafeFileError, did_you_mean, reason

WORKER = Path(__file__).with_name("worker.py")
SECONDS, BYTES_PER_SECOND = 60.0, 1_000_000.0
"""A file may take the first and one second more for each so many bytes."""
MEMORY = 4 << 30
"""Address space of the reader beyond 8 times the file."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a reader found: attributes with unique names, geometry as read, rows whose geometry was broken, the CRS if stated.

    `damaged` rows hold a shape that was mended to be readable at all (an open ring closed).
    """

    attributes: pd.DataFrame
    shapes: NDArray[np.object_]
    damaged: NDArray[np.bool_]
    crs: str | None
    repeated: tuple[str, ...] = ()
    curves: bool = False
    sublayer: str = ""
    notes: tuple[Text, ...] = ()


@lru_cache(maxsize=1)
def drivers() -> frozenset[str]:
    """List the drivers that GDAL has here."""
    return frozenset(pyogrio.list_drivers())


def environment(driver: str) -> Mapping[str, str]:
    """Make the worker's environment: no other driver, no settings from outside, no address to fetch from."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "OGR_", "CPL_", "VSI_", "AWS_", "PYTHON"))}
    away = ",".join(sorted(drivers() - {driver}))
    closed = {"GDAL_HTTP_PROXY": "127.0.0.1:9", "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none", "OGR_SQLITE_LOAD_EXTENSIONS": "NO"}
    return {**kept, **closed, "GDAL_SKIP": away, "OGR_SKIP": away}


def weight(path: Path) -> int:
    """Measure a file, or a folder's files together, in bytes."""
    return sum(p.stat().st_size for p in path.iterdir()) if path.is_dir() else path.stat().st_size


def read(path: Path, driver: str, sublayer: str | None, encoding: str | None, seconds: float | None = None) -> Table:
    """Read one sublayer of a file with one driver; the only one with geometry where none is named.

    ChooseSublayerError lists the sublayers where it is not clear which; UnreadableError where the reader fails, crashes, takes
    more than `seconds` (default by size) or gives other than the counted features. Memory grows with the features.
    """
    if driver == "GPKG":
        refuse_views(path, sublayer)
    with TemporaryDirectory(prefix="shudi-") as name:
        folder = Path(name)
        answer = ask(path, driver, folder, sublayer, encoding, seconds)
        try:
            return load(path, folder, answer)
        except NotImplementedError:
            # shapely has no curves: ask again, this time for lines in their place.
            return load(path, folder, ask(path, driver, folder, sublayer, encoding, seconds, linear=True))


def ask(
    path: Path, driver: str, folder: Path, sublayer: str | None, encoding: str | None, seconds: float | None, linear: bool = False
) -> Mapping[str, Any]:
    """Run the worker on a file and give its answer; errors as in `read`."""
    size = weight(path)
    limit = SECONDS + size / BYTES_PER_SECOND if seconds is None else seconds
    request = {
        "path": str(path.resolve()), "folder": str(folder), "sublayer": sublayer, "encoding": encoding, "linear": linear,
        "memory": MEMORY + 8 * size, "driver": driver,
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(WORKER)], input=json.dumps(request).encode(), env=dict(environment(driver)),
            capture_output=True, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(
            f"{path.name} takes more than {limit:.0f} s to read: simplify or split it",
            f"{path.name} 读取超过 {limit:.0f} 秒:请简化或拆分",
        ) from error
    if done.returncode or not (folder / "answer.json").exists():
        raise UnreadableError(
            f"{path.name} makes its reader ({driver}) fail: it is damaged or made to harm, export it again",
            f"{path.name} 使其读取程序({driver})失败:文件已损坏或有害,请重新导出",
        )
    answer: Mapping[str, Any] = json.loads((folder / "answer.json").read_text("utf-8"))
    if "error" in answer:
        what = reason(answer["error"], path)
        raise UnreadableError(
            f"{path.name} cannot be read as {driver} ({what}): export it again",
            f"{path.name} 无法按 {driver} 读取({what}):请重新导出",
        )
    if "choose" in answer:
        choose(path, answer)
    if answer["count"] not in (-1, answer["rows"]):
        raise UnreadableError(
            f"{path.name} counts {answer['count']} features and gives {answer['rows']}: ask for the delivery again",
            f"{path.name} 自称 {answer['count']} 个要素,实有 {answer['rows']} 个:请要求重新交付",
        )
    return answer


def choose(path: Path, answer: Mapping[str, Any]) -> None:
    """Raise the error that asks for a sublayer."""
    if not answer["choose"]:
        raise UnreadableError(
            f"{path.name} holds no layer with geometry: import the file that has the places",
            f"{path.name} 没有带几何的图层:请导入含位置的文件",
        )
    if answer["wanted"]:
        wanted, known = answer["wanted"], did_you_mean(answer["wanted"], answer["choose"])
        raise ChooseSublayerError(
            f"{path.name} has no layer {wanted} with geometry; {known.en}", f"{path.name} 没有带几何的图层 {wanted};{known.zh}"
        )
    raise ChooseSublayerError(
        f"{path.name} holds several layers, name one by --sublayer; there are: {', '.join(answer['choose'])}",
        f"{path.name} 含多个图层,请用 --sublayer 指定一个;现有:{'、'.join(answer['choose'])}",
    )


@np.errstate(invalid="ignore", over="ignore")
def load(path: Path, folder: Path, answer: Mapping[str, Any]) -> Table:
    """Turn the worker's answer into a table; NotImplementedError where it has curves."""
    with pa.memory_map(str(folder / "table.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
        column = table.column(answer["geometry"])
        lines = folder / "lines.arrow"
        if lines.exists():
            with pa.memory_map(str(lines)) as other:
                column = pa.ipc.open_file(other).read_all().column(0)
        wkb = column.to_numpy()
        shapes = shapely.from_wkb(wkb, on_invalid="ignore")
        damaged = shapely.is_missing(shapes) & ~pd.isna(wkb)
        if damaged.any():
            shapes[damaged] = mend(wkb[damaged])
        rest = table.remove_column(answer["geometry"])
        try:
            rest.validate(full=True)
        except pa.ArrowException as error:
            raise EncodingError(
                f"{path.name} holds text that is not in the encoding of its format: export it again",
                f"{path.name} 含有不符合其格式编码的文字:请重新导出",
            ) from error
        attributes = frame(rest)
    return Table(
        attributes,
        shapes,
        damaged,
        answer["crs"],
        tuple(answer["repeated"]),
        lines.exists(),
        answer["layer"],
        tuple(Text(*note) for note in answer.get("notes", ())),
    )


def mend(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    """Read broken geometries as well as may be: rings closed; None where that is not enough."""
    fixed: NDArray[np.object_] = shapely.from_wkb(wkb, on_invalid="fix")
    return fixed


NULLABLE: Mapping[Any, Any] = {
    pa.bool_(): pd.BooleanDtype(),
    **{kind: pd.Int64Dtype() for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32())},
}


def frame(table: pa.Table) -> pd.DataFrame:
    """Turn a table into a frame in which integers stay integers beside missing ones; days are timestamps."""
    result: pd.DataFrame = table.to_pandas(types_mapper=NULLABLE.get, date_as_object=False)
    return result


def refuse_views(path: Path, sublayer: str | None) -> None:
    """Raise UnsafeFileError if the sublayer, or any layer where none is named, is a view: reading it runs the file's own SQL."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            base.execute("PRAGMA trusted_schema=OFF")
            rows = base.execute(
                "SELECT s.name FROM sqlite_master s JOIN gpkg_contents c ON lower(c.table_name) = lower(s.name) "
                "WHERE s.type = 'view'"
            ).fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise UnreadableError(
            f"{path.name} is a damaged GeoPackage ({reason(error, path)}): export it again",
            f"{path.name} 是损坏的 GeoPackage({reason(error, path)}):请重新导出",
        ) from error
    views = [name for (name,) in rows if sublayer in (None, name)]
    if views:
        raise UnsafeFileError(
            f"{path.name} has the view {views[0]} for a layer, which runs SQL of the file: export it as a table",
            f"{path.name} 以视图 {views[0]} 为图层,读取会运行文件中的 SQL:请导出为表",
        )
