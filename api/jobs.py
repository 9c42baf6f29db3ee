"""Long work as jobs: kept on disk, told apart when the service that ran them is gone, and ended when somebody says so.

A job is one JSON file in a folder beside the base, replaced whole at each change, so that every process of the service and the
next start read the same. It is written by the process that runs it alone, whose number and moment of start tell whether it is
still there; who dismisses a job leaves a mark beside it, which that process finds.
"""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from api.refusals import REFUSALS, said
from layers.base import Text
from layers.errors import Refusal
from layers.store.address import Where
from layers.store.deliveries import stamp
from layers.store.people import beside as people

LOG = logging.getLogger("shudi")
State = Literal["accepted", "running", "successful", "failed", "dismissed"]
Progress = Callable[[int, int], None]
Work = Callable[[Progress], Any]
OVER = ("successful", "failed", "dismissed")
KEPT = 500
"""Jobs that are kept; the oldest of those that are over go first."""
GONE = Text(
    "the service stopped while this ran; nothing of it was stored, start it again", "服务在运行中停止,未存储任何结果,请重新提交"
)
MISTAKE = Text("Shudi made a mistake; its log has the job's number", "系统内部错误,日志中有此任务编号")


class NoJobError(Refusal):
    """There is no such job, or not for who asks."""


class NoResultError(Refusal):
    """A job has no result: it is not over, failed or was dismissed."""


class Dismissed(BaseException):
    """Somebody ended the job; no handler of errors in the work takes it for one."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of one job; moments are UTC as ISO 8601, `owner` is the process that runs it."""

    id: str
    process: str
    actor: str
    owner: str
    created: str
    state: State = "accepted"
    progress: int = 0
    started: str | None = None
    finished: str | None = None
    message: Sequence[str] | None = None
    result: Any = None


def beside(base: Where) -> Path:
    """Name the folder of a base's jobs, which lies where the file of its people does."""
    file = people(base)
    return file.with_name(file.name.removesuffix(".users.db") + ".jobs")


def now() -> str:
    """Read the clock."""
    return stamp(datetime.now(UTC))


def me() -> str:
    """Name this process so that no other is ever taken for it."""
    return f"{os.getpid()}/{began(os.getpid())}"


def began(pid: int) -> str:
    """Tell when a process began, in ticks since the machine did; "" where it is gone or the machine does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def alive(owner: str) -> bool:
    """Tell whether the process that is named runs."""
    pid, _, ticks = owner.partition("/")
    return began(int(pid)) == ticks and (bool(ticks) or owner == me())


class Jobs:
    """The jobs of a base; `workers` of them run at once in this process."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._closing = False

    def start(self, process: str, actor: str, work: Work) -> Job:
        """Take a job in and run it when there is room."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._prune()
        job = Job(uuid.uuid4().hex, process, actor, me(), now())
        self._write(job)
        self._pool.submit(self._run, job, work)
        return job

    def get(self, id: str, actor: str | None) -> Job:
        """Find a job of `actor` (None: of anybody); one whose process is gone has failed. NoJobError where there is none."""
        job = self._read(id) if re.fullmatch(r"[0-9a-f]{32}", id) else None
        if job is None or actor not in (None, job.actor):
            raise NoJobError(f"there is no job {id[:40]}", f"没有任务 {id[:40]}")
        if job.finished or alive(job.owner):
            return job
        return self._end(job, "dismissed", None) if job.state == "dismissed" else self._end(job, "failed", GONE)

    def list(self, actor: str | None) -> list[Job]:
        """List the jobs of `actor` (None: of all), newest first."""
        there = [path.stem for path in self._folder.glob("*.json")] if self._folder.is_dir() else []
        found = [job for id in there if (job := self._read(id)) is not None and actor in (None, job.actor)]
        return sorted((self.get(job.id, actor) for job in found), key=lambda job: job.created, reverse=True)

    def dismiss(self, id: str, actor: str | None) -> Job:
        """End a job, wherever it runs; one that is over is forgotten."""
        job = self.get(id, actor)
        if job.state in OVER:
            self._forget(id)
            return replace(job, state="dismissed")
        self._mark(id).touch()
        return self.get(id, actor)

    def close(self) -> None:
        """End what runs here and wait for it."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        for job in self.list(None):
            if job.state not in OVER and job.owner == me():
                self._end(job, "failed", GONE)

    def _run(self, job: Job, work: Work) -> None:
        """Run a job and keep what comes of it, unless it was ended meanwhile."""
        shown = replace(job, state="running", started=now())

        def progress(done: int, total: int) -> None:
            nonlocal shown
            if self._closing or self._mark(job.id).exists():
                raise Dismissed
            share = 100 * done // max(total, done, 1)
            if share > shown.progress:
                shown = replace(shown, progress=share)
                self._write(shown)

        try:
            self._write(shown)
            result = work(progress)
            progress(1, 1)
            self._write(replace(shown, state="successful", finished=now(), result=result))
        except Dismissed:
            self._end(shown, *(("failed", GONE) if self._closing else ("dismissed", None)))
        except REFUSALS as refusal:
            self._end(shown, "failed", said(refusal))
        except Exception as error:
            LOG.error("job %s", job.id, exc_info=error)
            self._end(shown, "failed", MISTAKE)

    def _end(self, job: Job, state: State, why: Text | None) -> Job:
        ended = replace(job, state=state, finished=now(), message=None if why is None else (why.en, why.zh))
        self._write(ended)
        return ended

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.json"

    def _read(self, id: str) -> Job | None:
        try:
            job = Job(**json.loads(self._path(id).read_text("utf-8")))
        except FileNotFoundError:
            return None
        ended = job.state not in OVER and self._mark(id).exists()
        return replace(job, state="dismissed") if ended else job

    def _mark(self, id: str) -> Path:
        return self._folder / f"{id}.dismissed"

    def _forget(self, id: str) -> None:
        for path in (self._path(id), self._mark(id)):
            path.unlink(missing_ok=True)

    def _write(self, job: Job) -> None:
        """Replace a job's file whole, and let it be on disk."""
        part = self._path(job.id).with_suffix(f".{uuid.uuid4().hex}.part")
        with part.open("w", encoding="utf-8") as out:
            json.dump(asdict(job), out, ensure_ascii=False)
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._path(job.id))

    def _prune(self) -> None:
        """Forget the oldest jobs that are over."""
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[: max(0, len(files) - KEPT)]:
            job = self._read(path.stem)
            if job is not None and job.state in OVER:
                self._forget(path.stem)
