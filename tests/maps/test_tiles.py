"""What tiles of a land base show, zoom by zoom, on a small base in EPSG:4548."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from datetime import date, timedelta

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from geo.tiles import HALF_WORLD, TileError, bounds, encode
from layers.base import empty
from layers.catalogue import LAYERS
from layers.table import Table
from maps import tiles
from maps.grid import TURNS, Stages, grid, stages
from maps.readiness import SERVICES, bits
from maps.tiles import TileCache, UntiledError, attributes, base_box, shown, tile, tiled

CRS = "EPSG:4548"
ORIGIN = (500_000.0, 4_060_000.0)
LON, LAT = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(ORIGIN[0] + 100, ORIGIN[1] + 100)


def holding(z, lon=LON, lat=LAT):
    """Find the tile of a zoom that holds a place."""
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(lon, lat)
    size = 2 * HALF_WORLD / 2**z
    return z, int((east + HALF_WORLD) // size), int((HALF_WORLD - north) // size)


def frame(layer, shapes, **columns):
    made = gpd.GeoDataFrame(columns, geometry=[shapely.affinity.translate(s, *ORIGIN) for s in shapes], crs=CRS)
    blank = empty(LAYERS[layer], CRS)
    return made.reindex(columns=blank.columns).astype({c: t for c, t in blank.dtypes.items() if c != "geometry"})


PARCELS = frame(
    "parcels",
    [shapely.box(k * 50, 0, k * 50 + 40, 200) for k in range(4)],
    id=["P1", "P2", "P3", "P4"],
    status=["ready", "built", None, "ready"],
    owner=["Wang"] * 4,
    valid_from=pd.to_datetime(["2026-01-01", None, None, None]),
)
FINDINGS = pd.DataFrame(
    {
        "verdict": ["free", "blocked", "warn"],
        "ready_state": ["ready", "dated", "dated"],
        "ready_from": pd.to_datetime([None, "1970-01-11", "2027-05-01"]),
        "missing": pd.array(["", "road,gas", None], "str"),
    },
    index=["P1", "P2", "P3"],
)


class Base:
    """A land base that holds frames."""

    crs = CRS
    title = "test"

    def __init__(self, findings=FINDINGS, **layers):
        self.layers = {"parcels": PARCELS, **layers}
        self.stamps = dict.fromkeys(self.layers, 1)
        self.kept = findings
        self.reads = 0

    def snapshot(self):
        return nullcontext()

    def read(self, layer, box=None, ids=None, columns=None, as_of=None):
        self.reads += 1
        features = self.layers.get(layer, empty(LAYERS[layer], CRS))
        features = features if box is None else features[features.intersects(shapely.box(*box))]
        return features if columns is None else features[[*columns, "geometry"]]

    def table(self, layer, box, as_of=None):
        return Table.of(self.read(layer, box))

    def findings(self, ids=None, columns=None):
        return self.kept[self.kept.index.isin(ids)], {}

    def versions(self):
        return dict(self.stamps)

    def overview(self, zoom, x, y):
        return None


def decoded(made, layer):
    found = mapbox_vector_tile.decode(made, default_options={"y_coord_down": True}).get(layer, {"features": []})
    return {f["properties"].get("id", k): f for k, f in enumerate(found["features"])}


def test_a_plot_tile_shows_every_plot_with_its_codes_and_days_and_no_right_holder():
    found = decoded(tile(Base(), "parcels", *holding(14)), "parcels")
    assert {k: f["properties"] for k, f in found.items()} == {
        "P1": {"id": "P1", "status": "ready", "valid_from": 20454},
        "P2": {"id": "P2", "status": "built"},
        "P3": {"id": "P3"},
        "P4": {"id": "P4", "status": "ready"},
    }


def test_a_plot_is_drawn_where_it_lies():
    z, x, y = holding(18)
    ring = decoded(tile(Base(), "parcels", z, x, y), "parcels")["P3"]["geometry"]["coordinates"][0]
    size = 2 * HALF_WORLD / 2**z
    east, north = (np.array(ring).T * [[1], [-1]] / 4096 * size) + [[x * size - HALF_WORLD], [HALF_WORLD - y * size]]
    back = np.stack(Transformer.from_crs("EPSG:3857", CRS, always_xy=True).transform(east, north), 1) - ORIGIN
    assert (np.abs(back[:, 0] - 120) < 20.2).all()
    assert {round(float(v)) for v in back[:, 0]} == {100, 140}


def test_readiness_joins_findings_and_a_plot_without_is_unknown():
    found = decoded(tile(Base(), "readiness", *holding(14)), "readiness")
    assert {k: f["properties"] for k, f in found.items()} == {
        "P1": {"id": "P1", "verdict": "free", "ready_state": "ready", "missing": 0},
        "P2": {"id": "P2", "verdict": "blocked", "ready_state": "dated", "ready_from": 10, "missing": 33},
        "P3": {"id": "P3", "verdict": "warn", "ready_state": "dated", "ready_from": 20939},
        "P4": {"id": "P4", "verdict": "unknown", "ready_state": "unknown"},
    }


@pytest.mark.parametrize("findings", [FINDINGS.iloc[:0], pd.DataFrame(index=pd.Index([], dtype="str"))])
def test_where_nothing_was_assessed_every_plot_is_unknown(findings):
    found = decoded(tile(Base(findings), "readiness", *holding(15)), "readiness")
    assert {f["properties"]["ready_state"] for f in found.values()} == {"unknown"}
    assert len(found) == 4
    cells = decoded(tile(Base(findings), "readiness", *holding(11)), "readiness_grid")
    assert {f["properties"]["dominant"] for f in cells.values()} == {"unknown"}


def test_below_plot_zoom_cells_count_every_plot_and_its_true_area():
    for z in range(tiles.LEAST_ZOOM, tiles.PLOT_ZOOM):
        made = tile(Base(), "readiness", *holding(z))
        cells = [f["properties"] for f in decoded(made, "readiness_grid").values()]
        assert sum(c["plots"] for c in cells) == 4
        assert sum(c["area"] for c in cells) == pytest.approx(4 * 8000, abs=2)
        assert decoded(made, "readiness") == {}


def test_a_cell_shows_the_state_that_holds_most_of_its_area():
    shapes = [shapely.box(0, 0, 90, 30), shapely.box(0, 40, 20, 60), shapely.box(0, 70, 20, 90)]
    wide = frame("parcels", shapes, id=["P1", "P2", "P4"])
    cell = next(iter(decoded(tile(Base(parcels=wide), "readiness", *holding(8)), "readiness_grid").values()))["properties"]
    assert (cell["plots"], cell["dominant"], cell["share"]) == (3, "ready", 0.77)


SOME_STATES = st.one_of(
    st.sampled_from(["ready", "never", "unknown", "blocked", "supplied"]),
    st.tuples(st.sampled_from(["ready", "unknown"]), st.integers(0, 6)).map(lambda s: f"{s[0]} 2027-01-0{s[1] + 1}"),
)


@given(st.lists(st.tuples(st.integers(0, 2), SOME_STATES, st.integers(1, 5)), min_size=1, max_size=25), st.integers(-1, 7))
def test_a_cell_turns_on_the_days_on_which_another_state_has_most_of_its_area(parts, on):
    cell, state, area = (
        np.array(column, dtype) for column, dtype in zip(zip(*parts, strict=True), (int, object, int), strict=True)
    )
    told, day = stages(cell, state, area), (date(2027, 1, 1) - date(1970, 1, 1)).days + on
    for one in set(cell):
        held = Counter()
        for mine, kind, land in parts:
            then, _, from_ = kind.partition(" ")
            held[then if not from_ or date.fromisoformat(from_) <= date(2027, 1, 1) + timedelta(on) else "dated"] += land * (
                mine == one
            )
        most = min(held, key=lambda kind: (-held[kind], kind))
        stage = Stages(*(column[(told.cell == one) & (told.day <= day)][-1] for column in told))
        assert stage.turn <= TURNS
        if stage.turn == TURNS and stage.dominant == "unknown" != most:
            continue  # turned too often to be told: never said to be ready
        assert stage.dominant == most
        assert stage.share <= held[most] / held.total() + 1e-9


def test_a_grid_of_cells_that_turn_as_often_as_may_be_is_no_large_tile():
    cell = np.repeat(np.arange(4096), 8)
    rng = np.random.default_rng(7)
    state = np.tile([*(f"{then} 2027-0{m}-01" for m in (1, 5, 9) for then in ("ready", "unknown")), "never", "blocked"], 4096)
    parts = pd.DataFrame({"cell": cell, "state": state, "plots": 1, "area": rng.integers(1, 10**11, len(cell))})
    box = bounds(9, 400, 200)
    assert stages(cell, state.astype(object), parts["area"].to_numpy()).turn.max() >= 2
    assert len(encode({"readiness_grid": grid(parts, "state", box)}, box)) < 300_000


def test_plots_without_status_stay_without_in_the_grid():
    lost = frame("parcels", [shapely.box(0, 0, 9, 9)], id=["P"], status=[None])
    assert decoded(tile(Base(parcels=lost), "parcels", *holding(9)), "parcels_grid")[0]["properties"]["dominant"] == ""


@pytest.mark.parametrize(
    ("layer", "z", "expected"),
    [
        ("parcels", 13, "features"),
        ("parcels", 12, "grid"),
        ("readiness", 6, "grid"),
        ("readiness", 5, "nothing"),
        ("land_use", 13, "features"),
        ("land_use", 12, "nothing"),
        ("roads", 10, "simplified"),
        ("roads", 9, "nothing"),
    ],
)
def test_the_zoom_ladder(layer, z, expected):
    assert shown(layer, z) == expected


def test_lines_are_simplified_below_plot_zoom_and_whole_above():
    bent = shapely.LineString([(k, 3 * (k % 2)) for k in range(0, 400, 2)] + [(401, 3)])
    wavy = shapely.LineString([(k, 5 * ((k // 10) % 2)) for k in range(0, 400, 10)])
    roads = frame("roads", [bent, wavy], id=["R1", "R2"], **{"class": ["local", None]}, red_line_width=[20.0, np.nan])
    low = decoded(tile(Base(roads=roads), "roads", *holding(11)), "roads")
    high = decoded(tile(Base(roads=roads), "roads", *holding(16, LON, LAT)), "roads")
    assert len(low["R2"]["geometry"]["coordinates"]) < 5
    assert len(high["R2"]["geometry"]["coordinates"]) > 20
    assert low["R1"]["properties"] == {"id": "R1", "class": "local", "red_line_width": 20.0}
    assert low["R2"]["properties"] == {"id": "R2"}


def test_utilities_of_points_and_lines_share_a_tile():
    shapes = [shapely.Point(100, 100), shapely.LineString([(0, 0), (200, 200)])]
    base = Base(utilities=frame("utilities", shapes, id=["U1", "U2"], kind=["gas", "gas"], role=["source", "main"]))
    found = decoded(tile(base, "utilities", *holding(14)), "utilities")
    assert {k: f["geometry"]["type"] for k, f in found.items()} == {"U1": "Point", "U2": "LineString"}


@pytest.mark.parametrize("z", [0, 6, 13, 20])
@pytest.mark.parametrize("place", [(LON + 100, LAT), (-LON, -LAT), (LON, -LAT)])
def test_tiles_of_other_parts_of_the_world_are_empty(z, place):
    assert tile(Base(), "parcels", *holding(z, *place)) == b""


@pytest.mark.parametrize("layer", [name for name, of in LAYERS.items() if of.drawn])
@pytest.mark.parametrize("z", [7, 11, 15])
def test_a_layer_without_features_gives_an_empty_tile(layer, z):
    assert tile(Base(parcels=empty(LAYERS["parcels"], CRS)), layer, *holding(z)) == b""


@pytest.mark.parametrize("layer", tiled())
def test_every_tiled_layer_has_its_number_and_codes(layer):
    if layer == "readiness":
        return
    names = [f.name for f in attributes(LAYERS[layer])]
    assert names[0] == "id"
    assert {f.name for f in LAYERS[layer].fields if f.codes} <= set(names)
    assert not {"owner", "address", "document", "approval_no", "conversion_no"} & set(names)


@pytest.mark.parametrize("layer", ["terrain", "findings", ""])
def test_a_layer_without_tiles_is_refused_with_those_that_there_are(layer):
    with pytest.raises(UntiledError, match="parcels"):
        tile(Base(), layer, *holding(14))


def test_a_tile_that_does_not_exist_is_refused():
    with pytest.raises(TileError):
        tile(Base(), "parcels", 3, 8, 0)


def test_the_box_in_the_base_holds_the_whole_tile_curved_sides_too():
    z, x, y = holding(7)
    box = tiles.bounds(z, x, y)
    found = base_box(box, CRS)
    side = np.linspace(0, 1, 101)
    east = np.concatenate([box[0] + side * (box[2] - box[0])] * 2)
    north = np.repeat([box[1], box[3]], 101)
    back = Transformer.from_crs("EPSG:3857", CRS, always_xy=True)
    lon, _ = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True).transform(east, north)
    near = (lon > 112.5) & (lon < 121.5)
    xs, ys = back.transform(east[near], north[near])
    assert found[0] <= xs.min() + 1
    assert found[2] >= xs.max() - 1
    assert found[1] <= ys.min() + 50
    assert found[3] >= ys.max() - 50


def test_the_cache_makes_a_tile_once_until_its_layer_changes():
    base = Base()
    cache = TileCache()
    first = cache.get(base, "parcels", *holding(14))[0]
    assert cache.get(base, "parcels", *holding(14))[0] is first
    assert base.reads == 1
    base.stamps["roads"] = 2
    cache.get(base, "parcels", *holding(14))[0]
    assert base.reads == 1
    base.stamps["parcels"] = 2
    assert cache.get(base, "parcels", *holding(14))[0] == first
    assert base.reads == 2


def test_new_findings_make_new_readiness_tiles():
    base = Base()
    cache = TileCache()
    old, stamp = cache.get(base, "readiness", *holding(14))
    base.kept, base.stamps["findings"] = FINDINGS.iloc[:1], 2
    assert cache.get(base, "readiness", *holding(14))[0] != old
    assert cache.version(base, "readiness") != stamp


def test_the_cache_stays_below_its_limit_even_for_empty_tiles():
    cache = TileCache(limit=3000)
    base = Base()
    z, x, y = holding(14)
    for k in range(20):
        cache.get(base, "parcels", z, x + k, y)
    assert cache._held <= 3000
    assert len(cache._tiles) <= 6
    assert cache.get(base, "parcels", z, x, y)[0] == tile(Base(), "parcels", z, x, y)


def test_a_plot_across_a_seam_has_one_label():
    z, x, y = holding(17)
    around = [tile(Base(), "parcels", z, x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    plots = [k for made in around for k in decoded(made, "parcels")]
    labels = [k for made in around for k in decoded(made, "parcels_label")]
    assert sorted(labels) == ["P1", "P2", "P3", "P4"]
    assert len(plots) > 4


def test_missing_services_are_bits_in_the_order_of_the_services():
    lists = pd.Series(["", None, *SERVICES, "road,water"], dtype="str")
    values, missing = bits(lists.to_numpy(object))
    assert values.tolist() == [0, 0, *(2**k for k in range(len(SERVICES))), 3]
    assert missing.tolist() == [False, True, *[False] * len(SERVICES), False]


def test_a_plot_ready_since_ever_has_a_day():
    findings = pd.DataFrame({"ready_state": ["ready"], "ready_from": np.array(["0001-01-01"], "M8[s]")}, index=["P1"])
    found = decoded(tile(Base(findings), "readiness", *holding(15)), "readiness")
    assert found["P1"]["properties"] == {"id": "P1", "verdict": "unknown", "ready_state": "ready", "ready_from": -719162}
