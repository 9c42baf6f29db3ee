"""The tables of a land base in PostGIS, all in the schema `shudi`; what they mean is told in `layers.store.schema`.

Alembic's migrations make those that no layer owns. Those of the layers follow the catalogue: a new layer or field needs no
migration, `grow` makes what is missing. Triggers keep the history, whoever writes, and let one transaction write at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from layers.base import DType, Layer
from layers.store.frames import plain
from layers.store.schema import VECTORS, quoted, text

VERSION = 1
"""The newest migration."""
LOCK = 7_236_838
"""The advisory lock of the one transaction that writes features; the next numbers are those of findings and of their refresh."""
TYPES: Mapping[DType, str] = {"text": "text", "integer": "bigint", "real": "float8", "date": "date", "flag": "boolean"}
WIRE: Mapping[DType, str] = {"text": "text", "integer": "int8", "real": "float8", "date": "int4", "flag": "bool"}
"""As which types the values of a binary COPY are sent; a day is the number of days since 2000."""
COLLECTIONS = {"polygon": "MULTIPOLYGON", "line": "MULTILINESTRING"}
EPOCH = np.datetime64("2000-01-01", "D")
"""The day that PostgreSQL counts days from."""
SETTINGS = """
SELECT set_config('search_path', concat_ws(', ', 'shudi', 'public', (SELECT quote_ident(nspname) FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'postgis' AND nspname <> 'public')), false),
  set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false), set_config('extra_float_digits', '1', false),
  set_config('client_min_messages', 'warning', false), set_config('idle_in_transaction_session_timeout', '15min', false),
  CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
"""What a connection needs: names, days and numbers that come back as they were, commits that are on disk."""


@contextmanager
def migrating(connection: psycopg.Connection[Any]) -> Iterator[Callable[[], None]]:
    """Lend what runs the migrations that a base has not seen, in one transaction with all that is done inside."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    try:
        with engine.begin() as lent:
            steps = Config()
            steps.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
            steps.attributes["connection"] = lent.execution_options(no_parameters=True)
            yield lambda: command.upgrade(steps, "head")
    except DBAPIError as error:
        raise error.orig or error from None


def make(
    connection: psycopg.Connection[Any], srs: int, title: str, fill: Callable[[psycopg.Connection[Any]], None] | None = None
) -> None:
    """Make all tables of a base, empty or with what `fill` puts into them: wholly, or not at all."""
    with migrating(connection) as upgrade:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        connection.execute("CREATE SCHEMA IF NOT EXISTS shudi")
        connection.execute(SETTINGS)
        upgrade()
        for key, value in (("crs", f"EPSG:{srs}"), ("title", title)):
            connection.execute("INSERT INTO shudi_meta VALUES (%s, %s)", (key, value))
        grow(connection, srs)
        if fill is not None:
            fill(connection)


def migrate(connection: psycopg.Connection[Any], srs: int) -> None:
    """Bring a base of an older Shudi to the tables of this one: wholly, or not at all."""
    with migrating(connection) as upgrade:
        connection.execute(SETTINGS)
        upgrade()
        grow(connection, srs)


def grow(connection: psycopg.Connection[Any], srs: int) -> None:
    """Make the tables, columns and triggers that the catalogue has and the base has not."""
    for layer in VECTORS.values():
        for statement in table(layer, srs):
            connection.execute(statement)
    held = json.dumps({name: [f.name for f in layer.columns] for name, layer in VECTORS.items()})
    connection.execute(
        "INSERT INTO shudi_meta VALUES ('layers', %s) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value", (held,)
    )


def lacking(held: str) -> list[str]:
    """Name the layers and columns that the catalogue has and a base, which noted what it holds, has not."""
    noted: dict[str, list[str]] = json.loads(held)
    return [f"{n}.{f.name}" for n, layer in VECTORS.items() for f in layer.columns if f.name not in noted.get(n, ())]


def table(layer: Layer, srs: int) -> list[str]:
    """Write the statements that make the table of a layer with its index and its triggers, or what of it is missing."""
    name = quoted(layer.name)
    collection = COLLECTIONS.get(layer.geometry)
    check = f"CHECK (st_srid(geom) = {srs})" + (f" CHECK (geometrytype(geom) = '{collection}')" if collection else "")
    index = f"CREATE INDEX IF NOT EXISTS {quoted(layer.name + '_geom')} ON {name} USING gist (geom)"
    statements = [
        f"CREATE TABLE IF NOT EXISTS {name} (fid bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "
        f'{f"geom geometry {check}, " if layer.drawn else ""}id text COLLATE "C" NOT NULL UNIQUE)',
        *(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {quoted(f.name)} {TYPES[f.dtype]}" for f in layer.columns),
        *([index] if layer.drawn else []),
        f"COMMENT ON TABLE {name} IS {text(f'{layer.title.en} {layer.title.zh}')}",
    ]
    for f in layer.columns:
        title = f"{f.title.en} {f.title.zh}" + (f" [{f.unit}]" if f.unit else "")
        statements.append(f"COMMENT ON COLUMN {name}.{quoted(f.name)} IS {text(title)}")
    return statements + triggers(layer)


def triggers(layer: Layer) -> list[str]:
    """Write the function and the triggers that sign and record each change of a layer.

    A row's reals are kept as text, from which the same number comes back in any program.
    """
    name, run = quoted(layer.name), quoted(f"history_{layer.name}")
    pairs = ", ".join(f"{text(f.name)}, OLD.{quoted(f.name)}" + ("::text" if f.dtype == "real" else "") for f in layer.columns)
    into = f"INSERT INTO shudi_history (layer, id, fid, before, geom) VALUES ({text(layer.name)}"
    shape = "OLD.geom" if layer.drawn else "NULL"
    body = (
        f"BEGIN IF TG_OP <> 'INSERT' THEN {into}, OLD.id, OLD.fid, json_build_object({pairs}), {shape}); END IF; "
        f"IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND OLD.id <> NEW.id) THEN {into}, NEW.id, NEW.fid, NULL, NULL); END IF; "
        "RETURN NULL; END"
    )
    ours = "current_setting('shudi.writing', true)"
    return [
        f"CREATE OR REPLACE FUNCTION {run}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT "
        f"SET extra_float_digits = 1 SET datestyle = 'ISO' AS {text(body)}",
        f"CREATE OR REPLACE TRIGGER sign BEFORE INSERT OR UPDATE OR DELETE ON {name} FOR EACH STATEMENT "
        f"WHEN (coalesce({ours}, '') = '') EXECUTE FUNCTION shudi_sign()",
        f"CREATE OR REPLACE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON {name} FOR EACH ROW "
        f"WHEN ({ours} IS DISTINCT FROM 'delivery') EXECUTE FUNCTION {run}()",
        f"CREATE OR REPLACE TRIGGER keep BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION shudi_keep()",
    ]


def wire(values: pd.Series, dtype: DType) -> list[Any]:
    """Turn a typed column into values for a binary COPY: None where missing, days as PostgreSQL counts them."""
    if dtype != "date":
        return plain(values)
    days = values.to_numpy("datetime64[D]")
    counted = (days - EPOCH).astype(np.int64).tolist()
    return [None if gone else day for gone, day in zip(np.isnat(days).tolist(), counted, strict=True)]
