"""What a layer is asked through: where the land was surveyed."""

import numpy as np
import pytest
import shapely

from layers.base import surveyed


@pytest.mark.parametrize("reach", [0.0, 30.0])
@pytest.mark.parametrize("count", [9, 2000])
def test_many_plots_are_surveyed_where_each_one_is(count, reach):
    rng = np.random.default_rng(count)
    x, y = rng.uniform(0, 3000, (2, count))
    hole = shapely.Point(1500, 1500).buffer(200)
    coverage = shapely.Polygon([(100, 0), (2900, 100), (3040, 3040), (0, 2900)]).difference(hole)
    shapes = shapely.box(x, y, x + 40, y + 40)
    expected = shapely.covers(coverage, shapes) & ~((reach > 0) & shapely.dwithin(coverage.boundary, shapes, reach))
    found = surveyed(shapes, coverage, reach)
    np.testing.assert_array_equal(found, expected)
    assert 0 < found.sum() < count
    assert not surveyed(shapes, shapely.Polygon(), reach).any()
    assert len(surveyed(shapes[:0], coverage, reach)) == 0
