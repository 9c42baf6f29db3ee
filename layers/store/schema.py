"""The tables of a land base: GeoPackage 1.3 (OGC 12-128r18) with R-trees, and Shudi's own beside them.

`shudi_history` grows by one row for each feature changed, whoever changes it: triggers write it. A row holds what the feature
was before; what it became is the next row's `before`, or the feature itself. A delivery is one row without `fid`, and its
features are those of its range of `fid` in `editions`. `shudi_writes` tells who, when and why for all rows of the history from
`first` to the next write's `first`. Nothing in these three tables is ever changed or removed. The order is that of `seq`; clocks
step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from layers.base import DType, Field, Layer
from layers.catalogue import LAYERS
from layers.store.blobs import decode

CELL = np.dtype([("name", ">i8"), ("box", ">f4", 4)])
"""A cell of an R-tree's node as SQLite stores it: west, east, south, north."""
SINGLE = 2.0**-21
"""More than what a coordinate loses when the R-tree rounds it twice to single precision, as a share of it."""
VERSION = 2
"""Version of these tables; a base with a higher one was written by a newer Shudi."""

APPLICATION_ID = 0x47504B47
USER_VERSION = 10300
OUTSIDE = "outside"
"""The actor of changes that another program made."""

TYPES: dict[DType, str] = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "date": "DATE", "flag": "BOOLEAN"}
GEOMETRIES = {"polygon": "MULTIPOLYGON", "line": "MULTILINESTRING", "any": "GEOMETRY"}
VECTORS: dict[str, Layer] = {name: layer for name, layer in LAYERS.items() if layer.geometry != "raster"}
"""The layers that have a table of their own, with geometry or (`none`) without."""
NOW = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"

STANDARD = """
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
  constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
  max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
"""

OWN = """
CREATE TABLE shudi_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE shudi_context (one INTEGER PRIMARY KEY CHECK (one = 1), inside INTEGER NOT NULL);
INSERT INTO shudi_context VALUES (1, 0);
CREATE TABLE shudi_writes (first INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE shudi_history (
  seq INTEGER PRIMARY KEY, layer TEXT NOT NULL, id TEXT NOT NULL, fid INTEGER, before TEXT, geom BLOB);
CREATE INDEX shudi_history_feature ON shudi_history (layer, id);
CREATE INDEX shudi_history_layer ON shudi_history (layer);
CREATE TABLE editions (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, layer TEXT NOT NULL, source TEXT NOT NULL, date DATE NOT NULL,
  kinds TEXT NOT NULL, replaces BOOLEAN NOT NULL, first_fid INTEGER, last_fid INTEGER, geom MULTIPOLYGON);
CREATE TABLE shudi_rasters (
  fid INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, edition TEXT NOT NULL, table_name TEXT NOT NULL,
  pixels_x INTEGER NOT NULL, pixels_y INTEGER NOT NULL, min_x REAL NOT NULL, max_y REAL NOT NULL,
  size_x REAL NOT NULL, size_y REAL NOT NULL, added INTEGER NOT NULL, retired INTEGER);
CREATE TABLE shudi_findings (one INTEGER PRIMARY KEY CHECK (one = 1), inputs TEXT NOT NULL, types TEXT NOT NULL);
"""
KEPT = "CREATE TABLE IF NOT EXISTS shudi_kept (name TEXT PRIMARY KEY, note TEXT NOT NULL, content BLOB NOT NULL)"
"""What can be derived again: a base without the table has nothing of it, so it needs no migration."""
OVERVIEW = (
    "CREATE TABLE IF NOT EXISTS shudi_overview (zoom BIGINT, x BIGINT, y BIGINT, cell BIGINT, state TEXT, status TEXT, "
    "plots BIGINT NOT NULL, area BIGINT NOT NULL, PRIMARY KEY (zoom, x, y, cell, state, status))"
)
"""The findings summed up (`layers.overview`): made with them, changed with them, and like the above, in no copies."""
APPEND_ONLY = ("shudi_history", "shudi_writes", "editions")


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a text for SQL where no parameter can stand, as in a trigger."""
    return "'" + value.replace("'", "''") + "'"


def held(layer: Layer) -> list[str]:
    """List the columns that a layer's table holds behind the fid, quoted: the number first, the geometry last if there is one."""
    return [*(quoted(f.name) for f in layer.columns), *(["geom"] if layer.drawn else [])]


def create(connection: sqlite3.Connection, crs: CRS, srs: int, title: str) -> None:
    """Make all tables of an empty land base, inside the caller's transaction."""
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={USER_VERSION}")
    for statement in (STANDARD + OWN).split(";\n"):
        if statement.strip():
            connection.execute(statement)
    _reference_systems(connection, crs, srs)
    for name in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            connection.execute(
                f"CREATE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{name} only grows: nothing in it is changed or removed'); END"
            )
    connection.execute(
        "CREATE TRIGGER editions_insert BEFORE INSERT ON editions WHEN (SELECT inside FROM shudi_context) = 0 "
        "BEGIN SELECT RAISE(ABORT, 'editions are delivered with shudi import'); END"
    )
    for layer in VECTORS.values():
        _layer_table(connection, layer, srs)
    findings_table(connection, {})
    index_findings(connection)
    _register(connection, "editions", "MULTIPOLYGON", srs, "Editions 版本", "the deliveries and the areas that they cover")
    own = [
        (row[0],)
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE 'shudi#_%' ESCAPE '#'")
    ]
    connection.executemany(
        "INSERT INTO gpkg_extensions VALUES (?, NULL, 'shudi_base', 'history, editions and findings', 'read-write')", own
    )
    for name in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        connection.execute(
            "INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema', 'http://www.geopackage.org/spec/#extension_schema', 'read-write')",
            (name,),
        )
    meta = {"version": str(VERSION), "crs": f"EPSG:{srs}", "title": title}
    connection.executemany("INSERT INTO shudi_meta VALUES (?, ?)", meta.items())


def findings_table(connection: sqlite3.Connection, types: Mapping[str, DType]) -> None:
    """Make the table of findings anew. It is always there: without a table of attributes GDAL lists all tables as layers.

    `index_findings` follows, best when the table is filled: an index that grows row by row costs a third of the filling.
    """
    connection.execute("DROP TABLE IF EXISTS main.findings")
    connection.execute(f"CREATE TABLE main.findings (fid INTEGER PRIMARY KEY AUTOINCREMENT, {_findings_columns(types)})")
    _register_attributes(connection, "findings", "Findings 结论", "what was assessed, by parcel id")


def index_findings(connection: sqlite3.Connection) -> None:
    """Let the findings be found by the parcel's id, of which there is one row each."""
    connection.execute("CREATE UNIQUE INDEX main.findings_id ON findings (id)")


def staged_findings(connection: sqlite3.Connection, types: Mapping[str, DType]) -> None:
    """Make the table in which findings wait, alike, so that SQLite copies whole records: in a file of its own that goes with it."""
    drop_staged(connection)
    connection.execute("ATTACH '' AS staging")
    connection.execute(f"CREATE TABLE staging.staged ({staged_columns(types)})")


def staged_columns(types: Mapping[str, DType]) -> str:
    """Write the columns of the table in which findings wait."""
    return f"fid INTEGER PRIMARY KEY, {_findings_columns(types)}"


def drop_staged(connection: sqlite3.Connection) -> None:
    """Drop the findings that wait, and what was not finished of them."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    if any(name == "staging" for _, name, _ in connection.execute("PRAGMA database_list").fetchall()):
        connection.execute("DETACH staging")


def _findings_columns(types: Mapping[str, DType]) -> str:
    """Write the columns of findings behind their number."""
    return ", ".join(["id TEXT NOT NULL", *(f"{quoted(name)} {TYPES[kind]}" for name, kind in types.items())])


def _reference_systems(connection: sqlite3.Connection, crs: CRS, srs: int) -> None:
    """Fill the table of reference systems: the two undefined ones, WGS 84 and the project's."""
    rows = {
        -1: ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian coordinate reference system"),
        0: ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic coordinate reference system"),
        4326: ("WGS 84 geodetic", 4326, "EPSG", 4326, CRS.from_epsg(4326).to_wkt("WKT1_GDAL"), "longitude/latitude"),
    }
    rows[srs] = (crs.name, srs, "EPSG", srs, crs.to_wkt("WKT1_GDAL"), "the project's")
    connection.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", rows.values())


def _register(
    connection: sqlite3.Connection, table: str, geometry: str, srs: int, identifier: str, description: str, z: int = 0
) -> None:
    """Announce a feature table."""
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES (?, 'features', ?, ?, ?)",
        (table, identifier, description, srs),
    )
    connection.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, ?, 0)", (table, geometry, srs, z))


def _register_attributes(connection: sqlite3.Connection, table: str, identifier: str, description: str) -> None:
    """Announce a table without geometry."""
    connection.execute(
        "INSERT OR REPLACE INTO gpkg_contents (table_name, data_type, identifier, description) VALUES (?, 'attributes', ?, ?)",
        (table, identifier, description),
    )


def _layer_table(connection: sqlite3.Connection, layer: Layer, srs: int) -> None:
    """Make the table of a layer with its triggers and the titles of its columns; of features with geometry and R-tree."""
    told = (f"{layer.title.en} {layer.title.zh}", f"{layer.question.en} {layer.question.zh}")
    columns = "".join(f", {quoted(f.name)} {TYPES[f.dtype]}{' NOT NULL UNIQUE' if f.name == 'id' else ''}" for f in layer.columns)
    shape = f", geom {GEOMETRIES[layer.geometry]}" if layer.drawn else ""
    connection.execute(f"CREATE TABLE {quoted(layer.name)} (fid INTEGER PRIMARY KEY AUTOINCREMENT{shape}{columns})")
    if layer.drawn:
        z = 0 if layer.geometry == "polygon" else 2
        _register(connection, layer.name, GEOMETRIES[layer.geometry], srs, *told, z)
        connection.execute(f"CREATE VIRTUAL TABLE {rtree(layer.name)} USING rtree(id, minx, maxx, miny, maxy)")
        connection.execute(
            "INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only')",
            (layer.name,),
        )
    else:
        _register_attributes(connection, layer.name, *told)
    _titles(connection, layer, layer.columns)
    for statement in (*rtree_triggers(layer).values(), *history_triggers(layer).values()):
        connection.execute(statement)


def _titles(connection: sqlite3.Connection, layer: Layer, fields: Iterable[Field]) -> None:
    """Enter what columns are called and mean."""
    rows = [(layer.name, f.name, f"{f.title.en} {f.title.zh}" + (f" [{f.unit}]" if f.unit else ""), f.meaning) for f in fields]
    connection.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, title, description) VALUES (?, ?, ?, ?)", rows
    )


def lacking(connection: sqlite3.Connection) -> dict[str, list[Field]]:
    """List the columns of each layer that a base lacks, all of a layer without a table; {} where it is up to date."""
    found = {}
    for layer in VECTORS.values():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(layer.name)})")}
        if new := [f for f in layer.columns if f.name not in there]:
            found[layer.name] = new
    return found


def upgrade(connection: sqlite3.Connection, srs: int) -> None:
    """Give an older base the layers and columns that there are since, inside the caller's transaction."""
    new = lacking(connection)
    for layer in VECTORS.values():
        if len(new.get(layer.name, ())) == len(layer.columns):
            _layer_table(connection, layer, srs)
            continue
        for f in new.get(layer.name, ()):
            connection.execute(f"ALTER TABLE {quoted(layer.name)} ADD COLUMN {quoted(f.name)} {TYPES[f.dtype]}")
        _titles(connection, layer, new.get(layer.name, ()))
        for name, trigger in history_triggers(layer).items():
            connection.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")
            connection.execute(trigger)
    connection.execute("UPDATE shudi_meta SET value = ? WHERE key = 'version'", (str(VERSION),))


def rtree(table: str) -> str:
    """Name the R-tree of a feature table, quoted."""
    return quoted(f"rtree_{table}_geom")


def rtree_triggers(layer: Layer) -> dict[str, str]:
    """Write the standard's triggers that keep the R-tree of a layer (OGC 12-128r18, annex F.3), by name; none for records."""
    if not layer.drawn:
        return {}
    table = layer.name
    tree = f"rtree_{table}_geom"
    box = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
    put = f"INSERT OR REPLACE INTO {quoted(tree)} VALUES (NEW.fid, {box});"
    full, bare = "(NEW.geom NOT NULL AND NOT ST_IsEmpty(NEW.geom))", "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))"
    drop = f"DELETE FROM {quoted(tree)} WHERE id = OLD.fid;"
    parts = {
        "insert": f"AFTER INSERT ON {{}} WHEN {full} BEGIN {put} END",
        "update1": f"AFTER UPDATE OF geom ON {{}} WHEN OLD.fid = NEW.fid AND {full} BEGIN {put} END",
        "update2": f"AFTER UPDATE OF geom ON {{}} WHEN OLD.fid = NEW.fid AND {bare} BEGIN {drop} END",
        "update3": f"AFTER UPDATE ON {{}} WHEN OLD.fid != NEW.fid AND {full} BEGIN {drop} {put} END",
        "update4": f"AFTER UPDATE ON {{}} WHEN OLD.fid != NEW.fid AND {bare} "
        f"BEGIN DELETE FROM {quoted(tree)} WHERE id IN (OLD.fid, NEW.fid); END",
        "delete": f"AFTER DELETE ON {{}} WHEN OLD.geom NOT NULL BEGIN {drop} END",
    }
    return {f"{tree}_{k}": f"CREATE TRIGGER {quoted(f'{tree}_{k}')} {body.format(quoted(table))}" for k, body in parts.items()}


def history_triggers(layer: Layer) -> dict[str, str]:
    """Write the triggers that record each change of a feature, whoever makes it, by name.

    They use built-in functions only, so that they run in every program. Reals are kept as text of 17 digits, from which the
    same number comes back; json_object alone keeps 15.
    """
    name, table = layer.name, quoted(layer.name)
    pairs = []
    for f in layer.columns:
        old = f"OLD.{quoted(f.name)}"
        value = f"iif(typeof({old}) = 'real', printf('%!.17g', {old}), {old})" if f.dtype == "real" else old
        pairs.append(f"{text(f.name)}, {value}")
    outside = (
        "INSERT INTO shudi_writes SELECT (SELECT coalesce(max(seq), 0) + 1 FROM shudi_history), "
        f"{NOW}, '{OUTSIDE}', '' FROM shudi_context WHERE inside = 0 AND NOT EXISTS (SELECT 1 FROM shudi_writes "
        f"WHERE first = (SELECT max(first) FROM shudi_writes) AND actor = '{OUTSIDE}' AND at = {NOW});"
    )
    into = "INSERT INTO shudi_history (layer, id, fid, before, geom) VALUES "
    shape = "OLD.geom" if layer.drawn else "NULL"
    was = f"{into}({text(name)}, OLD.id, OLD.fid, json_object({', '.join(pairs)}), {shape});"
    born = f"{into}({text(name)}, NEW.id, NEW.fid, NULL, NULL);"
    parts = {
        "insert": f"AFTER INSERT ON {table} BEGIN {outside} {born} END",
        "update": f"AFTER UPDATE ON {table} WHEN OLD.id = NEW.id BEGIN {outside} {was} END",
        "rename": f"AFTER UPDATE ON {table} WHEN OLD.id != NEW.id BEGIN {outside} {was} {born} END",
        "delete": f"AFTER DELETE ON {table} BEGIN {outside} {was} END",
    }
    return {f"history_{name}_{k}": f"CREATE TRIGGER {quoted(f'history_{name}_{k}')} {body}" for k, body in parts.items()}


def birth_triggers(layer: Layer) -> dict[str, str]:
    """Pick the triggers that fire for each inserted feature, which a delivery does without."""
    both = {**rtree_triggers(layer), **history_triggers(layer)}
    return {name: sql for name, sql in both.items() if name.endswith("_insert")}


def bounds(connection: sqlite3.Connection, table: str) -> tuple[float, float, float, float]:
    """Bound the envelopes of a table; zeros where there is none.

    The R-tree keeps single precision, rounded outwards: it tells which few features may be the outermost.
    """
    tree = rtree(table)
    box = _hull(connection, table)
    if box is None:
        return 0.0, 0.0, 0.0, 0.0
    slack = max(map(abs, box)) * SINGLE
    edges = (("minx <=", box[0] + slack), ("miny <=", box[1] + slack), ("maxx >=", box[2] - slack), ("maxy >=", box[3] - slack))
    outermost = [
        row[0]
        for edge, value in edges
        for row in connection.execute(
            f"SELECT geom FROM {quoted(table)} WHERE fid IN (SELECT id FROM {tree} WHERE {edge} ?)", (value,)
        )
    ]
    west, south, east, north = shapely.total_bounds(decode(outermost, "any", table)).tolist()
    return west, south, east, north


def _hull(connection: sqlite3.Connection, table: str) -> tuple[float, float, float, float] | None:
    """Bound the R-tree of a table by its root, for a least value takes reading all of it; None where it is empty.

    A node is two numbers of two bytes, of which the second counts its cells; a cell is 8 bytes of name and four floats, all big-endian:
    https://www.sqlite.org/rtree.html#nodes
    """
    (root,) = connection.execute(f"SELECT data FROM {quoted(f'rtree_{table}_geom_node')} WHERE nodeno = 1").fetchone()
    cells = np.frombuffer(root, CELL, int.from_bytes(root[2:4], "big"), 4)["box"].astype(float)
    if not len(cells):
        return None
    low, high = cells.min(axis=0).tolist(), cells.max(axis=0).tolist()
    return low[0], low[2], high[1], high[3]


def place(connection: sqlite3.Connection, table: str, fids: Iterable[int], shapes: NDArray[np.object_]) -> None:
    """Enter features that came without triggers in the R-tree and in the extent of their table; records have no place."""
    bounds = shapely.bounds(shapes)
    boxed = ~np.isnan(bounds[:, 0])
    places = bounds[boxed][:, [0, 2, 1, 3]].T.tolist()
    numbers = np.asarray(fids, np.int64)[boxed].tolist()
    if len(numbers):
        connection.executemany(f"INSERT INTO {rtree(table)} VALUES (?, ?, ?, ?, ?)", zip(numbers, *places, strict=True))
    stretch(connection, table, shapes)


def stretch(connection: sqlite3.Connection, table: str, shapes: NDArray[np.object_]) -> None:
    """Widen the extent that the standard's contents state of a table, and date its last change."""
    connection.execute(
        "UPDATE gpkg_contents SET last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE table_name = ?", (table,)
    )
    box = shapely.total_bounds(shapes).tolist()
    if box[0] == box[0]:
        connection.execute(
            "UPDATE gpkg_contents SET min_x = min(coalesce(min_x, ?1), ?1), min_y = min(coalesce(min_y, ?2), ?2), "
            "max_x = max(coalesce(max_x, ?3), ?3), max_y = max(coalesce(max_y, ?4), ?4) WHERE table_name = ?5",
            (*box, table),
        )


def count_on(connection: sqlite3.Connection, table: str) -> None:
    """Let the numbers of new features go on behind all that a table, which was filled, ever held."""
    used = (
        f"SELECT max(coalesce((SELECT max(fid) FROM {quoted(table)}), 0), "
        f"coalesce((SELECT max(fid) FROM shudi_history WHERE layer = {text(table)}), 0), "
        f"coalesce((SELECT max(last_fid) FROM editions WHERE layer = {text(table)}), 0))"
    )
    connection.execute(f"DELETE FROM sqlite_sequence WHERE name = {text(table)}")
    connection.execute(f"INSERT INTO sqlite_sequence SELECT {text(table)}, ({used}) WHERE ({used}) > 0")
