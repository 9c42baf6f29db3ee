"""What findings say about a plot on a map: what is drawn, its colours and patterns, its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Code, Field, Text, codes
from layers.plan.asked import CONTESTED
from layers.plan.readiness import SERVICES, STATES

VERDICT = codes(
    ("free", "free", "可用"),
    ("warn", "free with warnings", "可用(有提示)"),
    ("blocked", "blocked", "受限"),
    ("unknown", "unknown", "未知"),
)
DRAWN = {
    **STATES,
    **codes(
        ("blocked", "blocked by a rule", "受限,不可用", "#000000"), ("supplied", "supplied or listed", "已供或已挂牌", "#FFFFFF")
    ),
}
"""What the readiness map shows of a plot: supplied to somebody, blocked by a rule, else how far its services are."""
PATTERNS: Mapping[str, str] = {"dated": "hatch", "undated": "lines", "never": "cross", "unknown": "dots", "blocked": "grid"}
"""The second sign beside the colour; serviced land and supplied land are plain."""
PENDING = ["dated", "undated", "never"]
"""The states of land that lacks services."""
_LACKED = {
    "road": "#DDEEBB",
    "water": "#66CCFF",
    "sewage": "#994400",
    "storm": "#118899",
    "power": "#99BB33",
    "gas": "#FFEE11",
    "heat": "#66AA66",
    "telecom": "#006655",
}
LACKED = (
    *(Code(f"missing:{kind}", Text(f"{name.en} missing", f"缺{name.zh}"), _LACKED[kind]) for kind, name in SERVICES.items()),
    Code("missing:several", Text("several services missing or unknown", "缺多项配套(或未知)"), "#CC22FF"),
)
"""What pending land lacks on the day of the findings: one of SERVICES, in their order, or several. No eye takes one of their
colours for another, or for serviced land, and all are light enough for the hatching."""
FIELDS = (
    Field("verdict", "text", Text("Verdict", "结论"), codes=VERDICT),
    Field("reason", "text", Text("Reason", "原因"), meaning="check and rule that decide the verdict"),
    Field("ready_state", "text", Text("Readiness", "配套状态"), codes=STATES),
    Field("ready_from", "date", Text("Ready from", "具备条件日期"), meaning="missing: since ever, or nobody can say"),
    Field("missing", "integer", Text("Missing services", "缺少的配套"), meaning="bit k: SERVICES[k] does not serve on the day"),
    Field(
        "contested",
        "integer",
        CONTESTED.title,
        meaning="bit k: of SERVICES[k] there surely is not enough for all; missing: unknown",
    ),
)
PLACE = {name: k for k, name in enumerate(SERVICES)}
RIVALS = Code("contested", Text("fits alone, not enough for all who ask", "单独可满足,不足以满足全部需求"), "#AA4499")
"""The sign of land whose services others ask for too: a dashed line inside its outline."""


def bits(lists: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Turn lists of services ("water,gas") into bits in the order of SERVICES, and tell which are missing, shape (n,) each.

    Loops over distinct lists only.
    """
    at, known = pd.factorize(lists)
    return np.array([*map(_bits, known), 0], np.int64)[at], at < 0


@lru_cache(maxsize=1 << len(SERVICES))
def _bits(services: str) -> int:
    """Turn one list of services into bits."""
    return sum(1 << PLACE[name] for name in services.split(",") if name)
