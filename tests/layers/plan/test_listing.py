"""Listings: terms as people write them, contradictions, and the states by roles."""

from dataclasses import replace
from datetime import date

import pytest

from layers.base import Text
from layers.plan.bounds import Bound
from layers.plan.listing import (
    MOVES,
    NEEDED,
    BadTermsError,
    Listing,
    NoMoveError,
    SchemeFile,
    complete,
    contradictions,
    move,
    read,
    term,
    terms,
    written,
)
from layers.plan.notice import body, notice
from layers.standards import Standards

BOOK = Standards.load().on(date(2026, 11, 22))
EXAMPLE = {
    "notice_no": "TQ-G2021-01", "grantor": "某市自然资源局", "authority": "某市人民政府", "announced_on": "2026年12月1日",
    "registration_from": "2026-12-01", "registration_to": "2026-12-30", "deposit_by": "2026-12-30", "listing_from": "2026-12-21",
    "listing_to": "2027-01-04", "platform": "公共资源交易中心", "award": "价高者得", "reserve": "否", "contact": "李工",
    "location": "裕兴路以东、华丰路以北", "use_code": "100102", "tenure_years": "50", "far": "≥1.0", "building_coefficient": "≥40%",
    "green_ratio": "≤20%", "height": "≤24m", "admin_share": "≤7%", "investment": "≥300万元/亩", "tax": "≥10万元/亩",
    "start_price": "1540万元", "increment": "15万元", "deposit": "308万元", "level": "五通一平", "handover_on": "2027-03-01",
}  # fmt: skip
"""The example of domain.md section 5."""


def listing(**said):
    terms = {name: term(name, text) for name, text in {**EXAMPLE, **said}.items() if text is not None}
    return Listing("L-1", "P-1", "draft", {"area": 154_000 / 3, **terms})


def found(made, use="1001"):
    return [wrong.text.en for wrong in contradictions(made, use, BOOK)]


def test_the_example_notice_reads_prints_and_contradicts_nothing():
    made = listing()
    complete(made)
    assert found(made) == []
    assert made.terms["start_price"] == 15_400_000
    assert made.bound("far") == Bound(min=1.0)
    printed = {label.zh: value.zh for section in notice(made, Text("net land", "净地")) for label, value in section.rows}
    assert printed["土地现状"] == "净地"
    assert body(made, Text("net land", "净地"))["terms"]["far"]["value"] == {
        "min": 1.0,
        "max": None,
        "min_incl": True,
        "max_incl": True,
    }
    assert printed["宗地面积"] == "51,333.33㎡(77.00亩)"
    assert printed["土地用途"] == "二类工业用地(100102)"
    assert (printed["容积率"], printed["建筑系数"], printed["绿地率"], printed["限高"]) == (
        "不低于1",
        "不低于40%",
        "不高于20%",
        "不高于24米",
    )
    assert (printed["起始价"], printed["增价幅度"], printed["竞买保证金"]) == ("1,540万元", "15万元", "308万元")
    assert printed["开发程度"] == "五通一平"
    assert printed["公告日期"] == "2026年12月1日"


def test_what_is_stored_reads_back():
    made = replace(
        listing(with_scheme="是"), scheme=(SchemeFile("方案.pdf", 3, "ab" * 32),), entry=7, published_on=date(2026, 11, 22)
    )
    assert read({"id": made.id, **written(made)}) == made


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"listing_from": "2026-12-20"}, "from Announced on to Listing opens there are less than 20 days"),
        ({"listing_to": "2026-12-30"}, "from Listing opens to Listing closes there are less than 10 days"),
        ({"registration_to": "2027-02-01"}, "Registration until (2027-02-01) is after Listing closes (2027-01-04)"),
        ({"deposit": "300万元"}, "the deposit is less than 20% of the start price"),
        ({"increment": "2000万元"}, "Bid increment is more than the start price"),
        ({"tenure_years": "70"}, "a tenure of 70 years; at most 50 for 100102"),
        ({"use_code": "070101"}, "the use 070101 is not the plot's, 1001"),
        ({"far": "≤0.1", "building_density": "≤10"}, "Floor area ratio ≤0.1 cannot be with ≥0.5"),
        ({"building_density": "≥50%", "far": "≤0.4"}, "building density ≥50 % needs a floor area ratio of at least 0.5"),
        ({"building_coefficient": "≥70%", "green_ratio": "≥40%"}, "are more than the whole"),
        ({"building_density": "≥60%", "building_coefficient": "≤50%"}, "is more than the building coefficient"),
        ({"building_coefficient": "≤30%"}, "Building coefficient ≤30 cannot be with ≥40"),
        ({"green_ratio": "≥30%"}, "Green ratio ≥30 cannot be with ≤20"),
        ({"admin_share": "≥120%"}, "is no share of the land"),
        ({"with_scheme": "是"}, "no file of the scheme is bound to it"),
        ({"unit_code": "123"}, "is no code of a real-estate unit"),
    ],
    ids=lambda x: x if isinstance(x, str) else None,
)
def test_a_contradiction_is_named(said, words):
    assert any(words in text for text in found(listing(**said))), found(listing(**said))


def test_looser_terms_than_the_indices_do_not_contradict_them():
    assert found(listing(building_coefficient="≥30%", far="≥0.4", admin_share=None)) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("start_price", "1540.00001万元"), ("start_price", "dear"), ("announced_on", "2026-13-01"), ("reserve", "perhaps"), ("award", "lot"),
     ("tenure_years", "5.5"), ("area", "1"), ("nothing", "1"), ("platform", " ")],
)  # fmt: skip
def test_a_term_that_does_not_read_is_refused(name, said):
    with pytest.raises(BadTermsError):
        term(name, said)


def test_the_states_go_one_way_and_each_move_has_a_role():
    assert move(listing(), "reviewed") == "planner"
    assert MOVES["reviewed", "published"] == MOVES["published", "sold"] == MOVES["published", "withdrawn"] == "approver"
    for state in ("withdrawn", "sold"):
        with pytest.raises(NoMoveError):
            move(replace(listing(), state=state), "published")
    with pytest.raises(NoMoveError, match="from there it goes to: reviewed"):
        move(listing(), "published")


def test_a_draft_tells_what_it_lacks():
    with pytest.raises(BadTermsError) as refused:
        complete(Listing("L", "P", "draft"))
    assert set(refused.value.terms) == set(NEEDED)
    assert "起始价" in refused.value.text.zh


def test_all_that_does_not_read_is_told_at_its_term():
    with pytest.raises(BadTermsError) as refused:
        terms({"far": "x", "start_price": "dear", "deposit": "1万元"})
    assert set(refused.value.terms) == {"far", "start_price"}
    assert "≥1.0" in refused.value.terms["far"].zh
