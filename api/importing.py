"""An import over HTTP: a folder with the upload, and two steps, each in a process of its own that can be bounded and killed.

`look` reads the file and tells what it would bring, `bring` stores it. Both run as `python -m api.work FOLDER`; the service's side is
`Imports`, whose steps are jobs.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from anyio import CapacityLimiter
from shapely.geometry import mapping

from api.crs import CRS84
from api.jobs import OVER, Jobs, NoJobError, Progress, Work
from geo.errors import GeoError
from layers.base import KEY, Text
from layers.delivery import deliver, foretold, plan
from layers.drawn import site_from
from layers.errors import Refusal
from layers.formats.deliver import write_rejects
from layers.formats.geojson import features
from layers.formats.mapping import Mapping as Pairs
from layers.formats.mapping import with_pairs
from layers.store import open_store
from layers.store.base import Change, ReadOnlyError
from layers.store.memory import MemoryStore

PLAN, REJECTS, ACCEPTED, ABOUT, REQUEST, RESULT, REFUSAL, SHARE = (
    "plan.pickle", "rejects.geojson", "accepted.geojson", "about.json", "request.json", "result.json", "refusal.json", "progress",
)  # fmt: skip
BOX = r"none|(?:[-+]?\d{1,12}(?:\.\d{1,9})?,){3}[-+]?\d{1,12}(?:\.\d{1,9})?"
"""What a coverage may be: never the name of a file, which would be one of this machine."""
ID = re.compile(r"[0-9a-f]{32}")
PENDING = 10
"""Imports that one person may have under way."""
KEPT = 24 * 3600.0
"""How long an import is kept that nobody touches [s]."""
SECONDS, BYTES_PER_SECOND = 60.0, 100_000.0
"""Looking at a file may take the first and one second more for each so many bytes."""
MEMORY, MEMORY_PER_BYTE = 4 << 30, 16
PREVIEW = 100_000
"""Vertices of the accepted features that are drawn before they are stored."""
READERS = 2
"""Files of sites that are read at once."""
STORING = 6 * 3600.0
"""How long storing may take [s]."""


class NotReadyError(Refusal):
    """What is to be stored was not looked at yet, or cannot be stored."""


class TooManyImportsError(Refusal):
    """One person has as many imports under way as they may."""


class GoneError(Refusal):
    """The import was taken away while somebody worked for it."""

    def __init__(self) -> None:
        super().__init__("the import was taken away", "导入任务已被删除")


class FailedError(Refusal):
    """The process of a step ended without an answer, or took too long, or refused; `kind` names the refusal."""

    def __init__(self, en: str, zh: str, kind: str = "") -> None:
        super().__init__(en, zh)
        self.kind = kind or type(self).__name__


@dataclass(frozen=True, slots=True)
class Import:
    """An upload: whose it is, what they call the file, and the jobs that look at it and store it."""

    id: str
    owner: str
    name: str
    look: str = ""
    delivery: str = ""


class Imports:
    """The uploads to a base, each a folder that only this user reads."""

    def __init__(self, folder: Path, jobs: Jobs) -> None:
        self._folder, self.jobs = folder, jobs
        self.readers = CapacityLimiter(READERS)

    def make(self, owner: str, name: str) -> Import:
        """Make a folder for an upload; TooManyImportsError where its owner has too many under way."""
        with room():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        if sum(job.state not in OVER for job in self.jobs.list(owner)) >= PENDING:
            raise TooManyImportsError(
                f"{PENDING} jobs of yours are under way; wait for one to end, or end one",
                f"您已有 {PENDING} 个任务在进行,请等待其结束或取消一个",
            )
        made = Import(secrets.token_hex(16), owner, name)
        with room():
            self.folder(made).mkdir(mode=0o700)
        return made

    def folder(self, of: Import) -> Path:
        """Name the folder of an import."""
        return self._folder / of.id

    def get(self, id: str) -> Import | None:
        """Find an import; None where there is none."""
        with suppress(OSError, ValueError):
            return Import(**json.loads((self._folder / id / ABOUT).read_text("utf-8"))) if ID.fullmatch(id) else None
        return None

    def of(self, owner: str) -> list[Import]:
        """List somebody's imports, the oldest first."""
        there = sorted((touched(path), path.parent.name) for path in self._folder.glob(f"*/{ABOUT}"))
        found = [self.get(id) for _, id in there]
        return [it for it in found if it is not None and it.owner == owner]

    def begin(self, of: Import, request: Mapping[str, Any], size: int) -> Import:
        """Begin to look at a file of so many bytes."""
        asked = {**request, "memory": MEMORY + MEMORY_PER_BYTE * size}
        job = self.jobs.start("import", of.owner, step(self.folder(of), "look", asked, SECONDS + size / BYTES_PER_SECOND, {}))
        return self._save(replace(of, look=job.id))

    def store(self, of: Import, request: Mapping[str, Any], actor: str, base: str) -> Import:
        """Begin to store what was looked at; NotReadyError where that was not done, or is being stored already."""
        state = self.jobs.get(of.look, None).state
        if state != "successful" or not (self.folder(of) / PLAN).exists():
            raise NotReadyError(
                f"the import {of.id} is {state}; only what was looked at can be stored",
                f"导入任务 {of.id} 的状态为 {state},查看完成后才能存入",
            )
        with suppress(NoJobError):
            if of.delivery and self.jobs.get(of.delivery, None).state not in OVER:
                raise NotReadyError(f"the import {of.id} is being stored already", f"导入任务 {of.id} 正在存入")
        folder = self.folder(of) / secrets.token_hex(4)
        with there():
            folder.mkdir(mode=0o700)
        asked = {**request, "actor": actor, "name": of.name, "plan": str(self.folder(of) / PLAN)}
        job = self.jobs.start("delivery", of.owner, step(folder, "bring", asked, STORING, {"SHUDI_BASE": base}))
        return self._save(replace(of, delivery=job.id))

    def forget(self, of: Import) -> None:
        """End what works for an import and take its files away."""
        for id in filter(None, (of.look, of.delivery)):
            with suppress(NoJobError):
                self.jobs.dismiss(id, None)
        gone = self._folder / secrets.token_hex(8)
        with suppress(FileNotFoundError):
            self.folder(of).rename(gone)  # at one stroke: what still works for it finds no folder, and puts nothing into it
        shutil.rmtree(gone, ignore_errors=True)

    def _save(self, of: Import) -> Import:
        with there(), room():
            written(self.folder(of) / ABOUT, asdict(of))
        return of

    def _sweep(self) -> None:
        """Take away what nobody touched for long."""
        for folder in self._folder.iterdir():
            if time.time() - touched(folder) > KEPT:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def room() -> Iterator[None]:
    """Refuse as the store does where the disk takes no more."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        raise ReadOnlyError(
            f"the upload cannot be kept ({error.strerror}); get space or write access beside the base",
            f"无法保存上传的文件({error.strerror});请在土地库所在位置腾出空间或取得写权限",
        ) from error


@contextmanager
def there() -> Iterator[None]:
    """Say of a folder that is not there that its import was taken away."""
    try:
        yield
    except FileNotFoundError as gone:
        raise GoneError from gone


def touched(path: Path) -> float:
    """Tell when something was last touched [s since 1970]; now where it is being taken away."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def step(folder: Path, what: str, request: Mapping[str, Any], seconds: float, environment: Mapping[str, str]) -> Work:
    """Make the work of a job that runs a step in a process group of its own, and kills it where it is to end."""

    def work(progress: Progress) -> Any:
        told = {**os.environ, **environment, "TMPDIR": str(folder)}
        with there():
            written(folder / REQUEST, {**request, "step": what})
            log = (folder / "log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "api.work", str(folder)], env=told, start_new_session=True, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            end = time.monotonic() + seconds
            while process.poll() is None:
                progress(share(folder), 100)
                if time.monotonic() > end:
                    raise FailedError(
                        f"it took more than {seconds:.0f} s; simplify or split the file",
                        f"超过 {seconds:.0f} 秒,请简化或拆分文件",
                    )
                time.sleep(0.05)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return came(folder)

    return work


def share(folder: Path) -> int:
    """Read how far a step is, in percent."""
    try:
        return int((folder / SHARE).read_text())
    except (OSError, ValueError):
        return 0


def came(folder: Path) -> Any:
    """Read what came of a step; FailedError where it refused, or was killed."""
    with suppress(OSError):
        return json.loads((folder / RESULT).read_text("utf-8"))
    why, kind = Text("the file made its reader end without an answer; nothing was stored", "读取程序意外中断,未存入任何数据"), ""
    with suppress(OSError):
        said = json.loads((folder / REFUSAL).read_text("utf-8"))
        why, kind = Text(said["en"], said["zh"]), said["kind"]
    raise FailedError(why.en, why.zh, kind)


def written(path: Path, body: Any) -> None:
    """Write JSON so that a reader finds the old or the new, whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(body, ensure_ascii=False, default=str), "utf-8")
    part.replace(path)


def look(folder: Path, request: Mapping[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Read an uploaded file and tell what it would bring; nothing is stored."""
    from api.commands.deliver import body

    mapping = replace(
        with_pairs(Pairs(), tuple(request["map"])),
        sublayer=request["sublayer"],
        source=request["source"] or request["name"],
        date=date.fromisoformat(request["date"]) if request["date"] else None,
    )
    none = MemoryStore(request["base_crs"])
    planned = plan(
        none, folder / request["file"], request["layer"], mapping, request["crs"], request["encoding"],
        request["coverage"], tuple(request["kinds"]), request["repair"],
    )  # fmt: skip
    if len(planned.rejects):
        write_rejects(planned.rejects, folder / REJECTS)
    with (folder / PLAN).open("wb") as file:
        pickle.dump(planned, file)
    told, shown = body(foretold(none, planned), None), preview(planned.features, folder / ACCEPTED)
    return {**told, "mapping": planned.fields.to_dict("records"), "columns": planned.columns, "shown": shown}


def preview(found: gpd.GeoDataFrame, path: Path) -> int:
    """Write the first features that have outlines, of at most PREVIEW vertices together, with their numbers, in longitude and latitude.

    Gives how many; where there are none, there is no file.
    """
    drawn = found[~(found.geometry.isna() | found.geometry.is_empty)]
    vertices = np.cumsum(shapely.get_num_coordinates(drawn.geometry.to_numpy()))
    some = drawn.iloc[: int(np.searchsorted(vertices, PREVIEW, "right"))]
    if len(some):
        listed = ",".join(features(some, [KEY], CRS84))
        path.write_text(f'{{"type":"FeatureCollection","features":[{listed}]}}', "utf-8")
    return len(some)


def bring(folder: Path, request: Mapping[str, Any], progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Store what was looked at, in one transaction."""
    with Path(request["plan"]).open("rb") as file:
        planned = pickle.load(file)
    change = Change(request["actor"], request["reason"] or f"import {request['name']}")
    with closing(open_store(os.environ["SHUDI_BASE"])) as store:
        edition = deliver(store, planned, change, request["skip_rejects"], request["replace"], progress, request["accept"])
    return {"edition": edition.id, "stored": len(planned.features)}


def elsewhere(path: Path, to: str) -> str:
    """Give a list of rejects, written in longitude and latitude, in another CRS; a place that has no image there is left out."""
    listed = json.loads(path.read_text("utf-8"))
    listed.pop("crs", None)
    for feature in listed["features"]:
        try:
            feature["geometry"] = feature["geometry"] and mapping(site_from(feature["geometry"], "EPSG:4326", to))
        except GeoError:
            feature["geometry"] = None
    return json.dumps(listed, ensure_ascii=False)
