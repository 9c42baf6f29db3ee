"""Settings of the service, built by the command and handed down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service is told at its start.

    `base`: the land base; `readers`: connections kept open; `body`: the largest request body [bytes]; `hosts`: the names under
    which the service is asked.
    """

    base: Path
    readers: int = 8
    body: int = 16 * 1024 * 1024
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
