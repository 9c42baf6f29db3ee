"""Which path measures: compiled kernels from many shapes on, GEOS below, or always the kernels where answers must agree.

Loading the kernels costs a quarter of a second, which a question about a single site should not pay. Both paths agree within
2e-8 [CRS unit squared] and 1e-9 [CRS unit], but not to the last bit; a kernel's answer about a shape does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ALWAYS = ContextVar("_ALWAYS", default=False)


@contextmanager
def always() -> Iterator[None]:
    """Let the kernels measure whatever the number, in this thread inside: then one shape alone gets what it gets among many."""
    token = _ALWAYS.set(True)
    try:
        yield
    finally:
        _ALWAYS.reset(token)


def pays(count: int, many: int) -> bool:
    """Tell whether kernels shall measure `count` things, of which `many` pay for loading them."""
    return count >= many or (count > 0 and _ALWAYS.get())
