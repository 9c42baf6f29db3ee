"""Connections to a live SQLite file: snapshots, transactions, who is writing, and errors that name the remedy."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from layers.base import Text
from layers.store import blobs
from layers.store.base import BusyError, DamagedError, NotABaseError, ReadOnlyError, StoreError

T = TypeVar("T")
CHECKPOINT = 10_000
"""Pages (40 MB) that the write-ahead log grows to before it is copied back; many small commits then share the cost."""

TURN = 0.01
"""Seconds that a snapshot waits at most for another thread's to end."""

EXPLAINED: Mapping[int, tuple[type[StoreError], str, str]] = {
    sqlite3.SQLITE_BUSY: (
        BusyError,
        "{path} is being written by {writer}, for more than {timeout:g} s. Try again later.",
        "{path} 正由{writer}写入,已超过 {timeout:g} 秒,请稍后再试",
    ),
    sqlite3.SQLITE_FULL: (
        ReadOnlyError,
        "{path}: the disk is full and nothing was changed. Free some space and try again.",
        "{path}:磁盘已满,未作任何更改,请腾出空间后再试",
    ),
    sqlite3.SQLITE_READONLY: (
        ReadOnlyError,
        "{path} cannot be written and nothing was changed. Get write access to the file and its folder.",
        "{path} 不能写入,未作任何更改,请取得该文件及其文件夹的写权限",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "{path}: the disk failed ({error}); nothing was changed. Check the disk, and keep bases off network drives.",
        "{path}:磁盘出错({error}),未作任何更改,请检查磁盘,且不要把库放在网络盘上",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "{path} cannot be opened. Check that it is a file and that you may read it and its folder.",
        "{path} 无法打开,请确认它是文件,且您可读取它及其文件夹",
    ),
    sqlite3.SQLITE_NOTADB: (
        NotABaseError,
        "{path} is no GeoPackage. Name a land base, or import this file into one.",
        "{path} 不是 GeoPackage,请指定土地库,或将此文件导入库中",
    ),
    sqlite3.SQLITE_CORRUPT: (
        DamagedError,
        "{path} is damaged ({error}). Restore it from a backup.",
        "{path} 已损坏({error}),请从备份恢复",
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        StoreError,
        "{path}: refused, nothing was changed ({error}).",
        "{path}:已拒绝,未作任何更改({error})",
    ),
}
"""The store's error for each of SQLite's that a user can mend, with its English and Chinese."""
GARBLED = re.compile("codec can't decode|Could not decode|malformed database schema")
"""What is said where a damaged page holds no text; SQLite has no number for it."""
ASKED = Text("opened for reading only", "只以只读方式打开")
OTHERS = Text("of another user or on a read-only disk", "属于其他用户或位于只读磁盘")


class Connections:
    """Lends connections to one file to any number of threads; each is used by one thread at a time.

    Inside `snapshot()` a thread keeps one connection in one read transaction. A file that this user cannot write, or asked
    for as `read_only`, is read and never written. In a folder that cannot be written, and without a log, it is read as unchanging,
    on a fresh connection each time.
    """

    def __init__(self, path: Path, read_only: bool = False, timeout: float = 10.0) -> None:
        self.path = path
        self.timeout = timeout
        self.read_only = read_only or not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
        self._asked = read_only
        self._fixed = self.read_only and not os.access(path.parent, os.W_OK)
        self._idle: list[sqlite3.Connection] = []
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._bound = threading.local()
        self._closed = False
        self.newest: int | None = None
        """The newest version of a base that this program knows; a newer one is refused even where it comes while it is open."""

    def hold(self, version: str) -> None:
        """Refuse a base of a version that this program does not know."""
        if self.newest is not None and int(version) > self.newest:
            raise NotABaseError(
                f"{self.path} has version {version}, written by a newer Shudi; this one knows version {self.newest}. Update Shudi.",
                f"{self.path} 的版本为 {version},由更新的 Shudi 写成,本程序只识别版本 {self.newest},请升级 Shudi",
            )

    def _known(self, connection: sqlite3.Connection) -> None:
        """Refuse the base where another program made it newer since it was opened."""
        if self.newest is not None:
            for (version,) in connection.execute("SELECT value FROM shudi_meta WHERE key = 'version'"):
                self.hold(version)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside a read transaction: all that it reads is of one moment."""
        bound: sqlite3.Connection | None = getattr(self._bound, "connection", None)
        with self._told():
            if bound is not None:
                yield bound
                return
            with self._lent() as connection:
                connection.execute("BEGIN")
                try:
                    self._known(connection)
                    yield connection
                finally:
                    connection.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of this thread see one moment; an inner snapshot is the outer one."""
        if getattr(self._bound, "connection", None) is not None:
            yield
            return
        with self._in_turn(), self.reading() as connection:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            self._bound.connection, self._bound.known = connection, {}
            try:
                yield
            finally:
                self._bound.connection = None

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Find something out, inside a snapshot only once for each key: there it cannot change."""
        if getattr(self._bound, "connection", None) is None:
            return make()
        known: dict[Hashable, T] = self._bound.known
        if key not in known:
            known[key] = make()
        return known[key]

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait for another thread's snapshot, not for long: short ones that run at once take longer than one after the other.

        SQLite lets go of Python's lock at every row, and a thread that computes then keeps it from the one that reads.
        """
        mine = self._turn.acquire(timeout=TURN)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    @contextmanager
    def writing(self, actor: str, on: sqlite3.Connection | None = None) -> Iterator[sqlite3.Connection]:
        """Lend a connection inside a write transaction: committed and on disk at the end, undone by any exception.

        `on` is one that was lent before, for what it holds beside the base.
        """
        self.may_write()
        if getattr(self._bound, "connection", None) is not None:
            raise StoreError(
                "This thread reads a snapshot of the base. Leave the snapshot before writing.",
                "本线程正在读取库的快照,请离开快照后再写入",
            )
        with self._told(), nullcontext(on) if on else self._lent() as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # QGIS switches it off when it is the last to leave
            connection.execute("BEGIN IMMEDIATE")
            note = self._sign(actor)
            try:
                self._known(connection)
                yield connection
                self._unsign(note)
                connection.execute("COMMIT")
            except BaseException:
                self._unsign(note)
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def may_write(self) -> None:
        """Refuse where the file cannot be written, so that nobody works for nothing."""
        if self.read_only:
            en, zh = ASKED if self._asked else OTHERS
            raise ReadOnlyError(
                f"{self.path} cannot be written: it is {en}. Get write access to the file and its folder, or copy it.",
                f"{self.path} 不能写入:{zh},请取得该文件及其文件夹的写权限,或复制一份",
            )

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection outside any transaction, for work beside the base that ends in `writing`."""
        with self._told(), self._lent() as connection:
            yield connection

    def examine(self) -> None:
        """Read the whole file and hold its pages and indexes against each other; DamagedError names the first that does not fit."""
        with self.lent() as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                kind, en, zh = EXPLAINED[sqlite3.SQLITE_CORRUPT]
                raise kind(en.format(path=self.path, error=said), zh.format(path=self.path, error=said))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether nobody else makes findings fresh, and keep others from it inside."""
        lock = self.path.with_name(f"{self.path.name}-refresh")
        with closing(sqlite3.connect(lock, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN EXCLUSIVE")  # goes with its process, however that ends
                mine = True
            except sqlite3.OperationalError:
                mine = False
            yield mine

    def writer(self) -> Text:
        """Say who writes the base just now, as far as is known."""
        note = self._note()
        try:
            who = json.loads(note.read_text("utf-8"))
            if who["host"] == socket.gethostname() and not _alive(who["pid"]):
                raise ProcessLookupError(who["pid"])
        except (OSError, ValueError, KeyError):
            return Text("another program (QGIS perhaps, with edits not yet saved)", "其他程序(可能是 QGIS,有未保存的编辑)")
        return Text(
            f"{who['actor'] or 'nobody by name'} (process {who['pid']} on {who['host']})",
            f"{who['actor'] or '未具名者'}({who['host']} 上的进程 {who['pid']})",
        )

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}-writer")

    def _sign(self, actor: str) -> str:
        """Note beside the base who writes it; no note is no reason not to write."""
        note = json.dumps({"actor": actor, "pid": os.getpid(), "host": socket.gethostname(), "thread": threading.get_ident()})
        with suppress(OSError):
            self._note().write_text(note, "utf-8")
        return note

    def _unsign(self, note: str) -> None:
        """Take our own note away, not that of the next writer."""
        with suppress(OSError):
            if self._note().read_text("utf-8") == note:
                self._note().unlink()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """Lend an idle connection or a new one; a broken one is closed when it comes back."""
        if self._closed:
            raise StoreError(f"{self.path} was closed. Open it again.", f"{self.path} 已关闭,请重新打开")
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._lock:
                keep = not (self._closed or self._fixed or connection.in_transaction)
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        """Open the file; a missing one is not created."""
        mode = "ro" if self.read_only else "rw"
        if self._fixed and not self._logged():
            mode = "ro&immutable=1"
        uri = f"file:{quote(str(self.path))}?mode={mode}"
        connection = sqlite3.connect(uri, timeout=self.timeout, isolation_level=None, check_same_thread=False, uri=True)
        blobs.register(connection)
        connection.execute(f"PRAGMA busy_timeout={int(self.timeout * 1000)}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-32000")
        if not self.read_only:
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
            connection.execute("PRAGMA journal_size_limit=67108864")
        return connection

    def _logged(self) -> bool:
        """Tell whether a write-ahead log holds changes that the file has not."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.exists() and log.stat().st_size > 0

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn SQLite's errors into the store's."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            told = self._explain(error)
            if told is None:
                raise
            raise told from error

    def _explain(self, error: sqlite3.Error | UnicodeDecodeError) -> StoreError | None:
        """Find the store's error for SQLite's; None for what no user can mend. Where there should be text and is none, bytes flipped."""
        code = sqlite3.SQLITE_CORRUPT if GARBLED.search(str(error)) else getattr(error, "sqlite_errorcode", 0)
        kind, en, zh = EXPLAINED.get(code & 0xFF, (None, "", ""))
        if kind is None:
            return None
        writer = self.writer() if kind is BusyError else Text("", "")
        facts = {"path": self.path, "error": error, "timeout": self.timeout}
        return kind(en.format(writer=writer.en, **facts), zh.format(writer=writer.zh, **facts))


def _alive(pid: int) -> bool:
    """Tell whether a process of this machine runs; yes where that cannot be asked without harm."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
