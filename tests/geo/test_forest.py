"""The least along ways and the sums of what hangs on them, against walking each way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geo.forest import least, root, spans, total, way


@st.composite
def forests(draw):
    count = draw(st.integers(0, 12))
    parent = [draw(st.integers(-1, k - 1)) for k in range(count)]
    value = draw(st.lists(st.integers(-5, 5) | st.just(np.inf), min_size=count, max_size=count))
    order = draw(st.permutations(range(count)))
    place = {old: new for new, old in enumerate(order)}
    mixed = np.empty(count, np.intp)
    for old, above in enumerate(parent):
        mixed[place[old]] = place[above] if above >= 0 else -1
    return mixed, np.array(value, float)


@given(forests())
def test_doubling_the_way_finds_what_walking_it_finds(forest):
    parent, value = forest
    (low, at), roots = least(parent, value), root(parent)
    load = np.where(np.isfinite(value), value, 1)
    sums = total(parent, load)
    ways = [way(parent, k) for k in range(len(parent))]
    for k, walked in enumerate(ways):
        assert (low[k], at[k]) == min(((value[a], a) for a in walked), key=lambda found: found[0])
        assert roots[k] == walked[-1]
        assert sums[k] == sum(load[other] for other, passed in enumerate(ways) if k in passed)


@given(forests())
def test_what_hangs_on_a_thing_lies_between_its_place_and_its_end(forest):
    parent, _ = forest
    place, behind = spans(parent)
    assert sorted(place) == list(range(len(parent)))
    for k in range(len(parent)):
        hanging = [place[other] for other in range(len(parent)) if k in way(parent, other)]
        assert sorted(hanging) == list(range(place[k], behind[k]))


def test_a_long_way_is_no_matter():
    parent = np.arange(-1, 99_999)
    assert total(parent, np.ones(100_000))[0] == 100_000
    assert least(parent, np.arange(100_000.0))[1].max() == 0
