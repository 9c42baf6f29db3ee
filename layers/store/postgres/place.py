"""A database as the place of a land base: whether one is there, and making one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from layers.store.address import Address, where
from layers.store.base import NotABaseError, StoreError
from layers.store.postgres import schema
from layers.store.postgres.pool import Connection, explain


def address_of(address: str | Address) -> Address:
    """Read the address of a database."""
    found = where(address)
    if not isinstance(found, Address):
        raise StoreError(
            f"{found} is no address of a database. Write postgresql://USER@HOST/DATABASE.",
            f"{found} 不是数据库地址,请写成 postgresql://用户@主机/数据库",
        )
    return found


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """Lend a connection of its own, closed at the end; PostgreSQL's errors are told as the store's."""
    try:
        with closing(psycopg.connect(address.dsn, connect_timeout=5, application_name="shudi")) as connection:
            yield connection
    except psycopg.Error as error:
        told = explain(error, address)
        if told is None:
            raise
        raise told from error


def make(to: Address, srs: int, title: str, fill: Callable[[Connection], None] | None = None) -> None:
    """Make a base in a database, empty or with what `fill` puts into it, at once; StoreError where there is one already."""
    with connected(to) as connection:
        if held(connection):
            raise StoreError(
                f"{to} holds a land base already. Open it, or name another database.",
                f"{to} 中已有土地库,请直接打开,或另指定数据库",
            )
        schema.make(connection, srs, title, fill)


def held(connection: Connection) -> bool:
    """Tell whether a database holds a land base."""
    row = connection.execute("SELECT to_regclass('shudi.shudi_meta') IS NOT NULL").fetchone()
    return bool(row and row[0])


def no_base(address: Address) -> NotABaseError:
    """Say that a database holds no base."""
    return NotABaseError(
        f"{address} holds no land base. Make one with `shudi init {address} --crs EPSG:4548`, or copy one there with `shudi copy`.",
        f"{address} 中没有土地库,请用 `shudi init {address} --crs EPSG:4548` 新建,或用 `shudi copy` 复制",
    )
