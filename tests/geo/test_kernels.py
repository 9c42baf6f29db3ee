"""Compiled kernels say what GEOS says, or leave it to GEOS."""

import subprocess
import sys

import numba
import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from shapely import affinity

from geo import jit, kernels, overlay, proximity, segments
from geo.outlines import outlines
from geo.overlay import APART, PARTIAL, UNDECIDED, WHOLE
from geo.partition import Pieces, partition

FAR = (500_000.0, 4_077_000.0)
AREA = 1e-7
boxes = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 4)] * 2).map(
    lambda q: shapely.box(q[0], q[1], q[0] + q[2], q[1] + q[3])
)
triangles = (
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=3)
    .map(shapely.Polygon)
    .filter(lambda t: t.area > 0)
)
bricks = st.one_of(boxes, triangles)
offsets = st.sampled_from([0.0, -2.5, -0.9, -0.3, 0.2, 0.8, 1.7])


@st.composite
def lattice_shapes(draw: st.DrawFn, least: int = 1, most: int = 4) -> np.ndarray:
    """Draw polygons on one lattice, which share edges and corners, touch, contain, and have holes and parts."""
    shapes = []
    for _ in range(draw(st.integers(least, most))):
        shape = shapely.union_all(draw(st.lists(bricks, min_size=1, max_size=3)))
        hole = draw(st.none() | bricks)
        rest = shape if hole is None else shape.difference(hole)
        shapes.append(shape if rest.is_empty or rest.area == 0 else rest)
    return overlay.polygonal(np.array(shapes, object))


def far(shapes: np.ndarray, turn: float, scale: float = 20.0) -> np.ndarray:
    """Turn lattice shapes and move them to where projected coordinates are."""
    moved = [
        affinity.translate(affinity.scale(affinity.rotate(s, turn, origin=(0, 0)), scale, scale, origin=(0, 0)), *FAR)
        for s in shapes
    ]
    return np.array(moved, object)


def sound(shapes: np.ndarray) -> np.ndarray:
    """Leave out examples in which rounding folded a spike of no width."""
    assume(shapely.is_valid(shapes).all())
    return shapes


def star(seed: int, points: int, radius: float, x: float, y: float) -> shapely.Polygon:
    """Make a jagged polygon around a point."""
    random = np.random.default_rng(seed)
    turn = np.sort(random.uniform(0, 2 * np.pi, points))
    length = radius * random.uniform(0.3, 1.0, points)
    return shapely.Polygon(np.c_[FAR[0] + x + length * np.cos(turn), FAR[1] + y + length * np.sin(turn)])


def every_pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.divmod(np.arange(len(a) * len(b)), len(b))
    return i, j


def ask(a: np.ndarray, b: np.ndarray, noise: float) -> tuple[np.ndarray, ...]:
    i, j = every_pair(a, b)
    return kernels.shared(outlines(a), outlines(b), i, j, shapely.area(a), noise)


def related(a: np.ndarray, b: np.ndarray, i: np.ndarray, j: np.ndarray, noise: float) -> np.ndarray:
    """Look closely at every pair that shares a part."""
    state = overlay._related(a, b, i, j)
    some = state == PARTIAL
    state[some] = overlay._within_noise(a, b, i[some], j[some], noise)
    return state


def assert_as_geos(a: np.ndarray, b: np.ndarray, noise: float) -> None:
    i, j = every_pair(a, b)
    state, area, rim, rest_rim = ask(a, b, noise)
    known = state != UNDECIDED
    assert state[known].tolist() == related(a, b, i, j, noise)[known].tolist()
    inside = overlay.polygonal(shapely.intersection(a[i], b[j]))
    partial = state == PARTIAL
    assert area[partial] == pytest.approx(shapely.area(inside)[partial], abs=AREA)
    clean = shapely.set_precision(inside, 1e-6)
    assert rim[partial] == pytest.approx(shapely.length(clean)[partial], abs=1e-4)
    rest = overlay.polygonal(shapely.difference(a[i], b[j], grid_size=1e-6))
    assert rest_rim[partial] == pytest.approx(shapely.length(rest)[partial], abs=1e-4)


@settings(max_examples=150, deadline=None)
@given(lattice_shapes(), lattice_shapes(), st.sampled_from([0.0, 17.3, 45.0, 90.0, 211.7]))
def test_polygons_on_one_lattice_are_related_as_geos_says(a, b, turn):
    assert_as_geos(sound(far(a, turn)), sound(far(b, turn)), 1e-4)


@settings(max_examples=100, deadline=None)
@given(lattice_shapes(), lattice_shapes(), offsets, offsets)
def test_polygons_off_by_a_little_are_related_as_geos_says(a, b, dx, dy):
    b = sound(far(b, 31.0))
    assert_as_geos(sound(far(a, 31.0)), shapely.transform(b, lambda xy: xy + np.array([dx, dy]) * 1e-4), 1e-4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(3, 300), st.floats(0, 90), st.floats(-40, 40))
def test_large_jagged_polygons_share_what_geos_says(seed, few, many, x, y):
    assert_as_geos(sound(np.array([star(seed, few, 30, x, y)])), sound(np.array([star(seed + 1, many, 90, 0, 0)])), 1e-4)


def test_clear_cases_are_decided():
    a = far(np.array([shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2), shapely.box(1, 1, 3, 3), shapely.box(8, 8, 9, 9)]), 17.0)
    state, area, *_ = ask(a, a, 1e-4)
    expected = np.array(
        [
            [WHOLE, APART, PARTIAL, APART],
            [APART, WHOLE, PARTIAL, APART],
            [PARTIAL, PARTIAL, WHOLE, APART],
            [APART, APART, APART, WHOLE],
        ]
    )
    assert state.reshape(4, 4).tolist() == expected.tolist()
    assert area.reshape(4, 4)[0, 2] == pytest.approx(400.0, abs=AREA)


@settings(max_examples=100, deadline=None)
@given(lattice_shapes(), lattice_shapes(2, 6), st.sampled_from([0.0, 17.3, 45.0]))
def test_measured_pieces_are_the_drawn_pieces(a, b, turn):
    a, b = sound(far(a, turn)), sound(far(b, turn))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlay, "MANY", 0)
        measured = partition(a, overlay.overlaps(a, b, 1e-4, outlines=False), 0.0, draw=False)
    drawn = partition(a, overlay.overlaps(a, b, 1e-4))
    one, other = pieces_by_members(measured), pieces_by_members(drawn)
    for key in one | other:
        assert one.get(key, (0.0, 0.0))[0] == pytest.approx(other.get(key, (0.0, 0.0))[0], abs=1e-6)
        if other.get(key, (0.0, 0.0))[0] > 1e-3 and np.isfinite(one[key][1]):
            assert one[key][1] == pytest.approx(other[key][1], abs=1e-4)
    assert np.bincount(measured.plot, measured.area, len(a)) == pytest.approx(shapely.area(a), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(lattice_shapes(), lattice_shapes(), offsets, offsets)
def test_only_pairs_that_may_be_noise_are_looked_at_closely(a, b, dx, dy):
    a, b = sound(far(a, 31.0)), shapely.transform(sound(far(b, 31.0)), lambda xy: xy + np.array([dx, dy]) * 1e-4)
    i, j = every_pair(a, b)
    told, found = related(a, b, i, j, 1e-4), overlay.overlaps(a, b, 1e-4)
    assert list(zip(found.i, found.j, strict=True)) == list(zip(i[told != APART], j[told != APART], strict=True))
    assert found.whole.tolist() == (told[told != APART] == WHOLE).tolist()


WILD = (
    np.array([shapely.Polygon([(0, 0), (1, 3), (6, 4)])], object),
    np.array([shapely.Polygon([(1, 0), (1, 1), (0, 1), (0, 0)]), shapely.Polygon([(0, 0), (1, 2), (6, 6)])], object),
)
"""Of these GEOS draws a piece that crosses itself and whose structure it cannot mend."""


@settings(max_examples=100, deadline=None)
@given(lattice_shapes(), lattice_shapes(2, 6), st.sampled_from([0.0, 17.3, 45.0]), offsets, offsets)
@example(*WILD, 0.0, 0.2, 0.0)
def test_pieces_drawn_at_once_are_those_of_one_cut_after_the_other(a, b, turn, dx, dy):
    a, b = sound(far(a, turn)), sound(far(b, turn))
    b = np.r_[b, shapely.transform(b, lambda xy: xy + np.array([dx, dy]) * 1e-4)]
    pairs = overlay.overlaps(a, b)
    at_once = partition(a, pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geo.partition.FEW", -1)
        cut = partition(a, pairs)
    one, other = pieces_by_members(at_once), pieces_by_members(cut)
    assert len(one) == len(at_once.plot)
    for key in one | other:
        assert one.get(key, (0.0, 0.0))[0] == pytest.approx(other.get(key, (0.0, 0.0))[0], abs=1e-5)
    assert np.bincount(at_once.plot, at_once.area, len(a)) == pytest.approx(shapely.area(a), abs=1e-7)


PLOT = [
    (500622.24727424455, 4078306.2841607854), (500632.40154205303, 4078307.4672593307), (500644.89874219237, 4078309.3108595842),
    (500657.43687224557, 4078309.3395711463), (500669.2613505565, 4078311.4117092756), (500673.52058818785, 4078347.6325509944),
    (500675.8011848829, 4078384.8279855936), (500678.28145591874, 4078420.640437444), (500679.34771630296, 4078458.2135286867),
    (500634.0358654616, 4078458.1907562297), (500632.81120868, 4078419.608835554), (500628.6055422046, 4078384.205886787),
    (500626.3610540103, 4078342.2742967536),
]  # fmt: skip
ZONES = [
    [(500600, 4078316.8832940916), (500650, 4078309.6386954067), (500700, 4078302.219829765), (500700, 4078358.219829765),
     (500650, 4078365.6386954067), (500600, 4078372.8832940916)],
    [(500600, 4078269.8832940916), (500650, 4078262.6386954067), (500700, 4078255.219829765), (500700, 4078405.219829765),
     (500650, 4078412.6386954067), (500600, 4078419.8832940916)],
    [(501199.9922225664, 4078329.249377792), (501199.8755604716, 4078357.249446946), (499849.8755604716, 4078345.249446946),
     (499850.1244395284, 4078317.250553054)],
]  # fmt: skip


def test_pieces_stay_sound_where_coordinates_are_coarse():
    plot, zones = np.array([shapely.Polygon(PLOT)]), np.array([shapely.Polygon(xy) for xy in ZONES])
    pieces = partition(plot, overlay.overlaps(plot, zones, 1e-4))
    assert shapely.is_valid(pieces.geometry).all()
    assert shapely.area(pieces.geometry) == pytest.approx(pieces.area, abs=1e-8)
    assert pieces.area.sum() == pytest.approx(shapely.area(plot)[0], abs=1e-8)


def test_a_collection_of_multipolygons_keeps_its_land():
    square = shapely.box(0, 0, 1, 1)
    land = shapely.MultiPolygon([square, shapely.box(2, 0, 3, 1)])
    mixed = shapely.GeometryCollection([land, shapely.LineString([(0, 0), (9, 9)])])
    kept = overlay.polygonal(np.array([mixed, square, shapely.Point(0, 0)], object))
    assert shapely.area(kept).tolist() == [2.0, 1.0, 0.0]


def test_rounding_where_layers_share_a_line_is_no_piece():
    """Each layer draws the one line with points of its own, so that no two outlines meet exactly."""
    plot = np.array([shapely.Polygon(PLOT)])
    begin, run, off = np.array([500300.137, 4078310.711]), np.array([700.331, 113.907]), np.array([-60.0, 400.0])
    zones = []
    for points in ([0, 0.31, 1], [0, 0.47, 0.71, 1], [0, 0.53, 1]):
        line = begin + np.array(points)[:, None] * run
        zones += [shapely.Polygon([*line, *(line[::-1] + side * off)]) for side in (1, -1)]
    pieces = partition(plot, overlay.overlaps(plot, np.array(zones), 1e-4))
    assert len(pieces.area) == 2
    assert np.bincount(pieces.piece).tolist() == [3, 3]
    assert pieces.area.sum() == pytest.approx(shapely.area(plot)[0], abs=1e-8)


def test_what_does_not_add_up_at_once_is_cut(monkeypatch):
    a, b = far(np.array([shapely.box(0, 0, 4, 4)]), 17.0), far(np.array([shapely.box(1, 1, 6, 6), shapely.box(0, 2, 4, 9)]), 17.0)
    whole = pieces_by_members(partition(a, overlay.overlaps(a, b)))
    monkeypatch.setattr(shapely, "polygonize", lambda lines: shapely.GeometryCollection())
    cut = pieces_by_members(partition(a, overlay.overlaps(a, b)))
    assert cut == {key: pytest.approx(told, abs=1e-6) for key, told in whole.items()}
    assert len(cut) == 4


def pieces_by_members(pieces: Pieces) -> dict[tuple[int, frozenset[int]], tuple[float, float]]:
    """Give area and outline of each piece by its plot and the polygons on it."""
    return {
        (int(pieces.plot[p]), frozenset(pieces.polygon[pieces.piece == p].tolist())): (pieces.area[p], pieces.rim[p])
        for p in range(len(pieces.plot))
    }


def test_what_is_too_much_for_a_kernel_is_left_to_geos(monkeypatch):
    monkeypatch.setattr(overlay, "MANY", 0)
    plot = far(np.array([shapely.box(0, 0, 9, 9)]), 12.0)
    stripes = far(np.array([shapely.box(0.1 * n, -1, 0.1 * n + 0.05, 10) for n in range(80)]), 12.0)
    pairs = overlay.overlaps(plot, stripes, outlines=False)
    assert np.isfinite(pairs.rim).all()
    pieces = partition(plot, pairs, 0.0, draw=False)
    assert len(pieces.plot) == 81
    assert pieces.area.sum() == pytest.approx(shapely.area(plot)[0], abs=1e-6)
    jagged = np.array([star(5, 2 * kernels.MOST_EDGES, 90, 90, 90)])
    assert ask(plot, jagged, 1e-4)[0].tolist() == [UNDECIDED]
    pairs = overlay.overlaps(plot, jagged, outlines=False)
    assert pairs.area == pytest.approx(shapely.area(shapely.intersection(plot, jagged)), abs=AREA)


def test_a_collection_and_an_empty_shape_get_the_answer_of_geos(monkeypatch):
    a = far(np.array([shapely.box(0, 0, 4, 4), shapely.Polygon(), shapely.box(0, 0, 1, 1)]), 3.0)
    b = np.array(
        [shapely.GeometryCollection([*far(np.array([shapely.box(2, 2, 6, 6)]), 3.0), shapely.Point(FAR)]), shapely.Polygon()]
    )
    expected = overlay.overlaps(a, b)
    monkeypatch.setattr(overlay, "MANY", 0)
    got = overlay.overlaps(a, b, outlines=False)
    assert got.area == pytest.approx(expected.area)
    assert got.i.tolist() == expected.i.tolist()


lines = st.lists(st.tuples(st.floats(-5, 12), st.floats(-5, 12)), min_size=2, max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    lattice_shapes(),
    st.lists(lines | st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=3), min_size=1, max_size=6),
    st.sampled_from([0.0, 1.0, 25.0, 400.0]),
    st.sampled_from([0.0, 17.3]),
)
def test_lines_are_as_near_as_geos_says(a, courses, reach, turn):
    a, b = sound(far(a, turn)), far(np.array([shapely.LineString(c) for c in courses], object), turn)
    b = np.r_[b, shapely.MultiLineString(list(b))]
    got = {(i, j): d for i, j, d in zip(*segments.near(a, b, reach), strict=True)}
    i, j = every_pair(a, b)
    for p, q, d in zip(i, j, shapely.distance(a[i], b[j]), strict=True):
        if (p, q) in got:
            assert got[p, q] == pytest.approx(d, abs=1e-8)
        else:
            assert d > reach - 1e-8


def test_within_gives_the_same_pairs_by_either_way(monkeypatch):
    random = np.random.default_rng(7)
    a = far(np.array([shapely.box(x, y, x + 1, y + 1) for x in range(15) for y in range(15)]), 17.0)
    xy = random.uniform(-1, 16, (60, 3, 2))
    b = np.r_[far(shapely.linestrings(xy), 17.0), far(shapely.points(xy[:, 0]), 17.0), shapely.LineString()]
    b = b[random.permutation(len(b))]
    got = proximity.within(a, b, 9.0)
    monkeypatch.setattr(proximity, "MANY", 10**9)
    expected = proximity.within(a, b, 9.0)
    assert got[0].tolist() == expected[0].tolist()
    assert got[1].tolist() == expected[1].tolist()
    assert got[2] == pytest.approx(expected[2], abs=1e-9)


def test_no_lines_are_near_nothing():
    a = far(np.array([shapely.box(0, 0, 1, 1)]), 0.0)
    assert [len(x) for x in segments.near(a, np.array([shapely.LineString()]), 5.0)] == [0, 0, 0]


def test_a_question_about_one_site_loads_no_compiler():
    program = (
        "import sys, numpy as np, shapely; from geo.overlay import overlaps; from geo.partition import partition; from geo.proximity import within;"
        "a = np.array([shapely.box(0, 0, 2, 2)]); b = np.array([shapely.box(1, 1, 3, 3)]);"
        "partition(a, overlaps(a, b, 1e-4, False), 0.0, False); within(a, shapely.boundary(b), 5.0);"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_kernel_works_where_no_folder_can_be_written(monkeypatch):
    njit = numba.njit

    def sealed(function, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(function, **options)

    monkeypatch.setattr(numba, "njit", sealed)
    assert jit.kernel(abs_)(-2.0) == 2.0


def abs_(x):
    return x if x > 0 else -x
