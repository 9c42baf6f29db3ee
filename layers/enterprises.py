"""Codes of enterprises: is a unified social credit code one, is an industry one of the classification?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from layers.errors import Refusal
from layers.standards import Rulebook

DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a unified social credit code (GB 32100-2015): no I, O, S, V, Z."""
WEIGHTS = tuple(pow(3, k, 31) for k in range(17))
INDUSTRY = re.compile("[A-T][0-9]{2,4}")


class BadCodeError(Refusal):
    """A code of an enterprise or of its industry is none."""


def credit_code(code: str) -> bool:
    """Tell whether the check character of a unified social credit code is right (GB 32100-2015, section 4)."""
    if len(code) != 18 or not set(code) <= set(DIGITS):
        return False
    total = sum(DIGITS.index(c) * w for c, w in zip(code, WEIGHTS, strict=False))
    return DIGITS[-total % 31] == code[17]


def industry(code: str, divisions: Mapping[str, Sequence[int]]) -> bool:
    """Tell whether a code is a section and a division of it, with group and class or without (GB/T 4754)."""
    first, last = divisions.get(code[:1], (1, 0))
    return INDUSTRY.fullmatch(code) is not None and first <= int(code[1:3]) <= last


def known_codes(projects: pd.DataFrame, book: Rulebook) -> None:
    """Pass projects whose codes, where there are some, can be; the check digits are not looked up anywhere."""
    divisions, codes = book["ledger.industry_divisions"], projects.set_index("id")
    for id, credit in codes["enterprise_uscc"].dropna().items():
        if not credit_code(credit):
            raise BadCodeError(
                f"projects {id}: enterprise_uscc {credit[:40]!r} is no unified social credit code; copy its 18 characters from the licence",
                f"projects {id}:enterprise_uscc {credit[:40]!r} 不是统一社会信用代码,请按营业执照填写 18 位",
            )
    for id, trade in codes["industry_code"].dropna().items():
        if not industry(trade, divisions):
            raise BadCodeError(
                f"projects {id}: industry_code {trade[:40]!r} is none of GB/T 4754; write section and class, as C3311",
                f"projects {id}:industry_code {trade[:40]!r} 不是 GB/T 4754 行业代码,请写门类与代码,如 C3311",
            )
