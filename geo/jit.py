"""How kernels are compiled: by numba, when they are first called, with the code kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba
from numba.core import entrypoints
from numba.np import linalg


def _no_linear_algebra() -> None:
    """Say that there is none, as numba does where scipy is not installed."""
    raise ImportError("no kernel asks for linear algebra")


# Numba's first use loads scipy's linear algebra and looks for other libraries' extensions: half of what one bent way costs.
linalg.ensure_blas, entrypoints._already_initialized = _no_linear_algebra, True


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function when it is first called, and keep the code on disk where some folder can be written.

    All functions that it calls must stand in its file: numba's cache on disk notices no change elsewhere.
    """
    try:
        return cast("Callable[..., Any]", numba.njit(function, cache=True, nogil=True, error_model="numpy"))
    except RuntimeError:  # neither the installation nor the user's cache folder is writable
        return cast("Callable[..., Any]", numba.njit(function, nogil=True, error_model="numpy"))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into the kernels that call it: handing over a few arrays costs more than most of these do."""
    return cast("Callable[..., Any]", numba.njit(function, nogil=True, error_model="numpy", forceinline=True))
