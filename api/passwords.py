"""Passwords: hashed with argon2id (RFC 9106, second recommended option: 64 MiB, 3 passes), never kept."""

from __future__ import annotations

from functools import lru_cache

from layers.errors import Refusal

SHORTEST, LONGEST = 10, 1000


class PasswordError(Refusal):
    """A password that cannot be taken."""


def hashed(password: str) -> str:
    """Hash a new password; PasswordError where it is too short to stand or too long to be one."""
    from argon2 import PasswordHasher

    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST} to {LONGEST} characters", f"密码长度为 {SHORTEST} 到 {LONGEST} 个字符")
    return PasswordHasher().hash(password)


def matches(hash: str | None, password: str) -> bool:
    """Tell whether a password has this hash; no hash costs the same time and matches nothing."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(hash or nobodys(), password[: LONGEST + 1]) and hash is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def nobodys() -> str:
    """Make a hash that stands for users who are not there, so that their absence takes as long to find out."""
    import secrets

    from argon2 import PasswordHasher

    return PasswordHasher().hash(secrets.token_urlsafe(32))
