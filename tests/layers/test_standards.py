"""The standards: every line is complete and dated, and every name that the code asks for has a value."""

from __future__ import annotations

import ast
import re
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from layers.catalogue import LAYERS
from layers.codes import PLANNING_2023, SURVEY_GTDC
from layers.standards import NoStandardError, Rulebook, Standards
from layers.utilities import KINDS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "layers/standards").glob("*.toml"))
KEYS = {"since", "value", "unit", "source", "verified", "en", "zh"}
READ_IN_FULL = {"R4", "R5", "R6", "R9", "R10", "R11", "R12", "R13", "R24", "R25", "R27", "R30", "R31", "R32"}
SYNTHETIC = """
[[width]]
since = 2008-01-01
value = 1.0
unit = "m"
source = "old [P]"
verified = false
en = "width"
zh = "宽度"
[[width]]
since = 2023-05-01
value = 2.0
unit = "m"
source = "new [P]"
verified = false
en = "width"
zh = "宽度"
"""


@pytest.fixture(scope="module")
def today() -> Rulebook:
    return Standards.load().on(date.today())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_line_says_since_when_what_in_which_unit_and_whence(path: Path) -> None:
    for name, rows in tomllib.loads(path.read_text("utf-8")).items():
        assert isinstance(rows, list), f"{path.stem}.{name} is no array of dated lines"
        for row in rows:
            assert set(row) == KEYS, f"{path.stem}.{name}: {set(row) ^ KEYS}"
            assert type(row["since"]) is date
            assert type(row["verified"]) is bool
            assert all(row[key].strip() for key in ("unit", "source", "en", "zh"))
            assert re.search("[\u4e00-\u9fff]", row["zh"])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_lines_of_a_standard_stand_in_the_order_of_their_days(path: Path) -> None:
    for name, rows in tomllib.loads(path.read_text("utf-8")).items():
        days = [row["since"] for row in rows]
        assert days == sorted(set(days)), name


def test_only_a_law_that_was_read_in_full_is_verified() -> None:
    for line in Standards.load().lines:
        if line.verified:
            cited = set(re.findall(r"R\d+", line.source))
            assert cited, line
            assert cited <= READ_IN_FULL, line
            assert "第" in line.source or "条例" in line.source, line
        if re.search(r"\[(M|P)\]|second-hand", line.source):
            assert not line.verified, line


def test_the_later_line_wins_on_its_day_and_not_the_day_before() -> None:
    standards = Standards.parse({"demo": SYNTHETIC})
    change = date(2023, 5, 1)
    assert standards.on(change)["demo.width"] == 2.0
    assert standards.on(change - timedelta(1))["demo.width"] == 1.0


def test_a_day_before_the_first_line_names_the_remedy() -> None:
    book = Standards.parse({"demo": SYNTHETIC}).on(date(2007, 12, 31))
    with pytest.raises(
        NoStandardError, match=r"demo\.width has no value on 2007-12-31: add a dated line to layers/standards/demo"
    ):
        book["demo.width"]


def test_any_change_of_a_line_changes_the_digest() -> None:
    a = Standards.parse({"demo": SYNTHETIC}).digest
    assert a == Standards.parse({"demo": SYNTHETIC}).digest
    assert a != Standards.parse({"demo": SYNTHETIC.replace("2.0", "2.1")}).digest


def test_every_rule_of_the_catalogue_says_whether_a_breach_blocks(today: Rulebook) -> None:
    severities = {rule.severity: today[rule.severity] for layer in LAYERS.values() for rule in layer.rules}
    assert set(severities.values()) <= {"block", "warn"}, severities


def test_severities_hold_on_any_day_that_data_may_bear() -> None:
    old = Standards.load().on(date(1990, 1, 1))
    assert all(old[rule.severity] for layer in LAYERS.values() for rule in layer.rules)


def test_every_reach_of_an_answer_is_a_length(today: Rulebook) -> None:
    reaches = {a.reach for layer in LAYERS.values() for a in layer.answers if a.reach is not None}
    assert all(today[name] > 0 and today.line(name).unit == "m" for name in reaches)


def test_every_standard_that_the_code_names_has_a_value(today: Rulebook) -> None:
    sources = [p for room in ("geo", "layers", "maps", "api") for p in (ROOT / room).rglob("*.py")]
    asked = {
        (name, path.name)
        for path in sources
        for name in re.findall(r"""standards(?:\[|\.line\()["']([a-z0-9_.]+)["']""", path.read_text("utf-8"))
    }
    assert asked
    assert [x for x in asked if x[0] not in today.lines] == []


def test_the_survey_classes_share_no_code_and_leave_none_out(today: Rulebook) -> None:
    classes = [set(today[f"land_use.{name}"]) for name in ("agricultural", "unused", "construction")]
    union = set().union(*classes)
    assert sum(map(len, classes)) == len(union)
    assert union <= set(SURVEY_GTDC)
    mixed = {"04", "10", "11", "12"}
    assert set(SURVEY_GTDC) - union == mixed, "a class whose members differ has no class of its own"
    assert set(today["land_use.arable"]) < classes[0]


def test_the_compatibility_table_speaks_of_known_codes(today: Rulebook) -> None:
    table = today["zoning.compatible"]
    assert {*table, *(use for uses in table.values() for use in uses)} <= set(PLANNING_2023)


def test_each_level_of_services_contains_the_lower_one(today: Rulebook) -> None:
    three, five, seven = (set(today[f"readiness.services_{n}"]) for n in (3, 5, 7))
    assert three < five < seven
    assert seven == {"road", *KINDS}
    assert today["readiness.required"] in (3, 5, 7)


class Said(NamedTuple):
    """The texts of a module: those that are whole, and patterns of those into which something is put."""

    whole: set[str]
    made: list[re.Pattern[str]]
    layers: set[str]

    @classmethod
    def by(cls, path: Path) -> Said:
        """Read a module; what is hardly more than what is put in says nothing, but that a layer's name goes before it."""
        whole, made, layers = set(), [], set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            parts = [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            if parts and parts[-1] and None not in parts and parts[-1].endswith("_"):
                parts.append(None)  # the beginning of names
            if parts and None not in parts:
                whole.add("".join(parts))
            elif len(parts) == 2 and parts[0] and parts[0].endswith("."):
                layers.add(parts[0])
            elif sum(map(len, filter(None, parts))) > 3:
                made.append(re.compile("".join(".*" if part is None else re.escape(part) for part in parts)))
        return cls(whole, made, layers)

    def reads(self, name: str) -> bool:
        """Tell whether a standard is read: the module says its name, or puts the name that it says behind that of the layer."""
        layer, _, rest = name.partition(".")
        return self._says(name) or (f"{layer}." in self.layers and self._says(rest))

    def _says(self, name: str) -> bool:
        return name in self.whole or any(text.fullmatch(name) for text in self.made)


def test_every_standard_is_read() -> None:
    modules = [Said.by(p) for room in ("layers", "maps", "api") for p in (ROOT / room).rglob("*.py")]
    names = {line.name for line in Standards.load().lines}
    assert sorted(name for name in names if not any(module.reads(name) for module in modules)) == []
    assert not any(module.reads(name) for module in modules for name in ("terrain.nobody", "corridors.nobody")), "can fail"
