"""Where a land base lies: a file, or a PostgreSQL database; a password is never told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from layers.store.base import StoreError

SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """A database as libpq is told of it; text and repr of it hold no password."""

    dsn: str

    def __str__(self) -> str:
        from psycopg.conninfo import conninfo_to_dict

        known = conninfo_to_dict(self.dsn)
        user, host, port, name = (known.get(key) for key in ("user", "host", "port", "dbname"))
        return f"postgresql://{f'{user}@' if user else ''}{host or ''}{f':{port}' if port else ''}/{name or ''}"

    __repr__ = __str__


Where = Path | Address


def where(text: str | Path | Address) -> Where:
    """Read where a base lies; StoreError for an address that is none, without repeating it: it may hold a password."""
    if isinstance(text, Address) or not str(text).startswith(SCHEMES):
        return text if isinstance(text, Address) else Path(text)
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(str(text))
    except psycopg.Error:
        raise StoreError(
            "The address of the database cannot be read. Write postgresql://USER@HOST:PORT/DATABASE, with %40 for @ in a password.",
            "数据库地址无法解析,请写成 postgresql://用户@主机:端口/数据库,口令中的 @ 写作 %40",
        ) from None
    return Address(str(text))
