"""What takes long to find and is asked by many threads at once: one finds it, the others wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from threading import RLock
from typing import TypeVar

T = TypeVar("T")


def once(find: Callable[[str, str], T]) -> Callable[[str, str], T]:
    """Keep the last 64 things that a function found between two others; threads that ask for the same at once wait for the one that finds it.

    With `lru_cache` alone the first hundred requests of a service would each find it, one after the other.
    """
    kept, finding = lru_cache(maxsize=64)(find), RLock()

    @wraps(find)
    def found(one: str, other: str) -> T:
        with finding:
            return kept(one, other)

    return found
