"""Which reader takes a file: by its ending, confirmed by its content, from a closed list."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from layers.formats.errors import UnknownFormatError, UnreadableError, UnsafeFileError, did_you_mean

HEAD = 4096
DRIVERS = {
    ".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".topojson": "TopoJSON", ".shp": "ESRI Shapefile",
    ".fgb": "FlatGeobuf", ".kml": "LIBKML", ".gdb": "OpenFileGDB", ".parquet": "GeoParquet", ".geoparquet": "GeoParquet",
    ".dxf": "DXF", ".csv": "CSV", ".tsv": "CSV", ".txt": "CSV",
}  # fmt: skip
"""Ending to reader. Readers are GDAL's but for CSV and GeoParquet; those that open what another file names are not there."""
ARCHIVES = (".zip", ".kmz")
MAGIC = {"GPKG": b"SQLite format 3\x00", "ESRI Shapefile": b"\x00\x00\x27\x0a", "FlatGeobuf": b"fgb", "GeoParquet": b"PAR1"}


def driver(path: Path) -> str:
    """Choose the reader of a file or .gdb folder.

    UnknownFormatError for an ending that none takes, UnreadableError where the content is of another kind, UnsafeFileError
    for a KML that declares a document type (entities read files, fetch addresses and grow without bound).
    """
    suffix = path.suffix.lower()
    if suffix in (".dbf", ".shx", ".prj", ".cpg"):
        beside = path.with_suffix(".shp")
        remedy = (
            f"import {beside.name}" if beside.exists() else "ask for the .shp that belongs to it, without it there is no place"
        )
        raise UnknownFormatError(f"{path.name} is only a part of a shapefile: {remedy}")
    if suffix not in DRIVERS:
        raise UnknownFormatError(
            f"{path.name} ends in {suffix or 'nothing'}, which no reader takes; {did_you_mean(suffix, DRIVERS)}, .zip"
        )
    name = DRIVERS[suffix]
    if path.is_dir() or name == "OpenFileGDB":
        if not (path.is_dir() and name == "OpenFileGDB" and any(path.glob("*.gdbtable"))):
            raise UnreadableError(f"{path.name} is not a file geodatabase: its folder ends in .gdb and holds .gdbtable files")
        return name
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise UnreadableError(f"{path.name} is empty: ask for the delivery again")
    return confirm(path, name, head)


def confirm(path: Path, name: str, head: bytes) -> str:
    """Hold the first bytes of a file against the reader that its ending chose; gives the reader's name, TopoJSON for its JSON."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if name in MAGIC and not head.startswith(MAGIC[name]):
        raise UnreadableError(f"{path.name} is not {name} inside ({kind(head)}): give the file its true ending")
    if name in ("GeoJSON", "TopoJSON"):
        if not text.startswith(b"{"):
            raise UnreadableError(f"{path.name} is not JSON in UTF-8 inside ({kind(head)}): export it again as GeoJSON in UTF-8")
        return "TopoJSON" if re.search(rb'"type"\s*:\s*"Topology"', head) else name
    if name == "LIBKML":
        refuse_doctype(path)
        if b"<kml" not in head.replace(b"\x00", b"") and b":kml" not in head.replace(b"\x00", b""):
            raise UnreadableError(f"{path.name} is not KML inside ({kind(head)}): give the file its true ending")
    if name == "DXF" and not re.search(rb"^\s*0\s*\r?\n\s*SECTION", head, re.MULTILINE):
        raise UnreadableError(f"{path.name} is not a text DXF inside ({kind(head)}): save it as ASCII DXF")
    return name


def kind(head: bytes) -> str:
    """Say what first bytes look like, for a message."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    looks = (
        (b"<OGRVRT", "a GDAL virtual file"), (b"<", "XML"), (b"{", "JSON"), (b"SQLite", "SQLite"), (b"PK", "a zip"),
        (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"AutoCAD Binary", "a binary DXF"), (b"fgb", "FlatGeobuf"),
    )  # fmt: skip
    return next((f"it looks like {what}" for start, what in looks if text.startswith(start)), "its content is of another kind")


def refuse_doctype(path: Path) -> None:
    """Raise UnsafeFileError if an XML file declares a document type or an entity, in UTF-8 or UTF-16, anywhere."""
    marks = [mark.encode(e) for mark in ("<!DOCTYPE", "<!ENTITY") for e in ("utf-8", "utf-16-le", "utf-16-be")]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if any(content.find(mark) >= 0 for mark in marks):
            raise UnsafeFileError(f"{path.name} declares a document type (DTD), which may read other files: export it without")


def links(path: Path) -> int:
    """Count the network links of a KML; they are never followed."""
    content = path.read_bytes().replace(b"\x00", b"")
    return len(re.findall(rb"<(?:\w+:)?NetworkLink[\s>]", content))
