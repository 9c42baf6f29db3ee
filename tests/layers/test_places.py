"""What people type into the search box is a plot, a name or a place in either order."""

from datetime import date

import pytest

from layers.edits import edit
from layers.places import coordinates, places
from layers.standards import Standards
from layers.store.base import Change
from layers.store.memory import MemoryStore
from layers.wishes import Wish

CRS = "EPSG:4548"


@pytest.mark.parametrize(
    "typed",
    [
        "117.001121, 36.825089",
        "36.825089 117.001121",
        "117.001121° 36.825089°",
        "4077100, 500100",
        "500100 4077100",
        "X=4077100 Y=39500100",
    ],
)
def test_coordinates_are_read_in_either_order(typed: str) -> None:
    found = coordinates(typed, CRS)
    assert found is not None
    assert found.bounds[:2] == pytest.approx((117.001121, 36.825089), abs=2e-6)


@pytest.mark.parametrize("typed", ["", "7", "P-1 2", "1e5, 2", "1 2 3", "999999999 1", "D001-B02-P01"])
def test_what_is_no_place_is_none(typed: str) -> None:
    assert coordinates(typed, CRS) is None


@pytest.mark.parametrize("typed", ["P-7", "steel", "p-7"])
def test_a_project_is_found_by_number_and_name_and_has_no_place_of_its_own(typed: str) -> None:
    store = MemoryStore(CRS)
    wish = Wish("projects", "P-7", "create", {"name": "Steel works", "kind": "industrial"})
    edit(store, [wish], Change("Lin", "doc 1"), Standards.load().on(date(2026, 3, 31)))
    (found,) = places(store, typed)
    assert (found.layer, found.id, found.name, found.bounds) == ("projects", "P-7", "Steel works", None)
