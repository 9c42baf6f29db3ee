"""Contests kept: what fresh findings tell of all plots is what asking the plots around some sources tells."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import shapely

from layers.assessment import Networks, check, question
from layers.census import assess
from layers.contests import Contests
from layers.demo import deliveries
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore

STANDARDS = Standards.load()
ASK = question(STANDARDS, None, None, None)
ME = Change("test")


@pytest.fixture(scope="module")
def park():
    store = MemoryStore()
    for edition, frames in deliveries(400):
        store.add(edition, frames, ME)
    return store


def places(store):
    """Squares of 77 mu, plots and stored sites: outline, id, the layer that stores it."""
    west, south, east, north = store.extent("parcels")[1]
    corners = np.random.default_rng(1).uniform((west, south), (east - 226.568, north - 226.568), (6, 2))
    found = [(shapely.box(x, y, x + 226.568, y + 226.568), "site", "") for x, y in corners]
    for layer, step in (("sites", 1), ("parcels", 80)):
        features = store.read(layer).iloc[::step]
        found += [(shape, id, layer) for shape, id in zip(features.geometry, features["id"], strict=True)]
    return found


def services(store, ask, networks):
    return [check(store, shape, ask, id, own, networks=networks).services for shape, id, own in places(store)]


def test_fresh_findings_tell_of_all_plots_what_asking_them_anew_tells(park, monkeypatch):
    ask = replace(ASK, use="100102")
    anew = services(park, ask, Networks())
    states = [s.capacity.state for found in anew for s in found if s.capacity]
    assert {"competing", "enough"} <= set(states)
    assert any(s.capacity.rivals and s.capacity.takers for found in anew for s in found if s.capacity)
    assess(park, ASK, STANDARDS)
    monkeypatch.setattr("layers.contests.LINES", 0)
    assert services(park, ask, Networks()) == anew
    monkeypatch.setattr("layers.contests.PATIENCE", 0)
    assert services(park, ask, Networks()) == anew
    monkeypatch.setattr("layers.contests.PATIENCE", 10_000)
    assert services(park, ask, Networks()) == anew


def whole(store, ask, contests):
    networks = Networks()
    return contests.find(store, networks.trace(store, ask), ask, frozenset({"no source"}))


def test_findings_of_other_land_or_of_another_day_are_not_taken(park, monkeypatch):
    monkeypatch.setattr("layers.contests.PATIENCE", 0)
    assess(park, ASK, STANDARDS)
    contests = Contests()
    first = whole(park, ASK, contests)
    assert whole(park, replace(ASK, use="100102"), contests) is first
    assert whole(park, question(STANDARDS, date.today() + timedelta(1), None, None), contests) is not first
    plot = park.read("parcels").iloc[:1]
    park.edit("zoning", ME, delete=park.read("zoning")["id"].tolist()[:1])
    assert whole(park, ASK, contests) is first
    park.edit("parcels", ME, put=plot.assign(status="idle"))
    assert whole(park, ASK, contests) is not first
    assess(park, ASK, STANDARDS)
    assert len(whole(park, ASK, contests).plots)
