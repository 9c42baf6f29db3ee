"""Sizes by which lines serve plots, for land on which size is not the question."""

from typing import Any

PIPE = {"dn": 400.0}
SIZED: dict[str, dict[str, Any]] = {
    "water": PIPE, "sewage": PIPE, "storm": PIPE, "power": {"voltage": 10.0}, "gas": {"pressure": "medium"}, "heat": {}, "telecom": {},
}  # fmt: skip
