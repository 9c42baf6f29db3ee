"""What people type into the search box is a plot, a name or a place in either order."""

import pytest

from layers.places import coordinates

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
