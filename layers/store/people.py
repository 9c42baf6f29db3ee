"""Who may use a base, and what they did: users, tokens, sessions, failed attempts and the audit log, in one SQLite file.

The file lies beside the base, not in it: a copy of the land given to somebody else carries no secrets, and the same file serves
any store. Secrets are kept as hashes only. Nothing in `audit` is ever changed or removed: triggers refuse it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from layers.base import Text
from layers.errors import Refusal
from layers.store.address import Where
from layers.store.connection import Connections

ROLES: Mapping[str, Text] = {
    "public": Text("sees published listings only", "仅可看已发布的供地信息"),
    "viewer": Text("sees the land and its findings", "可查看土地与结论"),
    "planner": Text("edits, imports and checks too", "另可编辑、导入和核查"),
    "approver": Text("publishes and overrides with a reason too", "另可发布,并可说明理由予以改判"),
    "admin": Text("looks after users and reads the audit log too", "另可管理用户、查看审计日志"),
}
"""What each role may, from the least to the most: each may what those before it may."""
TOKEN = "shudi_"
"""How a token begins, so that it is known from a password, and by scanners for secrets."""
NAME = re.compile(r"[\w.@+-]{1,64}")
ATTEMPTS = 10_000
"""Addresses and users whose failures are remembered; beyond, those forget first whose wait is over longest."""
VERSION = 1
TABLES = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE users (
  name TEXT PRIMARY KEY COLLATE NOCASE, role TEXT NOT NULL, hash TEXT, email TEXT UNIQUE COLLATE NOCASE, subject TEXT UNIQUE,
  disabled INTEGER NOT NULL DEFAULT 0, made TEXT NOT NULL);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES users(name), hash BLOB NOT NULL UNIQUE, title TEXT NOT NULL,
  made TEXT NOT NULL, until TEXT NOT NULL);
CREATE TABLE sessions (
  hash BLOB PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES users(name), until TEXT NOT NULL);
CREATE TABLE attempts (key TEXT PRIMARY KEY, failures INTEGER NOT NULL, until REAL NOT NULL);
CREATE INDEX attempts_until ON attempts(until);
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, actor TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL,
  object TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE INDEX audit_at ON audit(at);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_grows BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is never shortened'); END;
PRAGMA user_version = {VERSION};
"""


class PeopleError(Refusal):
    """Users, roles or tokens cannot be what was asked."""


class NobodyError(PeopleError):
    """There is no such user or token."""


@dataclass(frozen=True, slots=True)
class User:
    """Who may sign in: `hash` of the password, None where there is none; `email` and `subject` as an OIDC provider knows them."""

    name: str
    role: str
    hash: str | None
    email: str | None
    subject: str | None
    disabled: bool


class Token(NamedTuple):
    """What is known of an API token; the token itself is not."""

    id: str
    user: str
    title: str
    made: str
    until: str


class Entry(NamedTuple):
    """One line of the audit log: who, from which address, did what to which object, and how it ended."""

    seq: int
    at: str
    actor: str
    address: str
    action: str
    object: str
    outcome: str


def beside(base: str | Where) -> Path:
    """Name the file of a base's people: park.gpkg has park.users.db; a database one in the home of who serves it."""
    where = str(base)
    if "://" not in where:
        return Path(where).with_suffix(".users.db")
    named = re.sub(r"[^\w.-]+", "-", where.split("://", 1)[1].rpartition("@")[2].partition("?")[0]).strip("-")
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return home / "shudi" / f"{named}.users.db"


class People:
    """The people of a base. A file that is not there has nobody in it; the first `add` makes it, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connections: Connections | None = None

    def any(self) -> bool:
        """Tell whether there is any user, disabled ones too: to shut all out opens nothing."""
        if self._connections is None and not self.path.exists():
            return False
        with self._reading() as c:
            return c.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None

    def add(self, name: str, role: str, hash: str | None, email: str | None) -> None:
        """Add a user."""
        if not NAME.fullmatch(name):
            raise PeopleError(
                f"{name!r} is no user name: use letters, digits and . @ + - _, at most 64",
                f"{name!r} 不能作用户名:请用文字、数字和 . @ + - _,最多 64 个",
            )
        if not self.path.exists():
            self._create()
        if self.user(name):
            raise PeopleError(f"{name} is a user already", f"用户 {name} 已存在")
        with self._writing() as c:
            if email and c.execute("SELECT 1 FROM users WHERE email = ?", (email,)).fetchone():
                raise PeopleError(f"{email} belongs to another user", f"{email} 属于另一用户")
            c.execute(
                "INSERT INTO users (name, role, hash, email, made) VALUES (?, ?, ?, ?, ?)", (name, role, hash, email, _now())
            )

    def change(self, name: str, **to: str | int | None) -> None:
        """Change `role`, `hash`, `subject` or `disabled` of a user; what a new password or a disabling ends is signed out."""
        self.known(name)
        with self._writing() as c:
            for column in ("role", "hash", "subject", "disabled"):
                if column in to:
                    c.execute(f"UPDATE users SET {column} = ? WHERE name = ?", (to[column], name))
            if "hash" in to or to.get("disabled"):
                c.execute("DELETE FROM sessions WHERE user = ?", (name,))

    def known(self, name: str) -> User:
        """Find a user who must be there."""
        found = self.user(name)
        if found is None:
            raise NobodyError(f"there is no user {name}; shudi user list names all", f"没有用户 {name};用 shudi user list 查看")
        return found

    def users(self) -> list[User]:
        """List all users by name."""
        return self._users("1 ORDER BY name")

    def user(self, name: str) -> User | None:
        """Find a user, whatever the case of the name."""
        return next(iter(self._users("name = ?", name)), None)

    def by_identity(self, subject: str, email: str | None) -> User | None:
        """Find who an OIDC provider vouches for: by subject, and where no subject is known yet by email."""
        return next(iter(self._users("subject = ?", subject) or self._users("subject IS NULL AND email = ?", email)), None)

    def _users(self, where: str, *values: Any) -> list[User]:
        if self._connections is None and not self.path.exists():
            return []
        with self._reading() as c:
            rows = c.execute(f"SELECT name, role, hash, email, subject, disabled FROM users WHERE {where}", values).fetchall()
        return [User(name, role, hash, email, known, bool(off)) for name, role, hash, email, known, off in rows]

    def grant(self, name: str, title: str, days: int) -> tuple[Token, str]:
        """Make a token for a user; gives what is known of it, and the token itself, which is told this once."""
        user, secret = self.known(name).name, TOKEN + secrets.token_urlsafe(32)
        token = Token(secrets.token_hex(4), user, title, _now(), _now(days * 86_400))
        with self._writing() as c:
            c.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)", (token.id, user, _hash(secret), title, token.made, token.until)
            )
        return token, secret

    def tokens(self, name: str | None = None) -> list[Token]:
        """List a user's tokens, or everybody's."""
        with self._reading() as c:
            rows = c.execute(
                "SELECT id, user, title, made, until FROM tokens WHERE ? IS NULL OR user = ? ORDER BY made", (name, name)
            ).fetchall()
        return [Token(*row) for row in rows]

    def revoke(self, name: str, id: str) -> None:
        """Take a user's token back."""
        with self._writing() as c:
            if not c.execute("DELETE FROM tokens WHERE id = ? AND user = ?", (id, name)).rowcount:
                raise NobodyError(f"{name} has no token {id}", f"用户 {name} 没有令牌 {id}")

    def by_token(self, secret: str) -> User | None:
        """Find whose token this is, if it is in force."""
        return self._holder("tokens", secret)

    def open_session(self, name: str, seconds: int) -> str:
        """Begin a session of a user, and forget those that are over; gives its secret."""
        secret = secrets.token_urlsafe(32)
        with self._writing() as c:
            c.execute("DELETE FROM sessions WHERE until < ?", (_now(),))
            c.execute("INSERT INTO sessions VALUES (?, ?, ?)", (_hash(secret), name, _now(seconds)))
        return secret

    def by_session(self, secret: str) -> User | None:
        """Find whose session this is, if it still lasts."""
        return self._holder("sessions", secret)

    def close_session(self, secret: str) -> None:
        """End a session."""
        with self._writing() as c:
            c.execute("DELETE FROM sessions WHERE hash = ?", (_hash(secret),))

    def _holder(self, table: str, secret: str) -> User | None:
        where = f"NOT disabled AND name = (SELECT user FROM {table} WHERE hash = ? AND until > ?)"
        return next(iter(self._users(where, _hash(secret), _now())), None)

    def key(self) -> bytes:
        """Read the key that signs cookies."""
        with self._reading() as c:
            return bytes(c.execute("SELECT value FROM about WHERE key = 'key'").fetchone()[0])

    def wait(self, keys: Sequence[str]) -> float:
        """Tell for how many seconds more these may not try to sign in; 0 where they may."""
        marks = ", ".join("?" * len(keys))
        with self._reading() as c:
            until = c.execute(f"SELECT max(until) FROM attempts WHERE key IN ({marks})", tuple(keys)).fetchone()[0]
        return max(0.0, (until or 0.0) - time.time())

    def fail(self, limits: dict[str, tuple[int, float]]) -> None:
        """Note a failed attempt under each key; beyond its free ones each doubles the wait, up to a longest [s]."""
        now = time.time()
        with self._writing() as c:
            for key, (free, longest) in limits.items():
                row = c.execute("SELECT failures, until FROM attempts WHERE key = ?", (key,)).fetchone()
                failures = 1 + (row[0] if row and now - row[1] < 2 * longest else 0)
                until = now + (min(longest, 2.0 ** min(failures - free, 30)) if failures >= free else 0.0)
                c.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?)", (key, failures, until))
            c.execute(
                "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts ORDER BY until DESC LIMIT -1 OFFSET ?)", (ATTEMPTS,)
            )

    def forgive(self, keys: Sequence[str]) -> None:
        """Forget the failures of who has signed in."""
        with self._writing() as c:
            c.executemany("DELETE FROM attempts WHERE key = ?", [(key,) for key in keys])

    def note(self, actor: str, address: str, action: str, object: str, outcome: str = "", parts: Sequence[str] = ()) -> None:
        """Append a line to the audit log, and one for each part of the object; they are on disk when this returns."""
        lines = [object, *(f"{object}#{part}" for part in parts)]
        with self._writing() as c:
            c.executemany(
                "INSERT INTO audit (at, actor, address, action, object, outcome) VALUES (?, ?, ?, ?, ?, ?)",
                [(_now(), actor[:64], address[:64], action[:64], line[:1000], outcome[:200]) for line in lines],
            )

    def audit(
        self, since: datetime | None = None, after: int = 0, limit: int = 1000, *, until: datetime | None = None,
        before: int = 2**63 - 1, actor: str = "", action: str = "", about: str = "", newest: bool = False,
    ) -> list[Entry]:  # fmt: skip
        """Read the audit log in order, or the newest first: at most `limit` lines at or after a moment and before another.

        Their numbers lie between two; `actor` did it, whatever the case; `action` begins so; `about` stands in the object.
        """
        if self._connections is None and not self.path.exists():
            return []
        asked = {
            "since": _stamp(since) if since else "", "until": _stamp(until) if until else "", "after": after, "before": before,
            "actor": actor, "action": action, "about": about, "limit": limit,
        }  # fmt: skip
        with self._reading() as c:
            rows = c.execute(
                "SELECT seq, at, actor, address, action, object, outcome FROM audit WHERE seq > :after AND seq < :before AND at >= :since "
                "AND (:until = '' OR at < :until) AND (:actor = '' OR actor = :actor COLLATE NOCASE) "
                "AND substr(action, 1, length(:action)) = :action AND instr(lower(object), lower(:about)) > 0 "
                f"ORDER BY seq {'DESC' if newest else 'ASC'} LIMIT :limit",
                asked,
            ).fetchall()
        return [Entry(*row) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        if self._connections is not None:
            self._connections.close()
            self._connections = None

    def _create(self) -> None:
        """Make the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(part)) as c, c:
            c.execute("PRAGMA journal_mode=WAL")
            c.executescript(TABLES)
            c.execute("INSERT INTO about VALUES ('key', ?)", (secrets.token_bytes(32),))
        part.replace(self.path)

    def _open(self) -> Connections:
        if self._connections is None:
            if not self.path.exists():
                raise PeopleError(
                    "there are no users yet: add one by shudi user add NAME --role admin",
                    "还没有用户:请用 shudi user add 用户名 --role admin 添加",
                )
            self._connections = Connections(self.path)
        return self._connections

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._open().reading() as c:
            yield c

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open().writing("shudi") as c:
            yield c


def _hash(secret: str) -> bytes:
    """Hash a secret of 256 random bits, which needs no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _now(more: float = 0) -> str:
    return _stamp(datetime.now(UTC) + timedelta(seconds=more))
