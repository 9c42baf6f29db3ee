"""Files that processes make for people to fetch: beside the base, under names that nobody guesses, kept for a day."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.jobs import beside
from layers.assessment import NotFoundError
from layers.store.address import Where

KEPT = 24 * 3600.0
"""How long a file is kept [s]."""
NAME = re.compile(r"[0-9a-f]{32}(\.zip|\.meeting\.zip|\.tif)")
SHOWN = {".zip": "packs.zip", ".meeting.zip": "meeting.zip", ".tif": "suitability.tif"}
"""What a file is called where it is saved, by its ending."""


def folder(base: Where) -> Path:
    """Name the folder of a base's files."""
    return beside(base).with_suffix(".results")


@contextmanager
def made(base: Where, ending: str) -> Iterator[tuple[str, Path]]:
    """Give a new file's name, and the path to write to; the file is there when all went well, and not otherwise."""
    into = folder(base)
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in into.iterdir():
        if time.time() - old.stat().st_mtime > KEPT:
            old.unlink(missing_ok=True)
    name = f"{uuid.uuid4().hex}{ending}"
    part = into / f"{name}.part"
    try:
        yield name, part
        part.replace(into / name)
    finally:
        part.unlink(missing_ok=True)


def shown(name: str) -> str:
    """Tell what a file that was found is called where it is saved."""
    return SHOWN[name[32:]]


def found(base: Where, name: str) -> Path:
    """Find a file; NotFoundError where there is none, or no more."""
    path = folder(base) / name
    if NAME.fullmatch(name) and path.is_file():
        return path
    raise NotFoundError("there is no such file, or no more; make it again", "没有该文件或已过期;请重新生成")
