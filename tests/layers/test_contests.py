"""Contests kept: what fresh findings tell of all plots is what asking the plots around some sources tells."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import shapely

from layers.assessment import Networks, check, question
from layers.census import assess
from layers.contests import Contests
from layers.standards import Standards
from layers.store.base import Change

STANDARDS = Standards.load()
ASK = question(STANDARDS, None, None, None)
ME = Change("test")


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


def test_fresh_findings_tell_of_all_plots_what_asking_them_anew_tells(generated, monkeypatch):
    ask = replace(ASK, use="100102")
    anew = services(generated, ask, Networks())
    states = [s.capacity.state for found in anew for s in found if s.capacity]
    assert {"competing", "enough"} <= set(states)
    assert any(s.capacity.rivals and s.capacity.takers for found in anew for s in found if s.capacity)
    assess(generated, ASK, STANDARDS)
    monkeypatch.setattr("layers.contests.LINES", 0)
    assert services(generated, ask, Networks()) == anew
    monkeypatch.setattr("layers.contests.PATIENCE", 0)
    assert services(generated, ask, Networks()) == anew
    monkeypatch.setattr("layers.contests.PATIENCE", 10_000)
    assert services(generated, ask, Networks()) == anew


def whole(store, ask, contests):
    networks = Networks()
    return contests.find(store, networks.trace(store, ask), ask, frozenset({"no source"}))


def test_findings_of_other_land_or_of_another_day_are_not_taken(generated, monkeypatch):
    monkeypatch.setattr("layers.contests.PATIENCE", 0)
    assess(generated, ASK, STANDARDS)
    contests = Contests()
    first = whole(generated, ASK, contests)
    assert whole(generated, replace(ASK, use="100102"), contests) is first
    assert whole(generated, question(STANDARDS, date.today() + timedelta(1), None, None), contests) is not first
    plot = generated.read("parcels").iloc[:1]
    generated.edit("zoning", ME, delete=generated.read("zoning")["id"].tolist()[:1])
    assert whole(generated, ASK, contests) is first
    generated.edit("parcels", ME, put=plot.assign(status="idle"))
    assert whole(generated, ASK, contests) is not first
    assess(generated, ASK, STANDARDS)
    assert len(whole(generated, ASK, contests).plots)
