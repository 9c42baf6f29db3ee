"""Competition in the stored findings: who fits alone but not with all others is told so, whatever edits came since."""

from contextlib import closing

import numpy as np

from layers.assessment import Networks, anew, question
from layers.census import assess
from layers.contested import SINCE, WHOLE, moved
from layers.plan.capacity import KINDS
from layers.plan.contest import Contest, claims
from layers.refresh import concerned, refresh, standing
from layers.standards import Standards
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.layers.plan.test_contest import park
from tests.layers.plan.test_networks import CRS, TODAY

STANDARDS = Standards.load()
ASK = question(STANDARDS, TODAY, None, None)
ME = Change("test")


def contested(store):
    return store.findings(columns=["contested"])[0]["contested"].to_dict()


def test_two_that_fit_alone_but_not_together_are_both_marked_in_the_findings():
    store = park({0: 600, 1: 600}, line=1000)
    assess(store, ASK, STANDARDS)
    assert contested(store) == {"P0": "power", "P1": "power", "P2": ""}
    assert set(store.findings()[0]["power_capacity"][:2]) == {"enough"}, "each alone"
    assert anew(store, ASK)["contested"].to_dict() == contested(store)


def test_an_edit_far_away_marks_and_unmarks_those_who_ask_for_the_same():
    store, networks = park({0: 600, 1: 300}, line=1000), Networks()
    assess(store, ASK, STANDARDS)
    assert set(contested(store).values()) == {""}
    site = store.read("sites", ids=["S1"])
    store.edit("sites", ME, put=site.assign(demand_power=500.0))
    found = refresh(store, STANDARDS, networks)
    assert {"P0", "P1"} <= set(found.plots)
    assert contested(store) == {"P0": "power", "P1": "power", "P2": ""}
    store.edit("sites", ME, put=site.assign(demand_power=1200.0))
    assert refresh(store, STANDARDS, Networks()) is not None, "by another process"
    assert contested(store) == {"P0": "", "P1": "", "P2": ""}, "who is short asks nobody"


def test_between_an_edit_and_the_refresh_nobody_knows_who_competes():
    store = park({0: 600, 1: 600}, line=1000)
    assess(store, ASK, STANDARDS)
    store.edit("sites", ME, delete=["S1"])
    left = standing(store, store.read("parcels"), ["verdict", "contested"])
    assert len(left)
    assert left["contested"].isna().all()
    refresh(store, STANDARDS)
    assert set(contested(store).values()) == {""}


def test_where_sums_are_lost_they_are_added_up_again_from_the_findings(tmp_path):
    with closing(GpkgStore.create(tmp_path / "land.gpkg", CRS)) as store:
        park({0: 600, 1: 300}, line=1000, store=store)
        assess(store, ASK, STANDARDS)
        for name in (WHOLE, *SINCE):
            store.keep(name, {"inputs": "lost"}, b"")
        then = store.findings([], [])[1]
        store.edit("sites", ME, put=store.read("sites", ids=["S1"]).assign(demand_power=500.0))
        assert refresh(store, STANDARDS) is not None
        assert contested(store) == {"P0": "power", "P1": "power", "P2": ""}
        assert store.kept(WHOLE)[0]["inputs"] == store.findings([], [])[1], "and kept again"
        assert moved(store, then) is not None, "with the places of marks"


def test_whoever_sees_findings_sees_what_is_kept_of_them(monkeypatch):
    store = park({0: 600, 1: 300}, line=1000)
    assess(store, ASK, STANDARDS)
    then, update, told = store.findings([], [])[1], store.update_findings, []

    def published(*args):
        update(*args)
        told.append(moved(store, then))

    monkeypatch.setattr(store, "update_findings", published)
    store.edit("sites", ME, put=store.read("sites", ids=["S1"]).assign(demand_power=500.0))
    refresh(store, STANDARDS)
    assert [len(boxes) for boxes in told] == [1]


def test_a_place_marked_from_afar_is_told_to_open_maps():
    store = park({0: 600, 1: 300}, line=1000)
    assess(store, ASK, STANDARDS)
    then = store.findings()[1]
    site = store.read("sites", ids=["S1"])
    store.edit("sites", ME, put=site.assign(demand_power=500.0))
    assert refresh(store, STANDARDS) is not None
    told = concerned(store, STANDARDS, then, Networks())
    first = store.read("parcels", ids=["P0"]).total_bounds
    assert (np.abs(told - first).max(axis=1) < 1e-6).sum() == 1


def test_the_marks_are_those_that_adding_up_every_claim_tells(generated):
    ask = question(STANDARDS, None, None, None)
    assess(generated, ask, STANDARDS)
    found = generated.findings()[0]
    told = Contest.of(Networks().trace(generated, ask)["utilities"], claims(found)).compete(found)
    for kind in KINDS:
        marked = found["contested"].str.split(",").map(lambda kinds, kind=kind: kind in kinds).to_numpy(bool)
        assert np.array_equal(marked, (told[f"{kind}_capacity"] == "competing").to_numpy(bool))
    assert (found["contested"] != "").any()
