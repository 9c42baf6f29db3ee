"""Features out of exchange files: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, KML, FileGDB, GeoParquet, TopoJSON, DXF, CSV, XLSX, boundary text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from geo.crs import is_same
from layers.base import Text
from layers.formats import boundary, gdal, shapefile, sniff, table, workbook
from layers.formats.archive import Limits, unpack
from layers.formats.errors import (
    BadCRSError,
    ChooseSublayerError,
    FormatError,
    MissingCRSError,
    UnknownFormatError,
    UnreadableError,
    reason,
)
from layers.formats.gdal import Table


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a file holds, as it came: nothing checked against a layer, nothing transformed.

    frame: the source's columns and `geometry`, flat, in the source's CRS, rows in the order of the file. damaged: rows whose
    geometry could not be read as written (a ring that is not closed); the frame holds it mended, or None. name: the file's.
    """

    name: str
    driver: str
    frame: gpd.GeoDataFrame
    damaged: NDArray[np.bool_]
    notes: tuple[Text, ...] = ()


def read(
    path: str | Path,
    crs: str | None = None,
    encoding: str | None = None,
    sublayer: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Delivery:
    """Read the features of an exchange file, zipped or not, in the order of the file.

    `crs` says what the file does not, and overrules it with a note where both speak; without either MissingCRSError, for a CRS is
    never guessed. `encoding` is for DBF and CSV, `sublayer` picks one of several layers, or one of several files of an archive.
    Text stays text: only what the file types as number is one. Z, M and curves are dropped with a note. Every refusal is a
    FormatError with one sentence. Memory grows with the file: the features once as WKB and once as geometry.
    """
    file = Path(path)
    if not file.exists():
        raise UnreadableError(f"{file.name} is not there: check the path", f"{file.name} 不存在:请检查路径")
    try:
        if file.suffix.lower() in sniff.ARCHIVES:
            with TemporaryDirectory(prefix="shudi-") as folder:
                try:
                    unpack(file, Path(folder), limits)
                except FormatError as error:
                    raise type(error)(
                        f"{file.name} is refused: {error.text.en}", f"{file.name} 被拒绝:{error.text.zh}"
                    ) from error
                member, inner = pick(file, Path(folder), sublayer)
                return finish(member, crs, encoding, inner)
        return finish(file, crs, encoding, sublayer)
    except OSError as error:
        raise UnreadableError(
            f"{file.name} cannot be opened ({error.strerror}): check path and permissions",
            f"{file.name} 无法打开({error.strerror}):请检查路径和权限",
        ) from error


def pick(archive: Path, folder: Path, sublayer: str | None) -> tuple[Path, str | None]:
    """Find the one file of an unpacked archive that a reader takes, or the one that `sublayer` names; and the sublayer in it."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in sniff.DRIVERS and not inner_file(p, folder))
    # A text beside a real data file is a licence or a note.
    found = [p for p in found if sniff.DRIVERS[p.suffix.lower()] != "CSV"] or found
    named = [p for p in found if sublayer in (p.stem, p.name)]
    if len(named) == 1:
        return named[0], None
    if len(found) == 1:
        return found[0], sublayer
    if not found:
        raise UnknownFormatError(
            f"{archive.name} holds no file that a reader takes: pack a shapefile, GeoPackage or GeoJSON",
            f"{archive.name} 不含可读取的文件:请打包 shapefile、GeoPackage 或 GeoJSON",
        )
    raise ChooseSublayerError(
        f"{archive.name} holds several files, name one by --sublayer; there are: {', '.join(p.stem for p in found)}",
        f"{archive.name} 含多个文件,请用 --sublayer 指定一个;现有:{'、'.join(p.stem for p in found)}",
    )


def inner_file(path: Path, folder: Path) -> bool:
    """Tell whether a path is inside a .gdb folder or is litter of a packer."""
    parts = path.relative_to(folder).parts
    return any(p.lower().endswith(".gdb") for p in parts[:-1]) or parts[0] == "__MACOSX" or parts[-1].startswith("._")


@np.errstate(invalid="ignore", over="ignore")
def finish(path: Path, crs: str | None, encoding: str | None, sublayer: str | None) -> Delivery:
    """Read one unpacked file, settle its CRS, flatten it and say what was dropped."""
    driver = sniff.driver(path)
    notes: list[Text] = []
    found = open_(path, driver, encoding, sublayer, notes)
    system = settle(path, found.crs, crs, notes)
    shapes = boundary.unzoned(flatten(found, notes), system, notes)
    notes += found.notes
    if found.repeated:
        names = ", ".join(found.repeated)
        notes.append(Text(f"columns of one name were numbered: {names}", f"同名字段已加序号:{names}"))
    attributes = found.attributes.rename(columns={"geometry": "geometry_"})
    frame = gpd.GeoDataFrame(attributes, geometry=gpd.GeoSeries(shapes, attributes.index, crs=system))
    if not len(frame):
        raise UnreadableError(
            f"{path.name} holds no features: ask for the delivery again", f"{path.name} 没有要素:请要求重新交付"
        )
    return Delivery(path.name, driver, frame, found.damaged, tuple(notes))


def open_(path: Path, driver: str, encoding: str | None, sublayer: str | None, notes: list[Text]) -> Table:
    """Hand a file to its reader."""
    own: dict[str, Callable[[], Table]] = {
        "CSV": lambda: table.read(path, encoding, notes),
        "BoundaryText": lambda: boundary.read(path, encoding, notes),
        "XLSX": lambda: table.located(path, workbook.read(path, sublayer), ",", notes),
        "GeoParquet": lambda: parquet(path),
    }
    if driver in own:
        return own[driver]()
    if driver == "ESRI Shapefile":
        shapefile.check(path)
        encoding, source = shapefile.encoding(path, encoding)
        if source == "trial":
            notes.append(Text(f"the encoding {encoding} was found by trial", f"编码 {encoding} 由试读得出"))
        if shapefile.part(path, ".dbf") is None:
            notes.append(Text("there is no .dbf: the features have no attributes", "缺少 .dbf:要素没有属性"))
    elif driver == "LIBKML" and (linked := sniff.links(path)):
        notes.append(Text(f"{linked} network links were not followed", f"未跟随 {linked} 个网络链接"))
    return gdal.read(path, driver, sublayer, encoding if driver == "ESRI Shapefile" else None)


def parquet(path: Path) -> Table:
    """Read a GeoParquet file; its CRS is OGC:CRS84 where its metadata name none, and missing where they say null."""
    try:
        frame = gpd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, shapely.errors.ShapelyError) as error:
        what = reason(error, path)
        raise UnreadableError(
            f"{path.name} cannot be read as GeoParquet ({what}): export it again",
            f"{path.name} 无法按 GeoParquet 读取({what}):请重新导出",
        ) from error
    shapes = frame.geometry.to_numpy()
    crs = frame.crs.to_wkt() if frame.crs is not None else None
    attributes = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    return Table(attributes, np.asarray(shapes, object), np.zeros(len(frame), bool), crs)


def settle(path: Path, own: str | None, given: str | None, notes: list[Text]) -> CRS:
    """Settle the CRS of a file from its own word and the user's; flat, and never a guess."""
    if own is None and given is None:
        raise MissingCRSError(
            f"{path.name} does not say its coordinate reference system: "
            "give it by --crs, as EPSG:4548 (ask who delivered it, do not guess)",
            f"{path.name} 没有说明坐标系:请用 --crs 给出,如 EPSG:4548(请询问交付方,不要猜测)",
        )
    system = flat(path.name, given or str(own))
    if own is not None and given is not None and not is_same(flat(path.name, own), system):
        other = flat(path.name, own).name
        notes.append(
            Text(f"{system.name} as stated, though the file says {other}", f"按指定采用 {system.name},文件自述为 {other}")
        )
    return system


def flat(name: str, text: str) -> CRS:
    """Read a CRS from text and drop its height; BadCRSError where it is none or has no place on Earth."""
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise BadCRSError(
            f"{text.splitlines()[0][:60]!r} for {name} is no coordinate reference system: write it as EPSG:4548",
            f"{name} 的 {text.splitlines()[0][:60]!r} 不是坐标系:请写成 EPSG:4548 等",
        ) from error
    crs = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
    if not (crs.is_projected or crs.is_geographic):
        raise BadCRSError(
            f"{crs.name} of {name} has no known place on Earth: give the true one by --crs, as EPSG:4548",
            f"{name} 的坐标系 {crs.name} 在地球上没有确定的位置:请用 --crs 给出真正的坐标系,如 EPSG:4548",
        )
    return crs


def flatten(found: Table, notes: list[Text]) -> NDArray[np.object_]:
    """Drop Z and M, with a note; say that curves became lines."""
    high = int((shapely.has_z(found.shapes) | shapely.has_m(found.shapes)).sum())
    if found.curves:
        notes.append(Text("curves were made into short straight lines", "曲线已离散为折线"))
    if not high:
        return found.shapes
    notes.append(Text(f"heights or measures (Z, M) of {high} features were dropped", f"已舍去 {high} 个要素的 Z、M 值"))
    flattened: NDArray[np.object_] = shapely.force_2d(found.shapes)
    return flattened
