"""Traced networks that are kept with the findings stand for those traced anew, as long as nothing begins or ends between."""

from datetime import date

import pandas as pd
import pytest
import shapely

from layers.assessment import Networks, question
from layers.census import assess
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore
from layers.traced import kept
from layers.tracing import traced
from tests.layers.test_census import CRS, STANDARDS, X, Y, fill, square

TODAY, OPENS, RETIRES = date(2026, 11, 22), "2027-03-01", "2028-06-30"


def main(id, at, **more):
    line = shapely.LineString([(X + 100 * at, Y - 9), (X + 100 * at + 100, Y - 9)])
    return {"id": id, "kind": "water", "role": "main", "status": "in_service", "geometry": line, **more}


@pytest.fixture
def store():
    works = {"id": "S", "kind": "water", "role": "source", "status": "in_service", "geometry": shapely.Point(X, Y - 9)}
    mains = [
        main("A", 0, retired_on=RETIRES),
        main("B", 1, status="under_construction", in_service_from=OPENS),
        main("C", 2),
    ]
    road = {
        "id": "R",
        "class": "arterial",
        "status": "in_service",
        "geometry": shapely.LineString([(X, Y - 30), (X + 300, Y - 30)]),
    }
    made = fill(MemoryStore(CRS), parcels=[{"id": "P", "geometry": square(0, 0)}], utilities=[works, *mains], roads=[road])
    assess(made, asked(TODAY), STANDARDS)
    return made


def asked(day, standards=STANDARDS):
    return question(standards, day, None, None)


@pytest.mark.parametrize(
    ("name", "day", "stands"),
    [
        ("utilities", TODAY, True), ("utilities", date(2027, 2, 28), True), ("utilities", date(2027, 3, 1), False),
        ("utilities", date(2026, 11, 21), False), ("roads", date(2040, 1, 1), True),
    ],
)  # fmt: skip
def test_what_was_traced_stands_until_something_begins_or_ends(store, name, day, stands):
    version = store.versions()[name]
    found = kept(store, name, asked(day), version)
    assert (found is not None) == stands
    anew = traced(store, name, asked(day), None).lines
    if found is not None:
        pd.testing.assert_frame_equal(found, anew)
    elif day > TODAY:
        assert not anew.equals(kept(store, name, asked(TODAY), version))
    pd.testing.assert_frame_equal(Networks().trace(store, asked(day))[name], anew)


def test_neither_edited_lines_nor_other_standards_are_answered_from_what_was_kept(store):
    known = store.versions()["utilities"]
    other = Standards(tuple(line for line in STANDARDS.lines if line.name != "network.snap"), "other")
    assert kept(store, "utilities", asked(TODAY, other), known) is None
    store.edit("utilities", Change("test"), delete=["A"])
    assert kept(store, "utilities", asked(TODAY), store.versions()["utilities"]) is None
    assert "A" not in Networks().trace(store, asked(TODAY))["utilities"].index
