"""Codes of enterprises and industries: what cannot be is refused with the remedy, before anything is stored."""

from __future__ import annotations

from datetime import date

import pytest

from layers.demo import CRS
from layers.edits import edit
from layers.enterprises import BadCodeError
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore
from layers.wishes import Wish

BOOK, LIN = Standards.load().on(date(2026, 3, 31)), Change("Lin", "doc 1")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"industry_code": "C9900"}, "industry_code 'C9900' is none of GB/T 4754"), ({"industry_code": "A33"}, "none of GB/T 4754"),
        ({"industry_code": "c3311"}, "write section and class, as C3311"), ({"industry_code": "C1"}, "none of GB/T 4754"),
        ({"enterprise_uscc": "91350100M000100Y44"}, "copy its 18 characters from the licence"),
        ({"enterprise_uscc": "9135O100M000100Y43"}, "is no unified social credit code"),
    ],
)  # fmt: skip
def test_a_code_that_no_enterprise_has_is_refused(values: dict[str, str], said: str) -> None:
    base = MemoryStore(CRS)
    edit(base, [Wish("projects", "A", "create", {"name": "Plant", "kind": "industrial"})], LIN, BOOK)
    before = base.versions()
    with pytest.raises(BadCodeError, match=said):
        edit(base, [Wish("projects", "A", None, values)], LIN, BOOK)
    assert base.versions() == before
    known = {"industry_code": "C3311", "enterprise_uscc": "91350100M000100Y43"}  # the example of GB 32100-2015
    edit(base, [Wish("projects", "A", None, known)], LIN, BOOK)
    assert base.read("projects")[list(known)].iloc[0].to_dict() == known
    edit(base, [Wish("projects", "A", None, {"industry_code": "T97"})], LIN, BOOK)
