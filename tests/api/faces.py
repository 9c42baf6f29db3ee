"""The product from outside: its commands and its server."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from api.cli import main
from tests.postgres import free_port

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-11-22"
"""The day on which the tests ask, so that they say the same on every day."""
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("SHUDI_")} | {
    "PYTHONPATH": str(ROOT),
    "PYTHONFAULTHANDLER": "1",
}
COMMAND = [sys.executable, "-W", "error", "-c", "from api.cli import main; main()"]


QGIS_PYTHON = "/usr/bin/python3"
DIRECT = {**{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}, "no_proxy": "*", "NO_PROXY": "*"}
"""An environment for other programs, in which they ask nobody but the service."""


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def body(self) -> Any:
        """What it said to a program."""
        return json.loads(self.out)


def shudi(*args: object, lang: str = "en", typed: str | None = None, base: Path | None = None) -> Answer:
    """Run a command in this process, with `typed` on its standard input and SHUDI_BASE naming `base`; none may end in a traceback."""
    found = CliRunner(env={"SHUDI_BASE": base and str(base)}).invoke(main, ["--lang", lang, *map(str, args)], input=typed)
    assert "Traceback" not in found.output + found.stderr, found.output + found.stderr
    assert found.exit_code in (0, 1, 2, 3), found.output + found.stderr
    return Answer(found.exit_code, found.stdout, found.stderr)


def content(base: Path) -> str:
    """Hash all that a base holds: every row of every table."""
    found = hashlib.sha256()
    with closing(sqlite3.connect(f"{base.absolute().as_uri()}?mode=ro", uri=True)) as c:
        for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
            for row in c.execute(f'SELECT * FROM "{name}"'):
                found.update(repr((name, row)).encode())
    return found.hexdigest()


@dataclass(frozen=True)
class Server:
    """A running `shudi serve`: a client of it and what it logged."""

    client: httpx.Client
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Read the log so far."""
        return self.log.read_text("utf-8")


def qgis_asked(question: str, project: Path, home: Path, *args: str) -> "subprocess.Popen[str]":
    """Begin to ask QGIS about a project (qgis_client.py); the last line that it prints is its answer, in JSON."""
    return subprocess.Popen(
        [QGIS_PYTHON, str(Path(__file__).with_name("qgis_client.py")), question, str(project), *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**DIRECT, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)},
    )  # fmt: skip


def answers(client: httpx.Client) -> bool:
    """Tell whether a service answers yet."""
    try:
        client.get("/healthz")
    except httpx.TransportError:
        return False
    return True


def ended(process: subprocess.Popen[bytes], log: Path) -> None:
    """End a service; one that does not end tells where its threads are, and fails."""
    process.terminate()
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # PYTHONFAULTHANDLER
        process.wait(30)
        raise AssertionError(log.read_text("utf-8")) from None


@contextmanager
def serving(base: Path | str, folder: Path, *more: object, **settings: str) -> Iterator[Server]:
    """Serve a base from a process of its own, on a port of loopback; only a test may kill it.

    `more` are options of the command, `settings` of its environment.
    """
    port, log = free_port(), folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--base", str(base), "--port", str(port), *map(str, more)],
            env=ENVIRONMENT | settings,
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        try:
            until = time.monotonic() + 90
            while not answers(client):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < until, log.read_text("utf-8")
                time.sleep(0.05)
            yield Server(client, url, process, log)
            assert process.poll() in (None, -signal.SIGKILL, -signal.SIGTERM), log.read_text("utf-8")
        finally:
            ended(process, log)
    assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")
