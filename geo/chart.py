"""Charts between CRSs: what a page takes to reckon there and back by itself."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import transform

Numbers = NDArray[np.float64]


def chart(box: tuple[float, float, float, float], src: object, dst: object, nodes: int) -> tuple[Numbers, Numbers]:
    """Project the Chebyshev nodes of a box (west, south, east, north in `src`) into another CRS, as `transform`.

    Gives x and y, each of shape (nodes, nodes), by east and by north: node k of a side lies at its middle plus half its length times
    cos((2k + 1) pi / (2 nodes)). The polynomial through them is the projection to within micrometres where the box is small beside the
    Earth (Trefethen 2013, Approximation Theory and Approximation Practice, ch. 8: the error falls as a power of the nodes).
    """
    west, south, east, north = box
    knots = np.cos((2 * np.arange(nodes) + 1) * np.pi / (2 * nodes))
    x, y = (west + east) / 2 + (east - west) / 2 * knots, (south + north) / 2 + (north - south) / 2 * knots
    there = transform(np.asarray(shapely.points(np.repeat(x, nodes), np.tile(y, nodes))), src, dst)
    return shapely.get_x(there).reshape(nodes, nodes), shapely.get_y(there).reshape(nodes, nodes)
