"""Features of a layer into exchange files, each whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from shapely.geometry.base import BaseGeometry

from geo.crs import transform
from geo.shape import boundary_points, noded_together
from layers.base import Layer, Text
from layers.formats import boundary, workbook
from layers.formats.errors import FormatError, UnknownFormatError, UnreadableError, did_you_mean
from layers.formats.place import moved_by
from layers.parcels import ON

DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".kml": "LIBKML", ".fgb": "FlatGeobuf", ".shp": "ESRI Shapefile"}
DEGREES = (".geojson", ".kml")
"""Formats that know longitude and latitude of WGS 84 only."""
DBF_NAME, DBF_TEXT = 10, 254
"""How many bytes a column's name and a text may have in a DBF."""
KINDS = {3: "Polygon", 6: "MultiPolygon", 1: "LineString", 5: "MultiLineString", 0: "Point", 4: "MultiPoint"}
FAMILIES = {"polygon": (3, 6), "line": (1, 5), "point": (0, 4)}
PRESENT = Lock()
"""Held while GDAL writes a GeoPackage: the day that it takes for the present is that of the whole process."""
FORMULA = "^(?=[=+@\t\r-])"
"""How text begins that spreadsheets take for a formula."""
LABEL_HEIGHT = 3.0
"""Height of the numbers in a drawing [m]."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an export made: the files, the number of features, and what a reader should know."""

    files: tuple[Path, ...]
    features: int
    notes: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """How an export shall be: CRS (the base's own where ""), encoding of boundary text, points instead of rows (CSV).

    `made`: the day that the files say they were made on, today where None; equal features are then equal files. `beside`: parcels
    around those that are exported; where the points of one lie on the edge of another they are boundary points of both.
    """

    crs: str = ""
    encoding: str = "utf-8"
    points: bool = False
    unit: str = ""
    made: date | None = None
    beside: tuple[BaseGeometry, ...] = ()


def export(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, overwrite: bool = False) -> Written:
    """Write features of a layer to a file, whose ending names the format; FormatError where it cannot be.

    GeoJSON and KML are in longitude and latitude, the others in the CRS that was wished. The files appear when all are complete,
    the one that was named after its parts. Memory grows with the features, by about two copies.
    """
    ending = path.suffix.lower()
    if ending not in WRITERS:
        known = did_you_mean(ending, WRITERS)
        raise UnknownFormatError(
            f"{path.name} has no ending that is written; {known.en}", f"{path.name} 的后缀不支持写出;{known.zh}"
        )
    if path.exists() and not overwrite:
        raise FormatError(
            f"{path.name} is already there: choose another name or say --overwrite",
            f"{path.name} 已存在:请另取名或加 --overwrite",
        )
    if not len(features):
        raise FormatError("there is nothing to export: no feature was picked", "没有可导出的要素")
    if layer.name == "parcels" and (ending in (".txt", ".xlsx") or (ending == ".csv" and wish.points)):
        shapes = noded_together(features.geometry.to_numpy(), ON, np.array(wish.beside, object))
        features = features.set_geometry(shapes, crs=features.crs)
    target = "EPSG:4326" if ending in DEGREES else wish.crs or str(features.crs)
    moved = features.set_geometry(transform(features.geometry.to_numpy(), features.crs, target), crs=target)
    notes = [moved_by(features.crs, moved.crs)] if moved.crs != features.crs else []
    try:
        with TemporaryDirectory(prefix=".shudi-", dir=path.parent) as folder:
            WRITERS[ending](moved, layer, Path(folder) / path.name, wish, notes)
            made = sorted(Path(folder).iterdir())
            for file in sorted(made, key=lambda file: file.name == path.name):  # what was named last: its parts are there then
                os.replace(file, path.parent / file.name)
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0][:120]
        raise FormatError(
            f"{path.name} cannot be written ({why}): choose a folder that you may write, on a disk with space",
            f"无法写入 {path.name}({why}):请选择可写且有空间的文件夹",
        ) from error
    return Written(tuple(path.parent / file.name for file in made), len(features), tuple(notes))


def _table(features: gpd.GeoDataFrame, layer: Layer) -> pa.Table:
    """Put attributes and geometry (WKB) into Arrow; days are days."""
    days = {f.name for f in layer.columns if f.dtype == "date"}
    attributes = pa.Table.from_pandas(pd.DataFrame(features.drop(columns="geometry")), preserve_index=False)
    arrays = [
        column.cast(pa.date32()) if name in days else column
        for name, column in zip(attributes.column_names, attributes, strict=True)
    ]
    plain = [a.cast(pa.string()) if pa.types.is_large_string(a.type) else a for a in arrays]
    wkb = pa.array(shapely.to_wkb(features.geometry.to_numpy()), pa.binary())
    return pa.table([*plain, wkb], names=[*attributes.column_names, "geometry"])


def _kind(shapes: np.ndarray) -> str:
    """Name the one kind of geometry that all shapes have or can be given, "Unknown" where there is none."""
    kinds = np.unique(shapely.get_type_id(shapes))
    family = next((ids for ids in FAMILIES.values() if np.isin(kinds, ids).all()), None)
    return "Unknown" if family is None else KINDS[int(kinds.max()) if len(kinds) > 1 else int(kinds[0])]


def _gdal(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write by GDAL: GeoPackage, GeoJSON, KML, FlatGeobuf, Shapefile."""
    driver = DRIVERS[path.suffix.lower()]
    kind = _kind(features.geometry.to_numpy())
    if kind.startswith("Multi"):
        features = features.set_geometry(_multi(features.geometry.to_numpy()))
    if driver == "LIBKML":  # a placemark is known by its name; what is called id is lost on reading
        features = features.rename(columns={"id": "Name"})
    options = {"GPKG": {"SPATIAL_INDEX": "YES"}, "GeoJSON": {"RFC7946": "YES", "COORDINATE_PRECISION": "9"}}.get(driver, {})
    if driver == "ESRI Shapefile":
        options = {"ENCODING": "UTF-8"} | ({"DBF_DATE_LAST_UPDATE": str(wish.made)} if wish.made else {})
    with _dated(wish.made) if driver == "GPKG" else nullcontext():
        pyogrio.write_arrow(
            _table(features, layer), path, layer=layer.name if driver in ("GPKG", "LIBKML") else None, driver=driver,
            geometry_name="geometry", geometry_type=kind, crs=str(features.crs), layer_options=options,
        )  # fmt: skip


@contextmanager
def _dated(day: date | None) -> Iterator[None]:
    """Let GDAL take a day for the present; the whole process has one, so that one GeoPackage is written at a time."""
    with PRESENT:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day}T00:00:00.000Z" if day else None})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _multi(shapes: np.ndarray) -> np.ndarray:
    """Make multi-part shapes of all."""
    parts, of = shapely.get_parts(shapes, return_index=True)
    kind = int(shapely.get_type_id(parts[0]))
    if kind == 3:
        return np.asarray(shapely.multipolygons(parts, indices=of), object)
    return np.asarray((shapely.multilinestrings if kind == 1 else shapely.multipoints)(parts, indices=of), object)


def _shapefile(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write one shapefile a kind of geometry, names cut to what a DBF takes, and a mapping that gives them back."""
    for column in features.select_dtypes("str"):
        long = features[column].fillna("").str.encode("utf-8").str.len() > DBF_TEXT
        if long.any():
            raise UnreadableError(
                f"{column} of {features['id'][long].iloc[0]} is longer than the {DBF_TEXT} bytes of a shapefile: export as GeoPackage",
                f"{features['id'][long].iloc[0]} 的 {column} 超过 shapefile 的 {DBF_TEXT} 字节:请导出为 GeoPackage",
            )
    names = _cut([str(c) for c in features.columns if c != "geometry"])
    cut = {short: name for name, short in names.items() if short != name}
    plain = features.rename(columns=names)
    fields = _renamed(layer, names)
    kinds = shapely.get_type_id(features.geometry.to_numpy())
    there = {family: np.isin(kinds, ids) for family, ids in FAMILIES.items() if np.isin(kinds, ids).any()}
    for family, mine in there.items():
        file = path if len(there) == 1 else path.with_stem(f"{path.stem}_{family}")
        _gdal(plain[mine], fields, file, wish, notes)
    if cut:
        lines = ["# shudi import --map-file", f'layer = "{layer.name}"', "[columns]", *(f'{n} = "{s}"' for s, n in cut.items())]
        path.with_suffix(".mapping.toml").write_text("\n".join(lines) + "\n", "utf-8")
        notes.append(
            Text(
                f"{len(cut)} column names are cut to {DBF_NAME} bytes; {path.stem}.mapping.toml gives them back on import",
                f"{len(cut)} 个字段名截为 {DBF_NAME} 字节;导入时用 {path.stem}.mapping.toml 还原",
            )
        )


def _renamed(layer: Layer, names: dict[str, str]) -> Layer:
    """Give a layer whose fields are called as in the file."""
    from dataclasses import replace

    return replace(layer, fields=tuple(replace(f, name=names.get(f.name, f.name)) for f in layer.columns))


def _cut(names: Sequence[str]) -> dict[str, str]:
    """Cut names to what a DBF takes, each still unlike the others."""
    found: dict[str, str] = {}
    for name in names:
        short, n = name[:DBF_NAME], 1
        while short in found.values():
            n += 1
            short = name[: DBF_NAME - len(str(n)) - 1] + f"_{n}"
        found[name] = short
    return found


def _parquet(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write GeoParquet."""
    features.to_parquet(path, index=False, compression="zstd")


def points_of(features: gpd.GeoDataFrame) -> pd.DataFrame:
    """Table the boundary points: parcel, ring, point number, X (north), Y (east), side to the next [m].

    Rings are counted from 1 through all parts of a parcel, each shell before its holes.
    """
    points = boundary_points(features.geometry.to_numpy())
    begins = (np.diff(np.stack([points.shape, points.part, points.ring]), prepend=-1) != 0).any(axis=0)
    ring = np.cumsum(begins)
    ring -= ring[np.searchsorted(points.shape, points.shape)] - 1
    return pd.DataFrame(
        {
            "地块": features["id"].to_numpy(object)[points.shape],
            "圈号": ring,
            "点号": "J" + pd.Series(points.number).astype("str"),
            "X": points.xy[:, 1].round(4),
            "Y": points.xy[:, 0].round(4),
            "边长": points.side.round(4),
        }
    )


def _csv(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write a CSV that spreadsheets open as it is: a row a feature with WKT, or a row a boundary point."""
    if wish.points:
        frame = points_of(_polygons(features, path))
    else:
        frame = pd.DataFrame(features.drop(columns="geometry"))
        frame["wkt"] = shapely.to_wkt(features.geometry.to_numpy(), rounding_precision=-1)
    path.write_bytes(csv(frame))


def csv(frame: pd.DataFrame) -> bytes:
    """Write a table as a CSV in which no spreadsheet takes a text for a formula."""
    text = {str(c): frame[c].replace(FORMULA, "'", regex=True) for c in frame.select_dtypes(["str", "object"])}
    safe = frame.assign(**text)
    return safe.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\r\n").encode("utf-8-sig")


def _polygons(features: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Pass features that are polygons."""
    if not np.isin(shapely.get_type_id(features.geometry.to_numpy()), FAMILIES["polygon"]).all():
        raise FormatError(
            f"{path.name} would hold boundary points, and not all features are polygons: choose another format",
            f"{path.name} 用于界址点,但并非所有要素都是面:请选择其他格式",
        )
    return features


def _xlsx(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write a workbook: a sheet of attributes and, of polygons, a sheet of boundary points."""
    sheets = [(layer.name, pd.DataFrame(features.drop(columns="geometry")))]
    if np.isin(shapely.get_type_id(features.geometry.to_numpy()), FAMILIES["polygon"]).all():
        sheets.append(("points", points_of(features)))
    workbook.write(path, sheets)
    if wish.made is not None:
        workbook.redate(path, wish.made)


def _text(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write the boundary text of land approvals."""
    frame = _polygons(features, path)
    uses = layer.field("use_code").codes if "use_code" in frame else None
    if uses:
        known = {code: c.name.zh for code, c in uses.items()}
        frame = frame.assign(code=frame["use_code"], use=frame["use_code"].map(known))
    try:
        path.write_bytes(boundary.write(frame, wish.unit, wish.made or date.today()).encode(wish.encoding))
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{error.object[error.start]!r} cannot be written in {wish.encoding}: use --encoding gb18030 or utf-8",
            f"{error.object[error.start]!r} 无法以 {wish.encoding} 写出:请用 --encoding gb18030 或 utf-8",
        ) from error


def _dxf(features: gpd.GeoDataFrame, layer: Layer, path: Path, wish: Wish, notes: list[Text]) -> None:
    """Write a drawing in metres: closed polylines of polygons, open ones of lines, the numbers as text beside them.

    It is R2004 in the code page 936: of later releases, whose text is UTF-8, GDAL and QGIS read Chinese wrong. One with numbers that
    this code page lacks is R2010.
    """
    from ezdxf import options, units  # type: ignore[attr-defined]
    from ezdxf.filemanagement import new

    options.write_fixed_meta_data_for_testing = wish.made is not None
    said = "".join(map(str, features["id"]))
    local = said.encode("gbk", "ignore").decode("gbk") == said
    document = new("R2004" if local else "R2010", setup=False, units=units.M)
    document.encoding = "gbk" if local else "utf-8"
    document.styles.new("SHUDI", dxfattribs={"font": "simsun.ttc"})
    space = document.modelspace()
    outlines, numbers = layer.name.upper(), f"{layer.name.upper()}_ID"
    for name, colour in ((outlines, 1), (numbers, 7)):
        document.layers.add(name, color=colour)
    shapes, ids = features.geometry.to_numpy(), features["id"].to_numpy(object)
    parts, of = shapely.get_parts(shapes, return_index=True)
    for part in parts:
        closed = part.geom_type == "Polygon"
        if part.geom_type == "Point":
            space.add_point((part.x, part.y), dxfattribs={"layer": outlines})
            continue
        for ring in shapely.get_rings(part) if closed else [part]:
            points = shapely.get_coordinates(ring)
            space.add_lwpolyline(points[:-1] if closed else points, close=closed, dxfattribs={"layer": outlines})
    for id, (x, y) in zip(ids[of], shapely.get_coordinates(shapely.point_on_surface(parts)), strict=True):
        label = space.add_text(
            re.sub(r"[\r\n]", " ", str(id)), height=LABEL_HEIGHT, dxfattribs={"layer": numbers, "style": "SHUDI"}
        )
        label.set_placement((x, y))
    for kind in sorted(document.entitydb.dxf_types_in_use()):  # a set, in another order in each process
        document.classes.add_class(kind)
    document.saveas(path)


Writer = Callable[[gpd.GeoDataFrame, Layer, Path, Wish, list[Text]], None]
WRITERS: dict[str, Writer] = {
    ".gpkg": _gdal, ".geojson": _gdal, ".kml": _gdal, ".fgb": _gdal, ".shp": _shapefile, ".parquet": _parquet, ".csv": _csv,
    ".xlsx": _xlsx, ".txt": _text, ".dxf": _dxf,
}  # fmt: skip
