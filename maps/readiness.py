"""What findings say about a plot on a map: the codes of verdict and readiness, their colours and patterns."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from layers import utilities
from layers.base import Field, Text, codes

VERDICT = codes(
    ("free", "free", "可用"),
    ("warn", "free with warnings", "可用(有提示)"),
    ("blocked", "blocked", "受限"),
    ("unknown", "unknown", "未知"),
)
READY_STATE = codes(
    ("ready", "serviced", "已配套(熟地)", "#0072B2"),
    ("dated", "serviced from a known day", "配套日期已定", "#56B4E9"),
    ("undated", "pending, no date", "待配套(日期未定)", "#E69F00"),
    ("never", "no service planned", "未规划配套", "#D55E00"),
    ("unknown", "unknown, not surveyed", "未知(未普查)", "#BBBBBB"),
)
DRAWN = {**READY_STATE, **codes(("blocked", "blocked", "受限,不可用", "#882255"))}
"""What the readiness map shows of a plot: blocked by a rule, else how far its services are."""
PATTERNS: Mapping[str, str] = {"dated": "lines", "undated": "hatch", "never": "cross", "unknown": "dots", "blocked": "grid"}
"""The second sign beside the colour; serviced land is plain."""
SERVICES = ("road", *utilities.KINDS)
"""Bit k of `missing` is set where service k is required and not there on the day of the findings."""
FIELDS = (
    Field("verdict", "text", Text("Verdict", "结论"), codes=VERDICT),
    Field("ready_state", "text", Text("Readiness", "配套状态"), codes=READY_STATE),
    Field("ready_from", "date", Text("Ready from", "具备条件日期"), meaning="missing: since ever, or nobody can say"),
    Field("missing", "integer", Text("Missing services", "缺少的配套"), meaning="bits in the order of SERVICES"),
)


def drawn_state(findings: pd.DataFrame) -> pd.Series[str]:
    """Tell what the map shows of each plot: "blocked" where the verdict says so, else the ready state."""
    return findings["ready_state"].where(findings["verdict"] != "blocked", "blocked")
