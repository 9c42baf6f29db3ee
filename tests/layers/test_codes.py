"""The code lists: every code has a parent, a name in both languages and a colour."""

from __future__ import annotations

import re

import pytest

from layers.base import Codes
from layers.codes import CODE_SYSTEMS, PLANNING_2023, SURVEY_GTDC, parent, table

LISTS = {"planning_2023": PLANNING_2023, "survey_gtdc": SURVEY_GTDC}
each_list = pytest.mark.parametrize("known", LISTS.values(), ids=LISTS)


def test_every_list_belongs_to_a_code_system() -> None:
    assert set(LISTS) <= set(CODE_SYSTEMS)


@each_list
def test_names_are_in_both_languages_and_unique(known: Codes) -> None:
    for code in known.values():
        assert re.fullmatch("[\x20-\x7e]+", code.name.en), code
        assert re.fullmatch("[\u4e00-\u9fff]+", code.name.zh), code
    for spoken in ({c.name.en for c in known.values()}, {c.name.zh for c in known.values()}):
        assert len(spoken) == len(known)


@each_list
def test_colours_are_rrggbb(known: Codes) -> None:
    assert [c for c in known.values() if not re.fullmatch("#[0-9A-F]{6}", c.colour)] == []


@each_list
def test_every_code_below_the_top_has_the_parent_of_its_digits(known: Codes) -> None:
    for code in known:
        if len(code) > 2:
            assert parent(code, known) == code[:4][: 2 if len(code) == 4 else 4], code


def test_planning_codes_have_two_four_or_six_digits() -> None:
    assert [c for c in PLANNING_2023 if not re.fullmatch(r"\d{2}|\d{4}|\d{6}", c)] == []


def test_survey_codes_have_two_or_four_places_and_a_letter_for_special_ones() -> None:
    assert [c for c in SURVEY_GTDC if not re.fullmatch(r"\d{2}|\d{4}[AK]?|\d{2}H\dA?", c)] == []


def test_no_code_is_written_twice() -> None:
    with open(table.__code__.co_filename, encoding="utf-8") as source:
        texts = source.read().split('table("""')[1:]
    for text in texts:
        written = [line.split("|")[0].strip() for line in text.split('"""')[0].strip().splitlines()]
        assert len(written) == len(set(written))


def test_a_code_without_colour_is_drawn_like_its_class() -> None:
    assert table("07 | homes | 居住 | #FFFF2D\n0701 | flats | 住宅")["0701"].colour == "#FFFF2D"
    assert PLANNING_2023["100102"].colour == PLANNING_2023["1001"].colour


def test_the_same_digits_mean_different_uses_in_survey_and_plan() -> None:
    assert SURVEY_GTDC["1001"].name.en == "railway"
    assert PLANNING_2023["1001"].name.en == "industrial"


@pytest.mark.parametrize(
    ("code", "colour"),
    [
        ("0701", "#FFFF2D"),
        ("0901", "#FF0000"),
        ("1001", "#BB9674"),
        ("1101", "#8761D3"),
        ("1202", "#ADADAD"),
        ("1401", "#00FF00"),
    ],
)
def test_the_palette_of_the_field_is_kept(code: str, colour: str) -> None:
    assert PLANNING_2023[code].colour == colour
