"""Which reader takes a file: by its ending, confirmed by its content, from a closed list."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from layers.base import Text
from layers.formats import boundary
from layers.formats.errors import UnknownFormatError, UnreadableError, UnsafeFileError, did_you_mean

HEAD = 4096
DRIVERS = {
    ".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".topojson": "TopoJSON", ".shp": "ESRI Shapefile",
    ".fgb": "FlatGeobuf", ".kml": "LIBKML", ".gdb": "OpenFileGDB", ".parquet": "GeoParquet", ".geoparquet": "GeoParquet",
    ".dxf": "DXF", ".csv": "CSV", ".tsv": "CSV", ".txt": "CSV",
    ".xlsx": "XLSX",
}  # fmt: skip
"""Ending to reader. Readers are GDAL's but for CSV, XLSX and GeoParquet; those that open what another file names are not there."""
ARCHIVES = (".zip", ".kmz")
MAGIC = {
    "GPKG": b"SQLite format 3\x00",
    "ESRI Shapefile": b"\x00\x00\x27\x0a",
    "FlatGeobuf": b"fgb",
    "GeoParquet": b"PAR1",
    "XLSX": b"PK",
}


def driver(path: Path) -> str:
    """Choose the reader of a file or .gdb folder.

    UnknownFormatError for an ending that none takes, UnreadableError where the content is of another kind, UnsafeFileError
    for a KML that declares a document type (entities read files, fetch addresses and grow without bound).
    """
    suffix = path.suffix.lower()
    if suffix in (".dbf", ".shx", ".prj", ".cpg"):
        beside = path.with_suffix(".shp")
        remedy = (
            Text(f"import {beside.name}", f"请导入 {beside.name}")
            if beside.exists()
            else Text("ask for the .shp that belongs to it, without it there is no place", "请索取其 .shp,没有它就没有位置")
        )
        raise UnknownFormatError(
            f"{path.name} is only a part of a shapefile: {remedy.en}", f"{path.name} 只是 shapefile 的一部分:{remedy.zh}"
        )
    if suffix not in DRIVERS:
        guess = did_you_mean(suffix, DRIVERS)
        raise UnknownFormatError(
            f"{path.name} ends in {suffix or 'nothing'}, which no reader takes; {guess.en}, .zip",
            f"{path.name} 的后缀为 {suffix or '空'},没有可读取的程序;{guess.zh}, .zip",
        )
    name = DRIVERS[suffix]
    if suffix == ".txt" and path.is_file() and boundary.is_one(path):
        return "BoundaryText"
    if path.is_dir() or name == "OpenFileGDB":
        if not (path.is_dir() and name == "OpenFileGDB" and any(path.glob("*.gdbtable"))):
            raise UnreadableError(
                f"{path.name} is not a file geodatabase: its folder ends in .gdb and holds .gdbtable files",
                f"{path.name} 不是文件地理数据库:其文件夹应以 .gdb 结尾并含 .gdbtable 文件",
            )
        return name
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise UnreadableError(f"{path.name} is empty: ask for the delivery again", f"{path.name} 是空文件:请要求重新交付")
    return confirm(path, name, head)


def confirm(path: Path, name: str, head: bytes) -> str:
    """Hold the first bytes of a file against the reader that its ending chose; gives the reader's name, TopoJSON for its JSON."""
    text, looks = head.lstrip(b"\xef\xbb\xbf \t\r\n"), kind(head)
    if name in MAGIC and not head.startswith(MAGIC[name]):
        raise UnreadableError(
            f"{path.name} is not {name} inside ({looks.en}): give the file its true ending",
            f"{path.name} 的内容不是 {name}({looks.zh}):请改为真实的后缀",
        )
    if name in ("GeoJSON", "TopoJSON"):
        if not text.startswith(b"{"):
            raise UnreadableError(
                f"{path.name} is not JSON in UTF-8 inside ({looks.en}): export it again as GeoJSON in UTF-8",
                f"{path.name} 的内容不是 UTF-8 的 JSON({looks.zh}):请重新导出为 UTF-8 的 GeoJSON",
            )
        return "TopoJSON" if re.search(rb'"type"\s*:\s*"Topology"', head) else name
    if name == "LIBKML":
        refuse_doctype(path)
        if b"<kml" not in head.replace(b"\x00", b"") and b":kml" not in head.replace(b"\x00", b""):
            raise UnreadableError(
                f"{path.name} is not KML inside ({looks.en}): give the file its true ending",
                f"{path.name} 的内容不是 KML({looks.zh}):请改为真实的后缀",
            )
    if name == "DXF" and not re.search(rb"^\s*0\s*\r?\n\s*SECTION", head, re.MULTILINE):
        raise UnreadableError(
            f"{path.name} is not a text DXF inside ({looks.en}): save it as ASCII DXF",
            f"{path.name} 的内容不是文本 DXF({looks.zh}):请另存为 ASCII DXF",
        )
    return name


def kind(head: bytes) -> Text:
    """Say what first bytes look like, for a message."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    looks = (
        (b"<OGRVRT", "a GDAL virtual file", "GDAL 虚拟文件"), (b"<", "XML", "XML"), (b"{", "JSON", "JSON"),
        (b"SQLite", "SQLite", "SQLite"), (b"PK", "a zip", "zip"), (b"\xff\xfe", "UTF-16", "UTF-16"),
        (b"\xfe\xff", "UTF-16", "UTF-16"), (b"AutoCAD Binary", "a binary DXF", "二进制 DXF"), (b"fgb", "FlatGeobuf", "FlatGeobuf"),
    )  # fmt: skip
    for start, en, zh in looks:
        if text.startswith(start):
            return Text(f"it looks like {en}", f"看来是 {zh}")
    return Text("its content is of another kind", "内容是另一种")


def refuse_doctype(path: Path) -> None:
    """Raise UnsafeFileError if an XML file declares a document type or an entity, in UTF-8 or UTF-16, anywhere."""
    marks = [mark.encode(e) for mark in ("<!DOCTYPE", "<!ENTITY") for e in ("utf-8", "utf-16-le", "utf-16-be")]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if any(content.find(mark) >= 0 for mark in marks):
            raise UnsafeFileError(
                f"{path.name} declares a document type (DTD), which may read other files: export it without",
                f"{path.name} 声明了文档类型(DTD),可能读取其他文件:请不带它导出",
            )


def links(path: Path) -> int:
    """Count the network links of a KML; they are never followed."""
    content = path.read_bytes().replace(b"\x00", b"")
    return len(re.findall(rb"<(?:\w+:)?NetworkLink[\s>]", content))
