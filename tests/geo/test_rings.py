"""Points ring by ring: the same as GEOS gives ring after ring."""

import numpy as np
import pytest
import shapely

from geo.rings import rings


def some(count, seed):
    """Draw polygons with holes, of parts, empty, missing, and things that are no polygons."""
    rng = np.random.default_rng(seed)
    shapes = []
    for k in range(count):
        x, y = rng.uniform(0, 1000, 2)
        shape = shapely.Point(x, y).buffer(rng.uniform(5, 50), quad_segs=2)
        shape = shape.difference(shapely.Point(x, y).buffer(3)) if k % 3 == 0 else shape
        shape = (
            shape.union(shapely.box(2000, 2000, 2009, 2009).difference(shapely.box(2003, 2003, 2004, 2004)))
            if k % 4 == 0
            else shape
        )
        odd = {5: None, 6: shapely.Polygon(), 7: shapely.LineString([(0, 0), (1, 1)]), 8: shapely.MultiPolygon()}
        shapes.append(odd.get(k % 9, shape))
    return np.array(shapes, object)


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_points_come_ring_by_ring_as_geos_takes_polygons_apart(count):
    shapes = some(count, count)
    areas = np.where(np.isin(shapely.get_type_id(shapes), (3, 6)), shapes, None)
    parts, owner = shapely.get_parts(areas, return_index=True)
    ring, part = shapely.get_rings(parts, return_index=True)
    xy, of = shapely.get_coordinates(ring, return_index=True)
    found = rings(shapes)
    np.testing.assert_array_equal(found.xy, xy)
    np.testing.assert_array_equal(found.shape, owner[part][of])
    np.testing.assert_array_equal(found.on, of[1:] == of[:-1])
    np.testing.assert_array_equal(found.first, np.flatnonzero(np.r_[True, ~found.on])[: len(ring)])
    np.testing.assert_array_equal(found.hole, np.r_[False, part[1:] == part[:-1]][: len(ring)])
