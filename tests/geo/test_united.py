"""Pieces whose outlines cross themselves by rounding are united to be drawn, and nothing of them is lost."""

import numpy as np
import pytest
import shapely

from geo.overlay import united

PIECES = """
01030000000100000007000000B7A0623836102041C2322662F02D4F41B6A0623836102041C2322662F02D4F41B6A0623836102041C2322662F02D4F410000000054102041F23BC556F02D4F410000000054102041F5B23943A32D4F4110CC07E246102041D26D613BC52D4F41B7A0623836102041C2322662F02D4F41
01060000000200000001030000000100000004000000C774FCAA2E11204186F5904AF72D4F413E7239E42F112041CDBF0746F72D4F41F878F35730112041BEBC5A44F72D4F41C774FCAA2E11204186F5904AF72D4F4101030000000100000004000000C1FB86CA8A102041458113AAF92D4F411EDE7EE1AA1020416BAE1D33F92D4F41D2775E56AD1020413560022AF92D4F41C1FB86CA8A102041458113AAF92D4F41
"""


def test_what_floating_point_cannot_unite_is_mended():
    shapes = shapely.from_wkb(PIECES.split())
    with pytest.raises(shapely.errors.GEOSException):
        shapely.union_all(shapes)
    assert united(shapes).area == pytest.approx(shapely.area(shapes).sum(), abs=1e-5)


def test_other_pieces_are_united_as_ever():
    shapes = shapely.box(np.arange(3.0), 0, np.arange(3.0) + 1, 1)
    assert united(shapes).equals(shapely.box(0, 0, 3, 1))
