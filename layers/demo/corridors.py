"""The protection zones of the demo park, in its first district: a power line to be relocated and a gas transmission pipeline."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from layers.demo.frame import dates, frame
from layers.demo.park import MARGIN, PITCH, SIZE, District

LINE_NORTH = 3.55
"""How far north the power line runs, in lattice rows: through the northern blocks, where no project's site lies."""
PIPE_EAST = 0.45
"""How far east the pipeline runs, in lattice columns: through the western blocks."""


def corridors(district: District) -> gpd.GeoDataFrame | None:
    """Draw the overhead line of 110 kV (relocated on 2027-10-01, 迁改) and the pipeline; None outside the first district."""
    if district.number:
        return None
    x, y = district.origin
    north, east = y + LINE_NORTH * PITCH[1], x + PIPE_EAST * PITCH[0]
    line = [(x - MARGIN / 2, north), (x + SIZE[0] / 2, north + 12), (x + SIZE[0], north)]
    pipe = [(east, y - MARGIN / 2), (east + 15, y + SIZE[1] / 2), (east, y + SIZE[1])]
    columns = {
        "id": ["K-110kV", "K-gas"],
        "kind": ["overhead_line", "oil_gas_pipeline"],
        "voltage": [110.0, np.nan],
        "edge_offset": [4.0, np.nan],
        "name": ["示例 demo · 110 kV架空线 overhead line", "示例 demo · 天然气长输管道 gas transmission pipeline"],
        "owner": ["示例供电 Demo Power", "示例管道 Demo Pipelines"],
        "status": ["in_service", "in_service"],
        "in_service_from": dates(["1996-05-31", "2009-11-30"]),
        "relocated_on": dates(["2027-10-01", ""]),
    }
    return frame("corridors", np.array([shapely.LineString(line), shapely.LineString(pipe)], object), columns)
