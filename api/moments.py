"""Moments as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def moment(value: Any) -> Any:
    """Read a moment as ISO 8601: a day alone means its end, a time without zone is UTC; what is no text is passed."""
    if not isinstance(value, str):
        return value
    read = datetime.fromisoformat(value if len(value) > 10 else f"{value}T23:59:59.999999")
    return read if read.tzinfo else read.replace(tzinfo=UTC)
