"""Connections to a PostGIS base: a pool, snapshots, transactions, who is writing, and errors that name the remedy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, unquote

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from layers.base import Text
from layers.store.address import Address
from layers.store.base import BusyError, DamagedError, DownError, ReadOnlyError, StoreError
from layers.store.postgres.schema import LOCK, SETTINGS

Connection = psycopg.Connection[tuple[Any, ...]]
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
WAIT = 5.0
"""How long [s] to wait for a connection before the base counts as too busy."""
SOON = 0.5
"""How long [s] to wait for a connection before it is asked whether the database is there at all."""
RECONNECT = 4.0
"""How long [s] the pool tries to replace a lost connection before it waits for the next who asks."""

Explained = tuple[type[StoreError], str, str]
DOWN: Explained = (
    DownError,
    "{base} does not answer ({error}). Check that the database runs, and its address, user and password; then try again.",
    "{base} 没有响应({error}),请确认数据库正在运行,且地址、用户和口令正确,然后重试",
)
BUSY: Explained = (
    BusyError,
    "{base} is being written by {writer}, for more than {timeout:g} s. Try again later.",
    "{base} 正由{writer}写入,已超过 {timeout:g} 秒,请稍后再试",
)
AGAIN: Explained = (
    BusyError,
    "{base}: somebody else wrote the same at the same time and nothing was changed. Try again.",
    "{base}:他人同时写入了相同内容,未作任何更改,请重试",
)
DAMAGED: Explained = (
    DamagedError,
    "{base} is damaged ({error}). Restore it from a backup.",
    "{base} 已损坏({error}),请从备份恢复",
)
EXPLAINED: Mapping[str, Explained] = {
    "08": DOWN,
    "57P": DOWN,
    "57014": (
        BusyError,
        "{base} needed more than {patience:g} s for one answer and was stopped. Ask for less, or try again later.",
        "{base} 的一次查询超过 {patience:g} 秒,已停止,请缩小范围或稍后再试",
    ),
    "55P03": BUSY,
    "40": AGAIN,
    "53300": (BusyError, "{base} has no connection left ({error}). Try again later.", "{base} 已无可用连接({error}),请稍后再试"),
    "53100": (
        ReadOnlyError,
        "{base}: the disk is full and nothing was changed. Free some space and try again.",
        "{base}:磁盘已满,未作任何更改,请腾出空间后再试",
    ),
    "25006": (
        ReadOnlyError,
        "{base} can only be read, as a standby can, and nothing was changed. Write to its primary.",
        "{base} 只能读取(如备库),未作任何更改,请写入主库",
    ),
    "42501": (
        ReadOnlyError,
        "{base}: this user may not do that, and nothing was changed ({error}). Ask the owner of the database for the right.",
        "{base}:该用户无此权限,未作任何更改({error}),请向数据库所有者申请权限",
    ),
    "XX001": DAMAGED,
    "XX002": DAMAGED,
    "22": (
        StoreError,
        "{base} cannot keep this, and nothing was changed ({error}).",
        "{base} 无法保存此内容,未作任何更改({error})",
    ),
    "23": (StoreError, "{base}: refused, nothing was changed ({error}).", "{base}:已拒绝,未作任何更改({error})"),
    "P0001": (StoreError, "{base}: refused, nothing was changed ({error}).", "{base}:已拒绝,未作任何更改({error})"),
}
"""The store's error for PostgreSQL's by SQLSTATE or the beginning of it, with its English and Chinese."""
OWN: Mapping[type[psycopg.Error], Explained] = {
    psycopg.OperationalError: DOWN,
    psycopg.InterfaceError: DOWN,
    psycopg.DataError: EXPLAINED["22"],
}
HOLDER = """
SELECT application_name, pid FROM pg_stat_activity WHERE pid IN (
  SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = %s AND classid = 0 AND database =
    (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


class Pool:
    """Lends connections to one database to any number of threads; each is used by one thread at a time.

    Inside `snapshot()` a thread keeps one connection in one transaction. A connection that broke is replaced by the next that
    works: after a restart of the database reading and writing go on by themselves. `timeout` [s] is how long to wait for another
    writer or a free connection, `patience` [s] how long one statement may take.
    """

    def __init__(self, address: Address, read_only: bool, timeout: float, size: int, patience: float) -> None:
        self.address, self.read_only, self.timeout, self.patience = address, read_only, timeout, patience
        self._size = size
        self._bound = threading.local()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            address.dsn, kwargs={"autocommit": True, "connect_timeout": 5, "application_name": "shudi"}, min_size=0, max_size=size,
            timeout=WAIT, reconnect_timeout=RECONNECT, configure=self._configure, open=True, num_workers=1,
        )  # fmt: skip

    def _configure(self, connection: Connection) -> None:
        connection.execute(SETTINGS)
        connection.execute(f"SET statement_timeout = {int(self.patience * 1000)}")
        connection.execute(f"SET lock_timeout = {int(self.timeout * 1000)}")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection inside a read transaction: all that it reads is of one moment."""
        bound: Connection | None = getattr(self._bound, "connection", None)
        with self.told():
            if bound is not None:
                yield bound
                return
            with self._lent(SNAPSHOT) as connection:
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of this thread see one moment; an inner snapshot is the outer one."""
        if getattr(self._bound, "connection", None) is not None:
            yield
            return
        with self.reading() as connection:
            connection.execute("SELECT 1")
            self._bound.connection = connection
            try:
                yield
            finally:
                self._bound.connection = None

    @contextmanager
    def writing(self, actor: str, lock: int = LOCK) -> Iterator[Connection]:
        """Lend a connection inside a write transaction: committed and on disk at the end, undone by any exception.

        One writes at a time: the others wait for the lock.
        """
        if self.read_only:
            raise ReadOnlyError(
                f"{self.address} was opened for reading only. Open it for writing.",
                f"{self.address} 以只读方式打开,请以可写方式打开",
            )
        if getattr(self._bound, "connection", None) is not None:
            raise StoreError(
                "This thread reads a snapshot of the base. Leave the snapshot before writing.",
                "本线程正在读取库的快照,请离开快照后再写入",
            )
        name = f"shudi {quote(actor)}"[:63]
        with self.told(), self._lent(WRITE) as connection:
            connection.execute(
                "SELECT set_config('shudi.writing', 'inside', true), set_config('application_name', %s, true)", (name,)
            )
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _lent(self, begin: str) -> Iterator[Connection]:
        """Lend a connection in a transaction, and undo what is not committed at the end; a broken one is thrown away."""
        connection = self._begun(begin)
        try:
            yield connection
        finally:
            if connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
            self._pool.putconn(connection)

    def _begun(self, begin: str) -> Connection:
        """Take a connection and begin a transaction; one that broke while it was idle is thrown away for the next."""
        for _ in range(self._size):
            connection = self._taken()
            try:
                connection.execute(begin)
                return connection
            except psycopg.OperationalError:
                self._pool.putconn(connection)
        raise psycopg.OperationalError("all connections are lost")

    def _taken(self) -> Connection:
        """Take a connection from the pool; where none comes soon, ask the database itself whether it is down or only busy."""
        try:
            return self._pool.getconn(SOON)
        except PoolTimeout:
            psycopg.connect(self.address.dsn, connect_timeout=2).close()
            return self._pool.getconn(WAIT)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn PostgreSQL's errors into the store's."""
        try:
            yield
        except PoolClosed as error:
            raise StoreError(f"{self.address} was closed. Open it again.", f"{self.address} 已关闭,请重新打开") from error
        except psycopg.Error as error:
            told = explain(error, self.address, self.timeout, self.patience, self._writer)
            if told is None:
                raise
            raise told from error

    def _writer(self) -> Text:
        """Say who writes the base just now, as far as is known."""
        with suppress(psycopg.Error), self._lent(SNAPSHOT) as connection:
            found = connection.execute(HOLDER, (LOCK,)).fetchone()
            if found is not None:
                name, pid = found
                who = unquote(name.removeprefix("shudi "), errors="ignore")
                return Text(
                    f"{who or 'nobody by name'} (process {pid} of the database)", f"{who or '未具名者'}(数据库进程 {pid})"
                )
        return nobody()

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        self._pool.close(timeout=2)


def nobody() -> Text:
    """Say that it is not known who writes."""
    return Text("another program", "其他程序")


def explain(
    error: psycopg.Error, address: Address, timeout: float = 0.0, patience: float = 0.0, writer: Callable[[], Text] = nobody
) -> StoreError | None:
    """Find the store's error for PostgreSQL's; None for what no user can mend."""
    code = error.sqlstate or ""
    found = next((EXPLAINED[code[:n]] for n in (5, 3, 2) if code[:n] in EXPLAINED), None)
    if found is None and not code:  # psycopg's own
        found = next((told for kind, told in OWN.items() if isinstance(error, kind)), None)
    if found is None:
        return None
    kind, en, zh = found
    who = writer() if found is BUSY else Text("", "")
    words = error.diag.message_primary or str(error).partition("\n")[0]
    facts = {"base": address, "error": words, "timeout": timeout, "patience": patience}
    return kind(en.format(writer=who.en, **facts), zh.format(writer=who.zh, **facts))
