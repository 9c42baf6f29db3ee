"""What was found once and holds until what it was made from changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Known:
    """What was counted and measured, kept by keys that name all that it was made from. Safe to share between threads."""

    def __init__(self, keep: int = 2_000) -> None:
        self._keep = keep
        self._known: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """Remember, or make and keep; two that miss at once both make."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        made = make()
        with self._lock:
            self._known[key] = made
            while len(self._known) > self._keep:
                self._known.popitem(last=False)
        return made
