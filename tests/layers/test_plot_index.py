"""The table of plots that briefs are answered from: after edits it is what it would be read anew, and little of it is read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.assessment import Networks, StaleFindingsError
from layers.census import assess
from layers.plan.siting import Plots
from layers.plot_index import Index
from layers.refresh import refresh
from layers.store.base import Edit
from tests.layers.test_refresh import ME, STANDARDS, ask, edits, frame, square, world


def named(plots: Plots):
    """Tell a table by id, uses and owners by their names."""
    return {
        "id": plots.id.tolist(),
        "use": plots.uses[plots.use].tolist(),
        "owner": [plots.owners[k] if k >= 0 else None for k in plots.owner],
        **{f"{name} day": days.tolist() for name, days in plots.day.items()},
        **{name: getattr(plots, name).astype(str).tolist() for name in ("area", "verdict", "road_class", "frontage", "slope")},
    }


def owned(steps):
    """Say of some edits of plots whose they are."""
    return [
        (layer, id, {**row, "owner": ["A", "B", None][k % 3]}) if layer == "parcels" and row else (layer, id, row)
        for k, (layer, id, row) in enumerate(steps)
    ]


@settings(max_examples=8, deadline=None)
@given(st.lists(edits(), min_size=1, max_size=6).map(owned), st.integers(1, 3))
def test_after_any_edits_the_table_is_what_it_would_be_read_anew(steps, together):
    store, networks, index = world(), Networks(), Index()
    assess(store, ask(), STANDARDS)
    index.plots(store, STANDARDS, networks)
    for n, (layer, id, row) in enumerate(steps, 1):
        if row is not None:
            store.batch([Edit(layer, frame(layer, [row]))], ME)
        elif id in store.stamps(layer, [id]):
            store.batch([Edit(layer, delete=[id])], ME)
        if n % together == 0 or n == len(steps):
            assert refresh(store, STANDARDS, networks) is not None
            assert named(index.plots(store, STANDARDS, networks)[0]) == named(Index().plots(store, STANDARDS, networks)[0])


def test_after_an_edit_only_what_it_can_concern_is_read_again(monkeypatch, stored):
    store, networks, index = world(stored), Networks(), Index()
    assess(store, ask(), STANDARDS)
    before, on = index.plots(store, STANDARDS, networks)
    store.batch(
        [Edit("parcels", frame("parcels", [{"id": "P0", "status": "built", "use_code": "0701", "geometry": square(0, 0)}]))], ME
    )
    with pytest.raises(StaleFindingsError, match="parcels changed"):
        index.plots(store, STANDARDS, networks)
    assert refresh(store, STANDARDS, networks) is not None
    read, findings = [], store.findings

    def noted(ids=None, *more, **named):
        if ids != []:
            read.append(ids)
        return findings(ids, *more, **named)

    monkeypatch.setattr(store, "findings", noted)
    after, then = index.plots(store, STANDARDS, networks)
    assert len(read) == 1
    assert "P0" in read[0]
    assert len(read[0]) < len(before.id)
    assert (then, len(after.id)) == (on, len(before.id))
    assert index.plots(store, STANDARDS, networks)[0] is after
    assert named(after) == named(Index().plots(store, STANDARDS, networks)[0])


def test_a_full_assessment_for_another_day_is_read_whole():
    store, index = world(), Index()
    assess(store, ask(), STANDARDS)
    index.plots(store, STANDARDS, Networks())
    later = ask().__class__(ask().on.replace(year=2028), ask().standards, ask().known)
    assess(store, later, STANDARDS)
    plots, on = index.plots(store, STANDARDS, Networks())
    assert on.year == 2028
    assert named(plots) == named(Index().plots(store, STANDARDS, Networks())[0])
    assert plots.id.tolist() == sorted(plots.id)


def test_rows_are_found_by_number_and_minus_one_is_none():
    store, index = world(), Index()
    assess(store, ask(), STANDARDS)
    plots = index.plots(store, STANDARDS, Networks())[0]
    ids = np.array(["P9", "nobody", "P0", "ZZZ"], object)
    rows = plots.rows(ids)
    assert plots.id[rows[[0, 2]]].tolist() == ["P9", "P0"]
    assert rows[[1, 3]].tolist() == [-1, -1]
