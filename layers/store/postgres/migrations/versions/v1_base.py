"""The first tables of a land base; those of the layers follow the catalogue and are made after every migration."""

from alembic import op

revision = "1"
down_revision = None

TABLES = """
CREATE TABLE shudi_meta (key text PRIMARY KEY, value text NOT NULL);
CREATE SEQUENCE shudi_seq;
CREATE TABLE shudi_writes (first bigint PRIMARY KEY, at timestamptz NOT NULL, actor text NOT NULL, reason text NOT NULL);
CREATE TABLE shudi_history (
  seq bigint PRIMARY KEY DEFAULT nextval('shudi_seq'), layer text NOT NULL, id text NOT NULL, fid bigint, before json, geom geometry);
CREATE INDEX shudi_history_feature ON shudi_history (layer, id);
CREATE INDEX shudi_history_layer ON shudi_history (layer, seq);
CREATE TABLE editions (
  seq bigint PRIMARY KEY, id text NOT NULL UNIQUE, layer text NOT NULL, source text NOT NULL, date date NOT NULL,
  kinds text NOT NULL, replaces boolean NOT NULL, first_fid bigint, last_fid bigint, geom geometry);
CREATE TABLE shudi_rasters (
  fid bigint PRIMARY KEY, id text NOT NULL, edition text NOT NULL, pixels_x integer NOT NULL, pixels_y integer NOT NULL,
  min_x float8 NOT NULL, max_y float8 NOT NULL, size_x float8 NOT NULL, size_y float8 NOT NULL,
  added bigint NOT NULL, retired bigint);
CREATE TABLE shudi_tiles (
  raster bigint NOT NULL REFERENCES shudi_rasters, tile_column integer NOT NULL, tile_row integer NOT NULL,
  data bytea NOT NULL, PRIMARY KEY (raster, tile_column, tile_row));
ALTER TABLE shudi_tiles ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE shudi_findings (one integer PRIMARY KEY CHECK (one = 1), inputs text NOT NULL, types text NOT NULL);
"""

FUNCTIONS = """
CREATE FUNCTION shudi_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% only grows: nothing in it is changed or removed', TG_TABLE_NAME; END $$;
CREATE FUNCTION shudi_deliver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'editions are delivered with shudi import'; END $$;
CREATE FUNCTION shudi_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% keeps its history: DELETE its rows instead', TG_TABLE_NAME; END $$;
CREATE FUNCTION shudi_sign() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7236838);
  INSERT INTO shudi_writes VALUES (nextval('shudi_seq'), clock_timestamp(), 'outside', 'SQL: ' || session_user);
  RETURN NULL;
END $$;
CREATE TRIGGER deliver BEFORE INSERT ON editions FOR EACH STATEMENT
  WHEN (coalesce(current_setting('shudi.writing', true), '') = '') EXECUTE FUNCTION shudi_deliver();
"""
GROWING = "CREATE TRIGGER grow BEFORE UPDATE OR DELETE OR TRUNCATE ON {} FOR EACH STATEMENT EXECUTE FUNCTION shudi_refuse()"


def upgrade() -> None:
    """Make the tables of history, editions, rasters and findings."""
    connection = op.get_bind()
    connection.exec_driver_sql(TABLES)
    connection.exec_driver_sql(FUNCTIONS)
    for table in ("shudi_history", "shudi_writes", "editions"):
        connection.exec_driver_sql(GROWING.format(table))
