"""What the map shows of a plot on the day of the slider, as expressions of the style: its state, its pattern, what it lacks.

Source: MapLibre Style Specification, version 8, expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.overview import TAKEN
from maps.readiness import DRAWN, LACKED, PENDING

Json = dict[str, Any]

SURELY_READY = ["case", ["==", ["get", "verdict"], "unknown"], "unknown", "ready"]
"""What the map shows of land that has its services."""
DATED = ["all", ["has", "ready_from"], ["in", ["get", "ready_state"], ["literal", ["ready", "dated"]]]]
"""Plots that a day makes ready."""
BY_NOW = ["boolean", ["feature-state", "ready"], ["<=", ["get", "ready_from"], ["global-state", "day"]]]
"""Whether a dated plot is ready on the day of the slider."""


def _shown(dated: Json | list[Any]) -> list[Any]:
    """Tell what the map shows of a plot, of one that a day makes ready `dated`."""
    blocked = ["case", ["==", ["get", "reason"], TAKEN], "supplied", "blocked"]
    rest = ["case", ["==", ["get", "ready_state"], "ready"], SURELY_READY, ["coalesce", ["get", "ready_state"], "unknown"]]
    return ["case", ["==", ["get", "verdict"], "blocked"], blocked, DATED, dated, rest]


SHOWN_STATE = _shown(["case", BY_NOW, SURELY_READY, "dated"])
"""What the map shows of a plot on the day of the slider: the same as `layers.overview.drawn_state` on the day of the findings."""
SHOWN_AT_LAST = _shown(SURELY_READY)
"""The same after all days."""
DAYS_BACK = 731
"""Plots that were ready so many days before the day of the style are not hatched as dated when single plots are told a day before it."""
PATTERN_DRAWN: Mapping[str, tuple[list[Any], list[Any] | float]] = {
    "dated": (
        [
            "all",
            ["!=", ["get", "verdict"], "blocked"],
            DATED,
            [">", ["get", "ready_from"], ["-", ["global-state", "day"], DAYS_BACK]],
        ],
        ["case", BY_NOW, 0, 1],
    ),
    "unknown": (["==", SHOWN_AT_LAST, "unknown"], ["case", DATED, ["case", BY_NOW, 1, 0], 1]),
}
"""Of the patterns that come and go with the day: which plots may have one, and how opaque it is. A filter must not know what single plots were told."""
_LACKED = ["coalesce", ["get", "missing"], 0]
_BY_STATE = [
    "match",
    ["var", "shown"],
    *(item for code in DRAWN.values() for item in (code.value, code.colour)),
    DRAWN["unknown"].colour,
]
_BY_WHAT = ["match", _LACKED, *(item for k, code in enumerate(LACKED[:-1]) for item in (1 << k, code.colour)), LACKED[-1].colour]
COLOUR = [
    "let",
    "shown",
    SHOWN_STATE,
    [
        "case",
        [
            "all",
            ["==", ["global-state", "pending"], "missing"],
            ["in", ["var", "shown"], ["literal", PENDING]],
            ["!=", _LACKED, 0],
        ],
        _BY_WHAT,
        _BY_STATE,
    ],
]
"""The colour of a plot: that of its state; where the reader asks for it, pending land takes that of what it lacks. The pattern tells the state."""
