"""A throw-away PostgreSQL with PostGIS: started for the tests of a session, gone with them."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from layers.store.postgis import PostgisStore

FAST = "-c fsync=off -c full_page_writes=off -c shared_buffers=64MB -c max_connections=60 -c autovacuum=off"


@dataclass
class Cluster:
    """A running server on a port of loopback and a socket in its folder."""

    binaries: Path
    folder: Path
    port: int
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, *command: str | Path) -> None:
        """Run a program of the server, as a user who is not root: it starts for no other."""
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        done = subprocess.run(
            [*user, *map(str, command)], cwd="/", capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"{FAST} -c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder}"
        self.run(self.binaries / "pg_ctl", "-D", self.folder / "db", "-o", options, "-l", self.folder / "log", "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server; at once, as a crash does."""
        self.run(self.binaries / "pg_ctl", "-D", self.folder / "db", "-m", mode, "-w", "stop")

    def url(self, database: str, user: str = "postgres") -> str:
        """Write the address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def sql(self, database: str, *statements: str) -> None:
        """Run statements, each committed by itself."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            for statement in statements:
                connection.execute(statement)

    @contextmanager
    def database(self, template: str = "template_gis") -> Iterator[str]:
        """Lend the address of a database of its own, made like `template`."""
        name = f"base{next(self.numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def free_port() -> int:
    """Find a port that nobody uses just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def cluster(*options: str) -> Iterator[Cluster]:
    """Run a server of its own, made with `options` of initdb; `template_gis` has the extension, `template_park` an empty base in it."""
    found = sorted(p.parents[1] for p in Path("/usr/lib/postgresql").glob("*/lib/postgis-3.so"))
    if not found:
        pytest.skip("no PostGIS on this machine")
    folder = Path(tempfile.mkdtemp(prefix="shudi-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    running = Cluster(found[-1] / "bin", folder, free_port())
    try:
        made = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "--wal-segsize=1", *options)
        running.run(running.binaries / "initdb", "-D", folder / "db", *made)
        running.start()
        running.sql("postgres", "CREATE DATABASE template_gis", "CREATE DATABASE template_park")
        running.sql("template_gis", "CREATE EXTENSION postgis")
        PostgisStore.create(running.url("template_park"), "EPSG:4548", "Test park").close()
        yield running
    finally:
        if (folder / "db" / "postmaster.pid").exists():
            running.stop()
        shutil.rmtree(folder)
