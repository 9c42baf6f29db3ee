"""What the map shows on the day of the slider, as expressions of the style: of a plot its state, its pattern and what it lacks, of a line its status.

Source: MapLibre Style Specification, version 8, expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.catalogue import LAYERS
from layers.overview import TAKEN
from maps.grid import TURNS
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


def of_cell(told: str) -> list[Any]:
    """Tell `dominant` or `share` of a cell of the grid on the day of the slider."""
    turns = [
        part
        for n in range(TURNS, 0, -1)
        for part in (["all", ["has", f"day{n}"], ["<=", ["get", f"day{n}"], ["global-state", "day"]]], ["get", f"{told}{n}"])
    ]
    return ["case", *turns, ["get", told]]


def status(layer: str, known: int) -> list[Any]:
    """Tell the status of a road or utility on the day that the map shows of lines, as `layers.service.by_record` reads its days; "" where nobody recorded it.

    `known` is the day up to which the land is known, since 1970-01-01: what should have begun by then and has not is as it was recorded.
    """
    day, recorded = ["global-state", "lines"], ["coalesce", ["get", "status"], ""]

    def by(name: str) -> list[Any]:
        return ["all", ["has", name], ["<=", ["get", name], day]]

    def begins_after(this: object) -> list[Any]:
        return ["all", ["has", "in_service_from"], [">", ["get", "in_service_from"], this]]

    was = ["in", recorded, ["literal", ["in_service", "retired"]]]
    promised = ["in", recorded, ["literal", ["planned", "under_construction"]]]
    over = ["all", ["==", recorded, "retired"], ["has", "retired_on"]]
    begun = ["all", by("in_service_from"), ["any", ["==", recorded, ""], over, ["all", promised, begins_after(known)]]]
    ended = ["any", *(by(f.name) for f in LAYERS[layer].fields if f.name in ("retired_on", "relocated_on"))]
    return ["case", ended, "retired", ["all", was, begins_after(day)], "planned", begun, "in_service", recorded]
